"""The statistics of a batch: per configuration and per type, with intervals, and paired tests between configurations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.scoring.figures import AnswerFigures, Interval, Statistics


def summarise(rows: Iterable[AnswerFigures], *, confidence: float = 0.95, rounds: int = 1000, seed: int = 0) -> Statistics:
    """Everything in numbers. Same rows and seed, same result, whatever the order in which answers came.

    `rounds`: resamples of the bootstrap; ten times as many permutations. 50,000 rows take about a second: call it in a thread.
    """
    raise NotImplementedError


def wilson(successes: float, count: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share. `count` may be an effective one (weights); 0 gives (0, 1)."""
    raise NotImplementedError


def mcnemar(left_only: int, right_only: int) -> float:
    """The exact two-sided p of McNemar's test: questions that only the left, and only the right one, passed."""
    raise NotImplementedError


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjustment of p values, in their order."""
    raise NotImplementedError


def weighted_score(rows: Iterable[AnswerFigures]) -> float | None:
    """The one score of rows (what --fail-under looks at): the weighted mean of their values; None without any. Needs no numpy."""
    raise NotImplementedError


def score_interval(rows: Iterable[AnswerFigures], *, confidence: float = 0.95, rounds: int = 1000, seed: int = 0) -> Interval | None:
    """The score of rows of one configuration with its interval."""
    raise NotImplementedError
