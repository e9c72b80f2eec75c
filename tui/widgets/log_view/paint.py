"""Drawing the rows of a log: the mark of the line in hand, numbers, colours by level, matches, holes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip
from textual.widget import Widget

from core.logs.types import Level, LineNumber, Query
from tui.glyphs import Glyphs, glyphs
from tui.i18n import _
from tui.themes import Palette, palette
from tui.widgets.log_view.pane import Row

#: Cells left of the text (the mark of the line in hand) and of numbers.
GUTTER, NUMBER = 1, 11


@dataclass(frozen=True)
class Paper:
    """What lines are drawn on and with. Another one means that every line is drawn anew. `left`: cells scrolled to the right."""

    width: int
    base: Style
    colours: Palette
    glyphs: Glyphs
    filters: tuple[LineFilter, ...]
    background: Color
    left: int
    numbers: bool
    query: Query | None

    @classmethod
    def of(cls, widget: Widget, *, left: int, numbers: bool, query: Query | None) -> Paper:
        filters = tuple(widget.get_line_filters())
        background = widget.background_colors[1]
        return cls(widget.size.width, widget.rich_style, palette(widget.app), glyphs(widget.app), filters, background, left, numbers, query)

    @property
    def text_width(self) -> int:
        return max(8, self.width - GUTTER - (NUMBER if self.numbers else 0))

    def line(self, parts: Sequence[tuple[str, Style]]) -> Strip:
        """A whole line, filters applied."""
        whole = Strip([Segment(text, self.base + style) for text, style in parts if text])
        segments = list(whole.adjust_cell_length(self.width, self.base))
        for line_filter in self.filters:
            segments = line_filter.apply(segments, self.background)
        return Strip(segments, self.width)

    def row(self, row: Row, number: LineNumber | None, *, in_hand: bool, span: tuple[int, int] | None) -> Strip:
        """A row of the log. `span`: the match of a regular expression in its text."""
        colours = self.colours
        ground = colours.selection if in_hand else Style()
        parts: list[tuple[str, Style]] = [(self.glyphs.pointer if in_hand else " ", colours.accent)]
        if self.numbers:
            parts.append((number_text(number).rjust(NUMBER - 1) + " ", colours.dim))
        if row.line.kind == "hole":
            text = " " + _("{size} left out here").format(size=size_text(row.line.left_out)) + " "
            rule = self.glyphs.rule * max(2, (self.text_width - cell_len(text)) // 2)
            return self.line([*parts, (rule, colours.rule), (text, colours.warn), (rule, colours.rule)])
        text, style = self._visible(row.text), ground + self._style_of(row)
        for piece, is_match in self._pieces(text, span):
            parts.append((piece, style + colours.cursor if is_match else style))
        if in_hand:
            parts.append((" " * self.width, ground))
        return self.line(parts)

    def _style_of(self, row: Row) -> Style:
        colours = self.colours
        if row.shown.bar is not None and row.shown.text == row.shown.bar.text:
            return colours.dim
        return {Level.ERROR: colours.bad, Level.WARNING: colours.warn, Level.DEBUG: colours.dim}.get(row.shown.level, colours.text)

    def _visible(self, text: str) -> str:
        """The part of an unwrapped line that is in view, with a sign at an end where more is."""
        width = self.text_width
        if not self.left and (len(text) <= width // 2 or cell_len(text[: width + 1]) <= width):
            return text if len(text) <= width else _cells(text, 0, width - 1) + self.glyphs.ellipsis
        shown = _cells(text, self.left, width)
        if self.left and shown:
            shown = self.glyphs.ellipsis + _cells(shown, 1, width)
        if _cells(text, self.left + width, 1):
            shown = _cells(shown, 0, width - 1) + self.glyphs.ellipsis
        return shown

    def _pieces(self, text: str, span: tuple[int, int] | None) -> list[tuple[str, bool]]:
        """`text` split at what is looked for."""
        if span is not None:
            low, high = span
            return [(text[:low], False), (text[low:high], True), (text[high:], False)]
        if self.query is None or self.query.pattern or not self.query.text:
            return [(text, False)]
        wanted = re.escape(self.query.text)
        parts = re.split(f"({wanted})", text, flags=re.IGNORECASE if self.query.ignores_case else 0)
        return [(part, index % 2 == 1) for index, part in enumerate(parts) if part]


def _cells(text: str, start: int, width: int) -> str:
    """The characters of `text` in the cells from `start` on, at most `width` cells. A wide character that is cut is left out."""
    if text.isascii():
        return text[start : start + width]
    at, found = 0, []
    for character in text:
        size = cell_len(character)
        if at >= start and at + size <= start + width:
            found.append(character)
        at += size
        if at > start + width:
            break
    return "".join(found)


def number_text(number: LineNumber | None) -> str:
    """A line number; one that was not counted begins with "~"."""
    if number is None:
        return ""
    return f"{number.value:,}" if number.exact else f"~{number.value:,}"


def size_text(count: int) -> str:
    """Bytes as people say them (powers of 1000)."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
