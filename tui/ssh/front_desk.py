"""The front desk: the parent process of `modeltrain serve`. It accepts connections, counts them, hands them to workers, and keeps those.

One loop over `selectors`, no threads and no asyncio: so it can fork a worker at any time, and nothing that a client sends is ever read
here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core import __version__
from core.settings import Settings
from tui.ssh import handover
from tui.ssh.crew import Crew, Member
from tui.ssh.health import Health
from tui.ssh.journal import Journal
from tui.ssh.reception import Reception, Refusal
from tui.ssh.systemd import Notifier
from tui.ssh.turned_away import TurnedAway

if TYPE_CHECKING:
    from tui.ssh.spawner import SpawnerLink

log = logging.getLogger(__name__)
#: Connections that are accepted, and messages of one worker that are heard, before somebody else has a turn.
_AT_A_TIME, _HEARD_AT_A_TIME = 64, 1000
#: Seconds between two looks at everything; pause after there were no descriptors left; between two lines about refusals.
_TICK_S, _PAUSE_S, _REPORT_S = 1.0, 1.0, 60.0
#: Seconds beyond the grace that workers get to end, and after a second signal.
_LATEST_S, _HURRY_S = 20.0, 5.0


class FrontDesk:
    """`listeners`: where people come; `health_listeners`: where the health is asked; `work`: what a forked worker does."""

    def __init__(
        self,
        settings: Settings,
        listeners: list[socket.socket],
        *,
        health_listeners: list[socket.socket],
        work: Callable[[int, socket.socket], int],
        workers: int,
        journal: Journal,
        spawner: SpawnerLink,
        notifier: Notifier,
        announce: Callable[[], None],
    ) -> None:
        self._settings, self._listeners, self._journal, self._spawner = settings, listeners, journal, spawner
        self._notifier, self._announce = notifier, announce
        self._selector = selectors.DefaultSelector()
        self._reception = Reception(settings.serve)
        self._crew = Crew(workers, settings.serve.hang_s, work, self._let_go)
        self._turned_away = TurnedAway(self._selector)
        self._health = Health(health_listeners, self._selector, self.state)
        self._woken, self._waker = socket.socketpair()
        self._began = time.monotonic()
        self._accepting = self._announced = False
        self._accept_again_at = 0.0
        self._reported_at = -_REPORT_S
        self._told: Counter[Refusal] = Counter()
        self._database: bool | None = None
        #: While stopping: when the workers are killed; None while it serves.
        self._end_by: float | None = None

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; the exit status."""
        self._heed_signals()
        for member in self._crew.start():
            self._listen_to(member)
        try:
            while not (self._stopping and not self._crew.members):
                for key, mask in self._selector.select(self._patience()):
                    key.data(mask)
                self._look_around()
        finally:
            self._close()
        log.info("the server has stopped")
        return 0

    @property
    def _stopping(self) -> bool:
        return self._end_by is not None

    # Signals ---------------------------------------------------------------------------------------------------------

    def _heed_signals(self) -> None:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # the number comes through the waker, in the loop's own time
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ, lambda _mask: self._signalled())

    def _signalled(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self._woken.recv(4096):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop(signal.Signals(number).name)
                elif number == signal.SIGHUP:
                    self._journal.reopen()
                    log.info("the log was opened anew")

    def _stop(self, why: str) -> None:
        now = time.monotonic()
        if not self._stopping:
            log.info("%s: stopping; answers get %.0f s to finish", why, self._settings.serve.grace_s)
            self._notifier.tell("STOPPING=1", "STATUS=Letting answers finish")
            self._accept(False)
            for listener in self._listeners:
                listener.close()
            self._end_by = now + self._settings.serve.grace_s + _LATEST_S
            self._crew.tell_all("drain")
        else:
            log.info("%s again: stopping at once", why)
            self._end_by = now + _HURRY_S
            self._crew.tell_all("end")

    # Workers ---------------------------------------------------------------------------------------------------------

    def _listen_to(self, member: Member) -> None:
        self._selector.register(member.line, selectors.EVENT_READ, lambda _mask: self._hear(member))

    def _hear(self, member: Member) -> None:
        """What a worker has to say. Whatever that is, it does not end the front desk."""
        for _ in range(_HEARD_AT_A_TIME):
            try:
                message, descriptors = handover.receive(member.line)
                handover.close_all(descriptors)  # workers hand nothing over
            except BlockingIOError:
                return
            except (EOFError, OSError):
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(member.line)
                return
            except handover.Garbled:
                message = {}
            try:
                self._heard(member, message)
            except (ValueError, TypeError, LookupError, OverflowError) as error:
                log.error("worker %d (process %d) said something without sense: %s", member.number, member.pid, type(error).__name__)

    def _heard(self, member: Member, message: dict[str, Any]) -> None:
        member.heard_at = time.monotonic()
        match message["is"]:
            case "log":
                self._journal.write(message, f"worker {member.number}")
            case "signed_in" | "closed" as what:
                number = message["number"]
                if self._reception.worker_of(number) != member.number:
                    return  # it was dropped already; or it is none of this worker's business
                if what == "closed":
                    self._reception.closed(number)
                else:
                    self._reception.signed_in(number)
            case "alive":
                member.database = bool(message["database"])
            case "leaving":
                member.ready = False  # somebody asked it to end: it is replaced when it has
            case "ready":
                member.ready = member.database = True  # its services were built on it
                log.info("worker %d (process %d) is ready", member.number, member.pid)
                self._ready()

    def _ready(self) -> None:
        self._accept(not self._stopping)
        if not self._announced and len(self._crew.ready) == self._crew.size:
            self._announced = True
            self._announce()
            self._notifier.tell("READY=1", f"STATUS=Serving with {self._crew.size} workers")

    def _look_after_crew(self) -> None:
        for member in tuple(self._crew.members.values()):
            self._hear(member)  # also what a dead one said last
        for member in self._crew.reap():
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(member.line)
            lost = self._reception.worker_gone(member.number)
            if lost and not self._stopping:
                log.warning("%d connections were lost with worker %d", lost, member.number)
        if not self._stopping:
            for member in self._crew.fill():
                self._listen_to(member)
            self._crew.look_for_hung()
            self._look_after_spawner()
        if not self._crew.ready:
            self._accept(False)  # people wait in the queue of the system meanwhile

    def _look_after_spawner(self) -> None:
        if not self._spawner.pid:
            return
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(self._spawner.pid, os.WNOHANG) == (0, 0):
                return
        log.error("the process that runs commands (%d) has died; a new one starts", self._spawner.pid)
        try:
            self._spawner.restart()
        except OSError as error:
            log.error("it cannot be started: %s", error.strerror)

    def _let_go(self) -> None:
        """In a forked worker: nothing of the front desk stays open there."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        self._turned_away.close_copies()
        self._health.close_copies()
        self._selector.close()
        for each in (*self._listeners, self._woken, self._waker):
            each.close()
        self._journal.let_go()

    # People ----------------------------------------------------------------------------------------------------------

    def _accept(self, accept: bool) -> None:
        """Whether connections are taken from the system's queue."""
        if accept == self._accepting:
            return
        self._accepting = accept
        for listener in self._listeners:
            if accept:
                self._selector.register(listener, selectors.EVENT_READ, lambda _mask, at=listener: self._come_in(at))
            else:
                self._selector.unregister(listener)

    def _come_in(self, listener: socket.socket) -> None:
        for _ in range(_AT_A_TIME):
            try:
                client, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:  # no descriptors or no memory: somebody has to leave first
                log.error("nobody can be let in for now: %s", error.strerror)
                self._accept(False)
                self._accept_again_at = time.monotonic() + _PAUSE_S
                return
            self._receive(client, str(peer[0]))

    def _receive(self, client: socket.socket, address: str) -> None:
        refusal = self._reception.refusal(address)
        if refusal == "unauthenticated" and (number := self._reception.crowd(address)) is not None:
            self._drop(number)
            refusal = None
        if refusal is None and self._hand_over(client, address):
            client.close()  # our copy
            return
        self._turned_away.tell(client)

    def _drop(self, number: int) -> None:
        """Make room: end a connection of the address that has the most who have not signed in."""
        member = self._crew.members.get(self._reception.worker_of(number) or 0)
        self._reception.closed(number)
        self._reception.refused["unauthenticated"] += 1
        if member is not None:
            with contextlib.suppress(OSError):
                handover.send(member.line, {"do": "drop", "number": number})

    def _hand_over(self, client: socket.socket, address: str) -> bool:
        """Give it to the least loaded worker that takes it."""
        for member in sorted(self._crew.ready, key=lambda member: self._reception.load(member.number)):
            number = self._reception.let_in(address, member.number)
            try:
                handover.send(member.line, {"do": "serve", "number": number}, [client])
                return True
            except OSError:  # it is full, or about to be found dead
                self._reception.closed(number)
        return False

    # The loop --------------------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        now = time.monotonic()
        moments = [now + _TICK_S, self._turned_away.next_at(), self._health.next_at(), self._crew.next_at(), self._end_by]
        return max(0.0, min(moment for moment in moments if moment is not None) - now)

    def _look_around(self) -> None:
        self._turned_away.give_up()
        self._health.give_up()
        self._look_after_crew()
        now = time.monotonic()
        self._notifier.watchdog(now)
        if self._stopping:
            if self._end_by is not None and now > self._end_by:
                self._end_by = now + _HURRY_S
                self._crew.kill_all()
            return
        if not self._accepting and self._crew.ready and now >= self._accept_again_at:
            self._accept(True)
        if now - self._reported_at >= _REPORT_S:
            self._report_refusals()

    def _report_refusals(self) -> None:
        new = self._reception.refused - self._told
        if new:
            self._reported_at = time.monotonic()
            self._told = Counter(self._reception.refused)
            log.warning("turned away: %s", ", ".join(f"{count} by the limit {reason}" for reason, count in sorted(new.items())))

    def state(self) -> dict[str, Any]:
        """What /healthz says."""
        ready = self._crew.ready
        looked = [member.database for member in ready if member.database is not None]
        if looked:
            self._database = any(looked)
        return {
            "ok": bool(ready) and self._database is True and not self._stopping,
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._began, 1),
            "stopping": self._stopping,
            "workers": self._crew.size,
            "workers_ready": len(ready),
            "worker_pids": [member.pid for member in sorted(ready, key=lambda member: member.number)],
            "worker_restarts": self._crew.restarts,
            "connections": len(self._reception),
            "signed_in": len(self._reception) - self._reception.unauthenticated,
            "unauthenticated": self._reception.unauthenticated,
            "turned_away": self._reception.refused.total(),
            "database": self._database,
        }

    def _close(self) -> None:
        self._report_refusals()
        self._turned_away.close()
        self._health.close()
        self._spawner.stop()
        self._spawner.close()
        for listener in self._listeners:
            listener.close()
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._woken.close()
        self._waker.close()
