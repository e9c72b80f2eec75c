"""The installer with real pip and real venvs, from a folder of small wheels: resumed, cancelled, locked, checked."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from core.clock import Clock
from core.errors import Conflict, DiskFull, InvalidInput
from core.processes import look, tree
from core.training import install_plan
from core.training.environment_folder import MARKER, look_at, state_of
from core.training.environment_types import InstallProgress
from core.training.install import Installer
from tests.unit.training.wheels import write_index

#: Seconds within which small steps must be over, on a machine that does much else.
PATIENCE_S = 240.0


def installer(tmp_path: Path, variables: dict[str, str]) -> Installer:
    inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MODELTRAIN_MASTER_KEY": "secret", **variables}
    return Installer(tmp_path / "data", tmp_path / "env", Clock(), inherited)


def wait(asked: Installer) -> InstallProgress:
    deadline = time.monotonic() + PATIENCE_S
    while (progress := asked.progress()).kind == "running":
        assert time.monotonic() < deadline, progress
        time.sleep(0.05)
    return progress


def states(progress: InstallProgress) -> dict[str, str]:
    return {step.name: step.state for step in progress.steps}


def waits(index: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not (index / "waits").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def job(progress: InstallProgress) -> Path:
    assert progress.log is not None
    return progress.log.parent


def test_cancelled_killed_and_gone_on_with_until_it_is_whole(tmp_path: Path) -> None:
    index = tmp_path / "index"
    asked = installer(tmp_path, write_index(index, gated=True))
    assert asked.progress().kind == "none"

    begun = asked.start(cpu=True, extras=())
    assert begun.kind == "running" and begun.cpu
    waits(index)
    assert states(asked.progress())["llamafactory"] == "running"
    with pytest.raises(Conflict) as conflict:
        asked.start(cpu=True, extras=())
    assert conflict.value.fields["what"] == "installation_running"
    with pytest.raises(Conflict):
        asked.remove()
    asyncio.run(asked.cancel())
    cancelled = asked.progress()
    assert (cancelled.kind, cancelled.failed_step) == ("cancelled", "llamafactory")
    assert tree(job(cancelled)) == ()

    (index / "waits").unlink()
    asked.start(cpu=True, extras=())
    waits(index)
    running = asked.progress()
    assert states(running) | {"llamafactory": "", "check": ""} == {
        "venv": "done", "torch": "done", "stubs": "done", "llamafactory": "", "check": "",
    }  # fmt: skip
    for process in tree(job(running)):
        os.kill(process.pid, signal.SIGKILL)
    shim = look(job(running)).shim
    if shim is not None:
        os.kill(shim.pid, signal.SIGKILL)
    assert wait(asked).kind == "interrupted"
    found = state_of(tmp_path / "env", look_at(tmp_path / "env"), own=True)
    assert found.state == "broken" and "unfinished" in [problem.rule for problem in found.problems]

    (index / "open").touch()
    asked.start(cpu=True, extras=("bitsandbytes",))
    done = wait(asked)
    assert done.kind == "done", done.log.read_text() if done.log else ""
    assert set(states(done).values()) == {"done"} and "extra:bitsandbytes" in states(done)
    log = job(done).joinpath("log.txt").read_text()
    assert "== venv" not in log and "== torch" not in log and "== llamafactory" in log
    assert "secret" not in log
    found = state_of(tmp_path / "env", look_at(tmp_path / "env"), own=True)
    assert found.ready and found.problems == ()
    assert found.versions["torchaudio"] == install_plan.STUBS["torchaudio"] and found.has("bitsandbytes")

    asked.remove()
    assert not (tmp_path / "env").exists() and asked.progress().kind == "none"


def test_a_step_that_fails_is_named_and_a_check_that_fails_makes_no_environment(tmp_path: Path) -> None:
    index = tmp_path / "index"
    asked = installer(tmp_path, write_index(index, broken="peft"))
    vision = index / "torchvision-0.28.0-py3-none-any.whl"
    hidden = vision.rename(tmp_path / "hidden.whl")
    asked.start(cpu=False, extras=())
    failed = wait(asked)
    assert (failed.kind, failed.failed_step) == ("failed", "torch") and failed.exit_status not in (None, 0)
    assert failed.log is not None and "torchvision" in failed.log.read_text()

    hidden.rename(vision)
    asked.start(cpu=False, extras=())
    checked = wait(asked)
    assert (checked.kind, checked.failed_step) == ("failed", "check")
    assert len(checked.problems) == 1 and checked.problems[0].startswith("peft: ImportError: libcudart.so.99")
    assert not (tmp_path / "env" / MARKER).exists()
    assert not state_of(tmp_path / "env", look_at(tmp_path / "env"), own=True).ready


def test_what_cannot_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = installer(tmp_path, {})
    with pytest.raises(InvalidInput) as error:
        asked.start(cpu=True, extras=("rm -rf",))
    assert error.value.field == "extra"
    monkeypatch.setattr(install_plan, "SPACE_CPU", 1 << 60)
    with pytest.raises(DiskFull):
        asked.start(cpu=True, extras=())
    assert asked.progress().kind == "none"


def test_no_place_where_packages_come_from_is_written_down() -> None:
    for step in install_plan.steps(Path("/env"), Path("/work"), cpu=True, extras=install_plan.EXTRAS):
        text = " ".join(step["argv"])
        assert "http" not in text and "index-url" not in text
    changed = install_plan.steps(Path("/env"), Path("/work"), cpu=False, extras=())
    assert changed[1]["mark"] != install_plan.steps(Path("/env"), Path("/work"), cpu=True, extras=())[1]["mark"]
