"""LogFile: a file of any size read where one looks, never as a whole."""

from __future__ import annotations

from pathlib import Path

from core.logs.types import Change, Line, LineNumber


class LogFile:
    """Lines by their place (byte offset) in the file. Safe in several threads. Missing files are empty until they are there.

    Memory does not depend on the size of the file. `close` it at the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0

    def refresh(self) -> Change:
        """Look at the file again: cheap when nothing changed."""
        raise NotImplementedError

    def forward(self, offset: int, count: int) -> list[Line]:
        """Up to `count` lines, the first of which holds the byte at `offset`."""
        raise NotImplementedError

    def backward(self, offset: int, count: int) -> list[Line]:
        """Up to `count` lines before the line that holds the byte at `offset`, in their order."""
        raise NotImplementedError

    def tail(self, count: int) -> list[Line]:
        """The last lines."""
        return self.backward(self.size, count)

    def number(self, offset: int) -> LineNumber:
        """The number of the line that holds the byte at `offset`: counted as far as that was done, else estimated."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
