"""Textual's driver on one SSH channel: no threads, no signals, nothing of the server's own terminal, screen, browser or disk.

Keys are read in slices, with turns for everybody else in between: ten megabytes from one person hold nobody up.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, TextIO

from textual import constants, events, messages
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from core.sanitise import one_line
from tui.i18n import _
from tui.terminal_input import InputParser

if TYPE_CHECKING:
    from tui.app import ModeltrainApp

#: The main screen is kept aside; mouse reports for buttons and dragging (1002), not for every motion; pastes in brackets; reports of
#: the focus; no wrapping at the last column, no cursor.
_BEGIN = "\x1b[?1049h\x1b[?1000h\x1b[?1002h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[?7l\x1b[?25l"
#: Whether a frame can be shown all at once.
_ASK_SYNCHRONIZED = "\x1b[?2026$p"
#: What was drawn is erased first: terminals with one screen only (the Linux console, vt100) would keep it under the shell's next lines.
_END = "\x1b[m\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?7h\x1b[H\x1b[J\x1b[?1049l\x1b[?25h"
#: The largest and the smallest terminal, columns and lines: what a client says may be anything.
SMALLEST, LARGEST = (1, 1), (500, 200)
USUAL = (80, 24)
#: Bytes read in one turn, and waiting bytes from which on (and below which) the client is not heard.
_SLICE, _FULL, _ROOM = 4096, 65536, 16384
#: Events that may wait for the application before more input is read.
_BUSY = 256
#: Seconds until the input is looked at again while the application is busy.
_LATER = 0.01
#: Seconds without another change of the size until it is believed.
_SETTLED = 0.05


def clamped(columns: int, lines: int) -> tuple[int, int]:
    """A size that can be drawn for what the client says: 0 is "unknown", and some say 2**32-1."""
    sides = []
    for side, usual, least, most in zip((columns, lines), USUAL, SMALLEST, LARGEST, strict=True):
        sides.append(usual if side <= 0 or side > 0x7FFFFFFF else max(least, min(most, side)))
    return sides[0], sides[1]


class Wire(Protocol):
    """What the driver needs of the channel."""

    def send(self, data: bytes) -> None: ...

    def listen(self, listening: bool) -> None:
        """Whether the client is heard."""


class SshDriver(Driver):
    """`wire`: the channel; `size`: its columns and lines, clamped already."""

    def __init__(self, app: ModeltrainApp, *, wire: Wire, size: tuple[int, int], debug: bool = False, mouse: bool = True) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._modeltrain = app
        self._wire = wire
        self._parser = InputParser()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._out: list[str] = []
        self._in: deque[bytes] = deque()
        self._waiting = 0
        self._heard = True
        self._closed = False
        self._flushing: asyncio.Handle | None = None
        self._reading: asyncio.Handle | None = None
        self._escape: asyncio.TimerHandle | None = None
        self._resizing: asyncio.TimerHandle | None = None

    # Output ----------------------------------------------------------------------------------------------------------

    def write(self, data: str) -> None:
        self._out.append(data)
        if self._flushing is None:
            self._flushing = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._out:
            data = "".join(self._out).encode("utf-8", "replace")
            self._out.clear()
            self._wire.send(data)

    # Input -----------------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Bytes came from the client."""
        if self._closed or not data:
            return
        self._in.append(data)
        self._waiting += len(data)
        if self._waiting > _FULL and self._heard:
            self._heard = False
            self._wire.listen(False)
        if self._reading is None:
            self._read()

    def _read(self) -> None:
        """Read one slice, and come back for the next one when the others had their turn."""
        self._reading = None
        if self._closed:
            return
        if self._modeltrain.input_waiting > _BUSY:
            self._reading = self._loop.call_later(_LATER, self._read)
            return
        data = self._in.popleft()
        if len(data) > _SLICE:
            self._in.appendleft(data[_SLICE:])
            data = data[:_SLICE]
        self._waiting -= len(data)
        self._parse(self._decode(data))
        if self._in:
            self._reading = self._loop.call_soon(self._read)
        if not self._heard and self._waiting < _ROOM:
            self._heard = True
            self._wire.listen(True)

    def _parse(self, text: str) -> None:
        # "" is half a character so far; the parser would take it for the end of the input.
        if text:
            for message in self._parser.feed(text):
                self.process_message(message)
        if self._escape is not None:
            self._escape.cancel()
            self._escape = None
        if self._parser._timeout_time is not None:
            # The escape key, or the beginning of what another key sends.
            self._escape = self._loop.call_later(constants.ESCAPE_DELAY + 0.005, self._look_at_escape)

    def _look_at_escape(self) -> None:
        self._escape = None
        if self._closed:
            return
        for message in self._parser.tick():
            self.process_message(message)

    def process_message(self, message: Message) -> None:
        if not isinstance(message, messages.InBandWindowResize):  # the channel says how large the terminal is
            super().process_message(message)

    def send_message(self, message: Message) -> None:
        self._app.post_message(message)  # the same thread

    def resize(self, size: tuple[int, int]) -> None:
        """The terminal has another size. Of a storm of sizes only the last one is drawn."""
        if self._closed:
            return
        self._size = size
        if self._resizing is not None:
            self._resizing.cancel()
        self._resizing = self._loop.call_later(_SETTLED, self._tell_size)

    def _tell_size(self) -> None:
        self._resizing = None
        if self._size is not None:
            size = Size(*self._size)
            self._app.post_message(events.Resize(size, size))

    # Life ------------------------------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        self.write(_BEGIN + _ASK_SYNCHRONIZED)
        self.flush()

    def disable_input(self) -> None:
        self._closed = True
        self._in.clear()
        for handle in (self._escape, self._reading, self._resizing):
            if handle is not None:
                handle.cancel()
        self._escape = self._reading = self._resizing = None

    def stop_application_mode(self) -> None:
        self.disable_input()
        self.write(_END)
        self.flush()

    def close(self) -> None:
        self.flush()

    # What must never happen on the server ----------------------------------------------------------------------------

    def open_url(self, url: str, new_tab: bool = True) -> None:
        self._app.notify(one_line(url, 500), title=_("Open this address in your own browser"), markup=False)

    def deliver_binary(
        self,
        binary: BinaryIO | TextIO,
        *,
        delivery_key: str,
        save_path: Path,
        open_method: Literal["browser", "download"] = "download",
        encoding: str | None = None,
        mime_type: str | None = None,
        name: str | None = None,
    ) -> None:
        binary.close()
        self._app.post_message(events.DeliveryFailed(key=delivery_key, exception=PermissionError(), name=name))
