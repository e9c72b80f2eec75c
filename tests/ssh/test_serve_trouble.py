"""The database locked and the disk full under a served installation: said, survived, and nothing lost."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from core.errors import DatabaseReadOnly, DatabaseUnreachable, DiskFull, EnvironmentProblem
from core.settings import Settings
from tests.acceptance.program import rows
from tests.acceptance.test_disks import Disk, disk, locked  # noqa: F401 - `disk` is a fixture
from tests.ssh.served import Served, ServeProcess, serve_process, serving_here
from tests.ssh.test_serve_faults import give, stored
from tests.ssh.test_two_people import give_models
from tests.terminal import Terminal
from tui.errors import describe, hide_paths
from tui.glyphs import UNICODE
from tui.logs import LOG
from tui.ssh import host_key
from tui.ssh.journal import Journal

BUSY, FULL = "The database is busy.", "The disk is full."
LONG, ECHO = "sim-markdown@100x20000", "sim-echo@0"


def in_chat(terminal: Terminal) -> None:
    terminal.until("Good to see you")
    terminal.press("n")
    terminal.until("> Ask,")


def streaming(text: str) -> bool:
    return UNICODE.running in text and "> Ask," in text


def questions(data: Path) -> list[object]:
    found = rows(data, "SELECT content FROM message_parts p JOIN messages m ON m.id = p.message_id WHERE m.role = 'user' ORDER BY m.id")
    return [row[0] for row in found]


def drafted(data: Path, text: str) -> bool:
    return bool(rows(data, "SELECT 1 FROM drafts WHERE content = ?", text))


def stop(terminal: Terminal) -> None:
    terminal.press("esc")
    terminal.until("Stopped by you.")


@pytest.fixture
def impatient(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker that waits for a locked database for a third of a second."""
    with serving_here(replace(served_settings, lock_wait_s=0.3), client_folder) as here:
        yield here


def test_people_type_and_read_on_while_the_database_is_locked(impatient: Served) -> None:
    data = impatient.settings.data_dir
    for name, model in (("ann", LONG), ("bob", ECHO)):
        impatient.call(lambda name=name, model=model: give(impatient, name, model))  # type: ignore[misc]
    with impatient.terminal("ann", height=30) as ann, impatient.terminal("bob", height=30) as bob:
        in_chat(ann)
        in_chat(bob)
        ann.press("Tell me everything", "enter")
        ann.until(streaming)
        with locked(data):
            bob.press("Is this question lost?", "enter")
            seen = bob.until(BUSY)
            assert "> Is this question lost?" in seen and "Nothing was lost." in seen
            bob.press("!")
            bob.until("> Is this question lost?!")
            shown = ann.until(f"✗ {BUSY}")
            ann.until(lambda text: UNICODE.running in text and text != shown)  # the answer goes on
            ann.press("a draft meanwhile")
            ann.until("> a draft meanwhile")
            impatient.call(lambda: impatient.context.watch.look())  # and ends nobody's session
        ann.until(lambda text: f"✗ {BUSY}" not in text)
        bob.press("enter")
        bob.until(lambda text: "Is this question lost?!" in text and "> Ask," in text)
        ann.until(lambda _text: drafted(data, "a draft meanwhile"))
        stop(ann)
        assert (ann.process.poll(), bob.process.poll()) == (None, None)
    assert questions(data) == ["Tell me everything", "Is this question lost?!"]
    answers = dict(stored(data))
    assert len(answers["stopped"]) > 200
    assert "Is this question lost?!" in answers["complete"]


def test_keys_do_not_wait_for_a_database_that_is_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is saved by itself, drafts and places, is saved beside the keys."""
    monkeypatch.setattr("tui.places.REST", 0.05)
    with served.terminal("bob", width=80, height=24) as bob:
        bob.until("Good to see you")
        with locked(served.settings.data_dir):
            bob.press("alt+1")
            bob.until("> Ask", limit_s=served.settings.lock_wait_s / 2)
            for count in range(1, 16):
                bob.press("x")
                bob.until("> " + "x" * count, limit_s=served.settings.lock_wait_s / 2)
        bob.until(lambda _text: drafted(served.settings.data_dir, "x" * 15))


@pytest.fixture
def on_disk(disk: Disk, settled: Path, client_folder: Path) -> Iterator[tuple[Disk, ServeProcess]]:  # noqa: F811
    """`modeltrain serve` with its data on a small disk; a long answer is what both get."""
    data = disk.folder / "data"
    shutil.copytree(settled, data)
    asyncio.run(give_models(data, LONG))
    with serve_process(data, client_folder, "--workers", "1") as process:
        yield disk, process


def test_a_full_disk_under_the_server(on_disk: tuple[Disk, ServeProcess], client_folder: Path) -> None:
    small, serve = on_disk
    with serve.terminal("ann", height=30) as ann:
        in_chat(ann)
        ann.press("Tell me everything", "enter")
        ann.until(streaming)
        asyncio.run(upload(serve, small.folder))
        small.fill()
        ann.until(f"✗ {FULL}")
        ann.press("a draft meanwhile")
        ann.until("> a draft meanwhile")
        # Who comes now is told why nobody can; where the data lies is not said.
        refused = serve.ssh("conversation", "list", name="bob")
        words = refused.stderr.decode()
        assert (refused.returncode, FULL in words, str(small.folder) in words) == (255, True, False)
        small.empty()
        ann.until(lambda text: FULL not in text)
        ann.until(lambda _text: drafted(serve.data, "a draft meanwhile"))
        stop(ann)
        assert serve.ssh("conversation", "list", name="bob").returncode == 0
    assert questions(serve.data) == ["Tell me everything"]
    ((state, text),) = stored(serve.data)
    assert state == "stopped" and len(text) > 200
    assert rows(serve.data, "PRAGMA integrity_check") == [("ok",)]
    assert "command conversation of bob@example.org" in serve.log()
    assert all(re.match(r"\d{4}-\d\d-\d\d |  ", line) for line in serve.log().splitlines()), "no line is torn"


async def upload(serve: ServeProcess, place: Path) -> None:
    """Somebody signed in copies a file: it is refused in a sentence long before the disk is full, and leaves nothing."""
    (serve.folder / "big.bin").write_bytes(b"x" * 100_000)
    async with await serve.connect("bob") as connection, connection.start_sftp_client() as files:
        with pytest.raises(asyncssh.SFTPError, match=FULL) as refused:
            await files.put(str(serve.folder / "big.bin"), "datasets/big.bin")
        assert str(place) not in str(refused.value)
        assert [name for name in await files.listdir("datasets") if name not in (".", "..")] == []


def test_a_log_on_a_full_disk_goes_on_with_a_line_of_its_own(disk: Disk) -> None:  # noqa: F811
    journal = Journal(disk.folder)
    line = {"at": 0.0, "level": "INFO", "name": "test", "text": "x" * 3000}
    journal.write(line, "worker 1")
    disk.fill()
    for _ in range(3):
        journal.write(line, "worker 1")
    disk.empty()
    journal.write({**line, "text": "afterwards"}, "worker 1")
    journal.let_go()
    lines = (disk.folder / LOG).read_text().splitlines()
    assert [line.partition("test: ")[2][:10] for line in lines] == ["x" * 10, "afterwards"]


def test_a_host_key_on_a_full_disk(disk: Disk) -> None:  # noqa: F811
    """It is there as a whole, or not at all."""
    data = disk.folder / "data"
    data.mkdir(mode=0o700)
    disk.fill()
    with pytest.raises(DiskFull):
        host_key.load_or_make(data)
    assert list(data.iterdir()) == []
    disk.empty()
    assert host_key.load_or_make(data).made
    assert not host_key.load_or_make(data).made


def test_where_the_data_lies_is_for_the_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.errors._hidden", set())
    data = tmp_path / "data"
    problems = (
        EnvironmentProblem(what="folder_not_writable", path=str(data), reason="Read-only file system"),
        EnvironmentProblem(what="file_not_readable", path=str(data / "users" / "x"), reason=f"[Errno 13] Permission denied: '{data}/x'"),
        DatabaseReadOnly(path=str(data / "modeltrain.db")),
        DatabaseUnreachable(reason="cannot_open", path=str(data / "modeltrain.db")),
        EnvironmentProblem(what="file_not_readable", path="notes.md"),
    )
    assert all(str(data) in describe(problem).sentence for problem in problems[:-1])
    hide_paths(data)
    assert all(str(tmp_path) not in describe(problem).sentence for problem in problems)
    assert all(describe(problem).title for problem in problems)
    assert "notes.md" in describe(problems[-1]).sentence
