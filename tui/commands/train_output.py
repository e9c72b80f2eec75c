"""What `modeltrain train` prints: runs as rows, as pages and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui.commands.common import err, out, print_pairs
from tui.i18n import _
from tui.training_sentences import method_words, model_words, span, stage_words, state_word, why_waiting

if TYPE_CHECKING:
    from core.training.types import Attempt, Run


def failure_as_json(run: Run) -> dict[str, Any] | None:
    """The rule with its sentence and the first remedy in words."""
    if run.failure is None:
        return None
    said, remedies = failure_words(run)
    return {
        "rule": run.failure.rule,
        "message": said,
        "remedy": remedies[0] if remedies else "",
        "remedies": remedies,
        "proof": [{"offset": each.offset, "text": each.text} for each in run.failure.proof],
    }


def failure_words(run: Run) -> tuple[str, list[str]]:
    """What happened in a sentence, and what to do in one each."""
    from tui import failure_sentences

    assert run.failure is not None
    return failure_sentences.what(run.failure), failure_sentences.remedies(run.failure)


def run_as_json(run: Run) -> dict[str, Any]:
    """A run as scripts get it. Times are milliseconds since the epoch."""
    waits = run.waiting_for
    return {
        "id": run.id,
        "name": run.name,
        "kind": run.kind,
        "state": str(run.state),
        "wanted": run.wanted or None,
        "step": run.step,
        "total_steps": run.total_steps,
        "progress": None if run.progress is None else round(run.progress, 4),
        "exit_status": run.exit_status,
        "output_dir": _text(run.output_dir),
        "log": _text(run.log),
        "failure": failure_as_json(run),
        "owner": run.owner_name,
        "configuration": run.configuration_id,
        "model": run.model,
        "method": run.method,
        "stage": run.stage,
        "attempt": run.attempt,
        "resumed_at_step": run.resumed_at_step,
        "can_resume": run.can_resume,
        "priority": run.priority,
        "position": run.position,
        "waiting_for": None if waits is None else {"code": waits.code, "message": why_waiting(waits), **dict(waits.fields)},
        "gpus": run.gpus_wanted,
        "processes": run.processes,
        "slots": list(run.slots),
        "folder": _text(run.folder),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    """One execution of a run."""
    return {
        "attempt": attempt.number,
        "state": str(attempt.state),
        "resumed": attempt.resumed,
        "changes": dict(attempt.changes),
        "from_step": attempt.from_step,
        "last_step": attempt.last_step,
        "exit_status": attempt.exit_status,
        "failure": attempt.failure.rule if attempt.failure is not None else None,
        "output_dir": str(attempt.output_dir),
        "log": str(attempt.log),
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
    }


def headings() -> tuple[str, ...]:
    return (_("ID"), _("NAME"), _("STATE"), _("STEP"), _("MODEL"), _("METHOD"), _("ASKED FOR"))


def row(run: Run) -> tuple[str, ...]:
    """A run of the list as people get it."""
    step = f"{run.step}/{run.total_steps}" if run.total_steps else str(run.step or "")
    return (
        run.id,
        one_line(run.name, 40),
        state_word(run)[1],
        step,
        model_words(run.model),
        method_words(run.method),
        moment(run.created_at),
    )


def moment(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def print_run(run: Run) -> None:
    """A run with everything that matters, a line each."""
    step = f"{run.step} / {run.total_steps}" if run.total_steps else str(run.step)
    if run.progress is not None:
        step += f"  {run.progress:.0%}"
    lines: list[tuple[str, str]] = [
        (_("Run"), run.id),
        (_("Name"), run.name),
        (_("State"), state_word(run)[1]),
        (_("Step"), step),
        (_("Model"), run.model),
        (_("Method"), " · ".join(filter(None, (method_words(run.method), stage_words(run.stage))))),
        (_("Attempt"), str(run.attempt or "")),
        (_("Went on at step"), "" if run.resumed_at_step is None else str(run.resumed_at_step)),
        (_("Slots"), ", ".join(run.slots)),
        (_("Asked for"), moment(run.created_at)),
        (_("Started"), moment(run.started_at)),
        (_("Took"), _took(run)),
        (_("Exit status"), "" if run.exit_status is None else str(run.exit_status)),
        (_("Output"), _text(run.output_dir) or ""),
        (_("Log"), _text(run.log) or ""),
    ]
    print_pairs((name, one_line(value)) for name, value in lines if value)
    print_why(run)


def print_why(run: Run) -> None:
    """Why it waits, or why it failed and what to do."""
    if run.waiting_for is not None:
        out(why_waiting(run.waiting_for))
    if run.failure is not None:
        said, remedies = failure_words(run)
        out()
        out(one_line(said, 1000))
        for each in remedies:
            out(f"  · {one_line(each, 1000)}")
        for proof in run.failure.proof[:3]:
            for line in proof.text.splitlines()[-6:]:
                out(f"    {one_line(line, 300)}")


def tell_state(run: Run) -> None:
    """What became of it, in a line."""
    said = _("{name}: {state}").format(name=one_line(run.name, 60), state=state_word(run)[1])
    if run.total_steps:
        said += _(", step {step} of {total}").format(step=run.step, total=run.total_steps)
    out(f"{run.id}  {said}")


def warn_waiting(run: Run) -> None:
    """To standard error: why a run that was just asked for does not run yet."""
    if run.waiting_for is not None and run.waiting_for.code != "next":
        err(why_waiting(run.waiting_for))


def metric_lines(data: str) -> list[dict[str, Any]]:
    """The values of each whole line of trainer_log.jsonl, with `step` first."""
    found = []
    for line in data.splitlines():
        try:
            values = json.loads(line)
            step = int(values.pop("current_steps"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        found.append({"step": step, **_numbers(values)})
    return found


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)}


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return span((run.ended_at - run.started_at) / 1000)


def _text(path: object) -> str | None:
    return None if path is None else str(path)
