"""What the engines of a process share, and how a batch is put in order before anybody works on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.batches.desk import Desk
from core.batches.journal import FOLDER, entries, journals
from core.batches.judging import JudgeDesk
from core.batches.limits import Limits
from core.clock import Clock
from core.persistence import Store
from core.settings import BatchSettings

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.models.types import ReadyModel

log = logging.getLogger(__name__)

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
