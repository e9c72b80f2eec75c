"""Between stored rows and the values of core/batches/types.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from core.batches.types import (
    Answer,
    Batch,
    BatchDraft,
    ConfigurationProgress,
    Judgement,
    JudgeSetting,
    Waiting,
)
from core.chat.outcome import error_columns, error_from
from core.clock import from_ms, from_ms_or_none, to_ms
from core.errors import ModeltrainError
from core.llm.events import Usage
from core.questions.types import Question
from core.scoring.types import Score

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Figures of how an answer scored that are kept with it, characters of JSON at most: details may quote the answer.
_DETAILS = 20_000


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)


# Errors and waiting ----------------------------------------------------------------------------------------------------


def error_text(error: ModeltrainError | None) -> str:
    """JSON of an error, "" for none."""
    if error is None:
        return ""
    columns = error_columns(error)
    return dumps({"code": columns["error_code"], "fields": columns["error_fields"]})


def error_of(text: str) -> ModeltrainError | None:
    """The error that `error_text` kept."""
    if not text:
        return None
    kept = json.loads(text)
    return error_from(kept["code"], kept["fields"])


def waiting_text(waiting: Waiting | None) -> str:
    if waiting is None:
        return ""
    return dumps(
        {
            "reason": waiting.reason,
            "since": to_ms(waiting.since) if waiting.since else None,
            "until": to_ms(waiting.until) if waiting.until else None,
            "provider": waiting.provider_id,
            "configuration": waiting.configuration,
            "error": error_text(waiting.error),
            "allowed": waiting.allowed,
        }
    )


def waiting_of(text: str) -> Waiting | None:
    if not text:
        return None
    kept = json.loads(text)
    return Waiting(
        kept["reason"],
        since=from_ms_or_none(kept["since"]),
        until=from_ms_or_none(kept["until"]),
        provider_id=kept["provider"],
        configuration=kept["configuration"],
        error=error_of(kept["error"]),
        allowed=kept["allowed"],
    )


# Drafts and batches ----------------------------------------------------------------------------------------------------


def draft_text(draft: BatchDraft) -> str:
    return dumps(asdict(draft))


@lru_cache(maxsize=256)
def draft_of(text: str) -> BatchDraft:
    kept = json.loads(text)
    judge = kept.pop("judge")
    ids = tuple(kept.pop("configuration_ids"))
    return BatchDraft(configuration_ids=ids, judge=JudgeSetting(**judge) if judge else None, **kept)


def decimal_of(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None


def progress_of(row: Any) -> ConfigurationProgress:
    return ConfigurationProgress(
        configuration_id=row.id,
        name=row.name,
        model=row.model,
        provider_id=row.provider_id,
        total=row.total,
        answered=row.answered,
        failed=row.failed,
        cached=row.cached,
        scored=row.scored,
        score=_share(row.score, row.weight),
        output_tokens=row.output_tokens,
        cost=decimal_of(row.cost),
        currency=row.currency,
        gave_up=error_of(row.gave_up),
    )


def _share(score: float, weight: float) -> float | None:
    return min(1.0, max(0.0, score / weight)) if weight > 0 else None


def batch_of(row: Any, configurations: Sequence[Any], judged: int) -> Batch:
    """`configurations`: the rows of this batch, in order. `judged`: how many judgements are through."""
    progress = tuple(progress_of(each) for each in configurations)
    answered, failed = sum(each.answered for each in progress), sum(each.failed for each in progress)
    left = row.total - answered - failed
    rate = row.rate if row.state == "running" else 0.0
    return Batch(
        id=row.id,
        name=row.name,
        state=row.state,
        set_id=row.set_id,
        set_name=row.set_name,
        set_version=row.set_version,
        questions=row.questions,
        total=row.total,
        answered=answered,
        failed=failed,
        asking=sum(max(0, each.asking) for each in configurations),
        cached=sum(each.cached for each in progress),
        score=_share(sum(each.score for each in configurations), sum(each.weight for each in configurations)),
        configurations=progress,
        draft=draft_of(row.draft),
        rate=rate,
        time_left_s=0.0 if left <= 0 else (left / rate if rate > 0 else None),
        waiting_for=waiting_of(row.waiting),
        judge_total=row.judge_total,
        judged=judged,
        created_at=from_ms(row.created_at),
        started_at=from_ms_or_none(row.started_at),
        ended_at=from_ms_or_none(row.ended_at),
        judge_model=_judge_model(row.judge),
    )


def _judge_model(kept: str) -> str:
    return str(json.loads(json.loads(kept)["snapshot"])["model"]) if kept else ""


def batches_from(uow: UnitOfWork, rows: Sequence[Any]) -> tuple[Batch, ...]:
    """Rows of batches as values, in their order."""
    of: dict[str, list[Any]] = {row.id: [] for row in rows}
    for configuration in uow.batches.configurations_of(list(of)):
        of[configuration.batch_id].append(configuration)
    return tuple(batch_of(row, of[row.id], uow.batches.judged(row.id)[0] if row.judge_total else 0) for row in rows)


# Questions and answers -------------------------------------------------------------------------------------------------


def question_columns(question: Question) -> dict[str, Any]:
    """Columns of batch_questions but for the ids."""
    return {
        "number": question.number,
        "source_id": question.id,
        "content": question.text,
        "expected": question.expected,
        "type": question.type,
        "scorer": question.scorer,
        "weight": question.weight,
        "variables": dumps(dict(question.variables)) if question.variables else "",
        "system": question.system,
        "options": dumps(dict(question.options)) if question.options else "",
        "source_line": question.source_line or 0,
    }


def question_of(row: Any) -> Question:
    """Of a joined row, whose columns of the question are called q_..."""
    return Question(
        text=row.q_content,
        expected=row.q_expected,
        type=row.q_type,
        scorer=row.q_scorer,
        weight=row.q_weight,
        variables=json.loads(row.q_variables) if row.q_variables else {},
        system=row.q_system,
        options=json.loads(row.q_options) if row.q_options else {},
        source_line=row.q_source_line or None,
        id=row.q_source_id,
        number=row.q_number,
    )


def score_columns(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {"scorer": "", "score": None, "passed": None, "score_details": ""}
    details = dumps({"details": dict(score.details), "problem": score.problem})
    if len(details) > _DETAILS:
        details = dumps({"details": {}, "problem": score.problem})
    return {"scorer": score.scorer or "none", "score": score.value, "passed": score.passed, "score_details": details}


def score_of(row: Any) -> Score | None:
    if not row.scorer:
        return None
    kept = json.loads(row.score_details) if row.score_details else {"details": {}, "problem": None}
    return Score(row.score, row.passed, row.scorer, kept["details"], kept["problem"])


def answer_of(row: Any) -> Answer:
    """Of a joined row (storage/repositories/batches.py)."""
    usage = None
    if row.input_tokens is not None and row.output_tokens is not None:
        usage = Usage(row.input_tokens, row.output_tokens, row.reasoning_tokens, row.usage_exact)
    return Answer(
        id=row.id,
        batch_id=row.batch_id,
        question=question_of(row),
        configuration_id=row.configuration_id,
        configuration_name=row.c_name,
        model=row.c_model,
        repetition=row.repetition,
        state=row.state,
        content=row.content,
        reasoning=row.reasoning,
        finish=row.finish or None,
        usage=usage,
        ttft_ms=row.ttft_ms,
        ttfa_ms=row.ttfa_ms,
        total_ms=row.total_ms,
        cost=decimal_of(row.cost),
        currency=row.currency,
        error=error_of(row.error),
        attempts=row.attempts,
        from_cache=row.from_cache,
        score=score_of(row),
        stars=row.stars,
        answered_at=from_ms_or_none(row.answered_at),
    )


def judgement_of(row: Any) -> Judgement:
    """Of a row of judgements_page. Both orders as one; where they disagree it is a tie."""
    first, second = row.verdict or None, row.t_verdict or None
    winner = None
    if first is not None and second is not None:
        winner = first if first == second else "tie"
    return Judgement(
        id=row.id,
        question_number=row.number,
        type=row.type,
        repetition=row.repetition,
        left_configuration_id=row.left_configuration,
        right_configuration_id=row.right_configuration,
        left_length=row.left_size or 0,
        right_length=row.right_size or 0,
        first=cast(Any, first),
        second=cast(Any, second),
        winner=cast(Any, winner),
        first_reason=row.reason,
        second_reason=row.t_reason or "",
        error=error_of(row.error) or error_of(row.t_error or ""),
    )


def moment_or_none(value: datetime | None) -> int | None:
    return None if value is None else to_ms(value)
