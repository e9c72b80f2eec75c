"""What a job outside of the application is, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: Of the marker in the environment of every process of a job: MODELTRAIN_JOB=<id>.
MARKER = "MODELTRAIN_JOB"
LOG = "log.txt"
RUN_FILE = "run.json"
EXIT_FILE = "exit.json"
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    """`folder` is used for one job only, ever. `environment` is whole: nothing else reaches the program. `cwd`: default the folder.

    `log_limit_bytes`: of the log head and tail are kept beyond that. `after`: argv that the shim runs when all is over, with
    `after_environment` (None: that of whoever launches), which the program never sees.
    """

    folder: Path
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path | None = None
    log_limit_bytes: int = GIB
    after: tuple[str, ...] | None = None
    after_environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: a pid is used again, with its start it is not. `started`: /proc/<pid>/stat, field 22, ticks since boot."""

    pid: int
    started: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class JobExit:
    """How the program ended. `status`: its exit status, negative for a signal, None where it was never started; `ended_at`: ms.

    `reason`: "" or "not_started: ..." (the program could not be executed), "abandoned" (given up before it was started).
    """

    status: int | None
    signal: int | None
    ended_at: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """`starting`: nothing may be believed yet. `running`: the program, or the shim that ends it, is alive. `ended`: `exit` says how.

    `lost`: both are gone and nobody wrote down how the program ended (the shim was killed, or the machine went down).
    """

    kind: Literal["starting", "running", "ended", "lost"]
    shim: ProcessIdentity | None = None
    child: ProcessIdentity | None = None
    exit: JobExit | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """`gone`: every process of the job is. `left`: pids that are not. `killed`: how many needed SIGKILL."""

    gone: bool
    left: tuple[int, ...]
    killed: int
