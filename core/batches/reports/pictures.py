"""Which charts a report has, as values: drawn by `drawn` for pages, and by a spreadsheet as charts of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.batches.reports import numbers
from core.batches.reports.charts import Bar, Group, Scale, bars, differences, grouped
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Words
    from core.documents.drawing import Drawing
    from core.scoring.figures import Figures, Interval

#: Types and pairs that one chart shows: of more, a picture says nothing any more, and the table has them all.
MOST_GROUPS, MOST_PAIRS = 16, 20
Unit = Literal["share", "points", "seconds", "money", "count"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart. `names`: of the series, () where there is one. Values in `unit`: shares from 0 to 1, seconds, one currency, counts."""

    key: str
    title: str
    kind: Literal["bars", "grouped", "differences"]
    groups: tuple[Group, ...]
    names: tuple[str, ...]
    unit: Unit
    most: float | None = None


def pictures(data: ReportData, words: Words) -> tuple[Picture, ...]:
    """Every chart that has something to show, in the order of a report."""
    made = (_score(data, words), _differences(data, words), _by_type(data, words), _time(data, words, "total_ms", "chart_total"))
    more = (_time(data, words, "ttft_ms", "chart_ttft"), _errors(data, words), _tokens(data, words), _cost(data, words))
    return tuple(picture for picture in (*made, *more) if picture is not None)


def drawn(picture: Picture) -> Drawing:
    """The chart as shapes."""
    scale = Scale(_axis(picture.unit), picture.most)
    if picture.kind == "bars":
        return bars(picture.title, [bar for group in picture.groups for bar in group.bars], scale)
    if picture.kind == "grouped":
        return grouped(picture.title, picture.groups, picture.names, scale)
    return differences(picture.title, [bar for group in picture.groups for bar in group.bars], scale)


def _axis(unit: Unit) -> Callable[[float], str]:
    """Marks of an axis."""
    writers: dict[Unit, Callable[[float], str]] = {
        "share": lambda value: numbers.percent(value, 0),
        "points": lambda value: numbers.points(value),
        "seconds": lambda value: f"{value:g}\u00a0s",
        "money": lambda value: f"{value:g}",
        "count": lambda value: f"{value:,.0f}",
    }
    return writers[unit]


def _scored(label: str, found: Interval | None, series: int) -> Bar:
    if found is None:
        return Bar(label, None, numbers.NOTHING, series=series)
    return Bar(label, found.value, numbers.percent(found.value), found.low, found.high, series)


def _one_each(models: list[Figures], bar: Callable[[Figures, int], Bar]) -> tuple[Group, ...]:
    return tuple(Group(one_line(one.name), (bar(one, index),)) for index, one in enumerate(models))


def _score(data: ReportData, words: Words) -> Picture | None:
    models = list(data.statistics.models)
    if all(one.score is None for one in models):
        return None
    groups = _one_each(models, lambda one, index: _scored(one_line(one.name), one.score, index))
    return Picture("chart_score", words.say("chart_score"), "bars", groups, (), "share", 1.0)


def _by_type(data: ReportData, words: Words) -> Picture | None:
    types = data.statistics.types
    if len(types) < 2 or all(one.score is None for each in types for one in each.models):
        return None
    keys = [one.key for one in data.statistics.models]
    groups = []
    for each in sorted(types, key=lambda found: -found.questions)[:MOST_GROUPS]:
        found = {one.key: one.score for one in each.models}
        label = one_line(each.type) or words.say("no_type")
        groups.append(Group(label, tuple(_scored(label, found.get(key), index) for index, key in enumerate(keys))))
    names = tuple(one_line(one.name) for one in data.statistics.models)
    kind: Literal["grouped"] = "grouped"
    return Picture("chart_score_by_type", words.say("chart_score_by_type"), kind, tuple(groups), names, "share", 1.0)


def _differences(data: ReportData, words: Words) -> Picture | None:
    names = {one.key: one_line(one.name) for one in data.statistics.models}
    groups = []
    for test in data.compared[:MOST_PAIRS]:
        label = f"{names.get(test.left, test.left)} − {names.get(test.right, test.right)}"
        series = {"left": 2, "right": 1}.get(test.conclusion, 7)
        groups.append(Group(label, (Bar(label, test.difference, numbers.points(test.difference), test.low, test.high, series),)))
    if not groups:
        return None
    return Picture("chart_difference", words.say("chart_difference"), "differences", tuple(groups), (), "points")


def _time(data: ReportData, words: Words, what: str, key: str) -> Picture | None:
    groups = []
    for one in data.statistics.models:
        spread = getattr(one, what)
        if spread is not None:
            label = one_line(one.name)
            values = (spread.p50, spread.p95, spread.p99)
            made = tuple(Bar(label, value / 1000, numbers.seconds(value), series=index) for index, value in enumerate(values))
            groups.append(Group(label, made))
    if not groups:
        return None
    return Picture(key, words.say(key), "grouped", tuple(groups), tuple(words.say(each) for each in ("p50", "p95", "p99")), "seconds")


def _errors(data: ReportData, words: Words) -> Picture | None:
    models = list(data.statistics.models)
    if not any(one.failed for one in models):
        return None
    groups = _one_each(models, lambda one, index: _scored(one_line(one.name), one.error_rate, index))
    return Picture("chart_errors", words.say("chart_errors"), "bars", groups, (), "share")


def _tokens(data: ReportData, words: Words) -> Picture | None:
    groups = []
    for one in data.statistics.models:
        label, counts = one_line(one.name), (one.input_tokens, one.output_tokens)
        groups.append(Group(label, tuple(Bar(label, float(each), numbers.count(each), series=index) for index, each in enumerate(counts))))
    if not any(bar.value for group in groups for bar in group.bars):
        return None
    names = (words.say("input_tokens"), words.say("output_tokens"))
    return Picture("chart_tokens", words.say("chart_tokens"), "grouped", tuple(groups), names, "count")


def _cost(data: ReportData, words: Words) -> Picture | None:
    """Only where everything was paid in one currency: others cannot be compared by length."""
    models = list(data.statistics.models)
    currencies = {currency for one in models for currency in one.cost}
    if len(currencies) != 1 or not any(sum(one.cost.values()) for one in models):
        return None

    def bar(one: Figures, index: int) -> Bar:
        total = one.cost.get(next(iter(currencies)))
        return Bar(one_line(one.name), None if total is None else float(total), numbers.money(one.cost), series=index)

    return Picture("chart_cost", words.say("chart_cost"), "bars", _one_each(models, bar), (), "money")
