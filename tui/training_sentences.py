"""Runs, the queue and the training environment in words: shared by the screens and the shell commands.

Fields of configurations are in tui/training_fields.py, the checks before a start in tui/preflight_sentences.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui.errors import fill
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.sentences import Candidates

if TYPE_CHECKING:
    from core.training.environment_types import EnvironmentIssue, EnvironmentState
    from core.training.types import Run, WaitReason

#: State of a run -> (field of Glyphs, word, token).
RUN_STATES: dict[str, tuple[str, str, str]] = {
    "pending": ("waiting", N_("waiting"), "dim"),
    "starting": ("running", N_("starting"), "accent"),
    "running": ("running", N_("running"), "good"),
    "pausing": ("paused", N_("pausing"), "accent"),
    "paused": ("paused", N_("paused"), "warn"),
    "completed": ("done", N_("completed"), "good"),
    "failed": ("failed", N_("failed"), "bad"),
    "cancelled": ("stopped", N_("stopped"), "dim"),
    "lost": ("lost", N_("lost"), "warn"),
}
KINDS = {"train": N_("training"), "export": N_("export")}
STAGES: dict[str, str] = {
    "sft": N_("supervised (SFT)"),
    "pt": N_("continued pre-training"),
    "rm": N_("reward model"),
    "dpo": N_("preferences (DPO)"),
    "kto": N_("good or bad (KTO)"),
    "ppo": N_("reinforcement (PPO)"),
}
METHODS: dict[str, str] = {
    "lora": N_("LoRA"),
    "qlora": N_("QLoRA"),
    "dora": N_("DoRA"),
    "full": N_("full"),
    "freeze": N_("freeze"),
    "oft": N_("OFT"),
}
#: Why a pending run waits, by code.
WAITING: dict[str, Candidates] = {
    "next": (N_("It starts in a moment."),),
    "paused": (N_("The queue was paused by an administrator."),),
    "limit": (N_("{running} of your runs are at work; {limit} may be at a time."), N_("As many of your runs are at work as are allowed.")),
    "environment": (N_("There is no working training environment yet: see the tab Environment."),),
    "earlier": (
        N_("Before it in the queue: {ahead}, the first is “{name}”."),
        N_("Before it in the queue: {ahead}."),
        N_("Others are before it in the queue."),
    ),
    "no_gpu": (
        N_("It wants {wanted} of {total} GPUs, {free} free; held by {holder_names}."),
        N_("It wants {wanted} of {total} GPUs; {free} free."),
        N_("Not enough GPUs are free."),
    ),
    "gpu_busy": (
        N_("It wants {wanted} of {total} GPUs; programs that are not of modeltrain use them (process {pid_list})."),
        N_("Other programs use the GPUs."),
    ),
    "gpu_missing": (N_("The GPU {uuid} that it asks for is not in this machine."), N_("A GPU that it asks for is not in this machine.")),
    "too_many_gpus": (N_("It wants {wanted} GPUs, and there are {total}: change that with R."), N_("It wants more GPUs than there are.")),
    "cpu_busy": (
        N_("There is no GPU, and the one place for runs on the CPU is taken by {holder_names}."),
        N_("There is no GPU, and the one place for runs on the CPU is taken."),
    ),
    "leftover": (N_("Processes of its last attempt are still ending ({pid_list})."), N_("Processes of its last attempt are still ending.")),
    "disk": (N_("Only {free_size} of the disk is free; it needs {needed_size}."), N_("Too little of the disk is free.")),
    "not_startable": (
        N_("It could not be started ({problem}); that is tried again. Tries so far: {tries}."),
        N_("It could not be started; that is tried again."),
    ),
}
#: What is wrong with the training environment, by rule.
ISSUES: dict[str, Candidates] = {
    "not_a_folder": (N_("There is no such folder."),),
    "no_python": (N_("There is no Python at {path}."), N_("There is no Python in it.")),
    "missing_package": (N_("{package} is missing."), N_("A package is missing.")),
    "damaged_package": (N_("{package} is damaged: installing again mends it."), N_("A package is damaged.")),
    "no_dashboard": (N_("{package} is missing: everything works but SwanLab's dashboard."),),
    "blank_in_path": (N_("There is a blank in {path}: several GPUs cannot be used from there."),),
    "other_version": (N_("{package} is {found}; modeltrain was tried with {wanted}."), N_("A package has another version.")),
    "wrong_version": (N_("{package} is {found}, but {wanted} is needed."), N_("A package has a version that does not fit.")),
    "unfinished": (N_("Its installation did not come to an end: start it again, it goes on where it stopped."),),
    "failed_check": (N_("It is there but does not work: {message}"), N_("It is there but does not work.")),
    "not_private": (N_("{path} can be changed by others on this machine."), N_("It can be changed by others on this machine.")),
}
ENVIRONMENT_STATES: dict[str, tuple[str, str, str]] = {
    "missing": ("waiting", N_("not there yet"), "warn"),
    "installing": ("running", N_("being installed"), "accent"),
    "broken": ("failed", N_("not usable"), "bad"),
    "ready": ("done", N_("ready"), "good"),
}
INSTALL_STEPS: dict[str, str] = {
    "venv": N_("an environment of its own"),
    "build-tools": N_("tools to build with"),
    "torch": N_("PyTorch"),
    "stubs": N_("placeholders for what is not needed"),
    "llamafactory": N_("LLaMA-Factory and SwanLab"),
    "check": N_("a trial of all of it"),
}
INSTALL_KINDS: dict[str, tuple[str, str]] = {
    "none": (N_("Nothing was installed yet."), "dim"),
    "running": (N_("The installation is under way."), "accent"),
    "done": (N_("The installation is complete."), "good"),
    "failed": (N_("The installation failed."), "bad"),
    "cancelled": (N_("The installation was cancelled; started again, it goes on where it stopped."), "warn"),
    "interrupted": (N_("The installation was cut off; started again, it goes on where it stopped."), "warn"),
}
_UNITS = ("B", "KB", "MB", "GB", "TB")


def size(count: float | None) -> str:
    """Bytes in words: "38.2 GB"; "" for None."""
    if count is None:
        return ""
    unit = 0
    while abs(count) >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit < 2 else f"{count:.1f} {_UNITS[unit]}"


def span(seconds: float | None) -> str:
    """A time left or taken, in at most eight cells: "45 s", "15:20", "3:07 h", "2.5 d"; "" for None."""
    if seconds is None or seconds < 0:
        return ""
    whole = round(seconds)
    if whole < 60:
        return _("{count} s").format(count=whole)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    if whole < 48 * 3600:
        return _("{time} h").format(time=f"{whole // 3600}:{whole % 3600 // 60:02d}")
    return _("{count} d").format(count=f"{whole / 86400:.1f}")


def plain(fields: Mapping[str, Any]) -> dict[str, str]:
    """`fields` as text for sentences: sanitised, lists of holders and processes in words, bytes as sizes; unknown ones left out."""
    shown: dict[str, str] = {}
    for name, value in fields.items():
        if name == "holders":
            names = [one_line(str(holder.get("name") or ""), 40) for holder in value if isinstance(holder, Mapping)]
            own = [f"“{name}”" for name in dict.fromkeys(names) if name]
            others = sum(not name for name in names)
            if others:
                own.append(ngettext("{count} run of somebody else", "{count} runs of others", others).format(count=others))
            if own:
                shown["holder_names"] = ", ".join(own)
        elif name == "pids":
            if value:
                shown["pid_list"] = ", ".join(str(pid) for pid in list(value)[:5])
        elif value not in (None, "", (), []):
            shown[name] = one_line(_listed(value), 300)
            if isinstance(value, int | float) and not isinstance(value, bool):
                shown[f"{name}_size"] = size(value)
    return shown


def _listed(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple | set | frozenset) else str(value)


def state_word(run: Run) -> tuple[str, str, str]:
    """The field of Glyphs, the word (translated) and the token of a run's state; what its owner asked of it counts already."""
    if run.state.is_active and run.wanted == "stop":
        return "stopped", _("stopping"), "accent"
    if run.state.value == "running" and run.wanted == "pause":
        return "paused", _("pausing"), "accent"
    glyph, word, token = RUN_STATES[run.state.value]
    return glyph, _(word), token


def state(run: Run, signs: Glyphs) -> tuple[str, str]:
    """Its sign with its word, and the token to draw it with."""
    glyph, word, token = state_word(run)
    return f"{getattr(signs, glyph)} {word}", token


def why_waiting(reason: WaitReason | None) -> str:
    """Why a pending run waits, in a sentence; "" for None."""
    if reason is None:
        return ""
    return fill(WAITING.get(reason.code, ()), plain(reason.fields)) or _("It waits ({reason}).").format(reason=one_line(reason.code, 40))


def method_words(method: str) -> str:
    """The name of a method as people write it; what is not known stays as it is."""
    return _(METHODS[method]) if method in METHODS else one_line(method, 20)


def stage_words(stage: str) -> str:
    return _(STAGES[stage]) if stage in STAGES else one_line(stage, 20)


def model_words(model: str) -> str:
    """The last part of a model's path or hub name: what people call it."""
    return one_line(model.rstrip("/").rsplit("/", 1)[-1], 60)


def issue(problem: EnvironmentIssue) -> str:
    """One thing that is wrong with the environment."""
    return fill(ISSUES.get(problem.rule, ()), plain(problem.fields)) or one_line(problem.rule.replace("_", " "), 60)


def environment_state(found: EnvironmentState, signs: Glyphs) -> tuple[str, str]:
    """Its sign with its word, and the token."""
    glyph, word, token = ENVIRONMENT_STATES[found.state]
    return f"{getattr(signs, glyph)} {_(word)}", token


def install_step(name: str) -> str:
    """A step of the installation in words."""
    if name.startswith("extra:"):
        return one_line(name.removeprefix("extra:"), 40)
    return _(INSTALL_STEPS[name]) if name in INSTALL_STEPS else one_line(name, 40)
