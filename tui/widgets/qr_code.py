"""QrCode: a QR code in half blocks, two modules in a cell, or in ASCII, a module in two cells. Dark on light in every theme."""

from __future__ import annotations

from functools import cached_property

from rich.style import Style
from textual.app import RenderResult
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.glyphs import glyphs
from tui.widgets.lines import line

#: The quiet zone of the standard is four modules; every camera reads codes with two.
QUIET, QUIET_MIN = 4, 2
#: Light is what is drawn: where there are no colours, the code is right on a dark terminal.
_LIGHT_ON_DARK = Style(color="#ffffff", bgcolor="#000000", bold=False)
_DARK_ON_LIGHT = Style(color="#000000", bgcolor="#ffffff", bold=False)
_HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


def modules_of(text: str) -> list[list[bool]]:
    """The rows of the code, True where a module is dark, without a quiet zone. The least correction: it is read from a screen."""
    import segno

    return [[bool(module) for module in row] for row in segno.make(text, error="l", micro=False, boost_error=False).matrix]


class QrCode(Widget):
    """`inverted` swaps what is drawn, for light terminals without colours."""

    inverted: reactive[bool] = reactive(False)

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text = text

    @cached_property
    def _modules(self) -> list[list[bool]]:
        return modules_of(self._text)

    def needs(self, quiet: int = QUIET_MIN) -> Size:
        """The cells that the code takes with so many modules around it."""
        side = len(self._modules) + 2 * quiet
        return Size(2 * side, side) if glyphs(self.app).ascii else Size(side, (side + 1) // 2)

    def show_in(self, room: Size) -> bool:
        """Take the size with the widest quiet zone that fits into `room`. False, and nothing is shown, where none does."""
        for quiet in range(QUIET, QUIET_MIN - 1, -1):
            size = self.needs(quiet)
            if size.width <= room.width and size.height <= room.height:
                self._quiet = quiet
                self.styles.width, self.styles.height = size
                self.display = True
                self.refresh()
                return True
        self.display = False
        return False

    _quiet = QUIET_MIN

    def _is_light(self, row: int, column: int) -> bool:
        """Whether the module is drawn; `row` and `column` count from the edge of the quiet zone."""
        row, column, side = row - self._quiet, column - self._quiet, len(self._modules)
        dark = 0 <= row < side and 0 <= column < side and self._modules[row][column]
        return dark == self.inverted

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        columns = range(len(self._modules) + 2 * self._quiet)
        if glyphs(self.app).ascii:
            text = "".join("##" if self._is_light(y, column) else "  " for column in columns)
        else:
            text = "".join(_HALVES[self._is_light(2 * y, column), self._is_light(2 * y + 1, column)] for column in columns)
        return line([(text, _DARK_ON_LIGHT if self.inverted else _LIGHT_ON_DARK)], self.size.width, self.rich_style)
