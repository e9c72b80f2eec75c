"""Queries over datasets and their versions, as Core statements. Never commits; every query names the owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, select, update

from storage.repositories.base import Repository, askable, batched
from storage.tables import metadata

datasets = metadata.tables["datasets"]
versions = metadata.tables["dataset_versions"]
configurations = metadata.tables["training_configurations"]
configuration_versions = metadata.tables["training_configuration_versions"]
runs = metadata.tables["training_runs"]
users = metadata.tables["users"]
_d, _v = datasets.c, versions.c
_EVERY = versions.alias("every")


class DatasetRepository(Repository):
    """A row is a dataset with its version in force: columns of the version are called `v_...`, `versions` is their number."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def lock_owner(self, owner_id: str) -> bool:
        """Nobody else changes the owner's names before this unit of work ends. False if there is no such account."""
        statement = select(users.c.id).where(users.c.id == owner_id).with_for_update(key_share=True)
        return self._connection.execute(statement).one_or_none() is not None

    def all(self, owner_id: str) -> Sequence[Row[Any]]:
        return self._connection.execute(_current().where(_d.owner_id == owner_id)).all()

    def get(self, owner_id: str, dataset_id: str) -> Row[Any] | None:
        return self._connection.execute(_current().where(*_own(owner_id, dataset_id))).one_or_none()

    def by_name(self, owner_id: str, name: str) -> Row[Any] | None:
        return self._connection.execute(_current().where(_d.owner_id == owner_id, _d.name == askable(name))).one_or_none()

    def names(self, owner_id: str) -> dict[str, str]:
        """The id of each name."""
        found = self._connection.execute(select(_d.name, _d.id).where(_d.owner_id == owner_id))
        return {row.name: row.id for row in found}

    def owned(self, owner_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are the owner's."""
        found: set[str] = set()
        for batch in batched(list(ids)):
            found |= set(self._connection.execute(select(_d.id).where(_d.owner_id == owner_id, _d.id.in_(batch))).scalars())
        return found

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(datasets).values(**values))

    def add_version(self, **values: Any) -> None:
        self._connection.execute(insert(versions).values(**values))

    def change(self, owner_id: str, dataset_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such dataset of the owner's."""
        return self._connection.execute(update(datasets).where(*_own(owner_id, dataset_id)).values(**values)).rowcount > 0

    def version(self, owner_id: str, dataset_id: str, version: int) -> Row[Any] | None:
        statement = select(versions).join(datasets, _v.dataset_id == _d.id).where(*_own(owner_id, dataset_id), _v.version == version)
        return self._connection.execute(statement).one_or_none()

    def versions_of(self, owner_id: str, dataset_id: str) -> Sequence[Row[Any]]:
        """Every version, the newest first."""
        statement = select(versions).join(datasets, _v.dataset_id == _d.id).where(*_own(owner_id, dataset_id))
        return self._connection.execute(statement.order_by(_v.version.desc())).all()

    def change_version(self, owner_id: str, version_id: str, **values: Any) -> bool:
        """Set columns of a version; False if there is none of the owner's."""
        own = select(_d.id).where(_d.owner_id == owner_id)
        statement = update(versions).where(_v.id == version_id, _v.dataset_id.in_(own)).values(**values)
        return self._connection.execute(statement).rowcount > 0

    def paths(self, owner_id: str) -> dict[str, str]:
        """The id of the dataset of each file that is a version of one."""
        found = self._connection.execute(
            select(_v.path, _v.dataset_id).join(datasets, _v.dataset_id == _d.id).where(_d.owner_id == owner_id)
        )
        return {row.path: row.dataset_id for row in found}

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete with all versions; how many there were."""
        return self._connection.execute(delete(datasets).where(_d.owner_id == owner_id, _d.id.in_(ids))).rowcount

    # What uses them --------------------------------------------------------------------------------------------------

    def configurations_naming(self, owner_id: str, dataset_id: str) -> list[str]:
        """Names of the owner's training configurations whose version in force names the dataset."""
        statement = select(configurations.c.name).join(
            configuration_versions,
            and_(
                configuration_versions.c.configuration_id == configurations.c.id,
                configuration_versions.c.version == configurations.c.version,
            ),
        )
        named = configuration_versions.c.draft.contains(dataset_id, autoescape=True)
        return list(
            self._connection.execute(
                statement.where(configurations.c.owner_id == owner_id, named).order_by(configurations.c.name)
            ).scalars()
        )

    def open_runs(self, owner_id: str, states: Sequence[str]) -> list[tuple[str, str]]:
        """Name and resolved request (JSON) of the owner's runs in `states`."""
        statement = select(runs.c.name, runs.c.resolved).where(runs.c.owner_id == owner_id, runs.c.state.in_(states))
        return [(row.name, row.resolved) for row in self._connection.execute(statement.order_by(runs.c.name))]


def _own(owner_id: str, dataset_id: str) -> tuple[ColumnElement[bool], ...]:
    return _d.owner_id == owner_id, _d.id == dataset_id


def _current() -> Select[Any]:
    joined = datasets.join(versions, and_(_v.dataset_id == _d.id, _v.version == _d.version))
    counted = select(func.count()).select_from(_EVERY).where(_EVERY.c.dataset_id == _d.id)
    columns = [column.label(f"v_{column.name}") for column in versions.c]
    return select(datasets, *columns, counted.correlate(datasets).scalar_subquery().label("versions")).select_from(joined)
