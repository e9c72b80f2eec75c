"""What is looked for in a log, and what is left of it by a filter: searches in threads, counts that grow while one watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.logs.file import LogFile
from core.logs.search import Bound, Hits, Matcher, SearchFailed, find_next, find_previous, matcher_of
from core.logs.threads import in_thread
from core.logs.types import Hit, Level, Query


class Finder:
    """One viewer's. `tell` is called in the event loop when a count or a filter has more."""

    def __init__(self, log: LogFile, tell: Callable[[], None]) -> None:
        self.log, self._tell = log, tell
        self.query: Query | None = None
        #: Lines with `query`, counted; lines that the filter leaves.
        self.hits: Hits | None = None
        self.filtered: Hits | None = None
        self.level = Level.DEBUG
        self.words: Query | None = None
        self.failed = ""
        self._extending: set[int] = set()
        self._bounds: set[Bound] = set()

    @property
    def is_filtered(self) -> bool:
        return self.filtered is not None

    @property
    def is_counting(self) -> bool:
        return bool(self._extending)

    # Searching -------------------------------------------------------------------------------------------------------

    def look_for(self, query: Query | None) -> None:
        """From now on this is looked for. Raises SearchFailed (pattern)."""
        matcher = matcher_of(query) if query is not None and query.text else None
        self.query = query if matcher is not None else None
        self.hits = Hits(matcher) if matcher is not None else None

    async def jump(self, offset: int, step: int, matcher: Matcher | None = None) -> Hit | None:
        """The next (1) or previous (-1) line with what is looked for, or with what `matcher` finds. Raises SearchFailed."""
        matcher = matcher or (self.hits.matcher if self.hits is not None else None)
        opened = self.log.opened
        if matcher is None or opened is None:
            return None
        chosen, bound = matcher, self._bound()
        find = find_next if step > 0 else find_previous
        try:
            return await in_thread(lambda: find(opened, chosen, offset, bound), bound)
        finally:
            self._bounds.discard(bound)

    def _bound(self) -> Bound:
        bound = Bound()
        self._bounds.add(bound)
        return bound

    # Counting --------------------------------------------------------------------------------------------------------

    def filter(self, level: Level, words: Query | None) -> None:
        """Leave only lines that are at least as bad as `level` and have `words`. Raises SearchFailed (pattern)."""
        wanted = level > Level.PLAIN or (words is not None and bool(words.text))
        self.filtered = Hits(matcher_of(words, level)) if wanted else None
        self.level, self.words = level, words if words is not None and words.text else None

    async def extend(self, which: Hits | None) -> None:
        """Find what of `which` was not found yet. A second call while the first is at work does nothing."""
        opened = self.log.opened
        if which is None or opened is None or id(which) in self._extending or which.full or which.done_to >= opened.size:
            return
        bound, loop = self._bound(), asyncio.get_running_loop()

        def report() -> None:
            loop.call_soon_threadsafe(self._tell)

        self._extending.add(id(which))
        try:
            await in_thread(lambda: which.extend(opened, bound, report), bound)
        except SearchFailed as error:
            self.failed = error.why if error.why != "cancelled" else self.failed
        finally:
            self._extending.discard(id(which))
            self._bounds.discard(bound)
        self._tell()

    def close(self) -> None:
        """End what is under way."""
        for bound in tuple(self._bounds):
            bound.cancel()
