"""A slow link between a client and a server: so many bits a second, so much delay, and a queue that is watched."""

from __future__ import annotations

import asyncio
import contextlib
import socket


class Direction:
    """Bytes from one side to the other. `waiting`: bytes on their way; `most_waiting`: the most so far."""

    def __init__(self, bits_a_second: float, delay_s: float, room: int) -> None:
        self._a_second, self._delay_s, self._room = bits_a_second / 8, delay_s, room
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self.waiting = self.most_waiting = self.bytes = 0
        self._drained = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader) -> None:
        """Read from the sender, as much as the link's own small buffer has room for."""
        loop = asyncio.get_running_loop()
        while data := await reader.read(2048):
            self.waiting += len(data)
            self.most_waiting = max(self.most_waiting, self.waiting)
            self._queue.put_nowait((loop.time(), data))
            while self.waiting > self._room:
                self._drained.clear()
                await self._drained.wait()
        self._queue.put_nowait((loop.time(), b""))

    async def give(self, writer: asyncio.StreamWriter) -> None:
        """Write to the receiver: each byte takes its time on the link, and all take the delay."""
        loop, free_at = asyncio.get_running_loop(), 0.0
        while True:
            came, data = await self._queue.get()
            free_at = max(free_at, came) + len(data) / self._a_second
            await asyncio.sleep(max(0.0, free_at - loop.time()))
            self.waiting -= len(data)
            self.bytes += len(data)
            self._drained.set()
            loop.call_later(self._delay_s, _write, writer, data)
            if not data:
                return


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data and not writer.is_closing():
        writer.write(data)
    elif not data:
        writer.close()


class SlowLink:
    """Listens on loopback and leads to `port`. Use it as an asynchronous context manager.

    `delay_s` is one way. `room`: bytes that the link itself holds back before the sender has to wait, as a modem does.
    """

    def __init__(self, port: int, *, bits_a_second: float = 64_000, delay_s: float = 0.1, room: int = 4096) -> None:
        self._to, self._speed, self._delay_s, self._room = port, bits_a_second, delay_s, room
        self.down = Direction(bits_a_second, delay_s, room)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> SlowLink:
        listening = socket.create_server(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._join, sock=listening)
        self.port = listening.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = socket.socket()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else this end would hide what waits
        far.setblocking(False)
        await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._to))
        far_reader, far_writer = await asyncio.open_connection(sock=far, limit=4096)
        self.down = Direction(self._speed, self._delay_s, self._room)
        up = Direction(self._speed, self._delay_s, self._room)
        for work in (self.down.take(far_reader), self.down.give(writer), up.take(reader), up.give(far_writer)):
            task = asyncio.create_task(_quietly(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _quietly(work: object) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await work  # type: ignore[misc]
