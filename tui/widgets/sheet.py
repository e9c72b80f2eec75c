"""Sheet: styled lines longer than the screen, as one widget that draws its own lines: a preview, a detail, a sample.

Data in (`show`), messages out (`Scrolled`, `Edge`). The lines are made for the width there is, and anew when it changes. What comes from
outside has to be sanitised by whoever makes the lines (`core.sanitise`); it is never markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.i18n import N_
from tui.themes import Palette, palette
from tui.widgets.lines import Part, line, wrap

#: Parts of one line: text and the names of the palette's styles, separated by blanks ("dim", "good bold").
Line = tuple[tuple[str, str], ...]
#: Makes the lines for a width in cells.
LineMaker = Callable[[int], Sequence[Line]]


def wrapped(text: str, token: str, width: int, indent: str = "") -> list[Line]:
    """`text` in as many lines as it needs at `width` cells, each behind `indent`."""
    room = max(4, width - cell_len(indent))
    return [((indent, ""), (part, token)) for part in wrap(text, room)]


def flat(parts: Iterable[tuple[str, str]], width: int) -> list[Line]:
    """Paragraphs (text, token), as the `Paragraphs` widget takes them, in lines."""
    return [made for text, token in parts for made in wrapped(text, token, width)]


def style_of(colours: Palette, token: str) -> Style:
    """The style that the names in `token` make together."""
    style = Style()
    for name in token.split():
        style += getattr(colours, name)
    return style


class Sheet(Widget, can_focus=True):
    """Scrolls by lines. `pad_x`: cells free at both sides. `still`: takes no focus and is only looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "go_lines(1)", N_("down"), show=False),
        Binding("up,k", "go_lines(-1)", N_("up a line"), show=False),
        Binding("pagedown,ctrl+f,space", "go_pages(1)", N_("a page down"), show=False),
        Binding("pageup", "go_pages(-1)", N_("a page up"), show=False),
        Binding("g,home", "go_end(0)", N_("first"), show=False),
        Binding("G,end", "go_end(1)", N_("last"), show=False),
    ]

    top: reactive[int] = reactive(0)

    @dataclass
    class _Of(Message):
        sheet: Sheet

        @property
        def control(self) -> Sheet:
            return self.sheet

    class Scrolled(_Of):
        """Another line is at the top."""

    @dataclass
    class Edge(_Of):
        """Moving on was wanted beyond the first (`step` -1) or the last line (1)."""

        step: int

    def __init__(
        self,
        *,
        pad_x: int = 1,
        still: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.can_focus = not still
        self._pad = pad_x
        self._make: LineMaker = lambda _width: ()
        self._lines: Sequence[Line] | None = None
        self._made_for = -1

    # Data ------------------------------------------------------------------------------------------------------------

    def show(self, make: LineMaker, *, keep: bool = False) -> None:
        """Show the lines that `make` gives; from the first on, or where it was scrolled to if `keep`."""
        self._make, self._lines = make, None
        self.top = min(self.top, self.last_top) if keep else 0
        self.refresh(layout=self.styles.is_auto_height)

    @property
    def lines(self) -> Sequence[Line]:
        """All lines at the width there is now."""
        width = max(8, self.content_size.width - 2 * self._pad)
        if self._lines is None or self._made_for != width:
            self._lines, self._made_for = self._make(width), width
        return self._lines

    @property
    def room(self) -> int:
        """Lines in sight."""
        return max(1, self.content_size.height)

    @property
    def last_top(self) -> int:
        """The first line in sight where the end is in sight."""
        return max(0, len(self.lines) - self.room)

    def show_line(self, index: int) -> None:
        """Scroll so that this line is in sight."""
        if index < self.top or index >= self.top + self.room:
            self.top = max(0, min(index - 1, self.last_top))

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_go_lines(self, step: int) -> None:
        self._scroll(self.top + step, step)

    def action_go_pages(self, step: int) -> None:
        self._scroll(self.top + step * max(1, self.room - 1), step)

    def action_go_end(self, last: int) -> None:
        self.top = self.last_top if last else 0

    def _scroll(self, wanted: int, step: int) -> None:
        before = self.top
        self.top = max(0, min(wanted, self.last_top))
        if self.top == before:
            self.post_message(self.Edge(self, 1 if step > 0 else -1))

    def watch_top(self) -> None:
        self.post_message(self.Scrolled(self))

    def on_resize(self) -> None:
        self.top = min(self.top, self.last_top)
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_go_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_go_lines(-3)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render(self) -> RenderResult:
        return ""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._make(max(8, width - 2 * self._pad)))

    def notify_style_update(self) -> None:
        """The theme or the signs changed: lines may have been made with the old ones."""
        self._lines = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        colours, base, width = palette(self.app), self.rich_style, self.content_size.width
        index = self.top + y
        if index >= len(self.lines):
            return Strip.blank(width, base)
        blank: Part = (" " * self._pad, Style())
        return line([blank, *((text, style_of(colours, token)) for text, token in self.lines[index])], width, base)
