"""Batches: planned, started, paused, resumed, cancelled, watched, rated. The work itself is the engine's (core/batches/engine.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from core.batches.crew import Crew
from core.batches.journal import FOLDER, forget
from core.batches.limits import Limits
from core.batches.looking import Looking, answer_row
from core.batches.making import Maker
from core.batches.owners import Owners
from core.batches.planning import NAME_LIMIT, Planner
from core.batches.reading import found
from core.batches.rows import answer_of, batches_from, waiting_text
from core.batches.types import (
    Answer,
    Batch,
    BatchDraft,
    Plan,
    Waiting,
)
from core.batches.workshop import Workshop
from core.clock import Clock, Identifiers
from core.errors import Conflict, InvalidInput, NotFound
from core.events import BatchesChanged, EventBus
from core.persistence import Store
from core.sanitise import one_line
from core.settings import Settings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.models.configurations import Configurations
    from core.questions.service import Questions
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")


class Batches(Looking):
    """Everything a person does with batches. Who works on them is decided by lease: any process that called `begin_working`."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        clock: Clock,
        ids: Identifiers,
        events: EventBus,
        supervisor: Supervisor,
        configurations: Configurations,
        questions: Questions,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(store)
        self._clock = clock
        self._events = events
        self._folder = settings.data_dir / FOLDER
        self._planner = Planner(store, questions, configurations)
        self._maker = Maker(store, clock, ids)
        owners = Owners(store, settings)
        shop = Workshop(
            store=store,
            clock=clock,
            limits=limits or Limits(clock.monotonic),
            settings=settings.batches,
            data_dir=settings.data_dir,
            resolve=configurations.resolve,
            owner=owners.find,
        )
        self.crew = Crew(shop, supervisor, ids, events, alone=not settings.served)

    def begin_working(self, *, only: str | None = None) -> None:
        """From now on until the services close, this process works on batches that nobody works on; with `only` on that one.

        Doing so twice changes nothing.
        """
        self.crew.begin(only=only)

    # Making ----------------------------------------------------------------------------------------------------------

    async def plan(self, principal: Principal, draft: BatchDraft) -> Plan:
        """What the draft would ask, with estimates. Asks no model. Raises InvalidInput, NotFound (question_set, configuration)."""
        principal.require_user("batch.plan")
        return await self._planner.plan(principal, draft)

    async def create(self, principal: Principal, draft: BatchDraft) -> Batch:
        """Make a batch in state draft, with its own copy of the questions and of the configurations as they are now. Raises as `plan`."""
        owner = principal.require_user("batch.create")
        prepared = await self._planner.prepare(principal, draft)
        batch_id = await self._maker.make(principal, owner, prepared)
        self._events.publish(BatchesChanged(owner))
        return await self._reading.batch(owner, batch_id)

    async def rename(self, principal: Principal, batch_id: str, name: str) -> Batch:
        """Raises InvalidInput, NotFound."""
        owner = principal.require_user("batch.rename")
        name = one_line(name, NAME_LIMIT + 1).strip()
        if not name:
            raise InvalidInput("name", "empty")
        if len(name) > NAME_LIMIT:
            raise InvalidInput("name", "too_long", max=NAME_LIMIT)
        return await self._change(owner, batch_id, lambda uow, row: uow.batches.change(row.id, name=name))

    async def delete(self, principal: Principal, batch_id: str) -> None:
        """With all its answers. Raises NotFound; Conflict(what="batch_active") while it runs."""
        owner = principal.require_user("batch.delete")

        def work(uow: UnitOfWork) -> str:
            row = _locked(uow, owner, batch_id)
            if row.state in ("running", "pausing"):
                raise Conflict(what="batch_active", batch=row.name)
            uow.batches.remove(owner, row.id)
            return str(row.id)

        forgotten = await self._store.write(work)
        await asyncio.to_thread(forget, self._folder, forgotten)
        self._events.publish(BatchesChanged(owner))

    # Starting and stopping -------------------------------------------------------------------------------------------

    async def start(self, principal: Principal, batch_id: str) -> Batch:
        """Begin. Raises NotFound; Conflict(what="batch_state", state=...) unless it is a draft (a running one is left as it is)."""
        owner = principal.require_user("batch.start")

        def work(uow: UnitOfWork, row: Any) -> None:
            if row.state == "running":
                return
            _require(row, "draft")
            uow.batches.change(row.id, state="running", waiting=waiting_text(self._wait("turn")), started_at=self._clock.now_ms())

        return await self._change(owner, batch_id, work)

    async def pause(self, principal: Principal, batch_id: str) -> Batch:
        """Ask nothing more; what is under way is awaited. To pause what is paused, or being paused, changes nothing.

        Raises NotFound; Conflict(what="batch_state") for a draft and for one that has ended.
        """
        owner = principal.require_user("batch.pause")

        def work(uow: UnitOfWork, row: Any) -> None:
            _require(row, "running", "pausing", "paused")
            if row.state == "running":
                uow.batches.change(row.id, state="pausing", waiting=waiting_text(self._wait("person")))

        made = await self._change(owner, batch_id, work)
        return await self._settled(owner, made) if made.state == "pausing" else made

    async def resume(self, principal: Principal, batch_id: str) -> Batch:
        """Go on after a pause. To resume what runs changes nothing. Raises as `pause`."""
        owner = principal.require_user("batch.resume")

        def work(uow: UnitOfWork, row: Any) -> None:
            _require(row, "running", "pausing", "paused")
            if row.state != "running":
                uow.batches.change(row.id, state="running", waiting=waiting_text(self._wait("turn")))

        return await self._change(owner, batch_id, work)

    async def cancel(self, principal: Principal, batch_id: str) -> Batch:
        """End it for good; what came stays. Requests under way are stopped. Raises NotFound; Conflict(what="batch_state") once ended."""
        owner = principal.require_user("batch.cancel")

        def work(uow: UnitOfWork, row: Any) -> None:
            _require(row, "draft", "running", "pausing", "paused")
            uow.batches.change(row.id, state="cancelled", waiting="", rate=0.0, ended_at=self._clock.now_ms())

        return await self._settled(owner, await self._change(owner, batch_id, work))

    async def retry_failed(self, principal: Principal, batch_id: str, *, configuration_id: str | None = None) -> Batch:
        """Ask the failed ones again (of one configuration of the batch, if named), and nothing else. The batch runs then.

        Raises NotFound; Conflict(what="nothing_failed"), Conflict(what="batch_state") for a draft or a cancelled one.
        """
        owner = principal.require_user("batch.retry")

        def work(uow: UnitOfWork, row: Any) -> None:
            _require(row, "running", "pausing", "paused", "completed", "failed")
            count = uow.batches.put_back(row.id, "failed", configuration_id=configuration_id)
            judged = uow.batches.put_back_judgements(row.id, ("failed",)) if configuration_id is None else 0
            if not count and not judged:
                raise Conflict(what="nothing_failed")
            uow.batches.forgive(row.id)
            uow.batches.recount(row.id)
            started = row.started_at or self._clock.now_ms()
            waiting = waiting_text(self._wait("turn"))
            uow.batches.change(row.id, state="running", waiting=waiting, started_at=started, ended_at=None)

        return await self._change(owner, batch_id, work)

    async def _settled(self, owner: str, batch: Batch) -> Batch:
        """Nobody may be working on it: then what it left is put in order here."""
        await self.crew.settle(batch.id)
        return await self._reading.batch(owner, batch.id)

    # Rating ---------------------------------------------------------------------------------------------------------

    async def rate(self, principal: Principal, answer_id: str, stars: int | None) -> Answer:
        """A person's stars, 1 to 5, None to take them back. Raises InvalidInput, NotFound, Conflict(what="not_answered")."""
        owner = principal.require_user("batch.rate")
        if stars is not None and not 1 <= stars <= 5:
            raise InvalidInput("stars", "out_of_range", min=1, max=5)

        def work(uow: UnitOfWork) -> Answer:
            row = answer_row(uow, owner, answer_id)
            if row.state != "answered":
                raise Conflict(what="not_answered")
            uow.batches.change_answer(row.id, stars=stars)
            uow.batches.change(row.batch_id)
            return answer_of(answer_row(uow, owner, answer_id))

        return await self._store.write(work)

    # Inside ----------------------------------------------------------------------------------------------------------

    async def _change(self, owner: str, batch_id: str, work: Callable[[UnitOfWork, Any], None]) -> Batch:
        """Run `work(uow, row)` while nobody else changes the batch, then tell who listens, and who works on it."""

        def locked(uow: UnitOfWork) -> Batch:
            row = _locked(uow, owner, batch_id)
            work(uow, row)
            return batches_from(uow, (found(uow, owner, row.id),))[0]

        made = await self._store.write(locked)
        self._events.publish(BatchesChanged(owner))
        self.crew.wake(made.id)
        return made

    def _wait(self, reason: Any) -> Waiting:
        return Waiting(reason, since=self._clock.now())


def _locked(uow: UnitOfWork, owner: str, batch_id: str) -> Any:
    row = uow.batches.lock(owner, batch_id)
    if row is None:
        raise NotFound(kind="batch", reference=batch_id)
    return row


def _require(row: Any, *states: str) -> None:
    if row.state not in states:
        raise Conflict(what="batch_state", state=row.state, batch=row.name)
