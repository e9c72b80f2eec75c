"""Saving configurations: names, versions and keys. Runs inside a unit of work in which the owner is locked."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, InvalidInput
from core.models.access import availability, default_endpoint, effective_endpoint, is_open, known_preset
from core.models.checks import NAME_LIMIT, check_texts, clean_name
from core.models.rows import key_identity, parameters_to_json
from core.models.types import KEEP, Configuration, ConfigurationDraft
from core.models.views import view

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

_NUMBERED = re.compile(r"(?P<base>.+) [0-9]{1,9}\Z", re.DOTALL)
#: What makes a version: the columns of ConfigurationVersion that a person sets.
_STATE = ("provider_id", "endpoint", "model", "parameters", "system_prompt", "timeout_s")


def free_name(name: str, taken: Collection[str]) -> str:
    """The next free name after `name`: "Fast" gives "Fast 2", and so does "Fast 2" give "Fast 3" where it is itself a copy of "Fast"."""
    numbered = _NUMBERED.match(name)
    base = numbered["base"] if numbered and numbered["base"] in taken else name
    number = 2
    while (candidate := _numbered(base, number)) in taken:
        number += 1
    return candidate


def _numbered(base: str, number: int) -> str:
    end = f" {number}"
    return base[: NAME_LIMIT - len(end)].rstrip() + end


class Editor:
    """Writes what drafts say."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock = clock
        self._ids = ids

    def create(
        self, uow: UnitOfWork, principal: Principal, owner: str, draft: ConfigurationDraft, *, provider_must_be_open: bool = True
    ) -> Configuration:
        """A new configuration, the default where there is none."""
        state = self._state(uow, principal, draft, must_be_open=provider_must_be_open)
        name = _free(uow, owner, draft.name, None)
        new_id, now = self._ids.new(), self._clock.now_ms()
        key = _typed_key(draft)
        uow.configurations.add(
            id=new_id,
            owner_id=owner,
            name=name,
            note=draft.note,
            enabled=draft.enabled,
            version=1,
            key=uow.secrets.seal(key, key_identity(new_id)) if key else None,
            key_endpoint=state["endpoint"] if key else "",
            created_at=now,
            updated_at=now,
        )
        self._add_version(uow, principal, new_id, 1, state)
        if not uow.configurations.default_of(owner):
            uow.configurations.set_default(owner, new_id)
        return view(uow, principal, owner, uow.configurations.get(owner, new_id))

    def update(self, uow: UnitOfWork, principal: Principal, owner: str, row: Any, draft: ConfigurationDraft) -> Configuration:
        """The configuration of `row` as the draft says."""
        state = self._state(uow, principal, draft, must_be_open=draft.provider_id != row.provider_id)
        values: dict[str, Any] = {"name": _free(uow, owner, draft.name, row.id), "note": draft.note, "enabled": draft.enabled}
        values |= self._key_columns(uow, row, draft, state["endpoint"])
        if any(state[column] != _spelt(column, getattr(row, column)) for column in _STATE):
            values["version"] = row.version + 1
            self._add_version(uow, principal, row.id, row.version + 1, state)
        cleared = draft.key is KEEP and row.key is not None and "key" in values
        return self.touch(uow, principal, owner, row, key_cleared=cleared, **values)

    def touch(
        self, uow: UnitOfWork, principal: Principal, owner: str, row: Any, *, key_cleared: bool = False, **values: Any
    ) -> Configuration:
        """Set columns that make no version."""
        uow.configurations.change(owner, row.id, updated_at=self._clock.now_ms(), **values)
        return view(uow, principal, owner, uow.configurations.get(owner, row.id), key_cleared=key_cleared)

    def _state(self, uow: UnitOfWork, principal: Principal, draft: ConfigurationDraft, *, must_be_open: bool) -> dict[str, Any]:
        """The draft's version columns in their one spelling. Raises the first thing that is wrong with it."""
        for problem in check_texts(draft).values():
            raise problem
        wanted = known_preset(draft.provider_id)
        provider = uow.providers.state(wanted.id)
        if must_be_open and not is_open(availability(wanted, provider), principal):
            raise Conflict(what="provider_disabled", provider=wanted.name)
        return {
            "provider_id": wanted.id,
            "endpoint": effective_endpoint(wanted, default_endpoint(wanted, provider), draft.endpoint),
            "model": draft.model.strip(),
            "parameters": parameters_to_json(draft.parameters),
            "system_prompt": draft.system_prompt,
            "timeout_s": _spelt("timeout_s", draft.timeout_s),
        }

    def _add_version(self, uow: UnitOfWork, principal: Principal, configuration_id: str, version: int, state: dict[str, Any]) -> None:
        made = {"created_at": self._clock.now_ms(), "created_by": principal.user_id}
        uow.configurations.add_version(id=self._ids.new(), configuration_id=configuration_id, version=version, **state, **made)

    def _key_columns(self, uow: UnitOfWork, row: Any, draft: ConfigurationDraft, endpoint: str) -> dict[str, Any]:
        """The key columns that change: a typed key is bound to the endpoint of now, a kept one goes when that is another."""
        if draft.key is KEEP:
            stays = row.key is None or row.key_endpoint == endpoint
            return {} if stays else {"key": None, "key_endpoint": ""}
        if key := _typed_key(draft):
            return {"key": uow.secrets.seal(key, key_identity(row.id)), "key_endpoint": endpoint}
        return {"key": None, "key_endpoint": ""}


def _spelt(column: str, value: Any) -> Any:
    """Times to a tenth of a second: MySQL keeps them in single precision, and what comes back must compare equal."""
    return round(float(value), 1) if column == "timeout_s" else value


def _typed_key(draft: ConfigurationDraft) -> str:
    return draft.key.strip() if isinstance(draft.key, str) else ""


def _free(uow: UnitOfWork, owner: str, name: str, configuration_id: str | None) -> str:
    """`name` as it is stored. Raises InvalidInput("name", "taken") if another configuration of the owner's has it."""
    cleaned = clean_name(name)
    if uow.configurations.names(owner).get(cleaned, configuration_id) != configuration_id:
        raise InvalidInput("name", "taken", value=cleaned)
    return cleaned
