"""Regular expressions, held against lines in a process of their own: Python's `re` cannot be interrupted, and holds up the whole
program, all people it serves included, while it tries. That process is killed when the time is over.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from core.logs.opened import Opened
from core.logs.search import Bound, SearchFailed
from core.logs.types import Hit, Query

_PROGRAM = Path(__file__).with_name("pattern_process.py")
MAX_LENGTH = 1000


class Pattern:
    """Lines in which the pattern is found. Raises SearchFailed (pattern) when made from what is none."""

    def __init__(self, query: Query, accepts: Callable[[Opened, Hit], bool] | None = None) -> None:
        if len(query.text) > MAX_LENGTH:
            raise SearchFailed("pattern", "too long")
        try:
            re.compile(query.text)
        except (re.error, RecursionError, OverflowError) as error:
            raise SearchFailed("pattern", str(error)) from error
        self._query, self._accepts = query, accepts

    def scan(self, opened: Opened, start: int, end: int, bound: Bound) -> Iterator[Hit]:
        for low, high in opened.data(start, end):
            for hit in self._run(opened, low, high, bound, back=False):
                if self._accepts is None or self._accepts(opened, hit):
                    yield hit

    def last(self, opened: Opened, start: int, end: int, bound: Bound) -> Hit | None:
        for low, high in reversed(opened.data(start, end)):
            for hit in self._run(opened, low, high, bound, back=True):
                if self._accepts is None or self._accepts(opened, hit):
                    return hit
        return None

    def _run(self, opened: Opened, start: int, end: int, bound: Bound, *, back: bool) -> Iterator[Hit]:
        file = opened.fileno()
        options = [str(file), str(start), str(end), "back" if back else "on", "fold" if self._query.ignores_case else "exact"]
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a program of ours
            [sys.executable, "-I", str(_PROGRAM), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[file],
            env={},
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            with process.stdin as pipe:
                pipe.write(self._query.text.encode("utf-8", "surrogatepass"))
            yield from _hits(process.stdout.fileno(), bound)
            if process.wait() != 0:
                raise SearchFailed("unreadable")
        finally:
            process.stdout.close()
            process.kill()
            process.wait()


def _hits(pipe: int, bound: Bound) -> Iterator[Hit]:
    """What the process writes: a hit a line."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            bound.check()
            if not selector.select(min(0.1, max(0.0, bound.left_s))):
                continue
            data = os.read(pipe, 65536)
            if not data:
                return
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                low, high, start = line.split()
                yield Hit(int(low), int(high), int(start))
