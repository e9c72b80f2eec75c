"""The audit: who did what to what, from where, when. Written in the same unit of work as the deed, so that neither is without the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.auth.principal import Origin, Principal
from core.clock import Clock, Identifiers
from core.sanitise import one_line
from storage.unit_of_work import UnitOfWork

_NAME_LIMIT = 100
_ADDRESS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is written down. `id` is "" for the operator and for somebody who is not signed in."""

    id: str = ""
    name: str = ""
    address: str = ""

    @classmethod
    def of(cls, principal: Principal) -> Actor:
        return cls(principal.user_id, principal.nickname, principal.origin.address)

    @classmethod
    def at(cls, origin: Origin) -> Actor:
        """Somebody unknown at an address."""
        return cls(address=origin.address)


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes events. `action` is dotted and stable ("account.disabled"); details are plain values, never a secret."""

    clock: Clock
    ids: Identifiers

    def note(self, uow: UnitOfWork, actor: Actor, action: str, subject: tuple[str, str] = ("", ""), **details: Any) -> None:
        """Add an event. `subject`: its kind ("user", "session", "ssh_key", ...) and its id."""
        kind, reference = subject
        uow.audit.add(
            id=self.ids.new(),
            at=self.clock.now_ms(),
            actor_id=actor.id,
            actor_name=one_line(actor.name, _NAME_LIMIT),
            action=action,
            subject_kind=kind,
            subject_id=reference,
            address=one_line(actor.address, _ADDRESS_LIMIT),
            details=json.dumps(details, ensure_ascii=False, sort_keys=True),
        )
