"""What `modeltrain training` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line, sanitise
from tui.commands.common import Invocation, err, out, print_json, print_table
from tui.i18n import _
from tui.preflight_sentences import check_words, formula_words, remedy_words, term_words, topic_words
from tui.training_fields import remark_words
from tui.training_sentences import ENVIRONMENT_STATES, INSTALL_KINDS, install_step, issue, size, span

if TYPE_CHECKING:
    from core.training.configurations_types import Recommendation, Remark, TrainingConfiguration
    from core.training.environment_types import CheckResult, EnvironmentState, InstallProgress, InstallStep, Option
    from core.training.preflight_types import Preflight

#: Of the versions, those that are worth a line.
_SHOWN = ("llamafactory", "torch", "transformers", "peft", "trl", "swanlab", "deepspeed", "bitsandbytes", "vllm", "sglang")
_LEVELS = {"ok": "ok", "warn": "!", "fail": "FAIL", "unknown": "?"}
#: Exit status of an installation that did not come to its end.
NOT_WELL = 1


def print_state(invocation: Invocation, state: EnvironmentState, progress: InstallProgress) -> None:
    if invocation.json:
        print_json(state_as_json(state) | {"install": progress_as_json(progress)})
        return
    out(f"{one_line(str(state.folder))}: {_(ENVIRONMENT_STATES[state.state][1])}")
    for name in _SHOWN:
        if state.has(name):
            out(f"  {name} {one_line(state.versions[name], 40)}")
    for problem in state.problems:
        out(f"  {issue(problem)}")
    if state.state == "missing":
        err(_("Install it with: modeltrain training install (on a machine without a GPU with --cpu)"))
    if progress.kind == "running":
        print_progress(invocation, progress)


def state_as_json(state: EnvironmentState) -> dict[str, Any]:
    return {
        "folder": str(state.folder),
        "python": str(state.python) if state.python is not None else None,
        "state": state.state,
        "own": state.own,
        "versions": dict(state.versions),
        "problems": [{"rule": problem.rule, "message": issue(problem), **problem.fields} for problem in state.problems],
    }


def progress_as_json(progress: InstallProgress) -> dict[str, Any]:
    return {
        "kind": progress.kind,
        "steps": [asdict(step) for step in progress.steps],
        "failed_step": progress.failed_step,
        "exit_status": progress.exit_status,
        "log": str(progress.log) if progress.log is not None else None,
        "line": one_line(progress.line, 200),
        "problems": list(progress.problems),
    }


def step_line(step: InstallStep) -> str:
    """ "PyTorch: done (2:13)"."""
    took = span((step.ended_at - step.started_at) / 1000) if step.started_at is not None and step.ended_at is not None else ""
    words = _("done") if step.state == "done" else _("failed")
    return f"{install_step(step.name)}: {words}" + (f" ({took})" if took else "")


def print_progress(invocation: Invocation, progress: InstallProgress) -> int:
    """How far it is; the exit status."""
    if invocation.json:
        print_json(progress_as_json(progress))
    else:
        out(_(INSTALL_KINDS[progress.kind][0]))
        if progress.failed_step:
            err(_("It stopped at: {step}").format(step=install_step(progress.failed_step)))
        for problem in progress.problems:
            err(one_line(problem, 300))
        if progress.kind in ("failed", "interrupted") and progress.line:
            err(one_line(progress.line, 300))
        if progress.log is not None and progress.kind != "done":
            err(_("All of its output: {path}").format(path=one_line(str(progress.log))))
    return 0 if progress.kind in ("done", "running") else NOT_WELL


def print_check(invocation: Invocation, result: CheckResult) -> None:
    if invocation.json:
        problems = [{"rule": problem.rule, "message": issue(problem), **problem.fields} for problem in result.problems]
        told = {"ok": result.ok, "versions": dict(result.versions), "gpus": result.gpus, "cuda": result.cuda, "bf16": result.bf16}
        print_json(told | {"problems": problems, "seconds": round(result.seconds, 1)})
        return
    for name, version in result.versions.items():
        out(f"{name} {one_line(version, 40)}")
    out(_("GPUs: {count}").format(count=result.gpus))
    for problem in result.problems:
        err(issue(problem))


def option_as_json(option: Option) -> dict[str, Any]:
    return asdict(option) | {"choices": list(option.choices)}


def option_row(option: Option) -> tuple[str, ...]:
    values = ", ".join(option.choices[:6]) + (", ..." if len(option.choices) > 6 else "")
    if option.minimum is not None or option.maximum is not None:
        ends = [f"{end:g}" if end is not None else "" for end in (option.minimum, option.maximum)]
        values = "..".join(ends)
    return option.name, option.type, "" if option.default is None else str(option.default), values, one_line(option.help, 70)


def configuration_as_json(configuration: TrainingConfiguration) -> dict[str, Any]:
    draft = asdict(configuration.draft)
    draft |= {"dataset_ids": list(configuration.draft.dataset_ids), "eval_dataset_ids": list(configuration.draft.eval_dataset_ids)}
    return {
        "id": configuration.id,
        "name": configuration.name,
        "note": configuration.note,
        "version": configuration.version,
        "shared": configuration.shared,
        "mine": configuration.mine,
        "owner": configuration.owner_name,
        "created_at": configuration.created_at,
        "updated_at": configuration.updated_at,
        "draft": draft,
    }


def configuration_row(configuration: TrainingConfiguration) -> tuple[str, ...]:
    draft = configuration.draft
    owner = (
        _("yours, shared")
        if configuration.mine and configuration.shared
        else _("yours")
        if configuration.mine
        else configuration.owner_name
    )
    model = draft.model_name_or_path.rstrip("/").rpartition("/")[2]
    return configuration.name, model, draft.method, draft.stage, str(configuration.version), owner


def print_yaml(text: str) -> None:
    for line in sanitise(text).rstrip("\n").split("\n"):
        out(line)


def print_remarks(remarks: Iterable[Remark]) -> None:
    for remark in remarks:
        if remark.level != "error":
            err(f"{remark.key}: {remark_words(remark)}" if remark.key else remark_words(remark))


def print_recommendations(invocation: Invocation, found: tuple[Recommendation, ...]) -> None:
    if invocation.json:
        print_json([asdict(each) | {"changes": dict(each.changes)} for each in found])
    elif not found:
        err(_("Nothing can be said: the model's size is not known, or there is no GPU here; give its memory with --memory."))
    else:
        headings = (_("METHOD"), _("NEEDED"), _("OF"), _("SETTINGS"))
        print_table(headings, [(each.method, size(each.total), size(each.free), _settings(each.changes)) for each in found])
        if not found[0].fits:
            err(_("Even that does not fit."))


def _settings(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changes.items())


def print_preflight(invocation: Invocation, found: Preflight) -> None:
    if invocation.json:
        print_json(preflight_as_json(found))
        return
    for check in found.checks:
        out(f"{_LEVELS[check.level]:>4}  {topic_words(check.topic)}: {check_words(check)}")
        if check.level in ("warn", "fail"):
            for remedy in check.remedies:
                out(f"        {remedy_words(remedy)}")
    if found.memory is not None:
        on_cpu = any(term.name == "program" for term in found.memory.terms)
        text = _("Memory of the machine: {size}") if on_cpu else _("Memory of each GPU: {size}")
        out(text.format(size=size(found.memory.total)))
        for term in found.memory.terms:
            out(f"  {size(term.bytes):>9}  {term_words(term.name)}: {formula_words(term.formula)}")


def preflight_as_json(found: Preflight) -> dict[str, Any]:
    checks = [
        {
            "topic": check.topic,
            "rule": check.rule,
            "level": check.level,
            "message": check_words(check),
            "remedies": [{"code": each.code, "message": remedy_words(each), "changes": dict(each.changes)} for each in check.remedies],
        }
        for check in found.checks
    ]
    memory = None if found.memory is None else asdict(found.memory)
    return {
        "ready": found.ready,
        "checks": checks,
        "course": asdict(found.course),
        "memory": memory,
        "disk_needed": found.disk_needed,
        "disk_free": found.disk_free,
        "yaml": found.yaml,
    }
