"""Between an SSH channel and the descriptors of a command, one piece at a time in each direction: who is slow makes the other wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

#: Bytes that are read at a time.
_PIECE = 32 * 1024
#: Bytes from the client that may wait for the command, before the client has to.
_WAITING = 128 * 1024
#: Seconds until a connection that was full is looked at again.
_AGAIN_S = 0.05
#: Ctrl+D, which a terminal takes for the end of what is typed.
_END_OF_TYPING = b"\x04"


class Patience:
    """Calls `lost` once a client has taken nothing for `limit_s` seconds although something waits for it."""

    def __init__(self, limit_s: float, lost: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, waiting: bool) -> None:
        """Whether something waits. Each time it begins to, the time begins anew."""
        if self._timer is not None and not waiting:
            self._timer.cancel()
            self._timer = None
        elif self._timer is None and waiting:
            self._timer = self._loop.call_later(self._limit_s, self._lost)


class Inlet:
    """From the client to a descriptor of the command's standard input. `wait` and `go_on` hold the client back."""

    def __init__(self, descriptor: int, wait: Callable[[], None], go_on: Callable[[], None], *, terminal: bool = False) -> None:
        self._descriptor = descriptor
        self._wait = wait
        self._go_on = go_on
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._writing = self._held = self._finished = self._closed = False
        os.set_blocking(descriptor, False)

    def feed(self, data: bytes) -> None:
        """More from the client. What nobody reads any more is dropped."""
        if self._closed or self._finished:
            return
        self._waiting += data
        self._write()

    def finish(self) -> None:
        """Nothing more comes; the command sees the end once it has read everything."""
        if self._finished or self._closed:
            return
        if self._terminal:
            # In the middle of a line the first one ends the line only.
            self._waiting += _END_OF_TYPING * 2
        self._finished = True
        self._write()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        self._listen(False)
        os.close(self._descriptor)
        self._hold(False)

    def _write(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._descriptor, self._waiting[:_PIECE])]
        except BlockingIOError:
            pass
        except OSError:  # it reads no more, or it is gone
            self._lose()
            return
        self._listen(bool(self._waiting))
        self._hold(len(self._waiting) > _WAITING)
        if self._finished and not self._waiting and not self._terminal:
            self.close()

    def _lose(self) -> None:
        """A terminal is written to and read from through one descriptor: its other side decides about the end."""
        if not self._terminal:
            self.close()
            return
        self._waiting.clear()
        self._listen(False)
        self._hold(False)

    def _listen(self, writing: bool) -> None:
        if writing and not self._writing:
            self._loop.add_writer(self._descriptor, self._write)
        elif self._writing and not writing:
            self._loop.remove_writer(self._descriptor)
        self._writing = writing

    def _hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            (self._wait if held else self._go_on)()


class Outlet:
    """From a descriptor of the command's output to the client, through `deliver`, while the client takes it.

    `crowded`: whether so much waits on the connection already that nothing should be added. `ended` is done at the end of the output.
    """

    def __init__(self, descriptor: int, deliver: Callable[[bytes], None], crowded: Callable[[], bool]) -> None:
        self._descriptor = descriptor
        self._deliver: Callable[[bytes], None] | None = deliver
        self._crowded = crowded
        self._loop = asyncio.get_running_loop()
        self._reading = self._held = False
        self._again: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._listen()

    def hold(self, held: bool) -> None:
        """Whether the client does not take more for now. The command then waits for it, once its pipe is full."""
        self._held = held
        self._listen()

    def discard(self) -> None:
        """Nobody is there any more: read on, so that the command comes to its end, and forget it."""
        self._deliver = None
        self._listen()

    def close(self) -> None:
        if self.ended.done():
            return
        self.ended.set_result(None)
        self._listen()
        os.close(self._descriptor)

    def _listen(self) -> None:
        """Read exactly while there is somebody to read for."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        wanted = not self.ended.done() and (self._deliver is None or not self._held)
        if wanted and self._deliver is not None and self._crowded():
            self._again, wanted = self._loop.call_later(_AGAIN_S, self._listen), False
        if wanted and not self._reading:
            self._loop.add_reader(self._descriptor, self._read)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._descriptor)
        self._reading = wanted

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # a terminal whose other side is closed
            data = b""
        if not data:
            self.close()
            return
        if self._deliver is not None:
            with contextlib.suppress(OSError):  # the channel has been closed: its end is told in another way
                self._deliver(data)
            self._listen()
