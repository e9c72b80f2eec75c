"""The value axis: from what to what, linear or logarithmic, with ticks at round numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tui.widgets.line_chart.pyramid import Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` < `high`; with `log` both are above 0."""

    low: float
    high: float
    log: bool = False

    def fraction(self, values: Floats) -> Floats:
        """0 at `low`, 1 at `high`. On a logarithmic scale what is not above 0 is far below."""
        if not self.log:
            result: Floats = (values - self.low) / (self.high - self.low)
            return result
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), np.where(np.isnan(values), np.nan, -1e6))
        low, high = math.log10(self.low), math.log10(self.high)
        found: Floats = (logs - low) / (high - low)
        return found

    def ticks(self, count: int) -> list[float]:
        """About `count` round values within the scale, ascending."""
        return log_ticks(self.low, self.high, count) if self.log else nice_ticks(self.low, self.high, count)


def scale_for(low: float, high: float, *, log: bool = False) -> Scale:
    """A scale that shows `low`..`high` with a little room. Nothing finite: 0..1."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return Scale(0.1, 1.0, log=True) if log else Scale(0.0, 1.0)
    if log and high > 0:
        low = max(low, high * 1e-12, 1e-300)
        return Scale(low, high, log=True) if high / low > 1.0001 else Scale(low / 1.5, low * 1.5, log=True)
    if high - low <= abs(high) * 1e-12:
        room = abs(high) * 0.1 or 1.0
        return Scale(low - room, high + room)
    return Scale(low, high)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0 or not math.isfinite(span) or count < 1:
        return []
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough * 0.999), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)] if last - first < 1000 else []


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Powers of ten; with less than two of them in sight also their doubles and fives."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / max(1, count)))
    found = [10.0**power for power in range(first, last + 1, every) if low * 0.999 <= 10.0**power <= high * 1.001]
    if len(found) < 2:
        found = [f * 10.0**power for power in range(first, last + 1) for f in (1, 2, 5) if low * 0.999 <= f * 10.0**power <= high * 1.001]
    return found if len(found) >= 2 else nice_ticks(low, high, count)


def number(value: float) -> str:
    """A value in few cells: 0.812, 4.1e-05, 12.5k."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / limit if unit == 'M' else value / 1e3:.4g}{unit}"
    return f"{value:.4g}"
