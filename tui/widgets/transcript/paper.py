"""What a transcript is drawn on and with: width, styles, glyphs, filters. A new one means that every line is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from tui.glyphs import Glyphs, glyphs
from tui.i18n import _
from tui.themes import Palette, palette
from tui.widgets.markdown import Look
from tui.widgets.markdown.themed import look_of

if TYPE_CHECKING:
    from textual.widget import Widget

#: Cells left of the text: the mark of the selection and a blank.
GUTTER = 2
#: Cells right of the text: a blank and the scroll bar.
MARGIN = 2


@dataclass(frozen=True)
class Paper:
    """`width`: of the whole widget in cells. Lines made here are exactly that wide, filters applied. `base`: text on the ground."""

    width: int
    base: Style
    colours: Palette
    glyphs: Glyphs
    look: Look
    filters: tuple[LineFilter, ...]
    background: Color

    @classmethod
    def of(cls, widget: Widget, width: int) -> Paper:
        """The paper for `widget` as theme, signs and language are now."""
        base, colours, signs = widget.rich_style, palette(widget.app), glyphs(widget.app)
        look = look_of(colours, signs, base, copy_hint=_("y copy"))
        return cls(width, base, colours, signs, look, tuple(widget.get_line_filters()), widget.background_colors[1])

    @property
    def text_width(self) -> int:
        return max(8, self.width - GUTTER - MARGIN)

    def style(self, token: Style) -> Style:
        return self.base + token

    def line(self, segments: Sequence[Segment]) -> Strip:
        """A whole line of the widget from the segments of its text."""
        return self.raw([Segment(" " * GUTTER, self.base), *segments])

    def raw(self, segments: Sequence[Segment]) -> Strip:
        """A whole line that brings its own gutter."""
        fitted = Strip(segments).adjust_cell_length(self.width, self.base)
        parts = list(fitted)
        for line_filter in self.filters:
            parts = line_filter.apply(parts, self.background)
        return Strip(parts, self.width)
