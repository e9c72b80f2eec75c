"""Queries over managed services and notes about models. Never commits; what people ask names the owner."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from storage.repositories.base import Repository
from storage.tables import metadata

services = metadata.tables["services"]
notes = metadata.tables["model_notes"]
_s, _n = services.c, notes.c


class ServiceRepository(Repository):
    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(services).values(**values))

    def get(self, owner_id: str, service_id: str) -> Row[Any] | None:
        statement = select(services).where(_s.owner_id == owner_id, _s.id == service_id)
        return self._connection.execute(statement).one_or_none()

    def all(self, owner_id: str, *, kinds: Collection[str] = (), states: Collection[str] = ()) -> Sequence[Row[Any]]:
        """The owner's, the newest first."""
        statement = select(services).where(_s.owner_id == owner_id)
        if kinds:
            statement = statement.where(_s.kind.in_(list(kinds)))
        if states:
            statement = statement.where(_s.state.in_(list(states)))
        return self._connection.execute(statement.order_by(_s.created_at.desc(), _s.id.desc())).all()

    def any(self, service_id: str) -> Row[Any] | None:
        """Whosever it is: for who looks after services."""
        return self._connection.execute(select(services).where(_s.id == service_id)).one_or_none()

    def in_states(self, states: Collection[str]) -> Sequence[Row[Any]]:
        """Everybody's in these states: for who looks after services."""
        return self._connection.execute(select(services).where(_s.state.in_(list(states))).order_by(_s.id)).all()

    def change(self, service_id: str, revision: int, **values: Any) -> bool:
        """Set columns if the row is still the one that was read; False if somebody was faster, or it is gone."""
        wanted = _s.id == service_id, _s.revision == revision
        return self._connection.execute(update(services).where(*wanted).values(revision=revision + 1, **values)).rowcount > 0

    def set_configuration(self, service_id: str, configuration_id: str) -> None:
        """Which model configuration stands for it. No change of the service: its revision stays."""
        self._connection.execute(update(services).where(_s.id == service_id).values(configuration_id=configuration_id))

    def watch(self, service_id: str, watcher: str, *, moment: int, until: int, longest: int) -> bool:
        """Look after it until the moment `until`, if nobody else does. No change of the service: its revision stays.

        `longest`: ms; who has it for longer than that had it before the clock was set back.
        """
        free = or_(_s.watcher == "", _s.watcher == watcher, _s.watched_until <= moment, _s.watched_until > moment + longest)
        statement = update(services).where(_s.id == service_id, free).values(watcher=watcher, watched_until=until)
        return self._connection.execute(statement).rowcount > 0

    def remove(self, owner_id: str, service_id: str) -> bool:
        return self._connection.execute(delete(services).where(_s.owner_id == owner_id, _s.id == service_id)).rowcount > 0

    def endpoints(self, owner_id: str, kinds: Collection[str]) -> tuple[tuple[str, int], ...]:
        """Host and port of the owner's services of these kinds that are starting or ready."""
        statement = select(_s.host, _s.port).where(
            _s.owner_id == owner_id, _s.kind.in_(list(kinds)), _s.state.in_(["starting", "ready"]), _s.port > 0
        )
        return tuple((row.host, row.port) for row in self._connection.execute(statement))

    # Notes -----------------------------------------------------------------------------------------------------------

    def notes(self, owner_id: str) -> Mapping[str, str]:
        """The owner's notes by the model they are about."""
        return {row.model_id: row.note for row in self._connection.execute(select(_n.model_id, _n.note).where(_n.owner_id == owner_id))}

    def set_note(self, owner_id: str, model_id: str, note: str, *, id: str, moment: int) -> None:  # noqa: A002 - the column
        """Write down, change or (with "") forget a note."""
        self._connection.execute(delete(notes).where(_n.owner_id == owner_id, _n.model_id == model_id))
        if note:
            self._connection.execute(insert(notes).values(id=id, owner_id=owner_id, model_id=model_id, note=note, updated_at=moment))
