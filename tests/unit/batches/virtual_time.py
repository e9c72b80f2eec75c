"""An event loop whose time passes as soon as nobody has anything to do: minutes take milliseconds, and always go the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 1,000 seconds. Not for anything that reads or writes: nothing outside moves with it."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1000.0
        really: Callable[[float | None], Any] = self._selector.select  # type: ignore[attr-defined]

        def select(timeout: float | None = None) -> Any:
            if timeout:
                self._now += timeout
            return really(0)

        self._selector.select = select  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now


def run(work: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """What `work(loop)` returns."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()
