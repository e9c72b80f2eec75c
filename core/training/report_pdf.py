"""The report of a run as PDF: the same words, curves and tables as its page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.documents.drawing import Drawing, Label, Stroke
from core.documents.paper import BAD, DIM, WARN
from core.documents.press import Script, printed
from core.sanitise import one_line, sanitise
from core.training.report_charts import Axes, Curve, axes_of, thinned

if TYPE_CHECKING:
    from core.documents.fonts import Fonts
    from core.training.failures import Failure
    from core.training.report import ReportData, Words

#: Points of a curve on paper, and the size of its picture in units.
_POINTS = 500
_WIDTH, _HEIGHT = 720.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 12.0, 26.0, 26.0


def as_pdf(data: ReportData, words: Words, fonts: Fonts | None = None) -> bytes:
    """The whole file. Blocks for some seconds. Chinese is set in a font of this machine; where there is none, the first page says so."""
    made = printed(_script(data, words, fonts, ""))
    if made.missing:
        made = printed(_script(data, words, fonts, words.label("no_font" if made.chinese else "no_chinese_font")))
    return made.data


def _script(data: ReportData, words: Words, fonts: Fonts | None, note: str) -> Script:
    run = data.run
    paper = Script(run.name, words.language, datetime.now(UTC), words.label("page"), fonts)
    paper.add("text", one_line(run.name), size=18, bold=True)
    paper.add("text", " · ".join(part for part in (words.state(run), run.model, run.method, run.stage) if part), size=9, colour=DIM)
    if note:
        paper.add("text", note, size=9, colour=WARN)
    if run.failure is not None:
        _failure(paper, words, run.failure, words.label("failure"))
    if data.warnings:
        paper.add("heading", words.label("warnings"))
        for warning in data.warnings:
            what, remedies = words.failure(warning)
            paper.add("text", " ".join((what, *remedies[:1])), indent=4, bullet="•", colour=WARN)
    _summary(paper, data, words)
    if data.measured:
        paper.add("heading", words.label("curves"))
        for one in data.measured:
            paper.add("picture", curve_drawing(Curve(one_line(one.name), one.steps, one.values)))
    _tables(paper, data, words)
    return paper


def _failure(paper: Script, words: Words, failure: Failure, title: str) -> None:
    what, remedies = words.failure(failure)
    paper.add("heading", title)
    paper.add("text", what, colour=BAD)
    for proof in failure.proof:
        paper.add("text", proof.text, size=8, colour=DIM, indent=4, most=20)
    for remedy in remedies:
        paper.add("text", remedy, indent=4, bullet="•")


def _summary(paper: Script, data: ReportData, words: Words) -> None:
    run = data.run
    steps = f"{run.step:,} / {run.total_steps:,}" if run.total_steps else f"{run.step:,}"
    paper.add("heading", words.label("summary"))
    for key, value in (
        ("steps", steps),
        ("started", words.moment(run.started_at)),
        ("ended", words.moment(run.ended_at)),
        ("duration", words.span(data.seconds)),
        ("resources", ", ".join(data.resources)),
        ("attempts", str(len(data.attempts))),
    ):
        if value:
            paper.add("fact", words.label(key), value)


def _tables(paper: Script, data: ReportData, words: Words) -> None:
    measured = [
        (one.name, f"{one.last:.6g}", _number(one.best), "" if one.best_step is None else f"{one.best_step:,}") for one in data.measured
    ]
    measured += [(name, f"{value:.6g}", "", "") for name, value in data.final.items()]
    _table(paper, words, "metrics", ("metric", "last", "best", "at_step"), measured, numbers=3)
    _table(
        paper, words, "data", ("dataset", "file", "format"), [(name, each["file"], each["format"]) for name, each in data.datasets.items()]
    )
    artifacts = [(each.path.name, words.label(each.kind), "" if each.step is None else f"{each.step:,}") for each in data.artifacts]
    _table(paper, words, "results", ("name", "kind", "at_step"), artifacts, numbers=1)
    for title, pairs in (("configuration", data.options.items()), ("environment", data.environment.items())):
        if pairs:
            paper.add("heading", words.label(title))
        for name, value in pairs:
            paper.add("fact", one_line(str(name)), _plain(value), room=60.0)


def _table(paper: Script, words: Words, title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, numbers: int = 0) -> None:
    """The last `numbers` columns are numbers. Nothing for no rows."""
    found = [tuple(one_line(cell) for cell in row) for row in rows]
    if found:
        paper.add("heading", words.label(title), room=40)
        right = [index >= len(columns) - numbers for index in range(len(columns))]
        paper.add("table", [words.label(key) for key in columns], found, right=right, size=8.5)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _plain(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else sanitise(str(value))


def curve_drawing(curve: Curve) -> Drawing:
    """One curve with its axes, as shapes; holes where values are no numbers."""
    points = thinned(curve.steps, curve.values, _POINTS)
    axes = axes_of(list(zip(curve.steps, curve.values, strict=True)))
    shapes: list[Stroke | Label] = [Label(0, 15, curve.label, bold=True, size=13)]
    if axes is not None:
        shapes += _grid(axes)
        shapes += _line(axes, points)
    return Drawing(curve.label, _WIDTH, _HEIGHT, "", tuple(shapes))


def _place(axes: Axes, step: float, value: float) -> tuple[float, float]:
    across = (step - axes.low_x) / (axes.high_x - axes.low_x)
    up = (value - axes.low_y) / (axes.high_y - axes.low_y)
    return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)


def _grid(axes: Axes) -> Iterable[Stroke | Label]:
    for index in range(5):
        value = axes.low_y + (axes.high_y - axes.low_y) * index / 4
        step = axes.low_x + (axes.high_x - axes.low_x) * index / 4
        x, y = _place(axes, step, value)
        yield Stroke(_LEFT, y, _WIDTH - _RIGHT, y, "grid", 0.7)
        yield Label(_LEFT - 6, y + 4, f"{value:.3g}", "end", "dim", size=11)
        yield Label(x, _HEIGHT - 8, f"{step:,.0f}", "middle", "dim", size=11)


def _line(axes: Axes, points: Iterable[tuple[int, float]]) -> Iterable[Stroke]:
    before: tuple[float, float] | None = None
    for step, value in points:
        here = _place(axes, step, value) if math.isfinite(value) else None
        if here is not None:
            yield Stroke(*(before or here), *here, 0, 1.6)
        before = here
