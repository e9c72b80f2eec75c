"""Long work on a dataset: its progress, its end, and how it is called off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.datasets.types import Dataset, WorkKind, WorkProgress, WorkState
from core.errors import ModeltrainError

Listener = Callable[[WorkProgress], None]


class Work:
    """A check, repair, split or the like that is under way. It goes on when nobody looks. Lives in the loop of its services."""

    def __init__(self, kind: WorkKind, owner_id: str, dataset_id: str, dataset_name: str) -> None:
        self.kind = kind
        self.owner_id = owner_id
        self.dataset_id = dataset_id
        self.dataset_name = dataset_name
        self.state: WorkState = "running"
        self.error: ModeltrainError | None = None
        #: What came out: the dataset as it is then; a split has two.
        self.results: tuple[Dataset, ...] = ()
        self.progress = WorkProgress(kind, "running", 0, 0, 0, 0, 0.0, None)
        self._listeners: list[Listener] = []
        self._ended = asyncio.Event()
        self._cancel: Callable[[], None] = lambda: None

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
        raise NotImplementedError
