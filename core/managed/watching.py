"""Looking after services: asked how they are, started again when they end by themselves, given up when that does not help.

Many processes may try; each service has one watcher at a time (`watcher`, `watched_until`), and each change compares the revision that
it is based on. So whoever stops a service in another process is never overruled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.clock import Clock
from core.errors import ModeltrainError
from core.managed.health import answers
from core.managed.rows import key_of, service_of, spec_from_json
from core.managed.starting import launch_attempt, told_port
from core.managed.types import ACTIVE, Service, ServiceSpec
from core.persistence import Store
from core.processes import JobState, abandon, age_s, free_port, look, stop
from core.training.failures import Failure, Remedy, explain, gather

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
#: Milliseconds that a watcher has a service for itself; seconds between two looks.
WATCH_MS, EVERY_S = 15_000, 2.0
#: How often a service that was ready is started again before it is given up, and the first pause before that, doubled each time.
MOST_RESTARTS, FIRST_PAUSE_MS = 3, 2_000
_LONGEST_PAUSE_MS = FIRST_PAUSE_MS * 2**MOST_RESTARTS
#: So long ready, and earlier restarts are forgotten.
STEADY_MS = 10 * 60_000
#: A service that was ready and has not answered for so long hangs: it is ended and started again.
HANGS_MS = 120_000
#: An attempt that nobody launched within this time is launched anew: who wanted to is gone.
LAUNCH_MS = 60_000
GRACE_S = 10.0
#: Why an attempt ended in a way that the same attempt again would not.
_PASSING = frozenset({"port_taken", "killed", "killed_perhaps_memory", "host_out_of_memory", "crashed", "lost"})


@dataclass(frozen=True, slots=True)
class Found:
    """A row as it was read, with what it takes to act on it."""

    row: Any
    spec: ServiceSpec
    key: str = field(repr=False)

    @property
    def service(self) -> Service:
        return service_of(self.row)

    @property
    def folder(self) -> Path:
        return Path(self.row.folder)


def _found(uow: UnitOfWork, service_id: str) -> Found | None:
    row = uow.services.any(service_id)
    return None if row is None or row.state not in ACTIVE else Found(row, spec_from_json(row.spec), key_of(uow, row))


class Watcher:
    """`changed(uow, service, key)` is called in the unit of work of each change of state or port, `told(service)` after its commit."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        name: str,
        *,
        changed: Callable[[UnitOfWork, Service, str], None],
        told: Callable[[Service], None],
    ) -> None:
        self._told = told
        self._store = store
        self._clock = clock
        self._name = name
        self._changed = changed
        self._answered: dict[str, int] = {}

    async def look_after(self) -> bool:
        """One pass over everything that is meant to run or to end. Whether there was anything."""
        ids = await self._store.read(lambda uow: [row.id for row in uow.services.in_states(ACTIVE)])
        for service_id in ids:
            await self.look_after_one(service_id)
        return bool(ids)

    async def look_after_one(self, service_id: str) -> None:
        """Look at one service, unless somebody else does just now. What goes wrong with it is logged: others have to be looked after."""
        now = self._clock.now_ms()

        try:
            found = await self._store.read(lambda uow: _found(uow, service_id))
            if found is None or not await self._mine(found, now):
                return
            await self._act(found)
        except Exception:
            log.exception("the service %s could not be looked after", service_id)

    async def _mine(self, found: Found, now: int) -> bool:
        """Whether it is this process that looks after it. The claim is renewed in its second half, so that looking seldom writes."""
        row = found.row
        if WATCH_MS // 2 < row.watched_until - now <= WATCH_MS:  # more than the whole time: the clock was set back
            return bool(row.watcher == self._name)
        return await self._store.write(
            lambda uow: uow.services.watch(row.id, self._name, moment=now, until=now + WATCH_MS, longest=WATCH_MS)
        )

    async def _act(self, found: Found) -> None:
        if found.row.state == "stopping":
            # Who stops it does that himself; if he is gone, somebody has to finish it.
            if abs(self._clock.now_ms() - (found.row.ended_at or 0)) > 2 * WATCH_MS:
                await self.finish_stop(found)
            return
        state = await asyncio.to_thread(look, found.folder)
        if state.kind == "starting":
            await self._not_launched(found)
        elif state.kind == "running":
            await self._running(found, state)
        else:
            await self._ended(found, state)

    # Running ---------------------------------------------------------------------------------------------------------

    async def _running(self, found: Found, state: JobState) -> None:
        row, now = found.row, self._clock.now_ms()
        told = await asyncio.to_thread(told_port, found.folder / "log.txt", found.spec.port_pattern) if found.spec.port_pattern else 0
        if told and told != row.port:
            await self.change(found, port=told)
            return
        path = found.spec.health_path
        port_known = bool(row.port)
        if port_known and await answers(row.host, row.port, path, key=found.key if found.spec.health_key else ""):
            self._answered[row.id] = now
            if row.state != "ready":
                await self.change(found, state="ready", ready_at=now, failure="")
            elif row.restarts and now - (row.ready_at or now) > STEADY_MS:
                await self.change(found, restarts=0)
        elif row.state == "ready":
            if now - self._answered.setdefault(row.id, now) > HANGS_MS:
                await self._end_and_restart(found, Failure("service_hangs", {"seconds": HANGS_MS // 1000}, (Remedy("read_log"),)))
        elif state.shim is not None and age_s(state.shim) > found.spec.ready_within_s:
            failure = Failure("service_not_ready", {"seconds": round(found.spec.ready_within_s)}, (Remedy("read_log"), Remedy("retry")))
            if (await stop(found.folder, grace_s=GRACE_S)).gone:
                await self.give_up(found, failure)

    async def _end_and_restart(self, found: Found, failure: Failure) -> None:
        if (await stop(found.folder, grace_s=GRACE_S)).gone:
            await self._again_or_never(found, failure, was_ready=True)

    # Ended -----------------------------------------------------------------------------------------------------------

    async def _not_launched(self, found: Found) -> None:
        row, now = found.row, self._clock.now_ms()
        if now < row.not_before <= now + _LONGEST_PAUSE_MS:  # beyond it the clock was set back
            return
        if row.restarts and not row.started_at:
            with contextlib.suppress(ModeltrainError):  # it is given up then, and says why
                await self.launch(found)
        elif abs(now - (row.started_at or row.created_at)) > LAUNCH_MS and await asyncio.to_thread(abandon, found.folder):
            await self._next_attempt(found, Failure("lost", {}), restarts=row.restarts + 1)

    async def _ended(self, found: Found, state: JobState) -> None:
        """It ended by itself. What is left of its processes goes first."""
        if not (await stop(found.folder, grace_s=GRACE_S)).gone:
            return
        failure = await asyncio.to_thread(lambda: explain(gather(found.folder, kind="service", exit=state.exit, options={})))
        await self._again_or_never(found, failure, was_ready=found.row.ready_at is not None)

    async def _again_or_never(self, found: Found, failure: Failure, *, was_ready: bool) -> None:
        """Again where that may help: it was ready before, or what ended it passes."""
        worth = was_ready or failure.rule in _PASSING
        if worth and found.row.restarts < MOST_RESTARTS:
            await self._next_attempt(found, failure, restarts=found.row.restarts + 1)
        else:
            await self.give_up(found, failure)

    async def _next_attempt(self, found: Found, failure: Failure, *, restarts: int) -> None:
        row = found.row
        pause = FIRST_PAUSE_MS * 2 ** max(0, restarts - 1)
        taken = failure.rule == "port_taken" and not row.asked_port
        await self.change(
            found,
            state="starting",
            attempt=row.attempt + 1,
            folder=str(found.folder.parent / str(row.attempt + 1)),
            restarts=restarts,
            failure=failure.to_json(),
            port=free_port() if taken else row.port,
            not_before=self._clock.now_ms() + pause,
            started_at=None,
            ready_at=None,
        )

    async def launch(self, found: Found) -> None:
        """Start the attempt of the row. What keeps it from starting gives it up, and is raised."""
        if not await self.change(found, started_at=self._clock.now_ms()):
            return
        row = found.row
        try:
            await asyncio.to_thread(launch_attempt, found.folder, found.spec, host=row.host, port=row.port, key=found.key)
        except ModeltrainError as error:
            said = str(error.fields.get("reason") or error.fields.get("path") or "")
            rule = "disk_full" if error.code == "disk_full" else "environment_broken"
            await self.give_up(await self.again(found), Failure(rule, {"said": said}, (Remedy("repair_environment"),)))
            raise

    async def give_up(self, found: Found, failure: Failure) -> bool:
        now = self._clock.now_ms()
        return await self.change(found, state="failed", wanted="stop", failure=failure.to_json(), ended_at=now, release=True)

    async def finish_stop(self, found: Found) -> bool:
        """End every process of it; whether all are gone and the row says so."""
        if not (await stop(found.folder, grace_s=GRACE_S)).gone:
            return False
        return await self.change(found, state="stopped", failure="", ended_at=self._clock.now_ms(), release=True)

    # Writing ---------------------------------------------------------------------------------------------------------

    async def change(self, found: Found, *, release: bool = False, **values: Any) -> bool:
        """Set columns if the row is still what it was, let go of its GPUs if `release`, and tell the feature it belongs to."""

        def work(uow: UnitOfWork) -> Service | None:
            if not uow.services.change(found.row.id, found.row.revision, **values):
                return None
            if release:
                uow.slots.release(found.row.id)
            service = service_of(uow.services.any(found.row.id))
            self._changed(uow, service, found.key)
            return service

        if (service := await self._store.write(work)) is not None:
            self._told(service)
        return service is not None

    async def again(self, found: Found) -> Found:
        """The same service as it stands now."""

        def work(uow: UnitOfWork) -> Found:
            return Found(uow.services.any(found.row.id), found.spec, found.key)

        return await self._store.read(work)
