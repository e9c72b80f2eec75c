"""LogFile: a file of any size read where one looks, never as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import RLock

from core.logs import lines
from core.logs.counting import LineCounter
from core.logs.opened import Hole, NotReadable, Opened
from core.logs.types import Change, Line, LineNumber


class LogFile:
    """Lines by their place (byte offset) in the file. Safe in several threads. Missing files are empty until they are there.

    Memory does not depend on the size of the file. `version` grows whenever places mean other bytes than before (truncated, replaced).
    `gone`: the name is not there any more. `problem`: why it cannot be read ("not_a_file", "permission"), "" if it can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 0
        self.gone = False
        self.problem = ""
        self._opened: Opened | None = None
        self._counter = LineCounter()
        self._lock = RLock()
        self.refresh()

    @property
    def size(self) -> int:
        """Bytes, as of the last `refresh`."""
        opened = self._opened
        return opened.size if opened is not None else 0

    @property
    def holes(self) -> tuple[Hole, ...]:
        """What was punched out: (from, to) in bytes."""
        opened = self._opened
        return opened.holes if opened is not None else ()

    @property
    def opened(self) -> Opened | None:
        """The open file, for a search: it stays readable while it is held, whatever becomes of the log."""
        return self._opened

    # Growing ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> Change:
        """Look at the file again: two system calls when nothing changed."""
        with self._lock:
            try:
                status = self.path.stat()
            except OSError:
                return self._without_name()
            if self._opened is None or (status.st_dev, status.st_ino) != self._opened.identity:
                return self._open()
            was_gone, self.gone = self.gone, False
            change = self._look(status)
            return Change.BACK if was_gone and change is Change.NONE else change

    def _look(self, status: os.stat_result) -> Change:
        assert self._opened is not None
        if not self._opened.is_same(status):
            self._open()
            return Change.TRUNCATED
        return Change.GREW if self._opened.take(status) else Change.NONE

    def _without_name(self) -> Change:
        """The name is not there; whoever writes may still have the file open."""
        if self._opened is None:
            return Change.NONE
        if not self.gone:
            self.gone = True
            return Change.GONE
        return self._look_nameless()

    def _look_nameless(self) -> Change:
        assert self._opened is not None
        status = self._opened.status()
        if status.st_size < self._opened.size:
            return Change.NONE
        return Change.GREW if self._opened.take(status) else Change.NONE

    def _open(self) -> Change:
        before = self._opened
        try:
            self._opened, self.problem = Opened(self.path), ""
        except NotReadable as error:
            self._opened, self.problem = None, error.why
        except OSError:
            return self._without_name()
        self._counter, self.gone = LineCounter(), False
        if before is None:
            return Change.BACK if self._opened is not None else Change.NONE
        self.version += 1
        return Change.REPLACED

    def close(self) -> None:
        """Let go of the file; a later `refresh` would open it again."""
        with self._lock:
            self._opened = None

    # Lines -----------------------------------------------------------------------------------------------------------

    def forward(self, offset: int, count: int) -> list[Line]:
        """Up to `count` lines, the first of which holds the byte at `offset`."""
        opened = self._opened
        if opened is None or offset >= opened.size:
            return []
        return lines.forward(opened, lines.line_start(opened, max(0, offset)), count)

    def backward(self, offset: int, count: int) -> list[Line]:
        """Up to `count` lines before the line that holds the byte at `offset`, in their order."""
        opened = self._opened
        return lines.backward(opened, min(offset, opened.size), count) if opened is not None else []

    def tail(self, count: int) -> list[Line]:
        """The last lines."""
        return self.backward(self.size, count)

    def number(self, offset: int) -> LineNumber:
        """The number of the line that holds the byte at `offset`: counted as far as that was done, else estimated."""
        opened, counter = self._opened, self._counter
        if opened is None or not opened.size:
            return LineNumber(1, exact=True)
        return counter.number(opened, lines.line_start(opened, offset) if offset < opened.size else opened.size)

    def uncounted(self, offset: int) -> int:
        """Bytes that `count_to` would read for the exact number of the line at `offset`; 0 where nothing more can be known."""
        opened = self._opened
        return self._counter.missing(opened, offset) if opened is not None else 0

    def count_to(self, offset: int, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Count lines up to `offset`, in a thread please; False if `cancelled` said so meanwhile."""
        opened, counter = self._opened, self._counter
        return opened is None or counter.count_to(opened, offset, cancelled)
