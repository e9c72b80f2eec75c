"""What a forked worker does from its first moment to its last."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.errors import ModeltrainError
from core.settings import Settings
from tui.crash import CRASH_LOG
from tui.i18n import Locale, use
from tui.ssh import journal
from tui.ssh.desk_link import DeskLink
from tui.ssh.host_key import HostKey
from tui.ssh.worker import Worker, build_context

if TYPE_CHECKING:
    from tui.ssh.spawner import SpawnerLink

log = logging.getLogger(__name__)
#: Seconds between two signs of life, between two looks at the database, and how long one of these may take.
ALIVE_S, LOOK_S, LOOK_LIMIT_S = 2.0, 10.0, 5.0
#: Seconds beyond the grace after which a worker that is to end is ended, whatever it does.
_LATEST_S = 30.0


def run(number: int, line: socket.socket, settings: Settings, key: HostKey, spawner: SpawnerLink) -> int:
    """Serve until told to end, or until the front desk is gone; the exit status."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    use(Locale())  # not that of whoever started the server
    link = DeskLink(line)
    journal.use(journal.ToTheDesk(link, settings.data_dir, f"worker {number}"), settings.serve.log_level)
    _watch_over(settings)
    try:
        return asyncio.run(_Life(link, settings, key, spawner).lead())
    except ModeltrainError as error:
        log.error("the services cannot be built: %s", error)
        return 1
    except BaseException:
        log.exception("worker %d failed", number)
        return 1
    finally:
        link.flush()


class _Life:
    def __init__(self, link: DeskLink, settings: Settings, key: HostKey, spawner: SpawnerLink) -> None:
        self._link, self._settings, self._key, self._spawner = link, settings, key, spawner
        self._leaving, self._hurry = asyncio.Event(), asyncio.Event()
        self._worker: Worker | None = None
        self._database = True  # the services are built on it

    async def lead(self) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leaving.set)
        self._link.listen(self._take, self._told)
        context = await build_context(self._settings, self._link, self._spawner)
        self._worker = worker = Worker(context, self._key.key)
        self._link.say({"is": "ready"})
        tasks = [loop.create_task(self._say_alive()), loop.create_task(self._look_at_database())]
        await self._leaving.wait()
        self._link.say({"is": "leaving"})
        signal.setitimer(signal.ITIMER_REAL, self._settings.serve.grace_s + _LATEST_S)  # SIGALRM ends the process
        await worker.drain(self._settings.serve.grace_s, self._hurry)
        for task in tasks:
            task.cancel()
        return 0

    def _take(self, accepted: socket.socket, number: int) -> None:
        if self._worker is None:  # not said to be ready yet: nobody should come
            accepted.close()
            self._link.closed(number)
        else:
            self._worker.take(accepted, number)

    def _told(self, word: str, message: dict[str, Any]) -> None:
        if word == "drop":
            if self._worker is not None:
                self._worker.drop(int(message["number"]))
            return
        if word == "gone":
            log.error("the front desk is gone")
        if word == "end":
            self._hurry.set()
        self._leaving.set()

    async def _say_alive(self) -> None:
        """Signs of life to the front desk; and if they stop, this process says where it hangs, and ends."""
        assert self._worker is not None
        while True:
            _expect_within(self._settings.serve.hang_s)
            self._link.say({"is": "alive", "database": self._database, "people": self._worker.people})
            await asyncio.sleep(ALIVE_S)

    async def _look_at_database(self) -> None:
        assert self._worker is not None
        ask: Callable[[], Any] = self._worker.context.services.accounts.registration_open
        while True:
            try:
                async with asyncio.timeout(LOOK_LIMIT_S):
                    await ask()
                self._database = True
            except (ModeltrainError, TimeoutError):
                self._database = False
            await asyncio.sleep(LOOK_S)


_stacks: list[int] = []


def _watch_over(settings: Settings) -> None:
    """Where the stacks of a process that hangs or dies of itself are written: function names and lines, never values."""
    try:
        descriptor = os.open(settings.data_dir / CRASH_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    _stacks[:] = [descriptor]
    faulthandler.enable(descriptor)


def _expect_within(seconds: float) -> None:
    if _stacks:
        faulthandler.dump_traceback_later(seconds, exit=True, file=_stacks[0])
