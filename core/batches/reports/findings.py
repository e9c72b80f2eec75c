"""What the figures of a batch say in sentences: who is better and whether that is more than chance, and what to be careful about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.batches.reports import numbers
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Say
    from core.scoring.figures import Figures, PairedTest


#: Of more pairs, only those with the best one get a sentence; the table of differences has them all.
MOST_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` of labels.SENTENCES with its fields, ready made (numbers as text, but for `count`). `tone`: good, warn or text.

    `labels`: fields that are themselves keys of labels.LABELS (the name of a test).
    """

    key: str
    fields: Mapping[str, Any]
    tone: str = "text"
    labels: tuple[str, ...] = ()

    def said(self, say: Say) -> str:
        """The sentence."""
        return say(self.key, **{name: say(value) if name in self.labels else value for name, value in self.fields.items()})


def findings(data: ReportData) -> tuple[Finding, ...]:
    """The most important first. For reports and for the screen."""
    return (*_incomplete(data), *_scores(data), *_speed_and_cost(data), *_failed(data), *_judge(data))


def _incomplete(data: ReportData) -> Iterator[Finding]:
    if data.batch.open:
        yield Finding("missing_answers", {"count": data.batch.open, "total": numbers.count(data.batch.total)}, "warn")


def _scores(data: ReportData) -> Iterator[Finding]:
    statistics = data.statistics
    scored = [each for each in statistics.models if each.score is not None]
    if not scored and data.batch.answered:
        yield Finding("nothing_scored", {}, "text")
    best = max(scored, key=_score, default=None)
    if best is not None and len(scored) > 1 and sum(_score(each) == _score(best) for each in scored) == 1:
        yield Finding("best", {"name": one_line(best.name), "score": numbers.interval(best.score)}, _tone(data, best.key))
    names = {each.key: one_line(each.name) for each in statistics.models}
    for test in data.compared:
        if len(data.compared) <= MOST_PAIRS or (best is not None and best.key in (test.left, test.right)):
            yield _difference(test, names)
    for each in scored:
        if each.unscored:
            yield Finding("unscored_answers", {"name": names[each.key], "count": each.unscored}, "warn")


def _tone(data: ReportData, best: str) -> str:
    """Good only where it is better than every other one by more than chance."""
    won = [test for test in data.compared if best in (test.left, test.right)]
    clear = all(test.conclusion == ("left" if test.left == best else "right") for test in won)
    return "good" if won and clear else "text"


def _score(figures: Figures) -> float:
    return figures.score.value if figures.score is not None else -1.0


def _difference(test: PairedTest, names: Mapping[str, str]) -> Finding:
    """The better one is named first, whichever stood left; the numbers are turned with it."""
    turned = test.difference < 0
    left, right = (test.right, test.left) if turned else (test.left, test.right)
    low, high = (-test.high, -test.low) if turned else (test.low, test.high)
    both: dict[str, Any] = {"left": names.get(left, left), "right": names.get(right, right), "questions": numbers.count(test.questions)}
    if test.conclusion == "same":
        return Finding("same", both)
    if test.conclusion == "too_few":
        return Finding("too_few", both | {"count": test.left_better + test.right_better})
    figures = {
        "difference": numbers.points(abs(test.difference), sign=False),
        "low": numbers.points(low),
        "high": numbers.points(high),
        "test": test.test,
        "p": numbers.chance(test.p_adjusted),
    }
    clear = test.conclusion in ("left", "right")
    return Finding("better" if clear else "may_differ", both | figures, "good" if clear else "text", ("test",))


def _speed_and_cost(data: ReportData) -> Iterator[Finding]:
    models = data.statistics.models
    timed = [(each.total_ms.p50, each) for each in models if each.total_ms is not None]
    if len(timed) > 1:
        time, fastest = min(timed, key=lambda each: each[0])
        yield Finding("fastest", {"name": one_line(fastest.name), "time": numbers.seconds(time)})
    priced = [(next(iter(each.cost.items())), each) for each in models if len(each.cost) == 1 and each.costed == each.answered]
    if len(priced) == len(models) > 1 and len({currency for (currency, _sum), _each in priced}) == 1:
        (currency, total), cheapest = min(priced, key=lambda each: each[0][1])
        if total < max(sum_ for (_currency, sum_), _each in priced):
            yield Finding("cheapest", {"name": one_line(cheapest.name), "cost": numbers.money({currency: total})})


def _failed(data: ReportData) -> Iterator[Finding]:
    for each in data.statistics.models:
        if each.failed and each.error_rate is not None:
            yield Finding(
                "errors", {"name": one_line(each.name), "count": each.failed, "rate": numbers.percent(each.error_rate.value)}, "warn"
            )


def _judge(data: ReportData) -> Iterator[Finding]:
    judge = data.judge
    if judge is None:
        return
    rates = {"flips": judge.flip_rate, "place": judge.first_rate, "length": judge.longer_rate}
    for warning in judge.warnings:
        rate = rates.get(warning)
        if warning == "unreadable":
            yield Finding("judge_unreadable", {"count": judge.unreadable}, "warn")
        elif warning == "family":
            yield Finding("judge_family", {"models": ", ".join(map(one_line, judge.same_family))}, "warn")
        elif rate is not None:
            yield Finding(f"judge_{warning}", {"rate": numbers.percent(rate[0], 0)}, "warn")
        elif warning == "length" and judge.length_correlation is not None:
            yield Finding("judge_length_grades", {"value": numbers.decimal(judge.length_correlation, 2)}, "warn")
