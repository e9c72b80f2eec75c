"""One person with a terminal: a real SSH client that types, reads, and notes when what came."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator

import asyncssh
from asyncssh.connection import SSHClientConnection

WIDTH, HEIGHT = 120, 40
#: Letters that nothing else on the screen has: an answer in English streams beside them.
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
#: Keys typed before the line is emptied again.
LINE = 24
#: Questions in one conversation.
QUESTIONS = 5


class CountingConnection(SSHClientConnection):
    """Counts the bytes that come over the wire, encrypted and maybe compressed."""

    wire_bytes = 0

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self.wire_bytes += len(data)
        super().data_received(data, datatype)


def count_wire_bytes() -> None:
    """Make every client connection of this process a counting one."""
    asyncssh.connection.SSHClientConnection = CountingConnection  # type: ignore[misc]


class Screen(asyncssh.SSHClientSession[bytes]):
    """What comes on the channel: how much, the last of it, and who waits for something in it."""

    KEPT = 65536

    def __init__(self) -> None:
        self.bytes = 0
        self.recent = b""
        self.closed = asyncio.Event()
        self._waiting: list[tuple[bytes, asyncio.Future[float]]] = []

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.bytes += len(data)
        now = time.perf_counter()
        seen = self.recent[-64:] + data
        self.recent = (self.recent + data)[-self.KEPT :]
        for wanted, future in self._waiting:
            if not future.done() and wanted in seen:
                future.set_result(now)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        for _wanted, future in self._waiting:
            if not future.done():
                future.set_exception(ConnectionError("the session was dropped"))

    async def until(self, wanted: bytes, limit_s: float = 60.0) -> float:
        """The moment (perf_counter) at which `wanted` came, from now on. Raises TimeoutError, ConnectionError."""
        entry = (wanted, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(limit_s):
                return await entry[1]
        finally:
            self._waiting.remove(entry)


class Client:
    """`key_ms`: from each key to its letter on the screen. `key_bytes`: what came meanwhile, while nothing streams."""

    def __init__(
        self, port: int, nickname: str, key_file: str, *, compressed: bool = False, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> None:
        self.port, self.nickname, self.key_file, self.compressed, self.size = port, nickname, key_file, compressed, size
        self.first_frame_s = 0.0
        self.first_frame_bytes = 0
        #: Bytes on the wire until one was signed in: key exchange and sign-in.
        self.signed_in_wire = 0
        self._asked = 0
        self.key_ms: list[float] = []
        self.key_bytes: list[int] = []
        self._letters: Iterator[str] = itertools.cycle(LETTERS)

    async def connect(self) -> None:
        """Connect, sign in by key, and wait for the first full frame."""
        began = time.perf_counter()
        self.connection = await asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=self.nickname,
            client_keys=[self.key_file],
            known_hosts=None,
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            compression_algs=["zlib@openssh.com"] if self.compressed else ["none"],
            connect_timeout=120,
            login_timeout=120,
        )
        self.signed_in_wire = self.wire_bytes
        self.channel, self.screen = await self.connection.create_session(
            Screen, term_type="xterm-256color", term_size=self.size, encoding=None, env={"LANG": "C.UTF-8", "COLORTERM": ""}
        )
        seen = await self.screen.until(b"F1", 120)  # the key line, the last of a frame
        self.first_frame_s = seen - began
        self.first_frame_bytes = self.screen.bytes

    @property
    def wire_bytes(self) -> int:
        return int(getattr(self.connection, "wire_bytes", 0))

    async def open_chat(self) -> None:
        """Go to the chat and wait until one can write."""
        self.channel.write(b"\x1b1")
        letter = next(self._letters)
        await asyncio.sleep(1.0)
        async with asyncio.timeout(60):
            while True:  # the composer takes a moment to have the focus
                self.channel.write(letter.encode())
                with contextlib.suppress(TimeoutError):
                    await self.screen.until(letter.encode(), 2.0)
                    break
        await self.empty_line()

    async def empty_line(self) -> None:
        self.channel.write(b"\x15")
        await asyncio.sleep(0.2)

    async def ask(self, question: str) -> None:
        """Ask, after every few questions in a new conversation, as people do: one that goes on takes ever more memory and time."""
        self._asked += 1
        if self._asked % QUESTIONS == 0:
            self.channel.write(b"\x0e")
            await asyncio.sleep(0.5)
        self.channel.write(question.encode())
        await asyncio.sleep(0.3)
        self.channel.write(b"\r")

    async def type_for(self, seconds: float, pause_s: float) -> None:
        """Press a key every `pause_s` and time each until it shows."""
        end, typed = time.perf_counter() + seconds, 0
        while time.perf_counter() < end and not self.screen.closed.is_set():
            letter = next(self._letters).encode()
            before, began = self.screen.bytes, time.perf_counter()
            self.channel.write(letter)
            self.key_ms.append((await self.screen.until(letter) - began) * 1000)
            self.key_bytes.append(self.screen.bytes - before)
            typed += 1
            if typed % LINE == 0:
                await self.empty_line()
            await asyncio.sleep(max(0.0, pause_s - (time.perf_counter() - began)))

    async def leave(self) -> None:
        """Leave the application as a person does, then the connection."""
        self.channel.write(b"\x11")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await self.screen.closed.wait()
        self.connection.close()
        await self.connection.wait_closed()
