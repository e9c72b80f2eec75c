"""The storage of every kind of database: `storage` and `empty_url` run a test on SQLite, PostgreSQL and MariaDB.

The servers are started by fixtures of tests/conftest.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.secrets import make_box
from core.settings import Settings
from storage import schema
from storage.rotation import prepare_keys
from storage.tables import metadata
from storage.unit_of_work import Storage
from tests.storage.servers import Server

KINDS = ("sqlite", "postgresql", "mariadb")


def _server(kind: str, request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(f"{kind}_server")
    return server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database of this test."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return _server(kind, request).new_database()


@pytest.fixture(scope="session")
def _migrated_urls() -> dict[str, str]:
    return {}


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest, settings: Settings, _migrated_urls: dict[str, str]) -> str:
    """The URL of a migrated database without rows. The servers' ones are emptied and used again."""
    if kind == "sqlite":
        settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        return settings.database_url
    if kind not in _migrated_urls:
        _migrated_urls[kind] = _server(kind, request).new_database()
    return _migrated_urls[kind]


@pytest.fixture
def storage(database_url: str, settings: Settings) -> Iterator[Storage]:
    """A migrated database without rows, of each kind, with the master key of `settings`."""
    settings.data_dir.mkdir(mode=0o700, exist_ok=True)
    opened = Storage(database_url, reader_threads=8, box=make_box(settings))
    schema.upgrade(opened.engine)
    _clear(opened)
    prepare_keys(opened)
    yield opened
    opened.close()


def _clear(storage: Storage) -> None:
    with storage.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def make_storage() -> Iterator[Callable[..., Storage]]:
    """More storages, closed at the end: `make_storage(url, box=...)`."""
    made: list[Storage] = []

    def make(url: str, **options: object) -> Storage:
        made.append(Storage(url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()
