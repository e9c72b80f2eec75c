"""The lines of a word diff: in one text with marks, or beside each other with what differs on another ground. Readable without colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style

from core.compare.word_diff import Piece, WordDiff
from core.sanitise import sanitise
from tui.widgets.markdown.wrap import wrap
from tui.widgets.sheet import Line

#: What stands around what only one of the texts has, where they are shown as one.
LEFT_MARKS, RIGHT_MARKS = ("[-", "-]"), ("{+", "+}")
_LEFT, _RIGHT, _SAME = "bad", "good", "text"
#: Beside each other: on another ground, which is reversed where there are no colours.
_DIFFERS = "selection"
_GAP = 3


def _styles() -> tuple[dict[str, Style], dict[Style, str]]:
    """Stand-ins by which wrapped segments are known again."""
    there = {token: Style(meta={"token": token}) for token in (_SAME, _LEFT, _RIGHT, _DIFFERS)}
    return there, {style: token for token, style in there.items()}


def _wrapped(runs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    there, back = _styles()
    rows = wrap([(text, there[token]) for text, token in runs if text], width, keep_indent=True)
    return [tuple((segment.text, back.get(segment.style or Style(), _SAME)) for segment in row) for row in rows]


def inline(left: str, right: str, diff: WordDiff, width: int) -> tuple[list[Line], list[int]]:
    """Both texts as one, and the lines at which a difference begins."""
    runs: list[tuple[str, str]] = []
    for piece in diff.pieces:
        mine, theirs = left[piece.left_start : piece.left_end], right[piece.right_start : piece.right_end]
        if piece.kind == "same":
            runs.append((sanitise(mine), _SAME))
            continue
        if mine:
            runs += _marked(sanitise(mine), LEFT_MARKS, _LEFT)
        if theirs:
            runs += _marked(sanitise(theirs), RIGHT_MARKS, _RIGHT)
    lines = _wrapped(runs, width)
    return lines, _begins(lines)


def _marked(text: str, marks: tuple[str, str], token: str) -> Iterator[tuple[str, str]]:
    """`text` within marks; blanks at its ends and its line ends stay outside of them."""
    opening, closing = marks
    for number, row in enumerate(text.split("\n")):
        if number:
            yield "\n", _SAME
        core = row.strip()
        if not core:
            yield row, _SAME
            continue
        front = row[: len(row) - len(row.lstrip())]
        yield front, _SAME
        yield f"{opening}{core}{closing}", token
        yield row[len(front) + len(core) :], _SAME


def _begins(lines: Sequence[Line]) -> list[int]:
    """The lines that have something of a difference, the first of each stretch."""
    found: list[int] = []
    inside = False
    for number, parts in enumerate(lines):
        has = any(token in (_LEFT, _RIGHT, _DIFFERS) for _text, token in parts)
        if has and not inside:
            found.append(number)
        inside = has
    return found


def beside(left: str, right: str, diff: WordDiff, width: int, wall: str) -> tuple[list[Line], list[int]]:
    """The texts in two columns, paragraph by paragraph at the same height, and the lines at which a difference begins."""
    room = max(8, (width - _GAP) // 2)
    lines: list[Line] = []
    for mine, theirs in _blocks(left, right, diff.pieces):
        first, second = _wrapped(mine, room), _wrapped(theirs, room)
        for row in range(max(len(first), len(second))):
            one = first[row] if row < len(first) else ()
            other = second[row] if row < len(second) else ()
            blank = " " * max(0, room - sum(cell_len(text) for text, _token in one))
            lines.append((*one, (f"{blank} ", ""), (wall, "rule"), (" ", ""), *other))
    return lines, _begins(lines)


_Runs = list[tuple[str, str]]


def _blocks(left: str, right: str, pieces: Sequence[Piece]) -> Iterator[tuple[_Runs, _Runs]]:
    """Both texts cut at the line ends that they share."""
    mine: _Runs = []
    theirs: _Runs = []
    for piece in pieces:
        first, second = sanitise(left[piece.left_start : piece.left_end]), sanitise(right[piece.right_start : piece.right_end])
        if piece.kind == "changed":
            mine.append((first, _DIFFERS))
            theirs.append((second, _DIFFERS))
            continue
        rows = first.split("\n")
        for number, row in enumerate(rows):
            mine.append((row, _SAME))
            theirs.append((row, _SAME))
            if number < len(rows) - 1:
                yield mine, theirs
                mine, theirs = [], []
    yield mine, theirs
