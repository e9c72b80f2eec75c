"""What administrators and owners did here, noted in the audit. Never a key, an endpoint's password or a prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.clock import Clock, Identifiers

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


NOTHING: Mapping[str, str] = {}


class Trail:
    """Notes events in the unit of work of the act itself: both are kept or neither."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock = clock
        self._ids = ids

    def note(
        self,
        uow: UnitOfWork,
        principal: Principal,
        action: str,
        kind: str,
        subject_id: str = "",
        *,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """`action` by `principal` on the `kind` of that id."""
        uow.audit.add(
            id=self._ids.new(),
            at=self._clock.now_ms(),
            actor_id=principal.user_id,
            actor_name=principal.nickname[:100],
            action=action,
            subject_kind=kind,
            subject_id=subject_id,
            address=principal.origin.address[:64],
            details=json.dumps(details) if details else "",
        )
