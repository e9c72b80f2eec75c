"""What the service of runs is made of inside: finding a run for who asks, changing it, telling of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from core.audit import Audit
from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, InvalidInput, NotFound
from core.settings import Settings
from core.training.runs_rows import run_view
from core.training.scheduler import QUEUE_PAUSED, Scheduler
from core.training.types import ACTIVE, QueueState, Run, RunState

if TYPE_CHECKING:
    from core.training.configurations import Training
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
KIND = "run"


class RunsBase:
    """`scheduler`: this process's own."""

    def __init__(self, scheduler: Scheduler, training: Training, *, settings: Settings, clock: Clock, ids: Identifiers) -> None:
        self.scheduler = scheduler
        self._store = scheduler.changes
        self._training = training
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._audit = Audit(clock, ids)

    async def _ask(self, work: Callable[[UnitOfWork], T]) -> T:
        """Write, then let the scheduler act on it at once."""
        result = await self._store.write(work)
        self.scheduler.wake()
        return result

    def _sees(self, principal: Principal, everyone: bool) -> str | None:
        if everyone:
            principal.require_admin("run.list_all")
            return None
        return principal.require_user("run.list")

    def _find(self, uow: UnitOfWork, principal: Principal, reference: str, *, any_of: bool = False) -> Any:
        """`any_of`: an administrator finds everybody's."""
        owner = None if any_of and principal.is_admin else principal.require_user("run.list")
        if (row := uow.runs.get(owner, reference)) is not None:
            return row
        found = uow.runs.named(owner, reference)
        if not found:
            raise NotFound(kind=KIND, reference=reference)
        if len(found) > 1 and found[0].name != reference:
            raise InvalidInput("run", "ambiguous", value=reference)
        return found[0]

    def _view(self, uow: UnitOfWork, principal: Principal, row: Any) -> Run:
        return run_view(row, queue_places(uow, [row]).get(row.id), reader=principal.user_id)

    def _changed(self, uow: UnitOfWork, principal: Principal, row: Any, expected: Mapping[str, Any], **values: Any) -> Run:
        if not uow.runs.change(row.id, expected, **values):
            raise Conflict(what="run_changed", run=row.name)
        uow.runs.touch({row.owner_id: [row.id]})
        return self._view(uow, principal, uow.runs.get(None, row.id))

    def _cancelled(self, uow: UnitOfWork, principal: Principal, row: Any, otherwise: str) -> Run:
        if row.state not in {RunState.PENDING, RunState.PAUSED}:
            raise Conflict(what=otherwise, run=row.name, state=row.state)
        ended = {"state": "cancelled", "wanted": "", "waiting": "", "ended_at": self._clock.now_ms()}
        return self._changed(uow, principal, row, {"state": row.state}, **ended)

    def _queue(self, uow: UnitOfWork) -> QueueState:
        counts = uow.runs.counts(None)
        return QueueState(
            paused=uow.settings.get(QUEUE_PAUSED) == "true",
            running=sum(counts.get(str(state), 0) for state in ACTIVE),
            pending=counts.get("pending", 0),
            limit_a_user=self._settings.training.runs_a_user,
            gpu_problem=self.scheduler.gpus.problem,
        )


def queue_places(uow: UnitOfWork, rows: Collection[Any]) -> dict[str, int]:
    """The place in the queue of each pending run, from 1."""
    if not any(row.state == "pending" for row in rows):
        return {}
    return {run_id: place for place, run_id in enumerate(uow.runs.queue_ids(), 1)}


def plain(row: Any) -> dict[str, Any]:
    refuse_active(row)
    return {"id": row.id, "resolved": row.resolved}


def refuse_active(row: Any) -> None:
    if not RunState(row.state).is_over:
        raise Conflict(what="run_active", run=row.name, state=row.state)


def refuse_not_pending(row: Any) -> None:
    if row.state != RunState.PENDING:
        raise Conflict(what="run_not_pending", run=row.name, state=row.state)
