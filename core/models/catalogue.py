"""The models that are known at an endpoint: as its provider lists them, or added by hand. What was seen stays, marked when it is gone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import InvalidInput, NotFound
from core.llm.presets import Preset, preset
from core.llm.request import ListedModel
from core.models.access import Access, Gateway, default_endpoint, effective_endpoint, load_access
from core.models.checks import MODEL_LIMIT, check_model
from core.models.rows import model_info, stored_key
from core.models.types import KEEP, SIMULATOR, Capability, Keep, ModelInfo
from core.models.writing import write_after_others
from core.persistence import Store
from core.sanitise import one_line

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Models kept of one listing; a provider that lists more is broken or hostile.
LISTING_LIMIT = 5_000
EVERYBODY = ""


class ModelCatalogue:
    """What `Providers` offers about models. A listing made with somebody's own key is that person's; an administrator's, without one,
    is everybody's."""

    def __init__(self, store: Store, *, clock: Clock, ids: Identifiers, gateway: Gateway) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._gateway = gateway

    async def models(self, principal: Principal, provider_id: str, endpoint: str | None = None) -> tuple[ModelInfo, ...]:
        """What is stored for the endpoint (None: the provider's default), by name (the simulator's in its order). No request is made."""
        owners = (EVERYBODY, principal.user_id)

        def work(uow: UnitOfWork) -> tuple[ModelInfo, ...]:
            place = _place(uow, provider_id, endpoint)
            return _listed(uow, provider_id, place, owners) if place else ()

        return await self._store.read(work)

    async def refresh(
        self, principal: Principal, provider_id: str, *, configuration_id: str | None, endpoint: str | None, key: str | Keep | None
    ) -> tuple[ModelInfo, ...]:
        """Ask the provider for its models, store them and give what is known now. Raises ProviderError and what `load_access` does."""
        access = await self._store.read(lambda uow: _access(uow, principal, provider_id, configuration_id, endpoint, key))
        _endpoint, chat_model = await self._gateway.open(access)
        listed = _usable(await chat_model.list_models())
        await asyncio.to_thread(_add_prices, access, listed)
        owner = EVERYBODY if principal.is_admin and access.key_source != "own" else principal.user_id
        return await write_after_others(self._store, lambda uow: self._keep(uow, access, owner, principal, listed))

    def _keep(
        self, uow: UnitOfWork, access: Access, owner: str, principal: Principal, listed: Mapping[str, dict[str, Any]]
    ) -> tuple[ModelInfo, ...]:
        place, now = access.endpoint, self._clock.now_ms()
        before = {row.name: row for row in uow.providers.models_at(access.preset.id, endpoint_hash(place), (owner,))}
        new, changed = [], []
        for name, described in listed.items():
            values = {**described, "available": True, "refreshed_at": now}
            if name in before:
                changed.append({"id": before[name].id, **values})
            else:
                new.append({**self._key_columns(access.preset.id, place, owner, name), **values})
        seen = {row["id"] for row in changed}
        gone = [{"id": row.id, "available": False} for row in before.values() if row.id not in seen and row.refreshed_at]
        uow.providers.add_models(new)
        uow.providers.change_models(changed)
        uow.providers.change_models(gone)
        return _listed(uow, access.preset.id, place, (EVERYBODY, principal.user_id))

    async def add(
        self, principal: Principal, provider_id: str, name: str, *, endpoint: str | None, capabilities: Sequence[Capability], for_all: bool
    ) -> ModelInfo:
        """Note a model that the provider does not list. `for_all` (administrators): everybody sees it. Raises InvalidInput(taken)."""
        if for_all:
            principal.require_admin("provider.add_model")
        owner = EVERYBODY if for_all else principal.require_user("provider.add_model")
        check_model(name)
        place = await self._store.read(lambda uow: _endpoint_or_error(uow, provider_id, endpoint))
        price = await asyncio.to_thread(_price, preset(provider_id), place, name.strip())

        def work(uow: UnitOfWork) -> ModelInfo:
            if any(row.name == name.strip() for row in uow.providers.models_at(provider_id, endpoint_hash(place), (owner,))):
                raise InvalidInput("model", "taken")
            columns = self._key_columns(provider_id, place, owner, name.strip())
            described = {"display_name": "", "capabilities": json.dumps(list(capabilities)), "available": True, "refreshed_at": 0}
            uow.providers.add_models([{**columns, **described, **price, "parameters": ""}])
            return model_info(uow.providers.model(columns["id"]))

        return await write_after_others(self._store, work)

    async def remove(self, principal: Principal, model_id: str) -> None:
        """Forget one's own model; administrators may forget everybody's too."""

        def work(uow: UnitOfWork) -> None:
            removed = bool(principal.user_id) and uow.providers.remove_model(principal.user_id, model_id)
            if not removed and not (principal.is_admin and uow.providers.remove_model(EVERYBODY, model_id)):
                raise NotFound(kind="model", reference=model_id)

        await self._store.write(work)

    def _key_columns(self, provider_id: str, endpoint: str, owner: str, name: str) -> dict[str, Any]:
        where = {"provider_id": provider_id, "endpoint": endpoint, "endpoint_hash": endpoint_hash(endpoint)}
        return {"id": self._ids.new(), "owner_id": owner, "name": name, **where}


_NO_PRICE = {"input_price": "", "output_price": "", "currency": ""}


def endpoint_hash(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def _place(uow: UnitOfWork, provider_id: str, endpoint: str | None) -> str:
    """The endpoint that is meant, "" where the provider has no default and none is given."""
    wanted = preset(provider_id)
    default = default_endpoint(wanted, uow.providers.state(provider_id))
    return effective_endpoint(wanted, default, endpoint or "") if endpoint or default else ""


def _access(
    uow: UnitOfWork, principal: Principal, provider_id: str, configuration_id: str | None, endpoint: str | None, key: str | Keep | None
) -> Access:
    """The access for a listing: as a stored configuration has it, changed by what a form says differently."""
    own = key if isinstance(key, str) else None
    if configuration_id is None:
        return load_access(uow, principal, provider_id, _endpoint_or_error(uow, provider_id, endpoint), own)
    row = uow.configurations.get(principal.require_user("provider.refresh_models"), configuration_id)
    if row is None:
        raise NotFound(kind="configuration", reference=configuration_id)
    provider_id = provider_id or row.provider_id
    place = row.endpoint if endpoint is None else _endpoint_or_error(uow, provider_id, endpoint)
    return load_access(uow, principal, provider_id, place, stored_key(uow, row, place) if key is KEEP else own)


def _endpoint_or_error(uow: UnitOfWork, provider_id: str, endpoint: str | None) -> str:
    if place := _place(uow, provider_id, endpoint):
        return place
    raise InvalidInput("endpoint", "required")


def _usable(listed: Sequence[ListedModel]) -> dict[str, dict[str, Any]]:
    """Listed models by name as columns; names that could not be asked for (too long, with controls) are left out."""
    usable: dict[str, dict[str, Any]] = {}
    for model in listed[:LISTING_LIMIT]:
        name = model.name.strip()
        if not name or len(name) > MODEL_LIMIT or name != one_line(name):
            continue
        usable[name] = {
            "display_name": one_line(model.display_name, MODEL_LIMIT),
            "size_bytes": _count(model.size_bytes),
            "parameters": one_line(model.parameters or "", 32),
            "context_length": _count(model.context_length),
            "capabilities": json.dumps(list(model.capabilities)),
        }
    return usable


def _add_prices(access: Access, listed: Mapping[str, dict[str, Any]]) -> None:
    """Note what is known of prices. Blocks: the price list is large."""
    for name, values in listed.items():
        values |= _price(access.preset, access.endpoint, name)


def _price(wanted: Preset, endpoint: str, name: str) -> dict[str, str]:
    """The columns of a model's price. Prices are the preset's own: another endpoint may ask for something else."""
    from core.llm.pricing import prices

    known = prices(wanted.id, name, endpoint=endpoint)
    if known is None:
        return _NO_PRICE
    return {"input_price": _plain(known.input), "output_price": _plain(known.output), "currency": known.currency}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"[:32]


def _count(value: int | None) -> int | None:
    """A count that fits a 64-bit column."""
    return value if value is not None and 0 <= value < 2**63 else None


def _listed(uow: UnitOfWork, provider_id: str, place: str, owners: tuple[str, str]) -> tuple[ModelInfo, ...]:
    """The models of everybody and of one person, each name once: the person's own sight of it goes first."""
    by_name: dict[str, ModelInfo] = {}
    for row in uow.providers.models_at(provider_id, endpoint_hash(place), set(owners)):
        if row.name not in by_name or row.owner_id:
            by_name[row.name] = model_info(row)
    order = _simulated_order() if provider_id == SIMULATOR else {}
    return tuple(sorted(by_name.values(), key=lambda model: (order.get(model.name, len(order)), model.name.casefold(), model.name)))


def _simulated_order() -> Mapping[str, int]:
    """The simulator's models as it offers them: those that answer plainly first, the faults behind them."""
    from core.llm.simulator.catalogue import MODELS

    return {model.name: index for index, model in enumerate(MODELS)}
