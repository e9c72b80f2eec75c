"""Looking for words and bad lines, forwards and backwards, a line at a time. Everything here blocks: call it in a thread.

A hit is the first match in its line: `next` goes to the next line that has one, and lines are what is counted.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.logs import lines
from core.logs.opened import Opened
from core.logs.text import show
from core.logs.types import Hit, Level, Line, Query
from core.logs.windows import Needle, Window, windows

#: Seconds after which a search gives up: nobody waits longer, and a served machine has others to look after.
TIME_LIMIT_S = 30.0
#: So many hits are counted and remembered (eight bytes each).
MAX_HITS = 100_000
#: A line end is looked for so near to a match before the file is read for it.
_NEAR = 4096


class SearchFailed(Exception):
    """`why`: time (TIME_LIMIT_S passed), cancelled, pattern (not a regular expression: `detail`), unreadable."""

    def __init__(self, why: str, detail: str = "") -> None:
        self.why, self.detail = why, detail
        super().__init__(why, detail)


@dataclass(eq=False)
class Bound:
    """Ends a search: after a time, or when somebody says so (`cancel`, from any thread)."""

    limit_s: float = TIME_LIMIT_S
    clock: Callable[[], float] = time.monotonic
    cancelled: bool = False
    _end: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._end = self.clock() + self.limit_s

    def cancel(self) -> None:
        self.cancelled = True

    @property
    def left_s(self) -> float:
        return self._end - self.clock()

    def check(self) -> None:
        """Raises SearchFailed when it is over."""
        if self.cancelled:
            raise SearchFailed("cancelled")
        if self.left_s <= 0:
            raise SearchFailed("time")


class Matcher(Protocol):
    """Finds lines of one kind."""

    def scan(self, opened: Opened, start: int, end: int, bound: Bound) -> Iterator[Hit]:
        """The hits of the lines that begin in `start`..`end`, which are places where lines begin; ascending, one for each line."""
        ...

    def last(self, opened: Opened, start: int, end: int, bound: Bound) -> Hit | None:
        """The last of them."""
        ...


class Words:
    """Lines in which one of `needles` is. `least`: they are at least as bad, in what is shown of them."""

    def __init__(self, needles: Sequence[bytes], *, fold: bool, least: Level = Level.DEBUG) -> None:
        self._needles = [Needle(needle, fold=fold) for needle in needles]
        self._overlap = max(len(needle) for needle in needles) - 1
        self._fold, self._least = fold, least

    def scan(self, opened: Opened, start: int, end: int, bound: Bound) -> Iterator[Hit]:
        window = Window(fold=self._fold, overlap=self._overlap)
        passed = start
        for new in windows(opened, start, end, window, self._overlap):
            bound.check()
            for hit, line_end in self._in_window(opened, window, new, passed):
                passed = line_end
                yield hit

    def last(self, opened: Opened, start: int, end: int, bound: Bound) -> Hit | None:
        window = Window(fold=self._fold, overlap=self._overlap)
        for new in windows(opened, start, end, window, self._overlap, back=True):
            bound.check()
            last: Hit | None = None
            for hit, _end in self._in_window(opened, window, new, window.base):
                last = hit
            if last is not None:
                # The first match of its line may be in the window before.
                return last if last.line >= window.base else next(self.scan(opened, last.line, last.end, bound), last)
        return None

    def _in_window(self, opened: Opened, window: Window, new: int, passed: int) -> Iterator[tuple[Hit, int]]:
        """The first match of every line of the window, with the end of its line; nothing before `passed`."""
        at = max(0, passed - window.base)
        places = [-2] * len(self._needles)
        while at < new:
            best, size = new, 0
            for index, needle in enumerate(self._needles):
                if places[index] != -1 and places[index] < at:
                    places[index] = window.find(needle, at)
                if 0 <= places[index] < best:
                    best, size = places[index], len(needle.wanted)
            if not size:
                return
            line = _line_around(opened, window, best)
            at = line.end - window.base
            if self._least <= Level.PLAIN or show(line).level >= self._least:
                yield Hit(window.base + best, window.base + best + size, line.start), line.end


def _line_around(opened: Opened, window: Window, place: int) -> Line:
    """The line that holds the byte at `place` of the window; without looking at the file where both ends are near."""
    start = window.bytes.rfind(b"\n", max(0, place - _NEAR), place) + 1
    end = window.bytes.find(b"\n", place, min(window.length, place + _NEAR)) + 1
    if start and end:
        return Line(window.base + start, window.base + end, bytes(window.bytes[start : end - 1]))
    offset = window.base + place
    made = lines.forward(opened, lines.line_start(opened, offset), 1)
    return made[0] if made else Line(offset, offset + 1)


def is_bad(level: Level) -> Callable[[Opened, Hit], bool]:
    """Whether the line of a hit is at least as bad as `level`."""

    def accepts(opened: Opened, hit: Hit) -> bool:
        made = lines.forward(opened, hit.line, 1)
        return bool(made) and show(made[0]).level >= level

    return accepts


def matcher_of(query: Query | None, level: Level = Level.DEBUG) -> Matcher:
    """What finds the lines with `query` that are at least as bad as `level`. Raises SearchFailed (pattern)."""
    from core.logs.levels import signs
    from core.logs.patterns import Pattern

    if query is None or not query.text:
        return Words(signs(level), fold=True, least=level)
    if query.pattern:
        return Pattern(query, is_bad(level) if level > Level.PLAIN else None)
    return Words([query.text.encode("utf-8", "replace")], fold=query.ignores_case, least=level)


def find_next(opened: Opened, matcher: Matcher, offset: int, bound: Bound) -> Hit | None:
    """The first hit in a line that begins behind the line of `offset`; -1 finds from the very beginning."""
    start = 0
    if offset >= 0:
        made = lines.forward(opened, lines.line_start(opened, min(offset, max(0, opened.size - 1))), 1) if opened.size else []
        start = made[0].end if made else opened.size
    return next(iter(matcher.scan(opened, start, opened.size, bound)), None)


def find_previous(opened: Opened, matcher: Matcher, offset: int, bound: Bound) -> Hit | None:
    """The last hit in a line before that of `offset`; the size of the file finds from the very end."""
    end = lines.line_start(opened, offset) if offset < opened.size else opened.size
    return matcher.last(opened, 0, end, bound)


class Hits:
    """The lines that match, found from the beginning on and remembered: for counts ("3 of 128") and for filtered views.

    `done_to`: lines before this place were looked at. `full`: MAX_HITS were found; there may be more behind.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.offsets = array("Q")
        self.done_to = 0

    @property
    def full(self) -> bool:
        return len(self.offsets) >= MAX_HITS

    def extend(self, opened: Opened, bound: Bound, report: Callable[[], None] = lambda: None) -> None:
        """Look at what was not looked at yet; `report` is called now and then. A last line without its end is left for the next time."""
        end = _whole_lines(opened)
        told = bound.clock()
        while not self.full and self.done_to < end:
            # In steps, so that it is known how far it came also where there are no hits.
            stop = _step(opened, self.done_to, end)
            for hit in self.matcher.scan(opened, self.done_to, stop, bound):
                self.offsets.append(hit.line)
                if len(self.offsets) >= MAX_HITS:
                    break
            self.done_to = stop
            if bound.clock() - told > 0.2:
                told = bound.clock()
                report()

    def rank(self, offset: int) -> int:
        """How many of them begin at or before `offset`."""
        return bisect_right(self.offsets, offset)


def _whole_lines(opened: Opened) -> int:
    """Behind the last line that has an end."""
    if not opened.size:
        return 0
    start = lines.line_start(opened, opened.size - 1)
    return opened.size if opened.read(opened.size - 1, opened.size) == b"\n" else start


def _step(opened: Opened, start: int, end: int) -> int:
    """Where a line begins some way behind `start`."""
    stop = start + 32 * (1 << 20)
    if stop >= end:
        return end
    _low, high, is_hole = opened.region(stop)
    return high if is_hole else lines.line_start(opened, stop)
