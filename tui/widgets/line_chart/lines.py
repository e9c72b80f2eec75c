"""The lines of a chart as data: each with its pyramid, and a second one of its smoothed values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tui.widgets.line_chart.pyramid import Columns, Pyramid
from tui.widgets.line_chart.smooth import Smoother


@dataclass(frozen=True, slots=True)
class Series:
    """A line. `steps` ascend, each once; `values` may have NaN. `label` is from outside. `token`: palette name, "" chooses by order.

    The same `key` with longer arrays that begin alike is taken as an append: say so by `same_head`, else everything is built anew.
    """

    key: str
    label: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    token: str = ""
    same_head: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the step axis, both ends included."""

    low: float
    high: float


@dataclass
class Kept:
    """What is kept of one series while it is drawn. `smooth` only while there is smoothing."""

    series: Series
    raw: Pyramid = field(default_factory=Pyramid)
    smooth: Pyramid | None = None
    _smoother: Smoother | None = None

    def take(self, series: Series, weight: float) -> bool:
        """The series is `series` now. Returns whether anything is to be drawn anew."""
        known, self.series = self.series, series
        if len(self.raw.steps) and series.steps is self.raw.steps and series.values is self.raw.values:
            self.smoothen(weight)
            return known.label != series.label or known.token != series.token
        appended = series.same_head and len(series.steps) >= len(self.raw.steps)
        if appended and len(series.steps) == len(self.raw.steps) and len(series.steps):
            self.smoothen(weight)
            return known.label != series.label or known.token != series.token
        self.raw.take(series.steps, series.values, same_head=appended)
        if not appended:
            self._smoother = None
        self.smoothen(weight)
        return True

    def smoothen(self, weight: float) -> None:
        """Bring the smoothed values up to date; 0: none."""
        if weight <= 0:
            self._smoother = self.smooth = None
            return
        fresh = self._smoother is None or self._smoother.weight != weight
        if self._smoother is None or fresh or self.smooth is None:
            self._smoother, self.smooth = Smoother(weight), Pyramid()
        made = len(self._smoother.array)
        self._smoother.extend(self.series.values[made:])
        self.smooth.take(self.series.steps, self._smoother.array, same_head=not fresh)

    def value(self, step: float) -> tuple[int, float, float | None] | None:
        """(step, value, smoothed value) of the point nearest to `step`."""
        index = self.raw.nearest(step)
        if index is None:
            return None
        smoothed = float(self.smooth.values[index]) if self.smooth is not None else None
        return int(self.raw.steps[index]), float(self.raw.values[index]), smoothed

    def columns(self, span: Span, count: int) -> tuple[Columns, Columns | None]:
        """The line and the smoothed line over `span` in `count` columns."""
        raw = self.raw.columns(span.low, span.high, count)
        return raw, self.smooth.columns(span.low, span.high, count) if self.smooth is not None else None
