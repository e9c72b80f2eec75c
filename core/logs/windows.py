"""Going through a file for bytes: in windows of a MiB that are read anew, so that memory stays small, and with libc's memmem, which is
twice as fast as bytes.find and lets the other threads of the program run meanwhile."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from core.logs.opened import Opened

SIZE = 1 << 20


def _find_memmem() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None).memmem
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return function


_memmem = _find_memmem()


class Window:
    """A part of the file: the bytes from `base` on, `length` of them. `fold`: capitals are found by small letters."""

    def __init__(self, *, fold: bool, overlap: int) -> None:
        import numpy as np

        self.bytes = bytearray(SIZE + overlap)
        self.base = self.length = 0
        self._fold = fold
        self._searched = bytearray(len(self.bytes)) if fold else self.bytes
        self._from, self._to = np.frombuffer(self.bytes, np.uint8), np.frombuffer(self._searched, np.uint8)
        self._address = ctypes.addressof((ctypes.c_char * len(self._searched)).from_buffer(self._searched))

    def fill(self, opened: Opened, start: int, end: int) -> None:
        """Read `start`..`end`, at most SIZE and the overlap."""
        import numpy as np

        self.base = start
        self.length = opened.read_into(memoryview(self.bytes)[: min(end - start, len(self.bytes))], start)
        if self._fold:
            np.bitwise_or(self._from[: self.length], 0x20, out=self._to[: self.length])

    def find(self, needle: Needle, start: int) -> int:
        """The place of `needle` in the window from `start` on, -1 if it is not there."""
        while (found := self._find(needle.folded, start)) >= 0:
            if needle.is_at(self.bytes, found):
                return found
            start = found + 1
        return -1

    def _find(self, wanted: bytes, start: int) -> int:
        if _memmem is None:
            return self._searched.find(wanted, start, self.length)
        if start >= self.length:
            return -1
        place = _memmem(self._address + start, self.length - start, wanted, len(wanted))
        return place - self._address if place else -1


class Needle:
    """The bytes that are looked for. `fold`: they have no capital letter, and those of the file count as small ones (ASCII)."""

    def __init__(self, wanted: bytes, *, fold: bool) -> None:
        self.wanted, self.fold = wanted, fold
        #: With one bit of all set, as the windows are: a capital becomes a small letter, and some other characters become alike too.
        self.folded = bytes(byte | 0x20 for byte in wanted) if fold else wanted

    def is_at(self, data: bytearray, place: int) -> bool:
        """Whether what was found in folded bytes is there."""
        return not self.fold or data[place : place + len(self.wanted)].lower() == self.wanted


def windows(opened: Opened, start: int, end: int, window: Window, overlap: int, *, back: bool = False) -> Iterator[int]:
    """Fill `window` with one stretch of `start`..`end` after the other, holes left out. Gives how many of its bytes are new: the rest
    lap over into the next, so that nothing is missed between two."""
    parts = opened.data(start, end)
    for low, high in reversed(parts) if back else parts:
        steps = range(low, high, SIZE)
        for place in reversed(steps) if back else steps:
            new = min(SIZE, high - place)
            window.fill(opened, place, min(high, place + new + overlap))
            yield min(new, window.length)
