"""Bootstrap and permutation over questions, for all columns at once: one set of lots serves all configurations and pairs.

Columns hold a value for each question, NaN where there is none. numpy is imported when something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Columns = NDArray[np.float64]

#: Lots drawn at once: what bounds the memory (eight bytes each, and a few copies).
_AT_ONCE: Final = 1_000_000
#: Up to so many questions that differ, all signs are tried instead of drawn.
_EXACT: Final = 12


def bootstrap(columns: Columns, weights: NDArray[np.float64], *, confidence: float, rounds: int, seed: int) -> Columns:
    """Percentile intervals of the weighted means: rows low and high, one column each. `columns`: questions by columns, at least one.

    A column without any value of some weight gets NaN.
    """
    import numpy as np

    count = len(columns)
    there = ~np.isnan(columns)
    gains = np.where(there, columns, 0.0) * weights[:, None]
    both = np.hstack([gains, there * weights[:, None]])
    lots = np.random.default_rng(seed)
    means = np.full((rounds, columns.shape[1]), np.nan)
    step = max(1, _AT_ONCE // count)
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        drawn = lots.integers(0, count, size=(size, count)) + (np.arange(size) * count)[:, None]
        often = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        sums = often.astype(np.float64) @ both
        total = sums[:, columns.shape[1] :]
        np.divide(sums[:, : columns.shape[1]], total, out=means[start : start + size], where=total > 0)
    rest = (1 - confidence) / 2
    found = np.full((2, columns.shape[1]), np.nan)
    known = np.flatnonzero((there & (weights > 0)[:, None]).any(axis=0))
    if len(known):
        found[:, known] = np.nanquantile(means[:, known], [rest, 1 - rest], axis=0)
    return found


def permutation(differences: Columns, weights: NDArray[np.float64], *, rounds: int, seed: int) -> list[float]:
    """How often chance alone, which gives each difference either sign, makes a weighted sum at least as large: a p for each column.

    Exact where few differ, else (1 + hits) / (1 + rounds).
    """
    import numpy as np

    weighted = np.where(np.isnan(differences), 0.0, differences) * weights[:, None]
    moving = weighted != 0
    result = [1.0] * weighted.shape[1]
    few = moving.sum(axis=0) <= _EXACT
    for column in np.flatnonzero(few):
        result[column] = _exact(weighted[moving[:, column], column])
    many = np.flatnonzero(~few)
    if len(many):
        part = weighted[moving[:, many].any(axis=1)][:, many]
        for column, hits in zip(many, _hits(part, rounds, seed), strict=True):
            result[column] = (1 + int(hits)) / (1 + rounds)
    return result


def _exact(values: NDArray[np.float64]) -> float:
    import numpy as np

    if not len(values):
        return 1.0
    signs = 1 - 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-9 * np.abs(values).sum()))


def _hits(values: Columns, rounds: int, seed: int) -> NDArray[np.int64]:
    """How many of the drawn signs give sums at least as large as the found ones. Sums of bits: a sign is twice a bit minus one."""
    import numpy as np

    lots = np.random.default_rng(seed)
    count, totals = len(values), values.sum(axis=0)
    limits = np.abs(totals) - 1e-6 * np.abs(values).sum(axis=0)
    narrow = values.astype(np.float32)
    hits = np.zeros(values.shape[1], dtype=np.int64)
    step = max(1, 4 * _AT_ONCE // count)
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        drawn = lots.integers(0, 256, size=(size, (count + 7) // 8), dtype=np.uint8)
        bits = np.unpackbits(drawn, axis=1, count=count)
        sums = 2 * (bits.astype(np.float32) @ narrow).astype(np.float64) - totals
        hits += (np.abs(sums) >= limits).sum(axis=0)
    return hits
