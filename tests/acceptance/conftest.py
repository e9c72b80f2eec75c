"""Acceptance: the installed command in processes of its own, against a simulator in another, as scripts and people use them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.faults import Run
from tests.acceptance.program import prepared
from tests.acceptance.safe import copied, something_to_lose
from tests.shell import COMMAND, Outcome, Shell, clean_environment


@pytest.fixture(scope="session")
def simulator() -> Iterator[dict[str, Any]]:
    """`modeltrain simulate` on a free port: the JSON line it prints."""
    process = subprocess.Popen(
        [str(COMMAND), "simulate", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    yield json.loads(line)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def ann(tmp_path: Path) -> Shell:
    """The first account of an installation of its own, an administrator."""
    return Shell(tmp_path / "data").user("ann@example.org", "ann", admin=True)


@pytest.fixture(scope="session")
def zoe(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An account that tests share, to save the time of making one; name what you make after your test."""
    return Shell(tmp_path_factory.mktemp("shared") / "data").user("zoe@example.org", "zoe", admin=True)


@pytest.fixture(scope="session")
def safe(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An installation to copy, in which ann is kept signed in, and her conversation."""
    data = tmp_path_factory.mktemp("safe") / "data"
    return data, prepared(data, something_to_lose)


@pytest.fixture
def data(safe: tuple[Path, str], tmp_path: Path) -> Path:
    return copied(safe[0], tmp_path / "data")


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`here(data, *arguments, environment={})`: a command in this process, where starting one for each case would take too long."""

    def run(data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Outcome:
        from tui.commands.root import run_command_line

        capsys.readouterr()
        with monkeypatch.context() as changed:
            for name, value in (environment or {}).items():
                changed.setenv(name, value)
            status = run_command_line(["--data", str(data), *arguments])
        return Outcome(status, *capsys.readouterr())

    return run
