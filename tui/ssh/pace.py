"""How fast a link is, learnt from how long answers take that had to wait behind so many bytes."""

from __future__ import annotations

from collections import deque
from statistics import median

#: Bytes that may be on the way: on the slowest link, on the fastest, and before anything is known.
_LEAST, MOST, _FIRST = 3072, 24 * 1024, 12 * 1024
#: Seconds that bytes may wait on the way, beside the way itself.
_QUEUE_S = 0.15
#: Seconds of waiting that tell of bytes before this answer, and not of a machine that was busy.
_QUEUED_S = 0.05
#: Characters of one frame: at most, and at least.
_FRAME, _LEAST_FRAME = 10 * 1024, 1024
#: Answers that the shortest way is taken from.
_REMEMBERED = 64
#: Fewer bytes than this say nothing about the speed.
_TELLING = 1200
#: Bytes a second below which a link is slow, and above which it is no longer.
_SLOW, _FAST = 20_000.0, 60_000.0
#: Measurements until that is believed.
_SURE = 4
#: Measurements that the rate is the median of.
_MEASURED = 7


class Pace:
    """`round_trip_s`: the shortest way there and back; `rate`: bytes a second, None while unknown; `window`: bytes that may be on the
    way; `slow`: whether to save bytes."""

    def __init__(self) -> None:
        self._ways: deque[float] = deque(maxlen=_REMEMBERED)
        self._rates: deque[float] = deque(maxlen=_MEASURED)
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

    @property
    def frame(self) -> int:
        """Characters of one frame, so that with what is on the way no more than 40 KB wait for a terminal."""
        return _FRAME if self.rate is None else int(max(_LEAST_FRAME, min(_FRAME, self.rate * _QUEUE_S)))

    def learn(self, count: int, seconds: float, since_s: float | None = None) -> None:
        """An answer took `seconds`; it had to wait behind `count` bytes that were on the way before it.

        `since_s`: since the answer before, if there were always bytes on the way.
        """
        self._ways.append(seconds)
        if count < _TELLING or len(self._ways) < 2:
            return
        waited = seconds - self.round_trip_s
        if since_s is not None and waited > _QUEUED_S:
            waited = max(waited, since_s)  # some of the bytes were read already when it was asked
        rate = count / max(0.001, waited)
        self._rates.append(rate)
        self.rate = median(self._rates)  # a machine that was busy for once says nothing
        other = self.rate > _FAST if self.slow else self.rate < _SLOW
        self._against = self._against + 1 if other else 0
        if self._against >= _SURE:
            self.slow, self._against = not self.slow, 0
