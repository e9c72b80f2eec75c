"""What a chart of a million points costs: built from nothing, and built again after 100 points were added. 100 x 30 cells, in braille.

`build` goes from numpy arrays to the text of every row, as the widget does with every change; `widget` is the whole widget with axes,
title and the strips of Textual.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.training.metrics import MetricsFile
from tests.bench.table import Row, print_table, time_ms
from tests.tui.widget_host import WidgetHost
from tui.widgets.line_chart import LineChart, Series
from tui.widgets.line_chart.canvas import FIRST, Canvas
from tui.widgets.line_chart.pyramid import Pyramid
from tui.widgets.line_chart.scale import scale_for
from tui.widgets.line_chart.smooth import Smoother

POINTS, ADDED, ROUNDS = 1_000_000, 100, 15
WIDTH, HEIGHT = 100, 30


def curve(count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A loss that falls and is noisy."""
    random = np.random.default_rng(7)
    return np.arange(1, count + 1), 2.0 + 8.0 / np.sqrt(np.arange(1, count + 1)) + random.normal(0, 0.2, count)


def build(pyramid: Pyramid, steps: NDArray[np.int64], values: NDArray[np.float64], *, same_head: bool) -> list[list[tuple[str, int]]]:
    pyramid.take(steps, values, same_head=same_head)
    canvas = Canvas(WIDTH, HEIGHT)
    columns = pyramid.columns(float(steps[0]), float(steps[-1]), canvas.columns)
    canvas.line(columns, scale_for(float(np.nanmin(columns.low)), float(np.nanmax(columns.high))), FIRST, "*")
    return canvas.rows()


async def in_widget(steps: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    app = WidgetHost(lambda: LineChart("loss"))
    whole, grown = [], []
    async with app.run_test(size=(WIDTH + 8, HEIGHT + 2)):
        chart = app.query_one(LineChart)
        chart.set_smoothing(0.6)
        for _round in range(ROUNDS):
            chart.show([])
            whole.append(time_ms(lambda: chart.show([Series("a", "a", steps[:POINTS], values[:POINTS])])))
        for number in range(1, ROUNDS + 1):
            end = POINTS + number * ADDED
            line = Series("a", "a", steps[:end], values[:end], same_head=True)
            grown.append(time_ms(lambda line=line: chart.show([line])))  # type: ignore[misc]
    return whole, grown


def reading(folder: Path) -> list[float]:
    """Milliseconds to read the metrics of 100,000 steps."""
    path = folder / "trainer_log.jsonl"
    line = '{{"current_steps": {0}, "total_steps": 100000, "loss": 1.25, "lr": 4.75e-05, "epoch": 0.1, "elapsed_time": "0:00:08"}}\n'
    path.write_text("".join(line.format(step) for step in range(1, 100_001)))
    return [time_ms(MetricsFile(path).read_new) for _round in range(3)]


def main() -> None:
    steps, values = curve(POINTS + 2 * ROUNDS * ADDED)
    build(Pyramid(), steps[:POINTS], values[:POINTS], same_head=False)
    new = [time_ms(lambda: build(Pyramid(), steps[:POINTS], values[:POINTS], same_head=False)) for _round in range(ROUNDS)]
    kept, added = Pyramid(), []
    kept.take(steps[:POINTS], values[:POINTS])
    for number in range(1, ROUNDS + 1):
        end = POINTS + number * ADDED
        began = time.perf_counter()
        build(kept, steps[:end], values[:end], same_head=True)
        added.append((time.perf_counter() - began) * 1000)
    smoothing = [time_ms(lambda: Smoother(0.6).extend(values[:POINTS])) for _round in range(5)]
    whole, grown = asyncio.run(in_widget(steps, values))
    with tempfile.TemporaryDirectory() as folder:
        metrics = reading(Path(folder))
    print_table(
        [
            Row("build a chart of 1,000,000 points at 100x30", new, "ms", "<= 6"),
            Row("append 100 points and build again", added, "ms", "<= 1"),
            Row("smooth 1,000,000 points", smoothing, "ms"),
            Row("the whole widget with smoothing, from nothing", whole, "ms"),
            Row("the whole widget with smoothing, 100 points more", grown, "ms"),
            Row("read the metrics of 100,000 steps", metrics, "ms"),
        ]
    )


if __name__ == "__main__":
    main()
