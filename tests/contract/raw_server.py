"""A server that plays exact bytes: for framing that no honest server would send, and for cutting where it hurts."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Play:
    """What one connection gets, piece by piece, each in a packet of its own; then the connection is closed.

    `reset`: end with a TCP reset; `stall`: keep the connection open and say nothing more.
    """

    pieces: tuple[bytes, ...]
    reset: bool = False
    stall: bool = False


@dataclass
class Asked:
    """A request as it came. Header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def head(status: str = "200 OK", content_type: str = "text/event-stream", **headers: str) -> bytes:
    """The head of a response whose body ends with the connection."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def play(body: bytes | Sequence[bytes], *, reset: bool = False, stall: bool = False, **how: str) -> Play:
    """A response with that body, whole or in pieces."""
    pieces = (body,) if isinstance(body, bytes) else tuple(body)
    return Play((head(**how), *pieces), reset=reset, stall=stall)


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


class RawServer:
    """Plays one `Play` a connection, the last one again and again; keeps what it was asked."""

    def __init__(self, *plays: Play) -> None:
        self.plays = list(plays)
        self.asked: list[Asked] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            self.asked.append(await _request(reader))
            turn = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
            for piece in turn.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # a packet of its own
            if turn.stall:
                await asyncio.Event().wait()
            if turn.reset:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Asked:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)
