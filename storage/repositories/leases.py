"""Queries over leases: who does what only one process may do at a time. Never commits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

leases = metadata.tables["leases"]
_l = leases.c


class LeaseRepository(Repository):
    """By name, for example "runs"."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def get(self, name: str) -> Row[Any] | None:
        return self._connection.execute(select(leases).where(_l.name == name)).one_or_none()

    def take(self, name: str, holder: str, *, process: str, moment: int, until: int, dead: str | None = None) -> bool:
        """Hold the lease until the moment `until` if it is free, expired, held by `holder` already, or by `dead`, which is known to be.

        Of two that try at once one gets it: the row is compared and set in one statement.
        """
        ensure(self._connection, leases, {"name": name, "holder": "", "process": "", "expires_at": 0})
        free = [_l.holder == "", _l.holder == holder, _l.expires_at <= moment]
        if dead:
            free.append(_l.holder == dead)
        statement = update(leases).where(_l.name == name, or_(*free)).values(holder=holder, process=process, expires_at=until)
        return self._connection.execute(statement).rowcount > 0

    def give_back(self, name: str, holder: str) -> bool:
        """False if somebody else holds it."""
        statement = update(leases).where(_l.name == name, _l.holder == holder).values(holder="", process="", expires_at=0)
        return self._connection.execute(statement).rowcount > 0
