"""A worker's end of the line to the front desk (tui/ssh/handover.py), in its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from tui.ssh import handover

log = logging.getLogger(__name__)
#: Messages of the log that wait at most; further ones are lost, and counted.
_LOG_WAITING = 2000


class Desk(Protocol):
    """What a worker tells the front desk about a connection, by its number."""

    def signed_in(self, number: int) -> None: ...

    def closed(self, number: int) -> None: ...


class DeskLink:
    """`taken(socket, number)`: a connection came; `told(word, message)`: something else was said; "gone": the front desk is no more."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._gone = False

    def listen(self, taken: Callable[[socket.socket, int], None], told: Callable[[str, dict[str, Any]], None]) -> None:
        """Begin to read, in the running loop."""
        self._taken, self._told = taken, told
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._line.fileno(), self._readable)
        self._flush()

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._line.fileno())
            self._loop.remove_writer(self._line.fileno())
            self._loop = None
        self._line.close()
        self._gone = True

    # What is said

    def signed_in(self, number: int) -> None:
        self.say({"is": "signed_in", "number": number})

    def closed(self, number: int) -> None:
        self.say({"is": "closed", "number": number})

    def say(self, message: dict[str, Any]) -> None:
        """Send `message` as soon as the line takes it; in their order."""
        if self._gone:
            return
        self._waiting.append(message)
        self._flush()

    def log(self, message: dict[str, Any]) -> bool:
        """As `say`, from whatever thread, for what may be lost where far too much of it waits. False if the front desk is gone."""
        if self._gone:
            return False
        if len(self._waiting) > _LOG_WAITING:
            self._lost += 1
            return True
        if self._lost:
            message, self._lost = message | {"lost": self._lost}, 0
        loop = self._loop
        if loop is None:
            self.say(message)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: this is the very end
                loop.call_soon_threadsafe(self.say, message)
        return True

    def flush(self) -> None:
        """Send what waits, for the end of the process; waits a few seconds at most."""
        if self._gone:
            return
        self._line.settimeout(3)
        with contextlib.suppress(OSError):
            while self._waiting:
                handover.send(self._line, self._waiting[0])
                self._waiting.popleft()

    def _flush(self) -> None:
        while self._waiting:
            try:
                handover.send(self._line, self._waiting[0])
            except BlockingIOError:
                if self._loop is not None:
                    self._loop.add_writer(self._line.fileno(), self._flush)
                return
            except OSError:
                self._waiting.clear()  # nobody hears it; the reader notices that, too
                break
            self._waiting.popleft()
        if self._loop is not None:
            self._loop.remove_writer(self._line.fileno())

    # What is heard

    def _readable(self) -> None:
        while True:
            try:
                message, descriptors = handover.receive(self._line)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._gone = True
                assert self._loop is not None
                self._loop.remove_reader(self._line.fileno())
                self._told("gone", {})
                return
            if message["do"] != "serve":
                self._told(str(message["do"]), message)
            elif descriptors:
                self._taken(socket.socket(fileno=descriptors[0]), int(message["number"]))
            else:  # this process has as many files open as it may: the connection is lost on its way, and only that
                log.error("a connection could not be taken: too many open files")
                self.closed(int(message["number"]))
