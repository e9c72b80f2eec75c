"""Many at once, and killed in the middle: nothing fails, nothing that was committed is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text, update

from core.persistence import Store
from storage.tables import AppSetting
from storage.unit_of_work import TRIES, Storage, UnitOfWork

THREADS, EACH = 8, 40


def count(storage: Storage, prefix: str = "") -> int:
    query = text("SELECT count(*) FROM app_settings WHERE name LIKE :like")
    return storage.read_now(lambda uow: uow.session.scalar(query, {"like": f"{prefix}%"}) or 0)


def test_eight_threads_write_and_read(storage: Storage) -> None:
    """Each reads before it writes: on SQLite a deferred transaction would fail with SQLITE_BUSY thousands of times."""
    storage.write_now(lambda uow: uow.session.add(AppSetting(name="counter", value="0", updated_at=0)))

    def write(thread: int) -> None:
        for number in range(EACH):

            def work(uow: UnitOfWork, number: int = number) -> None:
                assert uow.session.get(AppSetting, "counter") is not None
                increase = update(AppSetting).where(AppSetting.name == "counter").values(updated_at=AppSetting.updated_at + 1)  # type: ignore[arg-type]
                uow.session.execute(increase)
                uow.session.add(AppSetting(name=f"t{thread}-{number}", value="", updated_at=1))

            storage.write_now(work)
            assert count(storage, f"t{thread}-") >= number + 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    assert count(storage, "t") == THREADS * EACH
    assert storage.read_now(lambda uow: uow.session.get_one(AppSetting, "counter").updated_at) == THREADS * EACH


WRITER = """
import os, sys
from storage.unit_of_work import Storage
from storage.tables import AppSetting
storage = Storage(sys.argv[1])
for number in range(int(sys.argv[2])):
    storage.write_now(lambda uow: uow.session.add(AppSetting(name=f"p{os.getpid()}-{number}", value="x" * 300, updated_at=1)))
    os.write(1, f"p{os.getpid()}-{number}\\n".encode())
storage.close()
"""


def test_four_processes_write(storage: Storage) -> None:
    command = [sys.executable, "-c", WRITER, storage.url, "40"]
    writers = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(each.communicate()[1], each.returncode) for each in writers] == [("", 0)] * 4
    assert count(storage, "p") == 160


def test_kill_loses_nothing_that_was_committed(storage: Storage, kind: str) -> None:
    """`kill -9` in the middle of writing, again and again: each row that was reported as saved is there, and the database is whole."""
    reported: list[str] = []
    for lines in (1, 17, 60):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, storage.url, "100000"], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        reported += [writer.stdout.readline().strip() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        reported += [line.strip() for line in writer.stdout if line.endswith("\n")]
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
    there = storage.read_now(lambda uow: set(uow.session.scalars(text("SELECT name FROM app_settings")).all()))
    assert len(reported) >= 78
    assert set(reported) <= there
    if kind == "sqlite":
        assert storage.read_now(lambda uow: uow.session.scalar(text("PRAGMA integrity_check"))) == "ok"


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True)
def test_a_deadlock_is_run_again(storage: Storage) -> None:
    """Two lock two rows crosswise. The server gives one up; both succeed, each having changed both rows once."""
    storage.write_now(lambda uow: uow.session.add_all([AppSetting(name=name, value="", updated_at=0) for name in "ab"]))
    meet, runs = threading.Barrier(2), []

    def cross(names: str) -> None:
        tried = []

        def work(uow: UnitOfWork) -> None:
            tried.append(names)
            for name in names:
                change = update(AppSetting).where(AppSetting.name == name).values(updated_at=AppSetting.updated_at + 1)  # type: ignore[arg-type]
                uow.session.execute(change)
                if name == names[0] and len(tried) == 1:
                    meet.wait(30)

        storage.write_now(work)
        runs.append(len(tried))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(cross, ("ab", "ba")))
    assert sorted(runs)[0] == 1 and 1 < sum(runs) - 1 <= TRIES, "one was the victim"
    assert storage.read_now(lambda uow: [uow.session.get_one(AppSetting, name).updated_at for name in "ab"]) == [2, 2]


async def test_a_cancelled_write_goes_on_to_its_end(storage: Storage) -> None:
    store, entered, go = Store(storage), threading.Event(), threading.Event()

    def work(uow: UnitOfWork) -> None:
        uow.session.add(AppSetting(name="late", value="", updated_at=1))
        entered.set()
        assert go.wait(60)

    task = asyncio.create_task(store.write(work))
    await asyncio.to_thread(entered.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.to_thread(storage.close)
    again = Storage(storage.url)
    assert count(again, "late") == 1
    again.close()


async def test_errors_come_out_as_cores(storage: Storage) -> None:
    from core.errors import Conflict

    store = Store(storage)
    await store.write(lambda uow: uow.session.add(AppSetting(name="a", value="", updated_at=1)))
    with pytest.raises(Conflict):
        await store.write(lambda uow: uow.session.add(AppSetting(name="a", value="", updated_at=1)))
