"""The spawner: a process without threads and without an event loop, which forks a child for each command (see spawner.py)."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.settings import Settings
from tui.logs import log_to_file
from tui.ssh.command_child import SIGNALS, run_child, silence
from tui.ssh.spawner import DESCRIPTORS, REQUEST_BYTES, Limits, Request

log = logging.getLogger(__name__)

#: Seconds between two looks at the clock and at the front desk.
_LOOK_S = 1.0


@dataclass(slots=True, eq=False)
class _Child:
    pid: int
    user_id: str
    report: socket.socket
    late_at: float
    #: When it is killed, since it was asked to end; 0: it was not.
    kill_at: float = 0.0


def warm() -> None:
    """Import everything that a served command may need, so that no child has to."""
    from importlib import import_module

    from core.bootstrap import preload
    from core.llm.presets import presets
    from tui.commands.root import COMMANDS, build
    from tui.i18n import LANGUAGES, Locale

    preload()
    for name in _NEEDED:
        import_module(name)
    for entry in COMMANDS.values():
        if entry.served:
            import_module(entry.module)
    presets()
    build()
    for language in LANGUAGES:
        Locale(language)
    gc.collect()


#: What commands import when they need it.
_NEEDED = ("concurrent.futures.thread", "getpass", "rich.cells", "tui.errors", "tui.crash", "tui.logs", "tui.moments")


def serve(inbox: socket.socket, settings: Settings, limits: Limits, parent: int) -> None:
    """Run commands until `parent` is gone or SIGTERM comes; then end those under way. For a process that was just forked."""
    _leave_everything_behind(inbox)
    log_to_file(settings.data_dir)
    _Spawner(inbox, settings, limits, parent).serve()


def _leave_everything_behind(inbox: socket.socket) -> None:
    """Close what the front desk had open, clients' connections among it, and forget its signals and its environment.

    Its objects must not be freed: their descriptors have other owners by now.
    """
    silence()
    gc.freeze()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # Ctrl+C in the terminal of the front desk is for that alone
    os.closerange(3, inbox.fileno())
    os.closerange(inbox.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


class _Spawner:
    def __init__(self, inbox: socket.socket, settings: Settings, limits: Limits, parent: int) -> None:
        self._inbox = inbox
        self._settings = settings
        self._limits = limits
        self._parent = parent
        self._children: dict[int, _Child] = {}
        self._leaving = False
        self._selector = selectors.DefaultSelector()
        self._woken, waker = socket.socketpair()
        self._waker = waker
        for end in (self._woken, waker):
            end.setblocking(False)

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._watch(self._inbox, self._take)
        self._watch(self._woken, self._wake)
        while not self._leaving or self._children:
            for key, _events in self._selector.select(self._patience()):
                key.data()
            self._reap()
            self._look_at_the_clock()
            if os.getppid() != self._parent:
                self._leave()

    def _patience(self) -> float:
        """Seconds until something is due."""
        due = [child.kill_at or child.late_at for child in self._children.values()]
        return max(0.0, min([_LOOK_S, *(at - time.monotonic() for at in due)]))

    def _watch(self, end: socket.socket, ready: Callable[[], None]) -> None:
        self._selector.register(end, selectors.EVENT_READ, ready)

    def _leave(self, *_signal: Any) -> None:
        self._leaving = True

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)

    # Requests

    def _take(self) -> None:
        """Take one request. Whatever it is, its descriptors are closed here."""
        if self._leaving:
            self._selector.unregister(self._inbox)
            return
        try:
            data, descriptors, flags, _address = socket.recv_fds(self._inbox, REQUEST_BYTES, DESCRIPTORS)
        except OSError:
            return  # another spawner was faster, or there are too many open files
        report = None
        try:
            if len(descriptors) == DESCRIPTORS:
                report = socket.socket(fileno=descriptors[-1])
                report.setblocking(False)
                self._answer(report, data if not flags & socket.MSG_TRUNC else b"", descriptors[:-1])
        except Exception as error:
            log.error("a command could not be started: %s", type(error).__qualname__)
        finally:
            for descriptor in descriptors if report is None else descriptors[:-1]:
                os.close(descriptor)
            if report is not None and not any(child.report is report for child in self._children.values()):
                report.close()

    def _answer(self, report: socket.socket, data: bytes, standard: list[int]) -> None:
        try:
            request = Request.decode(data)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            _tell(report, refused="request")
            return
        who, limits = request.principal.user_id, self._limits
        if sum(child.user_id == who for child in self._children.values()) >= limits.a_user:
            _tell(report, refused="own", most=limits.a_user)
        elif len(self._children) >= limits.at_once:
            _tell(report, refused="all", most=limits.at_once)
        else:
            self._fork(request, standard, report)

    def _fork(self, request: Request, standard: list[int], report: socket.socket) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the child has handlers of its own
        try:
            pid = os.fork()
            if pid == 0:
                run_child(request, standard, report, self._settings, self._limits)
        except OSError:
            _tell(report, refused="room")
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        child = _Child(pid, request.principal.user_id, report, time.monotonic() + self._limits.time_s)
        self._children[pid] = child
        self._watch(report, lambda: self._abandoned(child))
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            _tell(report, pid=pid)
            return
        try:
            socket.send_fds(report, [json.dumps({"pid": pid}).encode()], [pidfd])
        except OSError:
            log.debug("the worker has gone")
        finally:
            os.close(pidfd)

    # The ends of commands

    def _abandoned(self, child: _Child) -> None:
        """Nobody waits for it any more. (Workers send nothing over this socket.)"""
        self._selector.unregister(child.report)
        self._end(child)

    def _end(self, child: _Child) -> None:
        if not child.kill_at:
            child.kill_at = time.monotonic() + self._limits.grace_s
            os.kill(child.pid, signal.SIGHUP)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if self._leaving:
                self._end(child)
            if now >= child.late_at and not child.kill_at:
                _tell(child.report, late=self._limits.time_s)
                self._end(child)
            if child.kill_at and now >= child.kill_at:
                os.kill(child.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found == 0:
                continue
            child = self._children.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.report)
            _tell(child.report, ended=os.waitstatus_to_exitcode(status))
            child.report.close()


def _tell(report: socket.socket, **message: object) -> None:
    with contextlib.suppress(OSError):
        report.send(json.dumps(message).encode())
