"""Searches in threads of their own: they may take half a minute, and the pool that everything else waits for has few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

from core.logs.search import Bound

T = TypeVar("T")


async def in_thread(work: Callable[[], T], bound: Bound) -> T:
    """The value of `work()`, which looks at `bound`: it is told to end when nobody waits for it any more."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as failure:
            error = failure
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(settle, value, error)

    Thread(target=run, name="log-search", daemon=True).start()
    try:
        return await done
    except asyncio.CancelledError:
        bound.cancel()
        raise
