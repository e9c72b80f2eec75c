"""Ctrl+G: the areas with their letters."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.widget import Widget

from tui.areas import AREAS
from tui.i18n import _
from tui.widgets.dialogs import Dialog
from tui.widgets.rows import Column, Row, Rows


class AreasDialog(Dialog[str | None]):
    """Returns the name of the chosen area, None for Esc."""

    def __init__(self) -> None:
        super().__init__(_("Go to"))
        for area in AREAS.values():
            self._bindings.bind(area.letter, f"go({area.name!r})", area.title, show=False)
        self._bindings.key_to_bindings.setdefault("enter", []).append(Binding("enter", "accept", "", show=False, priority=True))

    def compose_answer(self) -> Iterable[Widget]:
        columns = (Column("letter", "", 3), Column("title", "", 12), Column("about", "", 30, grow=True), Column("key", "", 6, right=True))
        yield Rows(columns, header=False, id="dialog-rows")

    def on_mount(self) -> None:
        rows = [
            Row(
                area.name,
                {
                    "letter": area.letter,
                    "title": _(area.title),
                    "about": _(area.about),
                    "key": area.key,
                },
                {"letter": "accent", "about": "dim", "key": "dim"},
            )
            for area in AREAS.values()
        ]
        self.query_one(Rows).show(rows, keep=self.app.current_mode)
        self.query_one(Rows).focus()

    def action_go(self, name: str) -> None:
        self.dismiss(name)

    def action_accept(self) -> None:
        self.dismiss(self.query_one(Rows).current_id or None)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(event.row_id)
