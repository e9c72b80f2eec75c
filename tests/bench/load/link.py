"""A slow link between a client and a server: so many bits a second, so much delay, and a queue that is watched."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Bytes read at once: a packet of a modem.
_PACKET = 512


class Direction:
    """Bytes from one side to the other. `waiting`: bytes that are not on the line yet; `bytes`: those that were."""

    def __init__(self, source: socket.socket, target: socket.socket, bytes_a_second: float, delay_s: float, room: int) -> None:
        self._source, self._target = source, target
        self._a_second, self._delay_s, self._room = bytes_a_second, delay_s, room
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._sent = asyncio.Event()
        self.waiting = self.bytes = 0

    def begin(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(_quietly(work)) for work in (self._take(), self._carry(), self._deliver())]

    async def _take(self) -> None:
        """Read from the sender, as much as the link's own buffer has room for."""
        loop, data = asyncio.get_running_loop(), b"-"
        while data:
            data = await loop.sock_recv(self._source, _PACKET)
            self.waiting += len(data)
            self._queue.put_nowait(data)
            while self.waiting > self._room:
                self._sent.clear()
                await self._sent.wait()

    async def _carry(self) -> None:
        """Each byte takes its time on the line."""
        loop, free_at, data = asyncio.get_running_loop(), 0.0, b"-"
        while data:
            data = await self._queue.get()
            free_at = max(free_at, loop.time()) + len(data) / self._a_second
            await asyncio.sleep(max(0.0, free_at - loop.time()))
            self.waiting -= len(data)
            self.bytes += len(data)
            self._sent.set()
            self._under_way.put_nowait((free_at + self._delay_s, data))

    async def _deliver(self) -> None:
        """All bytes take the delay."""
        loop, data = asyncio.get_running_loop(), b"-"
        while data:
            at, data = await self._under_way.get()
            await asyncio.sleep(max(0.0, at - loop.time()))
            await loop.sock_sendall(self._target, data)
        self._target.shutdown(socket.SHUT_WR)


class SlowLink:
    """What `slow_link` gives: clients connect to `port`; `down` is the way from the server to the last of them."""

    def __init__(self, port: int, down: Direction | None = None) -> None:
        self.port, self._down = port, down
        #: The link's own port at the server: in /proc/net/tcp it tells the connection.
        self.far_port = 0

    @property
    def down(self) -> Direction:
        assert self._down is not None, "nobody has connected"
        return self._down

    @down.setter
    def down(self, down: Direction) -> None:
        self._down = down


@asynccontextmanager
async def slow_link(port: int, *, bits_a_second: float = 64_000, delay_s: float = 0.1, room: int) -> AsyncIterator[SlowLink]:
    """Listens on loopback and leads to `port`.

    `delay_s` is one way. `room`: bytes that the link itself holds before the sender has to wait: modems hold a few KB, or far too much.
    """
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        listening.setblocking(False)
        link = SlowLink(listening.getsockname()[1])

        async def join() -> None:
            while True:
                near = sockets.enter_context((await loop.sock_accept(listening))[0])
                far = sockets.enter_context(socket.socket())
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else this end would hide what waits
                near.setblocking(False)
                far.setblocking(False)
                await loop.sock_connect(far, ("127.0.0.1", port))
                link.far_port = far.getsockname()[1]
                link.down = Direction(far, near, bits_a_second / 8, delay_s, room)
                tasks.extend(link.down.begin() + Direction(near, far, bits_a_second / 8, delay_s, room).begin())

        tasks.append(asyncio.create_task(join()))
        try:
            yield link
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(work: object) -> None:
    with contextlib.suppress(OSError):
        await work  # type: ignore[misc]
