"""How a batch stands while it is worked on: how fast it goes, and why it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from core.batches.rows import waiting_text
from core.batches.types import Waiting, WaitReason
from core.clock import Clock
from core.errors import ModeltrainError

if TYPE_CHECKING:
    from core.batches.desk import Desk
    from core.batches.lane import Lane
    from core.batches.limits import Trouble
    from core.models.types import ReadyModel

#: Seconds that a rate is told from.
RATE_S = 10.0
#: A pause of the limiter that is not worth telling.
_SHORT_S = 2.0


class Standing:
    """`waiting`: why nothing goes on, or not as fast as it could; None if all is well."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._came: deque[tuple[float, int]] = deque()
        self._told: tuple[str, float] = ("", 0.0)
        self.waiting: Waiting | None = None

    def now(self, reason: WaitReason, error: ModeltrainError | None = None) -> Waiting:
        """A reason that began just now."""
        return Waiting(reason, since=self._clock.now(), error=error)

    # Why it waits ----------------------------------------------------------------------------------------------------

    def look(self, lanes: Sequence[Lane], problem: ModeltrainError | None, *, short_ones: bool) -> None:
        """Say anew what holds it up. `problem`: why what came cannot be saved; `short_ones`: tell of pauses that are soon over, too."""
        open_lanes = [lane for lane in lanes if not lane.done]
        database = [error for error in (problem, *(lane.database_error for lane in open_lanes)) if error is not None]
        if database:
            self.waiting = self.now("database", database[0])
            return
        troubled = ((lane, trouble) for lane in open_lanes if (trouble := lane.limiter.trouble) is not None)
        told = (self._held_up(lane, trouble) for lane, trouble in troubled if short_ones or not self._is_short(trouble))
        slowed = (_slowed(lane) for lane in open_lanes if lane.limiter.rate is not None)
        self.waiting = next(told, None) or next(slowed, None)

    def _is_short(self, trouble: Trouble) -> bool:
        now = self._clock.monotonic()
        return trouble.reason == "rate_limited" and trouble.until - now < _SHORT_S and now - trouble.since < _SHORT_S

    def _held_up(self, lane: Lane, trouble: Trouble) -> Waiting:
        now, moment = self._clock.monotonic(), self._clock.now()
        return Waiting(
            trouble.reason,
            since=moment - timedelta(seconds=now - trouble.since),
            until=moment + timedelta(seconds=trouble.until - now),
            error=lane.last_error,
            **_of(lane),
        )

    # How fast it goes ------------------------------------------------------------------------------------------------

    def counted(self, number: int) -> None:
        """So many answers were saved just now."""
        self._came.append((self._clock.monotonic(), number))

    def rate(self) -> float:
        """Answers a second, over the last RATE_S seconds."""
        now = self._clock.monotonic()
        while self._came and now - self._came[0][0] > RATE_S:
            self._came.popleft()
        if not self._came:
            return 0.0
        return sum(number for _, number in self._came) / max(1.0, now - self._came[0][0])

    # Telling ---------------------------------------------------------------------------------------------------------

    async def note(self, desk: Desk) -> None:
        """Write it down, where it is not as it was told last."""
        told = (waiting_text(self.waiting), round(self.rate(), 1))
        if told != self._told:
            self._told = told
            await desk.note(self.waiting, self.rate())

    def columns(self) -> dict[str, Any]:
        """The same for a transaction that writes something anyway."""
        self._told = (waiting_text(self.waiting), round(self.rate(), 1))
        return {"rate": self.rate(), "waiting": self._told[0]}


class Counting:
    """Saves, and counts how much came."""

    def __init__(self, sink: Any, standing: Standing) -> None:
        self._sink = sink
        self._standing = standing

    async def save(self, outcomes: Sequence[Any], **columns: Any) -> None:
        await self._sink.save(outcomes, **columns)
        self._standing.counted(len(outcomes))


def _slowed(lane: Lane) -> Waiting:
    """It goes on as fast as a provider allows."""
    return Waiting("slowed", **_of(lane))


def _of(lane: Lane) -> dict[str, Any]:
    """Whose provider it is, and what that takes a second, to two digits: more is not known, and would be another figure every time."""
    ready: ReadyModel | None = next(iter(lane.models.values()), None)
    rate = lane.limiter.rate
    return {
        "provider_id": ready.provider_id if ready else "",
        "configuration": ready.configuration_name if ready and len(lane.models) == 1 else "",
        "allowed": None if rate is None else float(f"{rate:.2g}"),
    }
