"""LLaMA-Factory's own web interface as a service, for what this application does not show. For administrators only:

it has no sign-in, always trusts code that comes with models, may read and write whatever this program's account may, and takes GPUs
without asking our queue. So it listens on loopback unless an administrator says otherwise.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.auth.principal import Principal
from core.errors import EnvironmentProblem, NotFound
from core.managed.ports import LOOPBACK, check_host, check_port
from core.managed.types import Service, ServiceKind, ServiceRequest, ServiceSpec
from core.training.environment_variables import base_environment

if TYPE_CHECKING:
    from core.managed.service import ManagedServices
    from core.training.environment import TrainingEnvironment
    from core.training.environment_types import EnvironmentState

_KIND: Final[ServiceKind] = "webui"
_NAME: Final = "LLaMA-Factory"
#: The version of gradio that LLaMA-Factory 0.9.5 starts with beside the transformers that it is tested with.
GRADIO: Final = "5.50.0"
#: It imports everything that training does before it listens: tens of seconds on a busy machine.
_READY_S: Final = 300.0


class WebUi:
    """One for each administrator who started it. Everybody else gets Forbidden."""

    def __init__(self, managed: ManagedServices, environment: TrainingEnvironment, inherited: Mapping[str, str] | None = None) -> None:
        self._managed = managed
        self._environment = environment
        self._inherited = dict(os.environ if inherited is None else inherited)

    async def start(self, principal: Principal, *, host: str = LOOPBACK, port: int = 0) -> Service:
        """Start it, or give back the one that runs. Raises Forbidden, EnvironmentProblem (no_webui, webui_version, ...)."""
        principal.require_admin("webui.start")
        host = check_host(principal, host)
        for service in await self.status(principal):
            if service.active:
                return service
        state = await self._environment.current()
        if state.python is None or not (state.has("llamafactory") and state.has("gradio")):
            raise EnvironmentProblem(what="no_webui", path=str(state.folder))
        _check_versions(state)
        await asyncio.to_thread(check_port, host, port)
        return await self._managed.start(
            principal, ServiceRequest(_KIND, _NAME, self._spec(state), subject={"port_asked": port}, host=host, port=port)
        )

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """Stop it with everything that was started in it. Raises NotFound(kind="service")."""
        await self._must(principal, service_id)
        return await self._managed.stop(principal, service_id)

    async def restart(self, principal: Principal, service_id: str) -> Service:
        """Stop it and start it again as it was."""
        await self._must(principal, service_id)
        return await self._managed.restart(principal, service_id)

    async def status(self, principal: Principal, *, ask: bool = False) -> tuple[Service, ...]:
        """Those that this administrator started, the newest first. `ask`: each is asked over HTTP first, unless somebody does so."""
        principal.require_admin("webui.status")
        if ask:
            await self._managed.look_after()
        return await self._managed.services(principal, (_KIND,))

    async def wait(self, principal: Principal, service_id: str, *, within_s: float = _READY_S) -> Service:
        """Once it answers, failed or stopped; or after so many seconds as it is then."""
        await self._must(principal, service_id)
        return await self._managed.wait(principal, service_id, within_s=within_s)

    async def forget(self, principal: Principal, service_id: str) -> None:
        """Take one that has ended off the list, with its log and what was left in its folder. Raises Conflict(what="service_active")."""
        await self._must(principal, service_id)
        await self._managed.remove(principal, service_id)

    async def log_path(self, principal: Principal, service_id: str) -> Path:
        """Where its output is. Raises NotFound(kind="service")."""
        await self._must(principal, service_id)
        return await self._managed.log_path(principal, service_id)

    async def _must(self, principal: Principal, service_id: str) -> Service:
        principal.require_admin("webui.status")
        service = await self._managed.service(principal, service_id)
        if service.kind != _KIND:
            raise NotFound(kind="service", reference=service_id)
        return service

    def _spec(self, state: EnvironmentState) -> ServiceSpec:
        if state.python is None:
            raise EnvironmentProblem(what="no_webui", path=str(state.folder))
        environment = base_environment(self._inherited, state.python.parent, offline=False, cpu_threads=1)
        if "CUDA_VISIBLE_DEVICES" in self._inherited:
            environment["CUDA_VISIBLE_DEVICES"] = self._inherited["CUDA_VISIBLE_DEVICES"]
        else:
            environment.pop("CUDA_VISIBLE_DEVICES", None)  # it chooses its GPU itself
        # Its own default is every address of this machine.
        environment |= {"GRADIO_SERVER_NAME": "{host}", "GRADIO_SERVER_PORT": "{port}", "GRADIO_SHARE": "0", "GRADIO_IPV6": "0"}
        # It asks itself whether it is there, which must not go through a proxy; and it wants to open a browser on this machine.
        environment |= {"NO_PROXY": _without_proxy(environment), "no_proxy": _without_proxy(environment), "BROWSER": "true"}
        return ServiceSpec(
            argv=(str(state.python), "-I", str(state.python.parent / "llamafactory-cli"), "webui"),
            environment=environment,
            health_path="/",
            ready_within_s=_READY_S,
        )


def _check_versions(state: EnvironmentState) -> None:
    """Raise EnvironmentProblem(what="webui_version") for a gradio that imports what the hub's package has no more since its 1.0."""
    gradio, hub = state.versions["gradio"], state.versions.get("huggingface_hub") or state.versions.get("huggingface-hub") or ""
    if _parts(gradio) < _parts(GRADIO) and _parts(hub) >= (1,):
        raise EnvironmentProblem(what="webui_version", found=gradio, wanted=GRADIO)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _without_proxy(environment: Mapping[str, str]) -> str:
    given = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return ",".join([part for part in given.split(",") if part] + ["127.0.0.1", "localhost"])
