"""What makes Textual lean, and its keys whole, for the whole process: applied once before the first application.

Private names are used, each covered by a test that fails when an upgrade of Textual changes it (tests/tui/test_lean.py).
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import textual._ansi_sequences
import textual._compositor
import textual.app
import textual.constants
import textual.strip

from tui.composing import render_chops
from tui.terminal_input import InputParser, lenient_decoder


class NullCache:
    """Stands for the seven caches of every Strip, which cost more memory than all of a lean screen and are hardly ever hit."""

    __slots__ = ()

    def __contains__(self, _key: object) -> bool:
        return False

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def get(self, _key: object, default: Any = None) -> Any:
        return default

    def __getitem__(self, key: object) -> Any:
        raise KeyError(key)

    def __setitem__(self, _key: object, _value: object) -> None:
        """Keeps nothing."""

    def clear(self) -> None:
        """There is nothing to clear."""


_NULL = NullCache()


def _null_cache(_maxsize: int) -> NullCache:
    return _NULL


def apply(*, several: bool = False) -> None:
    """Make every Strip share one null cache. `several` applications in one process: leave its stdout and stderr alone, too."""
    vars(textual.strip)["FIFOCache"] = _null_cache
    textual.strip.Strip.blank.cache_clear()
    textual._compositor.Compositor._render_chops = render_chops  # type: ignore[method-assign,assignment]
    # Textual reads Alt and a digit as what Option types on one Mac terminal (Alt+6 as "§"): here they are keys of their own.
    for digit in "0123456789":
        vars(textual._ansi_sequences)["ANSI_SEQUENCES_KEYS"][f"\x1b{digit}"] = (SimpleNamespace(value=f"alt+{digit}"),)
    # Alt and Enter, which it takes apart into a circumflex and nothing.
    for enter in "\r\n":
        vars(textual._ansi_sequences)["ANSI_SEQUENCES_KEYS"][f"\x1b{enter}"] = (SimpleNamespace(value="alt+enter"),)
    if sys.platform != "win32":
        _read_safely()
    if several:
        # Each application would redirect them, and their restores interleave.
        for name in ("redirect_stdout", "redirect_stderr"):
            vars(textual.app)[name] = nullcontext
        from tui import shared_styles

        shared_styles.apply()
        _lighten_events()


class LightEvent(asyncio.Event):
    """An event whose waiters are a list: there are three events for every widget, and an empty deque weighs 600 bytes."""

    def __init__(self) -> None:
        self._waiters: Any = []
        self._value = False


def _lighten_events() -> None:
    import textual._queue
    import textual.message_pump
    import textual.timer
    import textual.worker

    for module in (textual._queue, textual.timer, textual.worker):
        vars(module)["Event"] = LightEvent
    vars(textual.message_pump.MessagePump)["_mounted_event"].func = lambda _pump: LightEvent()


def _read_safely() -> None:
    """No byte that comes from the terminal ends the program, and a paste is text and nothing else."""
    import textual.drivers.linux_driver

    driver = vars(textual.drivers.linux_driver)
    driver["XTermParser"], driver["getincrementaldecoder"] = InputParser, lenient_decoder
    # Textual looks whether an escape is a key every tenth of a second. With its own delay of the same length it may look a moment too
    # early, and then "Esc, j" within two tenths of a second is Alt+J.
    if "ESCDELAY" not in os.environ:
        vars(textual.constants)["ESCAPE_DELAY"] = 0.05
