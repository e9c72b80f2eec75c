"""Connections of the simulator: one request at a time, answers whole or in chunks, time-outs, and the client's leaving.

Built on asyncio's protocols rather than on its streams: `connection_lost` tells at once that a client has left, and a short
request costs some tens of microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus

from core.llm.simulator.parser import BadMessage, Request, RequestParser

log = logging.getLogger(__name__)

SERVER = "modeltrain-simulator"

#: Seconds a client may take to send a request once begun, to stay idle between requests, and to take note of a refusal.
REQUEST_S = 20.0
IDLE_S = 75.0
LINGER_S = 5.0
#: Bytes of later requests that are kept while one is answered.
PIPELINE_LIMIT = 256 * 1024
#: Bytes that wait for a slow reader before the answer pauses.
WRITE_HIGH = 256 * 1024

Handler = Callable[[Request, "Response"], Awaitable[None]]
Refuser = Callable[[BadMessage], tuple[bytes, str]]


def _status_line(status: int, phrase: str) -> bytes:
    return f"HTTP/1.1 {status} {phrase}\r\nServer: {SERVER}\r\n".encode()


_STATUS_LINES: dict[int, bytes] = {status.value: _status_line(status.value, status.phrase) for status in HTTPStatus}
#: Not in any RFC; Anthropic says it when it is overloaded.
_STATUS_LINES[529] = _status_line(529, "Overloaded")


class Response:
    """The answer to one request: `send` a whole one, or `begin`, `write`..., `end` a streamed one."""

    __slots__ = ("_chunked", "_connection", "_head", "begun", "ended", "keep_alive")

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self._chunked = request.chunked_answer
        self._head = b""
        self.keep_alive = request.keep_alive
        self.begun = False
        self.ended = False

    @property
    def connection(self) -> int:
        """The number of the connection that it goes out on."""
        return self._connection.number

    def send(self, status: int, body: bytes, content_type: str = "application/json", headers: Iterable[tuple[str, str]] = ()) -> None:
        """One whole answer with its length."""
        self._connection.write(self._make_head(status, content_type, headers, f"Content-Length: {len(body)}\r\n") + body)
        self.begun = self.ended = True

    def promise(self, status: int, length: int, content_type: str = "application/json") -> None:
        """The head of an answer of `length` bytes; what is written after it goes out as it is."""
        self._chunked = False
        self._head = self._make_head(status, content_type, (), f"Content-Length: {length}\r\n")
        self.begun = True

    def begin(self, status: int, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """The head of a streamed answer. It leaves with the first `write`, `end` or `flush`."""
        if not self._chunked:
            self.keep_alive = False
        coding = "Transfer-Encoding: chunked\r\n" if self._chunked else ""
        self._head = self._make_head(status, content_type, headers, f"Cache-Control: no-cache\r\n{coding}")
        self.begun = True

    def _make_head(self, status: int, content_type: str, headers: Iterable[tuple[str, str]], framing: str) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        closing = "" if self.keep_alive else "Connection: close\r\n"
        return _STATUS_LINES[status] + f"Content-Type: {content_type}\r\n{lines}{framing}{closing}\r\n".encode("latin-1")

    def write(self, data: bytes) -> None:
        """One piece of the streamed answer, as one chunk."""
        head, self._head = self._head, b""
        self._connection.write(head + (b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data))

    def end(self, data: bytes = b"") -> None:
        """The last piece, and the proper end of the answer."""
        head, self._head = self._head, b""
        if self._chunked:
            data = (b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)) if data else b"0\r\n\r\n"
        self._connection.write(head + data)
        self.ended = True

    async def drain(self) -> None:
        """Wait until a slow reader has caught up."""
        await self._connection.drain()

    def cut(self) -> None:
        """End the connection without ending the answer: what was written still arrives, then nothing."""
        if self._head:
            self.write(b"")
        self.keep_alive = False
        self._connection.close()

    def reset(self) -> None:
        """End the connection by a reset, which may also lose what was written."""
        self.keep_alive = False
        self._connection.reset()


class Connection(asyncio.Protocol):
    """One client. The handler's task is cancelled as soon as the client has left."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        #: Tells connections apart, in the order in which they were made.
        self.number = server.next_number()
        self._parser = RequestParser(body_limit=server.body_limit)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False
        self._lingering = False
        #: When the client has had enough time, on the server's clock; infinite while an answer is being made.
        self.deadline = float("inf")

    # -- what asyncio calls --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self.deadline = self._server.monotonic() + IDLE_S
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        began = self._parser.in_request
        self._parser.feed(data)
        if self._task is not None:
            if self._parser.pending > PIPELINE_LIMIT and self._transport is not None:
                self._transport.pause_reading()
            return
        if not began:
            self.deadline = self._server.monotonic() + REQUEST_S
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.left(self)
        if self._writable is not None and not self._writable.done():
            self._writable.cancel()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # -- requests --

    def _advance(self) -> None:
        try:
            request = self._parser.next_request()
        except BadMessage as problem:
            self.refuse(problem)
            return
        if request is None:
            if self._parser.take_expects_continue():
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self.deadline = float("inf")
        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        response = Response(self, request)
        try:
            await self._server.handler(request, response)
        except asyncio.CancelledError:
            return  # the client has left or the server stops; both have closed the connection
        except Exception:
            log.exception("the simulator failed at %s", request.path)
            self.close()
        finally:
            self._task = None
        if self._transport is None or self._transport.is_closing():
            return
        if not response.ended or not response.keep_alive:
            self.close()
            return
        self._transport.resume_reading()
        self.deadline = self._server.monotonic() + (REQUEST_S if self._parser.in_request else IDLE_S)
        if self._parser.in_request:
            self._advance()

    def refuse(self, problem: BadMessage) -> None:
        """Answer something that is not a proper request, then end the connection once the client has read it."""
        body, content_type = self._server.refuser(problem)
        head = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        self.write(_STATUS_LINES[problem.status] + head + body)
        # Closing while the client still sends would reset the connection, and the refusal might never be read.
        self._lingering = True
        self.deadline = self._server.monotonic() + LINGER_S
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def time_out(self) -> None:
        """The client has had its time."""
        if self._parser.in_request and not self._lingering:
            self.refuse(BadMessage(408, "The request did not come in time.", self._parser.path))
        else:
            self.close()

    # -- writing --

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        if self._paused:
            self._writable = asyncio.get_running_loop().create_future()
            await self._writable

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is None:
            return
        handle = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def abort(self) -> None:
        """End at once, without sending what is still waiting."""
        if self._transport is not None:
            self._transport.abort()

    async def stop(self) -> None:
        """End at once, whatever is being answered."""
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.abort()


class HttpServer:
    """The open connections of one listening socket, and the clock that ends slow ones."""

    def __init__(self, handler: Handler, refuser: Refuser, monotonic: Callable[[], float], *, body_limit: int) -> None:
        self.handler = handler
        self.refuser = refuser
        self.monotonic = monotonic
        self.body_limit = body_limit
        self._connections: set[Connection] = set()
        self._made = 0
        self._listener: asyncio.Server | None = None
        self._stopping = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event = asyncio.Event()

    def next_number(self) -> int:
        """For a new connection, from 1."""
        self._made += 1
        return self._made

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address that was bound. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._stopping = False
        self._listener = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        name = self._listener.sockets[0].getsockname()
        return name[0], name[1]

    async def stop(self) -> None:
        """Stop listening and end every connection; returns when all are closed."""
        self._stopping = True
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._connections:
            self._empty.clear()
            await asyncio.gather(*(connection.stop() for connection in tuple(self._connections)))
            await self._empty.wait()
        if listener is not None:
            await listener.wait_closed()

    def joined(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._stopping:  # accepted at the last moment
            connection.abort()
            return
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(1.0, self._sweep_again)

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _sweep_again(self) -> None:
        self._sweeper = None
        self.sweep()
        if self._connections:  # nothing ticks while nobody is connected
            self._sweeper = asyncio.get_running_loop().call_later(1.0, self._sweep_again)

    def sweep(self) -> None:
        """End the connections whose time is over."""
        now = self.monotonic()
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.time_out()
