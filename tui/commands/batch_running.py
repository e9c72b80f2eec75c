"""A batch worked on by a command: progress, Ctrl+C, the exit status."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing
from typing import TYPE_CHECKING

from tui.commands.batch_output import Progress, batch_as_json, print_batch, tell_end
from tui.commands.common import INTERRUPTED, Invocation, err, print_json
from tui.commands.interrupts import interrupts
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.types import Batch
    from core.bootstrap import Services

#: Exit statuses: the threshold does not hold; answers are missing.
BELOW, MISSING = 1, 4
_INTERVAL_S = 0.25


def status_of(item: Batch, fail_under: float | None) -> int:
    """0: every answer is there, and the threshold holds (if there is one); 1: it does not; 4: answers are missing."""
    if item.answered < item.total:
        return MISSING
    if fail_under is not None and (item.score is None or item.score < fail_under):
        return BELOW
    return 0


async def work_on(services: Services, principal: Principal, batch_id: str) -> tuple[Batch, int]:
    """Follow a batch to its end, with this process working on it. Returns it, and the exit status of the signal that paused it (0: none).

    Ctrl+C pauses it: what is under way is awaited. Once more leaves at once; what is under way then is asked again another time.
    """
    latest, status = await services.batches.batch(principal, batch_id), 0
    services.batches.begin_working(only=latest.id)
    progress, me = Progress(), asyncio.current_task()
    pausing: list[asyncio.Future[Batch]] = []

    def interrupt(number: int) -> None:
        nonlocal status
        again, status = status != 0, (INTERRUPTED if number == signal.SIGINT else 128 + number)
        if again:
            assert me is not None
            me.cancel()
            return
        progress.close()
        err(_("Pausing: what is under way is awaited. Ctrl+C once more leaves at once."))
        pausing.append(asyncio.ensure_future(services.batches.pause(principal, batch_id)))

    try:
        with interrupts(interrupt):
            async with aclosing(services.batches.watch(principal, batch_id, _INTERVAL_S)) as updates:
                async for update in updates:
                    latest = update.batch
                    progress.tell(latest)
            for each in pausing:
                await each
    except asyncio.CancelledError:
        if not status:
            raise
        assert me is not None
        me.uncancel()
    finally:
        progress.close()
    return await services.batches.batch(principal, batch_id), status


async def finish(
    services: Services, principal: Principal, invocation: Invocation, batch_id: str, fail_under: float | None
) -> tuple[Batch, int]:
    """Work on it to the end and say what came of it; the batch, and the exit status."""
    item, status = await work_on(services, principal, batch_id)
    if invocation.json:
        print_json(batch_as_json(item))
    else:
        print_batch(item)
    tell_end(item, fail_under)
    return item, status or status_of(item, fail_under)
