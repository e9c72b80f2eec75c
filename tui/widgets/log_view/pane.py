"""What of a log is in view: rows from a place on, scrolled, wrapped or not. Knows nothing of widgets."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from core.logs.text import show
from core.logs.types import Line, Shown
from tui.widgets.log_view.source import Source

#: Pieces of one endless progress bar that are passed over before one of them is shown after all.
_PASSED = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the view: `text` of `line`, which wraps into several; `part` counts them from 0."""

    line: Line
    part: int
    text: str
    shown: Shown

    @property
    def place(self) -> tuple[int, int]:
        return self.line.start, self.part


class Pane:
    """`width`, `height`: cells for text. `top`: (byte offset of a line, part of it) where it begins; while `follow` it ends at the end."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.width, self.height = 80, 24
        self.wrap, self.follow = False, True
        self.top = (0, 0)
        self._shown: dict[tuple[int, int], Shown] = {}

    def show(self, source: Source) -> None:
        """Another source; what was made of the lines of the old one is forgotten."""
        self.source = source
        self._shown.clear()

    # Rows ------------------------------------------------------------------------------------------------------------

    def shown(self, line: Line) -> Shown:
        """What is read of `line`; kept while it is near."""
        key = (line.start, line.end)
        known = self._shown.get(key)
        if known is None:
            if len(self._shown) > 8 * max(64, self.height):
                self._shown.clear()
            made = show(line)
            known = Shown(made.text.expandtabs(), made.level, made.bar, made.folded) if "\t" in made.text else made
            self._shown[key] = known
        return known

    def rows_of(self, line: Line) -> list[Row]:
        """`line` in the rows that it takes."""
        shown = self.shown(line)
        if not self.wrap or line.kind == "hole" or len(shown.text) <= self.width // 2 or cell_len(shown.text) <= self.width:
            return [Row(line, 0, shown.text, shown)]
        width = max(8, self.width)
        if shown.text.isascii():
            texts = [shown.text[at : at + width] for at in range(0, len(shown.text), width)]
        else:
            texts = chop_cells(shown.text, width)
        return [Row(line, part, text, shown) for part, text in enumerate(texts)]

    def _is_passed_over(self, line: Line) -> bool:
        """Whether it is a piece of a bar that goes on behind it: what it said is said again there."""
        return not line.ends and (shown := self.shown(line)).bar is not None and shown.text == shown.bar.text

    def _forward(self, offset: int, count: int) -> list[Row]:
        """At least `count` rows from the line at `offset` on, if there are so many."""
        rows: list[Row] = []
        passed = 0
        while len(rows) < count and (lines := self.source.forward(offset, count)):
            for line in lines:
                if self._is_passed_over(line) and passed < _PASSED:
                    passed += 1
                    continue
                passed = 0
                rows += self.rows_of(line)
                if len(rows) >= count:
                    break
            offset = lines[-1].end
        return rows

    def _backward(self, offset: int, count: int) -> list[Row]:
        """At least `count` rows before the line at `offset`, if there are so many."""
        rows: list[Row] = []
        passed = 0
        while len(rows) < count and (lines := self.source.backward(offset, count)):
            for line in reversed(lines):
                if self._is_passed_over(line) and passed < _PASSED:
                    passed += 1
                    continue
                passed = 0
                rows = self.rows_of(line) + rows
                if len(rows) >= count:
                    break
            offset = lines[0].start
        return rows

    def rows(self) -> list[Row]:
        """What is in view."""
        if not self.follow:
            offset, part = self.top
            rows = [row for row in self._forward(offset, self.height + part) if row.place >= (offset, part)][: self.height]
            if len(rows) == self.height:
                self.top = rows[0].place
                return rows
        rows = self._backward(self.source.end, self.height)[-self.height :]
        self.top = rows[0].place if rows else (0, 0)
        return rows

    # Moving ----------------------------------------------------------------------------------------------------------

    def scroll(self, by: int) -> None:
        """Move the view by so many rows, not beyond the ends. Who comes to the end follows from then on."""
        before = self.rows()
        if by == 0 or not before:
            return
        offset, part = before[0].place
        if by < 0:
            rows = [row for row in self._forward(offset, part + 1) if row.place < (offset, part)]
            rows = self._backward(offset, -by - len(rows)) + rows if len(rows) < -by else rows
            if rows:
                self.follow, self.top = False, rows[max(0, len(rows) + by)].place
            return
        rows = [row for row in self._forward(offset, part + by + self.height + 1) if row.place >= (offset, part)]
        if len(rows) <= by + self.height:
            self.follow = True
            return
        self.follow, self.top = False, rows[by].place

    def to_start(self) -> None:
        self.follow, self.top = False, (0, 0)

    def to_end(self) -> None:
        self.follow = True

    def reveal(self, offset: int) -> None:
        """Bring the line that begins at `offset` into view: where it is if it is there already, else a third down."""
        if not any(row.line.start == offset for row in self.rows()):
            self.reveal_around(offset)

    def reveal_around(self, offset: int) -> None:
        """Put the line that begins at `offset` a third down, or the last screen in view where it is on that."""
        above = self._backward(offset, self.height // 3)
        self.follow = False
        self.top = above[max(0, len(above) - self.height // 3)].place if above else (offset, 0)
        if len(self._forward(self.top[0], self.height + self.top[1])) <= self.height:
            self.follow = not self._forward(offset, self.height * 2)[self.height :]
