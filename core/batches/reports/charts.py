"""Charts of reports: bars with their intervals, bars in groups, and differences on both sides of nothing. Lying down, for long names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.documents.drawing import Box, Drawing, Label, Stroke, fitted, text_width

WIDTH: Final = 720.0
_BAR, _GAP, _GROUP_GAP, _TOP, _AXIS = 16.0, 4.0, 12.0, 34.0, 26.0
_SMALL: Final = 11.0
#: The widest column of names, in units; longer names are cut.
_NAMES: Final = 230.0
Shape = Box | Stroke | Label


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with, where it is known, its interval. `text`: the value as it is written beside the bar; `series` says its colour."""

    label: str
    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    series: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together, under one name."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis: what is written at its marks, and where it ends at most (a share ends at 1)."""

    write: Callable[[float], str]
    most: float | None = None


def bars(title: str, rows: Sequence[Bar], scale: Scale) -> Drawing:
    """One bar a row. A row without a value says its text and draws nothing."""
    return _laid_out(title, [Group(row.label, (row,)) for row in rows], scale, names=())


def grouped(title: str, groups: Sequence[Group], names: Sequence[str], scale: Scale) -> Drawing:
    """Several bars a row, told apart by colour; `names` are the series in the order of their numbers."""
    return _laid_out(title, groups, scale, names=names)


def _laid_out(title: str, groups: Sequence[Group], scale: Scale, names: Sequence[str]) -> Drawing:
    left = min(_NAMES, max((text_width(group.label, _SMALL) for group in groups), default=0.0)) + 10
    every = [bar for group in groups for bar in group.bars]
    right = max((text_width(bar.text, _SMALL) for bar in every), default=0.0) + 16
    ends = [number for bar in every for number in (bar.value, bar.high) if number is not None]
    top = rounded_up(max(ends, default=0.0), scale.most)
    place = _Across(left, WIDTH - right, 0.0, top)
    legend, y = _legend(names)
    shapes: list[Shape] = [Label(0, 16, fitted(title, WIDTH, 14), bold=True, size=14), *legend]
    start = y
    body: list[Shape] = []
    for group in groups:
        height = len(group.bars) * (_BAR + _GAP) - _GAP
        body.append(Label(left - 8, y + height / 2 + 4, fitted(group.label, _NAMES, _SMALL), "end", size=_SMALL))
        for bar in group.bars:
            body += _bar(bar, place, y, group.label, names)
            y += _BAR + _GAP
        y += _GROUP_GAP - _GAP
    shapes += [*_marks(place, start, y - _GROUP_GAP / 2, _steps(0.0, top), scale.write), *body]
    return Drawing(title, WIDTH, y + _AXIS, "; ".join(_told(group, bar, names) for group in groups for bar in group.bars), tuple(shapes))


def differences(title: str, rows: Sequence[Bar], scale: Scale) -> Drawing:
    """A dot with its interval a row, around a line at 0: an interval that keeps off the line is more than chance."""
    left = min(_NAMES + 60, max((text_width(row.label, _SMALL) for row in rows), default=0.0)) + 10
    right = max((text_width(row.text, _SMALL) for row in rows), default=0.0) + 16
    reach = rounded_up(
        max((abs(number) for row in rows for number in (row.value, row.low, row.high) if number is not None), default=0.0), None
    )
    place = _Across(left, WIDTH - right, -reach, reach)
    y = _TOP
    body: list[Shape] = []
    for row in rows:
        body.append(Label(left - 8, y + _BAR / 2 + 4, fitted(row.label, _NAMES + 60, _SMALL), "end", size=_SMALL))
        middle = y + _BAR / 2
        if row.low is not None and row.high is not None:
            body += _whisker(place, row.low, row.high, middle, row.series, 2.0)
        if row.value is not None:
            body.append(Box(place(row.value) - 4, middle - 4, 8, 8, row.series, f"{row.label}: {row.text}"))
        body.append(Label(WIDTH - right + 8, middle + 4, row.text, size=_SMALL))
        y += _BAR + _GAP + 4
    bottom = y
    shapes: list[Shape] = [Label(0, 16, fitted(title, WIDTH, 14), bold=True, size=14)]
    shapes += _marks(place, _TOP, bottom, (-reach, -reach / 2, 0.0, reach / 2, reach), scale.write)
    shapes.append(Stroke(place(0), _TOP - 4, place(0), bottom, "mark", 1.2))
    return Drawing(title, WIDTH, bottom + _AXIS, "; ".join(f"{row.label}: {row.text}" for row in rows), (*shapes, *body))


@dataclass(frozen=True, slots=True)
class _Across:
    """Values to places from left to right."""

    left: float
    right: float
    low: float
    high: float

    def __call__(self, value: float) -> float:
        return self.left + (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * (self.right - self.left)


def rounded_up(highest: float, most: float | None) -> float:
    """A round number at or above the highest, so that the marks are round as well."""
    if most is not None and highest <= most and highest > most / 4:
        return most
    if not math.isfinite(highest) or highest <= 0:
        return most or 1.0
    size = 10.0 ** math.floor(math.log10(highest))
    end = next(size * step for step in (1, 2, 4, 5, 8, 10) if highest <= size * step * 1.0000001)
    return min(end, most) if most is not None else end


def _steps(low: float, high: float) -> tuple[float, ...]:
    return tuple(low + (high - low) * index / 4 for index in range(5))


def _marks(place: _Across, top: float, bottom: float, at: Sequence[float], write: Callable[[float], str]) -> list[Shape]:
    shapes: list[Shape] = []
    for value in at:
        x = place(value)
        shapes.append(Stroke(x, top - 4, x, bottom, "grid"))
        shapes.append(Label(x, bottom + 15, write(value), "middle", "dim", size=_SMALL))
    return shapes


def _legend(names: Sequence[str]) -> tuple[list[Shape], float]:
    """The series' names in lines of their own, and where the bars begin."""
    if not names:
        return [], _TOP
    shapes: list[Shape] = []
    x, y = 0.0, 36.0
    for index, name in enumerate(names):
        text = fitted(name, WIDTH / 2, _SMALL)
        wide = text_width(text, _SMALL) + 34
        if x and x + wide > WIDTH:
            x, y = 0.0, y + 18
        shapes += [Box(x, y - 9, 11, 11, index), Label(x + 16, y, text, size=_SMALL)]
        x += wide
    return shapes, y + 20


def _bar(bar: Bar, place: _Across, y: float, group: str, names: Sequence[str]) -> list[Shape]:
    middle = y + _BAR / 2
    end = place.left
    shapes: list[Shape] = []
    if bar.value is not None:
        end = place(bar.value)
        name = names[bar.series] if bar.series < len(names) else group
        shapes.append(Box(place.left, y, end - place.left, _BAR, bar.series, f"{name}: {bar.text}"))
        if bar.low is not None and bar.high is not None and bar.high > bar.low:
            shapes += _whisker(place, bar.low, bar.high, middle, "mark", 1.5)
            end = max(end, place(bar.high))
    return [*shapes, Label(end + 6, middle + 4, bar.text, size=_SMALL)]


def _whisker(place: _Across, low: float, high: float, y: float, colour: int | str, width: float) -> list[Shape]:
    left, right = place(low), place(high)
    ends = [Stroke(x, y - 4, x, y + 4, colour, width) for x in (left, right)]
    return [Stroke(left, y, right, y, colour, width), *ends]


def _told(group: Group, bar: Bar, names: Sequence[str]) -> str:
    name = names[bar.series] if bar.series < len(names) else ""
    return f"{group.label}{f', {name}' if name else ''}: {bar.text}"
