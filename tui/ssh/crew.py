"""The workers as the front desk keeps them: forked, watched, replaced when they die. No threads, no event loop: it may fork at any time."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tui.ssh import handover

log = logging.getLogger(__name__)
#: A worker that lived for less than this many seconds died at once: the next one is forked later, and later each time.
YOUNG_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
#: A hung worker ends itself after `hang_s` and says where it hung; one that cannot even do that is ended so many seconds later.
_MERCY_S = 10.0


@dataclass
class Member:
    """One worker. `number`: from 1; `heard_at`: when it gave its last sign of life (monotonic seconds)."""

    number: int
    pid: int
    line: socket.socket
    born_at: float
    heard_at: float
    ready: bool = False
    leaving: bool = False
    #: Whether the database answered when it last looked; None before that.
    database: bool | None = None


@dataclass
class _Vacancy:
    """A place to be filled at `at`, after `failures` deaths in a row."""

    at: float
    failures: int


@dataclass
class Crew:
    """`work(number, line)` is what a forked worker does; it returns an exit status. `let_go` closes there what is the front desk's own."""

    size: int
    hang_s: float
    work: Callable[[int, socket.socket], int]
    let_go: Callable[[], None]
    members: dict[int, Member] = field(default_factory=dict)
    restarts: int = 0
    _vacancies: dict[int, _Vacancy] = field(default_factory=dict)
    _failures: dict[int, int] = field(default_factory=dict)
    _looked_at: float = field(default_factory=time.monotonic)

    def start(self) -> list[Member]:
        """Fork all of them."""
        return [self._fork(number) for number in range(1, self.size + 1)]

    @property
    def ready(self) -> list[Member]:
        """Those that can be given connections."""
        return [member for member in self.members.values() if member.ready and not member.leaving]

    def _fork(self, number: int) -> Member:
        ours, theirs = handover.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self._be_worker(number, theirs, ours)
        theirs.close()
        now = time.monotonic()
        member = self.members[number] = Member(number, pid, ours, now, now)
        return member

    def _be_worker(self, number: int, line: socket.socket, others_end: socket.socket) -> None:
        """In the child: never returns."""
        status = 70
        try:
            others_end.close()
            for member in self.members.values():
                member.line.close()
            self.let_go()
            status = self.work(number, line)
        except BaseException:
            logging.getLogger(__name__).exception("worker %d", number)
        finally:
            os._exit(status)

    # Watching --------------------------------------------------------------------------------------------------------

    def reap(self) -> list[Member]:
        """Those that have ended since the last call; said in the log, and their places are vacant."""
        ended = []
        for member in tuple(self.members.values()):
            try:
                pid, status = os.waitpid(member.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = member.pid, 0
            if pid:
                ended.append(member)
                self._gone(member, os.waitstatus_to_exitcode(status))
        return ended

    def _gone(self, member: Member, code: int) -> None:
        del self.members[member.number]
        member.line.close()
        lived = time.monotonic() - member.born_at
        if member.leaving and code == 0:
            log.info("worker %d (process %d) has ended", member.number, member.pid)
            return
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        failures = self._failures.get(member.number, 0) + 1 if lived < YOUNG_S else 0
        self._failures[member.number] = failures
        pause = min(_FIRST_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S) if failures else 0.0
        again = f"; a new one starts in {pause:.1f} s" if not member.leaving else ""
        log.error("worker %d (process %d) %s after %.0f s%s", member.number, member.pid, how, lived, again)
        if not member.leaving:
            self._vacancies[member.number] = _Vacancy(time.monotonic() + pause, failures)

    def fill(self) -> list[Member]:
        """Fork a worker for each place that is vacant long enough."""
        now, filled = time.monotonic(), []
        for number, vacancy in tuple(self._vacancies.items()):
            if vacancy.at > now:
                continue
            try:
                filled.append(self._fork(number))
            except OSError as error:
                log.error("worker %d cannot be started: %s", number, error.strerror)
                vacancy.at = now + _LONGEST_PAUSE_S
                continue
            del self._vacancies[number]
            self.restarts += 1
        return filled

    def look_for_hung(self) -> None:
        """End workers that gave no sign of life for too long."""
        now = time.monotonic()
        if now - self._looked_at > self.hang_s / 2:
            # It was this process that stood still; nobody could be heard.
            for member in self.members.values():
                member.heard_at = now
        self._looked_at = now
        for member in self.members.values():
            silent = now - member.heard_at
            if silent > self.hang_s + _MERCY_S:
                log.error("worker %d (process %d) gave no sign of life for %.0f s and is ended", member.number, member.pid, silent)
                member.heard_at = now
                self._signal(member, signal.SIGKILL)

    def next_at(self) -> float | None:
        """When the next vacancy is due (monotonic seconds)."""
        return min((vacancy.at for vacancy in self._vacancies.values()), default=None)

    # The end ---------------------------------------------------------------------------------------------------------

    def tell_all(self, word: str) -> None:
        """Send `{"do": word}` to everyone; nobody is replaced any more."""
        self._vacancies.clear()
        for member in self.members.values():
            member.leaving = True
            with contextlib.suppress(OSError):
                handover.send(member.line, {"do": word})

    def kill_all(self) -> None:
        for member in self.members.values():
            log.error("worker %d (process %d) does not end and is killed", member.number, member.pid)
            self._signal(member, signal.SIGKILL)

    @staticmethod
    def _signal(member: Member, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, number)
