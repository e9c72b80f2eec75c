"""Long work on a dataset: its progress, its end, and how it is called off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.datasets.types import Dataset, WorkKind, WorkProgress, WorkState
from core.errors import Conflict, ModeltrainError

Listener = Callable[[WorkProgress], None]


class Work:
    """A check, repair, split or the like that is under way. It goes on when nobody looks. Lives in the loop of its services."""

    def __init__(self, kind: WorkKind, owner_id: str, dataset_id: str, dataset_name: str, *, version: int = 0) -> None:
        self.kind = kind
        self.owner_id = owner_id
        self.dataset_id = dataset_id
        self.dataset_name = dataset_name
        self.version = version
        self.state: WorkState = "running"
        self.error: ModeltrainError | None = None
        #: What came out: the dataset as it is then; a split has two.
        self.results: tuple[Dataset, ...] = ()
        self.progress = WorkProgress(kind, "running", 0, 0, 0, 0, 0.0, None)
        self._began = time.monotonic()
        self._listeners: list[Listener] = []
        self._ended = asyncio.Event()
        self._cancel: Callable[[], object] = lambda: None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of progress (a few times a second) and of the end; call what is returned to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def cancel(self) -> None:
        """Kill the process that reads; what it wrote is removed. Does nothing once it ended."""
        if self.state == "running":
            self._cancel()

    async def wait(self) -> Dataset:
        """The dataset as it is at the end. Raises what went wrong; Conflict(what="work_cancelled") where it was called off."""
        await self._ended.wait()
        if self.error is not None:
            raise self.error
        if self.state != "done" or not self.results:
            raise Conflict(what="work_cancelled")
        return self.results[0]

    # For core/datasets/jobs.py ---------------------------------------------------------------------------------------

    def cancel_by(self, cancel: Callable[[], object]) -> None:
        """How it is called off."""
        self._cancel = cancel

    def tell(self, done: int, total: int, rows: int, problems: int) -> None:
        """Progress of its process."""
        seconds = time.monotonic() - self._began
        left = seconds * (total - done) / done if done and seconds > 0.3 else None
        self._say(WorkProgress(self.kind, self.state, min(done, total), total, rows, problems, seconds, left))

    def end(self, state: WorkState, *, results: tuple[Dataset, ...] = (), error: ModeltrainError | None = None) -> None:
        """It is over."""
        self.state, self.results, self.error = state, results, error
        last = self.progress
        done = last.total if state == "done" else last.done
        self._say(WorkProgress(self.kind, state, done, last.total, last.rows, last.problems, time.monotonic() - self._began, None))
        self._ended.set()

    def _say(self, progress: WorkProgress) -> None:
        self.progress = progress
        for listener in tuple(self._listeners):
            listener(progress)
