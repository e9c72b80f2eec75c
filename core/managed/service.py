"""Managed services: started as jobs that outlive the program, asked over HTTP how they are, started again a few times, stopped whole."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, ModeltrainError, NotFound
from core.events import EventBus, ServicesChanged
from core.managed.rows import key_identity, key_of, service_of, spec_from_json, spec_to_json
from core.managed.types import ACTIVE, Service, ServiceKind, ServiceRequest
from core.managed.watching import EVERY_S, Found, Watcher
from core.persistence import Stillness, Store
from core.processes import free_port
from core.settings import Settings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
FOLDER = "services"
#: Seconds between two looks of somebody who waits for a service.
_WAIT_LOOK_S = 0.25
#: Called inside the unit of work that changes a service: (uow, service as it is from now on, its key).
Changed = Callable[["UnitOfWork", Service, str], None]


class ManagedServices:
    """One for the program; features register what they do when one of their services changes."""

    def __init__(
        self, store: Store, *, settings: Settings, clock: Clock, ids: Identifiers, supervisor: Supervisor, events: EventBus
    ) -> None:
        self._store = store
        self._events = events
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor
        self._calls: dict[ServiceKind, list[Changed]] = {}
        self._watcher = Watcher(store, clock, ids.new(), changed=self._changed, told=self._told)
        self._watching = False

    def when_changed(self, kinds: Collection[ServiceKind], call: Changed) -> None:
        """Call `call` in the unit of work that changes the state or port of a service of these kinds."""
        for kind in kinds:
            self._calls.setdefault(kind, []).append(call)

    def _changed(self, uow: UnitOfWork, service: Service, key: str) -> None:
        for call in self._calls.get(service.kind, ()):
            call(uow, service, key)

    def _told(self, service: Service) -> None:
        self._events.publish(ServicesChanged(service.owner_id, service.id))

    # Looking ---------------------------------------------------------------------------------------------------------

    async def services(self, principal: Principal, kinds: Collection[ServiceKind] = (), *, active: bool = False) -> tuple[Service, ...]:
        """Those of the principal, the newest first; `active`: only those that run."""
        owner = principal.require_user("service.list")
        states = ACTIVE if active else ()
        return await self._store.read(lambda uow: tuple(service_of(row) for row in uow.services.all(owner, kinds=kinds, states=states)))

    async def service(self, principal: Principal, service_id: str) -> Service:
        """Raises NotFound(kind="service"), for other people's too."""
        owner = principal.require_user("service.list")
        return await self._store.read(lambda uow: service_of(_get(uow, owner, service_id)))

    async def log_path(self, principal: Principal, service_id: str) -> Path:
        """The log of a service. Raises NotFound(kind="service")."""
        return (await self.service(principal, service_id)).log

    async def wait(self, principal: Principal, service_id: str, *, within_s: float) -> Service:
        """Once it is ready, stopped or failed, or after so many seconds, as it is then. Watches it itself meanwhile."""
        deadline = self._clock.monotonic() + within_s
        while True:
            found = await self.service(principal, service_id)
            if found.state not in ("starting", "stopping") or self._clock.monotonic() >= deadline:
                return found
            await self._watcher.look_after_one(service_id)
            await asyncio.sleep(_WAIT_LOOK_S)

    # Starting and stopping -------------------------------------------------------------------------------------------

    async def start(self, principal: Principal, request: ServiceRequest) -> Service:
        """Write the row, launch the job, and give it back as "starting".

        Raises Conflict(what="gpus_busy"), EnvironmentProblem, DiskFull; then the row says "failed".
        """
        owner = principal.require_user("service.start")
        service_id, now = self._ids.new(), self._clock.now_ms()
        folder = self._settings.data_dir / FOLDER / service_id / "1"

        def work(uow: UnitOfWork) -> Found:
            uow.services.add(
                id=service_id,
                owner_id=owner,
                kind=request.kind,
                name=request.name[:200],
                host=request.host,
                port=request.port or free_port(),
                asked_port=request.port,
                spec=spec_to_json(request.spec),
                subject=json.dumps(dict(request.subject)),
                gpus=json.dumps(list(request.gpus)),
                folder=str(folder),
                key=uow.secrets.seal(request.key, key_identity(service_id)) if request.key else None,
                watched_until=0,
                not_before=0,
                created_at=now,
                started_at=now,
            )
            if request.gpus and not uow.slots.hold(service_id, request.gpus, moment=now):
                raise Conflict(what="gpus_busy", gpus=", ".join(request.gpus))
            row = uow.services.any(service_id)
            self._changed(uow, service_of(row), request.key)
            return Found(row, request.spec, request.key)

        found = await self._store.write(work)
        self._told(found.service)
        await self._watcher.launch(found)
        return await self.service(principal, service_id)

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """End it with every process of its; returns when all are proven gone. Raises NotFound, Conflict(what="service_not_gone")."""
        owner = principal.require_user("service.stop")
        found = await self._must(owner, service_id)
        for _try in range(3):
            if found.row.state not in ACTIVE:
                return found.service
            if await self._watcher.change(found, state="stopping", wanted="stop", ended_at=self._clock.now_ms()):
                if not await self._watcher.finish_stop(await self._must(owner, service_id)):
                    raise Conflict(what="service_not_gone", service=found.row.name)
                return await self.service(principal, service_id)
            found = await self._must(owner, service_id)  # it changed while it was looked at
        raise Conflict(what="service", service=found.row.name)

    async def restart(self, principal: Principal, service_id: str) -> Service:
        """Stop it, start it again as it was (on its port), and count its restarts from none. Raises as `stop` and `start`."""
        owner = principal.require_user("service.start")
        await self.stop(principal, service_id)
        found = await self._must(owner, service_id)
        attempt, now = found.row.attempt + 1, self._clock.now_ms()
        folder = self._settings.data_dir / FOLDER / service_id / str(attempt)
        gpus = json.loads(found.row.gpus or "[]")

        def work(uow: UnitOfWork) -> bool:
            if gpus and not uow.slots.hold(service_id, gpus, moment=now):
                raise Conflict(what="gpus_busy", gpus=", ".join(gpus))
            values: dict[str, Any] = {"state": "starting", "wanted": "run", "attempt": attempt, "folder": str(folder), "restarts": 0}
            values |= {"failure": "", "started_at": now, "ready_at": None, "ended_at": None, "not_before": 0}
            return uow.services.change(service_id, found.row.revision, **values)

        if not await self._store.write(work):
            raise Conflict(what="service", service=found.row.name)
        await self._watcher.launch(await self._must(owner, service_id))
        return await self.service(principal, service_id)

    async def remove(self, principal: Principal, service_id: str) -> None:
        """Forget one that has stopped, with its folder. Raises NotFound, Conflict(what="service_active")."""
        owner = principal.require_user("service.remove")

        def work(uow: UnitOfWork) -> None:
            row = _get(uow, owner, service_id)
            if row.state in ACTIVE:
                raise Conflict(what="service_active", service=row.name)
            uow.services.remove(owner, service_id)

        await self._store.write(work)
        await asyncio.to_thread(shutil.rmtree, self._settings.data_dir / FOLDER / service_id, ignore_errors=True)

    # Looking after ---------------------------------------------------------------------------------------------------

    def start_watching(self) -> None:
        """Look after the services from this process until it ends; of many processes one at a time acts on each service."""
        if not self._watching and not self._supervisor.closed:
            self._watching = True
            self._supervisor.start(self._watch, "services")

    async def _watch(self) -> None:
        stillness, busy = Stillness(self._store), True
        while True:
            try:
                if busy or not stillness.lasts():
                    busy = await self._watcher.look_after()
            except ModeltrainError:
                busy = True
                log.warning("the services could not be looked after just now", exc_info=True)
            await asyncio.sleep(EVERY_S)

    async def look_after(self) -> None:
        """One pass over all services that are meant to run: ask each how it is, and do what follows from that."""
        await self._watcher.look_after()

    async def _must(self, owner: str, service_id: str) -> Found:
        def work(uow: UnitOfWork) -> Found:
            row = _get(uow, owner, service_id)
            return Found(row, spec_from_json(row.spec), key_of(uow, row))

        return await self._store.read(work)


def _get(uow: UnitOfWork, owner: str, service_id: str) -> Any:
    row = uow.services.get(owner, service_id)
    if row is None:
        raise NotFound(kind="service", reference=service_id)
    return row
