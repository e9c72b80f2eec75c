"""Pulse: all growing columns are drawn together, so often and no oftener, however many updates come for them."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen
from textual.timer import Timer

#: Seconds that are not worth a timer.
_SOON = 0.005

#: Seconds that each further growing column adds to the time between two drawings.
_EACH_S = 0.025


def pace(interval_s: float, growing: int) -> float:
    """Seconds between two drawings of so many growing columns: all are drawn each time, five times a second where there are three."""
    return interval_s + _EACH_S * max(0, growing - 1)


class Pulse:
    """`draw()` shows what is new; `every_s()`: seconds between two drawings; `clock()`: monotonic seconds."""

    def __init__(self, screen: Screen[object], draw: Callable[[], None], every_s: Callable[[], float], clock: Callable[[], float]) -> None:
        self._screen, self._draw, self._every_s, self._clock = screen, draw, every_s, clock
        self._timer: Timer | None = None
        self._last = float("-inf")

    def touch(self) -> None:
        """Something is new."""
        if self._timer is not None:
            return
        wait = self._last + self._every_s() - self._clock()
        if wait > _SOON:
            self._timer = self._screen.set_timer(wait, self._fire)
        else:
            self._fire()

    def now(self) -> None:
        """Draw at once: an end waits for nothing."""
        if self._timer is not None:
            self._timer.stop()
        self._fire()

    def _fire(self) -> None:
        self._timer = None
        self._last = self._clock()
        self._draw()
