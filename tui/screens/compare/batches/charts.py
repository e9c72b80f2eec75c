"""Charts made of characters: scores with their intervals, lengths of time, tables. Lines for a `Sheet`; nothing here asks a service."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.glyphs import Glyphs
from tui.widgets.histogram import bar
from tui.widgets.lines import pad
from tui.widgets.sheet import Line

#: Cells that a name takes at most beside its bar.
_NAME = 28
_LEAST_BAR = 12


@dataclass(frozen=True, slots=True)
class Interval:
    """One bar: a value between 0 and 1 with its interval, and what is said behind it. None: there is nothing to draw."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; `style` names one of the palette."""

    text: str
    style: str = "text"


def interval_bars(bars: Sequence[Interval], width: int, signs: Glyphs) -> list[Line]:
    """One line a bar: filled up to the lower bound, then the interval as a whisker with the value in it, over the scale 0 to 1."""
    if not bars:
        return []
    names = max(min(_NAME, cell_len(item.name)) for item in bars)
    words = max(cell_len(item.words) for item in bars)
    room = max(_LEAST_BAR, width - names - words - 5)
    return [
        (
            (pad(item.name, names, ellipsis=signs.ellipsis) + "  ", "text"),
            *_interval(item, room, signs),
            ("  " + pad(item.words, words), "dim"),
        )
        for item in bars
    ]


def _interval(item: Interval, room: int, signs: Glyphs) -> list[tuple[str, str]]:
    if item.value is None or math.isnan(item.value):
        return [(signs.empty * room, "rule")]
    last = room - 1
    at = _at(item.value, last)
    if item.low is None or item.high is None:
        return [(signs.full * (at + 1), "accent"), (signs.empty * (last - at), "rule")]
    low, high = min(at, _at(item.low, last)), max(at, _at(item.high, last))
    dash, point, left, right = ("-", "o", "|", "|") if signs.ascii else ("─", "●", "├", "┤")
    whisker = [dash] * (high - low + 1)
    whisker[0], whisker[-1] = left, right
    whisker[at - low] = point
    return [(signs.full * low, "accent"), ("".join(whisker), "text bold"), (signs.empty * (last - high), "rule")]


def _at(value: float, last: int) -> int:
    return round(min(1.0, max(0.0, value)) * last)


def scale(width: int, bars: Sequence[Interval], signs: Glyphs) -> Line:
    """The ends and the middle of the scale that `interval_bars` of the same width has."""
    names = max(min(_NAME, cell_len(item.name)) for item in bars)
    words = max(cell_len(item.words) for item in bars)
    room = max(_LEAST_BAR, width - names - words - 5)
    middle = room // 2
    text = "0" + "0.5".rjust(middle + 1) + "1".rjust(room - middle - 2)
    return ((" " * (names + 2), ""), (text, "dim"))


def bins_of(values: Sequence[float], most: int = 10) -> list[tuple[float, float, int]]:
    """`values` counted in at most `most` ranges of even width at round bounds: (from, below, how many)."""
    found = sorted(value for value in values if math.isfinite(value))
    if not found:
        return []
    step = _round_step((found[-1] - min(0.0, found[0])) / most or 1.0)
    first = math.floor(found[0] / step)
    counts = [0] * (math.floor(found[-1] / step) - first + 1)
    for value in found:
        counts[math.floor(value / step) - first] += 1
    return [((first + index) * step, (first + index + 1) * step, count) for index, count in enumerate(counts)]


def _round_step(wanted: float) -> float:
    """The least of 1, 2, 2.5 and 5 times a power of ten that is not below `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= wanted * (1 - 1e-9))


def latency_bars(bins: Sequence[tuple[str, int]], width: int, signs: Glyphs) -> list[Line]:
    """A histogram: a name of each range, a bar, how many."""
    if not bins:
        return []
    names = max(cell_len(name) for name, _count in bins)
    counts = max(len(f"{count:,}") for _name, count in bins)
    room = max(4, min(60, width - names - counts - 5))
    top = max(count for _name, count in bins) or 1
    return [
        (
            (pad(name, names, right=True) + "  ", "dim"),
            (pad(bar(count / top, room, signs), room), "accent"),
            (f"  {count:,}".rjust(counts + 2), "text"),
        )
        for name, count in bins
    ]


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, signs: Glyphs) -> list[Line]:
    """Columns aligned by cells, the first at the left and the others at the right; the last ones drop where it is narrow."""
    if not rows:
        return []
    columns = len(headings)
    widths = [max(cell_len(headings[index]), *(cell_len(row[index].text) for row in rows)) for index in range(columns)]
    widths[0] = min(widths[0], _NAME)
    shown, used = 1, widths[0]
    while shown < columns and used + 2 + widths[shown] <= width:
        used += 2 + widths[shown]
        shown += 1
    lines: list[Line] = [_table_row([Cell(text, "dim") for text in headings[:shown]], widths, signs)]
    return lines + [_table_row(row[:shown], widths, signs) for row in rows]


def _table_row(cells: Sequence[Cell], widths: Sequence[int], signs: Glyphs) -> Line:
    return tuple(
        (("" if index == 0 else "  ") + pad(cell.text, widths[index], right=index > 0, ellipsis=signs.ellipsis), cell.style)
        for index, cell in enumerate(cells)
    )
