"""Queries over model configurations and their versions, as Core statements. Never commits; every query names the owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, select, update

from storage.repositories.base import Repository, askable
from storage.tables import metadata

configurations = metadata.tables["configurations"]
versions = metadata.tables["configuration_versions"]
conversations = metadata.tables["conversations"]
users = metadata.tables["users"]
_c, _v = configurations.c, versions.c
#: What a version holds, beside its own id, number and time.
STATE = (_v.provider_id, _v.endpoint, _v.model, _v.parameters, _v.system_prompt, _v.timeout_s)


class ConfigurationRepository(Repository):
    """A row is a configuration with the columns of the version in force (storage/tables/models.py)."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def lock_owner(self, owner_id: str) -> bool:
        """Nobody else changes the owner's names or default before this unit of work ends. False if there is no such account."""
        statement = select(users.c.id).where(users.c.id == owner_id).with_for_update(key_share=True)
        return self._connection.execute(statement).one_or_none() is not None

    def all(self, owner_id: str) -> Sequence[Row[Any]]:
        return self._connection.execute(_current().where(_c.owner_id == owner_id)).all()

    def get(self, owner_id: str, configuration_id: str) -> Row[Any] | None:
        return self._connection.execute(_current().where(*_own(owner_id, configuration_id))).one_or_none()

    def by_name(self, owner_id: str, name: str) -> Row[Any] | None:
        return self._connection.execute(_current().where(_c.owner_id == owner_id, _c.name == askable(name))).one_or_none()

    def names(self, owner_id: str) -> dict[str, str]:
        """The id of each name."""
        found = self._connection.execute(select(_c.name, _c.id).where(_c.owner_id == owner_id))
        return {row.name: row.id for row in found}

    def owned(self, owner_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are the owner's."""
        return set(self._connection.execute(select(_c.id).where(_c.owner_id == owner_id, _c.id.in_(list(ids)))).scalars())

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(configurations).values(**values))

    def add_version(self, **values: Any) -> None:
        self._connection.execute(insert(versions).values(**values))

    def change(self, owner_id: str, configuration_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such configuration of the owner's."""
        return self._connection.execute(update(configurations).where(*_own(owner_id, configuration_id)).values(**values)).rowcount > 0

    def versions_of(self, owner_id: str, configuration_id: str) -> Sequence[Row[Any]]:
        """Every state it was in, the newest first."""
        statement = select(versions).join(configurations, _v.configuration_id == _c.id).where(*_own(owner_id, configuration_id))
        return self._connection.execute(statement.order_by(_v.version.desc())).all()

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete with all versions; how many there were."""
        return self._connection.execute(delete(configurations).where(_c.owner_id == owner_id, _c.id.in_(ids))).rowcount

    def conversations_with(self, owner_id: str, ids: Iterable[str]) -> int:
        """How many of the owner's conversations ask one of `ids`, those in the trash too."""
        used = conversations.c.owner_id == owner_id, conversations.c.kind == "", conversations.c.configuration_id.in_(list(ids))
        return self._connection.execute(select(func.count()).select_from(conversations).where(*used)).scalar_one()

    def default_of(self, owner_id: str) -> str | None:
        """The id of the owner's default: None if there never was one, "" if there is none any more."""
        return self._connection.execute(select(users.c.default_configuration_id).where(users.c.id == owner_id)).scalar_one_or_none()

    def set_default(self, owner_id: str, configuration_id: str) -> None:
        """`configuration_id` "" for none. One column of one row, so there is never more than one default."""
        self._connection.execute(update(users).where(users.c.id == owner_id).values(default_configuration_id=configuration_id))


def _own(owner_id: str, configuration_id: str) -> tuple[ColumnElement[bool], ...]:
    return _c.owner_id == owner_id, _c.id == configuration_id


def _current() -> Select[Any]:
    joined = configurations.join(versions, and_(_v.configuration_id == _c.id, _v.version == _c.version))
    return select(configurations, *STATE).select_from(joined)
