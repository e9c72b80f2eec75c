"""The statistics of a batch: per configuration and per type, with intervals, and paired tests between configurations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from core.scoring.figures import AnswerFigures, Figures, Interval, Spread, Statistics, TypeFigures
from core.scoring.intervals import holm, mcnemar, wilson
from core.scoring.overlap import corpus_values
from core.scoring.paired import FEW, paired_tests
from core.scoring.resampling import bootstrap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["holm", "mcnemar", "score_interval", "summarise", "weighted_score", "wilson"]


def summarise(rows: Iterable[AnswerFigures], *, confidence: float = 0.95, rounds: int = 1000, seed: int = 0) -> Statistics:
    """Everything in numbers. Same rows and seed, same result, whatever the order in which answers came.

    `rounds`: resamples of the bootstrap; ten times as many permutations. 50,000 rows take about a second: call it in a thread.
    """
    rows = list(rows)
    overall = _Table(rows)
    by_type: dict[str, list[AnswerFigures]] = {}
    for row in rows:
        by_type.setdefault(row.type, []).append(row)
    types = []
    for name in sorted(by_type):
        part = _Table(by_type[name], overall.names)
        types.append(TypeFigures(name, len(part.questions), part.figures(confidence, rounds, seed)))
    return Statistics(
        questions=len(overall.questions),
        models=overall.figures(confidence, rounds, seed),
        types=tuple(types),
        paired=paired_tests(list(overall.names), overall.values, overall.weights, confidence=confidence, rounds=rounds, seed=seed),
        confidence=confidence,
        rounds=rounds,
        seed=seed,
    )


def weighted_score(rows: Iterable[AnswerFigures]) -> float | None:
    """The one score of rows (what --fail-under looks at): the weighted mean of their values; None without any. Needs no numpy."""
    gain = total = 0.0
    for row in rows:
        if row.value is not None:
            gain += row.value * row.weight
            total += row.weight
    return gain / total if total else None


def score_interval(rows: Iterable[AnswerFigures], *, confidence: float = 0.95, rounds: int = 1000, seed: int = 0) -> Interval | None:
    """The score of rows of one configuration with its interval."""
    table = _Table(rows)
    return table.scores(confidence, rounds, seed)[0] if table.names else None


def spread_of(values: Sequence[float]) -> Spread | None:
    """How values lie; None for none."""
    import numpy as np

    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    middle, high, higher = (float(value) for value in np.percentile(numbers, (50, 95, 99)))
    return Spread(len(numbers), float(numbers.mean()), middle, high, higher, float(numbers.min()), float(numbers.max()))


class _Table:
    """Rows by configuration, and the values as questions by configurations: the mean of a question's repetitions, NaN for none."""

    def __init__(self, rows: Iterable[AnswerFigures], names: Mapping[str, str] | None = None) -> None:
        import numpy as np

        self.rows: dict[str, list[AnswerFigures]] = {key: [] for key in names or ()}
        self.names = dict(names or {})
        weights: dict[str, float] = {}
        for row in rows:
            self.names.setdefault(row.key, row.name)
            self.rows.setdefault(row.key, []).append(row)
            weights[row.question] = max(weights.get(row.question, 0.0), row.weight)
        # In the order of their names, not of their coming: lots fall on the same questions every time.
        self.questions = {question: at for at, question in enumerate(sorted(weights))}
        self.weights: NDArray[np.float64] = np.array([weights[question] for question in self.questions], dtype=np.float64)
        self.values: NDArray[np.float64] = np.full((len(self.questions), len(self.names)), np.nan)
        self.passed: NDArray[np.float64] = self.values.copy()
        for column, key in enumerate(self.names):
            self.values[:, column] = self._means((row.question, row.value) for row in self.rows[key])
            self.passed[:, column] = self._means((row.question, row.passed) for row in self.rows[key])

    def _means(self, pairs: Iterable[tuple[str, float | bool | None]]) -> NDArray[np.float64]:
        """The mean of each question's values."""
        import numpy as np

        known = sorted((self.questions[question], float(value)) for question, value in pairs if value is not None)
        at = np.array([one[0] for one in known], dtype=np.int64)
        count = np.bincount(at, minlength=len(self.questions))
        gain = np.bincount(at, weights=np.array([one[1] for one in known], dtype=np.float64), minlength=len(self.questions))
        means = np.full(len(self.questions), np.nan)
        np.divide(gain, count, out=means, where=count > 0)
        return means

    def scores(self, confidence: float, rounds: int, seed: int) -> list[Interval | None]:
        """The score of each configuration."""
        import numpy as np

        drawn = [at for at in range(self.values.shape[1]) if self._needs_lots(self.values[:, at])]
        lots: dict[int, tuple[float, float]] = {}
        if drawn:
            lows, highs = bootstrap(self.values[:, drawn], self.weights, confidence=confidence, rounds=rounds, seed=seed)
            lots = {at: (float(low), float(high)) for at, low, high in zip(drawn, lows, highs, strict=True)}
        found: list[Interval | None] = []
        for at in range(self.values.shape[1]):
            values, there = self.values[:, at], ~np.isnan(self.values[:, at])
            bound = _wilson_of(values[there], self.weights[there], confidence)
            if bound is not None and at in lots:
                low, high = lots[at]
                bound = Interval(bound.value, min(low, bound.value), max(high, bound.value), bound.count, "bootstrap")
            found.append(bound)
        return found

    def _needs_lots(self, values: NDArray[np.float64]) -> bool:
        """Whether values are graded, enough, and different enough for a bootstrap."""
        import numpy as np

        known = values[~np.isnan(values) & (self.weights > 0)]
        return len(known) >= FEW and not np.isin(known, (0.0, 1.0)).all() and bool(known.min() < known.max())

    def figures(self, confidence: float, rounds: int, seed: int) -> tuple[Figures, ...]:
        """One for each configuration."""
        import numpy as np

        scores = self.scores(confidence, rounds, seed)
        result = []
        for at, (key, name) in enumerate(self.names.items()):
            passed = self.passed[:, at][~np.isnan(self.passed[:, at])]
            passes = _wilson_of(passed, np.ones(len(passed)), confidence)
            result.append(_figures(key, name, self.rows[key], scores[at], passes, confidence))
        return tuple(result)


def _wilson_of(values: NDArray[np.float64], weights: NDArray[np.float64], confidence: float) -> Interval | None:
    """The weighted mean with Wilson's interval; weights make fewer values of many (Kish's effective number)."""
    import numpy as np

    total = float(weights.sum())
    if not len(values) or not total:
        return None
    mean = float((values * weights).sum()) / total
    count = total**2 / float((weights**2).sum())
    low, high = wilson(mean * count, count, confidence=confidence)
    passes = bool(np.isin(values, (0.0, 1.0)).all())
    return Interval(mean, min(low, mean), max(high, mean), len(values), "wilson" if passes else "wilson_bound")


def _figures(key: str, name: str, rows: list[AnswerFigures], score: Interval | None, passes: Interval | None, confidence: float) -> Figures:
    answered = [row for row in rows if row.state == "answered"]
    failed = sum(row.state == "failed" for row in rows)
    stars = [row.stars for row in answered if row.stars is not None]
    cost: dict[str, Decimal] = {}
    for row in rows:
        if row.cost is not None:
            cost[row.currency or ""] = cost.get(row.currency or "", Decimal()) + row.cost
    errors = None
    if asked := len(answered) + failed:
        errors = Interval(failed / asked, *wilson(failed, asked, confidence=confidence), asked, "wilson")
    return Figures(
        key=key,
        name=name,
        total=len(rows),
        answered=len(answered),
        failed=failed,
        missing=len(rows) - asked,
        unscored=sum(row.value is None for row in answered),
        score=score,
        passes=passes,
        error_rate=errors,
        ttft_ms=spread_of([row.ttft_ms for row in answered if row.ttft_ms is not None]),
        total_ms=spread_of([row.total_ms for row in answered if row.total_ms is not None]),
        input_tokens=sum(row.input_tokens or 0 for row in rows),
        output_tokens=sum(row.output_tokens or 0 for row in rows),
        output_tokens_each=spread_of([row.output_tokens for row in answered if row.output_tokens is not None]),
        tokens_per_s=_tokens_per_s(answered),
        cost=cost,
        costed=sum(row.cost is not None for row in rows),
        stars=sum(stars) / len(stars) if stars else None,
        starred=len(stars),
        corpus=corpus_values(row.corpus for row in answered),
    )


def _tokens_per_s(rows: list[AnswerFigures]) -> float | None:
    """Output tokens over the time in which they came, of the answers that tell both."""
    tokens, time_ms = 0, 0.0
    for row in rows:
        if row.output_tokens and row.total_ms is not None and row.ttft_ms is not None and row.total_ms > row.ttft_ms:
            tokens += row.output_tokens
            time_ms += row.total_ms - row.ttft_ms
    return tokens * 1000 / time_ms if time_ms else None
