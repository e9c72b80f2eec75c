"""Rows: a list as one widget that draws its own lines. Columns drop from the right when it is narrow; rows can be marked.

Data in (`show`), messages out (`Highlighted`, `Chosen`, `Marked`). All cells are sanitised and never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.themes import palette
from tui.widgets.lines import Part, line, pad, wrap


@dataclass(frozen=True, slots=True)
class Column:
    """`title`: untranslated. `width`: cells; `grow`: takes what is left (one column of a list). The last ones drop first."""

    key: str
    title: str
    width: int
    grow: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """`cells`: column key -> text, already translated or from outside. `tokens`: column key -> name of the palette's style."""

    id: str
    cells: Mapping[str, str]
    tokens: Mapping[str, str] = field(default_factory=dict)


class Rows(Widget, can_focus=True):
    """The list. `linked`: one of several under one another; moving beyond its end goes on in the next, and one cursor is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", N_("open"), id="list.open", tooltip=N_("Open what is in hand")),
        Binding("down,j", "move(1)", N_("down"), show=False),
        Binding("up,k", "move(-1)", N_("up a line"), show=False),
        Binding("pagedown,ctrl+f", "page(1)", N_("a page down"), show=False),
        Binding("pageup", "page(-1)", N_("a page up"), show=False),
        Binding("g,home", "end(0)", N_("first"), show=False),
        Binding("G,end", "end(1)", N_("last"), show=False),
        Binding("space", "mark", N_("mark"), id="list.mark", tooltip=N_("Mark this row for an action on many"), show=False),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class _ForRow(Message):
        rows: Rows
        row_id: str

        @property
        def control(self) -> Rows:
            return self.rows

    class Highlighted(_ForRow):
        """Another row is in hand; `row_id` is "" when there is none."""

    class Chosen(_ForRow):
        """Enter or a second click on a row."""

    class Marked(_ForRow):
        """The marks changed."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        markable: bool = False,
        header: bool = True,
        linked: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.markable = markable
        self.header = header
        self.linked = linked
        #: Whether Enter does something with a row; without it the key line does not offer it.
        self.openable = True
        self.rows: tuple[Row, ...] = ()
        self.marked: set[str] = set()
        self.empty: tuple[tuple[str, str], ...] = ()
        self._top = 0

    # Data ------------------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[Row], *, empty: Sequence[tuple[str, str]] = (), keep: str | None = None) -> None:
        """Show `rows`; the row in hand stays (or becomes `keep`) where it is still there, marks of vanished rows go."""
        wanted = keep if keep is not None else self.current_id
        self.rows, self.empty = tuple(rows), tuple(empty)
        known = {row.id for row in self.rows}
        if self.marked - known:
            self.marked &= known
            self.post_message(self.Marked(self, ""))
        index = next((index for index, row in enumerate(self.rows) if row.id == wanted), None)
        if index is None:
            index = min(self.cursor, max(0, len(self.rows) - 1))
        before = self.cursor
        self.cursor = index
        if before == index:
            self._show_cursor()
            self.post_message(self.Highlighted(self, self.current_id))
        self.refresh(layout=self.styles.is_auto_height)

    def move_to(self, row_id: str) -> None:
        """Take the row into hand, if it is there."""
        for index, row in enumerate(self.rows):
            if row.id == row_id:
                self.cursor = index

    @property
    def current_id(self) -> str:
        """The row in hand, "" if there is none."""
        return self.rows[self.cursor].id if self.cursor < len(self.rows) else ""

    @property
    def selected_ids(self) -> list[str]:
        """The marked rows in order, or else the one in hand."""
        if self.marked:
            return [row.id for row in self.rows if row.id in self.marked]
        return [self.current_id] if self.current_id else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return {"choose": self.openable and bool(self.rows), "mark": self.markable}.get(action, True)

    # Moving ----------------------------------------------------------------------------------------------------------

    @property
    def _page(self) -> int:
        return max(1, self.size.height - int(self.header))

    def watch_cursor(self) -> None:
        self._show_cursor()
        self.post_message(self.Highlighted(self, self.current_id))

    def _show_cursor(self) -> None:
        if self.cursor < self._top:
            self._top = self.cursor
        elif self.cursor >= self._top + self._page:
            self._top = self.cursor - self._page + 1
        self._top = max(0, min(self._top, len(self.rows) - self._page))

    def on_resize(self) -> None:
        # Before the first layout nothing is known of the height: what was scrolled to then may now begin elsewhere.
        self._show_cursor()
        self.refresh()

    def action_move(self, step: int) -> None:
        if self.linked and abs(step) == 1 and not 0 <= self.cursor + step < len(self.rows):
            self.screen.focus_next(Rows) if step > 0 else self.screen.focus_previous(Rows)
            return
        self.cursor = max(0, min(self.cursor + step, len(self.rows) - 1))

    def action_page(self, direction: int) -> None:
        self.action_move(direction * self._page)

    def action_end(self, last: int) -> None:
        self.cursor = max(0, len(self.rows) - 1) if last else 0

    def action_choose(self) -> None:
        if self.current_id:
            self.post_message(self.Chosen(self, self.current_id))

    def action_mark(self) -> None:
        if not self.markable or not self.current_id:
            return
        self.marked ^= {self.current_id}
        self.action_move(1)
        self.refresh()
        self.post_message(self.Marked(self, self.current_id))

    def clear_marks(self) -> bool:
        """Take all marks off; whether there were any."""
        had = bool(self.marked)
        self.marked.clear()
        if had:
            self.refresh()
            self.post_message(self.Marked(self, ""))
        return had

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-1)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = self._top + offset.y - int(self.header)
        if offset.y < int(self.header) or index >= len(self.rows):
            return
        if index == self.cursor:
            self.action_choose()
        else:
            self.cursor = index

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render(self) -> RenderResult:
        return ""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self.rows) + int(self.header))

    def _layout(self) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        free = self.size.width - 2
        fitting: list[Column] = []
        used = 0
        for column in self.columns:
            if fitting and used + column.width + 2 > free:
                break
            fitting.append(column)
            used += column.width + 2
        spare = max(0, free - used)
        return [(column, column.width + (spare if column.grow else 0)) for column in fitting]

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        if not self.rows:
            return self._empty_line(y, base, width)
        if self.header and y == 0:
            colours = palette(self.app)
            parts: list[Part] = [("  ", Style())]
            for column, cells in self._layout():
                parts.append((pad(_(column.title), cells, right=column.right) + "  ", colours.dim))
            return line(parts, width, base)
        index = self._top + y - int(self.header)
        return self._row_line(index, base, width) if index < len(self.rows) else Strip.blank(width, base)

    def _row_line(self, index: int, base: Style, width: int) -> Strip:
        colours, signs, row = palette(self.app), glyphs(self.app), self.rows[index]
        in_hand = index == self.cursor and (self.has_focus or not self.linked)
        if in_hand:
            base = base + (colours.selection if self.has_focus else colours.raised)
        front = signs.pointer if in_hand else " "
        mark = signs.mark if row.id in self.marked else " "
        parts: list[Part] = [(front, Style() if colours.ansi else colours.accent), (mark, Style() if colours.ansi else colours.warn)]
        for column, cells in self._layout():
            # A reversed row would show each colour as its ground.
            flat = in_hand and colours.ansi
            style = Style() if flat else getattr(colours, row.tokens.get(column.key, "text"))
            parts.append((pad(one_line(row.cells.get(column.key, "")), cells, right=column.right, ellipsis=signs.ellipsis), style))
            parts.append(("  ", Style()))
        return line(parts, width, base)

    def _empty_line(self, y: int, base: Style, width: int) -> Strip:
        colours = palette(self.app)
        lines: list[Part] = [("", Style())] if self.header else []
        for text, token in self.empty:
            lines += [("  " + part, getattr(colours, token)) for part in wrap(text, max(1, width - 4))]
        return line([lines[y]] if y < len(lines) else [], width, base)


def widest(texts: Sequence[str], least: int, most: int) -> int:
    """The cells that a column of `texts` needs, within bounds."""
    return max(least, min(most, max((cell_len(text) for text in texts), default=least)))
