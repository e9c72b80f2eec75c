"""Which tests `.ci/run` runs once more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = """
import os
import pytest

@pytest.mark.parametrize("text", ["plain", "with a blank", "a::b[c]", "é\\n"])
def test_in_the_crowd(text): assert "ALONE" in os.environ

def test_good(): pass

@pytest.fixture
def broken():
    yield
    assert "ALONE" in os.environ

def test_teardown(broken): pass

def test_bad(): assert "MENDED" in os.environ
"""


def run(folder: Path, *arguments: str, **environment: str) -> int:
    """The status of pytest on the tests in `folder`, run from there; failures go to `failed`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.failures", "--failures", "failed", *arguments]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT), **environment}, capture_output=True).returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_cases.py").write_text(CASES)
    return tmp_path


@pytest.mark.parametrize("crowd", [(), ("-n", "2", "--dist", "loadfile")], ids=["serial", "xdist"])
def test_what_failed_is_run_again_and_nothing_else(folder: Path, crowd: tuple[str, ...]) -> None:
    assert run(folder, *crowd) == 1
    failed = (folder / "failed").read_text().splitlines()
    assert len(failed) == 6
    assert not [name for name in failed if "good" in name]
    (folder / "again").write_text("\n".join(failed) + "\n")
    assert run(folder, "@again", ALONE="1") == 1
    assert (folder / "failed").read_text().splitlines() == ["test_cases.py::test_bad"]
    (folder / "failed").unlink()
    assert run(folder, "@again", ALONE="1", MENDED="1") == 0
    assert not (folder / "failed").exists()


@pytest.mark.parametrize("crowd", [(), ("-n", "2", "--dist", "loadfile")], ids=["serial", "xdist"])
def test_a_run_that_was_cut_short_is_not_mended(folder: Path, crowd: tuple[str, ...]) -> None:
    (folder / "test_broken.py").write_text("import no_such_thing\n")
    assert run(folder, *crowd) in (1, 2)
    assert not (folder / "failed").exists()


# The script itself, with a `make` that runs these few tests, and with nothing to install.
MAKE = """#!/bin/sh
case "$1" in
test) exec "{python}" -m pytest -q -p no:cacheprovider -n 2 ${{2#ARGS=}} ;;
esac
"""
PYTHON = """#!/bin/sh
ALONE=1 exec "{python}" "$@" -q -p no:cacheprovider
"""


def ci(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`.ci/run` on the tests in `folder`."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = bench\n")
    for name, text in ((".ci/run", None), ("bin/make", MAKE), ("bin/id", "#!/bin/sh\necho 1000\n"), (".venv/bin/python", PYTHON)):
        script = folder / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text((ROOT / name).read_text() if text is None else text.format(python=sys.executable))
        script.chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **environment}
    return subprocess.run([folder / ".ci/run"], env=environment, capture_output=True, text=True)


def test_the_script_is_green_and_loud_when_everything_passes_alone(folder: Path) -> None:
    done = ci(folder, MENDED="1")
    assert done.returncode == 0, done.stdout + done.stderr
    heading, _, named = done.stdout.partition("UNSTEADY: failed in the crowd, passed alone")
    assert named.count("test_cases.py::") == 5
    assert "test_good" not in named
    assert 'assert "ALONE" in os.environ' in heading, "how it failed at first stays in the log"
    assert "everything holds" in named


def test_the_script_is_red_when_something_fails_twice(folder: Path) -> None:
    done = ci(folder)
    assert done.returncode == 1
    assert "UNSTEADY" in done.stdout
    unsteady, _, twice = done.stdout.partition("failed twice:")
    assert twice.count("test_cases.py::") == 1 and "test_cases.py::test_bad" in twice
    assert "test_bad" not in unsteady.rpartition("UNSTEADY")[2]


def test_the_script_is_red_and_runs_nothing_twice_when_the_run_was_cut_short(folder: Path) -> None:
    (folder / "test_broken.py").write_text("import no_such_thing\n")
    done = ci(folder, MENDED="1")
    assert done.returncode == 1
    assert "once more" not in done.stdout and "UNSTEADY" not in done.stdout
