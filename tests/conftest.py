"""What every test may use: a data folder of its own, settings for it, a storage on SQLite, and the database servers.

A server that is not installed skips its tests; with MODELTRAIN_REQUIRE_SERVERS=1 (as in .ci/run) it fails them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from core.installation import DATABASE_FILE, prepare
from core.secrets import MASTER_KEY_FILE, make_box
from core.settings import AuthSettings, Settings, load_settings
from storage.unit_of_work import Storage
from tests.storage.servers import NotInstalled, Server, mariadb, postgresql

#: How long an example takes says something about the machine and what else it does, nothing about the program.
hypothesis.settings.register_profile("modeltrain", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("modeltrain")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the settings, or touches the data, of whoever runs it."""
    for name in (
        "MODELTRAIN_DATABASE_URL",
        "MODELTRAIN_MASTER_KEY",
        "MODELTRAIN_MASTER_KEY_FILE",
        "MODELTRAIN_PASSWORD",
        "CREDENTIALS_DIRECTORY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELTRAIN_DATA", str(tmp_path / "data"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a data folder may be made; nothing is there yet."""
    return tmp_path / "data"


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """Settings of an installation on SQLite in `data_dir`, with the cheapest password hashing."""
    return replace(load_settings(data_dir, {}), auth=AuthSettings(bcrypt_cost=4))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty, migrated database and its keys, made once; copy it."""
    folder = tmp_path_factory.mktemp("installed") / "data"
    prepare(load_settings(folder, {})).close()
    return folder


@pytest.fixture
def storage(settings: Settings, installed: Path) -> Iterator[Storage]:
    """An empty, migrated SQLite database in `data_dir`, with its master key."""
    settings.data_dir.mkdir(mode=0o700)
    for name in (DATABASE_FILE, MASTER_KEY_FILE):
        shutil.copy(installed / name, settings.data_dir / name)
    opened = Storage(settings.database_url, box=make_box(settings))
    yield opened
    opened.close()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts are named after their argument: keys made anew in every process must not make other names in every process."""
    return argname if isinstance(val, str) and len(val) > 40 else None


# Database servers ------------------------------------------------------------------------------------------------------------------


def _start(server: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    running = server()
    try:
        started = running.__enter__()
    except NotInstalled as error:
        if os.environ.get("MODELTRAIN_REQUIRE_SERVERS") == "1":
            pytest.fail(f"{error}, and MODELTRAIN_REQUIRE_SERVERS=1", pytrace=False)
        pytest.skip(str(error))
    try:
        yield started
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    yield from _start(postgresql)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    yield from _start(mariadb)
