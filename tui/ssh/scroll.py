"""Whether what is to be shown is what the terminal shows already, only some lines further up or down: then the terminal moves it itself.

A terminal moves whole lines, not columns: what stands beside the text that moved is sent again. So moving is proposed only where all
that is to be sent then is clearly less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import ne
from typing import NamedTuple, Protocol

#: Changed lines from which on it is worth looking, and lines that must be found elsewhere.
_CHANGED, _FOUND = 6, 4
#: Cells at the right that do not count when lines are compared: the thumb of a scroll bar stands there.
_EDGE = 2
#: The most lines to move by: one character or two are sent for each.
MOST = 24
#: Moving has to save so many cells at least, and more than a quarter of what it still leaves to send.
_WORTH = 60


class Line(Protocol):
    """Cells of a stretch of a line, as tui.ssh.frames.Cells."""

    texts: list[str]


class Shift(NamedTuple):
    """The lines `first` to `last` (included) move up by `lines`, down where negative."""

    first: int
    last: int
    lines: int

    def sources(self) -> Iterable[tuple[int, int]]:
        """Each line of it that something comes to, and from which line."""
        for y in range(self.first, self.last + 1):
            if self.first <= y + self.lines <= self.last:
                yield y, y + self.lines


def find(rows: Sequence[Line], wanted: Mapping[int, Sequence[tuple[int, Line]]]) -> Shift | None:
    """How most of what is wanted can be had by moving `rows`; `wanted`: for each line its parts, with the columns they begin at."""
    if len(wanted) < _CHANGED:
        return None
    parts = {y: max(pieces, key=lambda piece: len(piece[1].texts)) for y, pieces in wanted.items()}
    (x, width), _count = Counter((x, len(cells.texts)) for x, cells in parts.values()).most_common(1)[0]
    column = {y: cells.texts for y, (start, cells) in parts.items() if (start, len(cells.texts)) == (x, width)}
    end = x + max(1, width - _EDGE)
    changed = {y for y, texts in column.items() if rows[y].texts[x:end] != texts[: end - x]}
    if len(changed) < _CHANGED:
        return None
    return _most_common(rows, {y: "".join(column[y][: end - x]) for y in changed}, min(column), max(column), x, end)


def _most_common(rows: Sequence[Line], texts: Mapping[int, str], top: int, bottom: int, x: int, end: int) -> Shift | None:
    """The movement of most of the lines `texts`, of those that are between `top` and `bottom` now."""
    places: dict[str, int] = {}
    for y in range(top, bottom + 1):
        text = "".join(rows[y].texts[x:end])
        places[text] = -1 if text in places else y  # lines that look alike tell nothing
    moves = {y: places[text] - y for y, text in texts.items() if not text.isspace() and places.get(text, -1) >= 0}
    if not moves:
        return None
    lines, count = Counter(moves.values()).most_common(1)[0]
    if count < _FOUND or not 0 < abs(lines) <= MOST:
        return None
    moved = [y for y, by in moves.items() if by == lines]
    return Shift(min(min(moved), min(moved) + lines), max(max(moved), max(moved) + lines), lines)


def pays(shift: Shift, rows: Sequence[Line], targets: Mapping[int, Line]) -> bool:
    """Whether fewer cells have to be sent after `shift`. `targets`: whole lines as they are to be, for all lines of it."""
    sources = dict(shift.sources())
    without = sum(sum(map(ne, targets[y].texts, rows[y].texts)) for y in targets)
    rest = sum(
        sum(map(ne, target.texts, rows[sources[y]].texts)) if y in sources else sum(text != " " for text in target.texts)
        for y, target in targets.items()
    )
    return rest + max(_WORTH, rest // 4) < without
