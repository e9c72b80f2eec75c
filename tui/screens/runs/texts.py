"""What is in hand in the runs area, in a few lines below the list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import moments
from tui.glyphs import Glyphs
from tui.i18n import _, ngettext
from tui.screens.runs.lists import DATASET, ENVIRONMENT, Beginning, Figures, moment, slots_words, steps_words
from tui.training_sentences import (
    INSTALL_KINDS,
    environment_state,
    install_step,
    issue,
    method_words,
    size,
    span,
    stage_words,
    state,
    why_waiting,
)

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingConfiguration
    from core.training.environment_types import EnvironmentState, InstallProgress
    from core.training.failures.types import Failure
    from core.training.types import Run

Lines = list[tuple[str, str]]


def run_details(run: Run, figures: Figures, indexes: Mapping[str, int], signs: Glyphs, zone: tzinfo | None) -> Lines:
    """A run in at most six lines: state, why it waits or failed, what it is, when."""
    word, token = state(run, signs)
    lines: Lines = [(f"{one_line(run.name)}  {word}", "bold")]
    if run.state.value == "pending":
        lines.append((why_waiting(run.waiting_for), "accent"))
    elif run.state.value == "lost":
        text = _("Neither its processes nor how it ended can be found, as after a restart of the machine.")
        lines.append((text, "warn"))
    elif run.failure is not None and run.state.value == "failed":
        lines.append((failure_words(run.failure), token))
    if steps := steps_words(run, figures):
        lines.append((_course(run, figures, steps), "text"))
    about = [method_words(run.method) if run.kind == "train" else _("export"), stage_words(run.stage), one_line(run.model, 80)]
    if where := slots_words(run, indexes):
        about.append(where if where == _("CPU") or run.state.value == "pending" else _("GPU {numbers}").format(numbers=where))
    lines.append((" · ".join(part for part in about if part), "dim"))
    lines.append((_times(run, zone), "dim"))
    if hint := _next_key(run):
        lines.append((hint, "accent"))
    return [line for line in lines if line[0]]


def _course(run: Run, figures: Figures, steps: str) -> str:
    parts = [_("step {steps}").format(steps=steps)]
    total = run.total_steps or figures.total
    if total:
        parts.append(f"{min(1.0, max(run.step, figures.step) / total):.0%}")
    if figures.loss is not None:
        parts.append(_("loss {value}").format(value=f"{figures.loss:.4g}"))
    if run.state.is_active and figures.left_s is not None:
        parts.append(_("{time} left").format(time=span(figures.left_s)))
    if run.resumed_at_step is not None:
        parts.append(_("went on at step {step}").format(step=f"{run.resumed_at_step:,}"))
    return " · ".join(parts)


def _times(run: Run, zone: tzinfo | None) -> str:
    parts = [_("made {when}").format(when=moments.full(moment(run.created_at), zone))]
    if run.started_at is not None:
        parts.append(_("started {when}").format(when=moments.full(moment(run.started_at), zone)))
    if run.ended_at is not None and run.started_at is not None:
        parts.append(_("took {time}").format(time=span((run.ended_at - run.started_at) / 1000)))
    if run.attempts > 1:
        parts.append(_("attempt {number}").format(number=run.attempt))
    if run.priority:
        parts.append(_("priority {number}").format(number=f"{run.priority:+d}"))
    if run.exit_status not in (None, 0):
        parts.append(_("exit status {status}").format(status=run.exit_status))
    return " · ".join(parts)


def _next_key(run: Run) -> str:
    """The key that matters most in this state."""
    if run.state.value in ("failed", "lost"):
        text = _("Enter shows the lines that prove it; {key} starts it again with changes.")
        return text.format(key="R")
    if run.state.value == "completed":
        return _("Enter shows curves and results; from there one chats with it.")
    if run.state.value == "paused":
        return _("{key} goes on from its last checkpoint.").format(key="p")
    if run.state.value == "cancelled" and run.can_resume:
        return _("{key} goes on from its last checkpoint, {other} begins anew.").format(key="p", other="R")
    return ""


def failure_words(failure: Failure) -> str:
    """Why a run failed, in a sentence."""
    from tui.failure_sentences import what

    return what(failure)


def configuration_details(item: TrainingConfiguration) -> Lines:
    """A configuration in few lines."""
    draft = item.draft
    batch = draft.per_device_train_batch_size * draft.gradient_accumulation_steps
    length = (
        _("{count} steps").format(count=draft.max_steps)
        if draft.max_steps
        else _("{count} epochs").format(count=f"{draft.num_train_epochs:g}")
    )
    course = [
        length,
        _("learning rate {value}").format(value=f"{draft.learning_rate:g}"),
        _("effective batch {count} on each GPU").format(count=batch),
        _("cut off at {count} tokens").format(count=draft.cutoff_len),
    ]
    lines: Lines = [
        (one_line(item.name), "bold"),
        (" · ".join((method_words(draft.method), stage_words(draft.stage), one_line(draft.model_name_or_path, 80))), "text"),
        (" · ".join(course), "dim"),
    ]
    if draft.method in ("lora", "qlora", "dora"):
        lines.append((_("rank {rank} on {target}").format(rank=draft.lora_rank, target=one_line(draft.lora_target, 60)), "dim"))
    if item.note:
        lines.append((one_line(item.note, 200), "dim"))
    if not item.mine:
        text = _("{owner} shares it: {key} makes a copy that you can change.")
        lines.append((text.format(owner=one_line(item.owner_name), key="c"), "accent"))
    return lines


def path_details(found: Beginning) -> Lines:
    """What the next step of the way is for."""
    text = {
        ENVIRONMENT: _(
            "Training is done by LLaMA-Factory in an environment of its own, so that this program stays light. It is made once."
        ),
        DATASET: _("A dataset is a file of samples. It is checked before it is trained on, and what is broken can be mended here."),
    }.get(
        found.next_step, _("Everything is there. A quick run takes sensible values for all that is not asked; a configuration keeps them.")
    )
    return [(_("A run trains a model on a dataset. None was started yet."), "text"), (text, "dim")]


def environment_details(
    found: EnvironmentState | None, install: InstallProgress | None, signs: Glyphs, *, may_change: bool, path_shown: bool
) -> Lines:
    """The state of the training environment, what is missing, what an installation does now. `path_shown`: whether folders are said."""
    if found is None:
        return [(_("Looking at the training environment…"), "dim")]
    word, token = environment_state(found, signs)
    lines: Lines = [(word, token)]
    if path_shown:
        lines.append((_("It is in {folder}").format(folder=one_line(str(found.folder), 200)), "dim"))
    lines += [(issue(problem), "warn") for problem in found.problems]
    if install is not None and install.kind != "none" and not (install.kind == "done" and found.ready):
        lines += install_lines(install)
    return lines + _environment_keys(found, install, may_change)


def install_lines(install: InstallProgress) -> Lines:
    """How far an installation is, with the last line that it said."""
    text, token = INSTALL_KINDS[install.kind]
    lines: Lines = [(_(text), token)]
    if install.steps:
        done = _("{done} of {total} steps").format(done=install.done, total=len(install.steps))
        kind = _("for the CPU") if install.cpu else _("for GPUs")
        running = next((step.name for step in install.steps if step.state == "running"), "")
        lines.append((" · ".join(part for part in (done, kind, install_step(running) if running else "") if part), "text"))
    if install.kind == "failed" and install.failed_step:
        step = install_step(install.failed_step)
        lines.append((_("It ended at: {step}. {key} shows its log.").format(step=step, key="l"), "warn"))
    if install.line:
        lines.append((one_line(install.line, 200), "dim"))
    return lines


def _environment_keys(found: EnvironmentState, install: InstallProgress | None, may_change: bool) -> Lines:
    if install is not None and install.kind == "running":
        if may_change:
            return [(_("It goes on if you leave; {key} cancels it.").format(key="x"), "accent")]
        return [(_("It goes on by itself."), "accent")]
    if found.ready:
        return []
    if not may_change:
        return [(_("Ask an administrator to install it: modeltrain training install, or the key i on this page."), "accent")]
    return [(_("{key} installs it; {other} names one that is there already.").format(key="i", other="u"), "accent")]


def deleting(runs: list[tuple[Run, int | None]]) -> str:
    """What deleting runs does, with what their files take (bytes; None where not known)."""
    known = [count for _run, count in runs if count is not None]
    total = size(sum(known)) if known else ""
    text = ngettext("{count} run is forgotten, with its attempts.", "{count} runs are forgotten, with their attempts.", len(runs)).format(
        count=len(runs)
    )
    if total:
        text += "\n" + _("Its files (log, checkpoints, adapter) take {size}: they can go with it, or stay where they are.").format(
            size=total
        )
    return text
