"""Starting a job outside: the shim is launched, tells how that went, and nobody is its parent afterwards."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.errors import DiskFull, EnvironmentProblem
from core.processes.looking import look
from core.processes.tree import marker_of, tree
from core.processes.types import EXIT_FILE, MARKER, RUN_FILE, Job, JobState

SHIM = Path(__file__).with_name("shim.py")
#: Seconds that the shim gets to tell how the start went.
PATIENCE_S = 60.0
#: Seconds that a shim which starts nothing may take to be gone.
GONE_S = 10.0
_FULL = {errno.ENOSPC, errno.EDQUOT}


def launch(job: Job) -> JobState:
    """Start the job; it outlives this process. Blocks shortly (run it in a thread).

    Raises EnvironmentProblem: "job_folder_used" (started before, or just now by somebody else), "program_missing" (path),
    "job_not_started" (reason); or DiskFull. Then nothing runs.
    """
    job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = _run_shim(job, marker_of(job.folder))
    if report is None:
        raise EnvironmentProblem(what="job_not_started", path=str(job.folder), reason="")
    kind, number = report.get("error"), int(report.get("errno") or 0)
    if not kind:
        return look(job.folder)
    if kind in {"busy", "used"}:
        raise EnvironmentProblem(what="job_folder_used", path=str(job.folder))
    _until_gone(job.folder)
    if number in _FULL:
        raise DiskFull()
    what = "program_missing" if kind == "exec" and number in {errno.ENOENT, errno.ENOTDIR} else "job_not_started"
    raise EnvironmentProblem(what=what, path=job.argv[0], reason=os.strerror(number) if number else "")


def _run_shim(job: Job, marker: str) -> dict[str, Any] | None:
    """What the shim told; None where it told nothing."""
    environment = {**job.environment, MARKER: marker}
    after_environment = dict(os.environ if job.after_environment is None else job.after_environment)
    after_environment.pop(MARKER, None)  # what comes after is no part of the job
    order = {
        "job": marker,
        "argv": list(job.argv),
        "cwd": str(job.cwd or job.folder),
        "environment": environment,
        "log_limit_bytes": job.log_limit_bytes,
        "after": list(job.after) if job.after else None,
        "after_environment": after_environment,
    }
    process = subprocess.Popen(  # noqa: S603  (our own file)
        [sys.executable, "-I", "-S", str(SHIM), str(job.folder)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        try:
            process.stdin.write(json.dumps(order).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended; what it told says why
        answer = _read_all(process.stdout.fileno(), time.monotonic() + PATIENCE_S)
    process.wait()
    try:
        return dict(json.loads(answer))
    except ValueError:
        return None


def _until_gone(folder: Path) -> None:
    """Wait for the end of a shim that told why it starts nothing: it needs some milliseconds to be gone."""
    deadline = time.monotonic() + GONE_S
    while tree(folder) and time.monotonic() < deadline:
        time.sleep(0.01)


def _read_all(descriptor: int, deadline: float) -> bytes:
    """All that comes before the end of the pipe, or the deadline."""
    found = b""
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(descriptor, 4096)
        if not data:
            break
        found += data
    return found


def abandon(folder: Path) -> bool:
    """Give up a job that was never started: from now on nothing can start it. False if it was started, or is just being started."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if look(folder).child is not None:
            return False
        if not (folder / EXIT_FILE).exists():
            # Its beginning may be there, from a shim that was killed before the program was written down.
            part = folder / ".abandoned.part"
            value = {"status": None, "signal": None, "ended_at": round(time.time() * 1000), "reason": "abandoned"}
            part.write_text(json.dumps(value))
            part.replace(folder / EXIT_FILE)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def was_started(folder: Path) -> bool:
    """Whether a shim took the folder."""
    return (folder / RUN_FILE).exists()


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
