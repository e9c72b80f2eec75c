"""A worker of `modeltrain serve`: one event loop, one set of services, and the SSH connections that the front desk hands to it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh.connection import SSHConnection

from core.sanitise import one_line
from core.settings import Settings
from tui.errors import hide_paths
from tui.i18n import N_
from tui.ssh.connection import EXTRA
from tui.ssh.options import server_options

if TYPE_CHECKING:
    from core.bootstrap import Services
    from core.clock import Clock
    from tui.ssh.connection import Connection
    from tui.ssh.desk_link import Desk
    from tui.ssh.spawner import SpawnerLink
    from tui.ssh.watch import SessionWatch

log = logging.getLogger(__name__)
#: Applications that are composed at a time: each is a tenth of a second of CPU in which nobody else's key is heard.
PEOPLE_LET_IN = 6
STOPPING_SOON = N_("The server stops in a moment. Answers that are being written may finish; everything is saved.")
STOPPING = N_("The server is stopping. What you wrote is saved; sign in again in a moment.")
#: Seconds for the terminals to be left clean, and then for the connections to end.
_LEAVING_S = 5.0
_LONGEST_NAME = 100


@dataclass
class WorkerContext:
    """What the connections of one worker share. Belongs to its event loop.

    `gate`: who composes an application holds it. `draining`: the server stops, nothing new is begun.
    """

    settings: Settings
    services: Services
    desk: Desk
    spawner: SpawnerLink
    watch: SessionWatch
    connections: set[Connection] = field(default_factory=set)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PEOPLE_LET_IN))
    draining: asyncio.Event = field(default_factory=asyncio.Event)


async def build_context(settings: Settings, desk: Desk, spawner: SpawnerLink, *, clock: Clock | None = None) -> WorkerContext:
    """The services and all that belongs to them. Raises what build_services raises."""
    from core.bootstrap import build_services
    from tui.ssh.watch import SessionWatch

    hide_paths(settings.data_dir)
    services = await build_services(settings, clock=clock)
    services.supervisor.start(services.files.keep_clean, "cleaning up after uploads")
    services.supervisor.start(services.look_after_runs, "runs: begin")
    return WorkerContext(settings=settings, services=services, desk=desk, spawner=spawner, watch=SessionWatch(services))


class Worker:
    """Serves the sockets that `take` gets, until `drain` or `close`."""

    def __init__(self, context: WorkerContext, key: asyncssh.SSHKey) -> None:
        from tui.ssh.signing_in import SignInServer

        self.context = context
        self._options = server_options(key, context.settings.serve, lambda: SignInServer(context))
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._open: dict[int, asyncssh.SSHServerConnection] = {}
        self._closed = False

    @property
    def people(self) -> int:
        """Connections that are served now."""
        return len(self._open)

    def take(self, accepted: socket.socket, number: int) -> None:
        """Serve `accepted`, and tell the desk by `number` when somebody has signed in there, and when it is closed."""
        if self._closed or self.context.draining.is_set():
            accepted.close()
            self.context.desk.closed(number)
            return
        accepted.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._serve(accepted, number), name=f"connection {number}")
        self._serving[number] = task
        task.add_done_callback(lambda _done: self._serving.pop(number, None))

    def drop(self, number: int) -> None:
        """End a connection that stands in the way of others."""
        if number in self._open:
            self._open[number].abort()

    async def _serve(self, accepted: socket.socket, number: int) -> None:
        began = time.monotonic()
        address = _address(accepted)
        connection: asyncssh.SSHServerConnection | None = None
        try:
            _transport, connection = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: asyncssh.SSHServerConnection(
                    asyncio.get_running_loop(), self._options, lambda done: self._signed_in(done, number, address)
                ),
                accepted,
            )
            self._open[number] = connection
            await connection.wait_closed()
        except OSError as error:
            log.info("%s could not be served: %s", address, error)
        except asyncio.CancelledError:
            if connection is not None:
                connection.abort()
            raise
        finally:
            self._open.pop(number, None)
            accepted.close()
            self.context.desk.closed(number)
            name = connection.get_extra_info("username") if connection is not None else None
            whom = one_line(str(name), _LONGEST_NAME) if name else "nobody"
            level = logging.INFO if name else logging.DEBUG
            log.log(level, "%s at %s left after %.0f s", whom, address, time.monotonic() - began)

    def _signed_in(self, connection: SSHConnection, number: int, address: str) -> None:
        """The authentication is complete. Who came to register has shown nothing by that, and counts as before until that is done."""

        def tell() -> None:
            self.context.desk.signed_in(number)
            log.info("%s signed in from %s", one_line(str(connection.get_extra_info("username")), _LONGEST_NAME), address)

        met: Connection | None = connection.get_extra_info(EXTRA)
        if met is not None and met.live is None:
            met.when_registered = tell
        else:
            tell()

    # The end ---------------------------------------------------------------------------------------------------------

    async def drain(self, grace_s: float, hurry: asyncio.Event | None = None) -> None:
        """Take nobody any more, tell people, let answers and commands finish, then close.

        They get at most `grace_s` seconds, and none once `hurry` is set.
        """
        context = self.context
        context.draining.set()
        for connection in tuple(context.connections):
            connection.tell(STOPPING_SOON)
        await self._answers_finished(grace_s, hurry)
        leaving = [asyncio.create_task(connection.drain(STOPPING)) for connection in tuple(context.connections)]
        if leaving:
            _left, stuck = await asyncio.wait(leaving, timeout=_LEAVING_S)
            for task in stuck:
                task.cancel()
        await self.close()

    async def _answers_finished(self, grace_s: float, hurry: asyncio.Event | None) -> None:
        loop = asyncio.get_running_loop()
        waiting: set[asyncio.Task[Any]] = {loop.create_task(self._finished())}
        if hurry is not None:
            waiting.add(loop.create_task(hurry.wait()))
        await asyncio.wait(waiting, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _finished(self) -> None:
        connections = tuple(self.context.connections)
        answers = self.context.services.supervisor.until_done("answer ")
        await asyncio.gather(answers, *(connection.finished() for connection in connections))

    async def close(self) -> None:
        """End every connection, then the services: answers under way are saved as far as they came."""
        self._closed = True
        for connection in tuple(self._open.values()):
            connection.disconnect(asyncssh.DISC_BY_APPLICATION, "The server is stopping")
        serving = tuple(self._serving.values())
        if serving:
            _done, late = await asyncio.wait(serving, timeout=_LEAVING_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_LEAVING_S)
        try:
            await self.context.watch.stop()
        finally:
            await self.context.services.close()


def _address(accepted: socket.socket) -> str:
    try:
        return str(accepted.getpeername()[0])
    except OSError:
        return "somebody who has gone already"
