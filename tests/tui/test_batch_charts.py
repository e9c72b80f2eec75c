"""Charts of reports on the screen: bars with intervals, times in ranges, tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.glyphs import ASCII, UNICODE
from tui.screens.compare.batches.charts import Cell, Interval, bins_of, interval_bars, latency_bars, scale, table
from tui.widgets.sheet import Line


def text_of(line: Line) -> str:
    return "".join(text for text, _token in line)


def cells_of(line: Line) -> int:
    return cell_len(text_of(line))


def test_a_bar_is_full_up_to_its_interval_and_has_the_value_in_it() -> None:
    (line,) = interval_bars([Interval("one", 0.5, 0.25, 0.75, "50 %")], 58, ASCII)
    bar = text_of(line)[5 : -len("  50 %")]
    last = len(bar) - 1
    assert bar.index("|") == round(0.25 * last) and bar.rindex("|") == round(0.75 * last)
    assert bar.index("o") == round(0.5 * last)
    assert set(bar[: bar.index("|")]) == {"#"} and set(bar[bar.rindex("|") + 1 :]) == {"."}


@given(
    st.lists(
        st.tuples(st.sampled_from(["left", "右边的模型", "x" * 60]), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
        min_size=1,
        max_size=5,
    ),
    st.integers(40, 160),
)
def test_all_bars_of_a_chart_are_equally_wide_and_fit(values: list[tuple[str, float, float, float]], width: int) -> None:
    bars = [Interval(name, middle, min(low, middle), max(high, middle), "80 %") for name, middle, low, high in values]
    lines = interval_bars(bars, width, UNICODE)
    assert len({cells_of(line) for line in lines}) == 1
    assert all(cells_of(line) <= max(width, 28 + 4 + 5 + 12) for line in lines)
    assert cells_of(scale(width, bars, UNICODE)) <= cells_of(lines[0])


def test_what_was_not_scored_has_no_bar() -> None:
    (line,) = interval_bars([Interval("one", None, words="not scored")], 60, UNICODE)
    assert "not scored" in text_of(line) and "▇" not in text_of(line) and "●" not in text_of(line)


@given(st.lists(st.floats(0, 1e7, allow_nan=False), min_size=1, max_size=200), st.integers(2, 20))
def test_every_value_is_counted_once_in_the_range_that_holds_it(values: list[float], most: int) -> None:
    bins = bins_of(values, most)
    assert sum(count for _low, _high, count in bins) == len(values)
    assert len(bins) <= most + 1
    for low, high, count in bins:
        assert count <= sum(low - 1e-6 <= value <= high + 1e-6 for value in values)


def test_ranges_of_times_begin_at_round_numbers() -> None:
    bounds = [(low, high) for low, high, _count in bins_of([120.0, 430.0, 990.0], 5)]
    assert bounds == [(0, 200), (200, 400), (400, 600), (600, 800), (800, 1000)]


def test_no_times_make_no_chart() -> None:
    assert bins_of([]) == [] and latency_bars([], 60, UNICODE) == [] and table(("a", "b"), [], 60, UNICODE) == []


@pytest.mark.parametrize("width", [20, 34, 80])
def test_columns_of_a_table_stand_under_one_another_and_the_last_ones_give_way(width: int) -> None:
    rows = [[Cell("模型"), Cell("12"), Cell("1.5 s"), Cell("USD 0.01")], [Cell("a longer name"), Cell("3"), Cell("12 s"), Cell("–")]]
    lines = table(("Configuration", "Answered", "p50", "Cost"), rows, width, UNICODE)
    assert len({cells_of(line) for line in lines}) == 1 and cells_of(lines[0]) <= max(width, 13)
    assert ("Cost" in text_of(lines[0])) == (width == 80)
