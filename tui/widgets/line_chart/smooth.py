"""The exponential moving average of TensorBoard's line charts, debiased (Adam's correction), as points come in.

s[i] = w * s[i-1] + (1 - w) * v[i], shown as s[i] / (1 - w ** i), i from 1 over the finite values; NaN and infinities are shown as they are
and change nothing.
"""

from __future__ import annotations

import math

import numpy as np

from tui.widgets.line_chart.pyramid import Floats, Growing

#: Powers of the weight within a block stay above this: nothing is lost to rounding.
_LEAST_POWER = 1e-100


class Smoother:
    """`extend` with new values; `array` has the smoothed ones."""

    def __init__(self, weight: float) -> None:
        self.weight = min(max(weight, 0.0), 0.9999)
        self._sum, self._seen = 0.0, 0
        self._made = Growing()

    @property
    def array(self) -> Floats:
        return self._made.array

    def extend(self, values: Floats) -> None:
        finite = np.isfinite(values)
        if finite.all():
            self._made.extend(self._smooth(values))
            return
        out = values.copy()
        out[finite] = self._smooth(values[finite])
        self._made.extend(out)

    def _smooth(self, values: Floats) -> Floats:
        """All blocks at once: sums of weighted values within each, then what each takes over from those before it."""
        weight, count = self.weight, len(values)
        if not count or not weight:
            return values
        size = max(1, min(count, int(math.log(_LEAST_POWER) / math.log(weight))))
        blocks = -(-count // size)
        padded = np.zeros(blocks * size)
        padded[:count] = values
        powers = weight ** np.arange(1, size + 1)
        sums = np.cumsum(padded.reshape(blocks, size) / powers, axis=1) * powers * (1 - weight)
        carried = np.empty(blocks)
        carry, whole = self._sum, float(weight**size)
        for index, last in enumerate(sums[:, -1].tolist()):
            carried[index] = carry
            carry = carry * whole + last
        smoothed = (sums + carried[:, None] * powers).reshape(-1)[:count]
        number = np.arange(self._seen + 1, self._seen + count + 1)
        self._sum, self._seen = float(smoothed[-1]), self._seen + count
        result: Floats = smoothed / -np.expm1(number * math.log(weight))
        return result
