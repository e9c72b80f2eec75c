"""ReportPage: what came of a batch: the sentences first, then scores with intervals, times, types, differences, the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from core.batches.reports import numbers
from core.batches.reports.findings import findings
from core.sanitise import one_line
from tui import batch_reports
from tui.amounts import money
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _
from tui.screens.compare.batches import charts
from tui.screens.compare.batches.charts import Cell, Interval
from tui.screens.compare.batches.pages import BatchPage, page_bindings
from tui.widgets.sheet import Line, Sheet, wrapped

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData
    from core.batches.types import Batch
    from core.scoring import figures
    from core.scoring.judge_types import JudgeFigures

#: Seconds between two readings of a batch that goes on: statistics of many answers are work.
_REST_S = 10.0
_TYPES = 40


@dataclass(frozen=True, slots=True)
class Times:
    """How long the answers of one configuration took, in milliseconds."""

    name: str
    total_ms: tuple[float, ...]


class ReportPage(BatchPage, inherit_bindings=False):
    """See the module."""

    PAGE = "report"
    HELP = N_(
        "What the answers show, in sentences: who is best, whether that could be chance, who is fastest and cheapest, what to be careful "
        "about. A whisker around a value is its 95 % interval: where the true value lies, if these questions stand for all others.\n\n"
        "Two configurations are compared over the questions that both were scored on, by a paired test; p says how often chance alone "
        "makes a difference as large.\n\n"
        "x saves it as XLSX, HTML, PDF, CSV, JSON or JUnit."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings()

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._data: ReportData | None = None
        self._times: tuple[Times, ...] = ()
        self._seen: tuple[object, ...] = ()
        self._read_at = -_REST_S

    def compose_page(self) -> Iterable[Any]:
        yield Sheet(id="batch-report")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Sheet).focus()

    async def load(self, item: Batch) -> None:
        seen = (item.state, item.answered, item.failed, item.score, item.judged)
        now = self.services.clock.monotonic()
        # What a batch was at its end is read at once: nobody calls again after that.
        resting = item.active and now - self._read_at < _REST_S
        if item.state == "draft" or (self._data is not None and (seen == self._seen or resting)):
            return
        self._seen, self._read_at = seen, now
        self._data = data = await self.services.batches.report_data(self.principal, item.id)
        self.start(self._read_times, data, group="times")

    async def _read_times(self, data: ReportData) -> None:
        """The times of all answers, beside the page: of many answers that takes a while."""
        self._times = await asyncio.to_thread(times_of, data)
        if self.item is not None and not self.gone:
            self.draw(self.item)

    def draw(self, item: Batch) -> None:
        data, times, signs = self._data, self._times, glyphs(self.app)
        if data is None:
            text = _("Nothing was asked yet.") if item.state == "draft" else _("The figures are being gathered…")
            self.query_one(Sheet).show(lambda width: wrapped(text, "dim", width))
            return
        self.query_one(Sheet).show(lambda width: report_lines(data, times, width, signs), keep=True)


def times_of(data: ReportData) -> tuple[Times, ...]:
    """The times of all answers that were asked for, by configuration. Reads them all."""
    found: dict[str, list[float]] = {each.configuration_id: [] for each in data.batch.configurations}
    for answer in data.answers():
        if answer.total_ms is not None and answer.state == "answered" and not answer.from_cache:
            found.setdefault(answer.configuration_id, []).append(answer.total_ms)
    names = {each.configuration_id: one_line(each.name, 60) for each in data.batch.configurations}
    return tuple(Times(names.get(key, key), tuple(values)) for key, values in found.items() if values)


def report_lines(data: ReportData, times: Sequence[Times], width: int, signs: Glyphs) -> list[Line]:
    """The report as lines of so many cells."""
    lines: list[Line] = [(), *_findings(data, width, signs)]
    lines += _scores(data, width, signs)
    lines += _figures(data, width, signs)
    lines += _latencies(times, width, signs)
    lines += _types(data, width, signs)
    lines += _differences(data, width, signs)
    if data.judge is not None:
        lines += _judge(data.judge, width, signs)
    return lines


def _title(key: str) -> list[Line]:
    return [(), ((batch_reports.say(key), "accent bold"),)]


def _findings(data: ReportData, width: int, signs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    for found in findings(data):
        first, *rest = wrapped(found.said(batch_reports.say), found.tone, max(20, min(width, 110) - 2))
        sign = {"good": signs.done, "warn": "!"}.get(found.tone, signs.bullet)
        lines += [((f"{sign} ", found.tone), *first), *((("  ", ""), *more) for more in rest)]
    return lines


def _bar(item: figures.Figures) -> Interval:
    score = item.score
    if score is None:
        return Interval(one_line(item.name, 60), None, words=_("not scored"))
    return Interval(one_line(item.name, 60), score.value, score.low, score.high, numbers.interval(score))


def _scores(data: ReportData, width: int, signs: Glyphs) -> list[Line]:
    bars = [_bar(item) for item in data.statistics.models]
    if not any(bar.value is not None for bar in bars):
        return []
    room = min(width, 110)
    return [*_title("chart_score"), *charts.interval_bars(bars, room, signs), charts.scale(room, bars, signs)]


def _figures(data: ReportData, width: int, signs: Glyphs) -> list[Line]:
    word = batch_reports.say
    headings = (
        word("configuration"), word("answered"), word("failed"), word("p50"), word("p95"), word("p99"), word("ttft"), word("output_tokens"),
        word("tokens_per_s"), word("cost"), word("stars"),
    )  # fmt: skip
    rows = [_figures_row(item) for item in data.statistics.models]
    return [*_title("speed"), *charts.table(headings, rows, width, signs)]


def _figures_row(item: figures.Figures) -> list[Cell]:
    total, first = item.total_ms, item.ttft_ms
    return [
        Cell(one_line(item.name, 60)),
        Cell(numbers.count(item.answered)),
        Cell(numbers.count(item.failed), "bad" if item.failed else "dim"),
        *(Cell(numbers.seconds(value)) for value in ((total.p50, total.p95, total.p99) if total is not None else (None, None, None))),
        Cell(numbers.seconds(first.p50 if first is not None else None)),
        Cell(numbers.count(item.output_tokens)),
        Cell(numbers.decimal(item.tokens_per_s)),
        Cell(", ".join(money(sum_, currency) for currency, sum_ in sorted(item.cost.items())) or numbers.NOTHING),
        Cell(numbers.decimal(item.stars, 2), "warn"),
    ]


def _latencies(times: Sequence[Times], width: int, signs: Glyphs) -> list[Line]:
    if not times:
        return []
    lines = _title("chart_total")
    dash = "-" if signs.ascii else "–"
    for item in times:
        bins = [
            (f"{numbers.seconds(low)}{dash}{numbers.seconds(high)}".replace("\u00a0", " "), count)
            for low, high, count in charts.bins_of(item.total_ms)
        ]
        lines += [((item.name, "text"),), *charts.latency_bars(bins, min(width, 90), signs)]
    return lines


def _types(data: ReportData, width: int, signs: Glyphs) -> list[Line]:
    types = data.statistics.types
    if len(types) < 2 or not any(item.score is not None for each in types for item in each.models):
        return []
    word = batch_reports.say
    names = [one_line(item.name, 20) for item in data.statistics.models]
    rows = []
    for each in types[:_TYPES]:
        scores = {item.key: item.score for item in each.models}
        cells = [scores.get(item.key) for item in data.statistics.models]
        best = max((cell.value for cell in cells if cell is not None), default=None)
        rows.append(
            [
                Cell(one_line(each.type, 60) or word("no_type")),
                Cell(numbers.count(each.questions), "dim"),
                *(Cell(numbers.interval(cell), "good" if cell is not None and cell.value == best else "text") for cell in cells),
            ]
        )
    return [*_title("chart_score_by_type"), *charts.table((word("type"), word("questions"), *names), rows, width, signs)]


def _differences(data: ReportData, width: int, signs: Glyphs) -> list[Line]:
    tests = data.compared
    if not tests:
        return []
    word = batch_reports.say
    names = {item.key: one_line(item.name, 24) for item in data.statistics.models}
    conclusions = {
        "left": "better_left", "right": "better_right", "chance": "may_be_chance", "same": "no_difference", "too_few": "too_few_differ",
    }  # fmt: skip
    rows = [
        [
            Cell(f"{names.get(each.left, each.left)} / {names.get(each.right, each.right)}"),
            Cell(numbers.points(each.difference)),
            Cell(f"{numbers.points(each.low)} … {numbers.points(each.high)}", "dim"),
            Cell(numbers.chance(each.p_adjusted)),
            Cell(word(conclusions[each.conclusion]), "good" if each.conclusion in ("left", "right") else "text"),
            Cell(numbers.count(each.questions), "dim"),
        ]
        for each in tests
    ]
    headings = (
        f"{word('left')} / {word('right')}", word("difference"), word("interval"), word("chance"), word("conclusion"), word("questions"),
    )  # fmt: skip
    return [*_title("chart_difference"), *charts.table(headings, rows, width, signs)]


def _judge(judge: JudgeFigures, width: int, signs: Glyphs) -> list[Line]:
    word = batch_reports.say
    rates = (("flip_rate", judge.flip_rate), ("first_rate", judge.first_rate), ("longer_rate", judge.longer_rate))
    rows = [[Cell(word(key)), Cell(numbers.count(value))] for key, value in (("pairs", judge.pairs), ("grades", judge.grades)) if value]
    rows += [
        [Cell(word(key)), Cell(f"{numbers.percent(found[0])} ({found[1] * 100:.0f}–{found[2] * 100:.0f})")]
        for key, found in rates
        if found is not None
    ]
    if judge.unreadable:
        rows.append([Cell(word("unreadable")), Cell(numbers.count(judge.unreadable), "warn")])
    return [*_title("judge"), *charts.table((word("figure"), word("value")), rows, width, signs)] if rows else []
