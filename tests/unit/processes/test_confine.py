"""Commands that are held to some files: what a kernel with Landlock says to them."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.processes.confining import confined

VERSION = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
needs_landlock = pytest.mark.skipif(VERSION < 2, reason="this kernel has no Landlock")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A data folder with a secret and something that may be used."""
    (tmp_path / "data" / "mine").mkdir(parents=True)
    (tmp_path / "data" / "secret").write_text("SECRET")
    (tmp_path / "data" / "mine" / "file").write_text("fine")
    (tmp_path / "data" / "mine" / "link").symlink_to(tmp_path / "data" / "secret")
    return tmp_path


def ask(house: Path, program: str, *, tmp: Path | None = None) -> str:
    command = confined([sys.executable, "-c", program], hidden=[house / "data"], opened=[house / "data" / "mine"], temporary=tmp)
    done = subprocess.run(command, cwd=house / "data", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRY = """
import sys
def of(work):
    try:
        return work()
    except OSError as error:
        return type(error).__name__
"""


@needs_landlock
def test_what_is_hidden_can_neither_be_read_nor_written_by_whatever_way(house: Path) -> None:
    program = TRY + "print(*[of(lambda: open(name).read()) for name in ('secret', 'mine/link', 'mine/../secret', 'mine/file')])\n"
    program += "print(of(lambda: open('secret', 'w')), of(lambda: open('mine/new', 'w').write('x')))"
    assert ask(house, program) == "PermissionError PermissionError PermissionError fine\nPermissionError 1"
    assert (house / "data" / "secret").read_text() == "SECRET"


@needs_landlock
def test_children_are_held_too_and_files_move_as_before(house: Path) -> None:
    program = "import os, subprocess; os.mkdir('mine/a'); os.rename('mine/file', 'mine/a/file'); print(open('mine/a/file').read())\n"
    program += "print(subprocess.run(['cat', 'secret'], capture_output=True).returncode)"
    assert ask(house, program) == "fine\n1"


@needs_landlock
@pytest.mark.skipif(VERSION < 6, reason="signals are scoped since version 6")
def test_other_processes_of_the_account_get_no_signal(house: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert ask(house, TRY + f"import os; print(of(lambda: os.kill({other.pid}, 9)))") == "PermissionError"
        other.communicate(b"\n", timeout=60)
        assert other.returncode == 0


@needs_landlock
@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every process")
def test_the_environment_of_other_processes_cannot_be_read(house: Path) -> None:
    assert ask(house, TRY + f"print(of(lambda: open('/proc/{os.getpid()}/environ').read()))") == "PermissionError"


def test_temporary_files_have_a_place_beside_what_is_hidden(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(house))
    program = "import tempfile; file = tempfile.NamedTemporaryFile(); print(file.name); open(file.name).read()"
    assert ask(house, program, tmp=house / "data" / "mine" / "tmp").startswith(str(house / "data" / "mine" / "tmp"))


def test_a_program_that_is_not_there_ends_with_127(house: Path) -> None:
    done = subprocess.run(confined(["/nowhere/python"], hidden=[house], opened=[]), capture_output=True, text=True, timeout=60)
    assert done.returncode == 127 and "/nowhere/python" in done.stderr
