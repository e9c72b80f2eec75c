"""A disk that is full when a job begins, or gets full while it runs: its exit status is known all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import DiskFull
from core.processes import Job, is_alive, launch, look, tree

LIMIT_S = 30.0
PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> None:
    """Leave not one block."""
    with (folder / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def test_the_exit_status_is_written_on_a_full_disk(disk: Path) -> None:
    job = disk / "job"
    launch(Job(job, python("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nos._exit(9)"), PATH))
    (job / "go.txt").touch()
    fill(disk)
    (job / "go.txt").rename(job / "go")
    deadline = time.monotonic() + LIMIT_S
    while look(job).kind != "ended" or is_alive(look(job).shim):
        assert time.monotonic() < deadline, look(job)
        time.sleep(0.01)
    done = look(job)
    assert done.exit is not None and done.exit.status == 9
    assert (job / "exit.json").exists() and not tree(job)


def test_on_a_full_disk_nothing_begins_and_that_is_said(disk: Path) -> None:
    job = disk / "job"
    job.mkdir(mode=0o700)
    (job / "lock").touch()
    fill(disk)
    with pytest.raises(DiskFull):
        launch(Job(job, python("open('/tmp/never', 'w')"), PATH))
    assert not tree(job)
    (disk / "ballast").unlink()
    assert look(job).kind == "starting", "nothing of it is believed"
