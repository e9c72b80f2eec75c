"""Heads: above the columns, who answers in each, how it stands, and its figures. One widget for all columns; data in, `Clicked` out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import one_line
from tui.glyphs import Glyphs, glyphs
from tui.themes import Palette, palette
from tui.widgets.lines import Part, fit, line, width_of, wrap

#: Text and the names of the palette's styles, separated by blanks.
Words = tuple[str, str]
#: From this width of a column on its figures need two lines, or one.
_TWO, _ONE = 44, 84


@dataclass(frozen=True, slots=True)
class Head:
    """One column. `sign`: name of a glyph. `state`, `marks` and `verdict` are in words already; `figures` the most important first."""

    label: str
    name: str
    sign: str = "waiting"
    tone: str = "dim"
    state: str = ""
    marks: tuple[Words, ...] = ()
    verdict: str = ""
    figures: tuple[str, ...] = ()


def widths(total: int, count: int) -> list[int]:
    """The widths of `count` columns with a line of one cell between them."""
    each, rest = divmod(max(0, total - (count - 1)), count)
    return [each + (1 if index < rest else 0) for index in range(count)]


def figure_lines(width: int) -> int:
    """How many lines the figures of a column of this width may need: always the same, so that nothing jumps when they come."""
    return 1 if width >= _ONE else 2 if width >= _TWO else 3


@dataclass
class _Shown:
    heads: tuple[Head, ...] = ()
    current: int = 0
    single: bool = False
    strips: list[Strip] = field(default_factory=list)


class Heads(Widget):
    """`show` says what is there; it is as high as it has to be at its width."""

    @dataclass
    class Clicked(Message):
        """The head of this column was clicked."""

        heads: Heads
        index: int

        @property
        def control(self) -> Heads:
            return self.heads

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown = _Shown()

    # Data ------------------------------------------------------------------------------------------------------------

    def show(self, heads: Sequence[Head], current: int, *, single: bool) -> None:
        """Show `heads`; `current` is in hand. `single`: only that column is in sight, the others stand in a line of their own."""
        before = self._shown
        if (before.heads, before.current, before.single) == (tuple(heads), current, single):
            return
        self._shown = _Shown(tuple(heads), current, single)
        if (len(before.heads), before.single) != (len(heads), single):
            self.refresh(layout=True)
            return
        if not self.size.width or len(before.strips) != self.size.height:
            self.refresh()
            return
        # The seconds of an answer go on: only lines that look different are sent.
        self._shown.strips = self._make()
        changed = [y for y, (old, new) in enumerate(zip(before.strips, self._shown.strips, strict=True)) if old != new]
        if changed:
            self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))

    def height_at(self, width: int) -> int:
        """How many lines it has at this width."""
        shown = self._shown
        if not shown.heads:
            return 0
        column = width if shown.single else widths(width, len(shown.heads))[-1]
        return 2 + figure_lines(column)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self.height_at(width)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render(self) -> RenderResult:
        return ""

    def notify_style_update(self) -> None:
        self._shown.strips = []
        super().notify_style_update()

    def on_resize(self) -> None:
        self._shown.strips = []
        self.refresh()

    def redraw(self) -> None:
        """The language or the signs are others."""
        self._shown.strips = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if len(self._shown.strips) != self.size.height:
            self._shown.strips = self._make()
        strips = self._shown.strips
        return strips[y] if y < len(strips) else Strip.blank(self.size.width, self.rich_style)

    def _make(self) -> list[Strip]:
        shown, width, base = self._shown, self.size.width, self.rich_style
        colours, signs = palette(self.app), glyphs(self.app)
        if not shown.heads:
            return [Strip.blank(width, base)] * self.size.height
        if shown.single:
            head = shown.heads[min(shown.current, len(shown.heads) - 1)]
            rows = [_bar(shown.heads, shown.current, width, colours, signs), *_below(head, width, colours, signs)]
            made = [line(parts, width, base) for parts in rows]
        else:
            made = self._beside(shown, width, base, colours, signs)
        return (made + [Strip.blank(width, base)] * self.size.height)[: self.size.height]

    def _beside(self, shown: _Shown, width: int, base: Style, colours: Palette, signs: Glyphs) -> list[Strip]:
        cells = widths(width, len(shown.heads))
        columns = [
            [_first(head, index == shown.current, cells[index], colours, signs), *_below(head, cells[index], colours, signs)]
            for index, head in enumerate(shown.heads)
        ]
        lines: list[Strip] = []
        for row in range(2 + figure_lines(cells[-1])):
            parts: list[Part] = []
            for index, column in enumerate(columns):
                if index:
                    parts.append((signs.wall, colours.rule))
                own = column[row] if row < len(column) else []
                parts += own
                parts.append((" " * max(0, cells[index] - width_of(own)), Style()))
            lines.append(line(parts, width, base))
        return lines

    # Mouse -----------------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        shown, at = self._shown, 0
        signs = glyphs(self.app)
        if shown.single:
            sizes = (
                [width_of(_tab(head, False, _tab_room(shown.heads, self.size.width), palette(self.app), signs)) for head in shown.heads]
                if event.y == 0
                else []
            )
        else:
            sizes = [size + 1 for size in widths(self.size.width, len(shown.heads))] if shown.heads else []
        for index, size in enumerate(sizes):
            if at <= event.x < at + size:
                self.post_message(self.Clicked(self, index))
                return
            at += size


def _first(head: Head, current: bool, width: int, colours: Palette, signs: Glyphs) -> list[Part]:
    """Letter and name; at the right what the verdict says."""
    verdict = one_line(head.verdict)
    room = width - 4 - (cell_len(verdict) + 1 if verdict else 0)
    pointer = signs.pointer if current else " "
    parts: list[Part] = [(f"{pointer}", colours.accent), (f"{head.label} ", colours.bold + (colours.accent if current else colours.text))]
    name = fit(one_line(head.name), max(0, room), signs.ellipsis)
    parts.append((name, colours.bold + colours.text))
    if verdict:
        parts += [(" " * max(1, width - width_of(parts) - cell_len(verdict) - 1), Style()), (verdict, colours.warn)]
    return parts


def _tab(head: Head, current: bool, room: int, colours: Palette, signs: Glyphs) -> list[Part]:
    """A column that is not in sight, or the one that is, in the line of columns."""
    style = colours.bold + colours.accent if current else colours.dim
    name = fit(one_line(head.name), max(4, room - 7), signs.ellipsis)
    front = signs.pointer if current else " "
    return [
        (front, colours.accent),
        (f"{head.label} {name} ", style),
        (getattr(signs, head.sign), getattr(colours, head.tone)),
        ("  ", style),
    ]


def _tab_room(heads: Sequence[Head], width: int) -> int:
    """Cells for each column in the line of columns, whichever is in hand."""
    longest = max(cell_len(one_line(head.verdict)) for head in heads)
    return max(8, (width - longest - 1) // len(heads))


def _bar(heads: Sequence[Head], current: int, width: int, colours: Palette, signs: Glyphs) -> list[Part]:
    verdict = one_line(heads[min(current, len(heads) - 1)].verdict)
    parts: list[Part] = []
    for index, head in enumerate(heads):
        parts += _tab(head, index == current, _tab_room(heads, width), colours, signs)
    if verdict and (room := width - width_of(parts) - cell_len(verdict) - 1) >= 0:
        parts += [(" " * room, Style()), (verdict, colours.warn)]
    return parts


def _below(head: Head, width: int, colours: Palette, signs: Glyphs) -> list[list[Part]]:
    """The line of the state with its marks, then the figures."""
    state: list[Part] = [
        (" ", Style()),
        (f"{getattr(signs, head.sign)} ", getattr(colours, head.tone)),
        (one_line(head.state), colours.dim),
    ]
    separator = " - " if signs.ascii else " · "
    for text, token in head.marks:
        word = one_line(text)
        if width_of(state) + cell_len(separator) + cell_len(word) <= width - 1:
            state += [(separator, colours.dim), (word, getattr(colours, token) + colours.bold)]
    flowing = _flow(head.figures, width - 2, figure_lines(width), separator)
    return [state, *([(" ", Style()), (text, colours.dim)] for text in flowing)]


def _flow(figures: Sequence[str], width: int, most: int, separator: str) -> list[str]:
    """The figures in at most so many lines; what does not fit is left out from the end."""
    lines: list[str] = []
    for text in (part for figure in figures for part in wrap(one_line(figure), width)):
        longer = f"{lines[-1]}{separator}{text}" if lines else text
        if lines and cell_len(longer) <= width:
            lines[-1] = longer
        elif len(lines) < most:
            lines.append(fit(text, width))
        else:
            break
    return lines
