"""LineChart: one chart of one or several series: what it shows, zoom, crosshair, smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.i18n import N_
from tui.widgets.line_chart.drawing import DrawnChart
from tui.widgets.line_chart.lines import Kept, Series, Span

__all__ = ["LineChart", "Series", "Span"]

#: Weights that `t` goes through, as TensorBoard's slider.
WEIGHTS = (0.0, 0.6, 0.9, 0.99)
_ZOOM = 2.0


class LineChart(DrawnChart, can_focus=True):
    """`title` is translated text. Posts `Zoomed` and `Pointed` so that charts beside it can follow (`set_span`, `set_pointer`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(1)", N_("zoom in"), id="chart.zoom_in", tooltip=N_("Show fewer steps"), key_display="+"),
        Binding("minus", "zoom(-1)", N_("zoom out"), id="chart.zoom_out", tooltip=N_("Show more steps"), key_display="-"),
        Binding("0", "reset", N_("all steps"), id="chart.reset", tooltip=N_("Show all steps, without the crosshair")),
        Binding("L", "log_scale", N_("log scale"), id="chart.log", tooltip=N_("Logarithmic value axis, or linear again")),
        Binding("t", "smooth", N_("smooth"), id="chart.smooth", tooltip=N_("Smooth the line more, or not at all")),
        Binding("right", "point(1)", N_("crosshair right"), id="chart.right", tooltip=N_("Read values"), show=False),
        Binding("left", "point(-1)", N_("crosshair left"), id="chart.left", show=False),
        Binding("shift+right,right_square_bracket", "pan(1)", N_("later steps"), id="chart.later", show=False),
        Binding("shift+left,left_square_bracket", "pan(-1)", N_("earlier steps"), id="chart.earlier", show=False),
    ]

    @dataclass
    class _Of(Message):
        chart: LineChart

        @property
        def control(self) -> LineChart:
            return self.chart

    @dataclass
    class Zoomed(_Of):
        """Another part of the steps is shown; None: all."""

        span: Span | None

    @dataclass
    class Pointed(_Of):
        """The crosshair is at another step, or gone (None)."""

        step: float | None

    @dataclass
    class Styled(_Of):
        """Smoothing or the scale was changed here."""

        weight: float
        log: bool

    # Data in ---------------------------------------------------------------------------------------------------------

    def show(self, series: Sequence[Series]) -> None:
        """Draw these series; nothing is done when they are the ones that are there."""
        last = self._whole().high
        changed = list(self._kept) != [each.key for each in series]
        self._kept = {each.key: self._kept.get(each.key) or Kept(each) for each in series}
        for each in series:
            changed |= self._kept[each.key].take(each, self.weight)
        if changed:
            if self.span is not None and self._at_end and (moved := self._whole().high - last) > 0:
                self.span = Span(self.span.low + moved, self.span.high + moved)
            self.draw()

    def set_title(self, title: str) -> None:
        if title != self.title:
            self.title = title
            self.draw()

    def set_span(self, span: Span | None) -> None:
        """Show this part of the steps (None: all)."""
        if span != self.span:
            self.span = span
            self._at_end = span is not None and span.high >= self._whole().high
            self.draw()

    def set_pointer(self, step: float | None) -> None:
        """Put the crosshair on the point nearest to `step`."""
        if step != self.pointer:
            self.pointer = step
            self.draw()

    def set_log_scale(self, on: bool) -> None:
        if on != self.log_scale:
            self.log_scale = on
            self.draw()

    def set_smoothing(self, weight: float) -> None:
        """0: none, below 1: weight of the past, as TensorBoard's slider."""
        if weight != self.weight:
            self.weight = weight
            for kept in self._kept.values():
                kept.smoothen(weight)
            self.draw()

    # Zoom, pan, crosshair --------------------------------------------------------------------------------------------

    def _zoom_to(self, low: float, high: float) -> None:
        """Show these steps, as far as there are any."""
        whole = self._whole()
        size = min(max(high - low, 2.0), whole.high - whole.low)
        low = min(max(low, whole.low), whole.high - size)
        span = None if size >= whole.high - whole.low else Span(low, low + size)
        if span != self.span:
            self.set_span(span)
            self.post_message(self.Zoomed(self, span))

    def action_zoom(self, direction: int, around: float | None = None) -> None:
        shown = self.shown_span
        middle = around if around is not None else self.pointer
        if middle is None or not shown.low <= middle <= shown.high:
            middle = shown.high
        factor = 1 / _ZOOM if direction > 0 else _ZOOM
        low, high = middle - (middle - shown.low) * factor, middle + (shown.high - middle) * factor
        self._zoom_to(low, high)

    def action_pan(self, direction: int) -> None:
        shown = self.shown_span
        by = (shown.high - shown.low) / 4 * direction
        self._zoom_to(shown.low + by, shown.high + by)

    def action_reset(self) -> None:
        self._point(None)
        if self.span is not None:
            self.set_span(None)
            self.post_message(self.Zoomed(self, None))

    def action_point(self, by: int) -> None:
        """The crosshair to the next point that is another column of the plot."""
        kept = next((kept for kept in self._kept.values() if len(kept.raw.steps)), None)
        if kept is None:
            return
        shown = self.shown_span
        if self.pointer is None:
            self._point(float(kept.raw.steps[kept.raw.nearest(shown.high) or 0]))
            return
        width = (shown.high - shown.low) / max(1, self.size.width - self._gutter)
        index = kept.raw.nearest(self.pointer + by * width)
        here = kept.raw.nearest(self.pointer)
        if index is not None and index == here:
            index = min(max(index + by, 0), len(kept.raw.steps) - 1)
        if index is not None:
            step = float(kept.raw.steps[index])
            if not shown.low <= step <= shown.high:
                self.action_pan(by)
            self._point(step)

    def _point(self, step: float | None) -> None:
        if step != self.pointer:
            self.set_pointer(step)
            self.post_message(self.Pointed(self, step))

    def action_log_scale(self) -> None:
        self.set_log_scale(not self.log_scale)
        self.post_message(self.Styled(self, self.weight, self.log_scale))

    def action_smooth(self) -> None:
        following = next((weight for weight in WEIGHTS if weight > self.weight), 0.0)
        self.set_smoothing(following)
        self.post_message(self.Styled(self, self.weight, self.log_scale))

    # Mouse -----------------------------------------------------------------------------------------------------------

    def _step_at(self, x: int) -> float | None:
        """The step of a column of cells, None left of the plot."""
        shown, width = self.shown_span, self.size.width - self._gutter
        if x < self._gutter or width < 1:
            return None
        return shown.low + (x - self._gutter + 0.5) / width * (shown.high - shown.low)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_zoom(1, self._step_at(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_zoom(-1, self._step_at(event.x))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged = event.x
        self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A click reads values; a drag zooms to what it covers."""
        began, self._dragged = self._dragged, None
        self.release_mouse()
        if began is None:
            return
        low, high = self._step_at(min(began, event.x)), self._step_at(max(began, event.x))
        if low is not None and high is not None and abs(event.x - began) >= 3:
            self._zoom_to(low, high)
            return
        step = self._step_at(event.x)
        kept = next((kept for kept in self._kept.values() if len(kept.raw.steps)), None)
        if step is not None and kept is not None:
            self._point(float(kept.raw.steps[kept.raw.nearest(step) or 0]))
