"""The engine: works on one batch from taking it over until it is through, paused, cancelled, or lost to another process.

It may be cut off anywhere: what was asked is written down before, what came is in the journal (core/batches/journal.py) before anything
else is asked, and whoever takes the batch over merges the journal first. So nothing that was answered is asked again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.batches.desk import Desk
from core.batches.journal import Journal
from core.batches.judging import JudgeDesk
from core.batches.lane import Hands, Lane
from core.batches.limits import Pace
from core.batches.saver import Saver
from core.batches.standing import Counting, Standing
from core.batches.workshop import Workshop, settle
from core.errors import AccountDisabled, Conflict, ModeltrainError, StorageError
from core.supervisor import happens

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.models.types import ReadyModel

#: Seconds between two looks at what people want, and between two notes of how fast it goes.
LOOK_S, NOTE_S = 0.5, 1.0
#: Seconds that requests under way get when the program ends.
FAREWELL_S = 1.5
#: Answers that are scored between two looks at what people want.
SCORED = 10


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
        self._standing = Standing(workshop.clock)
        self._verdict = ""  # what the ticker decided: pausing, cancelled, lost, away
        self._disorder = False  # what was taken could not be put back: nobody asks it before the batch is taken over anew
        self._kept_at = self._began_at = workshop.clock.monotonic()

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        """The program ends: requests under way get a moment, then everything is given back."""
        self._closing = True
        self._woken.set()

    # The whole -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until there is nothing to do any more. Raises ModeltrainError where the database fails for good."""
        while (desk := await settle(self._shop, self._batch_id)) is not None:
            self._desk, self._disorder = desk, False
            if await self._run(desk):
                return

    async def _run(self, desk: Desk) -> bool:
        """Whether there is nothing to do any more; False: it must be put in order first."""
        while True:
            state = await desk.look()
            if state == "pausing":
                if await desk.become("paused", of=("pausing",), waiting=self._standing.now("person")):
                    return True
                continue
            if state != "running" or self._closing:
                return True
            await self._work(desk)
            if self._closing or self._verdict == "lost":
                return True
            if self._verdict == "away":
                await desk.become("paused", of=("running", "pausing"), waiting=self._standing.waiting)
                return True
            if self._disorder:
                return not await self._is_kept()
            if not self._verdict and await self._through(desk):
                return True

    async def _work(self, desk: Desk) -> None:
        """Ask what waits, then let the judge judge."""
        self._verdict = ""
        assignment = desk.assignment
        principal = await self._shop.owner(assignment.owner_id, assignment.served)
        if principal is None:
            self._verdict, self._standing.waiting = "away", self._standing.now("account_disabled", AccountDisabled())
            return
        await self._phase(desk, desk, [(each[0], each[1]) for each in assignment.configurations], principal)
        if self._verdict or self._disorder or not assignment.judge or self._closing or await desk.left():
            return
        if not await self._score_rest(desk):
            return
        judge = JudgeDesk(self._shop.store, self._shop.clock, assignment)
        await judge.prepare()
        await self._phase(desk, judge, [(judge.configuration_id, judge.source_id)], principal)

    async def _through(self, desk: Desk) -> bool:
        """Whether the batch is complete now; False where something came to be asked meanwhile."""
        return await self._score_rest(desk) and await desk.become_complete()

    async def _score_rest(self, desk: Desk) -> bool:
        """Score what has no score yet, which may take minutes; False when somebody wants something else meanwhile."""
        while await desk.score_some(SCORED):
            if self._closing or not await self._is_kept() or await desk.look() != "running":
                return False
        return True

    async def _is_kept(self) -> bool:
        """Renew the lease; whether it is ours. Raises StorageError where that cannot be known."""
        asked_at = self._shop.clock.monotonic()
        kept = await self._keep()
        if kept:
            self._kept_at = asked_at
        return kept

    def _may_send(self) -> bool:
        """Whether the lease is surely ours: a database that is away, or a process that was stopped for a while, cannot renew it."""
        return self._shop.clock.monotonic() - self._kept_at < self._shop.settings.lease_s / 2

    # One phase: questions, or judgements -----------------------------------------------------------------------------

    async def _phase(self, desk: Desk, source: Any, wanted: list[tuple[str, str]], principal: Principal) -> None:
        if not await self._is_kept():
            self._verdict = "lost"
            return
        journal = await asyncio.to_thread(Journal, self._shop.folder, self._batch_id, desk.assignment.epoch)
        saver = self._saver = Saver(journal, Counting(source, self._standing), self._standing.columns)
        hands = self._hands = self._hands_of(desk, source, saver)
        self._began_at = self._shop.clock.monotonic()
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
            try:
                await source.put_back(rest)
            except ModeltrainError:
                self._disorder = True
            await asyncio.to_thread(journal.close, remove=saver.problem is None)
        if saver.gone:
            self._verdict = "lost"
        elif saver.problem is not None:
            raise saver.problem

    def _hands_of(self, desk: Desk, source: Any, saver: Saver) -> Hands:
        return Hands(
            source=source,
            deliver=saver.deliver,
            room=saver.room,
            may_send=self._may_send,
            give_up=source.give_up,
            monotonic=self._shop.clock.monotonic,
            random=self._shop.limits.random,
            retries=desk.assignment.draft.retries,
            limit_bytes=self._shop.settings.answer_limit_bytes,
        )

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
                    await self._is_kept()
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
                    await self._standing.note(self._desk)
            except ModeltrainError as error:
                self._standing.waiting = self._standing.now("database", error)
            if self._verdict or self._closing:
                break
        hands.stopping.set()
        for lane in self._lanes:
            lane.stop()

    async def _wanted(self) -> str:
        if not await self._is_kept():
            return "lost"
        state = await self._desk.look()
        if state != "running":
            return str(state)
        gave_up = self._gave_up()
        problem = self._saver.problem if self._saver is not None else None
        self._standing.look(self._lanes, problem, short_ones=gave_up)
        return "away" if gave_up else ""

    def _gave_up(self) -> bool:
        """Whether nobody has answered for so long that waiting on is no use."""
        lanes = [lane for lane in self._lanes if not lane.done]
        now, patience = self._shop.clock.monotonic(), self._shop.settings.give_up_s
        troubles = [lane.limiter.trouble for lane in lanes]
        return bool(lanes) and all(trouble is not None and now - max(trouble.since, self._began_at) > patience for trouble in troubles)


def _same_place(ready: ReadyModel, provider_id: str, endpoint: str) -> bool:
    """Whether the configuration still asks where it did when the batch was made. The simulator's address changes with the process."""
    from core.models.types import SIMULATOR_ENDPOINT

    return ready.provider_id == provider_id and (endpoint in (ready.endpoint, SIMULATOR_ENDPOINT))
