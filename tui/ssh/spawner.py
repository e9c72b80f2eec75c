"""Commands without a terminal (`ssh host chat ...`): how workers have them run, and how the front desk keeps the process that does.

The front desk forks the *spawner* (tui/ssh/spawner_process.py) before the workers. It is warm: everything that commands import is
imported already, and it has neither threads nor an event loop, so it may fork. A worker sends one datagram for each command, over a
pair of sockets that the front desk keeps open at both ends: the request as JSON, and four descriptors, standard input, output and error
of the command and one end of a *report* socket. The spawner forks a child that runs the command; child and spawner tell over the report
socket how it ends. When the spawner is killed, what waits in the socket is read by its successor, and commands under way go on.

| message on the report socket | sent by | meaning |
| --- | --- | --- |
| {"pid": 42} with a pidfd | spawner | it runs |
| {"refused": "own" or "all", "most": 4} | spawner | so many commands run already, this person's or everybody's |
| {"refused": "room"} | spawner | the machine cannot make another process |
| {"refused": "request"} | spawner | the request makes no sense |
| {"late": 3600} | spawner | it took that many seconds, and is being ended |
| {"status": 0} | child | its exit status |
| {"ended": 0} | spawner | it is gone: `os.waitpid`'s status as an exit code, negative for a signal |
| end of file | | child and spawner are gone |
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.auth.principal import Origin, Principal, Role
from core.settings import ServeSettings, Settings

log = logging.getLogger(__name__)

#: Bytes of a request: the longest command line (tui/ssh/command_line.py) made of control characters only, which are six bytes each here.
REQUEST_BYTES = 256 * 1024
#: Descriptors that come with a request: standard input, output, error, and the report socket.
DESCRIPTORS = 4
#: Seconds that a worker tries to hand over a request, while the spawner is being started again.
_PATIENCE_S = 10.0
_AGAIN_S = 0.05
#: A spawner that lived shorter than this is not to be started in a frenzy.
_YOUNG_S = 1.0
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`time_s`: the longest a command may take; `grace_s`: from the polite end (HUP) to the firm one (KILL); `memory_bytes`: its data."""

    at_once: int = ServeSettings.commands_at_once
    a_user: int = ServeSettings.commands_a_user
    time_s: float = 3600.0
    grace_s: float = 10.0
    memory_bytes: int = 1024**3

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(settings.serve.commands_at_once, settings.serve.commands_a_user)


@dataclass(frozen=True, slots=True)
class Request:
    """A command line as words, for whom, in which language. `terminal`: its standard input is a terminal, which it is to control.

    `environment`: all of the child's environment.
    """

    argv: tuple[str, ...]
    principal: Principal
    language: str
    environment: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False

    def encode(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def decode(cls, data: bytes) -> Request:
        """Raises ValueError, KeyError, TypeError or AttributeError for what is no request."""
        values = json.loads(data)
        who = values["principal"]
        principal = Principal(**(who | {"role": Role(who["role"]), "origin": Origin(**who["origin"])}))
        if not principal.user_id or not principal.session_id or not principal.served:
            raise ValueError("not a served person")
        environment = {str(name): str(value) for name, value in values["environment"].items()}
        return cls(tuple(map(str, values["argv"])), principal, str(values["language"]), environment, bool(values["terminal"]))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: by `status`, by `signal`, never begun (`refused`, `most`), or nobody knows (`lost`).

    `late`: it took too long.
    """

    status: int | None = None
    signal: int = 0
    refused: str = ""
    most: int = 0
    late: bool = False

    @property
    def lost(self) -> bool:
        return self.status is None and not self.signal and not self.refused


class Running:
    """A command that was handed over. `ended` is done when it has ended; `signal` reaches the process, `close` lets go of it."""

    def __init__(self, report: socket.socket) -> None:
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._pidfd = -1
        self._told: dict[str, Any] = {}
        self._waiting: list[int] = []
        self.ended: asyncio.Future[Ended] = self._loop.create_future()
        report.setblocking(False)
        self._loop.add_reader(report.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """0 until it runs."""
        return int(self._told.get("pid", 0))

    def signal(self, number: int) -> None:
        """Send a signal; one that comes before the process does is sent as soon as it is there. Too late is no error."""
        if self.ended.done():
            return
        if not self.pid:
            self._waiting.append(number)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)
            else:
                os.kill(self.pid, number)

    def close(self) -> None:
        """Let go: a command that is still under way is ended by the spawner, politely and then firmly."""
        self._finish(Ended())

    def _readable(self) -> None:
        try:
            data, descriptors, _flags, _address = socket.recv_fds(self._report, 4096, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if descriptors:
            self._pidfd = descriptors[0]
        if not data:
            self._finish(self._outcome())
            return
        self._told |= json.loads(data)
        if "refused" in self._told or "ended" in self._told:
            self._finish(self._outcome())
        elif self.pid:
            for number in self._waiting:
                self.signal(number)
            self._waiting.clear()

    def _outcome(self) -> Ended:
        told, late = self._told, "late" in self._told
        if "refused" in told:
            return Ended(refused=str(told["refused"]), most=int(told.get("most", 0)))
        ended = told.get("status", told.get("ended"))
        if ended is None:
            return Ended(late=late)
        return Ended(status=int(ended), late=late) if ended >= 0 else Ended(signal=-int(ended), late=late)

    def _finish(self, outcome: Ended) -> None:
        if self.ended.done():
            return
        self.ended.set_result(outcome)
        self._loop.remove_reader(self._report.fileno())
        self._report.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)


class SpawnerLink:
    """Made by `start_spawner` in the front desk, inherited by the workers.

    The front desk uses `pid`, `restart` and `stop`; the workers use `run`.
    """

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        # Both ends stay open here, so that requests outlive the process that reads them.
        self._inbox, self._outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._inbox, self._outbox):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * REQUEST_BYTES)
        self._started_at = 0.0
        self._young = 0
        self.pid = 0

    # The front desk

    def restart(self) -> int:
        """Fork the spawner (anew), and return its process id. Only in a process without threads and without an event loop."""
        from tui.ssh.spawner_process import serve

        now = time.monotonic()
        self._young = self._young + 1 if self._started_at and now - self._started_at < _YOUNG_S else 0
        self._started_at = now
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            status = 1
            try:
                if self._young:
                    time.sleep(min(_YOUNG_S * self._young, 5.0))
                serve(self._inbox, self._settings, self._limits, parent)
                status = 0
            finally:
                os._exit(status)
        self.pid = pid
        return pid

    def stop(self) -> None:
        """End the spawner and the commands under way, politely, and wait for it, at most some seconds. For the end of the front desk."""
        if not self.pid:
            return
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_S
            while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(self.pid, signal.SIGKILL)
                    os.waitpid(self.pid, 0)
                    break
                time.sleep(0.01)
        self.pid = 0

    def close(self) -> None:
        """Let go of both sockets."""
        self._inbox.close()
        self._outbox.close()

    # The workers

    async def run(self, request: Request, descriptors: Sequence[int]) -> Running:
        """Have a command run with these three descriptors, which stay the caller's to close.

        Raises OSError (TimeoutError where no spawner takes the request for ten seconds; message too long).
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            await self._send(request.encode(), [*descriptors, theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Running(ours)

    async def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                try:
                    socket.send_fds(self._outbox, [data], descriptors)
                    return
                except BlockingIOError:
                    await asyncio.sleep(_AGAIN_S)


def start_spawner(settings: Settings, limits: Limits | None = None) -> SpawnerLink:
    """Import what commands need, fork the spawner, and return the link that the workers inherit. See `SpawnerLink.restart`.

    `limits`: default: those of the settings.
    """
    from tui.ssh.spawner_process import warm

    warm()
    link = SpawnerLink(settings, limits or Limits.of(settings))
    link.restart()
    return link
