"""The rows of a dataset as a person reads them, page by page, from a file of any size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset, Preview, PreviewRow
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.data import texts
from tui.screens.data.dialogs import GoToRow
from tui.screens.data.pages import DatasetPage, page_bindings
from tui.screens.data.reading import heading, text_lines, turn_lines, turns_of
from tui.widgets.frame import Rule
from tui.widgets.sheet import Line, Sheet

#: Rows that are read at a time, turns of a row that are drawn, lines of a turn.
_WINDOW, _TURNS, _LINES = 20, 8, 5


class RowSheet(Sheet, inherit_bindings=True):
    """A sheet of rows, one of them in hand: moving by a line moves by a row, and the ends are those of the file."""

    @dataclass
    class Stepped(Sheet._Of):
        """Another row is wanted: the next (1), or the one before (-1)."""

        step: int

    @dataclass
    class ToEnd(Sheet._Of):
        """The first row is wanted, or the `last`."""

        last: bool

    def action_go_lines(self, step: int) -> None:
        if abs(step) == 1:
            self.post_message(self.Stepped(self, step))
        else:
            super().action_go_lines(step)

    def action_go_end(self, last: int) -> None:
        self.post_message(self.ToEnd(self, bool(last)))


class PreviewPage(DatasetPage, inherit_bindings=False):
    """A window of rows in a sheet; it moves along the file."""

    PAGE = "preview"
    HELP = N_(
        "The rows as a person reads them: who says what, in the order in which the model reads it. Long texts are folded; Enter shows a "
        "row in full, and how it stands in the file.\n\n"
        "j and k move by a row, PgDn and PgUp by a page, g and G to the first and the last row, and : to a row by its number. A file of "
        "any size opens at once."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        Binding("enter", "open_row", N_("whole row"), id="data.preview.open", tooltip=N_("Show the row in hand in full")),
        Binding("colon", "go_to", N_("go to row"), id="data.preview.go_to", key_display=":", tooltip=N_("Go to a row by its number")),
    )

    _window = Preview((), 0, None)
    _cursor = 0
    _loaded = False

    def compose_page(self) -> Iterable[Any]:
        yield Rule(id="preview-rule")
        yield RowSheet(pad_x=1, id="preview-sheet")

    def on_mount(self) -> None:
        self._starts: list[int] = []
        self._reading = asyncio.Lock()
        super().on_mount()
        self.sheet.focus()

    @property
    def sheet(self) -> RowSheet:
        return self.query_one("#preview-sheet", RowSheet)

    async def load(self, item: Dataset) -> None:
        async with self._reading:  # else what is read anew as a dialog closes might undo the jump that the dialog was for
            await self._read(item, self._window.start)
            self._cursor = min(self._cursor, max(0, len(self._window.rows) - 1))

    async def _read(self, item: Dataset, start: int) -> None:
        self._window = await self.services.datasets.preview(self.principal, item.id, start=max(0, start), count=_WINDOW)
        self._loaded = True

    @property
    def _total(self) -> int | None:
        return self._window.total

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        if self._loaded:
            self._draw_rule()
            self.sheet.show(self._lines, keep=True)
            self._show_cursor()

    def _draw_rule(self) -> None:
        rows, total = self._window.rows, self._total
        number = f"{self._window.start + self._cursor + 1:,}"
        if not rows:
            text = _("no rows")
        elif total is None:
            text = _("row {number}; how many there are is known after a check").format(number=number)
        else:
            text = ngettext("row {number} of {count}", "row {number} of {count}", total).format(number=number, count=f"{total:,}")
        self.query_one("#preview-rule", Rule).text = text

    def _lines(self, width: int) -> list[Line]:
        width = min(width, 140)
        lines: list[Line] = []
        self._starts = []
        for index, row in enumerate(self._window.rows):
            self._starts.append(len(lines))
            lines += self._row_lines(row, width, in_hand=index == self._cursor)
        return lines or [((_("There is no row here."), "dim"),)]

    def _row_lines(self, row: PreviewRow, width: int, *, in_hand: bool) -> list[Line]:
        signs = glyphs(self.app)
        words = [(_("row {number}").format(number=f"{row.row + 1:,}"), "accent bold" if in_hand else "text")]
        if row.line is not None:
            words.append((_("line {number}").format(number=f"{row.line:,}"), "dim"))
        words.append((texts.size(row.size), "dim"))
        front = (signs.pointer if in_hand else " ", "accent")
        lines: list[Line] = [(front, *heading(words, width - 1, signs))]
        if row.value is None or row.cut:
            lines += [((front[0], "accent"), (text, "dim")) for text, _more in text_lines(row.raw, width - 2, most=_LINES)]
            return [*lines, ()]
        turns = turns_of(row.value, self._layout)
        for turn in turns[:_TURNS]:
            lines += [(front, *line) for line in turn_lines(turn, width - 1, most=_LINES)]
        if len(turns) > _TURNS:
            more = len(turns) - _TURNS
            lines.append((front, (ngettext("… {count} more turn", "… {count} more turns", more).format(count=more), "dim")))
        return [*lines, ()]

    @property
    def _layout(self) -> Any:
        summary = self.dataset.current.summary if self.dataset is not None else None
        return summary.layout if summary is not None else None

    # Moving ----------------------------------------------------------------------------------------------------------

    def _show_cursor(self) -> None:
        """Have the row in hand in sight, the whole of it where that fits."""
        sheet = self.sheet
        if not self._window.rows or not sheet.lines:
            return
        first = self._starts[self._cursor]
        after = self._starts[self._cursor + 1] if self._cursor + 1 < len(self._starts) else len(sheet.lines)
        if first < sheet.top:
            sheet.top = first
        elif after > sheet.top + sheet.room:
            sheet.top = max(0, min(first, after - sheet.room))

    def on_row_sheet_stepped(self, event: RowSheet.Stepped) -> None:
        wanted = self._cursor + event.step
        if 0 <= wanted < len(self._window.rows):
            self._cursor = wanted
            self.draw()
        else:
            self._go(self._window.start + wanted)

    def on_sheet_edge(self, event: Sheet.Edge) -> None:
        self._go(self._window.start + (len(self._window.rows) if event.step > 0 else -1))

    def on_sheet_scrolled(self, event: Sheet.Scrolled) -> None:
        """After a page the row in hand is the first one in sight."""
        sheet = self.sheet
        if not self._starts or not self._window.rows:
            return
        first = self._starts[self._cursor]
        after = self._starts[self._cursor + 1] if self._cursor + 1 < len(self._starts) else len(sheet.lines)
        if after <= sheet.top + 1 or first >= sheet.top + sheet.room:
            shown = [index for index, start in enumerate(self._starts) if start >= sheet.top]
            self._cursor = min(shown[0] if shown else len(self._starts) - 1, len(self._window.rows) - 1)
            self._draw_rule()
            sheet.show(self._lines, keep=True)

    def on_row_sheet_to_end(self, event: RowSheet.ToEnd) -> None:
        total = self._total
        if not event.last:
            self._go(0)
        elif total is not None:
            self._go(total - 1)
        else:
            self.modeltrain.say(_("Where the last row is will be known after a check."))

    def action_go_to(self) -> None:
        self.app.push_screen(GoToRow(self._total), lambda row: self._go(row) if row is not None else None)

    def _go(self, row: int) -> None:
        """Take this row into hand, wherever in the file it is."""
        total = self._total
        if row < 0 or (total is not None and row >= total):
            return
        if self._window.start <= row < self._window.start + len(self._window.rows):
            self._cursor = row - self._window.start
            self.draw()
        else:
            self.start(self._jump, row, group="rows")

    async def _jump(self, row: int) -> None:
        if self.dataset is None:
            return
        async with self._reading:
            await self._jump_alone(self.dataset, row)

    async def _jump_alone(self, dataset: Dataset, row: int) -> None:
        before, at = self._window, self._window.start + self._cursor
        # Coming from below, the window ends with the row; else it begins shortly before it.
        start = max(0, row - _WINDOW + 1) if row < at else row if row == before.start + len(before.rows) else max(0, row - 2)
        await self._read(dataset, start)
        if not self._window.rows:
            self._window = before
            self.modeltrain.say(_("There is no row after this one, or it is known only after a check."))
            return
        self._cursor = max(0, min(row - self._window.start, len(self._window.rows) - 1))
        self.sheet.show(self._lines)
        self.draw()

    def action_open_row(self) -> None:
        from tui.screens.data.row import RowScreen

        if self.dataset is not None and self._window.rows:
            self.app.push_screen(RowScreen(self.dataset, self._window.rows[self._cursor].row))
