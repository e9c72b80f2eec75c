"""TabLine: a few views of one screen in one line, with how many each holds. Left and right change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.glyphs import glyphs
from tui.i18n import _
from tui.themes import palette
from tui.widgets.lines import Part, line


class TabLine(Widget):
    """`tabs`: name -> untranslated title. `remark` is drawn at the right, already translated."""

    active: reactive[str] = reactive("", init=False)
    remark: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another view was chosen."""

        tabs: TabLine
        name: str

        @property
        def control(self) -> TabLine:
            return self.tabs

    def __init__(self, tabs: Mapping[str, str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.tabs = dict(tabs)
        self.counts: dict[str, int] = {}
        self.set_reactive(TabLine.active, next(iter(tabs)))

    def step(self, by: int) -> None:
        """Go to the next or previous view."""
        names = list(self.tabs)
        self.active = names[(names.index(self.active) + by) % len(names)]

    def count(self, name: str, number: int) -> None:
        """Say how many the view `name` holds."""
        if self.counts.get(name) != number:
            self.counts[name] = number
            self.refresh()

    def watch_active(self) -> None:
        self.post_message(self.Changed(self, self.active))

    def _titles(self) -> list[tuple[str, str]]:
        return [
            (name, f" {_(title)} {self.counts[name]} " if name in self.counts else f" {_(title)} ") for name, title in self.tabs.items()
        ]

    def on_click(self, event: events.Click) -> None:
        offset, at = event.get_content_offset(self), 1
        for name, title in self._titles():
            width = cell_len(title) + 1
            if offset is not None and at <= offset.x < at + width:
                self.active = name
            at += width

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, signs, width = palette(self.app), glyphs(self.app), self.size.width
        parts: list[Part] = [(signs.rule, colours.rule)]
        for name, title in self._titles():
            parts.append((title, colours.accent + colours.bold if name == self.active else colours.dim))
            parts.append((signs.rule, colours.rule))
        used = sum(cell_len(text) for text, _style in parts)
        word = f" {self.remark} " if self.remark else ""
        rest = width - used - cell_len(word) - 1
        if rest < 1:
            word, rest = "", max(0, width - used - 1)
        parts += [(signs.rule * rest, colours.rule), (word, colours.dim), (signs.rule, colours.rule)]
        return line(parts, width, self.rich_style)
