"""What the engine writes down of a batch, each in one short transaction: taking over, asking, what came, the end.

Every transaction that asks looks whether the batch is still ours (its `epoch`) and still running. What came is taken from whoever brings
it, as long as the answer is not there yet: a process that lost the batch while it waited for an answer has still paid for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.batches.asking import Item, Outcome, Snapshot
from core.batches.assignments import Assignment, Claimed, add_to, copied, is_news, item_of, paid, write_scores
from core.batches.finishing import finish, scored
from core.batches.rows import decimal_of, draft_of, error_text, question_of, score_columns, waiting_text
from core.batches.types import Waiting
from core.clock import Clock
from core.errors import ModeltrainError, NotFound
from core.persistence import Store

if TYPE_CHECKING:
    from core.questions.types import Question
    from storage.unit_of_work import UnitOfWork

#: Lines of a journal that are merged in one transaction.
_MERGED = 200


class Desk:
    """All that the engine of one batch writes. `lost` is raised as NotFound: the batch was deleted, or another process has it."""

    def __init__(self, store: Store, clock: Clock, assignment: Assignment) -> None:
        self._store = store
        self._clock = clock
        self.assignment = assignment
        self._snapshots = self.snapshots = assignment.snapshots

    # Taking over -----------------------------------------------------------------------------------------------------

    @staticmethod
    async def take_over(store: Store, batch_id: str) -> Assignment | None:
        """Begin a new epoch: what others were asking is theirs no more. None if the batch is gone. For who holds the lease."""

        def work(uow: UnitOfWork) -> Assignment | None:
            row = uow.batches.by_id(batch_id, lock=True)
            if row is None:
                return None
            uow.batches.change(batch_id, epoch=row.epoch + 1)
            made = tuple(
                (each.id, each.source_id, each.name, Snapshot.from_json(each.snapshot))
                for each in uow.batches.configurations_of([batch_id])
            )
            return Assignment(batch_id, row.owner_id, row.served, row.epoch + 1, draft_of(row.draft), made, row.judge)

        return await store.write(work)

    async def put_in_order(self) -> None:
        """After what earlier journals held is merged: what was asked and brought nothing waits again, and the counts are right."""
        batch_id, epoch = self.assignment.batch_id, self.assignment.epoch

        def work(uow: UnitOfWork) -> None:
            uow.batches.put_back(batch_id, "asking", before_epoch=epoch)
            uow.batches.put_back_judgements(batch_id, ("asking",))
            uow.batches.recount(batch_id)
            self._recount_costs(uow)
            uow.batches.change(batch_id)

        await self._store.write(work)

    def _recount_costs(self, uow: UnitOfWork) -> None:
        for configuration_id, *_ in self.assignment.configurations:
            spent: dict[str, Decimal] = defaultdict(Decimal)
            for row in uow.batches.spent(configuration_id):
                spent[row.currency] += decimal_of(row.cost) or Decimal(0)
            currency, amount = next(iter(spent.items()), ("", None))
            uow.batches.count(configuration_id, cost="" if amount is None else f"{amount:f}", currency=currency)

    async def merge(self, entries: Iterable[dict[str, Any]]) -> int:
        """Answers out of a journal of this batch into the database; how many were not there yet. What is no answer is left out."""
        merged, group = 0, []
        for entry in entries:
            group.append(entry)
            if len(group) == _MERGED:
                merged += await self._merge(group)
                group = []
        return merged + (await self._merge(group) if group else 0)

    async def _merge(self, group: Sequence[dict[str, Any]]) -> int:
        batch_id = self.assignment.batch_id
        by_id = {entry["id"]: entry for entry in group}
        found = await self._store.read(
            lambda uow: [item_of(row, self._snapshots) for row in uow.batches.joined(batch_id, list(by_id)) if is_news(by_id[row.id], row)]
        )
        rows = await self._finished([Outcome(item, by_id[item.id]) for item in found])
        return await self._store.write(lambda uow: len(self._write(uow, rows, {})))

    # Asking ----------------------------------------------------------------------------------------------------------

    async def claim(self, configuration_ids: Sequence[str], count: int) -> Claimed:
        """The next `count` questions for these configurations. From now on they count as being asked."""
        mine = self.assignment

        def work(uow: UnitOfWork) -> Claimed:
            batch = uow.batches.by_id(mine.batch_id, lock=True)
            if batch is None or batch.epoch != mine.epoch:
                return Claimed(state="lost")
            if batch.state != "running":
                return Claimed(state=batch.state)
            rows = uow.batches.waiting(mine.batch_id, configuration_ids, count)
            if not rows:
                return Claimed()
            return self._claimed(uow, rows)

        return await self._store.write(work)

    def _claimed(self, uow: UnitOfWork, rows: Sequence[Any]) -> Claimed:
        items = [item_of(row, self._snapshots) for row in rows]
        keys = {
            item.id: self._snapshots[item.configuration_id].request_key(item.request.turns[0].content, item.more, row.repetition)
            for item, row in zip(items, rows, strict=True)
        }
        known = uow.batches.by_request(self.assignment.owner_id, list(set(keys.values()))) if self.assignment.draft.use_cache else {}
        marks = [{"b_id": item.id, "b_key": keys[item.id]} for item in items]
        uow.batches.mark_asking(marks, epoch=self.assignment.epoch, moment=self._clock.now_ms())
        counted: dict[str, int] = defaultdict(int)
        for item in items:
            counted[item.configuration_id] += 1
        for configuration_id, number in sorted(counted.items()):
            uow.batches.count(configuration_id, asking=number)
        fresh = tuple(item for item in items if keys[item.id] not in known)
        cached = tuple(Outcome(item, copied(item, known[keys[item.id]])) for item in items if keys[item.id] in known)
        return Claimed(fresh, cached)

    async def put_back(self, items: Sequence[Item]) -> None:
        """These were not asked, or brought nothing: they wait, unless another process asks them by now."""
        if not items:
            return
        rows: list[dict[str, Any]] = [{"b_id": item.id, "state": "waiting", "attempts": item.attempts} for item in items]

        def work(uow: UnitOfWork) -> None:
            uow.batches.by_id(self.assignment.batch_id, lock=True)
            states = uow.batches.states([row["b_id"] for row in rows])
            asked = {key for key, row in states.items() if row.state == "asking" and row.epoch == self.assignment.epoch}
            uow.batches.save([row for row in rows if row["b_id"] in asked])
            for configuration_id, number in sorted(Counter(item.configuration_id for item in items if item.id in asked).items()):
                uow.batches.count(configuration_id, asking=-number)
            uow.batches.change(self.assignment.batch_id)

        await self._store.write(work)

    # What came -------------------------------------------------------------------------------------------------------

    async def save(self, outcomes: Sequence[Outcome], **columns: Any) -> list[dict[str, Any]]:
        """What came, in one transaction, with columns of the batch; the rows that were new."""
        rows = await self._finished(outcomes)
        return await self._store.write(lambda uow: self._write(uow, rows, columns))

    async def _finished(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        return await asyncio.to_thread(finish, outcomes, self._snapshots, self.assignment.draft.scorer, self._clock.now_ms())

    def _write(self, uow: UnitOfWork, rows: Sequence[dict[str, Any]], columns: Mapping[str, Any]) -> list[dict[str, Any]]:
        batch = uow.batches.by_id(self.assignment.batch_id, lock=True)
        if batch is None:
            raise NotFound(kind="batch", reference=self.assignment.batch_id)
        before = uow.batches.states([row["b_id"] for row in rows])
        weights = uow.batches.weights(list(before))
        new = [row | {"changed": batch.changed + 1} for row in rows if row["b_id"] in before and before[row["b_id"]].state != "answered"]
        uow.batches.save(new)
        deltas: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        spent: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in new:
            known = before[row["b_id"]]
            add_to(deltas[known.configuration_id], row, known.state, weights.get(row["b_id"], 1.0))
            if row["cost"]:
                spent[known.configuration_id].append((row["cost"], row["currency"]))
        costs = {each.id: each for each in uow.batches.configurations_of([batch.id])} if spent else {}
        for configuration_id in sorted(deltas):
            more = paid(costs[configuration_id], spent[configuration_id]) if configuration_id in spent else {}
            uow.batches.count(configuration_id, **deltas[configuration_id], **more)
        uow.batches.change(batch.id, **self.told(batch, columns))
        return new

    def told(self, batch: Any, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """Columns that say how the batch goes on: only where it does so, and by us."""
        return columns if batch.state == "running" and batch.epoch == self.assignment.epoch else {}

    async def score_some(self, limit: int = 50) -> bool:
        """Score answers that were saved without; False when there are none left. Scoring itself is done outside of the transaction."""
        batch_id, default = self.assignment.batch_id, self.assignment.draft.scorer

        def read(uow: UnitOfWork) -> list[tuple[str, float, str, Question]]:
            rows = uow.batches.unscored(batch_id, limit)
            return [(row.id, row.q_weight, row.content, question_of(row).filled()) for row in rows]

        def work(found: Sequence[tuple[str, float, str, Question]]) -> list[tuple[str, float, dict[str, Any]]]:
            return [(key, weight, score_columns(scored(text, question, default))) for key, weight, text, question in found]

        found = await self._store.read(read)
        if not found:
            return False
        await self.save_scores(await asyncio.to_thread(work, found))
        return True

    async def save_scores(self, scores: Sequence[tuple[str, float, dict[str, Any]]]) -> None:
        """(answer, weight of its question, columns of the score): of answers that have no value yet."""

        def work(uow: UnitOfWork) -> None:
            batch = uow.batches.by_id(self.assignment.batch_id, lock=True)
            if batch is None:
                raise NotFound(kind="batch", reference=self.assignment.batch_id)
            write_scores(uow, batch, scores)
            uow.batches.change(batch.id)

        await self._store.write(work)

    async def give_up(self, configuration_id: str, error: ModeltrainError) -> int:
        """The configuration's questions that still wait fail unasked, for all of them would; how many."""
        text = error_text(error)

        def work(uow: UnitOfWork) -> int:
            batch = uow.batches.by_id(self.assignment.batch_id, lock=True)
            if batch is None or batch.epoch != self.assignment.epoch:
                return 0
            number = uow.batches.give_up(configuration_id, text, batch.changed + 1, self._clock.now_ms())
            uow.batches.count(configuration_id, failed=number, gave_up=text)
            uow.batches.change(batch.id)
            return number

        return await self._store.write(work)

    # How it stands ---------------------------------------------------------------------------------------------------

    async def look(self) -> str:
        """The state of the batch, "lost" if it is not ours any more."""
        row = await self._store.read(lambda uow: (row.state, row.epoch) if (row := uow.batches.by_id(self.assignment.batch_id)) else None)
        return "lost" if row is None or row[1] != self.assignment.epoch else str(row[0])

    async def left(self) -> int:
        return await self._store.read(lambda uow: uow.batches.left(self.assignment.batch_id))

    async def note(self, waiting: Waiting | None, rate: float) -> None:
        """Why it waits now, and how fast it goes."""

        def work(uow: UnitOfWork) -> None:
            batch = uow.batches.by_id(self.assignment.batch_id, lock=True)
            if batch is not None and (told := self.told(batch, {"waiting": waiting_text(waiting), "rate": rate})):
                uow.batches.change(batch.id, **told)

        await self._store.write(work)

    async def become_complete(self) -> bool:
        """The end, if nothing is left to be asked, answers or judgements; "failed" where not one answer came."""
        mine = self.assignment

        def work(uow: UnitOfWork) -> bool:
            row = uow.batches.by_id(mine.batch_id, lock=True)
            if row is None or row.epoch != mine.epoch or row.state != "running":
                return False
            if uow.batches.left(mine.batch_id) or uow.batches.judgements_left(mine.batch_id):
                return False
            answered = sum(each.answered for each in uow.batches.configurations_of([mine.batch_id]))
            state = "completed" if answered or not row.total else "failed"
            uow.batches.change(mine.batch_id, state=state, waiting="", rate=0.0, ended_at=self._clock.now_ms())
            return True

        return await self._store.write(work)

    async def become(self, state: str, *, of: Sequence[str], waiting: Waiting | None = None) -> bool:
        """Another state, if the batch is in one of these and ours; whether it is."""
        mine = self.assignment

        def work(uow: UnitOfWork) -> bool:
            row = uow.batches.by_id(mine.batch_id, lock=True)
            if row is None or row.epoch != mine.epoch or row.state not in of:
                return False
            uow.batches.change(mine.batch_id, state=state, waiting=waiting_text(waiting), rate=0.0)
            return True

        return await self._store.write(work)
