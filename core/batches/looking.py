"""What a person sees of batches: lists, answers, judgements, figures, reports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, BinaryIO

from core.batches.reading import Reading
from core.batches.rows import answer_of
from core.batches.types import (
    Answer,
    AnswerSort,
    AnswerState,
    Batch,
    BatchState,
    BatchUpdate,
    Judgement,
    Page,
)
from core.errors import NotFound
from core.persistence import Store

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.reports.types import ReportData, Words, Written
    from core.scoring.figures import Statistics
    from storage.unit_of_work import UnitOfWork


class Looking:
    """The part of `Batches` that changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading = Reading(store)

    async def batch(self, principal: Principal, reference: str) -> Batch:
        """By id, by the beginning of one (8 characters at least) or by name, of several the newest. Raises NotFound."""
        return await self._reading.batch(principal.require_user("batch.list"), reference)

    async def batches(
        self, principal: Principal, *, query: str = "", states: Sequence[BatchState] = (), limit: int = 50, offset: int = 0
    ) -> Page[Batch]:
        """Newest first. `query`: part of the name, of the set's or of a model's; `states`: none means all."""
        return await self._reading.batches(principal.require_user("batch.list"), query, states, limit, offset)

    async def answers(
        self,
        principal: Principal,
        batch_id: str,
        *,
        state: AnswerState | None = None,
        configuration_id: str | None = None,
        type: str | None = None,  # noqa: A002  (what it is called everywhere)
        query: str = "",
        sort: AnswerSort = "number",
        limit: int = 100,
        offset: int = 0,
    ) -> Page[Answer]:
        """Answers with their questions. `query`: in question or answer. Raises NotFound; InvalidInput for an unknown `sort` or `state`."""
        owner = principal.require_user("batch.list")
        where = {"state": state, "configuration_id": configuration_id, "type": type}
        return await self._reading.answers(owner, batch_id, where, query, sort, limit, offset)

    async def answers_in_order(self, principal: Principal, batch_id: str, *, first: int = 0, limit: int = 500) -> tuple[Answer, ...]:
        """Answers in the order of the questions, from the `first` (from 0) on: for reading all of them, whose number does not matter.

        Raises NotFound.
        """
        return await self._reading.answers_in_order(principal.require_user("batch.list"), batch_id, first, limit)

    async def answer(self, principal: Principal, answer_id: str) -> Answer:
        """One answer. Raises NotFound(kind="answer")."""
        owner = principal.require_user("batch.list")
        return await self._store.read(lambda uow: answer_of(answer_row(uow, owner, answer_id)))

    async def judgements(self, principal: Principal, batch_id: str, *, limit: int = 100, offset: int = 0) -> Page[Judgement]:
        """What the judge said, in the order of the questions. Raises NotFound."""
        return await self._reading.judgements(principal.require_user("batch.list"), batch_id, limit, offset)

    async def watch(self, principal: Principal, batch_id: str, interval_s: float = 0.5) -> AsyncGenerator[BatchUpdate, None]:
        """Updates at most every `interval_s` seconds, whichever process works on it; ends after the update in which nothing goes on any
        more (paused or ended). Raises NotFound, also when it is deleted meanwhile."""
        owner = principal.require_user("batch.list")
        async with aclosing(self._reading.watch(owner, batch_id, interval_s)) as updates:
            async for update in updates:
                yield update

    async def statistics(self, principal: Principal, batch_id: str) -> Statistics:
        """Figures per configuration and type, and tests of differences (core/scoring/statistics.py). Raises NotFound."""
        return await self._reading.statistics(principal.require_user("batch.list"), batch_id)

    async def report_data(self, principal: Principal, batch_id: str) -> ReportData:
        """Everything that a report says, for the screen. Raises NotFound."""
        from core.batches.reports.gather import gather

        return await gather(self, principal, batch_id)

    async def report(self, principal: Principal, batch_id: str, form: str, words: Words, target: BinaryIO) -> Written:
        """Write a report into an open file (core.batches.reports.writing.replacing makes one). Raises NotFound, InvalidInput, DiskFull."""
        from core.batches.reports.gather import report

        return await report(self, principal, batch_id, form, words, target)


def answer_row(uow: UnitOfWork, owner: str, answer_id: str) -> Any:
    row = uow.batches.answer(owner, answer_id)
    if row is None:
        raise NotFound(kind="answer", reference=answer_id)
    return row
