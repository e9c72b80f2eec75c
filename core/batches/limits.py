"""How fast a provider may be asked: learnt from what it says, for all batches of a process that use the same key at the same address.

Three things bound the requests of a **limiter**:

* *how many are under way*: few at first, one more with every second answer that begins (slow start), so that a limit is met with a few
  requests, not with all of them;
* *how many a second*, once a 429 was met: additive increase, multiplicative decrease. A 429 sets the rate a little below what was taken
  in the last second (in the last minute, where `Retry-After` is longer than two seconds); from there it grows slowly towards the rate
  that was refused, and faster once it is well beyond. Requests leave evenly spaced (a token bucket of the size of a moment), because one
  refused request costs as much of the provider's patience as one that is answered;
* *a pause*: until `Retry-After`, or longer each time where the provider does not say; and where it cannot be reached at all, one request
  at a time looks whether it is back.

A 5xx while other answers are being written is a fault of that model: it holds up nobody else.

Time is monotonic seconds: setting the clock changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from core.supervisor import happens

#: Requests under way at the beginning; how many more each answer that begins allows.
FIRST, WIDER = 4, 0.5
MOST = 1024
#: After a 429 the rate is this part of what was refused; in so many seconds it is there again; beyond, it grows by this share a second.
DECREASE, CLIMB_S, SPEED_UP = 0.95, 60.0, 0.04
#: At most so much at once, where much less was taken than was thought.
HARD_DECREASE = 0.5
#: Seconds looked back to tell what a provider takes, for a short and a long `Retry-After`.
SHORT_S, LONG_S, LONG_WAIT_S = 1.0, 60.0, 2.0
#: At a low rate longer: until so many requests would have been sent, for of fewer one more or less would tell too much.
COUNTED = 10
#: Below one request in two minutes a rate tells nothing.
SLOWEST = 1 / 120
#: How far behind its schedule the pace may be and still catch up.
CATCH_UP_S = 0.25
#: What was taken is known to be possible; where such a pace is refused, requests came bunched: it gives way so far, at most to this part.
GIVE_WAY, LEAST = 0.97, 0.87
#: Failures one after another that make a provider count as away; then seconds until it is tried again.
MISSES, AWAY_S, LONGEST_AWAY_S = 4, 1.0, 30.0
#: Seconds to wait after a 429 that does not say how long.
UNSAID_S, LONGEST_UNSAID_S = 1.0, 60.0

#: `away`: it could not be reached. `fault`: it said that it failed (5xx).
Ended = Literal["answered", "limited", "away", "fault", "other"]


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to send one request, given at the moment `sent`."""

    sent: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing is sent: `since` and `until` in monotonic seconds. `since`: the first refusal or failure after the last answer."""

    reason: Literal["rate_limited", "provider_away"]
    since: float
    until: float


class Pace:
    """Moments `1 / rate` apart; late ones are made up for, at most CATCH_UP_S of them."""

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self._next = 0.0

    def wait_s(self, now: float) -> float:
        return 0.0 if self.rate is None else max(0.0, self._next - now)

    def take(self, now: float) -> None:
        if self.rate is not None:
            self._next = max(self._next, now - CATCH_UP_S) + 1 / self.rate

    def begin_at(self, moment: float) -> None:
        self._next = moment


class Limiter:
    """`acquire` a slot for every request and `release` it with what became of it. Belongs to one event loop."""

    def __init__(self, monotonic: Callable[[], float], random: Random) -> None:
        self._monotonic = monotonic
        self._random = random
        self.in_flight = 0
        self._window = float(FIRST)
        self._pace = Pace()
        self._refused_at: float | None = None  # the rate at which the last 429 came
        self._grown = 0.0
        self._accepted: deque[float] = deque(maxlen=20_000)  # when requests were sent that were answered
        self._under_way: dict[int, float] = {}  # when the others were
        self._begun: set[int] = set()  # those of them that are being answered
        self._counted_from: tuple[float, float, float] | None = None  # (from, to, over how many seconds) what is taken was counted
        self._blocked_until = 0.0
        self._decided = -1.0  # requests sent before say nothing new
        self._refusals = 0
        self._misses = 0
        self._rounds = 0
        self._troubled: float | None = None
        self._away = False
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    # What is known ---------------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float | None:
        """Requests a second that are sent at most; None as long as no limit was met."""
        return self._pace.rate

    @property
    def is_away(self) -> bool:
        """Whether the provider counts as away: what failed says nothing about the question."""
        return self._away

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing gets through; None when all is well, and for pauses that are over."""
        now = self._monotonic()
        if self._troubled is None:
            return None
        if self._away:
            return Trouble("provider_away", self._troubled, max(now, self._blocked_until))
        return Trouble("rate_limited", self._troubled, max(now, self._blocked_until))

    # Sending ---------------------------------------------------------------------------------------------------------

    async def acquire(self) -> Slot:
        """Wait until a request may be sent, in the order of asking."""
        async with self._turn:
            while True:
                now = self._monotonic()
                wait = self._wait_s(now)
                if wait == 0.0:
                    break
                self._freed.clear()
                if wait is None:
                    await self._freed.wait()
                else:
                    await happens(self._freed, within_s=wait)
            self.in_flight += 1
            self._pace.take(now)
            slot = Slot(now)
            self._under_way[id(slot)] = now
            return slot

    def _wait_s(self, now: float) -> float | None:
        """Seconds to wait, None for until another request has ended."""
        if self._blocked_until > now:
            return self._blocked_until - now
        if self.in_flight >= int(self._window):
            return None
        wait = self._pace.wait_s(now)
        if wait > 0.0:
            self._grow(now)
            wait = self._pace.wait_s(now)
        return wait

    def _grow(self, now: float) -> None:
        """Additive increase: only while the pace is what holds requests up, so a limit that is not tried is not believed to be higher."""
        rate = self._pace.rate
        if rate is None or self._refused_at is None:
            return
        passed, self._grown = min(1.0, max(0.0, now - self._grown)), now
        step = self._refused_at * (1 - DECREASE) / CLIMB_S
        if rate > 1.05 * self._refused_at:
            step = max(step, rate * SPEED_UP)
        self._pace.rate = rate + step * passed

    def begun(self, slot: Slot) -> None:
        """The first of the answer is there: the request was taken, and the provider is at work. Said once for each request at most."""
        self._begun.add(id(slot))
        self._window = min(MOST, self._window + WIDER)
        self._misses = 0
        if slot.sent >= self._decided:
            self._is_back()
        self._freed.set()

    # What became of it -----------------------------------------------------------------------------------------------

    def release(self, slot: Slot, ended: Ended, *, retry_after_s: float | None = None) -> None:
        """`other`: the provider answered in some other way, or nobody knows: no sign of a limit, and none of its absence."""
        begun = id(slot) in self._begun
        self._gone(slot)
        now = self._monotonic()
        if ended == "answered":
            self._answered(slot, begun)
        elif ended == "limited":
            self._limited(slot, now, retry_after_s)
        elif ended == "away" or (ended == "fault" and not self._begun):
            self._missed(slot, now)
        else:
            self._misses = 0
        self._freed.set()

    def _gone(self, slot: Slot) -> None:
        self.in_flight -= 1
        self._under_way.pop(id(slot), None)
        self._begun.discard(id(slot))

    def _answered(self, slot: Slot, begun: bool) -> None:
        self._accepted.append(slot.sent)
        if not begun:
            self._window = min(MOST, self._window + WIDER)
        self._misses = 0
        self._is_back()
        if slot.sent >= self._decided:
            self._troubled = None
            self._refusals = 0

    def _is_back(self) -> None:
        self._rounds = 0
        self._away = False

    def _limited(self, slot: Slot, now: float, retry_after_s: float | None) -> None:
        self._misses = 0
        self._away = False
        self._troubled = now if self._troubled is None else self._troubled
        if slot.sent < self._decided:  # one of those that were under way when the limit was met
            if retry_after_s is not None:
                self._blocked_until = max(self._blocked_until, now + retry_after_s)
            self._was_not_taken(slot)
            return
        self._refusals += 1
        if self._refusals == 1 or self._pace.rate is None:  # what is refused right after a pause says only that it was too short
            self._decrease(slot, retry_after_s)
        pause = retry_after_s
        if pause is None:
            pause = min(LONGEST_UNSAID_S, UNSAID_S * 2 ** (self._refusals - 1)) * self._random.uniform(0.8, 1.2)
        self._blocked_until = max(self._blocked_until, now + pause)
        self._pace.begin_at(self._blocked_until)
        self._decided = self._grown = max(now, self._blocked_until)

    def _decrease(self, slot: Slot, retry_after_s: float | None) -> None:
        """Tell the rate that was refused from what was taken: answered, or still under way, which is mended when it is refused, too."""
        back = LONG_S if retry_after_s is not None and retry_after_s > LONG_WAIT_S else SHORT_S
        rate = self._pace.rate
        if rate is not None:
            back = max(back, COUNTED / rate)
        now = self._monotonic()
        begin = slot.sent - back
        sent = sorted(moment for moment in (*self._accepted, *self._under_way.values()) if moment > begin)
        self._counted_from = None
        if rate is None or self._refused_at is None:
            taken, self._counted_from = len(sent) / back, (begin, now, back)
            self._set(taken)
            return
        taken = max(len(sent) / back, sum(1 for moment in sent if moment > slot.sent - SHORT_S) / SHORT_S)
        if taken < 0.8 * rate:
            self._set(max(taken, rate * HARD_DECREASE))
            return
        # What was taken is known to be possible: it was refused because requests came bunched, so the pace gives way a little.
        refused = min(self._refused_at, max(taken, rate))
        self._refused_at = max(refused, SLOWEST)
        self._pace.rate = max(rate * GIVE_WAY, self._refused_at * LEAST)

    def _was_not_taken(self, slot: Slot) -> None:
        if self._counted_from is not None and self._refused_at is not None:
            begin, end, back = self._counted_from
            if begin < slot.sent <= end:  # it was counted
                self._set(self._refused_at - 1 / back)

    def _set(self, refused: float) -> None:
        self._refused_at = max(refused, SLOWEST)
        self._pace.rate = self._refused_at * DECREASE

    def _missed(self, slot: Slot, now: float) -> None:
        if slot.sent < self._decided and self._away:
            return
        self._misses += 1
        if self._misses < MISSES and not self._away:
            return
        self._troubled = now if self._troubled is None else self._troubled
        self._away = True
        pause = min(LONGEST_AWAY_S, AWAY_S * 2**self._rounds) * self._random.uniform(0.75, 1.25)
        self._rounds += 1
        self._window = 1.0
        self._blocked_until = self._decided = now + pause

    def cancel(self, slot: Slot) -> None:
        """The request was not sent, or ended by us: it says nothing."""
        self._gone(slot)
        self._freed.set()


class Limits:
    """The limiters of a process, by what the provider counts by."""

    def __init__(self, monotonic: Callable[[], float], random: Random | None = None) -> None:
        self._monotonic = monotonic
        self.random = random or Random()  # noqa: S311  (spreads requests, hides nothing)
        self._limiters: dict[tuple[str, str, str], Limiter] = {}

    def of(self, provider_id: str, endpoint: str, key_id: str) -> Limiter:
        """`key_id`: tells keys apart without telling them (ReadyModel.key_id)."""
        return self._limiters.setdefault((provider_id, endpoint, key_id), Limiter(self._monotonic, self.random))
