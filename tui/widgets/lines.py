"""Drawing one line: text cut and padded by terminal cells, parts with styles put together into a Strip."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Part = tuple[str, Style]


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """`text`, cut to `width` cells with an ellipsis if it is longer."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - cell_len(ellipsis)).rstrip() + ellipsis if width > 1 else ellipsis[:width]


def pad(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells; `right` puts it at the right."""
    text = fit(text, width, ellipsis)
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank


def width_of(parts: Iterable[Part]) -> int:
    """The cells that `parts` take."""
    return sum(cell_len(text) for text, _style in parts)


def line(parts: Iterable[Part], width: int, base: Style) -> Strip:
    """A strip of exactly `width` cells on the style `base`."""
    segments = [Segment(text, base + style) for text, style in parts if text]
    return Strip(segments).adjust_cell_length(width, base)


def between(left: list[Part], right: list[Part], width: int, base: Style, ellipsis: str = "…") -> Strip:
    """`left` and `right` at the two ends of a line; `left` is cut where they would meet, `right` is dropped where it alone is too wide."""
    room = width_of(right)
    if room + 8 > width:
        right, room = [], 0
    cut: list[Part] = []
    free = width - room
    for text, style in left:
        shown = fit(text, free, ellipsis)
        cut.append((shown, style))
        free -= cell_len(shown)
        if shown != text:
            break
    return line([*cut, (" " * max(0, free), Style()), *right], width, base)


#: Blanks, one Chinese character with the closing marks that may not begin a line, or a word.
_WIDE = "\u2e80-\u303f\u3040-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING = "，。、；：？！）」』》”’"
_PIECE = re.compile(f"\\s+|[{_WIDE}“‘][{_CLOSING}]*|[^\\s{_WIDE}]+")


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words (between any two characters of Chinese)."""
    if width <= 0:
        return []
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _wrap_paragraph(paragraph, width)
    return lines


def _wrap_paragraph(paragraph: str, width: int) -> list[str]:
    lines, current, used = [], "", 0
    for piece in _PIECE.findall(paragraph):
        size = cell_len(piece)
        if used + size > width and not piece.isspace():
            if current.strip():
                lines.append(current.rstrip())
            current, used = "", 0
            *whole, piece = chop_cells(piece, width)
            lines += whole
            size = cell_len(piece)
        if used or not piece.isspace() or not lines:
            current, used = current + piece, used + size
    return [*lines, current.rstrip()] if current.strip() or not lines else lines
