"""Where tries wait for those before them: whether there is room for one more is known once an earlier one succeeded or failed.

Of a line only the first one looks from time to time, for what other processes settled; the others are woken one after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from core.errors import TooManyAttempts
from core.supervisor import happens

#: So long a try waits, in seconds, and so many wait in one line and in all.
PATIENCE_S: Final = 25.0
IN_A_LINE, IN_ALL = 100, 500
#: Seconds between two looks of the first one.
_LOOK_S: Final = 0.2
#: What is said to one who waited in vain, in seconds.
_AGAIN_S: Final = 5


class Lines:
    """The lines of one process, each for one counter."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lines: dict[str, deque[asyncio.Event]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._lines.values()))

    def __contains__(self, key: str) -> bool:
        """Whether somebody waits in this line."""
        return key in self._lines

    def settled(self, keys: Iterable[str]) -> None:
        """One try of these counters succeeded or failed."""
        for key in keys:
            if line := self._lines.get(key):
                line[0].set()

    async def wait(self, key: str, look: Callable[[], Awaitable[str | None]]) -> None:
        """Wait in the line of `key` until `look()` returns None. It returns what it still waits for: the key of a counter.

        Raises what `look` raises, and TooManyAttempts when it takes too long or too many wait.
        """
        if len(self._lines.get(key, ())) >= IN_A_LINE or len(self) >= IN_ALL:
            raise TooManyAttempts(retry_after_s=_AGAIN_S)
        line = self._lines.setdefault(key, deque())
        turn = asyncio.Event()
        line.append(turn)
        try:
            await self._wait(key, line, turn, look)
        finally:
            line.remove(turn)
            if line:
                line[0].set()
            else:
                self._lines.pop(key, None)

    async def _wait(self, key: str, line: deque[asyncio.Event], turn: asyncio.Event, look: Callable[[], Awaitable[str | None]]) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + self._patience_s
        while True:
            left = max(0.0, until - clock())
            await happens(turn, within_s=min(_LOOK_S, left) if line[0] is turn else left)
            turn.clear()
            blocked = await look()
            if blocked is None:
                return
            if clock() >= until:
                raise TooManyAttempts(retry_after_s=_AGAIN_S)
            place = line.index(turn) + 1
            if blocked != key and place < len(line):
                line[place].set()  # what is in our way may not be in theirs
