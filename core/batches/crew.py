"""Who works on batches: every process that called `begin` takes what nobody works on, each batch by a lease of its own.

When a process dies, another one of the same machine takes its batches over at once; of another machine, when the lease has run out. A
lease that has run out while its holder's clock or ours was set is not taken before it was seen to stay so for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from core.batches.engine import Engine
from core.batches.types import Waiting, WaitReason
from core.batches.workshop import Workshop, settle
from core.clock import Identifiers
from core.errors import ModeltrainError
from core.events import BatchesChanged, EventBus
from core.leases import Lease, is_dead
from core.persistence import Stillness
from core.supervisor import Supervisor, happens

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

#: Seconds between two looks at what nobody works on, while there are batches to look after and while there are none.
BUSY_S, IDLE_S = 1.0, 2.0
#: Seconds beyond the time of its next renewal that a lease which ran out must stay so before it is taken from a process that may live.
PATIENCE_S = 10.0
#: Seconds after which a batch whose engine broke is taken up again.
BROKE_S = 30.0


def lease_name(batch_id: str) -> str:
    return f"batch:{batch_id}"


class BatchLease:
    """The lease of one batch. `take` is also how it is kept."""

    def __init__(self, shop: Workshop, batch_id: str, holder: str) -> None:
        self._shop = shop
        self._name = lease_name(batch_id)
        self._holder = holder
        self._lease = Lease(shop.store, shop.clock, holder, name=self._name, ttl_s=shop.settings.lease_s)
        self._seen: tuple[str, int, float] | None = None

    async def take(self) -> bool:
        """Whether it is ours."""
        row = await self._row()
        if row is not None and row[0] and row[0] != self._holder and not is_dead(row[1]) and not self._stale(row[0], row[2]):
            return False
        return await self._lease.take()

    def _stale(self, holder: str, until: int) -> bool:
        """Whether it has run out, and was so long enough by the clock that nobody sets: its holder does not renew it any more."""
        now = self._shop.clock.monotonic()
        if self._seen is None or self._seen[:2] != (holder, until):
            self._seen = (holder, until, now)
        whole = self._shop.settings.lease_s
        # It is renewed at half of the time: on a machine whose clock is behind it looks run out in between, though its holder lives.
        patience = PATIENCE_S + (whole / 2 if until <= self._shop.clock.now_ms() else whole)
        return now - self._seen[2] > patience

    async def is_held(self) -> bool:
        """Whether some other process works on the batch, as far as can be known."""
        row = await self._row()
        return row is not None and bool(row[0]) and row[0] != self._holder and not is_dead(row[1]) and row[2] > self._shop.clock.now_ms()

    async def give_back(self) -> None:
        with suppress(ModeltrainError):
            await self._lease.give_back()

    async def _row(self) -> tuple[str, str, int] | None:
        def work(uow: UnitOfWork) -> tuple[str, str, int] | None:
            row = uow.leases.get(self._name)
            return None if row is None else (row.holder, row.process, row.expires_at)

        return await self._shop.store.read(work)


class Crew:
    """The engines of one process."""

    def __init__(self, shop: Workshop, supervisor: Supervisor, ids: Identifiers, events: EventBus, *, alone: bool) -> None:
        """`alone`: this is the program of one person, which may be told not to go on by itself when it starts."""
        self.shop = shop
        self._supervisor = supervisor
        self._events = events
        self._holder = ids.token(16)
        self._alone = alone
        self._engines: dict[str, Engine] = {}
        self._owners: Counter[str] = Counter()
        self._leases: dict[str, BatchLease] = {}
        self._rest_until: dict[str, float] = {}
        self._settling: set[str] = set()  # no engine begins with these
        self._one_settles = asyncio.Lock()
        self._woken = asyncio.Event()
        self._begun = False
        self._only: str | None = None
        self._stillness = Stillness(shop.store)

    @property
    def begun(self) -> bool:
        """Whether this process works on batches."""
        return self._begun

    def begin(self, *, only: str | None = None) -> None:
        """Work on batches until the services close. Doing so twice changes nothing.

        `only`: on this one. For a command that waits for it: others would be cut off when it ends, and asked again what was under way.
        """
        if not self._begun:
            self._begun, self._only = True, only
            self._supervisor.start(self._forever, "batches: crew")

    def wake(self, batch_id: str = "") -> None:
        """Somebody wants something of this batch."""
        if batch_id in self._engines:
            self._engines[batch_id].wake()
        self._woken.set()

    async def settle(self, batch_id: str) -> bool:
        """Put a batch in order that nobody works on (paused or cancelled meanwhile); False if somebody does, who will see it."""
        async with self._one_settles:
            if batch_id in self._engines:
                self._engines[batch_id].wake()
                return False
            self._settling.add(batch_id)
            try:
                return await self._settle(batch_id, "person", of=("pausing",))
            finally:
                self._settling.discard(batch_id)
                self._woken.set()

    async def _settle(self, batch_id: str, reason: WaitReason, *, of: Sequence[str]) -> bool:
        """Put it in order, and pause it if it is in one of these states; False if somebody works on it."""
        lease = self._lease(batch_id)
        if not await lease.take():
            return False
        try:
            desk = await settle(self.shop, batch_id)
            if desk is not None:
                await desk.become("paused", of=of, waiting=Waiting(reason, since=self.shop.clock.now()))
        finally:
            await lease.give_back()
        return True

    # The loop --------------------------------------------------------------------------------------------------------

    async def _forever(self) -> None:
        try:
            if not self.shop.settings.resume and self._alone:
                while await self._safely(self._pause_what_was_cut_off):
                    await happens(self._woken, within_s=BUSY_S)
                    self._woken.clear()
            busy = True
            while True:
                if busy or self._woken.is_set() or not self._stillness.lasts():
                    self._woken.clear()
                    busy = await self._safely(self._look)
                await happens(self._woken, within_s=BUSY_S if busy else IDLE_S)
        finally:
            for engine in self._engines.values():
                engine.close()

    async def _safely(self, turn: Callable[[], object]) -> bool:
        try:
            result = turn()
            return bool(await result) if asyncio.iscoroutine(result) else bool(result)
        except ModeltrainError as error:
            log.warning("batches could not be looked after: %s", error)
        except Exception:
            log.exception("batches could not be looked after")
        return True

    async def _look(self) -> bool:
        """Take what nobody works on; whether there is anything to look after."""
        rows = await self.shop.store.read(lambda uow: [(row.id, row.owner_id) for row in uow.batches.active()])
        now = self.shop.clock.monotonic()
        for batch_id, owner_id in rows:
            if self._only not in (None, batch_id):
                continue
            if batch_id in self._engines or self._is_full(owner_id) or self._rest_until.get(batch_id, 0.0) > now:
                continue
            if batch_id not in self._settling and await self._lease(batch_id).take() and batch_id not in self._settling:
                self._start(batch_id, owner_id)
        known = {batch_id for batch_id, _ in rows}
        for batch_id in [each for each in self._leases if each not in known and each not in self._engines]:
            del self._leases[batch_id]
            self._rest_until.pop(batch_id, None)
        return bool(rows)

    def _is_full(self, owner_id: str) -> bool:
        """Whether no more batches are worked on here, of everybody's or of this person's."""
        settings = self.shop.settings
        return len(self._engines) >= settings.at_once or self._owners[owner_id] >= settings.at_once_a_user

    def _lease(self, batch_id: str) -> BatchLease:
        if batch_id not in self._leases:
            self._leases[batch_id] = BatchLease(self.shop, batch_id, self._holder)
        return self._leases[batch_id]

    def _start(self, batch_id: str, owner_id: str) -> None:
        lease = self._lease(batch_id)
        engine = Engine(self.shop, batch_id, lease.take)
        self._engines[batch_id] = engine
        self._owners[owner_id] += 1
        self._supervisor.start(lambda: self._run(engine, batch_id, owner_id, lease), f"batch {batch_id}")

    async def _run(self, engine: Engine, batch_id: str, owner_id: str, lease: BatchLease) -> None:
        """Run the engine to its end; when the program closes, it gets a moment to give back what it has taken."""
        work = asyncio.create_task(engine.run())
        try:
            while not work.done():
                try:
                    await asyncio.wait({work})
                except asyncio.CancelledError:
                    engine.close()
            work.result()
        except ModeltrainError as error:
            log.warning("batch %s is left alone for a while: %s", batch_id, error)
            self._rest_until[batch_id] = self.shop.clock.monotonic() + BROKE_S
        except Exception:
            log.exception("the engine of batch %s broke", batch_id)
            self._rest_until[batch_id] = self.shop.clock.monotonic() + BROKE_S
        finally:
            try:
                await lease.give_back()
            finally:  # not before: the next engine would work by a lease that is given back under its hands
                self._engines.pop(batch_id, None)
                self._owners[owner_id] -= 1
            self._events.publish(BatchesChanged(owner_id))
            self._woken.set()

    async def _pause_what_was_cut_off(self) -> None:
        """At the start of a program that is not to go on by itself."""
        for batch_id in await self.shop.store.read(lambda uow: [row.id for row in uow.batches.active()]):
            await self._settle(batch_id, "program_ended", of=("running", "pausing"))
