"""Full disks, read-only ones and locked databases, for the shell and for the application while it is used: told, kept, and mended."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from core.installation import DATABASE_FILE
from tests.acceptance.program import EMAIL, choose_model, rows
from tests.acceptance.safe import QUESTION, copied, last_words, messages, nothing_lost, refused
from tests.shell import COMMAND, Shell, clean_environment
from tests.terminal import Terminal
from tui.glyphs import UNICODE

NOBODY = 65534
IMPATIENT = {"MODELTRAIN_LOCK_WAIT": "0.3"}
FULL, BUSY, READ_ONLY = "The disk is full.", "The database is busy.", "The database cannot be written."
TYPED = "Is this question lost?"


class Disk:
    """A disk of 16 MB at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.folder], check=True)

    def fill(self) -> None:
        """Leave not one block."""
        with self._ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 4096)

    def empty(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Another program holds the database's lock."""
    with closing(sqlite3.connect(data / DATABASE_FILE, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def questions(data: Path) -> list[object]:
    """The questions that are saved, in order."""
    found = rows(data, "SELECT content FROM message_parts p JOIN messages m ON m.id = p.message_id WHERE m.role = 'user' ORDER BY m.id")
    return [row[0] for row in found]


def application(data: Path) -> Terminal:
    return Terminal([COMMAND, "--data", data], width=160, height=30, environment=IMPATIENT)


def in_chat(terminal: Terminal) -> None:
    """The conversation with QUESTION is open."""
    terminal.until("Good to see you")
    terminal.press("alt+1")
    terminal.until(lambda text: f"Chat › {QUESTION}" in text and "repeats" not in text and "> Ask," in text)


def leave(terminal: Terminal) -> None:
    terminal.press("ctrl+q")
    assert terminal.wait() == 0


# The shell ---------------------------------------------------------------------------------------------------------------------


def test_a_full_disk_refuses_a_question(disk: Disk, safe: tuple[Path, str]) -> None:
    shell = Shell(copied(safe[0], disk.folder / "data"), EMAIL)
    disk.fill()
    outcome = shell.run("chat", TYPED)
    refused(outcome.status, outcome.err, FULL, "Free some space")
    disk.empty()
    assert questions(shell.data) == [QUESTION]
    assert TYPED in shell.ok("chat", TYPED).out
    nothing_lost(shell.data, safe[1])


def test_a_file_that_may_not_grow_is_a_full_disk_too(data: Path, safe: tuple[Path, str]) -> None:
    """As a quota does, and without being root."""
    limit = max(file.stat().st_size for file in data.glob(f"{DATABASE_FILE}*"))
    command = ["sh", "-c", f'ulimit -f {limit // 512}; exec "$@"', "-", COMMAND, "--data", data, "--as", EMAIL, "chat"]
    done = subprocess.run(command, input="x" * 500_000, capture_output=True, text=True, env=clean_environment())
    refused(done.returncode, done.stderr, FULL, "Free some space")
    nothing_lost(data, safe[1])


def test_a_read_only_disk(disk: Disk, safe: tuple[Path, str]) -> None:
    data = copied(safe[0], disk.folder / "data")
    disk.remount("ro")
    outcome = Shell(data, EMAIL).run("chat", TYPED)
    refused(outcome.status, outcome.err, READ_ONLY, "Make the data folder writable")
    with application(data) as terminal:
        refused(terminal.wait(), last_words(terminal), READ_ONLY, "Make the data folder writable")
    disk.remount("rw")
    nothing_lost(data, safe[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="being somebody else needs root")
def test_files_that_belong_to_somebody_else(safe: tuple[Path, str]) -> None:
    """A backup that root put back: the folder is one's own, the database is not."""
    folder = Path(tempfile.mkdtemp())  # tmp_path is closed to others
    try:
        folder.chmod(0o755)
        data = copied(safe[0], folder / "data")
        for path in (data, *data.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        for path in data.glob(f"{DATABASE_FILE}*"):
            os.chown(path, 0, 0)
            path.chmod(0o644)
        run: list[str | Path] = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", COMMAND, "--data", data]
        if subprocess.run([*run, "--version"], capture_output=True).returncode:
            pytest.skip("somebody else may not run the program here")
        done = subprocess.run([*run, "--as", EMAIL, "chat", TYPED], capture_output=True, text=True, env=clean_environment())
        refused(done.returncode, done.stderr, READ_ONLY, "Make the data folder writable")
        with Terminal(run, width=100, height=30) as terminal:
            refused(terminal.wait(), last_words(terminal), READ_ONLY, "Make the data folder writable")
        os.chown(data, 0, 0)  # 0700: somebody else may not even look into it
        for place in (data, folder / "new"):
            run[-1] = place
            done = subprocess.run([*run, "user", "list"], capture_output=True, text=True, env=clean_environment())
            refused(done.returncode, done.stderr, f"The folder {place} cannot be written.", "Give this account the right to write it")
            with Terminal(run, width=200, height=30) as terminal:
                refused(terminal.wait(), last_words(terminal), f"The folder {place} cannot be written.", "Give this account the right")
        for path in data.iterdir():
            os.chown(path, 0, 0)
        nothing_lost(data, safe[1])
    finally:
        shutil.rmtree(folder)


def test_a_lock_that_is_held_for_long_and_one_that_is_not(data: Path, safe: tuple[Path, str]) -> None:
    shell = Shell(data, EMAIL)
    with locked(data):
        outcome = shell.run("chat", TYPED, environment=IMPATIENT)
        refused(outcome.status, outcome.err, BUSY, "Try again in a moment.")
        assert QUESTION in shell.ok("conversation", "show", safe[1], environment=IMPATIENT).out, "reading waits for nobody"
        waiting = subprocess.Popen(
            [COMMAND, *shell.options, "chat", TYPED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
        )
        while not any(Path(file.path).name == DATABASE_FILE for file in psutil.Process(waiting.pid).open_files()):
            assert waiting.poll() is None
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, TYPED in out) == (0, True), err
    assert questions(data) == [QUESTION, TYPED]
    nothing_lost(data, safe[1])


# The application ---------------------------------------------------------------------------------------------------------------


def test_a_lock_while_the_application_is_used(data: Path, safe: tuple[Path, str]) -> None:
    with application(data) as terminal:
        in_chat(terminal)
        choose_model(terminal, "slow")
        terminal.press(TYPED)
        terminal.until(lambda _text: bool(rows(data, "SELECT 1 FROM drafts WHERE content = ?", TYPED)))
        with locked(data):
            terminal.press("enter")
            seen = terminal.until(BUSY)
            assert "Nothing was lost. Try again in a moment." in seen and f"> {TYPED}" in seen, "what was typed stays"
        assert questions(data) == [QUESTION]
        terminal.press("enter")
        terminal.until(lambda text: UNICODE.running in text and "> Ask," in text)
        with locked(data):
            terminal.until(f"✗ {BUSY}")  # under the answer, which goes on
        terminal.until(lambda text: UNICODE.running in text and f"✗ {BUSY}" not in text)
        terminal.press("esc")
        terminal.until("Stopped by you.")
        leave(terminal)
    assert questions(data) == [QUESTION, TYPED]
    kept = Shell(data).ok("conversation", "show", safe[1], "--json").json["messages"]
    assert kept[3]["state"] == "stopped" and len(kept[3]["content"]) > 200
    nothing_lost(data, safe[1])


def test_a_disk_that_gets_full_while_an_answer_comes(disk: Disk, safe: tuple[Path, str]) -> None:
    data = copied(safe[0], disk.folder / "data")
    with application(data) as terminal:
        in_chat(terminal)
        choose_model(terminal, "slow")
        terminal.press(TYPED, "enter")
        terminal.until("simulated")
        disk.fill()
        terminal.until(FULL)
        terminal.press("A draft meanwhile")
        terminal.until("> A draft meanwhile")
        disk.empty()
        terminal.until(lambda text: FULL not in text)
        terminal.until(lambda _text: bool(rows(data, "SELECT 1 FROM drafts WHERE content = ?", "A draft meanwhile")))
        terminal.press("esc")
        terminal.until("Stopped by you.")
        leave(terminal)
    assert questions(data) == [QUESTION, TYPED]
    kept = Shell(data).ok("conversation", "show", safe[1], "--json").json["messages"]
    assert kept[3]["state"] == "stopped" and len(kept[3]["content"]) > 200
    nothing_lost(data, safe[1])


def test_leaving_while_the_disk_is_full(disk: Disk, safe: tuple[Path, str]) -> None:
    """What could not be saved is said at the end, and nothing else of what goes on inside."""
    data = copied(safe[0], disk.folder / "data")
    with application(data) as terminal:
        in_chat(terminal)
        choose_model(terminal, "slow")
        terminal.press(TYPED, "enter")
        terminal.until("simulated")
        disk.fill()
        terminal.until(f"✗ {FULL}")
        terminal.press("ctrl+q")
        terminal.until("Leave all the same?")
        terminal.press("enter")
        assert terminal.wait() == 1
        words = last_words(terminal)
        assert "The end of the last answer could not be saved. The disk is full." in words and "Free some space" in words
        assert "Traceback" not in words and "Logging error" not in words
    disk.empty()
    assert [(role, state) for role, state, _content in messages(data, safe[1])[2:]] == [("user", "complete"), ("assistant", "truncated")]
    nothing_lost(data, safe[1])


def test_an_application_on_a_full_disk(disk: Disk, safe: tuple[Path, str]) -> None:
    data = copied(safe[0], disk.folder / "data")
    disk.fill()
    with application(data) as terminal:
        refused(terminal.wait(), last_words(terminal), FULL, "Free some space")
    disk.empty()
    with application(data) as terminal:
        terminal.until("Good to see you")  # the kept session was not used up
        leave(terminal)
    nothing_lost(data, safe[1])
