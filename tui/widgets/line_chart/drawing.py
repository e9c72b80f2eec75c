"""How a chart is drawn: axes, ticks, title, lines in dots. What is in view only; lines that look as before are not painted again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.app import RenderResult
from textual.color import Color
from textual.filter import LineFilter, Monochrome
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import _
from tui.themes import palette
from tui.widgets.direct import show_lines
from tui.widgets.line_chart.canvas import ASCII_FAINT, ASCII_LINES, BROKEN, FAINT, FIRST, POINTER, Canvas
from tui.widgets.line_chart.lines import Kept, Series, Span
from tui.widgets.line_chart.pyramid import Columns
from tui.widgets.line_chart.scale import Scale, nice_ticks, number, scale_for
from tui.widgets.lines import Part, fit, width_of, wrap

#: Colours of lines by order.
TOKENS = ("accent", "good", "warn", "reasoning", "bad", "text")


class DrawnChart(Widget):
    """The part of LineChart that draws. `empty`: what is said without data, translated."""

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.title = title
        self.empty = ""
        self.weight, self.log_scale = 0.0, False
        self.span: Span | None = None
        #: How a step is called where it is no plain number, as a moment is.
        self.step_words: Callable[[int], str] | None = None
        self.pointer: float | None = None
        self._kept: dict[str, Kept] = {}
        self._at_end = False
        self._strips: list[Strip] = []
        self._stale = True
        self._dragged: int | None = None
        self._gutter = 0
        self._brush: tuple[Style, tuple[LineFilter, ...], Color] = (Style(), (), Color(0, 0, 0))
        self._styles: dict[int, Style] = {}

    # Where things are ------------------------------------------------------------------------------------------------

    @property
    def series(self) -> tuple[Series, ...]:
        """What is drawn."""
        return tuple(kept.series for kept in self._kept.values())

    def _whole(self) -> Span:
        """All steps of all series."""
        ends = [(int(kept.raw.steps[0]), int(kept.raw.steps[-1])) for kept in self._kept.values() if len(kept.raw.steps)]
        if not ends:
            return Span(0.0, 1.0)
        low, high = min(low for low, _high in ends), max(high for _low, high in ends)
        return Span(float(low), float(high)) if high > low else Span(low - 1.0, high + 1.0)

    @property
    def shown_span(self) -> Span:
        """The steps in view."""
        return self.span or self._whole()

    @property
    def _is_colourless(self) -> bool:
        return any(isinstance(line_filter, Monochrome) for line_filter in self.get_line_filters())

    @property
    def _is_ascii(self) -> bool:
        """Whether lines are drawn with signs of their own: poor terminals, and several lines without colours."""
        return glyphs(self.app).ascii or (len(self._kept) > 1 and self._is_colourless)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring the screen up to date: only lines that changed are painted again."""
        self._stale = True
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return
        before = self._strips
        self._compose_lines()
        if len(before) != len(self._strips):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, self._strips, strict=True)) if old != new]
        self._strips = [old if old == new else new for old, new in zip(before, self._strips, strict=True)]
        if changed and not show_lines(self, changed[0], self._strips[changed[0] : changed[-1] + 1]):
            self.refresh(Region(0, changed[0], width, changed[-1] - changed[0] + 1))

    def _compose_lines(self) -> None:
        self._stale = False
        self._pick_brush()
        width, height = self.size
        there = any(len(kept.raw.steps) for kept in self._kept.values())
        plot_height = height - 2
        if not there or plot_height < 1 or width < 12:
            self._strips = self._nothing()
            return
        span, ascii_only = self.shown_span, self._is_ascii
        per_cell = 1 if ascii_only else 2
        labels, gutter = [""] * plot_height, self._gutter or 7
        columns = {key: kept.columns(span, (width - gutter) * per_cell) for key, kept in self._kept.items()}
        scale = self._scale([raw for raw, _smooth in columns.values()])
        labels, wanted = _value_labels(scale, plot_height)
        if wanted != gutter and wanted <= width // 3:
            gutter = self._gutter = wanted
            columns = {key: kept.columns(span, (width - gutter) * per_cell) for key, kept in self._kept.items()}
        canvas = Canvas(width - gutter, plot_height, ascii_only=ascii_only)
        signs = glyphs(self.app)
        for raw, smooth in columns.values():
            if smooth is not None:
                canvas.line(raw, scale, FAINT, ASCII_FAINT)
            canvas.breaks(raw, "!" if signs.ascii else "×")
        for index, (raw, smooth) in enumerate(columns.values()):
            canvas.line(smooth or raw, scale, FIRST + index, ASCII_LINES[index % len(ASCII_LINES)])
        if self.pointer is not None and span.low <= self.pointer <= span.high:
            canvas.pointer((self.pointer - span.low) / (span.high - span.low), ":" if signs.ascii else "┊")
        strips = [self._head()]
        strips += [self._plot_line(label, gutter, row) for label, row in zip(labels, canvas.rows(), strict=True)]
        self._strips = [*strips, self._axis(span, gutter)]

    def _scale(self, columns: Sequence[Columns]) -> Scale:
        low, high = math.inf, -math.inf
        positive = math.inf
        for each in columns:
            for values in (each.low, each.high):
                finite = values[np.isfinite(values)]
                if len(finite):
                    low, high = min(low, float(finite.min())), max(high, float(finite.max()))
                    above = finite[finite > 0]
                    positive = min(positive, float(above.min())) if len(above) else positive
        return scale_for(positive if self.log_scale and positive < math.inf else low, high, log=self.log_scale and high > 0)

    def _style(self, index: int) -> Style:
        colours = palette(self.app)
        if index >= FIRST:
            return self._line_style(index - FIRST)
        return {FAINT: colours.rule, POINTER: colours.dim, BROKEN: colours.bad}.get(index, Style())

    def _pick_brush(self) -> None:
        """What every line is drawn with; finding it costs as much as drawing one."""
        base = self.rich_style
        self._brush = base, tuple(self.get_line_filters()), self.background_colors[1]
        self._styles = {index: self._style(index) for index in range(FIRST + len(self._kept))}

    def _line_style(self, index: int) -> Style:
        kept = list(self._kept.values())[index]
        style: Style = getattr(palette(self.app), kept.series.token or TOKENS[index % len(TOKENS)])
        return style

    def _strip(self, parts: Sequence[Part]) -> Strip:
        width = self.size.width
        base, filters, background = self._brush
        segments = list(Strip([Segment(text, base + style) for text, style in parts if text]).adjust_cell_length(width, base))
        for line_filter in filters:
            segments = line_filter.apply(segments, background)
        return Strip(segments, width)

    def _plot_line(self, label: str, gutter: int, row: list[tuple[str, int]]) -> Strip:
        colours, signs = palette(self.app), glyphs(self.app)
        wall = ("+" if signs.ascii else "┤") if label else signs.wall
        parts: list[Part] = [(label.rjust(gutter - 1), colours.dim), (wall, colours.rule)]
        return self._strip([*parts, *((text, self._styles[style]) for text, style in row)])

    def _axis(self, span: Span, gutter: int) -> Strip:
        """The step axis with its ticks."""
        colours, signs = palette(self.app), glyphs(self.app)
        width = self.size.width - gutter
        line = [signs.rule] * width
        free, last = 0, ""
        for tick in self._ticks(span, max(1, width // 14)):
            text, before = self._step_text(tick), last
            last = text
            place = round((tick - span.low) / (span.high - span.low) * (width - 1)) - len(text) // 2
            place = min(max(place, 0), width - len(text))
            if place >= free and len(text) <= width and text != before:
                line[place : place + len(text)] = text
                free = place + len(text) + 1
        text = "".join(line)
        return self._strip([(signs.bottom_left.rjust(gutter), colours.rule), (text, colours.dim)])

    def _ticks(self, span: Span, most: int) -> list[float]:
        """Steps that the axis names: round numbers, or, where steps are called otherwise, evenly spread ones."""
        if self.step_words is None:
            return [tick for tick in nice_ticks(span.low, span.high, most) if tick == round(tick)]
        parts = max(1, min(most, 5) - 1)
        return [float(round(span.low + (span.high - span.low) * part / parts)) for part in range(parts + 1)]

    def _step_text(self, step: float) -> str:
        if self.step_words is not None:
            return self.step_words(round(step))
        return f"{round(step):,}" if abs(step) < 1e7 else number(step)

    def _head(self) -> Strip:
        """Title, values under the crosshair or the last ones, and how it is drawn."""
        colours, signs, width = palette(self.app), glyphs(self.app), self.size.width
        right: list[Part] = []
        if self.weight:
            right.append((f" {signs.bullet} " + _("smooth {weight}").format(weight=f"{self.weight:g}"), colours.dim))
        if self.log_scale:
            right.append((f" {signs.bullet} " + _("log scale"), colours.dim))
        if self.span is not None:
            right.append((f" {signs.bullet} " + _("zoom"), colours.dim))
        left: list[Part] = [(" " + fit(one_line(self.title), max(4, width // 2)), colours.bold)]
        step = self.pointer if self.pointer is not None else self.shown_span.high
        for index, kept in enumerate(self._kept.values()):
            found = kept.value(step)
            if found is None:
                continue
            at, value, smoothed = found
            words = number(smoothed if smoothed is not None else value)
            if smoothed is not None and self.pointer is not None:
                words += f" ({number(value)})"
            name = ""
            if len(self._kept) > 1:
                name = f"{ASCII_LINES[index % len(ASCII_LINES)] if self._is_ascii else signs.full} {fit(one_line(kept.series.label), 20)} "
            if self.pointer is not None and index == 0:
                left.append((f"  @{at:,}" if self.step_words is None else f"  {self.step_words(round(step))}", colours.text))
            left += [("  " + name, self._line_style(index)), (words, self._line_style(index) if len(self._kept) == 1 else colours.text)]
        room = width - width_of(right) - 1
        if room < width_of(left):
            right = right if width_of(left[:1]) + width_of(right) < width else []
            room = width - width_of(right) - 1
        shown: list[Part] = []
        for text, style in left:
            free = room - width_of(shown)
            if free <= 1:
                break
            shown.append((fit(text, free, signs.ellipsis), style))
        return self._strip([*shown, (" " * max(0, room - width_of(shown)), Style()), *right])

    def _nothing(self) -> list[Strip]:
        """Nothing to draw, or no room: the title, and why."""
        colours, width, height = palette(self.app), self.size.width, self.size.height
        strips = [self._strip([(" " + fit(one_line(self.title), max(1, width - 2)), colours.bold)])]
        if self.empty and height > 2:
            lines = wrap(self.empty, max(4, width - 4))
            strips += [self._strip([])] * max(0, (height - 1 - len(lines)) // 2)
            strips += [self._strip([("  " + text, colours.dim)]) for text in lines]
        return (strips + [self._strip([])] * height)[:height]

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.size
        if self._stale or len(self._strips) != height or (self._strips and self._strips[0].cell_length != width):
            self._compose_lines()
        strips = [self.render_line(y) for y in crop.line_range]
        return strips if crop.column_span == (0, width) else [strip.crop(*crop.column_span) for strip in strips]

    def on_resize(self) -> None:
        self.draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips = []
        self.call_next(self.draw)


def _value_labels(scale: Scale, height: int) -> tuple[list[str], int]:
    """What stands at the left of each row, and how many cells that takes with the axis."""
    labels = [""] * height
    for tick in scale.ticks(max(2, height // 3)):
        row = round((1 - float(scale.fraction(np.array([tick]))[0])) * (height - 1))
        if 0 <= row < height:
            labels[row] = number(0.0 if abs(tick) < abs(scale.high - scale.low) * 1e-9 else tick)
    return labels, max(4, max(map(len, labels), default=0) + 2)
