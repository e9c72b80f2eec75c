"""What came, on its way into the database: into the journal at once, into the database in groups."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from core.batches.asking import Outcome
from core.batches.journal import Journal
from core.errors import DiskFull, ModeltrainError, NotFound, StorageError
from core.supervisor import happens

log = logging.getLogger(__name__)

#: Seconds that answers gather before they are written, and answers of one group.
GATHER_S, GROUP = 0.25, 500
#: Answers that may wait to be written; more are not asked for.
BACKLOG = 2_000
#: Seconds between two tries of a database that does not take them.
RETRY_S = 1.0


class Sink(Protocol):
    """Where groups go (core/batches/desk.py, core/batches/judging.py)."""

    async def save(self, outcomes: Sequence[Outcome], **columns: Any) -> Any: ...


class Saver:
    """`deliver` from the loop; `run` as a task; `finish` when nothing more comes. `columns`: what else is written with each group."""

    def __init__(self, journal: Journal, sink: Sink, columns: Callable[[], dict[str, Any]]) -> None:
        self.sink = sink
        self._journal = journal
        self._columns = columns
        self._waiting: deque[Outcome] = deque()
        self._came = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finishing = False
        self._idle = asyncio.Event()
        self._idle.set()
        #: Why what came is not in the database, or (DiskFull) not even in the journal.
        self.problem: ModeltrainError | None = None
        #: The batch is gone: nothing more can be saved.
        self.gone = False
        self.saved = 0

    def deliver(self, outcome: Outcome) -> None:
        """Into the journal, before anything else happens. Where that cannot be written, what came is kept in memory, and no more asked."""
        try:
            self._journal.write(outcome.entry)
        except OSError as error:
            log.warning("the journal of a batch cannot be written: %s", error)
            self.problem = DiskFull()
            self._room.clear()
        self._waiting.append(outcome)
        self._idle.clear()
        self._came.set()
        if len(self._waiting) >= GROUP:
            self._hurry.set()
        if len(self._waiting) >= BACKLOG:
            self._room.clear()

    async def room(self) -> None:
        """Until there is room for more."""
        await self._room.wait()

    async def settled(self) -> None:
        """Until everything that was delivered is saved."""
        await self._idle.wait()

    async def finish(self) -> None:
        """Nothing more comes."""
        self._finishing = True
        self._came.set()
        self._hurry.set()

    async def run(self) -> None:
        """Until `finish`, and everything is saved, or cannot be. Not to be cancelled before a last try."""
        while True:
            await self._came.wait()
            await happens(self._hurry, within_s=GATHER_S)
            group = [self._waiting[index] for index in range(min(GROUP, len(self._waiting)))]
            if group and not await self._save(group):
                if self._finishing or self.gone:
                    return
                await asyncio.sleep(RETRY_S)
                continue
            for _ in group:
                self._waiting.popleft()
            if len(self._waiting) < GROUP and not self._finishing:
                self._hurry.clear()
            if not self._waiting:
                self._came.clear()
                self._idle.set()
                if self._finishing:
                    return
            if len(self._waiting) < BACKLOG // 2 and self.problem is None:
                self._room.set()

    async def _save(self, group: Sequence[Outcome]) -> bool:
        try:
            await asyncio.to_thread(self._sync)
            await self.sink.save(group, **self._columns())
        except NotFound:
            self.gone = True
            return False
        except ModeltrainError as error:
            self.problem = error
            log.warning("answers of a batch could not be saved: %s", error)
            return False
        except Exception as error:  # a bug: what came is worth more than to end here
            self.problem = StorageError()
            log.exception("answers of a batch could not be saved: %s", type(error).__name__)
            return False
        self.problem = None
        self.saved += len(group)
        if len(self._waiting) == len(group):
            self._journal.saved()
        return True

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except OSError as error:
            log.warning("the journal of a batch cannot be synced: %s", error)
