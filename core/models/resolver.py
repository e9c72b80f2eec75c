"""From a configuration (or a draft of one) to a model that can be asked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.errors import Conflict, NotFound
from core.models.access import Access, Gateway, default_endpoint, effective_endpoint, known_preset, load_access
from core.models.checks import check_texts
from core.models.rows import parameters_from_json, stored_key
from core.models.types import KEEP, ConfigurationDraft, ReadyModel
from core.persistence import Store

if TYPE_CHECKING:
    from core.llm.request import Parameters
    from storage.unit_of_work import UnitOfWork

KIND = "configuration"


def find(uow: UnitOfWork, owner_id: str, reference: str) -> Any:
    """The owner's configuration of that id or, failing that, of that name. Raises NotFound, for other people's too."""
    row = uow.configurations.get(owner_id, reference) or uow.configurations.by_name(owner_id, reference)
    if row is None:
        raise NotFound(kind=KIND, reference=reference)
    return row


def find_default(uow: UnitOfWork, owner_id: str) -> Any:
    """The owner's default configuration. Raises NotFound(kind="default_configuration")."""
    default_id = uow.configurations.default_of(owner_id)
    row = uow.configurations.get(owner_id, default_id) if default_id else None
    if row is None:
        raise NotFound(kind="default_configuration", reference="")
    return row


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What the database said, before anything is opened."""

    access: Access
    model: str
    parameters: Parameters
    system_prompt: str
    timeout_s: float
    name: str
    id: str = ""
    version: int = 0


#: Known to nobody outside, so that a key id says nothing about its key.
_SALT = os.urandom(16)


def _key_id(key: str | None) -> str:
    return blake2b(key.encode("utf-8", "surrogatepass"), key=_SALT, digest_size=8).hexdigest() if key else ""


class Resolver:
    """Reads in one short look, with the db session closed before anything touches the network."""

    def __init__(self, store: Store, gateway: Gateway) -> None:
        self._store = store
        self._gateway = gateway

    async def ready(self, principal: Principal, reference: str | None) -> ReadyModel:
        """See Configurations.resolve."""
        owner = principal.require_user("configuration.use")

        def work(uow: UnitOfWork) -> _Resolved:
            row = find_default(uow, owner) if reference is None else find(uow, owner, reference)
            if not row.enabled:
                raise Conflict(what="configuration_disabled", configuration=row.name)
            return _stored(uow, principal, row)

        return await self._open(await self._store.read(work))

    async def ready_for_test(self, principal: Principal, reference: str) -> ReadyModel:
        """As `ready`, and a disabled configuration may be tested."""
        owner = principal.require_user("configuration.test")
        return await self._open(await self._store.read(lambda uow: _stored(uow, principal, find(uow, owner, reference))))

    async def ready_draft(self, principal: Principal, draft: ConfigurationDraft, configuration_id: str | None) -> ReadyModel:
        """A draft that is not saved. With `configuration_id`, a key that is KEEP is that configuration's, at its own endpoint only."""
        owner = principal.require_user("configuration.test")
        problems = check_texts(draft)
        problems.pop("name", None)
        for problem in problems.values():
            raise problem

        def work(uow: UnitOfWork) -> _Resolved:
            wanted = known_preset(draft.provider_id)
            endpoint = effective_endpoint(wanted, default_endpoint(wanted, uow.providers.state(wanted.id)), draft.endpoint)
            row = find(uow, owner, configuration_id) if configuration_id is not None else None
            if draft.key is KEEP:
                key = stored_key(uow, row, endpoint) if row is not None else None
            else:
                key = draft.key.strip() if isinstance(draft.key, str) else None
            access = load_access(uow, principal, wanted.id, endpoint, key)
            return _Resolved(
                access=access,
                model=draft.model.strip(),
                parameters=draft.parameters,
                system_prompt=draft.system_prompt,
                timeout_s=draft.timeout_s,
                name=draft.name,
            )

        return await self._open(await self._store.read(work))

    async def _open(self, resolved: _Resolved) -> ReadyModel:
        endpoint, chat_model = await self._gateway.open(resolved.access)
        return ReadyModel(
            configuration_id=resolved.id,
            configuration_name=resolved.name,
            provider_id=resolved.access.preset.id,
            preset=resolved.access.preset,
            endpoint=endpoint,
            model=resolved.model,
            parameters=resolved.parameters,
            system_prompt=resolved.system_prompt,
            timeout_s=resolved.timeout_s,
            version=resolved.version,
            key_source=resolved.access.key_source,
            chat_model=chat_model,
            key_id=_key_id(resolved.access.key),
        )


def _stored(uow: UnitOfWork, principal: Principal, row: Any) -> _Resolved:
    return _Resolved(
        access=load_access(uow, principal, row.provider_id, row.endpoint, stored_key(uow, row, row.endpoint)),
        model=row.model,
        parameters=parameters_from_json(row.parameters),
        system_prompt=row.system_prompt,
        timeout_s=row.timeout_s,
        name=row.name,
        id=row.id,
        version=row.version,
    )
