"""Connections that are not let in: each is told why in one line, as the SSH protocol allows before anything else, and closed."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque

TOO_MANY = b"Too many connections, try again in a minute\r\n"
#: So many are waited for at a time, for so many seconds, until they have read it: closing at once would take the line back.
_MOST, _PATIENCE_S = 64, 2.0


class TurnedAway:
    """Belongs to the loop of the front desk."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._waiting: deque[tuple[float, socket.socket]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def tell(self, client: socket.socket) -> None:
        """Say it and close, without waiting for anybody."""
        client.setblocking(False)
        try:
            client.send(TOO_MANY)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            client.close()
            return
        if len(self._waiting) >= _MOST:
            self._close(self._waiting.popleft()[1])
        self._waiting.append((time.monotonic() + _PATIENCE_S, client))
        self._selector.register(client, selectors.EVENT_READ, lambda _mask: self._read(client))

    def next_at(self) -> float | None:
        """When the next one is closed (monotonic seconds)."""
        return self._waiting[0][0] if self._waiting else None

    def give_up(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._close(self._waiting.popleft()[1])

    def close(self) -> None:
        while self._waiting:
            self._close(self._waiting.popleft()[1])

    def close_copies(self) -> None:
        """In a forked process: close what is somebody else's to end."""
        for _until, client in self._waiting:
            client.close()

    def _read(self, client: socket.socket) -> None:
        try:
            if client.recv(4096):
                return  # what it says of itself is not looked at
        except BlockingIOError:
            return
        except OSError:
            pass
        self._waiting = deque(entry for entry in self._waiting if entry[1] is not client)
        self._close(client)

    def _close(self, client: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()
