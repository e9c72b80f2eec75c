"""Whose runs change learns of it: in this process at once, in others at their next look. As core/chat/changes.py does for the chat."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from core.events import EventBus, RunsChanged
from core.persistence import Stillness, Store

if TYPE_CHECKING:
    from storage.repositories.runs import Bumped
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")


class RunChanges(Store):
    """The store as runs use it. Whatever changes a run is written through `write` by a unit of work that calls `uow.runs.touch`."""

    def __init__(self, store: Store, events: EventBus) -> None:
        self._inner = store
        self._events = events
        self._seen: dict[str, int] = {}
        self._new: set[str] = set()
        self._stillness = Stillness(store)

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        return await self._inner.read(work)

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """As `Store.write`; what it touched is told here, and is no news at the next look."""
        bumped: tuple[Bumped, ...] = ()

        def whole(uow: UnitOfWork) -> T:
            nonlocal bumped
            result = work(uow)
            bumped = uow.runs.bumped
            return result

        result = await self._inner.write(whole)
        for each in bumped:
            if self._seen.get(each.user_id) == each.counted - 1:
                self._seen[each.user_id] = each.counted
            for run_id in each.run_ids:
                self._events.publish(RunsChanged(each.user_id, run_id))
        return result

    def mark(self) -> tuple[int, ...] | None:
        return self._inner.mark()

    def close(self) -> None:
        self._inner.close()

    async def start(self, user_id: str) -> None:
        """From now on: what changes for this account after this is told at the next look."""
        counts = await self._inner.read(lambda uow: uow.runs.changes([user_id]))
        self._seen.setdefault(user_id, counts.get(user_id, 0))
        self._new.add(user_id)

    async def look(self, user_ids: Collection[str]) -> None:
        """Tell what other processes changed for these accounts since the last look. Costs one query, and none while nothing was written."""
        wanted, before = set(user_ids), dict(self._seen)
        if not wanted:
            self._seen.clear()
            return
        if wanted <= self._seen.keys() - self._new and self._stillness.lasts():
            return
        try:
            counts, found = await self._inner.read(lambda uow: _news(uow, wanted, before))
        except BaseException:
            self._stillness.disturb()
            raise
        keep = wanted | self._new
        self._new -= wanted
        self._seen = {user_id: seen for user_id, seen in self._seen.items() if user_id in keep}
        for user_id in wanted:
            count = counts.get(user_id, 0)
            if count <= self._seen.setdefault(user_id, count):
                continue
            self._seen[user_id] = count
            # More was counted than is found: it changed twice, or it is gone, and what is gone has no name any more.
            unnamed = [""] if count - before.get(user_id, count) > len(found.get(user_id, ())) else []
            for run_id in (*found.get(user_id, ()), *unnamed):
                self._events.publish(RunsChanged(user_id, run_id))


def _news(uow: UnitOfWork, wanted: Collection[str], before: dict[str, int]) -> tuple[dict[str, int], dict[str, list[str]]]:
    counts = uow.runs.changes(wanted)
    changed = [user_id for user_id, count in counts.items() if user_id in before and count > before[user_id]]
    return counts, {user_id: uow.runs.since(user_id, before[user_id]) for user_id in changed}
