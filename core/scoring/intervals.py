"""Intervals and tests that need no drawing of lots: Wilson, McNemar, Bonett and Price, Holm. Plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def z_of(confidence: float) -> float:
    """The standard normal quantile of a two-sided confidence: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(successes: float, count: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share. `count` may be an effective one (weights); 0 gives (0, 1)."""
    if count <= 0:
        return 0.0, 1.0
    z, share = z_of(confidence), min(1.0, max(0.0, successes / count))
    spread = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / spread
    half = z / spread * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (0.0 if share == 0 else max(0.0, middle - half)), (1.0 if share == 1 else min(1.0, middle + half))


def mcnemar(left_only: int, right_only: int) -> float:
    """The exact two-sided p of McNemar's test: questions that only the left, and only the right one, passed."""
    count, fewer = left_only + right_only, min(left_only, right_only)
    ways, term = 0, 1
    for taken in range(fewer + 1):
        ways += term
        term = term * (count - taken) // (taken + 1)
    twice: float = 2 * ways / (1 << count)
    return min(1.0, twice)


def paired_bound(left_gain: float, right_gain: float, count: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bonett and Price's interval of a paired difference: gains are sums of what either side is better by, at most 1 a question.

    For values between 0 and 1 it is as wide as passes would have it, so never too narrow; good for few questions.
    """
    left, right = (left_gain + 1) / (count + 2), (right_gain + 1) / (count + 2)
    half = z_of(confidence) * math.sqrt(max(0.0, left + right - (left - right) ** 2) / (count + 2))
    return max(-1.0, left - right - half), min(1.0, left - right + half)


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjustment of p values, in their order."""
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[at]))
        adjusted[at] = highest
    return tuple(adjusted)
