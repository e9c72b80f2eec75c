"""A small SSH server in the test's own loop that knows nothing but terminals, and a client whose screen is pyte's.

Whoever connects is signed in as the account of the test. What the server reads of the channel goes through the product's
`TerminalSession`; the client is asyncssh's, so that a test can look at every byte.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import asyncssh
import pyte
import textual._sleep  # noqa: F401 - when it is imported, it tries the clock in a loop of its own

from core.auth.principal import Origin
from core.auth.sessions import LiveSession
from core.auth.types import SignedIn
from core.bootstrap import Services
from core.errors import SessionEnded
from core.settings import Settings
from tests.terminal import _JOINED, key_bytes
from tui.ssh.terminal import TerminalSession


class NeverSeen(AssertionError):
    """What was waited for did not come; the message holds the screen."""


@dataclass
class SmallConnection:
    """Stands for tui.ssh.connection.Connection."""

    services: Services
    signed_in: SignedIn | None
    live: LiveSession | None
    origin: Origin = field(default_factory=lambda: Origin("ssh", "127.0.0.1"))
    address: str = "127.0.0.1"
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: list[Callable[[SessionEnded], None]] = field(default_factory=list)

    def on_ended(self, callback: Callable[[SessionEnded], None]) -> Callable[[], None]:
        self.watchers.append(callback)
        return lambda: self.watchers.remove(callback) if callback in self.watchers else None

    def end(self, why: str) -> None:
        for watcher in list(self.watchers):
            watcher(SessionEnded(why=why))


@dataclass
class SmallWorker:
    """Stands for tui.ssh.worker.WorkerContext."""

    settings: Settings
    services: Services
    make: Callable[[], Any]
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(6))
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    sessions: list[TerminalSession] = field(default_factory=list)
    connections: list[SmallConnection] = field(default_factory=list)


class _Channel(asyncssh.SSHServerSession[bytes]):
    def __init__(self, worker: SmallWorker, connection: SmallConnection) -> None:
        self._worker, self._connection = worker, connection
        self._session: TerminalSession | None = None
        self._chan: Any = None

    def connection_made(self, chan: Any) -> None:
        self._chan = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        columns, lines, _width, _height = self._chan.get_terminal_size()
        self._session = TerminalSession(
            cast(Any, self._worker),
            cast(Any, self._connection),
            self._chan,
            term=self._chan.get_terminal_type() or "",
            size=(columns, lines),
            environment=self._chan.get_environment(),
        )
        self._worker.sessions.append(self._session)
        self._session.start()

    def data_received(self, data: bytes, datatype: Any) -> None:
        assert self._session is not None
        self._session.data_received(data)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._session is not None:
            self._session.resized(width, height)

    def pause_writing(self) -> None:
        if self._session is not None:
            self._session.paused()

    def resume_writing(self) -> None:
        if self._session is not None:
            self._session.resumed()

    def eof_received(self) -> bool:
        if self._session is not None:
            self._session.eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None:
            self._session.lost()


class _Server(asyncssh.SSHServer):
    def __init__(self, worker: SmallWorker) -> None:
        self._worker = worker
        self._connection: SmallConnection | None = None

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> _Channel:
        if self._connection is None:
            self._connection = self._worker.make()
            self._worker.connections.append(self._connection)
        return _Channel(self._worker, self._connection)


@asynccontextmanager
async def small_server(
    settings: Settings, services: Services, make: Callable[[], SmallConnection], **options: Any
) -> AsyncIterator[tuple[SmallWorker, int]]:
    """The server and its port."""
    worker = SmallWorker(settings, services, make)
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Server(worker),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        line_editor=False,
        encoding=None,
        **options,
    )
    try:
        yield worker, server.get_port()
    finally:
        server.close()
        await server.wait_closed()


class Client(asyncssh.SSHClientSession[bytes]):
    """A terminal: what came is on `screen` and in `received`."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self.screen)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.received = bytearray()
        self.closed = asyncio.Event()
        self.chan: Any = None

    def connection_made(self, chan: Any) -> None:
        self.chan = chan

    def data_received(self, data: bytes, datatype: Any) -> None:
        self.received += data
        self._stream.feed(_JOINED.sub("", self._decode(data)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    async def until(self, wanted: str | Callable[[str], bool], limit_s: float = 30.0) -> str:
        """Go on once the screen shows `wanted`."""
        seen = wanted if callable(wanted) else lambda text: wanted in text
        deadline = asyncio.get_running_loop().time() + limit_s
        while not seen(self.text):
            if asyncio.get_running_loop().time() > deadline or self.closed.is_set():
                raise NeverSeen(f"never saw {wanted!r}; the screen:\n{self.text}")
            await asyncio.sleep(0.005)
        return self.text

    def press(self, *names: str) -> None:
        for name in names:
            self.chan.write(key_bytes(name))

    async def quiet(self, seconds: float = 0.3) -> None:
        """Go on once nothing came for so long."""
        before = -1
        while before != len(self.received):
            before = len(self.received)
            await asyncio.sleep(seconds)


@asynccontextmanager
async def client(
    port: int,
    *,
    size: tuple[int, int] = (120, 40),
    term: str = "xterm-256color",
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """A connection with one terminal."""
    async with (
        asyncssh.connect("127.0.0.1", port, known_hosts=None, username="ann", config=None, **options) as connection,
        terminal(connection, size=size, term=term, environment=environment) as shown,
    ):
        yield shown


@asynccontextmanager
async def terminal(
    connection: asyncssh.SSHClientConnection,
    *,
    size: tuple[int, int] = (120, 40),
    term: str = "xterm-256color",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Client]:
    """One more terminal on a connection."""
    variables: Any = dict(environment or {"LANG": "C.UTF-8", "COLORTERM": "truecolor"})
    chan, session = await connection.create_session(lambda: Client(size), term_type=term, term_size=size, env=variables, encoding=None)
    assert isinstance(session, Client)
    try:
        yield session
    finally:
        chan.close()
        await chan.wait_closed()
