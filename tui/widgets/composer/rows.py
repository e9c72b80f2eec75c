"""Lines of text as rows of a given width: where each row begins, and which cell a character stands in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len, split_graphemes

from tui.widgets.composer.document import Spot

#: Longer lines are cut anywhere, so that a key never waits for a line of 200,000 characters.
_WORDS_UP_TO = 4_000


@lru_cache(maxsize=512)
def row_starts(line: str, width: int) -> tuple[int, ...]:
    """The places in `line` at which its rows begin; the first is 0. Rows of `width` cells at most end behind blanks or Chinese."""
    if len(line) <= width and line.isascii():
        return (0,)
    if len(line) > _WORDS_UP_TO and line.isascii():
        return tuple(range(0, len(line), width))
    words = len(line) <= _WORDS_UP_TO
    starts, used, gap = [0], 0, 0
    for start, end, cells in _spans(line):
        if cells == 2 and words:
            gap = start
        while used + cells > width and used:
            begin = gap if words and gap > starts[-1] else start
            starts.append(begin)
            used = cell_len(line[begin:start])
        used += cells
        if line[start] == " " or cells == 2:
            gap = end
    return tuple(starts)


def _spans(line: str) -> list[tuple[int, int, int]]:
    if line.isascii():
        return [(place, place + 1, 1) for place in range(len(line))]
    return split_graphemes(line)[0]


class Rows:
    """The rows of a whole document. `shown` gives the text that stands for a line (pastes become their labels)."""

    def __init__(self, lines: list[str], width: int, cells_of: Callable[[str], int]) -> None:
        self.width = max(2, width)
        self._cells_of = cells_of
        self._lines = lines
        self._starts = [self._row_starts(line) for line in lines]
        self._first = [0]
        for starts in self._starts:
            self._first.append(self._first[-1] + len(starts))

    def _row_starts(self, line: str) -> tuple[int, ...]:
        if any(character >= "\U000f0000" for character in line):
            return self._starts_with_tokens(line)
        return row_starts(line, self.width)

    def _starts_with_tokens(self, line: str) -> tuple[int, ...]:
        """A paste's label is as wide as it is drawn and is never parted."""
        starts, used = [0], 0
        for start, end, _cells in _spans(line):
            cells = self._cells_of(line[start:end])
            if used + cells > self.width and used:
                starts.append(start)
                used = 0
            used += cells
        return tuple(starts)

    @property
    def count(self) -> int:
        return self._first[-1]

    def bounds(self, row: int) -> tuple[int, int, int]:
        """The line that visual row `row` shows, and from where to where."""
        line = bisect_right(self._first, row) - 1
        starts = self._starts[line]
        within = row - self._first[line]
        end = starts[within + 1] if within + 1 < len(starts) else len(self._lines[line])
        return line, starts[within], end

    def place(self, spot: Spot) -> tuple[int, int]:
        """The visual row of `spot` and the cell in it."""
        starts = self._starts[spot.row]
        within = bisect_right(starts, spot.column) - 1
        cell = self._cells_of(self._lines[spot.row][starts[within] : spot.column])
        return self._first[spot.row] + within, cell

    def spot(self, row: int, cell: int) -> Spot:
        """The place in the text nearest to `cell` of visual row `row`."""
        row = max(0, min(row, self.count - 1))
        line, start, end = self.bounds(row)
        text = self._lines[line][start:end]
        used = 0
        for first, last, _cells in _spans(text):
            cells = self._cells_of(text[first:last])
            if used + (cells + 1) // 2 > cell:
                return Spot(line, start + first)
            used += cells
        ends_line = end == len(self._lines[line])
        # The end of a wrapped row is the beginning of the next one: stay on this row, before its last character.
        return Spot(line, end if ends_line or not text else end - 1)
