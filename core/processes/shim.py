"""The shim: starts one program in a session of its own, writes down who it is and how it ended, and keeps its log within bounds.

Run by its path with `python -I -S shim.py FOLDER`, with only the standard library. What to do comes as one JSON object on standard input:
`{"job", "argv", "cwd", "environment", "log_limit_bytes", "after", "after_environment"}`; nothing of it is written to disk. On standard
output one JSON object tells whoever launched it how that went. Order matters everywhere here, because anything may be killed at any time:

* the lock of the folder is taken first and never waited for, and a folder with a `run.json` is not used again: no double start;
* the program waits, as a fork of the shim, until `run.json` with its pid and start time is on the disk;
* the space of `exit.json` is taken before the start, so that a full disk cannot lose the exit status;
* the exit status is written down before what the program left behind is ended, and gets its final name when that is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from typing import Any, NoReturn

#: Bytes that exit.json takes from the beginning.
ROOM = 4096
#: Seconds that what the program left behind gets to end by itself, then after SIGTERM, then after SIGKILL.
PATIENCE_S = (1.0, 8.0, 10.0)
#: Seconds between two looks at the size of the log.
LOOK_S = 1.0
_PUNCH_HOLE, _KEEP_SIZE, _BLOCK = 2, 1, 4096
_SET_SUBREAPER = 36


def main(folder: str) -> int:
    order = json.loads(sys.stdin.buffer.read())
    if os.fork():
        return 0  # whoever launched waits for this one; the shim has no parent of ours
    os.setsid()
    os.chdir(folder)
    null = os.open(os.devnull, os.O_RDWR)
    report = os.dup(1)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    try:
        return Shim(order, report).run()
    except BaseException:
        with contextlib.suppress(OSError), open("shim-error.txt", "w") as file:  # noqa: PTH123  (pathlib is not needed for this)
            file.write(traceback.format_exc())
        return 1


class Refused(Exception):
    """Nothing was started; the arguments are told to whoever launched."""


class Shim:
    """One job. `_report`: a pipe to whoever launched, who may have gone."""

    def __init__(self, order: dict[str, Any], report: int) -> None:
        self._order = order
        self._report = report
        self._log = self._part = self._child = -1

    def run(self) -> int:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            lock = self._take()
            self._start()
        except Refused as refusal:
            self._tell({"error": refusal.args[0], "errno": refusal.args[1]})
            return 1
        except OSError as error:
            self._tell({"error": "os", "errno": error.errno or 0})
            return 1
        self._tell({"error": ""})
        status = self._watch()
        self._end(status)
        os.close(lock)
        self._after()
        return 0

    def _tell(self, value: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            os.write(self._report, json.dumps(value).encode())
        os.close(self._report)

    # Starting --------------------------------------------------------------------------------------------------------

    def _take(self) -> int:
        """The lock of a folder that was not used before."""
        lock = os.open("lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("busy", 0) from None
        if os.path.lexists("run.json") or os.path.lexists("exit.json"):
            raise Refused("used", 0)
        self._part = os.open(".exit.json.part", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        _write_whole(self._part, b" " * ROOM)
        os.fsync(self._part)
        self._log = os.open("log.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._oom_kills = oom_kills()
        self._write_run(None)
        return lock

    def _write_run(self, child: int | None) -> None:
        own, boot = os.getpid(), boot_id()
        value = {
            "job": self._order["job"],
            "boot_id": boot,
            "shim": {"pid": own, "started": started(own)},
            "child": child and {"pid": child, "started": started(child), "group": child},
        }
        _put("run.json", json.dumps(value).encode())

    def _start(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)  # workers whose launcher was killed become ours, and are reaped
        go_reading, go_writing = os.pipe()
        error_reading, error_writing = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(go_writing)
            self._become(go_reading, error_writing)
        os.close(go_reading)
        os.close(error_writing)
        try:
            self._write_run(self._child)
        except OSError:
            os.close(go_writing)  # it ends without having begun
            os.waitpid(self._child, 0)
            raise
        os.write(go_writing, b"g")
        os.close(go_writing)
        failed = os.read(error_reading, 16)
        os.close(error_reading)
        if failed:
            os.waitpid(self._child, 0)
            number = int(failed)
            self._write_exit(None, None, "not_started: " + os.strerror(number))
            self._name_exit()
            raise Refused("exec", number)

    def _become(self, go: int, error: int) -> NoReturn:
        """The program, once it is written down. In the forked child."""
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            if os.read(go, 1) != b"g":
                os._exit(127)
            os.dup2(self._log, 1)
            os.dup2(self._log, 2)
            os.close(self._report)
            os.chdir(self._order["cwd"])
            os.umask(0o077)
            _lift_limits()
            argv = self._order["argv"]
            os.execvpe(argv[0], argv, self._order["environment"])  # noqa: S606
        except OSError as problem:
            os.write(error, str(problem.errno or errno.EINVAL).encode())
        except BaseException:
            os.write(error, str(errno.EINVAL).encode())
        os._exit(127)

    # Watching --------------------------------------------------------------------------------------------------------

    def _watch(self) -> int:
        """The wait status of the program. Meanwhile the log is kept within bounds, and orphans are reaped."""
        while True:
            pid, status = _reap()
            if pid == self._child:
                return status
            if pid:
                continue
            self._limit_log()
            signal.sigtimedwait({signal.SIGCHLD}, LOOK_S)

    def _limit_log(self) -> None:
        """Where the log takes more than its limit, the middle becomes a hole: every byte that is left stays at its offset."""
        limit = int(self._order["log_limit_bytes"])
        found = os.fstat(self._log)
        if found.st_blocks * 512 <= limit:
            return
        begin = limit // 4 // _BLOCK * _BLOCK
        end = (found.st_size - limit // 2) // _BLOCK * _BLOCK
        if end > begin:
            libc = ctypes.CDLL(None, use_errno=True)
            mode = ctypes.c_int(_PUNCH_HOLE | _KEEP_SIZE)
            libc.fallocate(self._log, mode, ctypes.c_int64(begin), ctypes.c_int64(end - begin))

    # Ending ----------------------------------------------------------------------------------------------------------

    def _end(self, status: int) -> None:
        by_signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = -by_signal if by_signal is not None else os.waitstatus_to_exitcode(status)
        self._write_exit(code, by_signal, "")
        self._clear_up()
        self._limit_log()
        while not self._name_exit():
            time.sleep(2)

    def _write_exit(self, status: int | None, by_signal: int | None, reason: str) -> None:
        """Into the room that was taken before: no block of the disk is needed for it."""
        value = {"status": status, "signal": by_signal, "ended_at": round(time.time() * 1000), "reason": reason}
        if self._oom_kills is not None and (now := oom_kills()) is not None:
            value["oom_killed"] = now > self._oom_kills
        with contextlib.suppress(OSError):
            os.pwrite(self._part, json.dumps(value).encode().ljust(ROOM), 0)
            os.fdatasync(self._part)

    def _name_exit(self) -> bool:
        try:
            os.replace(".exit.json.part", "exit.json")  # noqa: PTH105
            _sync_folder()
        except FileNotFoundError:
            return True  # the folder was removed: nobody is left to tell
        except OSError:
            return False
        return True

    def _clear_up(self) -> None:
        """End what the program left behind: workers whose launcher was killed would train on for ever."""
        for patience, number in zip(PATIENCE_S, (0, signal.SIGTERM, signal.SIGKILL), strict=True):
            deadline = time.monotonic() + patience
            signalled: set[int] = set()
            while left := self._left():
                for pid in left - signalled:
                    if number:
                        with contextlib.suppress(OSError):
                            os.kill(pid, number)
                    signalled.add(pid)
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            if not left:
                return

    def _left(self) -> set[int]:
        """Processes of this job beside the shim: below it, or with its marker."""
        while _reap()[0]:
            pass
        marker = b"\0MODELTRAIN_JOB=" + self._order["job"].encode() + b"\0"
        found, parents = set(), {}
        for name in os.listdir("/proc"):  # noqa: PTH208
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                fields = _stat(int(name))
                if fields[0] in "ZX":
                    continue
                parents[int(name)] = int(fields[1])
                with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                    if marker in b"\0" + file.read() + b"\0":
                        found.add(int(name))
            except OSError:
                continue
        for pid in parents:
            above, steps = pid, 0
            while above in parents and steps < 64:
                above, steps = parents[above], steps + 1
            if above == os.getpid():
                found.add(pid)
        return found

    def _after(self) -> None:
        if after := self._order["after"]:
            with contextlib.suppress(OSError):
                subprocess.Popen(after, env=self._order["after_environment"], cwd="/", start_new_session=True)  # noqa: S603


def _lift_limits() -> None:
    """Limits of memory and time that whoever launched has set for itself are none of the program's."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_CPU):
        with contextlib.suppress(OSError, ValueError):
            most = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most, most))


def _reap() -> tuple[int, int]:
    """(pid, status) of a child that ended; pid 0 where none did."""
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
        return file.read().strip()


def oom_kills() -> int | None:
    """How many processes of our control group (version 2) the kernel killed for memory so far; None where that cannot be read."""
    group = ""
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:  # noqa: PTH123
        group = next((line[3:].strip().strip("/") for line in file if line.startswith("0::")), "")
    for place in (f"/sys/fs/cgroup/{group}/memory.events", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError), open(place) as file:  # noqa: PTH123
            counts = dict(line.split(None, 1) for line in file)
            if "oom_kill" in counts:
                return int(counts["oom_kill"])
    return None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; the name before them may hold anything."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
        return file.read().rpartition(b")")[2].decode().split()


def started(pid: int) -> int:
    return int(_stat(pid)[19])


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _put(name: str, data: bytes) -> None:
    """The file, whole and on the disk, or as it was before."""
    part = f".{name}.part"
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        _write_whole(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(part, name)  # noqa: PTH105
    _sync_folder()


def _sync_folder() -> None:
    with contextlib.suppress(OSError):
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
