"""GET /healthz on loopback, answered by the front desk between two connections: tiny, bounded, without asyncio.

A request is read up to its empty line, at most so many bytes of it and for at most so many seconds; whatever it is, the answer is short and
the connection is closed.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Connections at a time, bytes of a request, seconds for it.
MOST, LONGEST, PATIENCE_S = 16, 4096, 5.0
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


@dataclass
class _Asking:
    client: socket.socket
    until: float
    request: bytearray = field(default_factory=bytearray)
    answer: bytes = b""


class Health:
    """`state()`: what is answered, with "ok" telling whether all is well."""

    def __init__(self, listeners: list[socket.socket], selector: selectors.BaseSelector, state: Callable[[], dict[str, Any]]) -> None:
        self._listeners, self._selector, self._state = listeners, selector, state
        self._asking: dict[socket.socket, _Asking] = {}
        for listener in listeners:
            selector.register(listener, selectors.EVENT_READ, lambda _mask, from_=listener: self._accept(from_))

    def next_at(self) -> float | None:
        """When the next one has to be given up (monotonic seconds)."""
        return min((asking.until for asking in self._asking.values()), default=None)

    def give_up(self) -> None:
        """Close those who took too long."""
        now = time.monotonic()
        for asking in tuple(self._asking.values()):
            if asking.until <= now:
                self._close(asking)

    def close(self) -> None:
        for asking in tuple(self._asking.values()):
            self._close(asking)
        for listener in self._listeners:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(listener)
            listener.close()

    def close_copies(self) -> None:
        """In a forked process: close what is somebody else's to end."""
        for each in (*self._listeners, *self._asking):
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _address = listener.accept()
        except OSError:
            return
        if len(self._asking) >= MOST:  # whoever waits longest has had his turn
            self._close(next(iter(self._asking.values())))
        client.setblocking(False)
        asking = self._asking[client] = _Asking(client, time.monotonic() + PATIENCE_S)
        self._selector.register(client, selectors.EVENT_READ, lambda mask: self._go_on(asking, mask))

    def _go_on(self, asking: _Asking, mask: int) -> None:
        try:
            if asking.answer:
                self._write(asking)
            else:
                self._read(asking)
        except BlockingIOError:
            return
        except OSError:
            self._close(asking)

    def _read(self, asking: _Asking) -> None:
        data = asking.client.recv(LONGEST)
        asking.request += data
        ended = b"\r\n\r\n" in asking.request or b"\n\n" in asking.request
        if not data or ended or len(asking.request) > LONGEST:
            asking.answer = self._answer(bytes(asking.request[:LONGEST]) if ended else b"")
            self._selector.modify(asking.client, selectors.EVENT_WRITE, lambda mask: self._go_on(asking, mask))

    def _write(self, asking: _Asking) -> None:
        asking.answer = asking.answer[asking.client.send(asking.answer) :]
        if not asking.answer:
            with contextlib.suppress(OSError):
                asking.client.shutdown(socket.SHUT_WR)
            self._close(asking)

    def _answer(self, request: bytes) -> bytes:
        words = request.split(b"\r\n", 1)[0].split(b" ")
        body: dict[str, Any]
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            status, body = 400, {"ok": False, "error": "bad request"}
        elif words[1].partition(b"?")[0] != b"/healthz":
            status, body = 404, {"ok": False, "error": "only /healthz is here"}
        elif words[0] not in (b"GET", b"HEAD"):
            status, body = 405, {"ok": False, "error": "only GET"}
        else:
            body = self._state()
            status = 200 if body["ok"] else 503
        data = json.dumps(body).encode() + b"\n"
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if words[0] == b"HEAD" else data)

    def _close(self, asking: _Asking) -> None:
        self._asking.pop(asking.client, None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(asking.client)
        asking.client.close()
