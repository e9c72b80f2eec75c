"""The watch over the sessions of one worker: one query a second for all of them, none where nobody is signed in.

It tells connections that their session ended or that their account changed, in whichever process that was done, and it ends the
sessions of connections that have gone. A database that is busy or down ends nobody's session: it is said once in the log, and the
watch goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.errors import ModeltrainError
from core.supervisor import happens
from tui.crash import places

if TYPE_CHECKING:
    from core.bootstrap import Services
    from tui.ssh.connection import Connection

log = logging.getLogger(__name__)


class SessionWatch:
    """One for a worker. It runs as a task of its own while there is something to watch."""

    def __init__(self, services: Services, *, every_s: float = 1.0) -> None:
        self._services = services
        self._every_s = every_s
        self._connections: set[Connection] = set()
        #: Sessions of connections that have gone, by their ids, until the database knows it.
        self._left: dict[str, Principal] = {}
        self._task: asyncio.Task[None] | None = None
        self._left_more = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        #: What does not work for now.
        self._troubled: set[Callable[[], Awaitable[None]]] = set()

    def __len__(self) -> int:
        """How many connections are watched."""
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._wake()

    def discard(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def leave(self, principal: Principal) -> None:
        """End the session of a connection that has gone, as soon as the database takes it."""
        if principal.session_id:
            self._left[principal.session_id] = principal
            self._left_more.set()
            self._wake()

    async def look(self) -> None:
        """Look once at every session, and end those that were left."""
        async with self._one_by_one:
            await self._try(self._end_left)
            await self._try(self._look)
            await self._try(self._follow)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ModeltrainError as error:
            if work not in self._troubled:
                log.warning("the sessions cannot be watched for now: %s", error.code)
            self._troubled.add(work)
        except Exception as error:  # whatever it is, people whom nobody watches could not be told to leave
            if work not in self._troubled:
                log.error("the watch of the sessions failed at %s", places(error))
            self._troubled.add(work)
        else:
            if work in self._troubled:
                log.warning("the sessions are watched again")
            self._troubled.discard(work)

    async def stop(self, *, within_s: float = 5.0) -> None:
        """End the sessions that were left, as far as that can be done in so many seconds, and look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        try:
            async with asyncio.timeout(within_s):
                await self._end_left()
        except (ModeltrainError, TimeoutError):
            log.warning("%d sessions could not be ended; they expire", len(self._left))

    async def _end_left(self) -> None:
        self._left_more.clear()
        for session_id, principal in tuple(self._left.items()):
            await self._services.accounts.close_session(principal)
            self._left.pop(session_id, None)

    async def _look(self) -> None:
        watched = {live.principal.session_id: connection for connection in self._connections if (live := connection.live) is not None}
        if not watched:
            return
        principals = [connection.live.principal for connection in watched.values() if connection.live is not None]
        for session_id, found in (await self._services.accounts.recheck_many(principals)).items():
            watched[session_id].learn(session_id, found)

    async def _follow(self) -> None:
        """Tell terminals what other processes changed in the chat and the runs of their people."""
        people = {connection.live.principal.user_id for connection in self._connections if connection.live is not None}
        await self._services.chat.follow(people)
        await self._services.runs.follow(people)

    def _wake(self) -> None:
        if self._task is None and not self._services.supervisor.closed:
            self._task = self._services.supervisor.start(self._run, "watch of the sessions")

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        try:
            while self._connections or self._left:
                if clock() >= due:
                    await self.look()
                    due = clock() + self._every_s
                elif self._left_more.is_set():
                    async with self._one_by_one:
                        await self._try(self._end_left)
                await happens(self._left_more, within_s=max(0.0, due - clock()))
        finally:
            self._task = None
