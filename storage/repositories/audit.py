"""Queries over the audit. Events are added and read, never changed. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from storage.repositories.base import Repository
from storage.tables import metadata

events = metadata.tables["audit_events"]
_e = events.c


class AuditRepository(Repository):
    """Rows have the columns of storage/tables/accounts.py, AuditEvent."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(events).values(**values))

    def latest(self, limit: int, *, action: str = "", subject_id: str = "") -> Sequence[Row[Any]]:
        """The newest events first; only those of an action or about a subject, if given."""
        query = select(events).order_by(_e.at.desc(), _e.id.desc()).limit(limit)
        if action:
            query = query.where(_e.action == action)
        if subject_id:
            query = query.where(_e.subject_id == subject_id)
        return self._connection.execute(query).all()
