"""Who looks every second asks the database only if something may have been written: by this process, by another one, a moment ago."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.bootstrap import build_services
from core.persistence import Stillness, Store
from core.settings import Settings
from storage.unit_of_work import Storage

OTHER = """
import sys
from storage.unit_of_work import Storage
storage = Storage(sys.argv[1])
storage.write_now(lambda uow: uow.runs.touch({"ann": ["x"]}))
storage.close()
"""


def rest(database: Path) -> None:
    """Make the last write an old one, as after some seconds without any."""
    for name in (database, Path(f"{database}-wal")):
        if name.exists():
            then = time.time() - 60
            os.utime(name, (then, then))


@pytest.fixture
async def database(settings: Settings) -> Path:
    await (await build_services(settings)).close()
    return Path(settings.database_url.removeprefix("sqlite:///"))


async def test_nothing_new_is_believed_until_somebody_writes(settings: Settings, database: Path) -> None:
    storage = Storage(settings.database_url)
    storage.write_now(lambda uow: uow.runs.touch({"ann": []}))
    stillness = Stillness(Store(storage))
    assert not stillness.lasts()
    assert not stillness.lasts(), "what was written a moment ago may be followed by more in the same tick of the clock"
    rest(database)
    assert [stillness.lasts() for _ in range(3)] == [False, True, True]
    storage.write_now(lambda uow: uow.runs.touch({"ann": []}))
    assert not stillness.lasts()
    rest(database)
    assert [stillness.lasts() for _ in range(2)] == [False, True]
    command = [sys.executable, "-c", OTHER, settings.database_url]
    await asyncio.to_thread(subprocess.run, command, check=True, cwd=Path(__file__).parents[2])
    assert not stillness.lasts(), "another process wrote"
    rest(database)
    assert [stillness.lasts() for _ in range(2)] == [False, True]
    stillness.disturb()
    assert not stillness.lasts()
    storage.close()


def test_where_only_a_query_can_tell_nothing_is_believed(tmp_path: Path) -> None:
    for url in ("sqlite://", "postgresql://ann@127.0.0.1:9/nowhere"):
        storage = Storage(url)
        stillness = Stillness(Store(storage))
        assert storage.mark() is None and not any(stillness.lasts() for _ in range(3))
        storage.close()


async def test_a_clock_set_back_is_no_stillness(settings: Settings, database: Path) -> None:
    storage = Storage(settings.database_url)
    storage.write_now(lambda uow: uow.runs.touch({"ann": []}))
    later = time.time() + 6 * 3600
    os.utime(f"{database}-wal", (later, later))
    stillness = Stillness(Store(storage))
    assert not any(stillness.lasts() for _ in range(3)), "when it was written is not known"
    storage.close()
