"""Work that outlives whoever started it: an answer being made goes on when its screen, or the link to it, has gone.

Each task starts in a clean `contextvars.Context`: one started from a screen's handler would otherwise inherit that screen's
application and keep it alive.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Supervisor:
    """Holds the tasks of one process. Their exceptions are logged: nobody awaits them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing can be started any more."""
        return self._closed

    def start(self, factory: Callable[[], Coroutine[Any, Any, Any]], name: str) -> asyncio.Task[Any]:
        """Run `factory()` as a task of its own. Raises RuntimeError once closed."""
        if self._closed:
            raise RuntimeError("the supervisor is closed")
        task = asyncio.get_running_loop().create_task(factory(), name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the task %s failed", task.get_name(), exc_info=error)

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the tasks that are not done."""
        return tuple(sorted(task.get_name() for task in self._tasks))

    async def until_done(self, beginning: str) -> None:
        """Wait until no task runs whose name begins with `beginning`."""
        while tasks := {task for task in self._tasks if task.get_name().startswith(beginning)}:
            await asyncio.wait(tasks)

    async def close(self, timeout: float = 15.0) -> None:
        """Cancel every task and give them `timeout` seconds to save what they hold; cancel once more who does not end, and go on."""
        self._closed = True
        for patience in (timeout, 1.0):
            tasks = set(self._tasks)
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=patience)
        if self._tasks:
            log.error("tasks that did not end: %s", ", ".join(self.running))


async def happens(event: asyncio.Event, *, within_s: float) -> bool:
    """Wait for `event`, at most so many seconds; whether it is set.

    Not `asyncio.wait_for`: before Python 3.12 that loses a cancellation which comes in the same turn as the event.
    """
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()
