"""Queries over who holds which GPU. Never commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

holds = metadata.tables["slot_holds"]
_h = holds.c


class SlotRepository(Repository):
    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def all(self) -> dict[str, str]:
        """The holder of each slot that is held."""
        return {row.slot: row.holder for row in self._connection.execute(select(_h.slot, _h.holder))}

    def of(self, holder: str) -> tuple[str, ...]:
        return tuple(self._connection.execute(select(_h.slot).where(_h.holder == holder).order_by(_h.slot)).scalars())

    def hold(self, holder: str, slots: Sequence[str], *, moment: int) -> bool:
        """Hold all of `slots` or, if somebody else holds one of them, none."""
        before = set(self.of(holder))
        for slot in sorted(slots):  # in one order for all, so that two units of work never wait for each other
            ensure(self._connection, holds, {"slot": slot, "holder": holder, "since": moment})
        if set(slots) <= set(self.of(holder)):
            return True
        new = [slot for slot in slots if slot not in before]
        self._connection.execute(delete(holds).where(_h.holder == holder, _h.slot.in_(new)))
        return False

    def release(self, holder: str) -> int:
        """How many were held."""
        return self._connection.execute(delete(holds).where(_h.holder == holder)).rowcount
