"""Ctrl+C and its like while a command waits for answers: told to the command, which stops them and keeps what came."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts(handler: Callable[[int], None]) -> Iterator[None]:
    """Call `handler(number)` in the loop at one of the signals that end a program, instead of ending at once."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
