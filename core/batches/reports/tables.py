"""The tables of a report, as cells that every form writes in its own way: a spreadsheet as numbers, paper as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from core.batches.reports import numbers
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Words
    from core.scoring.figures import Figures, Interval, PairedTest, Spread

#: text · count · share (0 to 1, as percent) · points (a difference of shares) · time (milliseconds) · number · chance (a p value) ·
#: money (currency -> sum)
Kind = Literal["text", "count", "share", "points", "time", "number", "chance", "money"]


@dataclass(frozen=True, slots=True)
class Column:
    """`key`: of labels.LABELS, unique in its table. `label`: as it is read."""

    key: str
    label: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: values by the columns' kinds, None where there is none."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


def text(kind: Kind, value: Any) -> str:
    """A value as it is read."""
    if value is None:
        return numbers.NOTHING
    writers: Mapping[Kind, Any] = {
        "text": str,
        "count": numbers.count,
        "share": numbers.percent,
        "points": numbers.points,
        "time": numbers.seconds,
        "number": lambda each: numbers.decimal(each, 2),
        "chance": numbers.chance,
        "money": numbers.money,
    }
    return str(writers[kind](value))


def facts(data: ReportData, words: Words) -> tuple[tuple[str, str], ...]:
    """What the batch is: label and value."""
    batch, say = data.batch, words.say
    ended = batch.ended_at
    spent = (ended - batch.started_at).total_seconds() if ended is not None and batch.started_at is not None else None
    counts = ((batch.answered, "answered"), (batch.failed, "failed"), (batch.open, "missing"), (batch.cached, "from_cache"))
    found = (
        ("set", f"{one_line(batch.set_name)} · {say('version')} {batch.set_version}"),
        ("questions", numbers.count(batch.questions)),
        ("answers", ", ".join(f"{say(key)} {numbers.count(value)}" for value, key in counts if value or key == "answered")),
        ("state", say("failed_batch" if batch.state == "failed" else batch.state)),
        ("started", words.moment(batch.started_at)),
        ("ended", words.moment(ended)),
        ("duration", words.span(spent)),
        ("made", words.moment(data.made_at)),
    )
    return tuple((say(key), value) for key, value in found if value)


def tables(data: ReportData, words: Words) -> tuple[Table, ...]:
    """Every table that has something to say, in the order of a report."""
    made = (quality(data, words), speed(data, words), use(data, words), by_type(data, words), differences(data, words), judge(data, words))
    return tuple(table for table in made if table.rows)


def _columns(words: Words, *columns: tuple[str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(key, words.say(key), kind) for key, kind in columns)


def _who(data: ReportData, one: Figures) -> tuple[str, str]:
    return one_line(one.name), one_line(data.models.get(one.key, ""))


def _interval(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if found is None else (found.value, found.low, found.high)


def quality(data: ReportData, words: Words) -> Table:
    columns = _columns(
        words, ("configuration", "text"), ("model", "text"), ("score", "share"), ("low", "share"), ("high", "share"), ("passed", "share"),
        ("answered", "count"), ("failed", "count"), ("missing", "count"), ("error_rate", "share"), ("unscored", "count"),
        ("stars", "number"), ("corpus_bleu", "share"), ("corpus_chrf", "share"),
    )  # fmt: skip
    rows = [
        (
            *_who(data, one), *_interval(one.score), _interval(one.passes)[0], one.answered, one.failed, one.missing,
            _interval(one.error_rate)[0], one.unscored, one.stars, one.corpus.get("bleu"), one.corpus.get("chrf"),
        )
        for one in data.statistics.models
    ]  # fmt: skip
    return _lean(Table("score", words.say("statistics"), columns, tuple(rows)), ("stars", "corpus_bleu", "corpus_chrf", "passed"))


def _lean(table: Table, unless: tuple[str, ...]) -> Table:
    """Without those columns that say nothing in any row."""
    kept = [
        index
        for index, column in enumerate(table.columns)
        if column.key not in unless or any(row[index] not in (None, "") for row in table.rows)
    ]
    columns = tuple(table.columns[index] for index in kept)
    return Table(table.key, table.title, columns, tuple(tuple(row[index] for index in kept) for row in table.rows))


def _spread(found: Spread | None) -> tuple[float | None, ...]:
    return (None,) * 4 if found is None else (found.mean, found.p50, found.p95, found.p99)


def speed(data: ReportData, words: Words) -> Table:
    """Times to the first token and in all, side by side."""
    say = words.say
    columns = [Column("configuration", say("configuration"))]
    for what in ("ttft", "total_time"):
        columns += [Column(f"{what}_{each}", f"{say(what)}, {say(each)}", "time") for each in ("mean", "p50", "p95", "p99")]
    columns.append(Column("tokens_per_s", say("tokens_per_s"), "number"))
    rows = [
        (one_line(one.name), *_spread(one.ttft_ms), *_spread(one.total_ms), one.tokens_per_s)
        for one in data.statistics.models
        if one.total_ms is not None or one.ttft_ms is not None
    ]
    return Table("speed", say("speed"), tuple(columns), tuple(rows))


def use(data: ReportData, words: Words) -> Table:
    columns = _columns(
        words, ("configuration", "text"), ("input_tokens", "count"), ("output_tokens", "count"), ("tokens_each", "count"), ("cost", "money")
    )
    rows = [
        (one_line(one.name), one.input_tokens, one.output_tokens, _mean(one.output_tokens_each), _cost(one.cost))
        for one in data.statistics.models
    ]
    return _lean(Table("use", words.say("use"), columns, tuple(rows)), ("cost",))


def _mean(found: Spread | None) -> float | None:
    return None if found is None else found.mean


def _cost(cost: Mapping[str, Decimal]) -> Mapping[str, Decimal] | None:
    return cost or None


def by_type(data: ReportData, words: Words) -> Table:
    """Only where there is more than one type."""
    say = words.say
    columns = (
        *_columns(words, ("type", "text"), ("configuration", "text"), ("questions", "count"), ("score", "share"), ("low", "share")),
        *_columns(words, ("high", "share"), ("passed", "share"), ("error_rate", "share")),
        *(Column(f"total_time_{each}", f"{say('total_time')}, {say(each)}", "time") for each in ("p50", "p95")),
        *_columns(words, ("output_tokens", "count"), ("cost", "money")),
    )
    rows = tuple(_type_rows(data, words)) if len(data.statistics.types) > 1 else ()
    return _lean(Table("by_type", words.say("by_type"), columns, rows), ("passed", "cost"))


def _type_rows(data: ReportData, words: Words) -> Iterator[tuple[Any, ...]]:
    for each in data.statistics.types:
        name = one_line(each.type) or words.say("no_type")
        for one in each.models:
            times = _spread(one.total_ms)
            yield (
                name, one_line(one.name), each.questions, *_interval(one.score), _interval(one.passes)[0], _interval(one.error_rate)[0],
                times[1], times[2], one.output_tokens, _cost(one.cost),
            )  # fmt: skip


#: What a paired test concludes -> key of labels.LABELS.
CONCLUSIONS: Mapping[str, str] = {
    "left": "better_left",
    "right": "better_right",
    "chance": "may_be_chance",
    "same": "no_difference",
    "too_few": "too_few_differ",
}


def differences(data: ReportData, words: Words) -> Table:
    columns = _columns(
        words, ("left", "text"), ("right", "text"), ("questions", "count"), ("difference", "points"), ("low", "points"), ("high", "points"),
        ("left_better", "count"), ("right_better", "count"), ("equal", "count"), ("test", "text"), ("chance", "chance"),
        ("conclusion", "text"),
    )  # fmt: skip
    names = {one.key: one_line(one.name) for one in data.statistics.models}
    rows = tuple(_difference(test, names, words) for test in data.compared)
    return Table("differences", words.say("differences"), columns, rows)


def _difference(test: PairedTest, names: Mapping[str, str], words: Words) -> tuple[Any, ...]:
    return (
        names.get(test.left, test.left), names.get(test.right, test.right), test.questions, test.difference, test.low, test.high,
        test.left_better, test.right_better, test.equal, words.say(test.test), test.p_adjusted, words.say(CONCLUSIONS[test.conclusion]),
    )  # fmt: skip


def judge(data: ReportData, words: Words) -> Table:
    """How far the judge can be trusted, a figure a row."""
    found = data.judge
    columns = _columns(words, ("figure", "text"), ("value", "text"), ("interval", "text"))
    rows: list[tuple[str, str, str | None]] = []
    if found is not None:
        counts = (("pairs", found.pairs), ("grades", found.grades), ("unreadable", found.unreadable))
        rows += [(words.say(key), numbers.count(value), None) for key, value in counts if value]
        for key in ("flip_rate", "first_rate", "longer_rate"):
            rate = getattr(found, key)
            if rate is not None:
                rows.append((words.say(key), numbers.percent(rate[0]), f"{rate[1] * 100:.1f}–{rate[2] * 100:.1f}"))
        if found.length_correlation is not None:
            rows.append((words.say("length_correlation"), numbers.decimal(found.length_correlation, 2), None))
    return Table("judge", words.say("judge"), columns, tuple(rows))
