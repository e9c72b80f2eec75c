"""A terminal for tests, benchmarks and pictures: runs a program in a real PTY, types, and reads what a person would see.

The screen is pyte's. Waiting is for something to be seen (`until`), never for a time to pass.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyte
from wcwidth import wcwidth

ROOT = Path(__file__).resolve().parents[1]
KEYS = {
    # Behind the escape key a report that the terminal has the focus, so that it and the next key are not taken for one.
    "esc": "\x1b\x1b[I",
    "enter": "\r", "tab": "\t", "shift+tab": "\x1b[Z", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "home": "\x1b[H", "end": "\x1b[F", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "space": " ", "backspace": "\x7f", "delete": "\x1b[3~",
    "f1": "\x1bOP", "f2": "\x1bOQ", "alt+enter": "\x1b\r",
}  # fmt: skip

#: What belongs to the character before it. pyte would leave out all the text behind such a one.
_JOINED = re.compile("[\u200c\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[^\x00-\x7f]?")
#: Variables that would change what the program draws, by how they begin.
INHERITED_NOT = ("TEXTUAL", "MODELTRAIN", "COLUMNS", "LINES", "LC_", "NO_COLOR")


def key_bytes(name: str) -> bytes:
    """What a terminal sends for `name`: enter, tab, f1, ctrl+p, alt+1, or the text itself."""
    if name in KEYS:
        return KEYS[name].encode()
    if name.startswith("ctrl+"):
        return bytes([ord(name[5].upper()) & 31])
    if name.startswith("alt+"):
        return b"\x1b" + name[4:].encode()
    return name.encode()


class NeverSeen(AssertionError):
    """The screen never showed what was waited for; the message holds the screen."""


class Terminal:
    """A program in a PTY. Use it as a context manager: the program and its children are gone afterwards."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        width: int = 120,
        height: int = 40,
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self.screen)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.received = bytearray()
        self._lines: list[str] = []
        self._master, slave = pty.openpty()
        # Not select(): its numbers of files end at 1024.
        self._readable = select.poll()
        self._readable.register(self._master, select.POLLIN)
        self.resize(width, height)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED_NOT)}
        clean |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=clean | dict(environment or {}),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size and tell the program."""
        self.screen.resize(height, width)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def pump(self, seconds: float, *, first: bool = False) -> bool:
        """Read for `seconds`, or until the program closes the terminal (False). `first`: only until something came."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self._readable.poll(1000 * min(left, 0.05)):
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.received += data
            self._stream.feed(_JOINED.sub("", self._decode(data)))
            if first:
                break
        return True

    @property
    def text(self) -> str:
        """The screen as lines without trailing blanks."""
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def lines(self) -> list[str]:
        """The rows of the screen. A wide character takes one place here and two cells there; half a character left over is a blank."""
        changed = self.screen.dirty
        if len(self._lines) != self.screen.lines:
            self._lines = [""] * self.screen.lines
            changed = set(range(self.screen.lines))
        for y in changed:
            if y < len(self._lines):
                self._lines[y] = self._line(y)
        self.screen.dirty.clear()
        return list(self._lines)

    def _line(self, y: int) -> str:
        out, skip = [], False
        for x in range(self.screen.columns):
            data = self.screen.buffer[y][x].data
            if not skip:
                out.append(data or " ")
            skip = not skip and bool(data) and wcwidth(data[0]) == 2
        return "".join(out)

    def until(self, wanted: str | Callable[[str], bool], *, limit_s: float = 60.0) -> str:
        """Read until the screen shows `wanted` and return the screen. Raises NeverSeen after `limit_s` seconds."""
        seen = wanted if callable(wanted) else lambda text: wanted in text
        end = time.monotonic() + limit_s
        while not seen(self.text):
            alive = self.pump(0.05, first=True)
            if seen(self.text):
                break
            if not alive or time.monotonic() > end:
                raise NeverSeen(f"never saw {wanted!r}; the screen:\n{self.text}")
        return self.text

    def until_quiet(self, quiet_s: float = 0.4, *, limit_s: float = 15.0) -> str:
        """Read until nothing came for `quiet_s` seconds: for pictures, where no text says that all is drawn."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            before = len(self.received)
            if not self.pump(quiet_s) or len(self.received) == before:
                break
        return self.text

    def write(self, data: bytes | str) -> None:
        """Send `data` as it is, reading meanwhile so that neither side waits for the other."""
        left = data.encode() if isinstance(data, str) else data
        while left:
            left = left[os.write(self._master, left[:512]) :]
            self.pump(0.01)

    def press(self, *names: str) -> None:
        """Press keys, one after another."""
        for name in names:
            self.write(key_bytes(name))
            self.pump(0.03)

    def paste(self, text: str) -> None:
        """Paste as terminals do, in brackets."""
        self.write(f"\x1b[200~{text}\x1b[201~")

    def cpu_seconds(self) -> float:
        """CPU seconds used so far by the program and its living children."""
        own = psutil.Process(self.process.pid)
        times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
        return sum(item.user + item.system for item in times)

    def wait(self, limit_s: float = 60.0) -> int:
        """The exit status, once the program has ended; what it still says is read."""
        end = time.monotonic() + limit_s
        while self.process.poll() is None and time.monotonic() < end:
            self.pump(0.05)
        return self.process.wait(max(0.1, end - time.monotonic()))

    def close(self) -> None:
        """Hang up; whatever is left after three seconds is killed."""
        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(3)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        os.close(self._master)
