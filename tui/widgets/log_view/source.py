"""Which lines of a log are shown: all of them, or those that match."""

from __future__ import annotations

from bisect import bisect_left
from typing import Protocol

from core.logs.file import LogFile
from core.logs.search import Hits
from core.logs.types import Line


class Source(Protocol):
    """Lines around a place, as core.logs.file.LogFile gives them."""

    @property
    def end(self) -> int:
        """Behind the last line that there is."""
        ...

    def forward(self, offset: int, count: int) -> list[Line]: ...

    def backward(self, offset: int, count: int) -> list[Line]: ...


class Whole:
    """All lines. A progress bar that is being drawn at the end is no line yet: see `live`."""

    def __init__(self, log: LogFile) -> None:
        self.log = log
        #: Where a bar begins that is drawn over and over, or the size of the file.
        self.end = log.size

    def forward(self, offset: int, count: int) -> list[Line]:
        return [line for line in self.log.forward(offset, count) if line.start < self.end] if offset < self.end else []

    def backward(self, offset: int, count: int) -> list[Line]:
        return self.log.backward(min(offset, self.end), count)


class Filtered:
    """The lines of `hits`, as far as they were found."""

    def __init__(self, log: LogFile, hits: Hits) -> None:
        self.log, self.hits = log, hits

    @property
    def end(self) -> int:
        return self.log.size

    def _lines(self, low: int, high: int) -> list[Line]:
        found = []
        for offset in self.hits.offsets[max(0, low) : high]:
            found += self.log.forward(offset, 1)
        return found

    def forward(self, offset: int, count: int) -> list[Line]:
        first = bisect_left(self.hits.offsets, offset)
        return self._lines(first, first + count)

    def backward(self, offset: int, count: int) -> list[Line]:
        last = bisect_left(self.hits.offsets, offset)
        return self._lines(last - count, last)
