"""A slow line between two sockets: so many bytes a second each way, each byte so late. It holds little, as a modem does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_MOST_HELD = 2048


class SlowLine:
    """`bytes_s`: bytes a second; `delay_s`: seconds from one end to the other. `stopped`: nothing more is read from the server."""

    def __init__(self, port: int, *, bytes_s: float, delay_s: float) -> None:
        self._port, self.bytes_s, self.delay_s = port, bytes_s, delay_s
        self.stopped = False
        self.carried = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []

    async def serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _address = await loop.sock_accept(listening)
            far = socket.socket()
            # Before connecting: then the server cannot send ahead into a large buffer.
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _MOST_HELD)
            for end in (near, far):
                end.setblocking(False)
                self._sockets.append(end)
            await loop.sock_connect(far, ("127.0.0.1", self._port))
            for source, target, down in ((near, far, False), (far, near, True)):
                task = asyncio.create_task(self._carry(source, target, down=down), name="slow line")
                self._tasks.add(task)

    async def _carry(self, source: socket.socket, target: socket.socket, *, down: bool) -> None:
        loop = asyncio.get_running_loop()
        under_way: deque[tuple[float, bytes]] = deque()
        arriving = asyncio.create_task(self._arrive(under_way, target), name="slow line")
        self._tasks.add(arriving)
        free_at = 0.0
        while True:
            while self.stopped and down:  # noqa: ASYNC110 - a test sets it
                await asyncio.sleep(0.05)
            try:
                data = await loop.sock_recv(source, 256)
            except OSError:
                data = b""
            if not data:
                with contextlib.suppress(OSError):
                    target.shutdown(socket.SHUT_RDWR)
                break
            now = loop.time()
            free_at = max(free_at, now) + len(data) / self.bytes_s
            under_way.append((free_at + self.delay_s, data))
            if down:
                self.carried += len(data)
            await asyncio.sleep(free_at - now)

    async def _arrive(self, under_way: deque[tuple[float, bytes]], target: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not under_way:
                await asyncio.sleep(0.005)
                continue
            at, data = under_way[0]
            await asyncio.sleep(max(0.0, at - loop.time()))
            under_way.popleft()
            with contextlib.suppress(OSError):
                await loop.sock_sendall(target, data)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in self._sockets:
            end.close()


@asynccontextmanager
async def slow_line(port: int, *, bytes_s: float, delay_s: float) -> AsyncIterator[tuple[SlowLine, int]]:
    """A slow line to `port`, and the port of its near end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.setblocking(False)
    line = SlowLine(port, bytes_s=bytes_s, delay_s=delay_s)
    serving = asyncio.create_task(line.serve(listening), name="slow line")
    try:
        yield line, listening.getsockname()[1]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await line.close()
        listening.close()
