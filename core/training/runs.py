"""Runs: asked for, queued, looked at, paused, resumed, stopped, retried. Whoever asks sees and changes only their own.

An administrator also sees everybody's (without what they are made of), and may stop them and order the queue.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.audit import Actor
from core.auth.principal import Principal, operator
from core.clock import Clock, Identifiers
from core.errors import Conflict, NotFound
from core.events import EventBus
from core.persistence import Store
from core.settings import Settings
from core.supervisor import Supervisor, happens
from core.training import runs_requests as requests
from core.training.gpus import Gpu, GpuReader
from core.training.holders import holders
from core.training.runs_base import RunsBase, plain, queue_places, refuse_active, refuse_not_pending
from core.training.runs_files import METRICS
from core.training.runs_rows import attempt_view, run_view, waiting_text
from core.training.scheduler import QUEUE_PAUSED, Scheduler
from core.training.scheduler_start import Workshop, turn_command
from core.training.types import ACTIVE, RESUMABLE, Attempt, QueueState, Run, RunPage, RunRequest, RunState, SlotHolder, WaitReason
from core.training.uses import refuse_used

if TYPE_CHECKING:
    from core.training.configurations import Training
    from core.training.environment import TrainingEnvironment
    from core.training.planning import ResolvedRun
    from core.training.preflight_types import Preflight
    from storage.unit_of_work import UnitOfWork

MOST = 1000
#: Runs of one served person that may wait at a time: everybody has to get through the same queue.
MOST_WAITING = 100
#: Seconds between two looks of somebody who waits for a run.
LOOK_S = 0.5


class Runs(RunsBase):
    """Raises NotFound(kind="run") for unknown ids and other people's, Conflict(what="run_...") where the state does not allow it.

    A run is named by its id, by the beginning of it (at least 6 digits), or by its name; of several of a name the newest is meant.
    """

    # Looking -------------------------------------------------------------------------------------------------------

    async def runs(
        self,
        principal: Principal,
        *,
        states: Collection[RunState] = (),
        query: str = "",
        limit: int = 50,
        offset: int = 0,
        everyone: bool = False,
    ) -> RunPage:
        """Runs, those at work first, then the queue in its order, then the newest. `everyone`: an administrator sees all accounts'."""
        owner = self._sees(principal, everyone)
        limit, offset = max(0, min(limit, MOST)), max(0, offset)

        def work(uow: UnitOfWork) -> RunPage:
            rows, total = uow.runs.page(owner, states=[str(state) for state in states], query=query, limit=limit, offset=offset)
            found = queue_places(uow, rows)
            items = tuple(run_view(row, found.get(row.id), reader=principal.user_id) for row in rows)
            return RunPage(items, total, uow.runs.counts(owner))

        return await self._store.read(work)

    async def run(self, principal: Principal, run_id: str) -> Run:
        """One run as it stands."""
        return await self._store.read(lambda uow: self._view(uow, principal, self._find(uow, principal, run_id, any_of=True)))

    async def attempts(self, principal: Principal, run_id: str) -> tuple[Attempt, ...]:
        """The newest first."""

        def work(uow: UnitOfWork) -> tuple[Attempt, ...]:
            row = self._find(uow, principal, run_id)
            return tuple(attempt_view(each) for each in uow.runs.attempts_of(row.id))

        return await self._store.read(work)

    async def log_path(self, principal: Principal, run_id: str, *, attempt: int | None = None) -> Path:
        """The log of an attempt, by default the current one; the file need not be there yet. Raises Conflict(what="run_not_started")."""
        return (await self._attempt(principal, run_id, attempt)).log

    async def metrics_path(self, principal: Principal, run_id: str) -> Path:
        """`trainer_log.jsonl` of the output folder; need not be there yet. Raises Conflict(what="run_not_started")."""
        return (await self._attempt(principal, run_id, None)).output_dir / METRICS

    async def gpus(self, principal: Principal) -> tuple[tuple[Gpu, SlotHolder | None], ...]:
        """Every GPU with the run or the model server that holds it: None where nobody does. Somebody else's has no name here."""
        if not principal.is_admin:
            principal.require_user("run.list")
        found = await asyncio.to_thread(self.scheduler.gpus.read)
        held = await self._store.read(lambda uow: holders(uow, principal)) if found else {}
        return tuple((gpu, held.get(gpu.uuid)) for gpu in found)

    async def queue(self, principal: Principal) -> QueueState:
        """The queue of everybody, in numbers."""
        if not principal.is_admin:
            principal.require_user("run.list")
        return await self._store.read(self._queue)

    # Asking for one ------------------------------------------------------------------------------------------------

    async def start(self, principal: Principal, request: RunRequest) -> Run:
        """Check and resolve the request (services.training.resolve) and queue it. It begins when its turn comes, whoever lives then.

        Raises InvalidInput, NotFound, Forbidden.
        """
        principal.require_user("run.start")
        requests.check(principal, request)
        resolved = await self._training.resolve(principal, request)
        if changes := request.extra.get("changes"):
            resolved = await self._training.resolve_changes(principal, resolved, changes)
        return await self.enqueue(principal, request, resolved)

    async def enqueue(self, principal: Principal, request: RunRequest, resolved: ResolvedRun) -> Run:
        """Queue what was resolved already: for services that make their own, as a merge.

        Raises InvalidInput, Conflict(what="runs_waiting").
        """
        owner = principal.require_user("run.start")
        requests.check(principal, request)

        def work(uow: UnitOfWork) -> Run:
            if principal.served and not principal.is_admin and uow.runs.counts(owner).get("pending", 0) >= MOST_WAITING:
                raise Conflict(what="runs_waiting", limit=MOST_WAITING)
            run_id, moment = self._ids.new(), self._clock.now_ms()
            values = requests.columns(request, resolved, moment, uow.runs.last_position() + 1)
            uow.runs.add(id=run_id, owner_id=owner, **values)
            uow.runs.touch({owner: [run_id]})
            return self._view(uow, principal, uow.runs.get(owner, run_id))

        run = await self._store.write(work)
        self.scheduler.wake()
        return run

    async def preflight_again(self, principal: Principal, run_id: str, changes: Mapping[str, Any]) -> Preflight:
        """What can be said before another attempt with these changes. Raises Conflict(what="run_active"), InvalidInput as `retry`."""
        from core.training.planning import ResolvedRun

        def work(uow: UnitOfWork) -> tuple[str, RunRequest]:
            row = self._find(uow, principal, run_id)
            uuids = tuple(json.loads(row.gpu_uuids or "[]"))
            return plain(row)["resolved"], RunRequest(row.name, gpus=row.gpus_wanted, gpu_uuids=uuids, processes=row.processes)

        resolved, request = await self._store.read(work)
        return await self._training.preflight_again(principal, ResolvedRun.from_json(resolved), changes, request)

    async def retry(self, principal: Principal, run_id: str, changes: Mapping[str, Any] | None = None) -> Run:
        """Queue a new attempt from the beginning, with options changed (None removes one). Raises Conflict(what="run_active")."""
        run = await self._store.read(lambda uow: plain(self._find(uow, principal, run_id)))
        from core.training.planning import ResolvedRun

        resolved = ResolvedRun.from_json(run["resolved"])
        if changes:
            resolved = await self._training.resolve_changes(principal, resolved, changes)

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run["id"])
            refuse_active(row)
            values = requests.again(self._clock.now_ms(), uow.runs.last_position() + 1)
            told = {
                "resolved": resolved.to_json(),
                "changes": requests.as_json(changes or {}),
                "resume": False,
                "step": 0,
                "total_steps": None,
            }
            return self._changed(uow, principal, row, {"state": row.state}, **values, **told)

        return await self._ask(work)

    async def resume(self, principal: Principal, run_id: str) -> Run:
        """Queue a new attempt that goes on from the last whole checkpoint. Raises Conflict(what="run_not_resumable" | "run_finished")."""

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run_id)
            if row.state == RunState.COMPLETED:
                raise Conflict(what="run_finished", run=row.name)
            if row.state not in RESUMABLE or not row.can_resume or requests.cannot_go_on(row):
                raise Conflict(what="run_not_resumable", run=row.name, state=row.state)
            values = requests.again(self._clock.now_ms(), uow.runs.last_position() + 1)
            return self._changed(uow, principal, row, {"state": row.state}, **values, resume=True, changes="")

        return await self._ask(work)

    # Changing one --------------------------------------------------------------------------------------------------

    async def pause(self, principal: Principal, run_id: str) -> Run:
        """Ask for a checkpoint and the end: the state is `pausing` until it is there, however long the trainer takes to begin.

        Raises Conflict(what="run_not_running" | "run_pause_on_cpu"): several processes on the CPU cannot go on from a checkpoint
        (torch does not know the place "cpu:0" that transformers loads the optimizer to).
        """

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run_id, any_of=True)
            if row.state not in {RunState.STARTING, RunState.RUNNING} or row.wanted == "stop" or row.kind != "train":
                raise Conflict(what="run_not_running", run=row.name, state=row.state)
            if requests.cannot_go_on(row):
                raise Conflict(what="run_pause_on_cpu", run=row.name, processes=row.processes)
            return self._changed(uow, principal, row, {"state": row.state}, state="pausing", wanted="pause", asked_at=None)

        return await self._ask(work)

    async def stop(self, principal: Principal, run_id: str) -> Run:
        """End it: gracefully, then every process. A pending or paused one is cancelled. Raises Conflict(what="run_over")."""

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run_id, any_of=True)
            if row.state in ACTIVE:
                return self._changed(uow, principal, row, {"state": row.state}, wanted="stop")
            return self._cancelled(uow, principal, row, "run_over")

        return await self._ask(work)

    async def cancel(self, principal: Principal, run_id: str) -> Run:
        """Take a pending or paused run out. Raises Conflict(what="run_not_pending")."""

        def work(uow: UnitOfWork) -> Run:
            return self._cancelled(uow, principal, self._find(uow, principal, run_id, any_of=True), "run_not_pending")

        return await self._ask(work)

    async def set_priority(self, principal: Principal, run_id: str, priority: int) -> Run:
        """-100..100; above 0 is for administrators. Raises Conflict(what="run_not_pending"), InvalidInput, Forbidden."""
        requests.check_priority(principal, priority)

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run_id, any_of=True)
            refuse_not_pending(row)
            return self._changed(uow, principal, row, {"state": "pending"}, priority=priority)

        return await self._ask(work)

    async def move(self, principal: Principal, run_id: str, places: int) -> Run:
        """Move a pending run among its owner's of the same priority: -1 is one earlier. Raises Conflict(what="run_not_pending")."""

        def work(uow: UnitOfWork) -> Run:
            row = self._find(uow, principal, run_id, any_of=True)
            refuse_not_pending(row)
            same = [each for each in uow.runs.queue() if each.owner_id == row.owner_id and each.priority == row.priority]
            order = [each.id for each in same if each.id != row.id]
            now = [each.id for each in same].index(row.id)
            order.insert(max(0, min(len(order), now + places)), row.id)
            for each, position in zip(order, sorted(each.position for each in same), strict=True):
                uow.runs.change(each, {"state": "pending"}, position=position)
            uow.runs.touch({row.owner_id: order})
            return self._view(uow, principal, uow.runs.get(None, row.id))

        return await self._ask(work)

    async def rename(self, principal: Principal, run_id: str, name: str) -> Run:
        """Raises InvalidInput."""
        wanted = requests.checked_name(name)
        return await self._store.write(
            lambda uow: self._changed(uow, principal, self._find(uow, principal, run_id), {}, name=wanted or requests.UNNAMED)
        )

    async def delete(self, principal: Principal, run_id: str, *, files: bool = True) -> None:
        """Forget a run that is not at work, with its folder unless `files` is False.

        Raises Conflict(what="run_active"), and Conflict(what="run_used") where a model server, another run, or a training configuration
        of its owner's needs the files.
        """

        def work(uow: UnitOfWork) -> str:
            row = self._find(uow, principal, run_id)
            if row.state in ACTIVE:
                raise Conflict(what="run_active", run=row.name, state=row.state)
            if files:
                refuse_used(uow, row)
            uow.runs.remove(row.owner_id, row.id)
            uow.runs.touch({row.owner_id: [row.id]})
            return str(row.id)

        gone = await self._ask(work)
        if files:
            await asyncio.to_thread(shutil.rmtree, self._settings.data_dir / "runs" / gone, ignore_errors=True)

    async def set_queue_paused(self, principal: Principal, paused: bool) -> QueueState:
        """Administrators and the operator: nothing new is started until it is taken back."""
        principal.require_admin("run.queue")

        def work(uow: UnitOfWork) -> QueueState:
            uow.settings.put(QUEUE_PAUSED, "true" if paused else "false", moment=self._clock.now_ms(), by=principal.user_id)
            self._audit.note(uow, Actor.of(principal), "run.queue_paused" if paused else "run.queue_resumed")
            reason = waiting_text(WaitReason("paused")) if paused else ""
            touched: dict[str, list[str]] = {}
            for row in uow.runs.queue():
                uow.runs.change(row.id, {"state": "pending"}, waiting=reason)
                touched.setdefault(row.owner_id, []).append(row.id)
            uow.runs.touch(touched)
            return self._queue(uow)

        return await self._ask(work)

    # Waiting and following -----------------------------------------------------------------------------------------

    async def settled(self, principal: Principal, run_id: str, *, wanted: Collection[RunState] = ()) -> Run:
        """Wait until the run is over, or in one of `wanted`; meanwhile this process does a scheduler's work if nobody else does."""
        pulse = asyncio.Event()
        while True:
            await self.scheduler.turn()
            run = await self.run(principal, run_id)
            if run.state.is_over or run.state in wanted:
                return run
            await happens(pulse, within_s=LOOK_S)

    def begin_scheduling(self) -> None:
        """This process looks after runs as long as its services are open, in turns with others."""
        self.scheduler.begin()

    async def start_following(self, principal: Principal) -> None:
        """What changes for this account from now on is told by `follow`: call it before the first list is read."""
        await self._store.start(principal.require_user("run.list"))

    async def follow(self, user_ids: Collection[str]) -> None:
        """Publish what other processes changed for these accounts since the last call (core/events.py, RunsChanged)."""
        await self._store.look(user_ids)

    # Inside --------------------------------------------------------------------------------------------------------

    async def _attempt(self, principal: Principal, run_id: str, number: int | None) -> Attempt:
        found = await self.attempts(principal, run_id)
        if not found:
            raise Conflict(what="run_not_started", run=run_id)
        if number is None:
            return found[0]
        for each in found:
            if each.number == number:
                return each
        raise NotFound(kind="attempt", reference=str(number))


def make_runs(
    store: Store,
    settings: Settings,
    *,
    clock: Clock,
    ids: Identifiers,
    events: EventBus,
    supervisor: Supervisor,
    gpus: GpuReader,
    environment: TrainingEnvironment,
    training: Training,
) -> Runs:
    """The service with its scheduler, which has not begun."""
    nobody = operator("")  # the environment is one for all; the scheduler asks for nobody in particular
    workshop = Workshop(lambda: environment.state(nobody), training.plan, turn_command(settings))
    scheduler = Scheduler(store, settings, clock=clock, ids=ids, events=events, supervisor=supervisor, gpus=gpus, workshop=workshop)
    return Runs(scheduler, training, settings=settings, clock=clock, ids=ids)
