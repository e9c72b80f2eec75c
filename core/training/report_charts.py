"""Curves as SVG, made by hand: nothing is loaded, nothing runs in the reader's browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 24, 28
#: Points of one curve that are drawn; of more, the lowest and highest of each stretch.
MOST_POINTS = 1200
COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea", "#d97706", "#0891b2", "#be185d", "#4d7c0f")


@dataclass(frozen=True, slots=True)
class Curve:
    """`steps` ascend. Values that are no number break the line."""

    label: str
    steps: Sequence[int]
    values: Sequence[float]


def thinned(steps: Sequence[int], values: Sequence[float], most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """At most about `most` points: the first of each stretch's lowest and highest, so that no peak is lost."""
    points = list(zip(steps, values, strict=True))
    if len(points) <= most:
        return points
    size = -(-len(points) * 2 // most)
    found: list[tuple[int, float]] = []
    for start in range(0, len(points), size):
        stretch = [point for point in points[start : start + size] if math.isfinite(point[1])]
        if stretch:
            ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
            found += sorted(ends)
    return found


def svg(title: str, curves: Sequence[Curve]) -> str:
    """One chart with its axes and, of several curves, their names. Every text is escaped."""
    drawn = [(curve, thinned(curve.steps, curve.values)) for curve in curves]
    axes = axes_of([point for _curve, points in drawn for point in points])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f'<text x="{_LEFT}" y="15" class="title">{escape(title)}</text>'
    )
    if axes is None:
        return head + "</svg>"
    place = _Place(axes.low_x, axes.high_x, axes.low_y, axes.high_y)
    parts = [head, *_axes(place)]
    for index, (curve, points) in enumerate(drawn):
        colour = COLOURS[index % len(COLOURS)]
        parts += [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>' for path in _paths(points, place)]
        if len(curves) > 1:
            x, y = WIDTH - _RIGHT - 170, _TOP + 12 + 14 * index
            parts.append(f'<text x="{x}" y="{y}" fill="{colour}" class="label">{escape(curve.label[:28])}</text>')
    return "".join(parts) + "</svg>"


@dataclass(frozen=True, slots=True)
class Axes:
    """What a chart shows: from the lowest to the highest, neither ever the same."""

    low_x: float
    high_x: float
    low_y: float
    high_y: float


def axes_of(points: Sequence[tuple[int, float]]) -> Axes | None:
    """Around all points that are numbers; None where there are none."""
    numbers = [(step, value) for step, value in points if math.isfinite(value)]
    if not numbers:
        return None
    low_x, high_x = min(step for step, _ in numbers), max(step for step, _ in numbers)
    return Axes(low_x, max(high_x, low_x + 1), *_span([value for _, value in numbers]))


class _Place(Axes):
    """Values to places."""

    def x(self, step: float) -> float:
        return _LEFT + (step - self.low_x) / (self.high_x - self.low_x) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low_y) / (self.high_y - self.low_y) * (HEIGHT - _TOP - _BOTTOM)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest with a little room, never the same."""
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or max(abs(high) * 0.05, 1e-12)
    return low - room, high + room


def _axes(place: _Place) -> list[str]:
    parts = []
    for index in range(5):
        value = place.low_y + (place.high_y - place.low_y) * index / 4
        y = place.y(value)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" class="tick">{value:.3g}</text>')
    for index in range(5):
        step = place.low_x + (place.high_x - place.low_x) * index / 4
        parts.append(f'<text x="{place.x(step):.1f}" y="{HEIGHT - 8}" text-anchor="middle" class="tick">{step:,.0f}</text>')
    return parts


def _paths(points: Sequence[tuple[int, float]], place: _Place) -> list[str]:
    """A path for each stretch without a hole; a single point becomes a dot of a line."""
    paths: list[str] = []
    current: list[str] = []
    for step, value in [*points, (0, math.nan)]:
        if math.isfinite(value):
            current.append(f"{place.x(step):.1f},{place.y(value):.1f}")
        elif current:
            paths.append("M" + " L".join(current if len(current) > 1 else current * 2))
            current = []
    return paths
