"""The scheduler: looks after runs at work and starts those whose turn has come. Every process with services has one; one acts.

A turn is one pass over everything; it may be cut off anywhere, because whatever it does is written down before or found again after.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.clock import Clock, Identifiers
from core.errors import ModeltrainError, StorageError
from core.events import EventBus
from core.leases import TTL_S, Lease
from core.persistence import Stillness, Store
from core.processes import JobState, abandon, ask_to_save, look, stop
from core.settings import Settings
from core.supervisor import Supervisor, happens
from core.training.gpus import Gpu, GpuReader
from core.training.holders import others
from core.training.queue import Decision, Holder, Situation, Waiting, decide
from core.training.recovery import Settling
from core.training.runs_changes import RunChanges
from core.training.runs_files import last_logged
from core.training.runs_rows import waiting_text
from core.training.scheduler_start import Starter, Workshop, requeue, wish_of
from core.training.slots import offer
from core.training.types import RunState

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

#: Seconds between two turns while something runs or waits, and while nothing does.
BUSY_S, IDLE_S = 1.0, 2.0
#: Seconds that a run gets to end by itself when it is stopped.
GRACE_S = 10.0
#: The setting that pauses the queue.
QUEUE_PAUSED = "runs.queue_paused"


class Scheduler:
    """`turn` for one pass, `begin` to go on until services close. `gpus`: what there is is read through it, in a thread.

    `grace_s`: seconds that a run gets to end by itself when it is stopped. `lease_s`: so long a process is believed to be the scheduler
    that says no more and cannot be looked at.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        clock: Clock,
        ids: Identifiers,
        events: EventBus,
        supervisor: Supervisor,
        gpus: GpuReader,
        workshop: Workshop,
        grace_s: float = GRACE_S,
        lease_s: float = TTL_S,
    ) -> None:
        self.changes = store if isinstance(store, RunChanges) else RunChanges(store, events)
        self.gpus = gpus
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._workshop = workshop
        self._starter = Starter(self.changes, settings, clock, ids, workshop)
        self._settling = Settling(self.changes, clock)
        self._lease = Lease(store, clock, ids.token(16), ttl_s=lease_s)
        self._grace_s = grace_s
        self._turning = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stopping: dict[str, asyncio.Task[Any]] = {}
        self._begun = False
        self._stillness = Stillness(store)

    def begin(self) -> None:
        """Take turns in this process until its services close. Doing so twice changes nothing."""
        if not self._begun:
            self._begun = True
            self._supervisor.start(self._forever, "runs: scheduler")

    def wake(self) -> None:
        """Something was asked for: take the next turn now."""
        self._woken.set()

    async def _forever(self) -> None:
        try:
            busy = True
            while True:
                if busy or self._woken.is_set() or not self._stillness.lasts():
                    self._woken.clear()
                    busy = await self._safely()
                await happens(self._woken, within_s=BUSY_S if busy else IDLE_S)
        finally:
            await self.close()

    async def _safely(self) -> bool:
        try:
            return await self.turn()
        except ModeltrainError as error:
            log.warning("a turn of the scheduler was cut off: %s", error)  # a busy or unreachable database: the next one goes on
        except Exception:
            log.exception("a turn of the scheduler was cut off")
        return True

    async def close(self) -> None:
        """Let another process take over at once."""
        try:
            await self._lease.give_back()
        except ModeltrainError as error:
            log.info("the lease of the scheduler could not be given back: %s", error)

    async def turn(self) -> bool:
        """One pass, if no other process does it. Whether anything is at work or waits.

        A command over SSH leaves it to the workers of the server: it has neither their environment nor their memory.
        """
        async with self._turning:
            if not await self.changes.read(lambda uow: uow.runs.busy()):
                return False
            if (self._begun or not self._settings.served) and await self._lease.take():
                await self._pass()
            return True

    async def unsettled(self) -> bool:
        """Whether a run has ended, or is to end, that is not settled yet."""
        rows = await self.changes.read(lambda uow: list(uow.runs.at_work()))
        looks = await asyncio.to_thread(_look_at_all, rows, self._clock.now_ms())
        return any(row.wanted or looks[row.id][0].kind != "running" for row in rows)

    async def _pass(self) -> None:
        rows = await self.changes.read(lambda uow: list(uow.runs.at_work()))
        looks = await asyncio.to_thread(_look_at_all, rows, self._clock.now_ms())
        news: list[tuple[Any, int, int | None]] = []
        for row in rows:
            state, logged = looks[row.id]
            await self._look_after_one(row, state)
            if (
                logged is not None
                and state.kind == "running"
                and (logged[0] > row.step or (logged[1] or row.total_steps) != row.total_steps)
            ):
                news.append((row, *logged))
        if news:
            await self.changes.write(lambda uow: _write_progress(uow, news))
        await self._start_next()

    async def _look_after_one(self, row: Any, state: JobState) -> None:
        """One run that cannot be looked after keeps no other from it."""
        try:
            await self._look_after(row, state)
        except (StorageError, asyncio.CancelledError):
            raise  # the same would happen to every other
        except Exception:
            log.exception("the run %s could not be looked after", row.id)

    # Runs at work ----------------------------------------------------------------------------------------------------

    async def _look_after(self, row: Any, state: JobState) -> None:
        if row.id in self._stopping:
            return
        if state.kind == "starting":
            if await asyncio.to_thread(abandon, Path(row.a_folder)):
                await self.changes.write(lambda uow: requeue(uow, row, row.attempt))
        elif state.kind in {"ended", "lost"}:
            if not await self._settling.settle(row, state, self.gpus):
                self._end(row)
        elif row.wanted == "stop":
            self._end(row)
        else:
            await self._go_on(row)

    async def _go_on(self, row: Any) -> None:
        """A run that lives: found again after its start was cut off, asked to save if that is wanted."""
        if row.state == RunState.STARTING:
            await self.changes.write(lambda uow: _move(uow, row, "running"))
        elif row.wanted == "pause" and row.asked_at is None and await ask_to_save(Path(row.a_folder)):
            moment = self._clock.now_ms()
            await self.changes.write(lambda uow: _move(uow, row, "pausing", asked_at=moment))

    def _end(self, row: Any) -> None:
        """End every process of the run; the next turn finds it ended."""
        folder = Path(row.a_folder)

        async def work() -> None:
            try:
                stopped = await stop(folder, grace_s=self._grace_s)
                if not stopped.gone:
                    log.error("processes of the run %s do not end: %s", row.id, stopped.left)
            finally:
                self._stopping.pop(row.id, None)
                self.wake()

        self._stopping[row.id] = self._supervise(work(), f"runs: stop {row.id}")

    def _supervise(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[Any]:
        return self._supervisor.start(lambda: work, name)

    # The queue -------------------------------------------------------------------------------------------------------

    async def _start_next(self) -> None:
        queue, at_work, held, paused, known = await self.changes.read(_queue)
        if not queue:
            return
        gpus = await asyncio.to_thread(self.gpus.read)
        situation = await self._situation(queue, at_work, held, gpus, paused, known)
        decisions = decide([_waiting(row) for row in queue], situation)
        reasons = [(row, each) for row, each in zip(queue, decisions, strict=True) if each.slots is None]
        changed = [(row, each) for row, each in reasons if waiting_text(each.reason) != row.waiting]
        if changed:
            await self.changes.write(lambda uow: _write_reasons(uow, changed))
        for each in decisions:
            if each.slots is not None and await self._lease.take():  # still ours, however long the starts before took
                await self._starter.start(each.run_id, each.slots)

    async def _situation(
        self,
        queue: Sequence[Any],
        at_work: Sequence[Any],
        held: Mapping[str, str],
        gpus: Sequence[Gpu],
        paused: bool,
        known: Mapping[str, Holder],
    ) -> Situation:
        environment = await self._workshop.environment()
        free = await asyncio.to_thread(_free, self._settings.data_dir)
        needed = self._settings.training.disk_reserve_bytes
        return Situation(
            there=offer(gpus, held),
            at_work=Counter(row.owner_id for row in at_work),
            limit=self._settings.training.runs_a_user,
            paused=paused,
            environment="" if environment.ready else environment.state,
            disk_lack=(free, needed) if free < needed else None,
            now=self._clock.now_ms(),
            holders=known,
        )


def _look_at_all(rows: Sequence[Any], now: int) -> dict[str, tuple[JobState, tuple[int, int | None] | None]]:
    found = {}
    for row in rows:
        state = look(Path(row.a_folder))
        # A start in the future was before the clock was set back: whatever is logged is older than it.
        since = row.started_at if row.started_at <= now else 0
        logged = last_logged(Path(row.a_output_dir), since=since) if state.kind == "running" else None
        found[row.id] = state, logged
    return found


def _queue(uow: UnitOfWork) -> tuple[list[Any], list[Any], dict[str, str], bool, dict[str, Holder]]:
    queue = list(uow.runs.queue())
    if not queue:
        return [], [], {}, False, {}
    at_work, held = list(uow.runs.at_work()), uow.slots.all()
    known = {row.id: Holder(row.id, row.owner_id, row.name) for row in (*at_work, *queue)}
    return queue, at_work, held, uow.settings.get(QUEUE_PAUSED) == "true", known | others(uow, held, known)


def _waiting(row: Any) -> Waiting:
    problem = json.loads(row.waiting)["fields"] if row.waiting and row.not_before else {}
    return Waiting(row.id, row.owner_id, row.name, wish_of(row), row.not_before, problem)


def _write_reasons(uow: UnitOfWork, changed: Sequence[tuple[Any, Decision]]) -> None:
    touched: dict[str, list[str]] = {}
    for row, each in changed:
        if uow.runs.change(row.id, {"state": "pending"}, waiting=waiting_text(each.reason)):
            touched.setdefault(row.owner_id, []).append(row.id)
    uow.runs.touch(touched)


def _write_progress(uow: UnitOfWork, news: Sequence[tuple[Any, int, int | None]]) -> None:
    touched: dict[str, list[str]] = {}
    for row, step, total in news:
        if uow.runs.change(row.id, {"attempt": row.attempt}, step=step, total_steps=total or row.total_steps):
            uow.runs.change_attempt(row.id, row.attempt, last_step=step, total_steps=total or row.total_steps)
            touched.setdefault(row.owner_id, []).append(row.id)
    uow.runs.touch(touched)


def _move(uow: UnitOfWork, row: Any, state: str, **values: Any) -> None:
    if uow.runs.change(row.id, {"state": row.state, "attempt": row.attempt}, state=state, **values):
        uow.runs.change_attempt(row.id, row.attempt, state=state)
        uow.runs.touch({row.owner_id: [row.id]})


def _free(data_dir: Path) -> int:
    """Bytes that are free for runs: their folder may lie on a disk of its own."""
    runs = data_dir / "runs"
    return shutil.disk_usage(runs if runs.exists() else data_dir).free
