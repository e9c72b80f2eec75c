"""Providers as they stand here: the presets, what administrators decided about them, and the models they list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.audit import Actor, Audit
from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import InvalidInput, NotFound
from core.llm.endpoints import EndpointPolicy, parse_allowed
from core.llm.presets import Preset, preset, presets
from core.models.access import Gateway, availability, default_endpoint, effective_endpoint, is_open, known_preset, policy_of
from core.models.catalogue import ModelCatalogue
from core.models.checks import check_key
from core.models.rows import hint, shared_key_identity
from core.models.types import KEEP, Availability, Capability, Keep, ModelInfo, ProviderInfo
from core.models.writing import write_after_others
from core.persistence import Store

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

__all__ = ["Availability", "ModelInfo", "ProviderInfo", "Providers"]


class Providers:
    """Everybody sees the providers that are open to them; administrators see and change all."""

    def __init__(self, store: Store, *, clock: Clock, ids: Identifiers, gateway: Gateway) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._audit = Audit(clock, ids)
        self._catalogue = ModelCatalogue(store, clock=clock, ids=ids, gateway=gateway)

    async def list(self, principal: Principal) -> tuple[ProviderInfo, ...]:
        """In the order in which they are offered. Others than administrators get only those they may use."""

        def work(uow: UnitOfWork) -> tuple[ProviderInfo, ...]:
            rows = {row.id: row for row in uow.providers.states()}
            found = (_info(uow, principal, wanted, rows.get(wanted.id)) for wanted in presets().values())
            return tuple(info for info in found if info.enabled or principal.is_admin)

        return await self._store.read(work)

    async def get(self, principal: Principal, provider_id: str) -> ProviderInfo:
        """One of them. Raises NotFound for an unknown one and for one that is not open to this principal."""
        for info in await self.list(principal):
            if info.id == provider_id:
                return info
        raise NotFound(kind="provider", reference=provider_id)

    @staticmethod
    def takes_key(provider_id: str) -> bool:
        """Whether a key is of any use there. Raises InvalidInput("provider_id", "unknown")."""
        return known_preset(provider_id).takes_key

    async def set_enabled(self, principal: Principal, provider_id: str, enabled: bool) -> ProviderInfo:
        """Open or close a provider for everybody. A local one that is enabled is open to served users at its default endpoint."""
        principal.require_admin("provider.set_enabled")
        return await self._change(principal, preset(provider_id), "provider.enabled" if enabled else "provider.disabled", enabled=enabled)

    async def set_endpoint(self, principal: Principal, provider_id: str, endpoint: str) -> ProviderInfo:
        """Set the default endpoint ("" for the preset's). A shared key entered for another endpoint is cleared."""
        principal.require_admin("provider.set_endpoint")
        wanted = preset(provider_id)
        chosen = effective_endpoint(wanted, "", endpoint) if endpoint.strip() else ""

        def work(uow: UnitOfWork) -> ProviderInfo:
            row = uow.providers.state(provider_id)
            values: dict[str, Any] = {"endpoint": chosen}
            if row is not None and row.shared_key is not None and row.shared_key_endpoint != (chosen or wanted.endpoint):
                values |= {"shared_key": None, "shared_key_endpoint": ""}
            return self._set(uow, principal, wanted, values, "provider.endpoint_set")

        return await write_after_others(self._store, work)

    async def set_shared_key(self, principal: Principal, provider_id: str, key: str | None) -> ProviderInfo:
        """Set (or with None remove) the key that everybody may use, for the provider's default endpoint of now and no other."""
        principal.require_admin("provider.set_shared_key")
        wanted, plain = preset(provider_id), (key or "").strip()
        check_key(plain)

        def work(uow: UnitOfWork) -> ProviderInfo:
            if not plain:
                cleared = {"shared_key": None, "shared_key_endpoint": ""}
                return self._set(uow, principal, wanted, cleared, "provider.shared_key_removed")
            if not (endpoint := default_endpoint(wanted, uow.providers.state(provider_id))):
                raise InvalidInput("endpoint", "required")
            sealed = uow.secrets.seal(plain, shared_key_identity(provider_id))
            bound = {"shared_key": sealed, "shared_key_endpoint": effective_endpoint(wanted, endpoint, "")}
            return self._set(uow, principal, wanted, bound, "provider.shared_key_set")

        return await write_after_others(self._store, work)

    async def allowed(self, principal: Principal) -> tuple[str, ...]:
        """The inner addresses that are open to served users."""
        principal.require_admin("provider.allowed")
        return tuple(await self._store.read(lambda uow: uow.providers.allowed()))

    async def allow(self, principal: Principal, address: str) -> str:
        """Open an address for served users; its one spelling is returned. Opening it twice is no error."""
        principal.require_admin("provider.allow")
        spelt = str(parse_allowed(address))

        def work(uow: UnitOfWork) -> None:
            if spelt not in uow.providers.allowed():
                uow.providers.allow(id=self._ids.new(), address=spelt, created_at=self._clock.now_ms(), created_by=principal.user_id)
                self._audit.note(uow, Actor.of(principal), "address.allowed", address=spelt)

        await write_after_others(self._store, work)
        return spelt

    async def disallow(self, principal: Principal, address: str) -> str:
        """Close it again. Raises NotFound(kind="address")."""
        principal.require_admin("provider.disallow")
        spelt = str(parse_allowed(address))

        def work(uow: UnitOfWork) -> None:
            if not uow.providers.disallow(spelt):
                raise NotFound(kind="address", reference=address.strip())
            self._audit.note(uow, Actor.of(principal), "address.disallowed", address=spelt)

        await self._store.write(work)
        return spelt

    async def policy(self, principal: Principal) -> EndpointPolicy:
        """Where requests of this principal may go."""
        return await self._store.read(lambda uow: policy_of(uow, principal))

    # Models --------------------------------------------------------------------------------------------------------

    async def models(self, principal: Principal, provider_id: str, endpoint: str | None = None) -> tuple[ModelInfo, ...]:
        """See ModelCatalogue.models."""
        return await self._catalogue.models(principal, provider_id, endpoint)

    async def refresh_models(
        self,
        principal: Principal,
        provider_id: str = "",
        *,
        configuration_id: str | None = None,
        endpoint: str | None = None,
        key: str | Keep | None = KEEP,
    ) -> tuple[ModelInfo, ...]:
        """Ask the provider for its models, as a stored configuration would or as a form says; store and return them.

        `key`: one just typed, None for none, KEEP for the stored one (sent only to the endpoint it was entered for). Raises ProviderError.
        """
        return await self._catalogue.refresh(principal, provider_id, configuration_id=configuration_id, endpoint=endpoint, key=key)

    async def add_model(
        self,
        principal: Principal,
        provider_id: str,
        name: str,
        *,
        endpoint: str | None = None,
        capabilities: Sequence[Capability] = ("chat",),
        for_all: bool = False,
    ) -> ModelInfo:
        """See ModelCatalogue.add."""
        return await self._catalogue.add(principal, provider_id, name, endpoint=endpoint, capabilities=capabilities, for_all=for_all)

    async def remove_model(self, principal: Principal, model_id: str) -> None:
        """See ModelCatalogue.remove."""
        await self._catalogue.remove(principal, model_id)

    # Inside --------------------------------------------------------------------------------------------------------

    async def _change(self, principal: Principal, wanted: Preset, action: str, **values: Any) -> ProviderInfo:
        return await write_after_others(self._store, lambda uow: self._set(uow, principal, wanted, values, action))

    def _set(self, uow: UnitOfWork, principal: Principal, wanted: Preset, values: dict[str, Any], action: str) -> ProviderInfo:
        uow.providers.set_state(wanted.id, updated_at=self._clock.now_ms(), updated_by=principal.user_id, **values)
        self._audit.note(uow, Actor.of(principal), action, ("provider", wanted.id))
        return _info(uow, principal, wanted, uow.providers.state(wanted.id))


def _info(uow: UnitOfWork, principal: Principal, wanted: Preset, row: Any | None) -> ProviderInfo:
    state = availability(wanted, row)
    return ProviderInfo(
        id=wanted.id,
        name=wanted.name,
        glyph=wanted.glyph,
        ascii_glyph=wanted.ascii_glyph,
        endpoint=default_endpoint(wanted, row),
        needs_key=wanted.needs_key,
        takes_key=wanted.takes_key,
        protocol=wanted.protocol,
        local=wanted.local,
        enabled=is_open(state, principal),
        availability=state,
        has_shared_key=row is not None and row.shared_key is not None,
        shared_key_hint=hint(uow, row.shared_key, shared_key_identity(wanted.id)) if row is not None and principal.is_admin else "",
        shared_key_endpoint=row.shared_key_endpoint if row is not None else "",
    )
