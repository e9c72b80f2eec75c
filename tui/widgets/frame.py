"""The frame of every screen: one title line at the top, one key line at the bottom. Each draws only when its text changed."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from textual.app import RenderResult
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.keys import Shown, shown_keys
from tui.themes import palette
from tui.widgets.lines import Part, between, line, width_of

#: Cells between two keys of the key line.
_GAP = 2


class TitleLine(Widget):
    """Product, area, what is open; at the right what is in hand, runs at work and who. All texts may come from outside."""

    PRODUCT = "modeltrain"

    area: reactive[str] = reactive("")
    opened: reactive[str] = reactive("")
    in_hand: reactive[str] = reactive("")
    runs: reactive[str] = reactive("")
    who: reactive[str] = reactive("")

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, signs, base = palette(self.app), glyphs(self.app), self.rich_style
        left: list[Part] = [(f" {self.PRODUCT}  ", colours.accent), (one_line(self.area), colours.bold)]
        if self.opened:
            left += [(f" {signs.crumb} ", colours.dim), (one_line(self.opened), colours.text)]
        left.append(("  ", colours.dim))
        right: list[Part] = []
        at_work = f"{self.runs} {signs.running}" if self.runs else ""
        for text, style in ((self.in_hand, colours.dim), (at_work, colours.good), (self.who, colours.text)):
            if text:
                right += [("  ", style), (one_line(text, 40), style)]
        return between(left, [*right, (" ", colours.dim)] if right else [], self.size.width, base, signs.ellipsis)


class KeyLine(Widget):
    """The keys that work here, in the order of their bindings. On a narrow terminal those with the highest rank give way first, of the
    same rank those at the end, Ctrl+P and F1 never."""

    ALWAYS = ("ctrl+p", "f1")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown: tuple[Shown, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self._shown = shown_keys(self.screen)

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.update()

    def update(self) -> None:
        """Look at the bindings again (also after a switch of language)."""
        shown = shown_keys(self.screen)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, width = palette(self.app), self.size.width
        last = [self._part(item) for item in self._shown if item.raw in self.ALWAYS]
        # The blanks behind the last one need no room.
        room = width - 1 - sum(width_of(parts) for parts in last) + _GAP
        fitting: set[str] = set()
        for item in sorted(self._shown, key=lambda shown: shown.rank):
            wanted = width_of(self._part(item))
            if item.raw not in self.ALWAYS and wanted <= room:
                fitting.add(item.raw)
                room -= wanted
        parts: list[Part] = [(" ", colours.dim)]
        for item in self._shown:
            parts += self._part(item) if item.raw in fitting else []
        for made in last:
            parts += made
        return line(parts, width, self.rich_style)

    def _part(self, item: Shown) -> list[Part]:
        colours = palette(self.app)
        return [(item.key, colours.key), (f" {item.text}" + " " * _GAP, colours.dim)]


class Rule(Widget):
    """A thin line between regions, with a word on it if there is one."""

    text: reactive[str] = reactive("")

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.set_reactive(Rule.text, text)

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, signs, width = palette(self.app), glyphs(self.app), self.size.width
        if not self.text:
            return line([(signs.rule * width, colours.rule)], width, self.rich_style)
        word = f" {one_line(self.text)} "
        rest = max(0, width - 2 - cell_len(word))
        parts: list[Part] = [(signs.rule * 2, colours.rule), (word, colours.dim), (signs.rule * rest, colours.rule)]
        return line(parts, width, self.rich_style)


class Paragraphs(Widget):
    """Text that wraps: titles, explanations, help. Data in, nothing out; every part is drawn as it is, never as markup."""

    def __init__(self, *parts: tuple[str, str], id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._parts = parts
        self._lines: list[Part] = []
        self._laid_out: tuple[int, object] = (-1, None)

    def show(self, *parts: tuple[str, str]) -> None:
        """Show these (text, token) paragraphs: the token is a name of the palette, such as "dim"."""
        if parts != self._parts:
            self._parts = parts
            self._laid_out = (-1, None)
            self.refresh(layout=True)

    def _lay_out(self, width: int) -> None:
        from tui.widgets.lines import wrap

        if self._laid_out == (width, self._parts):
            return
        colours = palette(self.app)
        self._lines = [
            (text, getattr(colours, token) if token else Style()) for paragraph, token in self._parts for text in wrap(paragraph, width)
        ]
        self._laid_out = (width, self._parts)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        self._lay_out(width)
        return len(self._lines)

    def notify_style_update(self) -> None:
        """The theme changed: the styles of the lines are of the old one."""
        self._laid_out = (-1, None)
        super().notify_style_update()

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        self._lay_out(width)
        parts = [self._lines[y]] if y < len(self._lines) else []
        return line(parts, width, self.rich_style)
