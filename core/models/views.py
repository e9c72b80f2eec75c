"""Stored configurations as their owner sees them, and the order of lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.clock import from_ms
from core.llm.presets import presets
from core.models.access import availability, is_open
from core.models.rows import hint, key_identity, parameters_from_json
from core.models.types import Configuration, Sort

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


def views(uow: UnitOfWork, principal: Principal, owner: str) -> list[Configuration]:
    """All configurations of the owner, unordered."""
    default_id = uow.configurations.default_of(owner)
    providers = {row.id: row for row in uow.providers.states()}
    return [_view(uow, principal, row, default_id, providers.get(row.provider_id)) for row in uow.configurations.all(owner)]


def view(uow: UnitOfWork, principal: Principal, owner: str, row: Any, *, key_cleared: bool = False) -> Configuration:
    """One of them."""
    default_id, provider = uow.configurations.default_of(owner), uow.providers.state(row.provider_id)
    return _view(uow, principal, row, default_id, provider, key_cleared=key_cleared)


def _view(
    uow: UnitOfWork, principal: Principal, row: Any, default_id: str | None, provider: Any | None, *, key_cleared: bool = False
) -> Configuration:
    wanted = presets().get(row.provider_id)
    shared = provider is not None and provider.shared_key is not None and provider.shared_key_endpoint == row.endpoint
    return Configuration(
        id=row.id,
        name=row.name,
        provider_id=row.provider_id,
        endpoint=row.endpoint,
        model=row.model,
        parameters=parameters_from_json(row.parameters),
        system_prompt=row.system_prompt,
        timeout_s=row.timeout_s,
        note=row.note,
        enabled=row.enabled,
        is_default=row.id == default_id,
        has_key=row.key is not None,
        key_hint=hint(uow, row.key, key_identity(row.id)),
        version=row.version,
        created_at=from_ms(row.created_at),
        updated_at=from_ms(row.updated_at),
        shared_key=shared and row.key is None,
        key_missing=wanted is not None and wanted.needs_key and row.key is None and not shared,
        provider_enabled=wanted is not None and is_open(availability(wanted, provider), principal),
        key_cleared=key_cleared,
    )


def arranged(configurations: Iterable[Configuration], query: str, sort: Sort) -> tuple[Configuration, ...]:
    """Those that have every word of `query`, in the order of `sort`: moments with the newest first, words by the alphabet."""
    words = query.casefold().split()
    found = [configuration for configuration in configurations if all(word in _searched(configuration) for word in words)]
    found.sort(key=lambda configuration: (configuration.name.casefold(), configuration.id))
    if sort == "updated":
        found.sort(key=lambda configuration: configuration.updated_at, reverse=True)
    elif sort == "created":
        found.sort(key=lambda configuration: configuration.created_at, reverse=True)
    elif sort == "model":
        found.sort(key=lambda configuration: configuration.model.casefold())
    elif sort == "provider":
        order = {provider_id: position for position, provider_id in enumerate(presets())}
        found.sort(key=lambda configuration: order.get(configuration.provider_id, len(order)))
    return tuple(found)


def _searched(configuration: Configuration) -> str:
    preset = presets().get(configuration.provider_id)
    words = (configuration.name, configuration.model, configuration.provider_id, preset.name if preset else "", configuration.note)
    return "\n".join(words).casefold()
