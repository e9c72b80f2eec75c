"""How fast a link is, learnt from how long answers take that had to wait behind so many bytes."""

from __future__ import annotations

from collections import deque

#: Bytes that may be on the way: on the slowest link, on the fastest, and before anything is known.
_LEAST, MOST, _FIRST = 2048, 24 * 1024, 12 * 1024
#: Seconds that bytes may wait on the way, beside the way itself.
_QUEUE_S = 0.2
#: Answers that the shortest way is taken from.
_REMEMBERED = 64
#: Fewer bytes than this say nothing about the speed.
_TELLING = 1200
#: Bytes a second below which a link is slow, and above which it is no longer.
_SLOW, _FAST = 20_000.0, 60_000.0
#: Measurements until that is believed.
_SURE = 4
#: Share of the newest measurement.
_NEWEST = 0.3


class Pace:
    """`round_trip_s`: the shortest way there and back; `rate`: bytes a second, None while unknown; `window`: bytes that may be on the
    way; `slow`: whether to save bytes."""

    def __init__(self) -> None:
        self._ways: deque[float] = deque(maxlen=_REMEMBERED)
        self.rate: float | None = None
        self.slow = False
        self._against = 0

    @property
    def round_trip_s(self) -> float:
        return min(self._ways, default=0.0)

    @property
    def window(self) -> int:
        if self.rate is None:
            return _FIRST
        return int(max(_LEAST, min(MOST, self.rate * (self.round_trip_s + _QUEUE_S))))

    def learn(self, count: int, seconds: float) -> None:
        """An answer took `seconds`; it had to wait behind `count` bytes that were on the way before it."""
        self._ways.append(seconds)
        if count < _TELLING or len(self._ways) < 2:
            return
        rate = count / max(0.001, seconds - self.round_trip_s)
        # The mean of the time that a byte takes, not of the speed: one quick answer is no quick link.
        self.rate = rate if self.rate is None else 1 / (_NEWEST / rate + (1 - _NEWEST) / self.rate)
        other = self.rate > _FAST if self.slow else self.rate < _SLOW
        self._against = self._against + 1 if other else 0
        if self._against >= _SURE:
            self.slow, self._against = not self.slow, 0
