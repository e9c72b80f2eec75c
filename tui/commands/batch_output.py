"""Batches as the shell prints them: tables, JSON, progress on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line, sanitise
from tui import batch_plans
from tui import batch_words as words
from tui.commands.common import err, out, print_pairs, print_table
from tui.errors import describe
from tui.glyphs import UNICODE
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch, ConfigurationProgress, Plan, Span
    from core.errors import ModeltrainError

#: Seconds between two lines of progress where standard error is no terminal.
_LINE_EVERY_S = 10.0


class Progress:
    """How far a batch is, on standard error: one line that is written over on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open, self._said_at, self._said = False, 0.0, ""

    def tell(self, batch: Batch) -> None:
        text = f"{words.fraction(batch):4.0%}  {'  '.join(words.progress_figures(batch))}"
        waits = words.why_waiting(batch.waiting_for, None) if batch.state == "running" else ""
        if self._terminal:
            sys.stderr.write(f"\r{text}{f'  {waits}' if waits else ''}\x1b[K")
            sys.stderr.flush()
            self._open = True
        elif text != self._said and (time.monotonic() - self._said_at >= _LINE_EVERY_S or batch.open == 0):
            err(text)
            self._said_at, self._said = time.monotonic(), text

    def close(self) -> None:
        """The line is over."""
        if self._open:
            sys.stderr.write("\n")
            sys.stderr.flush()
            self._open = False


# As text -----------------------------------------------------------------------------------------------------------------


def headings() -> tuple[str, ...]:
    return (_("ID"), _("NAME"), _("STATE"), _("ANSWERS"), _("FAILED"), _("SCORE"), _("QUESTIONS"), _("MADE"))


def row(item: Batch) -> tuple[object, ...]:
    return (
        item.id[:13],
        one_line(item.name, 60),
        words.state_word(item.state),
        f"{item.answered:,}/{item.total:,}",
        f"{item.failed:,}",
        words.score_figure(item.score),
        f"{item.questions:,}",
        f"{item.created_at.astimezone():%Y-%m-%d %H:%M}",
    )


def print_batch(item: Batch) -> None:
    """A batch with how far it is with each configuration."""
    out(f"{one_line(item.name)}  {words.state_word(item.state)}")
    waits = words.why_waiting(item.waiting_for, None)
    if waits and not item.ended and item.state != "draft":
        out(waits)
    out("  ".join(words.progress_figures(item)))
    print_pairs(
        [
            (_("id"), item.id),
            (_("questions"), f"{item.questions:,}  {one_line(item.set_name)}  {_('version {number}').format(number=item.set_version)}"),
            (_("score"), words.score_figure(item.score) or _("not scored")),
        ]
    )
    out()
    print_table(
        (_("CONFIGURATION"), _("MODEL"), _("ANSWERED"), _("FAILED"), _("CACHED"), _("SCORE"), _("TOKENS"), _("COST")),
        [_progress_row(each) for each in item.configurations],
    )
    for each in item.configurations:
        if each.gave_up is not None:
            problem = describe(each.gave_up)
            err(_("“{name}” is not asked any more: {problem}").format(name=one_line(each.name, 60), problem=problem.sentence))


def _progress_row(each: ConfigurationProgress) -> tuple[object, ...]:
    return (
        one_line(each.name, 60),
        one_line(each.model, 60),
        f"{each.answered:,}/{each.total:,}",
        f"{each.failed:,}",
        f"{each.cached:,}",
        words.score_figure(each.score),
        f"{each.output_tokens:,}",
        words.amount(each.cost, each.currency),
    )


def print_plan(item: Plan) -> None:
    """What a batch would take."""
    print_pairs(batch_plans.summary(item))
    out()
    print_table([each.upper() for each in batch_plans.headings()], batch_plans.rows(item))
    for warning in item.warnings:
        err(f"! {words.warning(warning)}")


def answer_headings() -> tuple[str, ...]:
    return (_("NO."), _("STATE"), _("CONFIGURATION"), _("SCORE"), _("STARS"), _("TIME"), _("QUESTION"), _("ANSWER"))


def answer_row(item: Answer) -> tuple[object, ...]:
    said = describe(item.error).title if item.state == "failed" and item.error is not None else item.content
    return (
        item.question.number,
        words.answer_state(item.state, UNICODE)[0].split(" ", 1)[1],
        one_line(item.configuration_name, 30),
        words.score_figure(item.score.value if item.score is not None else None),
        item.stars or "",
        words.time_of(item),
        one_line(item.question.filled().text[:1000], 40),
        one_line(said[:1000], 60),
    )


def print_answer(item: Answer) -> None:
    """One answer whole."""
    out(f"{item.question.number}  {one_line(item.configuration_name)}  {words.answer_state(item.state, UNICODE)[0]}")
    asked = item.question.filled()
    for title, text in ((_("Question"), asked.text), (_("Expected"), asked.expected or ""), (_("Answer"), item.content)):
        if text:
            out(f"\n{title}\n{sanitise(text)}")
    if item.error is not None:
        err(describe(item.error).sentence)
    if item.score is not None:
        out(f"\n{_('Score')}  {words.score_words(item.score)}")


def tell_end(item: Batch, fail_under: float | None) -> None:
    """How it ended, in a sentence or two."""
    if item.state == "paused":
        err(_("It is paused. Go on with: modeltrain batch resume {id}").format(id=item.id))
    elif missing := item.total - item.answered:
        text = ngettext("{count} answer is missing.", "{count} answers are missing.", missing).format(count=f"{missing:,}")
        again = _("Ask the failed ones again with: modeltrain batch retry {id}").format(id=item.id) if item.failed else ""
        err(f"{text} {again}".strip())
    if fail_under is not None and not item.open:
        wanted = words.score_figure(fail_under)
        if item.score is None:
            err(_("Nothing was scored, so the threshold {wanted} does not hold.").format(wanted=wanted))
        elif item.score < fail_under:
            err(_("The score {score} is below {wanted}.").format(score=words.score_figure(item.score), wanted=wanted))


# As JSON -----------------------------------------------------------------------------------------------------------------


def batch_as_json(item: Batch) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "state": item.state,
        "set": item.set_id,
        "set_name": item.set_name,
        "set_version": item.set_version,
        "questions": item.questions,
        "total": item.total,
        "answered": item.answered,
        "failed": item.failed,
        "open": item.open,
        "asking": item.asking,
        "cached": item.cached,
        "score": item.score,
        "rate": item.rate,
        "time_left_s": item.time_left_s,
        "waiting_for": item.waiting_for.reason if item.waiting_for is not None else None,
        "judged": item.judged,
        "judge_total": item.judge_total,
        "configurations": [_progress_as_json(each) for each in item.configurations],
        "created_at": item.created_at,
        "started_at": item.started_at,
        "ended_at": item.ended_at,
    }


def _progress_as_json(each: ConfigurationProgress) -> dict[str, Any]:
    return {
        "id": each.configuration_id,
        "name": each.name,
        "model": each.model,
        "provider": each.provider_id,
        "total": each.total,
        "answered": each.answered,
        "failed": each.failed,
        "cached": each.cached,
        "score": each.score,
        "output_tokens": each.output_tokens,
        "cost": each.cost,
        "currency": each.currency,
        "gave_up": error_as_json(each.gave_up),
    }


def error_as_json(error: ModeltrainError | None) -> dict[str, str] | None:
    if error is None:
        return None
    problem = describe(error)
    return {"code": problem.code, "message": problem.title, "why": problem.why}


def plan_as_json(item: Plan) -> dict[str, Any]:
    return {
        "name": item.name,
        "set": item.set_id,
        "set_name": item.set_name,
        "set_version": item.version,
        "questions": item.questions,
        "requests": item.requests,
        "judge_requests": item.judge_requests,
        "from_cache": item.from_cache,
        "input_tokens": _span_as_json(item.input_tokens),
        "output_tokens": _span_as_json(item.output_tokens),
        "cost": _cost_as_json(item.cost),
        "seconds": _span_as_json(item.seconds),
        "configurations": [
            {
                "id": each.configuration_id,
                "name": each.name,
                "model": each.model,
                "requests": each.requests,
                "from_cache": each.from_cache,
                "input_tokens": _span_as_json(each.input_tokens),
                "output_tokens": _span_as_json(each.output_tokens),
                "cost": _cost_as_json(each.cost),
                "measured": each.measured,
            }
            for each in item.configurations
        ],
        "warnings": [{"code": each.code, "message": words.warning(each), **each.fields} for each in item.warnings],
    }


def _span_as_json(estimate: Span) -> dict[str, float]:
    return {"low": estimate.low, "high": estimate.high}


def _cost_as_json(cost: tuple[Span, str] | None) -> dict[str, Any] | None:
    return None if cost is None else {**_span_as_json(cost[0]), "currency": cost[1]}


def answer_as_json(item: Answer) -> dict[str, Any]:
    usage, asked = item.usage, item.question.filled()
    return {
        "id": item.id,
        "number": asked.number,
        "question": asked.text,
        "expected": asked.expected,
        "type": item.question.type,
        "configuration": item.configuration_name,
        "model": item.model,
        "repetition": item.repetition,
        "state": item.state,
        "answer": item.content,
        "reasoning": item.reasoning,
        "finish": item.finish,
        "score": item.score.value if item.score is not None else None,
        "passed": item.score.passed if item.score is not None else None,
        "scored": item.score.to_json() if item.score is not None else None,
        "stars": item.stars,
        "ttft_ms": item.ttft_ms,
        "total_ms": item.total_ms,
        "input_tokens": usage.input_tokens if usage is not None else None,
        "output_tokens": usage.output_tokens if usage is not None else None,
        "exact": usage.exact if usage is not None else None,
        "cost": item.cost,
        "currency": item.currency,
        "from_cache": item.from_cache,
        "attempts": item.attempts,
        "error": error_as_json(item.error),
    }
