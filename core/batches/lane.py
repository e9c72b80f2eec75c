"""A lane: everything of a batch that goes to one provider with one key, under one limiter, so many requests at a time."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from core.batches.asking import Came, Item, Outcome, ask, failed_entry
from core.batches.assignments import Claimed
from core.batches.limits import Ended, Limiter, Pace, Slot
from core.errors import ModeltrainError

if TYPE_CHECKING:
    from random import Random

    from core.models.types import ReadyModel

#: Seconds before a request that the provider failed at (5xx) is sent again, doubled with each time, at most so many.
AGAIN_S, LONGEST_AGAIN_S = 0.5, 30.0
#: So many questions in a row that end like this, and none that was answered: the rest of the configuration is given up.
HOPELESS, FAILED_FOR_EVER = 3, 8
#: Seconds between two tries of a database that cannot say what is to be asked.
RETRY_S = 1.0
#: Seconds between two looks whether the batch is surely ours again.
_UNSURE_S = 0.25
#: Questions taken at a time: for each request under way, and at most.
_AHEAD, _MOST = 2, 256


class Source(Protocol):
    """Where a lane's work comes from (core/batches/desk.py, core/batches/judging.py)."""

    async def claim(self, configuration_ids: Sequence[str], count: int) -> Claimed: ...

    async def put_back(self, items: Sequence[Item]) -> None: ...


@dataclass(slots=True)
class Hands:
    """What the lanes of a batch are given. `deliver` writes the journal before it returns; `room`: until there is room for more.

    `may_send`: whether the batch is surely ours just now. `stopping`: nothing is sent any more; what is under way is awaited.
    """

    source: Source
    deliver: Callable[[Outcome], None]
    room: Callable[[], Awaitable[None]]
    may_send: Callable[[], bool]
    give_up: Callable[[str, ModeltrainError], Awaitable[Any]]
    monotonic: Callable[[], float]
    random: Random
    retries: int
    limit_bytes: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Lane:
    """`run` until nothing waits any more, or until `stop` was called and what is under way has ended. `models`: by configuration."""

    def __init__(self, models: Mapping[str, ReadyModel], limiter: Limiter, hands: Hands, *, concurrency: int, pace: Pace) -> None:
        self.models = dict(models)
        self.limiter = limiter
        self._hands = hands
        self._concurrency = concurrency
        self._pace = pace
        self._pacing = asyncio.Lock()
        self._queue: deque[Item] = deque()
        self._held: set[Item] = set()
        self._claiming: asyncio.Task[None] | None = None
        self._exhausted = False
        self._answered: set[str] = set()
        self._ended_alike: Counter[tuple[str, str]] = Counter()
        self._resting: set[asyncio.Task[Any]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        #: Requests under way.
        self.asking = 0
        #: What the provider said last when it did not answer.
        self.last_error: ModeltrainError | None = None
        #: Why the database does not say what is to be asked.
        self.database_error: ModeltrainError | None = None
        self.done = False

    async def run(self) -> None:
        """Raises what a bug raises. When cancelled, requests under way are ended."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]
        try:
            for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            while self._claiming is not None:  # what it takes must be given back
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(self._claiming)
            self.done = True

    def stop(self) -> None:
        """Whoever is not asking stops now; `hands.stopping` is set."""
        for task in tuple(self._resting):
            task.cancel()

    def abort(self) -> None:
        """Requests under way are ended as well."""
        for task in self._tasks:
            task.cancel()

    def left(self) -> list[Item]:
        """What was taken and brought nothing, once `run` is over."""
        return [*self._held, *self._queue]

    @contextmanager
    def _rest(self) -> Iterator[None]:
        """Nothing is under way: `stop` ends the task here."""
        task = asyncio.current_task()
        assert task is not None
        if self._hands.stopping.is_set():
            raise asyncio.CancelledError
        self._resting.add(task)
        try:
            yield
        finally:
            self._resting.discard(task)

    # Taking work -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while (item := await self._next()) is not None:
            self._held.add(item)
            await self._bring(item)

    async def _next(self) -> Item | None:
        while True:
            if self._hands.stopping.is_set():
                return None
            if not self._exhausted and self._claiming is None and len(self._queue) < self._concurrency:
                self._claiming = asyncio.create_task(self._claim())
            if self._queue:
                item = self._queue.popleft()
                if item.configuration_id in self.models:
                    return item
                self._deliver_failed(item, self.last_error or ModeltrainError())  # given up meanwhile
                continue
            if self._claiming is None:
                return None
            with self._rest():
                await asyncio.shield(self._claiming)

    async def _claim(self) -> None:
        try:
            with self._rest():
                await self._hands.room()
            claimed = await self._claimed()
            if claimed is None or claimed.state:
                self._hands.stopping.set()
                self.stop()
                return
            self._queue.extend(claimed.items)
            for outcome in claimed.cached:
                self._deliver(outcome)
            self._exhausted = not claimed.items and not claimed.cached
        finally:
            self._claiming = None

    async def _claimed(self) -> Claimed | None:
        while not self._hands.stopping.is_set():
            try:
                claimed = await self._hands.source.claim(tuple(self.models), min(_MOST, _AHEAD * self._concurrency))
            except ModeltrainError as error:
                self.database_error = error
                await asyncio.sleep(RETRY_S)
            else:
                self.database_error = None
                return claimed
        return None

    # Asking ----------------------------------------------------------------------------------------------------------

    async def _bring(self, item: Item) -> None:
        """Ask until something final came. Nothing is sent again that may have been answered."""
        while True:
            ready = self.models.get(item.configuration_id)
            if ready is None:
                self._deliver_failed(item, self.last_error or ModeltrainError())
                return
            with self._rest():
                slot = await self._slot()
            came = await self._ask(item, ready, slot)
            self._release(slot, came)
            if came.entry is not None:
                await self._ended(item, came)
                return
            if not await self._again(item, came):
                return

    async def _slot(self) -> Slot:
        """Wait until a request may be sent, for as long as the batch may not be ours any more."""
        while True:
            slot = await self._paced()
            if self._hands.may_send():
                return slot
            self.limiter.cancel(slot)
            while not self._hands.may_send():  # noqa: ASYNC110  (time passes, or the ticker renews the lease)
                await asyncio.sleep(_UNSURE_S)

    async def _paced(self) -> Slot:
        if self._pace.rate is not None:
            async with self._pacing:
                while (wait := self._pace.wait_s(self._hands.monotonic())) > 0:  # noqa: ASYNC110  (nothing but time is waited for)
                    await asyncio.sleep(wait)
                self._pace.take(self._hands.monotonic())
        return await self.limiter.acquire()

    async def _ask(self, item: Item, ready: ReadyModel, slot: Slot) -> Came:
        item.attempts += 1
        self.asking += 1
        try:
            return await ask(
                item,
                ready,
                self._hands.monotonic,
                self._deliver,
                lambda: self.limiter.begun(slot),
                limit_bytes=self._hands.limit_bytes,
            )
        except BaseException:
            self.limiter.cancel(slot)
            raise
        finally:
            self.asking -= 1

    def _release(self, slot: Slot, came: Came) -> None:
        ended: Ended = "other"
        if came.error is None:
            ended = "answered"
        elif came.meaning == "limited":
            ended = "limited"
        elif came.meaning == "away":
            ended = "away"
        elif came.meaning == "again":
            ended = "fault"
        wait = came.error.fields.get("retry_after_s") if came.error is not None else None
        self.limiter.release(slot, ended, retry_after_s=wait)

    async def _again(self, item: Item, came: Came) -> bool:
        """After an error that is not final; False when it became that."""
        error = came.error or ModeltrainError()
        self.last_error = error
        if came.meaning in ("limited", "away"):
            return True
        item.tries += 1
        if came.meaning == "hopeless" or item.tries > self._hands.retries:
            self._deliver_failed(item, error)
            await self._ended(item, came)
            return False
        pause = min(LONGEST_AGAIN_S, AGAIN_S * 2 ** (item.tries - 1)) * self._hands.random.uniform(0.5, 1.5)
        with self._rest():
            await asyncio.sleep(pause)
        return True

    def _deliver(self, outcome: Outcome) -> None:
        self._hands.deliver(outcome)
        self._held.discard(outcome.item)

    def _deliver_failed(self, item: Item, error: ModeltrainError) -> None:
        self._deliver(Outcome(item, failed_entry(item, error)))

    async def _ended(self, item: Item, came: Came) -> None:
        """Whether the configuration brings nothing but this error."""
        if came.error is None:
            self._answered.add(item.configuration_id)
            return
        self.last_error = came.error
        key = (item.configuration_id, came.error.code)
        self._ended_alike[key] += 1
        enough = HOPELESS if came.meaning == "hopeless" else FAILED_FOR_EVER
        if came.meaning == "final" or item.configuration_id in self._answered or self._ended_alike[key] < enough:
            return
        if self.models.pop(item.configuration_id, None) is not None:
            await self._hands.give_up(item.configuration_id, came.error)
