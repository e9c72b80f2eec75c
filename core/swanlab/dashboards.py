"""SwanLab's own dashboard (`swanlab watch`) as a service: one for a log directory, on loopback unless an administrator says otherwise.

It has no sign-in. Whoever reaches its port may read, stop and delete the experiments in its directory; of one that is stopped or deleted
while a run writes it nothing more is recorded, though the training goes on. So it shows nothing but its owner's directory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.auth.principal import Principal
from core.errors import EnvironmentProblem, Forbidden, NotFound
from core.managed.ports import LOOPBACK, check_host, check_port
from core.managed.types import Service, ServiceKind, ServiceRequest, ServiceSpec
from core.swanlab import database
from core.training.environment_variables import base_environment
from core.training.swanlab_place import DEFAULT_PROJECT, swanlab_root

if TYPE_CHECKING:
    from core.managed.service import ManagedServices
    from core.training.environment import TrainingEnvironment
    from core.training.environment_types import EnvironmentState

#: What swanboard prints once it knows its port: another one than asked for where that was taken. Printed before it listens.
_PORT: Final = r"http://\S+?:(\d+)"
_READY_S: Final = 120.0
_KIND: Final[ServiceKind] = "swanlab"


class Dashboards:
    """NotFound(kind="project") for directories that are not there or not one's own."""

    def __init__(
        self, data_dir: Path, managed: ManagedServices, environment: TrainingEnvironment, inherited: Mapping[str, str] | None = None
    ):
        self._data_dir = data_dir
        self._managed = managed
        self._environment = environment
        self._inherited = dict(os.environ if inherited is None else inherited)

    async def start(
        self,
        principal: Principal,
        project_id: str = DEFAULT_PROJECT,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        owner_id: str = "",
        directory: str = "",
    ) -> Service:
        """Start the dashboard of a project; the one that runs already is given back.

        `host` other than loopback, `owner_id` (somebody else's project) and `directory` (any log directory of this machine; not for
        those who come over SSH) are for administrators. Raises NotFound, Forbidden, InvalidInput, EnvironmentProblem(what="no_dashboard" |
        "swanlab_missing" | "port_taken").
        """
        owner = principal.require_user("swanlab.dashboard")
        host = check_host(principal, host)
        folder = await asyncio.to_thread(self._shown, principal, project_id, owner_id or owner, directory)
        for service in await self.status(principal):
            if service.active and service.subject.get("folder") == str(folder):
                return service
        state = await self._environment.current()
        if state.python is None or not (state.has("swanlab") and state.has("swanboard")):
            raise EnvironmentProblem(what="no_dashboard", path=str(state.folder))
        await asyncio.to_thread(check_port, host, port)
        subject = {"folder": str(folder), "project": folder.name, "port_asked": port, "owner": owner_id or owner}
        request = ServiceRequest(_KIND, folder.name, self._spec(state, folder), subject=subject, host=host, port=port)
        return await self._managed.start(principal, request)

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """Stop it; every process of it is proven gone. Raises NotFound(kind="service")."""
        await self._must(principal, service_id)
        return await self._managed.stop(principal, service_id)

    async def restart(self, principal: Principal, service_id: str) -> Service:
        """Stop it and start it again as it was."""
        await self._must(principal, service_id)
        return await self._managed.restart(principal, service_id)

    async def status(self, principal: Principal, *, ask: bool = False) -> tuple[Service, ...]:
        """The dashboards of this account, the newest first, also those that ended.

        `ask`: each is asked over HTTP first, unless a process that lives does so all the time.
        """
        if ask:
            principal.require_user("swanlab.dashboard")
            await self._managed.look_after()
        return await self._managed.services(principal, (_KIND,))

    async def wait(self, principal: Principal, service_id: str, *, within_s: float = 60.0) -> Service:
        """Once it answers, failed or stopped; or after so many seconds as it is then."""
        await self._must(principal, service_id)
        return await self._managed.wait(principal, service_id, within_s=within_s)

    async def forget(self, principal: Principal, service_id: str) -> None:
        """Take one that has ended off the list, with its log. Raises Conflict(what="service_active")."""
        await self._must(principal, service_id)
        await self._managed.remove(principal, service_id)

    async def log_path(self, principal: Principal, service_id: str) -> Path:
        """Where its output is. Raises NotFound(kind="service")."""
        await self._must(principal, service_id)
        return await self._managed.log_path(principal, service_id)

    # Inside --------------------------------------------------------------------------------------------------------

    async def _must(self, principal: Principal, service_id: str) -> Service:
        service = await self._managed.service(principal, service_id)
        if service.kind != _KIND:
            raise NotFound(kind="service", reference=service_id)
        return service

    def _shown(self, principal: Principal, project_id: str, owner_id: str, directory: str) -> Path:
        if directory:
            principal.require_admin("swanlab.directory")
            if principal.served:
                raise Forbidden(action="swanlab.directory")
            folder = Path(directory).expanduser().absolute()
            if not database.is_there(folder):
                raise EnvironmentProblem(what="swanlab_missing", path=str(folder))
            return folder
        if owner_id != principal.user_id:
            principal.require_admin("swanlab.others")
        try:
            folder = swanlab_root(self._data_dir, owner_id).absolute() / project_id
        except ValueError as error:
            raise NotFound(kind="user", reference=owner_id) from error
        plain = bool(project_id) and "/" not in project_id and not project_id.startswith(".") and "\0" not in project_id
        if not plain or folder.is_symlink() or not database.is_there(folder):
            raise NotFound(kind="project", reference=project_id)
        with database.reading(folder):  # one that cannot be read is said now, not by a dashboard that shows nothing
            return folder

    def _spec(self, state: EnvironmentState, folder: Path) -> ServiceSpec:
        if state.python is None:
            raise EnvironmentProblem(what="no_dashboard", path=str(state.folder))
        environment = base_environment(self._inherited, state.python.parent, offline=True, cpu_threads=1)
        # Its own home: it looks for settings and keeps a few there, and has nothing to do with those of the account.
        environment |= {"HOME": "{folder}", "SWANLAB_SAVE_DIR": "{folder}", "NO_COLOR": "1", "COLUMNS": "200"}
        return ServiceSpec(
            argv=(str(state.python), "-I", "-m", "swanlab", "watch", str(folder), "-h", "{host}", "-p", "{port}"),
            environment=environment,
            health_path="/",  # /api/v1/project reads the configuration of every experiment: seconds where there are hundreds
            port_pattern=_PORT,
            ready_within_s=_READY_S,
            log_limit_bytes=8 << 20,
        )
