"""Tests between pairs of configurations, over the questions that both were scored on."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from core.scoring.figures import Conclusion, PairedTest
from core.scoring.intervals import holm, mcnemar, paired_bound
from core.scoring.resampling import bootstrap, permutation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Fewer questions than this get a bound in place of a bootstrap, which would be too narrow.
FEW: Final = 20


def paired_tests(
    keys: list[str], values: NDArray[np.float64], weights: NDArray[np.float64], *, confidence: float, rounds: int, seed: int
) -> tuple[PairedTest, ...]:
    """All pairs of configurations. `values`: questions by configurations, NaN where there is no score."""
    import numpy as np

    pairs = list(combinations(range(len(keys)), 2))
    if not pairs or not len(values):
        return ()
    found = [_Pair(values[:, left], values[:, right], weights) for left, right in pairs]
    lots = [at for at, pair in enumerate(found) if not pair.binary]
    if lots:
        differences = np.column_stack([values[:, pairs[at][0]] - values[:, pairs[at][1]] for at in lots])
        lows, highs = bootstrap(differences, weights, confidence=confidence, rounds=rounds, seed=seed)
        drawn = permutation(differences, weights, rounds=10 * rounds, seed=seed + 1)
        for at, p, low, high in zip(lots, drawn, lows, highs, strict=True):
            found[at].p, found[at].interval = p, (float(low), float(high))
    adjusted = holm([pair.p for pair in found])
    return tuple(pair.test(keys[left], keys[right], p, confidence) for pair, (left, right), p in zip(found, pairs, adjusted, strict=True))


class _Pair:
    """One pair, counted."""

    def __init__(self, left: NDArray[np.float64], right: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        import numpy as np

        has_left, has_right = ~np.isnan(left), ~np.isnan(right)
        both = has_left & has_right & (weights > 0)
        self._left, self._right, self._weights = left[both], right[both], weights[both]
        self._left_only, self._right_only = int((has_left & ~has_right).sum()), int((has_right & ~has_left).sum())
        self._difference = self._left - self._right
        self._better = int((self._difference > 0).sum()), int((self._difference < 0).sum())
        #: Whether all are passes of one weight: no lots need to be drawn.
        self.binary = bool(
            np.isin(np.concatenate([self._left, self._right]), (0.0, 1.0)).all()
            and (not len(self._weights) or (self._weights == self._weights[0]).all())
        )
        self.p = mcnemar(*self._better)
        self.interval: tuple[float, float] | None = None

    def _bound(self, confidence: float) -> tuple[float, float]:
        import numpy as np

        total = float(self._weights.sum())
        if not total:
            return -1.0, 1.0
        # Weights make fewer questions of many: Kish's effective number.
        count = total**2 / float((self._weights**2).sum())
        scaled = self._difference * self._weights * (count / total)
        return paired_bound(float(np.clip(scaled, 0, None).sum()), float(-np.clip(scaled, None, 0).sum()), count, confidence=confidence)

    def test(self, left: str, right: str, adjusted: float, confidence: float) -> PairedTest:
        low, high = self.interval if self.interval is not None and len(self._weights) >= FEW else self._bound(confidence)
        total = float(self._weights.sum())
        means = [float((side * self._weights).sum()) / total if total else 0.0 for side in (self._left, self._right)]
        return PairedTest(
            left,
            right,
            "mcnemar" if self.binary else "permutation",
            questions=len(self._weights),
            left_score=means[0],
            right_score=means[1],
            difference=means[0] - means[1],
            low=low,
            high=high,
            left_better=self._better[0],
            right_better=self._better[1],
            equal=len(self._weights) - sum(self._better),
            left_only=self._left_only,
            right_only=self._right_only,
            p=self.p,
            p_adjusted=adjusted,
            conclusion=self._conclusion(means[0] - means[1], adjusted, 1 - confidence),
        )

    def _conclusion(self, difference: float, adjusted: float, alpha: float) -> Conclusion:
        differing = sum(self._better)
        if not differing:
            return "same" if len(self._weights) else "too_few"
        # The smallest p that so many questions can give: one in all ways to distribute the signs, on either side.
        if 2.0 ** (1 - differing) > alpha:
            return "too_few"
        if adjusted >= alpha or not difference:
            return "chance"
        return "left" if difference > 0 else "right"
