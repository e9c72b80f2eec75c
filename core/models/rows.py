"""From stored rows to the values that services hand out. The only place of this package where a stored key is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from core.clock import from_ms
from core.llm.request import Parameters
from core.models.types import ConfigurationVersion, ModelInfo, mask
from storage.crypto import identity
from storage.errors import KeyMissing, Undecryptable

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


def parameters_to_json(parameters: Parameters) -> str:
    """Only what is set, in a fixed order: equal parameters give equal text."""
    values: dict[str, Any] = {
        name: value
        for name in ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
        if (value := getattr(parameters, name)) is not None
    }
    if parameters.stop:
        values["stop"] = list(parameters.stop)
    if parameters.extra:
        values["extra"] = parameters.extra
    return json.dumps(values, sort_keys=True, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def parameters_from_json(text: str) -> Parameters:
    values = json.loads(text or "{}")
    return Parameters(**{**values, "stop": tuple(values.get("stop", ())), "extra": values.get("extra", {})})


def key_identity(configuration_id: str) -> str:
    return identity("configurations", configuration_id, "key")


def shared_key_identity(provider_id: str) -> str:
    return identity("providers", provider_id, "shared_key")


def stored_key(uow: UnitOfWork, row: Any, endpoint: str) -> str | None:
    """The own key of a configuration's row, for `endpoint` and no other: None where it was entered for another one, or is not there."""
    if row.key is None or row.key_endpoint != endpoint:
        return None
    return uow.secrets.open(row.key, key_identity(row.id))


def stored_shared_key(uow: UnitOfWork, row: Any | None, endpoint: str) -> str | None:
    """The shared key of a provider's row, under the same rule."""
    if row is None or row.shared_key is None or row.shared_key_endpoint != endpoint:
        return None
    return uow.secrets.open(row.shared_key, shared_key_identity(row.id))


def hint(uow: UnitOfWork, envelope: str | None, bound_to: str) -> str:
    """A sealed key masked; "" where there is none. One that does not open is shown as "…": a list must not fail for it."""
    if envelope is None:
        return ""
    try:
        return mask(uow.secrets.open(envelope, bound_to))
    except (Undecryptable, KeyMissing):
        return mask("")


def version_info(row: Any) -> ConfigurationVersion:
    return ConfigurationVersion(
        version=row.version,
        provider_id=row.provider_id,
        endpoint=row.endpoint,
        model=row.model,
        parameters=parameters_from_json(row.parameters),
        system_prompt=row.system_prompt,
        timeout_s=row.timeout_s,
        created_at=from_ms(row.created_at),
    )


def model_info(row: Any) -> ModelInfo:
    return ModelInfo(
        id=row.id,
        provider_id=row.provider_id,
        endpoint=row.endpoint,
        name=row.name,
        display_name=row.display_name,
        size_bytes=row.size_bytes,
        parameters=row.parameters or None,
        context_length=row.context_length,
        capabilities=tuple(json.loads(row.capabilities or "[]")),
        input_price=_decimal(row.input_price),
        output_price=_decimal(row.output_price),
        currency=row.currency,
        available=row.available,
        own=bool(row.owner_id),
        refreshed_at=from_ms(row.refreshed_at) if row.refreshed_at else None,
    )


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None
