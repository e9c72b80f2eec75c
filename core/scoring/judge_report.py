"""How far a judge can be trusted: how often the order changes its mind, and whether it likes places or length. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from core.scoring.families import same_family
from core.scoring.intervals import wilson
from core.scoring.judge_types import JudgeFigures, PairVerdict

#: From when on something is warned about: flips of so many pairs, texts that could not be read, a correlation over so many grades.
FLIPS, ENOUGH_PAIRS, UNREADABLE, CORRELATION, ENOUGH = 0.2, 10, 0.05, 0.3, 20
#: Answers whose lengths differ by less than this share of the longer one count as equally long.
_AS_LONG: Final = 0.1

_Rate = tuple[float, float, float]


def judge_figures(
    pairs: Iterable[PairVerdict] = (),
    grades: Iterable[tuple[str, int, float]] = (),
    *,
    unreadable: int = 0,
    judge: str = "",
    candidates: Iterable[str] = (),
) -> JudgeFigures:
    """How far the judge can be trusted, from all its pairs and all grades as (question, length of the answer, value).

    `unreadable`: texts for grades that could not be read; pairs without a winner are counted here.
    """
    pairs, grades = list(pairs), list(grades)
    readable = [pair for pair in pairs if pair.winner is not None]
    longer = [won for pair in readable if (won := _longer_won(pair)) is not None]
    flips = sum(pair.flipped for pair in readable)
    found = JudgeFigures(
        pairs=len(pairs),
        grades=len(grades),
        unreadable=unreadable + len(pairs) - len(readable),
        flips=flips,
        flip_rate=_rate(flips, len(readable)),
        first_rate=_rate(sum(pair.first_shown for pair in readable), sum(pair.decided for pair in readable)),
        longer_rate=_rate(sum(longer), len(longer)),
        length_correlation=length_correlation(grades),
        same_family=tuple(sorted({name for name in candidates if judge and same_family(judge, name)})),
    )
    return replace(found, warnings=tuple(_warnings(found, len(readable), len(pairs) + len(grades) + unreadable)))


def _warnings(found: JudgeFigures, readable: int, texts: int) -> Iterator[str]:
    """What to warn about. `readable`: pairs with a winner; `texts`: all that the judge was asked for."""
    if found.flip_rate is not None and readable >= ENOUGH_PAIRS and found.flip_rate[0] >= FLIPS:
        yield "flips"
    if found.first_rate is not None and not found.first_rate[1] <= 0.5 <= found.first_rate[2]:
        yield "place"
    if _prefers_length(found.longer_rate, found.length_correlation, found.grades):
        yield "length"
    if found.unreadable and found.unreadable >= UNREADABLE * texts:
        yield "unreadable"
    if found.same_family:
        yield "family"


def length_correlation(grades: Sequence[tuple[str, int, float]]) -> float | None:
    """Spearman's rank correlation of value and length, from -1 to 1; None where nothing varies or fewer than three grades are there.

    Where questions have several grades, only differences within a question count: long questions may simply be the easy ones.
    """
    if len(grades) < 3:
        return None
    by_question: dict[str, list[tuple[int, float]]] = {}
    for question, length, value in grades:
        by_question.setdefault(question, []).append((length, value))
    several = [group for group in by_question.values() if len(group) > 1]
    if not several:
        several = [[one for group in by_question.values() for one in group]]
    lengths, values = [], []
    for group in several:
        middle = sum(length for length, _ in group) / len(group), sum(value for _, value in group) / len(group)
        lengths += [length - middle[0] for length, _ in group]
        values += [round(value - middle[1], 9) for _, value in group]
    return _correlation(_ranks(lengths), _ranks(values)) if len(lengths) >= 3 else None


def _rate(hits: int, count: int) -> _Rate | None:
    return (hits / count, *wilson(hits, count)) if count else None


def _longer_won(pair: PairVerdict) -> bool | None:
    """Whether the longer answer won; None for a tie, and for answers about as long."""
    difference = pair.left_length - pair.right_length
    if pair.winner not in ("left", "right") or abs(difference) <= _AS_LONG * max(pair.left_length, pair.right_length):
        return None
    return (pair.winner == "left") is (difference > 0)


def _prefers_length(longer_rate: _Rate | None, correlation: float | None, grades: int) -> bool:
    if longer_rate is not None and longer_rate[1] > 0.5:
        return True
    return correlation is not None and grades >= ENOUGH and correlation >= CORRELATION


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            ranks[at] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    middle = (len(left) + 1) / 2
    up = sum((one - middle) * (other - middle) for one, other in zip(left, right, strict=True))
    below = sum((one - middle) ** 2 for one in left) * sum((other - middle) ** 2 for other in right)
    return max(-1.0, min(1.0, up / below**0.5)) if below else None
