"""How a job stands, told by its files and /proc alone: whoever asks need not have started it."""

from __future__ import annotations

import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from core.processes.types import EXIT_FILE, RUN_FILE, JobExit, JobState, ProcessIdentity

PROC = Path("/proc")
#: exit.json before it has its name: whole as soon as the program has ended (core/processes/shim.py).
PART_FILE = ".exit.json.part"
_MOST = 64 * 1024


@cache
def boot_id() -> str:
    """Of this boot of the machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state (field 3) on; None where there is no such process."""
    try:
        data = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return data.rpartition(b")")[2].decode().split()


def identity_of(pid: int) -> ProcessIdentity | None:
    """Who runs under that pid now; None for nobody, and for a zombie."""
    fields = stat_fields(pid)
    return None if fields is None or fields[0] in "ZX" else ProcessIdentity(pid, int(fields[19]), boot_id())


def age_s(identity: ProcessIdentity) -> float:
    """Seconds since the process began, by the clock that nobody sets. For a process of this boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - identity.started / os.sysconf("SC_CLK_TCK")


def is_alive(identity: ProcessIdentity | None) -> bool:
    """Whether that very process lives. A zombie is dead; the same pid of another boot or start time is somebody else."""
    return identity is not None and identity.boot_id == boot_id() and identity_of(identity.pid) == identity


def look(folder: Path) -> JobState:
    """How the job of `folder` stands; `starting` where nothing was written down yet, and so also where nothing was ever launched."""
    run = _read(folder / RUN_FILE)
    if run is None:
        ended = _exit(_read(folder / EXIT_FILE))
        return JobState("starting") if ended is None else JobState("ended", exit=ended)
    boot = str(run.get("boot_id", ""))
    shim, child = _identity(run.get("shim"), boot), _identity(run.get("child"), boot)
    # In this order: what is alive now may have ended, and be written down, when the file is read. Never the other way round.
    shim_lives = is_alive(shim)
    child_lives = is_alive(child)
    if ended := _exit(_read(folder / EXIT_FILE)):
        return JobState("ended", shim, child, ended)
    if child_lives or shim_lives:
        return JobState("running" if child is not None else "starting", shim, child)
    if ended := _exit(_read(folder / PART_FILE)):
        return JobState("ended", shim, child, ended)
    return JobState("lost", shim, child)


def job_id(folder: Path) -> str | None:
    """The value of the marker in the environment of the job's processes, as it was written down."""
    run = _read(folder / RUN_FILE)
    found = run.get("job") if run is not None else None
    return found if isinstance(found, str) and found else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _identity(found: object, boot: str) -> ProcessIdentity | None:
    if not isinstance(found, dict):
        return None
    pid, started = found.get("pid"), found.get("started")
    return ProcessIdentity(pid, started, boot) if isinstance(pid, int) and isinstance(started, int) else None


def _exit(found: dict[str, Any] | None) -> JobExit | None:
    if found is None or not isinstance(found.get("ended_at"), int):
        return None
    status, number = found.get("status"), found.get("signal")
    return JobExit(
        status if isinstance(status, int) else None,
        number if isinstance(number, int) else None,
        int(found["ended_at"]),
        str(found.get("reason", "")),
    )
