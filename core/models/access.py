"""How a provider may be asked: by whom, where, and with which key. Read in one look at the database, then opened without it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.errors import Conflict, InvalidInput, NotFound
from core.llm.endpoints import EndpointPolicy, is_inner, normalise_endpoint
from core.llm.presets import Preset, preset, presets
from core.llm.request import ChatModel
from core.models.rows import stored_shared_key
from core.models.types import SIMULATOR, SIMULATOR_ENDPOINT, Availability, KeySource

if TYPE_CHECKING:
    from core.llm.client import ModelClients
    from core.llm.simulator.control import SimulatorControl
    from storage.unit_of_work import UnitOfWork


#: Kinds of managed services (core/managed/types.py) that are asked as models.
MODEL_SERVERS = ("api", "vllm", "sglang")


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that a request to a provider needs, as plain values."""

    preset: Preset
    endpoint: str
    policy: EndpointPolicy
    key_source: KeySource
    key: str | None = field(repr=False)


def known_preset(provider_id: str) -> Preset:
    """The preset, or InvalidInput("provider_id", "unknown"): for what a person typed."""
    try:
        return preset(provider_id)
    except NotFound as error:
        raise InvalidInput("provider_id", "unknown", value=provider_id) from error


def default_endpoint(wanted: Preset, row: Any | None) -> str:
    """Where the provider is asked unless a configuration says otherwise: the administrator's choice, else the preset's."""
    return row.endpoint if row is not None and row.endpoint else wanted.endpoint


def effective_endpoint(wanted: Preset, default: str, text: str) -> str:
    """The endpoint that `text` means ("" is `default`), in its one spelling. Raises InvalidInput("endpoint", ...)."""
    if not (text := text.strip() or default):
        raise InvalidInput("endpoint", "required")
    endpoint = normalise_endpoint(text)
    if endpoint == SIMULATOR_ENDPOINT and wanted.id != SIMULATOR:
        raise InvalidInput("endpoint", "scheme")
    return endpoint


def availability(wanted: Preset, row: Any | None) -> Availability:
    """What administrators decided, or the default: everything is open but inner addresses, which are closed to served users."""
    if row is not None:
        return "enabled" if row.enabled else "disabled"
    # The simulator is inside this program. What is really reached is checked at each request.
    inner = bool(wanted.endpoint) and wanted.endpoint != SIMULATOR_ENDPOINT and is_inner(wanted.endpoint)
    return "local_only" if inner else "enabled"


def is_open(state: Availability, principal: Principal) -> bool:
    return state == "enabled" or (state == "local_only" and not principal.served)


def policy_of(uow: UnitOfWork, principal: Principal) -> EndpointPolicy:
    """Where `principal` may reach: for served users the allow-list, the default endpoints of local presets that were enabled, and the
    model servers on this machine that they started themselves, exactly there."""
    if not principal.served:
        return EndpointPolicy()
    local = [default_endpoint(wanted, row) for row in uow.providers.states() if row.enabled and (wanted := _local_preset(row.id))]
    own = (
        [f"http://{host}:{port}/v1" for host, port in uow.services.endpoints(principal.user_id, MODEL_SERVERS)] if principal.user_id else []
    )
    return EndpointPolicy(served=True, allowed=tuple(uow.providers.allowed()), local_endpoints=(*filter(None, local), *own))


def _local_preset(provider_id: str) -> Preset | None:
    wanted = presets().get(provider_id)
    return wanted if wanted is not None and wanted.local else None


def load_access(uow: UnitOfWork, principal: Principal, provider_id: str, endpoint: str, own_key: str | None) -> Access:
    """The access to a provider at `endpoint` (in its one spelling), with the own key or, at its endpoint, the shared one.

    Raises NotFound(kind="provider"), Conflict(what="provider_disabled"), InvalidInput("key", "key_needed").
    """
    wanted = preset(provider_id)
    row = uow.providers.state(provider_id)
    if not is_open(availability(wanted, row), principal):
        raise Conflict(what="provider_disabled", provider=wanted.name)
    key: str | None = own_key
    source: KeySource = "own"
    if not key:
        key = stored_shared_key(uow, row, endpoint)
        source = "shared" if key else "none"
    if wanted.needs_key and not key:
        raise InvalidInput("key", "key_needed", provider=wanted.name)
    return Access(wanted, endpoint, policy_of(uow, principal), source, key)


class Gateway:
    """Opens an access: makes the chat model, with the simulator started where it is meant."""

    def __init__(self, clients: ModelClients, simulator: SimulatorControl) -> None:
        self._clients = clients
        self._simulator = simulator

    async def open(self, access: Access) -> tuple[str, ChatModel]:
        """The endpoint that is really asked, and the chat model for it."""
        endpoint, policy = access.endpoint, access.policy
        if endpoint == SIMULATOR_ENDPOINT:
            endpoint = await self._simulator.ensure()
            policy = replace(policy, local_endpoints=(*policy.local_endpoints, endpoint))
        return endpoint, self._clients.chat_model(access.preset, endpoint, access.key, policy=policy)
