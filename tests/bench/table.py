"""The one table of all benchmarks, and the measuring that they share."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: `values` as measured, all in `unit`; `goal` as text, "" where there is none."""

    figure: str
    values: Sequence[float]
    unit: str
    goal: str = ""


def print_table(rows: Sequence[Row]) -> None:
    """Print figure, median, least, most, number of measurements and goal."""
    cells = [("figure", "median", "min", "max", "n", "goal")]
    for row in rows:
        low, middle, high = min(row.values), statistics.median(row.values), max(row.values)
        shown = tuple(f"{value:,.4g} {row.unit}" if value < 1000 else f"{value:,.0f} {row.unit}" for value in (middle, low, high))
        cells.append((row.figure, *shown, str(len(row.values)), row.goal))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def cpu_seconds() -> float:
    """User and system seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def time_ms(action: Callable[[], object]) -> float:
    """Wall milliseconds of one call."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000
