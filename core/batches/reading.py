"""What is read of batches: lists, answers, judgements, and statistics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from core.batches.rows import answer_of, batches_from, decimal_of, judgement_of
from core.batches.types import NEWEST, Answer, AnswerSort, AnswerState, Batch, BatchState, BatchUpdate, Judgement, Page
from core.errors import InvalidInput, NotFound
from core.persistence import Store
from core.scoring.figures import AnswerFigures

if TYPE_CHECKING:
    from core.scoring.figures import Statistics
    from storage.unit_of_work import UnitOfWork

#: The longest page.
LONGEST = 10_000


class Reading:
    """All by the id of an owner, who was told before."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def batch(self, owner: str, reference: str) -> Batch:
        return await self._store.read(lambda uow: batches_from(uow, (found(uow, owner, reference),))[0])

    async def batches(self, owner: str, query: str, states: Sequence[BatchState], limit: int, offset: int) -> Page[Batch]:
        def work(uow: UnitOfWork) -> Page[Batch]:
            rows, total = uow.batches.listed(owner, query=query, states=states, limit=_limit(limit), offset=max(0, offset))
            return Page(batches_from(uow, rows), total)

        return await self._store.read(work)

    async def answers(
        self, owner: str, batch_id: str, where: dict[str, Any], query: str, sort: AnswerSort, limit: int, offset: int
    ) -> Page[Answer]:
        if sort not in get_args(AnswerSort):
            raise InvalidInput("sort", "unknown", value=sort)
        if where["state"] is not None and where["state"] not in get_args(AnswerState):
            raise InvalidInput("state", "unknown", value=where["state"])

        def work(uow: UnitOfWork) -> Page[Answer]:
            row = found(uow, owner, batch_id)
            rows, total = uow.batches.answers_page(
                owner, row.id, where=where, query=query, sort=sort, limit=_limit(limit), offset=max(0, offset)
            )
            return Page(tuple(answer_of(each) for each in rows), total)

        return await self._store.read(work)

    async def answers_in_order(self, owner: str, batch_id: str, first: int, limit: int) -> tuple[Answer, ...]:
        def work(uow: UnitOfWork) -> tuple[Answer, ...]:
            row = found(uow, owner, batch_id)
            return tuple(answer_of(each) for each in uow.batches.answers_after(row.id, first - 1, _limit(limit)))

        return await self._store.read(work)

    async def judgements(self, owner: str, batch_id: str, limit: int, offset: int) -> Page[Judgement]:
        def work(uow: UnitOfWork) -> Page[Judgement]:
            row = found(uow, owner, batch_id)
            rows, total = uow.batches.judgements_page(owner, row.id, _limit(limit), max(0, offset))
            return Page(tuple(judgement_of(each) for each in rows), total)

        return await self._store.read(work)

    async def watch(self, owner: str, batch_id: str, interval_s: float) -> AsyncGenerator[BatchUpdate, None]:
        """See Batches.watch."""
        first = await self._store.read(lambda uow: found(uow, owner, batch_id))
        batch_id, seen = first.id, first.changed
        shown = -1
        while True:

            def look(uow: UnitOfWork, since: int = seen, shown: int = shown) -> tuple[int, BatchUpdate] | None:
                row = found(uow, owner, batch_id)
                if row.changed == shown:
                    return None
                batch = batches_from(uow, (row,))[0]
                newest = uow.batches.newest(batch_id, since, NEWEST) if row.changed > since else ()
                return row.changed, BatchUpdate(batch, tuple(answer_of(each) for each in reversed(newest)))

            looked = await self._store.read(look)
            if looked is not None:
                shown = seen = looked[0]
                yield looked[1]
                if not looked[1].batch.active:
                    return
            await asyncio.sleep(interval_s)

    async def statistics(self, owner: str, batch_id: str) -> Statistics:
        from core.scoring.statistics import summarise

        rows = await self._store.read(lambda uow: uow.batches.figures(found(uow, owner, batch_id).id))
        return await asyncio.to_thread(lambda: summarise([_figures(row) for row in rows]))


def found(uow: UnitOfWork, owner: str, reference: str) -> Any:
    """The owner's batch by id, by the beginning of one or by name. Raises NotFound, for other people's too."""
    row = uow.batches.get(owner, reference) or uow.batches.find(owner, reference)
    if row is None:
        raise NotFound(kind="batch", reference=reference)
    return row


def _limit(limit: int) -> int:
    return min(LONGEST, max(0, limit))


def _figures(row: Any) -> AnswerFigures:
    details = json.loads(row.score_details)["details"] if row.score_details else {}
    return AnswerFigures(
        question=str(row.number),
        key=row.configuration_id,
        name=row.name,
        state="waiting" if row.state == "asking" else row.state,
        type=row.type,
        scorer=row.scorer,
        value=row.score,
        passed=row.passed,
        weight=row.weight,
        ttft_ms=row.ttft_ms,
        total_ms=row.total_ms,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=decimal_of(row.cost),
        currency=row.currency or None,
        stars=row.stars,
        length=row.size,
        corpus=details.get("corpus"),
    )
