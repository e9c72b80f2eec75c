"""The engine: works on one batch from taking it over until it is through, paused, cancelled, or lost to another process.

It may be cut off anywhere: what was asked is written down before, what came is in the journal (core/batches/journal.py) before anything
else is asked, and whoever takes the batch over merges the journal first. So nothing that was answered is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.batches.desk import Desk
from core.batches.journal import FOLDER, Journal, entries, journals
from core.batches.judging import JudgeDesk
from core.batches.lane import Hands, Lane
from core.batches.limits import Limits, Pace
from core.batches.rows import waiting_text
from core.batches.saver import Saver
from core.batches.types import Waiting, WaitReason
from core.clock import Clock
from core.errors import AccountDisabled, Conflict, ModeltrainError, StorageError
from core.persistence import Store
from core.settings import BatchSettings
from core.supervisor import happens

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.models.types import ReadyModel

log = logging.getLogger(__name__)

#: Seconds between two looks at what people want, and between two notes of how fast it goes; seconds that a rate is told from.
LOOK_S, NOTE_S, RATE_S = 0.5, 1.0, 10.0
#: Seconds that requests under way get when the program ends.
FAREWELL_S = 1.5
#: A pause of the limiter that is not worth telling.
_SHORT_S = 2.0

Resolve = Callable[["Principal", str], Awaitable["ReadyModel"]]
FindOwner = Callable[[str, bool], Awaitable["Principal | None"]]


@dataclass(frozen=True)
class Workshop:
    """What every engine of a process shares."""

    store: Store
    clock: Clock
    limits: Limits
    settings: BatchSettings
    data_dir: Path
    resolve: Resolve
    owner: FindOwner

    @property
    def folder(self) -> Path:
        return self.data_dir / FOLDER


async def settle(workshop: Workshop, batch_id: str) -> Desk | None:
    """Take a batch over and put it in order: what an earlier process had received is in the database, the rest waits. For who holds the
    lease. None if the batch is gone."""
    assignment = await Desk.take_over(workshop.store, batch_id)
    if assignment is None:
        return None
    desk = Desk(workshop.store, workshop.clock, assignment)
    left = await asyncio.to_thread(journals, workshop.folder, batch_id)
    for path in left:
        merged = await desk.merge(entries(path))
        if merged:
            log.info("%d answers of batch %s came out of a journal", merged, batch_id)
        if assignment.judge:
            await JudgeDesk(workshop.store, workshop.clock, assignment).merge(entries(path))
    await desk.put_in_order()
    for path in left:
        path.unlink(missing_ok=True)
    return desk


class Engine:
    """`run` once. `wake`: somebody wants something. `close`: the program ends, let go soon."""

    def __init__(self, workshop: Workshop, batch_id: str, keep: Callable[[], Awaitable[bool]]) -> None:
        """`keep`: renews the lease; False: it is ours no more."""
        self._shop = workshop
        self._batch_id = batch_id
        self._keep = keep
        self._woken = asyncio.Event()
        self._closing = False
        self._lanes: list[Lane] = []
        self._hands: Hands | None = None
        self._desk: Any = None
        self._saver: Saver | None = None
        self._came: deque[tuple[float, int]] = deque()
        self._waiting: Waiting | None = None
        self._told: tuple[str, float] = ("", 0.0)
        self._verdict = ""  # what the ticker decided: pausing, cancelled, lost, away

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        """The program ends: requests under way get a moment, then everything is given back."""
        self._closing = True
        self._woken.set()

    # The whole -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until there is nothing to do any more. Raises ModeltrainError where the database fails for good."""
        desk = await settle(self._shop, self._batch_id)
        if desk is None:
            return
        self._desk = desk
        while True:
            state = await desk.look()
            if state == "pausing":
                if await desk.become("paused", of=("pausing",), waiting=self._now("person")):
                    return
                continue
            if state != "running" or self._closing:
                return
            await self._work(desk)
            if self._closing or self._verdict == "lost":
                return
            if self._verdict == "away":
                await desk.become("paused", of=("running", "pausing"), waiting=self._waiting)
                return
            if not self._verdict and await self._through(desk):
                return

    async def _work(self, desk: Desk) -> None:
        """Ask what waits, then let the judge judge."""
        self._verdict = ""
        assignment = desk.assignment
        principal = await self._shop.owner(assignment.owner_id, assignment.served)
        if principal is None:
            self._verdict, self._waiting = "away", self._now("account_disabled", AccountDisabled())
            return
        await self._phase(desk, desk, [(each[0], each[1]) for each in assignment.configurations], principal)
        if self._verdict or not assignment.judge or self._closing or await desk.left():
            return
        while await desk.score_some():
            pass
        judge = JudgeDesk(self._shop.store, self._shop.clock, assignment)
        await judge.prepare()
        await self._phase(desk, judge, [(judge.configuration_id, judge.source_id)], principal)

    async def _through(self, desk: Desk) -> bool:
        """Whether the batch is complete now; False where something came to be asked meanwhile."""
        while await desk.score_some():
            pass
        return await desk.become_complete()

    # One phase: questions, or judgements -----------------------------------------------------------------------------

    async def _phase(self, desk: Desk, source: Any, wanted: list[tuple[str, str]], principal: Principal) -> None:
        journal = await asyncio.to_thread(Journal, self._shop.folder, self._batch_id, desk.assignment.epoch)
        saver = self._saver = Saver(journal, _Counting(source, self), self._columns)
        draft = desk.assignment.draft
        hands = self._hands = Hands(
            source=source,
            deliver=saver.deliver,
            room=saver.room,
            give_up=source.give_up,
            monotonic=self._shop.clock.monotonic,
            random=self._shop.limits.random,
            retries=draft.retries,
            limit_bytes=self._shop.settings.answer_limit_bytes,
        )
        saving = asyncio.create_task(saver.run())
        scoring = asyncio.create_task(self._score(desk, saver))
        try:
            self._lanes = await self._open(desk, source, wanted, principal, hands)
            await self._run_lanes(hands)
        finally:
            scoring.cancel()
            await saver.finish()
            await asyncio.gather(saving, scoring, return_exceptions=True)
            rest = [item for lane in self._lanes for item in lane.left()]
            self._lanes = []
            clean = saver.problem is None
            with suppress(ModeltrainError):
                await source.put_back(rest)
            await asyncio.to_thread(journal.close, remove=clean)
        if saver.gone:
            self._verdict = "lost"
        elif saver.problem is not None:
            raise saver.problem

    async def _open(self, desk: Desk, source: Any, wanted: list[tuple[str, str]], principal: Principal, hands: Hands) -> list[Lane]:
        """A lane for each limiter. A configuration that cannot be asked at all is given up."""
        grouped: dict[int, dict[str, ReadyModel]] = defaultdict(dict)
        limiters = {}
        for configuration_id, source_id in wanted:
            try:
                ready = await self._shop.resolve(principal, source_id)
                snapshot = source.snapshots[configuration_id]
                if not _same_place(ready, snapshot.provider_id, snapshot.endpoint):
                    raise Conflict(what="configuration_moved", configuration=ready.configuration_name)
            except StorageError:
                raise
            except ModeltrainError as error:
                await source.give_up(configuration_id, error)
                continue
            limiter = self._shop.limits.of(ready.provider_id, ready.endpoint, ready.key_id)
            limiters[id(limiter)] = limiter
            grouped[id(limiter)][configuration_id] = ready
        draft = desk.assignment.draft
        rate = draft.requests_per_minute / 60 if draft.requests_per_minute else None
        return [Lane(models, limiters[key], hands, concurrency=draft.concurrency, pace=Pace(rate)) for key, models in grouped.items()]

    async def _run_lanes(self, hands: Hands) -> None:
        running = [asyncio.create_task(lane.run()) for lane in self._lanes]
        ticking = asyncio.create_task(self._tick(hands))
        try:
            while not ticking.done() and any(not task.done() for task in running):
                await asyncio.wait({ticking, *(task for task in running if not task.done())}, return_when=asyncio.FIRST_COMPLETED)
            if ticking.done():
                await self._part(running)
            for task in running:
                if not task.done():
                    await task
            for task in running:
                task.result()
        finally:
            hands.stopping.set()
            for task in (ticking, *running):
                task.cancel()
            await asyncio.gather(ticking, *running, return_exceptions=True)

    async def _part(self, running: list[asyncio.Task[None]]) -> None:
        """The ticker has decided: await what is under way, or end it."""
        if self._verdict in ("cancelled", "lost"):
            for lane in self._lanes:
                lane.abort()
        elif self._closing:
            _, pending = await asyncio.wait(running, timeout=FAREWELL_S)
            if pending:
                for lane in self._lanes:
                    lane.abort()
        else:
            while any(not task.done() for task in running):
                await happens(self._woken, within_s=LOOK_S)
                self._woken.clear()
                with suppress(ModeltrainError):
                    await self._keep()
                    if self._closing or await self._desk.look() in ("cancelled", "lost"):
                        for lane in self._lanes:
                            lane.abort()

    async def _score(self, desk: Desk, saver: Saver) -> None:
        """Score behind the saver what it had no time for."""
        done = -1
        while True:
            if done != saver.saved:
                done = saver.saved
                with suppress(ModeltrainError):
                    while await desk.score_some():
                        pass
            await asyncio.sleep(2 * LOOK_S)

    # Once in a while -------------------------------------------------------------------------------------------------

    async def _tick(self, hands: Hands) -> None:
        """Keep the lease, see what people want, say how it stands; ends when nothing more is to be sent, with `_verdict` saying why."""
        noted = 0.0
        while not hands.stopping.is_set():
            await happens(self._woken, within_s=LOOK_S)
            self._woken.clear()
            try:
                self._verdict = await self._wanted()
                if not self._verdict and not self._closing and self._shop.clock.monotonic() - noted >= NOTE_S:
                    noted = self._shop.clock.monotonic()
                    await self._note()
            except ModeltrainError as error:
                self._waiting = self._now("database", error)
            if self._verdict or self._closing:
                break
        hands.stopping.set()
        for lane in self._lanes:
            lane.stop()

    async def _wanted(self) -> str:
        if not await self._keep():
            return "lost"
        state = await self._desk.look()
        if state != "running":
            return str(state)
        gave_up = self._gave_up()
        self._waiting = self._trouble(short_ones=gave_up)
        return "away" if gave_up else ""

    def _trouble(self, *, short_ones: bool) -> Waiting | None:
        """Why nothing goes on, or not as fast as it could; None if all is well. Pauses that are soon over are not told by themselves."""
        if self._saver is not None and self._saver.problem is not None:
            return self._now("database", self._saver.problem)
        open_lanes = [lane for lane in self._lanes if not lane.done]
        now, moment = self._shop.clock.monotonic(), self._shop.clock.now()
        for lane in open_lanes:
            if lane.database_error is not None:
                return self._now("database", lane.database_error)
            trouble = lane.limiter.trouble
            if trouble is None:
                continue
            short = trouble.reason == "rate_limited" and trouble.until - now < _SHORT_S and now - trouble.since < _SHORT_S
            if short and not short_ones:
                continue
            ready = next(iter(lane.models.values()), None)
            return Waiting(
                trouble.reason,
                since=moment - timedelta(seconds=now - trouble.since),
                until=moment + timedelta(seconds=trouble.until - now),
                provider_id=ready.provider_id if ready else "",
                configuration=ready.configuration_name if ready and len(lane.models) == 1 else "",
                error=lane.last_error,
                allowed=_allowed(lane),
            )
        return next((self._slowed(lane) for lane in open_lanes if lane.limiter.rate is not None), None)

    def _slowed(self, lane: Lane) -> Waiting:
        """It goes on as fast as a provider allows."""
        ready = next(iter(lane.models.values()), None)
        name = ready.configuration_name if ready and len(lane.models) == 1 else ""
        return Waiting("slowed", provider_id=ready.provider_id if ready else "", configuration=name, allowed=_allowed(lane))

    def _gave_up(self) -> bool:
        """Whether nobody has answered for so long that waiting on is no use."""
        lanes = [lane for lane in self._lanes if not lane.done]
        now, patience = self._shop.clock.monotonic(), self._shop.settings.give_up_s
        troubles = [lane.limiter.trouble for lane in lanes]
        return bool(lanes) and all(trouble is not None and now - trouble.since > patience for trouble in troubles)

    async def _note(self) -> None:
        told = (waiting_text(self._waiting), round(self._rate(), 1))
        if told != self._told:
            self._told = told
            await self._desk.note(self._waiting, self._rate())

    def _columns(self) -> dict[str, Any]:
        self._told = (waiting_text(self._waiting), round(self._rate(), 1))
        return {"rate": self._rate(), "waiting": self._told[0]}

    def _rate(self) -> float:
        """Answers a second, over the last RATE_S seconds."""
        now = self._shop.clock.monotonic()
        while self._came and now - self._came[0][0] > RATE_S:
            self._came.popleft()
        if not self._came:
            return 0.0
        return sum(number for _, number in self._came) / max(1.0, now - self._came[0][0])

    def counted(self, number: int) -> None:
        """So many answers were saved just now."""
        self._came.append((self._shop.clock.monotonic(), number))

    def _now(self, reason: WaitReason, error: ModeltrainError | None = None) -> Waiting:
        return Waiting(reason, since=self._shop.clock.now(), error=error)


class _Counting:
    """Saves, and tells the engine how much came."""

    def __init__(self, sink: Any, engine: Engine) -> None:
        self._sink = sink
        self._engine = engine

    async def save(self, outcomes: Any, **columns: Any) -> None:
        await self._sink.save(outcomes, **columns)
        self._engine.counted(len(outcomes))


def _same_place(ready: ReadyModel, provider_id: str, endpoint: str) -> bool:
    """Whether the configuration still asks where it did when the batch was made. The simulator's address changes with the process."""
    from core.models.types import SIMULATOR_ENDPOINT

    return ready.provider_id == provider_id and (endpoint in (ready.endpoint, SIMULATOR_ENDPOINT))


def _allowed(lane: Lane) -> float | None:
    """What its provider takes a second, to two digits: more is not known, and would be another figure every time."""
    rate = lane.limiter.rate
    return None if rate is None else float(f"{rate:.2g}")
