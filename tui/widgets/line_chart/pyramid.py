"""The least and greatest value of stretches of a long series, so that a chart of a million points is drawn from a few thousand numbers.

Over the points stand blocks of 64 with their least and greatest values; a column of the chart takes whole blocks, and single points at
its edges, so it is exact. Points that are appended add blocks at the end; nothing else is looked at again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 64

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Growing:
    """A numpy array that grows at its end by doubling."""

    def __init__(self, kind: Any = np.float64) -> None:
        self._array = np.empty(0, kind)
        self.count = 0

    def extend(self, values: NDArray[Any]) -> None:
        wanted = self.count + len(values)
        if wanted > len(self._array):
            larger = np.empty(max(64, wanted, 2 * len(self._array)), self._array.dtype)
            larger[: self.count] = self._array[: self.count]
            self._array = larger
        self._array[self.count : wanted] = values
        self.count = wanted

    @property
    def array(self) -> NDArray[Any]:
        """What is there; a view."""
        return self._array[: self.count]


@dataclass(frozen=True, slots=True)
class Columns:
    """Of each column of a chart: the least and greatest value of the line in it (NaN: it is not there), and whether NaN was logged."""

    low: Floats
    high: Floats
    broken: NDArray[np.bool_]


class Pyramid:
    """Of one series. `take` points, then ask for `columns`."""

    def __init__(self) -> None:
        self.steps: Ints = np.empty(0, np.int64)
        self.values: Floats = np.empty(0)
        self._low, self._high, self._nans = Growing(), Growing(), Growing(np.int64)
        self._looked_at = 0

    def take(self, steps: Ints, values: Floats, *, same_head: bool = False) -> None:
        """The series is this now. `same_head`: the points it had are as they were, others were only appended."""
        before = len(self.steps) if same_head and len(steps) >= len(self.steps) else 0
        if not before:
            self._low, self._high, self._nans = Growing(), Growing(), Growing(np.int64)
        self.steps, self.values = steps, values
        blocks = values[self._low.count * BLOCK : len(values) // BLOCK * BLOCK].reshape(-1, BLOCK)
        if len(blocks):
            self._low.extend(_without_nan(np.minimum, np.fmin, blocks))
            self._high.extend(_without_nan(np.maximum, np.fmax, blocks))
        self._find_nans(before)

    def _find_nans(self, start: int) -> None:
        """Where NaN was logged. Blocks without one cost nothing: the sum of numbers with a NaN is one."""
        new = self.values[start:]
        if len(new) and np.isnan(np.dot(new, np.zeros(1)) if len(new) == 1 else new.sum()):
            self._nans.extend(np.flatnonzero(np.isnan(new)) + start)

    def columns(self, low: float, high: float, count: int) -> Columns:
        """The line over the steps `low`..`high` in `count` columns of the same width."""
        edges = np.linspace(low, high, count + 1)
        if not len(self.steps):
            return Columns(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, np.bool_))
        # Whole numbers: else the whole array would be converted for the search.
        after = np.searchsorted(self.steps, np.ceil(edges).astype(np.int64))
        places = after.copy()
        places[-1] = np.searchsorted(self.steps, math.floor(high), side="right")
        least, greatest = self._ranges(places[:-1], places[1:])
        # Between two points the line is straight: it has a value where columns meet too.
        border = self._between(edges, after)
        least = np.fmin(np.fmin(least, border[:-1]), border[1:])
        greatest = np.fmax(np.fmax(greatest, border[:-1]), border[1:])
        nans = np.searchsorted(self._nans.array, places)
        return Columns(least, greatest, nans[1:] > nans[:-1])

    def _ranges(self, start: Ints, end: Ints) -> tuple[Floats, Floats]:
        """The least and greatest of the points `start`..`end` of each column: whole blocks, and the points beside them."""
        # Where NaN was never logged the quicker functions do, which do not look for it.
        least, greatest = (np.fmin, np.fmax) if self._nans.count else (np.minimum, np.maximum)
        head = np.minimum(end, -(-start // BLOCK) * BLOCK)
        tail = np.maximum(head, end // BLOCK * BLOCK)
        count = len(start)
        index, inside = _stretches(np.concatenate((start, tail)), np.concatenate((head, end)))
        points = self.values[np.minimum(index, len(self.values) - 1)]
        first, last = head // BLOCK, tail // BLOCK
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        for found, choose, outside, blocks in ((low, least, np.inf, self._low), (high, greatest, -np.inf, self._high)):
            few = choose.reduce(np.where(inside, points, outside), axis=1, initial=outside)
            found[:] = choose(few[:count], few[count:])
            whole = np.flatnonzero(last > first)
            if len(whole):
                borders = np.empty(2 * len(whole), np.int64)
                borders[0::2], borders[1::2] = first[whole], last[whole]
                within = borders[:-1] if borders[-1] >= blocks.count else borders
                found[whole] = choose(found[whole], choose.reduceat(blocks.array, within)[0::2])
        empty = low > high
        return np.where(empty, np.nan, low), np.where(empty, np.nan, high)

    def _between(self, edges: Floats, after: Ints) -> Floats:
        """The value of the line at `edges`, NaN before its first point, behind its last, and beside a NaN."""
        inside = (after > 0) & (after < len(self.steps))
        right = np.clip(after, 1, max(1, len(self.steps) - 1))
        if len(self.steps) < 2:
            return np.full(len(edges), np.nan)
        x0, x1 = self.steps[right - 1], self.steps[right]
        y0, y1 = self.values[right - 1], self.values[right]
        with np.errstate(invalid="ignore", over="ignore"):
            found = y0 + (edges - x0) / (x1 - x0) * (y1 - y0)
        exact = inside | (after == 0) & (edges == self.steps[0])
        return np.where(exact & np.isfinite(found), found, np.nan)

    def nearest(self, step: float) -> int | None:
        """The index of the point nearest to `step`."""
        if not len(self.steps):
            return None
        after = int(np.searchsorted(self.steps, math.ceil(step)))
        if after == 0 or (after < len(self.steps) and self.steps[after] - step < step - self.steps[after - 1]):
            return after
        return after - 1


def _stretches(start: Ints, end: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Indices of the points of stretches shorter than a block, a row for each, and which of them are inside."""
    size = int((end - start).max(initial=0))
    index = start[:, None] + np.arange(size)
    return index, index < end[:, None]


def _without_nan(quick: np.ufunc, careful: np.ufunc, blocks: Floats) -> Floats:
    """`quick` over each block; where it gave NaN, `careful`, which passes NaN over but takes longer."""
    found: Floats = quick.reduce(blocks, axis=1)
    wrong = np.isnan(found)
    if wrong.any():
        found[wrong] = careful.reduce(blocks[wrong], axis=1)
    return found
