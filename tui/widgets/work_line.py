"""WorkLine: long work in one line: what, a bar, how far, how to call it off. It takes no room while nothing is under way."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.app import RenderResult
from textual.strip import Strip
from textual.widget import Widget

from tui.glyphs import glyphs
from tui.themes import palette
from tui.widgets.histogram import progress_bar
from tui.widgets.lines import Part, between, fit

_BAR = 16


class WorkLine(Widget):
    """`show` and `clear`; drawn only when what it says changed. All texts are already translated; from outside, already sanitised."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="work-line")
        self.display = False
        self._words, self._hint = "", ""
        self._fraction: float | None = None
        self._figures: tuple[str, ...] = ()

    def show(self, words: str, fraction: float | None, figures: Sequence[str], hint: str = "") -> None:
        """`words`: what is done; `fraction` of it, None where it cannot be said; `figures`: the first ones stay where there is no room."""
        wanted = (words, fraction, tuple(figures), hint)
        if wanted != (self._words, self._fraction, self._figures, self._hint) or not self.display:
            self._words, self._fraction, self._figures, self._hint = wanted
            self.display = True
            self.refresh()

    def clear(self) -> None:
        """Nothing is under way any more."""
        self.display = False

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        colours, signs, width = palette(self.app), glyphs(self.app), self.size.width
        hint = f"{self._hint} " if self._hint else ""
        room = width - cell_len(hint) - 2
        left: list[Part] = [(f" {signs.running} ", colours.accent)]
        words = fit(self._words, max(12, room // 2), signs.ellipsis)
        left.append((words, colours.text))
        used = cell_len(words) + 3
        if self._fraction is not None:
            done = f" {progress_bar(self._fraction, _BAR, signs)} {self._fraction:4.0%}"
            if used + cell_len(done) <= room:
                left.append((done, colours.accent))
                used += cell_len(done)
        for index, figure in enumerate(self._figures):
            text = f"  {figure}" if not index else f" {signs.bullet} {figure}"
            if used + cell_len(text) > room:
                break
            left.append((text, colours.dim))
            used += cell_len(text)
        return between(left, [(hint, colours.dim)] if hint else [], width, self.rich_style + Style(), signs.ellipsis)
