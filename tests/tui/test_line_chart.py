"""Charts: dot by dot against a naive drawing, smoothing against the formula, appending against building anew, and the widget."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.cells import cell_len
from textual.pilot import Pilot

from tests.tui.widget_host import WidgetHost, lines_of
from tui.glyphs import ASCII, UNICODE
from tui.widgets.line_chart import LineChart, Series, Span
from tui.widgets.line_chart.canvas import ASCII_LINES, FAINT, FIRST, Canvas
from tui.widgets.line_chart.pyramid import Columns, Pyramid
from tui.widgets.line_chart.raster import braille, dots
from tui.widgets.line_chart.scale import Scale, log_ticks, nice_ticks, number, scale_for
from tui.widgets.line_chart.smooth import Smoother

_VALUES = st.one_of(st.floats(-100, 100), st.just(math.nan))
LINES = st.lists(st.tuples(st.integers(1, 9), _VALUES), max_size=400).map(
    lambda made: [(sum(gap for gap, _value in made[: index + 1]), value) for index, (_gap, value) in enumerate(made)]
)


def arrays(points: Sequence[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.array([step for step, _value in points], np.int64), np.array([value for _step, value in points], np.float64)


def pyramid(points: Sequence[tuple[int, float]]) -> Pyramid:
    made = Pyramid()
    made.take(*arrays(points))
    return made


def naive_columns(points: Sequence[tuple[int, float]], low: float, high: float, count: int) -> list[tuple[float, float, bool] | None]:
    """Of each column: the least and greatest of its points and of the line where it meets its neighbours; whether NaN was logged."""
    edges = np.linspace(low, high, count + 1).tolist()

    def between(x: float) -> float:
        for (x0, y0), (x1, y1) in pairwise(points):
            if x0 < x <= x1 or (x == x0 and (x0, y0) == points[0]):
                return y0 + (x - x0) / (x1 - x0) * (y1 - y0)
        return math.nan

    found: list[tuple[float, float, bool] | None] = []
    for index in range(count):
        left, right, last = edges[index], edges[index + 1], index == count - 1
        inside = [value for step, value in points if left <= step < right or (last and step == right)]
        values = [value for value in (*inside, between(left), between(right)) if not math.isnan(value)]
        broken = any(math.isnan(value) for value in inside)
        found.append((min(values), max(values), broken) if values else (math.nan, math.nan, broken) if broken else None)
    return found


class TestPyramid:
    @given(points=LINES, low=st.integers(-5, 100), size=st.integers(2, 2000), count=st.integers(1, 40))
    @settings(deadline=None, max_examples=150)
    def test_columns_are_those_of_a_naive_reading(self, points: list[tuple[int, float]], low: int, size: int, count: int) -> None:
        found = pyramid(points).columns(low, low + size, count)
        for index, wanted in enumerate(naive_columns(points, low, low + size, count)):
            least, greatest, broken = (math.nan, math.nan, False) if wanted is None else wanted
            assert found.broken[index] == broken
            for value, expected in ((found.low[index], least), (found.high[index], greatest)):
                assert math.isnan(value) == math.isnan(expected) and (math.isnan(value) or value == pytest.approx(expected, abs=1e-9))

    @given(points=LINES, cuts=st.lists(st.integers(0, 150), max_size=8))
    @settings(deadline=None, max_examples=60)
    def test_appending_is_the_same_as_building_anew(self, points: list[tuple[int, float]], cuts: list[int]) -> None:
        grown, steps, values, at = Pyramid(), *arrays(points), 0
        for cut in [*cuts, len(points)]:
            at = min(len(points), at + cut)
            grown.take(steps[:at], values[:at], same_head=True)
        high = int(steps[-1]) if len(steps) else 1
        for mine, other in zip(_parts(grown.columns(0, high, 37)), _parts(pyramid(points).columns(0, high, 37)), strict=True):
            assert np.array_equal(mine, other, equal_nan=mine.dtype != np.bool_)

    def test_long_series_of_whole_blocks(self) -> None:
        values = np.random.default_rng(1).normal(size=20_000)
        values[[5, 9_999]], values[12_345] = (50.0, -50.0), math.nan
        made = Pyramid()
        made.take(np.arange(20_000), values)
        for count in (1, 3, 7, 200):
            edges = np.linspace(0, 19_999, count + 1)
            columns = made.columns(0, 19_999, count)
            for index in range(count):
                inside = values[math.ceil(edges[index]) : (math.ceil(edges[index + 1]) if index < count - 1 else 20_000)]
                assert columns.low[index] <= np.nanmin(inside) + 1e-12 and columns.high[index] >= np.nanmax(inside) - 1e-12
                assert columns.broken[index] == np.isnan(inside).any()

    def test_nearest(self) -> None:
        made = pyramid([(10, 1.0), (20, 2.0), (40, 3.0)])
        assert [made.nearest(step) for step in (0, 10, 14, 16, 31, 99)] == [0, 0, 0, 1, 2, 2] and Pyramid().nearest(1) is None


def _parts(columns: Columns) -> tuple[NDArray[np.generic], ...]:
    return columns.low, columns.high, columns.broken


class TestRaster:
    @given(points=LINES, rows=st.integers(1, 6), count=st.integers(1, 12))
    @settings(deadline=None, max_examples=80)
    def test_every_dot_is_that_of_a_naive_drawing(self, points: list[tuple[int, float]], rows: int, count: int) -> None:
        scale, columns = Scale(-100.0, 100.0), pyramid(points).columns(0, 300, 2 * count)
        text = [[int(code) for code in row] for row in braille(dots(columns, scale, 4 * rows))]
        for y in range(4 * rows):
            for x in range(2 * count):
                bit = {(0, 0): 1, (1, 0): 2, (2, 0): 4, (0, 1): 8, (1, 1): 16, (2, 1): 32, (3, 0): 64, (3, 1): 128}[y % 4, x % 2]
                low, high = columns.low[x], columns.high[x]
                wanted = False
                if not math.isnan(low):
                    top, bottom = (math.floor((1 - (value + 100) / 200) * (4 * rows - 1) + 0.5) for value in (high, low))
                    wanted = top <= y <= bottom
                assert bool(text[y // 4][x // 2] & bit) == wanted

    def test_a_strong_line_is_drawn_over_a_faint_one(self) -> None:
        canvas, scale = Canvas(4, 2), Scale(0.0, 1.0)
        low, mid = np.zeros(8), np.full(8, 1.0)
        canvas.line(Columns(low, mid, np.zeros(8, np.bool_)), scale, FAINT, ".")
        canvas.line(Columns(mid, mid, np.zeros(8, np.bool_)), scale, FIRST, "*")
        first, second = canvas.rows()
        assert first == [("⠉⠉⠉⠉", FIRST)] and second == [("⣿⣿⣿⣿", FAINT)]

    def test_lines_of_a_poor_terminal_have_signs_of_their_own(self) -> None:
        canvas, scale = Canvas(4, 2, ascii_only=True), Scale(0.0, 1.0)
        for index, value in enumerate((1.0, 0.0)):
            canvas.line(Columns(np.full(4, value), np.full(4, value), np.zeros(4, np.bool_)), scale, FIRST + index, ASCII_LINES[index])
        assert [text for row in canvas.rows() for text, _style in row] == ["****", "++++"]


class TestSmoothing:
    @given(st.lists(_VALUES, max_size=300), st.sampled_from([0.0, 0.3, 0.6, 0.9, 0.99, 0.999]), st.lists(st.integers(0, 90), max_size=6))
    @settings(deadline=None, max_examples=80)
    def test_is_that_of_the_formula_in_any_parts(self, values: list[float], weight: float, cuts: list[int]) -> None:
        expected, last, seen = [], 0.0, 0
        for value in values:
            if math.isnan(value):
                expected.append(value)
                continue
            last, seen = last * weight + (1 - weight) * value, seen + 1
            expected.append(last / (1 - weight**seen) if weight else value)
        smoother, at = Smoother(weight), 0
        for cut in [*cuts, len(values)]:
            smoother.extend(np.array(values[at : at + cut], np.float64))
            at += cut
        assert np.allclose(smoother.array, expected, rtol=1e-9, atol=1e-7, equal_nan=True)

    def test_a_long_series_loses_nothing_to_rounding(self) -> None:
        smoother = Smoother(0.6)
        smoother.extend(np.full(100_000, 2.5))
        assert np.allclose(smoother.array, 2.5)


class TestScale:
    @given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
    def test_ticks_are_within_and_round(self, low: float, size: float, count: int) -> None:
        ticks = nice_ticks(low, low + size, count)
        assert 1 <= len(ticks) <= 3 * count and ticks == sorted(ticks)
        assert all(low - size * 1e-6 <= tick <= low + size * (1 + 1e-6) for tick in ticks)

    def test_logarithmic(self) -> None:
        assert log_ticks(1e-5, 1.0, 6) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0])
        assert len(log_ticks(2.0, 3.0, 5)) >= 2
        scale = scale_for(-1.0, 100.0, log=True)
        assert scale.log and scale.low > 0 and scale.fraction(np.array([100.0, -5.0, math.nan]))[0] == pytest.approx(1.0)

    @pytest.mark.parametrize(("low", "high"), [(math.inf, -math.inf), (0.0, 0.0), (5.0, 5.0), (-3.0, -3.0), (1e-300, 1e-300)])
    def test_any_values_make_a_scale(self, low: float, high: float) -> None:
        for log in (False, True):
            scale = scale_for(low, high, log=log)
            assert scale.low < scale.high

    def test_numbers_take_few_cells(self) -> None:
        shown = {0.8123: "0.8123", 4.1e-5: "4.1e-5", 0.0: "0", 12500.0: "12.5k", 1240.0: "1240", 2.5e6: "2.5M", -3.0: "-3", math.nan: "NaN"}
        assert {value: number(value) for value in shown} == shown or all(number(v) == s for v, s in shown.items())


def series(count: int = 50, key: str = "loss", **more: object) -> Series:
    steps = np.arange(1, count + 1)
    return Series(key, key, steps, 6.0 / steps, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def shown(
    *lines: Series, size: tuple[int, int] = (60, 16), **host: object
) -> AsyncIterator[tuple[WidgetHost, LineChart, Pilot[None]]]:
    app = WidgetHost(lambda: LineChart("loss"), **host)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        chart = app.query_one(LineChart)
        chart.show(lines)
        chart.focus()
        await pilot.pause()
        yield app, chart, pilot


class TestWidget:
    async def test_title_axes_and_line(self) -> None:
        async with shown(series()) as (_app, chart, _pilot):
            lines = lines_of(chart)
            assert lines[0].startswith(" loss  0.12") and "└" in lines[-1] and "20" in lines[-1] and any("6┤" in line for line in lines)
            assert {cell_len(strip.text) for strip in chart.render_lines(chart.size.region)} == {60}

    async def test_crosshair_zoom_pan_and_back(self) -> None:
        async with shown(series(1000)) as (app, chart, pilot):
            await pilot.press("left")
            assert chart.pointer == 1000 and "@1,000" in lines_of(chart)[0]
            await pilot.press("left", "left")
            assert chart.pointer is not None and 900 < chart.pointer < 1000 and any("┊" in line for line in lines_of(chart))
            assert [message.step for message in app.of(LineChart.Pointed)][-1] == chart.pointer
            await pilot.press("plus", "plus")
            span = chart.span
            assert (
                span is not None and span.low <= chart.pointer <= span.high and span.high - span.low < 300 and "zoom" in lines_of(chart)[0]
            )
            await pilot.press("left_square_bracket")
            assert chart.span is not None and chart.span.low < span.low
            assert app.of(LineChart.Zoomed)[-1].span == chart.span
            await pilot.press("0")
            assert chart.span is None and chart.pointer is None

    async def test_smoothing_is_drawn_over_the_faint_line(self) -> None:
        async with shown(series()) as (app, chart, pilot):
            before = lines_of(chart)
            await pilot.press("t")
            assert chart.weight == 0.6 and "smooth 0.6" in lines_of(chart)[0] and lines_of(chart) != before
            for _turn in range(3):
                await pilot.press("t")
            assert lines_of(chart) == before and len(app.of(LineChart.Styled)) == 4

    async def test_logarithmic_axis(self) -> None:
        async with shown(series(1000)) as (_app, chart, pilot):
            await pilot.press("L")
            assert "log" in lines_of(chart)[0] and any(line.strip().startswith("0.1┤") for line in lines_of(chart))

    async def test_several_runs_have_a_legend(self) -> None:
        for glyphs, sign in ((UNICODE, "▇"), (ASCII, "*")):
            async with shown(series(key="one"), series(30, key="two\x1b[31m"), glyphs=glyphs) as (
                _app,
                chart,
                _p,
            ):
                head = lines_of(chart)[0]
                assert f"{sign} one" in head and "two" in head and "\x1b" not in head
                assert glyphs is UNICODE or ("\n".join(lines_of(chart)).isascii() and any("+" in line for line in lines_of(chart)[1:-1]))

    async def test_growing_is_drawn_as_if_it_had_always_been_there(self) -> None:
        steps = np.arange(1, 301)
        values = np.sin(steps / 9) + 2
        async with shown(Series("a", "a", steps[:100], values[:100])) as (_app, chart, _pilot):
            chart.set_smoothing(0.9)
            for count in (130, 131, 300):
                chart.show([Series("a", "a", steps[:count], values[:count], same_head=True)])
            grown = lines_of(chart)
        async with shown(Series("a", "a", steps, values)) as (_app, chart, _pilot):
            chart.set_smoothing(0.9)
            assert lines_of(chart) == grown

    async def test_nothing_is_drawn_when_nothing_changed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = series()
        async with shown(one) as (_app, chart, _pilot):
            drawn: list[int] = []
            monkeypatch.setattr(chart, "draw", lambda: drawn.append(1))
            chart.show([one])
            chart.show([Series(one.key, one.label, one.steps, one.values, same_head=True)])
            chart.set_span(None)
            chart.set_pointer(None)
            assert not drawn

    async def test_nan_is_marked_and_leaves_a_gap(self) -> None:
        values = np.linspace(2, 1, 60)
        values[20:40] = math.nan
        async with shown(Series("a", "a", np.arange(60), values)) as (_app, chart, _pilot):
            assert "×××" in lines_of(chart)[-2]

    @pytest.mark.parametrize("values", [[], [math.nan], [math.inf, 1.0], [1.0], [5.0, 5.0, 5.0], [1e300, -1e300], [0.0, -1.0]])
    async def test_any_values_at_any_size(self, values: list[float]) -> None:
        line = Series("a", "a", np.arange(len(values)), np.array(values, np.float64))
        async with shown(line) as (_app, chart, pilot):
            for size in ((60, 16), (12, 3), (5, 1), (30, 2)):
                await pilot.resize_terminal(*size)
                await pilot.press("t", "L", "left", "plus", "minus", "0", "right", "L")
                assert {cell_len(strip.text) for strip in chart.render_lines(chart.size.region)} == {size[0]}

    async def test_without_data_it_says_why(self) -> None:
        async with shown() as (_app, chart, _pilot):
            chart.empty = "Nothing yet."
            chart.draw()
            assert any("Nothing yet." in line for line in lines_of(chart))

    async def test_mouse(self) -> None:
        async with shown(series(1000)) as (_app, chart, pilot):
            await pilot.click(chart, offset=(30, 5))
            assert chart.pointer is not None and 300 < chart.pointer < 700
            await pilot.mouse_down(chart, offset=(20, 5))
            await pilot.mouse_up(chart, offset=(40, 5))
            assert chart.span is not None and 200 < chart.span.low < 400 and 550 < chart.span.high < 800

    async def test_a_zoom_at_the_end_goes_along(self) -> None:
        steps = np.arange(1, 1101)
        values = 1.0 / steps
        async with shown(Series("a", "a", steps[:1000], values[:1000])) as (_app, chart, _pilot):
            chart.set_span(Span(900.0, 1000.0))
            chart.show([Series("a", "a", steps, values, same_head=True)])
            assert chart.span == Span(1000.0, 1100.0)
