"""Rows of the database as the values that leave core."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.chat import convert
from core.clock import from_ms
from core.compare.types import (
    LABELS,
    AnswerState,
    Candidate,
    CandidateAnswer,
    Comparison,
    ComparisonSummary,
    Round,
    Verdict,
)
from core.models.rows import parameters_from_json

if TYPE_CHECKING:
    from core.chat.types import Message
    from storage.unit_of_work import UnitOfWork


def candidate(row: Any, *, gone: bool) -> Candidate:
    return Candidate(
        id=row.id,
        ordinal=row.ordinal,
        configuration_id=None if gone else row.configuration_id,
        configuration_name=row.configuration_name,
        model=row.model,
        provider_id=row.provider_id,
        conversation_id=row.conversation_id,
        overrides=parameters_from_json(row.overrides) if row.overrides else None,
    )


def verdict(row: Any) -> Verdict:
    stars = {str(key): int(value) for key, value in json.loads(row.stars or "{}").items()}
    return Verdict(row.round_id, row.winner or None, stars, row.note, bool(row.blind), from_ms(row.given_at))


def rounds(uow: UnitOfWork, rows: Sequence[Any], candidates: Sequence[Candidate]) -> tuple[Round, ...]:
    """Rows of rounds with everything in them."""
    ids = [row.id for row in rows]
    places = {(place.round_id, place.candidate_id): place for place in uow.comparisons.answers(ids)}
    messages = _messages(uow, [place.question_id for place in places.values() if place.question_id])
    verdicts = {row.round_id: verdict(row) for row in uow.comparisons.verdicts(ids)}
    images = uow.images.about_rounds(ids)
    return tuple(
        Round(
            id=row.id,
            ordinal=row.ordinal,
            question=row.question,
            images=convert.images(images.get(row.id, ())),
            asked_at=from_ms(row.asked_at),
            answers=tuple(_answer(each.id, places.get((row.id, each.id)), messages) for each in candidates),
            verdict=verdicts.get(row.id),
        )
        for row in rows
    )


def _messages(uow: UnitOfWork, question_ids: Sequence[str]) -> dict[str, Message]:
    """What was answered last to each question."""
    rows = uow.messages.newest_below(question_ids)
    parts = uow.messages.parts([row.id for row in rows.values()])
    return {parent: convert.message(row, *convert.texts(parts.get(row.id, ()))) for parent, row in rows.items()}


def _answer(candidate_id: str, place: Any, messages: Mapping[str, Message]) -> CandidateAnswer:
    if place is None or place.state != "asked":
        state: AnswerState = "skipped" if place is None or place.state == "skipped" else "waiting"
        return CandidateAnswer(candidate_id, state)
    message = messages.get(place.question_id or "")
    # Its conversation has lost the message: there is nothing to show, and nothing to wait for.
    return CandidateAnswer(candidate_id, "skipped") if message is None else CandidateAnswer(candidate_id, message.state, message)


def comparison(row: Any, candidates: Sequence[Candidate], found: tuple[Round, ...], *, asking: bool) -> Comparison:
    return Comparison(
        id=row.id,
        title=row.title,
        mode=row.mode,
        blind=bool(row.blind),
        candidates=tuple(candidates),
        rounds=found,
        type=row.type,
        created_at=from_ms(row.created_at),
        used_at=from_ms(row.used_at),
        revealed=row.revealed_at is not None,
        asking=asking,
        earlier=found[0].ordinal if found else 0,
    )


def with_unsaved(found: Comparison, unsaved: Mapping[str, Message]) -> Comparison:
    """The comparison with answers that are in memory only because the database did not take them; by their ids."""
    if not unsaved:
        return found

    def mended(answer: CandidateAnswer) -> CandidateAnswer:
        message = unsaved.get(answer.message.id) if answer.message is not None else None
        return answer if message is None else CandidateAnswer(answer.candidate_id, message.state, message)

    changed = tuple(replace(each, answers=tuple(mended(answer) for answer in each.answers)) for each in found.rounds)
    return replace(found, rounds=changed)


def summaries(rows: Iterable[Any], candidates: Iterable[Any], busy: set[str]) -> tuple[ComparisonSummary, ...]:
    """Rows of the list, with the rows of their candidates. `busy`: conversations in which something is being made."""
    columns: dict[str, list[Any]] = {}
    for each in candidates:
        columns.setdefault(each.comparison_id, []).append(each)
    return tuple(_summary(row, columns.get(row.id, []), busy) for row in rows)


def _summary(row: Any, columns: Sequence[Any], busy: set[str]) -> ComparisonSummary:
    return ComparisonSummary(
        id=row.id,
        title=row.title,
        mode=row.mode,
        blind=bool(row.blind),
        type=row.type,
        models=tuple(each.model for each in columns),
        configurations=tuple(each.configuration_name for each in columns),
        rounds=row.round_count,
        judged=row.judged,
        winner=row.winner if row.winner in LABELS else "",
        created_at=from_ms(row.created_at),
        used_at=from_ms(row.used_at),
        names_hidden=bool(row.blind) and row.revealed_at is None,
        generating=any(each.conversation_id in busy for each in columns),
    )
