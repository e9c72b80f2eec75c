"""Which process makes an answer, and whether that process is still there: how an answer cut off by a crash is told."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path

#: Seconds without a sign of life after which the process of another machine counts as gone.
SILENT_S = 30.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_SPACE = Path("/proc/self/ns/pid")


@functools.cache
def _boot() -> str:
    """This boot of this machine and this space of process ids: a number of a process means something within them only."""
    import psutil

    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = str(int(psutil.boot_time()))
    try:
        space = "".join(filter(str.isdigit, str(_PID_SPACE.readlink())))
    except OSError:
        space = ""
    return f"{boot}-{space}" if space else boot


def this_process() -> str:
    """ "host/boot/pid/start": the start tells it from a later process that is given the same number."""
    return _process(os.getpid())


@functools.lru_cache(maxsize=1)
def _process(pid: int) -> str:
    """Kept by number, because a fork is another process."""
    import psutil

    return f"{_host()}/{_boot()}/{pid}/{psutil.Process(pid).create_time():.2f}"


def _host() -> str:
    return socket.gethostname()[:64].replace("/", "_")


def is_gone(generator: str, alive_at_ms: int | None, now_ms: int) -> bool:
    """Whether the process `generator` will not finish its answer.

    On this boot of this machine the process is looked up; of another only `alive_at_ms`, when it last saved, can tell. A process that
    is there but has not saved for that long has lost the answer too (it saves at least every few seconds while it makes one).
    """
    silent = alive_at_ms is None or now_ms - alive_at_ms > SILENT_S * 1000
    host, _, rest = generator.partition("/")
    boot, _, rest = rest.partition("/")
    number, _, started = rest.partition("/")
    if host != _host() or boot != _boot() or not number.isdigit():
        return silent
    return silent or not _runs(int(number), started)


def _runs(pid: int, started: str) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return f"{process.create_time():.2f}" == started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
