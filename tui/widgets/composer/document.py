"""The text being written: lines, cursor, selection, undo. Places are (row, column) in characters; a joined character counts as one step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import split_graphemes

_UNDO = 300
_WORD_AFTER = re.compile(r"\W*\w+|\W+")
_WORD_BEFORE = re.compile(r"(\w+\W*|\W+)$")


class Spot(NamedTuple):
    """A place between two characters."""

    row: int
    column: int


@dataclass(frozen=True, slots=True)
class _State:
    lines: tuple[str, ...]
    cursor: Spot


class Document:
    """Editing operations. Every change can be undone; typing is undone word by word."""

    def __init__(self, text: str = "") -> None:
        self.lines: list[str] = text.split("\n")
        self.cursor = Spot(0, 0)
        self.anchor: Spot | None = None
        self._undo: list[_State] = []
        self._redo: list[_State] = []
        self._kind = ""

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def empty(self) -> bool:
        return len(self.lines) == 1 and not self.lines[0]

    @property
    def end(self) -> Spot:
        return Spot(len(self.lines) - 1, len(self.lines[-1]))

    @property
    def selection(self) -> tuple[Spot, Spot] | None:
        """From and to of what is selected, or None."""
        if self.anchor is None or self.anchor == self.cursor:
            return None
        return min(self.anchor, self.cursor), max(self.anchor, self.cursor)

    def between(self, start: Spot, end: Spot) -> str:
        if start.row == end.row:
            return self.lines[start.row][start.column : end.column]
        middle = self.lines[start.row + 1 : end.row]
        return "\n".join([self.lines[start.row][start.column :], *middle, self.lines[end.row][: end.column]])

    # Changing --------------------------------------------------------------------------------------------------------

    def load(self, text: str, *, at_end: bool = True) -> None:
        """Another text; what was undone and done before is forgotten."""
        self.lines = text.split("\n")
        self.cursor = self.end if at_end else Spot(0, 0)
        self.anchor = None
        self._undo, self._redo, self._kind = [], [], ""

    def set_text(self, text: str) -> None:
        """Another text as one change that can be undone."""
        self._remember("set")
        self.lines = text.split("\n")
        self.cursor, self.anchor = self.end, None

    def insert(self, text: str) -> None:
        """Put `text` in the place of the selection, or at the cursor."""
        self._remember("type" if len(text) == 1 and not text.isspace() and self.selection is None else "insert")
        start, end = self.selection or (self.cursor, self.cursor)
        self._replace(start, end, text)

    def delete(self, to: Spot, kind: str = "delete") -> str:
        """Delete the selection, or what lies between cursor and `to`; returns it."""
        start, end = self.selection or (min(self.cursor, to), max(self.cursor, to))
        gone = self.between(start, end)
        if gone:
            self._remember(kind)
            self._replace(start, end, "")
        self.anchor = None
        return gone

    def _replace(self, start: Spot, end: Spot, text: str) -> None:
        pieces = text.split("\n")
        head, tail = self.lines[start.row][: start.column], self.lines[end.row][end.column :]
        column = len(pieces[-1]) + (len(head) if len(pieces) == 1 else 0)
        pieces[0] = head + pieces[0]
        pieces[-1] += tail
        self.lines[start.row : end.row + 1] = pieces
        self.cursor, self.anchor = Spot(start.row + len(pieces) - 1, column), None

    def _remember(self, kind: str) -> None:
        if kind != self._kind or kind not in ("type", "delete") or not self._undo:
            self._undo.append(_State(tuple(self.lines), self.cursor))
            del self._undo[:-_UNDO]
        self._redo.clear()
        self._kind = kind

    def undo(self) -> bool:
        """Take the last change back; whether there was one."""
        return self._restore(self._undo, self._redo)

    def redo(self) -> bool:
        return self._restore(self._redo, self._undo)

    def _restore(self, source: list[_State], target: list[_State]) -> bool:
        if not source:
            return False
        target.append(_State(tuple(self.lines), self.cursor))
        state = source.pop()
        self.lines, self.cursor, self.anchor, self._kind = list(state.lines), state.cursor, None, ""
        return True

    # Moving ----------------------------------------------------------------------------------------------------------

    def move(self, to: Spot, *, select: bool = False) -> None:
        """Put the cursor at `to`; `select` stretches the selection to it."""
        if not select:
            self.anchor = None
        elif self.anchor is None:
            self.anchor = self.cursor
        self.cursor = to
        self._kind = ""

    def left_of(self, spot: Spot) -> Spot:
        """One character to the left, over the end of the line before."""
        if spot.column == 0:
            return Spot(spot.row - 1, len(self.lines[spot.row - 1])) if spot.row else spot
        before = self.lines[spot.row][: spot.column]
        return Spot(spot.row, _last_start(before))

    def right_of(self, spot: Spot) -> Spot:
        line = self.lines[spot.row]
        if spot.column >= len(line):
            return Spot(spot.row + 1, 0) if spot.row + 1 < len(self.lines) else spot
        after = line[spot.column : spot.column + 40]
        spans = split_graphemes(after)[0]
        return Spot(spot.row, spot.column + (1 if after[0].isascii() and after[1:2].isascii() else spans[0][1]))

    def word_left_of(self, spot: Spot) -> Spot:
        if spot.column == 0:
            return self.left_of(spot)
        found = _WORD_BEFORE.search(self.lines[spot.row][: spot.column])
        return Spot(spot.row, found.start()) if found else Spot(spot.row, 0)

    def word_right_of(self, spot: Spot) -> Spot:
        line = self.lines[spot.row]
        if spot.column >= len(line):
            return self.right_of(spot)
        found = _WORD_AFTER.match(line, spot.column)
        return Spot(spot.row, found.end() if found else len(line))


def _last_start(text: str) -> int:
    """Where the last joined character of `text` begins."""
    if text[-2:].isascii():
        return len(text) - 1
    tail = text[-40:]
    return len(text) - len(tail) + split_graphemes(tail)[0][-1][0]
