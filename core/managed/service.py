"""Managed services: started as jobs that outlive the program, asked over HTTP how they are, started again a few times, stopped whole."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.managed.types import Service, ServiceKind, ServiceRequest
from core.persistence import Store
from core.settings import Settings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Called inside the unit of work that changes a service: (uow, service as it is from now on, its key).
Changed = Callable[["UnitOfWork", Service, str], None]


class ManagedServices:
    """One for the program; features register what they do when one of their services changes."""

    def __init__(self, store: Store, *, settings: Settings, clock: Clock, ids: Identifiers, supervisor: Supervisor) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor

    def when_changed(self, kinds: Collection[ServiceKind], call: Changed) -> None:
        """Call `call` in the unit of work that changes the state or port of a service of these kinds."""
        raise NotImplementedError

    async def start(self, principal: Principal, request: ServiceRequest) -> Service:
        """Write the row, launch the job, and give it back as "starting". Raises InvalidInput, EnvironmentProblem, Conflict(what="gpus_busy")."""
        raise NotImplementedError

    async def services(self, principal: Principal, kinds: Collection[ServiceKind] = (), *, active: bool = False) -> tuple[Service, ...]:
        """Those of the principal, the newest first; `active`: only those that run."""
        raise NotImplementedError

    async def service(self, principal: Principal, service_id: str) -> Service:
        """Raises NotFound(kind="service"), for other people's too."""
        raise NotImplementedError

    async def wait(self, principal: Principal, service_id: str, *, within_s: float) -> Service:
        """Once it is ready, stopped or failed, or after so many seconds, as it is then. Watches it itself meanwhile."""
        raise NotImplementedError

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """End it with every process of its; returns when all are proven gone. Raises NotFound, Conflict(what="service_not_gone")."""
        raise NotImplementedError

    async def restart(self, principal: Principal, service_id: str) -> Service:
        """Stop it, start it again as it was (on its port, if that is free), and count its restarts from none."""
        raise NotImplementedError

    async def remove(self, principal: Principal, service_id: str) -> None:
        """Forget one that has stopped, with its folder. Raises NotFound, Conflict(what="service_active")."""
        raise NotImplementedError

    async def log_path(self, principal: Principal, service_id: str) -> Path:
        """The log of a service. Raises NotFound(kind="service")."""
        raise NotImplementedError

    def start_watching(self) -> None:
        """Look after the services from this process until it ends; of many processes one at a time acts on each service."""
        raise NotImplementedError

    async def look_after(self) -> None:
        """One pass over all services that are meant to run: ask each how it is, and do what follows from that."""
        raise NotImplementedError

    def _service(self, row: Any) -> Service:
        raise NotImplementedError
