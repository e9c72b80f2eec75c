"""Ctrl+G: the areas with their letters, and the tabs of Compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.binding import Binding
from textual.widget import Widget

from tui.areas import AREAS
from tui.glyphs import Glyphs, glyphs
from tui.i18n import _
from tui.screens.compare.tabs import MODE as COMPARE
from tui.screens.compare.tabs import TABS
from tui.widgets.dialogs import Dialog
from tui.widgets.rows import Column, Row, Rows


@dataclass(frozen=True, slots=True)
class Place:
    """Where Ctrl+G leads: an area, or a tab of one (`name` is "area/tab" then)."""

    name: str
    title: str
    letter: str
    about: str
    key: str = ""

    def shown(self, signs: Glyphs) -> str:
        """Its title in the list: tabs stand below their area, with a mark."""
        return f"{signs.bullet} {_(self.title)}" if "/" in self.name else _(self.title)


def places() -> Iterator[Place]:
    """The areas in order, each followed by those of its tabs that have a letter of their own."""
    for area in AREAS.values():
        yield Place(area.name, area.title, area.letter, area.about, area.key)
        if area.name == COMPARE:
            yield from (
                Place(f"{COMPARE}/{tab.name}", tab.title, tab.letter, tab.about) for tab in TABS.values() if tab.letter != area.letter
            )


class AreasDialog(Dialog[str | None]):
    """Returns the name of the chosen place, None for Esc."""

    def __init__(self) -> None:
        super().__init__(_("Go to"))
        for place in places():
            self._bindings.bind(place.letter, f"go({place.name!r})", place.title, show=False)
        self._bindings.key_to_bindings.setdefault("enter", []).append(Binding("enter", "accept", "", show=False, priority=True))

    def compose_answer(self) -> Iterable[Widget]:
        columns = (Column("letter", "", 3), Column("title", "", 12), Column("about", "", 30, grow=True), Column("key", "", 6, right=True))
        yield Rows(columns, header=False, id="dialog-rows")

    def on_mount(self) -> None:
        signs = glyphs(self.app)
        rows = [
            Row(
                place.name,
                {"letter": place.letter, "title": place.shown(signs), "about": _(place.about), "key": place.key},
                {"letter": "accent", "about": "dim", "key": "dim"},
            )
            for place in places()
        ]
        self.query_one(Rows).show(rows, keep=self.app.current_mode)
        self.query_one(Rows).focus()

    def action_go(self, name: str) -> None:
        self.dismiss(name)

    def action_accept(self) -> None:
        self.dismiss(self.query_one(Rows).current_id or None)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(event.row_id)
