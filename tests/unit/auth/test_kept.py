"""The kept session: a private file, written whole, used by one at a time."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.auth import kept as kept_module
from core.auth.accounts import SignedIn
from core.auth.kept import KeptSession
from core.auth.sessions import resume_kept
from core.errors import DiskFull, EnvironmentProblem, SessionEnded
from tests.unit.auth.house import LOCAL, House


@pytest.fixture
def kept(house: House) -> KeptSession:
    return KeptSession(house.settings.data_dir)


@pytest.fixture
def path(house: House) -> Path:
    return house.settings.data_dir / "session.json"


def test_keeping_and_forgetting(kept: KeptSession, path: Path) -> None:
    assert kept.load() is None
    kept.save("one")
    kept.save("two")
    assert kept.load() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in path.parent.glob("*session*")) == ["session.json"], "no temporary file is left"
    kept.clear()
    kept.clear()
    assert kept.load() is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"refresh_token": 1}', b'{"refresh_token": ""}', b"{}", b"\xff\xfe", b"[" * 100_000]
)
def test_a_damaged_file_is_none(kept: KeptSession, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert kept.load() is None


def test_a_file_that_others_may_read_is_closed_to_them(kept: KeptSession, path: Path) -> None:
    kept.save("one")
    path.chmod(0o644)
    assert kept.load() == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_plain_file_is_none(kept: KeptSession, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps({"refresh_token": "planted"}))
    path.symlink_to(elsewhere)
    assert kept.load() is None
    kept.save("own")
    assert not path.is_symlink()
    assert json.loads(elsewhere.read_text()) == {"refresh_token": "planted"}
    path.unlink()
    os.mkfifo(path)
    assert kept.load() is None
    path.unlink()
    path.mkdir()
    assert kept.load() is None


def test_a_folder_that_is_gone_is_said(house: House) -> None:
    kept = KeptSession(house.settings.data_dir / "gone")
    with pytest.raises(EnvironmentProblem) as caught:
        kept.save("one")
    assert caught.value.fields["what"] == "folder_not_writable"
    kept.clear()


@pytest.fixture
def full(kept: KeptSession) -> Iterator[None]:
    """No file of this process may grow, as on a full disk."""
    kept.save("one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_what_was_kept(kept: KeptSession, path: Path, full: None) -> None:
    for write in (kept.check_room, lambda: kept.save("two")):
        with pytest.raises(DiskFull):
            write()
    assert kept.load() == "one"
    assert [file.name for file in path.parent.iterdir() if "session" in file.name] == [path.name]


async def test_one_at_a_time(kept: KeptSession, house: House) -> None:
    inside = 0

    async def visit() -> None:
        nonlocal inside
        async with KeptSession(house.settings.data_dir).held():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(10)))


async def test_a_lock_that_is_never_let_go_is_said(kept: KeptSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "_WAIT_S", 0.05)
    async with kept.held():
        with pytest.raises(EnvironmentProblem) as caught:
            async with kept.held():
                pytest.fail("two at once")
    assert caught.value.fields["what"] == "session_file_locked"


async def test_nothing_is_resumed_where_nothing_is_kept(house: House, kept: KeptSession) -> None:
    assert await resume_kept(house.accounts, kept, origin=LOCAL) is None


async def test_resuming_keeps_the_next_token(house: House, kept: KeptSession) -> None:
    ann = await house.user("ann")
    kept.save(ann.refresh_token)
    again = await resume_kept(house.accounts, kept, origin=LOCAL)
    assert again is not None
    assert again.principal == ann.principal
    assert kept.load() == again.refresh_token != ann.refresh_token


async def test_a_session_that_ended_is_forgotten(house: House, kept: KeptSession) -> None:
    ann = await house.user("ann")
    kept.save(ann.refresh_token)
    await house.accounts.sign_out(ann.principal)
    with pytest.raises(SessionEnded) as caught:
        await resume_kept(house.accounts, kept, origin=LOCAL)
    assert caught.value.fields == {"why": "signed_out"}
    assert kept.load() is None


async def test_many_in_this_process_resume_without_ending_each_other(house: House, kept: KeptSession) -> None:
    ann = await house.user("ann")
    kept.save(ann.refresh_token)
    again = await asyncio.gather(*(resume_kept(house.neighbour(), kept, origin=LOCAL) for _ in range(8)))
    assert len({signed_in.refresh_token for signed_in in again if signed_in is not None}) == 8
    await house.accounts.recheck(ann.principal)


RESUME = """
import asyncio, sys
from pathlib import Path
from core.auth.accounts import Accounts
from core.auth.kept import KeptSession
from core.auth.principal import Origin
from core.auth.sessions import resume_kept
from core.clock import Clock, Identifiers
from core.events import EventBus
from core.persistence import Store
from core.secrets import make_box
from core.settings import load_settings
from storage.unit_of_work import Storage

async def main():
    settings = load_settings(Path(sys.argv[1]), {})
    storage = Storage(settings.database_url, box=make_box(settings))
    clock = Clock(lambda: float(sys.argv[2]))
    accounts = Accounts(Store(storage), settings, clock, Identifiers(clock), EventBus())
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(3):
        signed_in = await resume_kept(accounts, KeptSession(settings.data_dir), origin=Origin("shell"))
        print(signed_in.principal.email, flush=True)
    accounts.close()
    storage.close()

asyncio.run(main())
"""


def _run_at_once(command: list[str]) -> list[str]:
    """What each of three processes said that were told to go when all were ready."""
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return [process.communicate("go\n", timeout=60)[0] for process in processes]


async def test_processes_resume_at_the_same_time_without_ending_each_other(house: House, kept: KeptSession) -> None:
    ann = await house.user("ann")
    kept.save(ann.refresh_token)
    outputs = await asyncio.to_thread(_run_at_once, [sys.executable, "-c", RESUME, str(house.settings.data_dir), str(house.time.wall)])
    assert outputs == ["ann@example.org\n" * 3] * 3
    await house.accounts.recheck(ann.principal)


async def test_a_resume_that_is_cancelled_loses_no_token(house: House, kept: KeptSession) -> None:
    ann: SignedIn = await house.user("ann")
    kept.save(ann.refresh_token)
    for steps in range(12):
        task = asyncio.create_task(resume_kept(house.accounts, kept, origin=LOCAL))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await resume_kept(house.accounts, kept, origin=LOCAL) is not None
