"""Queries over training configurations and their versions, as Core statements. Never commits; every query names who asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, insert, or_, select, update

from storage.repositories.base import IDS, Repository, askable, batched
from storage.tables import metadata

configurations = metadata.tables["training_configurations"]
versions = metadata.tables["training_configuration_versions"]
users = metadata.tables["users"]
_c, _v = configurations.c, versions.c


class TrainingConfigurationRepository(Repository):
    """A row is a configuration with `draft` of the version in force and `owner_name`."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def lock_owner(self, owner_id: str) -> bool:
        """Nobody else changes the owner's names before this unit of work ends. False if there is no such account."""
        statement = select(users.c.id).where(users.c.id == owner_id).with_for_update(key_share=True)
        return self._connection.execute(statement).one_or_none() is not None

    def readable(self, reader_id: str, *, shared: bool) -> Sequence[Row[Any]]:
        """The reader's own, and with `shared` what others share."""
        return self._connection.execute(_current().where(_readable(reader_id) if shared else _c.owner_id == reader_id)).all()

    def get(self, reader_id: str, configuration_id: str) -> Row[Any] | None:
        """One that the reader may read."""
        return self._connection.execute(_current().where(_readable(reader_id), _c.id == configuration_id)).one_or_none()

    def by_name(self, owner_id: str, name: str) -> Row[Any] | None:
        return self._connection.execute(_current().where(_c.owner_id == owner_id, _c.name == askable(name))).one_or_none()

    def names(self, owner_id: str) -> dict[str, str]:
        """The id of each name."""
        found = self._connection.execute(select(_c.name, _c.id).where(_c.owner_id == owner_id))
        return {row.name: row.id for row in found}

    def owned(self, owner_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are the owner's."""
        wanted = list(ids)
        found: set[str] = set()
        for batch in batched(wanted) if len(wanted) > IDS else [wanted]:
            found |= set(self._connection.execute(select(_c.id).where(_c.owner_id == owner_id, _c.id.in_(batch))).scalars())
        return found

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(configurations).values(**values))

    def add_version(self, **values: Any) -> None:
        self._connection.execute(insert(versions).values(**values))

    def change(self, owner_id: str, configuration_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such configuration of the owner's."""
        own = _c.owner_id == owner_id, _c.id == configuration_id
        return self._connection.execute(update(configurations).where(*own).values(**values)).rowcount > 0

    def versions_of(self, reader_id: str, configuration_id: str) -> Sequence[Row[Any]]:
        """Every state it was in, the newest first."""
        statement = select(versions).join(configurations, _v.configuration_id == _c.id)
        return self._connection.execute(statement.where(_readable(reader_id), _c.id == configuration_id).order_by(_v.version.desc())).all()

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete with all versions; how many there were."""
        return self._connection.execute(delete(configurations).where(_c.owner_id == owner_id, _c.id.in_(list(ids)))).rowcount


def _readable(reader_id: str) -> ColumnElement[bool]:
    return or_(_c.owner_id == reader_id, _c.shared.is_(True))


def _current() -> Select[Any]:
    joined = configurations.join(versions, and_(_v.configuration_id == _c.id, _v.version == _c.version)).join(
        users, users.c.id == _c.owner_id
    )
    return select(configurations, _v.draft, users.c.nickname.label("owner_name")).select_from(joined)
