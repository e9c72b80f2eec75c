"""Tables on paper: widths by need, cells that wrap, the head on every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from core.documents.paper import DIM, MARGIN, POINT, ROOM, TEXT, WIDTH, Colour

if TYPE_CHECKING:
    from core.documents.paper import Paper

#: Rows of a table that stays on one page.
_TOGETHER: Final = 10


def table(paper: Paper, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool], size: float = 7.5) -> None:
    """`right`: which columns are numbers. The head is repeated on every page; cells wrap; nothing is cut."""
    widths = _widths(paper, head, rows, right, size)
    if len(rows) <= _TOGETHER:
        paper.room((len(rows) + 2) * size * POINT * 2)
    _row(paper, head, widths, right, size, bold=True, colour=DIM)
    for row in rows:
        _row(paper, row, widths, right, size, head=head)
        paper.rule(MARGIN, paper.y, WIDTH - MARGIN, paper.y)


def _widths(paper: Paper, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], size: float) -> list[float]:
    """Numbers get what they need, heads may wrap; names share the rest by their need."""
    pad, missing = 2.4, paper.missing
    need = []
    for index, label in enumerate(head):
        cells = [paper.width(paper.shown(str(row[index])), size) for row in rows[:200]]
        words = max((paper.width(word, size, bold=True) for word in paper.shown(label).split()), default=0.0)
        need.append(max([*cells, min(words, 24.0)], default=words) + pad)
    paper.missing = missing  # what is only measured is not shown yet
    total = sum(need)
    if total <= ROOM:
        spare = (ROOM - total) / max(1, len(need))
        return [each + spare for each in need]
    # The modest first: who needs less than an equal share gets that, and the others share what is left.
    widths, left = [0.0] * len(need), ROOM
    order = sorted(range(len(need)), key=lambda index: (not right[index], need[index]))
    for done, index in enumerate(order):
        fair = left / (len(order) - done)
        widths[index] = min(need[index], fair * (1.5 if right[index] else 1.0))
        left -= widths[index]
    return widths


def _row(
    paper: Paper,
    cells: Sequence[str],
    widths: Sequence[float],
    right: Sequence[bool],
    size: float,
    *,
    bold: bool = False,
    colour: Colour = TEXT,
    head: Sequence[str] = (),
) -> None:
    step = size * POINT * 1.3
    broken = [paper.lines(str(cell), wide - 2.0, size, bold=bold) for cell, wide in zip(cells, widths, strict=True)]
    height = max(map(len, broken)) * step + 1.6
    before = paper.page
    paper.room(height)
    if head and paper.page != before:
        _row(paper, head, widths, right, size, bold=True, colour=DIM)
    x = MARGIN
    for lines, wide, number in zip(broken, widths, right, strict=True):
        for index, line in enumerate(lines):
            start = x + wide - 1.6 - paper.width(line, size, bold=bold) if number else x
            paper.line(start, paper.y + 0.8 + (index + 0.78) * step, line, size, bold=bold, colour=colour)
        x += wide
    paper.y += height
    if bold:
        paper.rule(MARGIN, paper.y, WIDTH - MARGIN, paper.y, DIM, 0.3)
