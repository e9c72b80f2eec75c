"""Which number a line has: line ends are counted in blocks, from the beginning on, as far as somebody wanted to know."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

from core.logs.types import LineNumber

if TYPE_CHECKING:
    from core.logs.opened import Opened

_BLOCK = 1 << 20
#: So much is counted at once without being asked, when a number is wanted: it takes some milliseconds.
_NEAR = 8 * _BLOCK
#: Bytes around a place that tell how long lines are there, for an estimate.
_SAMPLE = 64 * 1024


def count_ends(data: bytes | memoryview) -> int:
    """Line ends in `data`. numpy is four times as fast as bytes.count, and lets other threads run; where it was not loaded yet that
    would take longer than it saves.
    """
    np = sys.modules.get("numpy")
    if np is None:
        return bytes(data).count(b"\n")
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 10))


class LineCounter:
    """Of one file, as long as it only grows. Eight bytes are kept for each MiB."""

    def __init__(self) -> None:
        #: Line ends before each whole block.
        self._before = array("Q", [0])
        self._lock = Lock()
        self._last = (0, 0)

    def _known_to(self) -> int:
        return (len(self._before) - 1) * _BLOCK

    def count_to(self, opened: Opened, offset: int, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Count all blocks before `offset`; False if `cancelled` says so meanwhile. Blocks the thread: some 0.2 s for a GB in memory."""
        stop = self._countable(opened, offset)
        if stop - self._known_to() > _NEAR:
            import_module("numpy")
        buffer = memoryview(bytearray(_BLOCK)) if stop - self._known_to() >= _BLOCK else memoryview(b"")
        while (start := self._known_to()) + _BLOCK <= stop:
            if cancelled():
                return False
            if opened.read_into(buffer, start) < _BLOCK:
                return False
            count = count_ends(buffer)
            with self._lock:
                if self._known_to() == start:
                    self._before.append(self._before[-1] + count)
        return True

    @staticmethod
    def _countable(opened: Opened, offset: int) -> int:
        """How far line ends can be counted: to the first hole."""
        return min(offset, opened.size, opened.holes[0][0] if opened.holes else opened.size)

    def missing(self, opened: Opened, offset: int) -> int:
        """Bytes that would have to be counted for the exact number at `offset`."""
        return max(0, self._countable(opened, offset) - self._known_to() - _BLOCK)

    def number(self, opened: Opened, start: int) -> LineNumber:
        """The number of the line that begins at `start`."""
        reach = self._countable(opened, start)
        if reach - self._known_to() <= _NEAR:
            self.count_to(opened, start)
        with self._lock:
            known = len(self._before) - 1
            block = min(reach // _BLOCK, known)
            ends, place = self._before[block], block * _BLOCK
            last_place, last_ends = self._last
        if place <= last_place <= reach:
            ends, place = last_ends, last_place
        if reach - place <= _BLOCK:
            ends += count_ends(opened.read(place, reach))
            self._last = (reach, ends)
            if reach == start:
                return LineNumber(ends + 1, exact=True)
            place = reach
        return LineNumber(ends + 1 + round(_bytes_between(opened, place, start) * self._density(opened, start)), exact=False)

    def _density(self, opened: Opened, offset: int) -> float:
        """Line ends for each byte, from what was counted, or from around `offset`."""
        if self._known_to() >= 16 * _BLOCK:
            return self._before[-1] / self._known_to()
        samples = [opened.read(low, low + _SAMPLE) for low in (max(0, offset - _SAMPLE), 0)]
        return sum(map(count_ends, samples)) / max(1, sum(map(len, samples)))


def _bytes_between(opened: Opened, low: int, high: int) -> int:
    """Without the holes."""
    return sum(end - start for start, end in opened.data(low, high))
