"""Who sees a change of a conversation learns of it: in this process at once, in others at their next look.

Whatever changes a conversation is written through `Changes.write` by a unit of work that calls `uow.changes.touch`. Other processes call
`look` about once a second for all their people together: one query, and no more of them while nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, TypeVar

from core.events import ComparisonsChanged, ConversationChanged, EventBus
from core.persistence import Store

if TYPE_CHECKING:
    from storage.repositories.changes import Bumped
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
#: As in storage/repositories/changes.py: what is shared with everyone.
EVERYONE = ""


class Changes(Store):
    """The store as the chat uses it. `start` for somebody who begins to look at the screen, then `look` as long as they do."""

    def __init__(self, store: Store, events: EventBus, kind: str = "") -> None:
        self._inner = store
        self._events = events
        self._kind = kind
        self._seen: dict[str, int] = {}
        self._new: set[str] = set()

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        return await self._inner.read(lambda uow: work(self._seen_as(uow)))

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """As `Store.write`; what it touched is told here, and is no news at the next look."""
        bumped: tuple[Bumped, ...] = ()
        touched: frozenset[str] = frozenset()

        def whole(uow: UnitOfWork) -> T:
            nonlocal bumped, touched
            result = work(self._seen_as(uow))
            bumped, touched = uow.changes.bumped, uow.changes.touched
            return result

        result = await self._inner.write(whole)
        for each in bumped:
            if self._seen.get(each.user_id) == each.counted - 1:
                self._seen[each.user_id] = each.counted
        self._publish(
            (user_id, event) for each in bumped for user_id, event in self._events_of(each.user_id, each.conversation_ids, each.shared)
        )
        for owner_id in touched:
            self._events.publish(ComparisonsChanged(owner_id))
        return result

    def _seen_as(self, uow: UnitOfWork) -> UnitOfWork:
        """`uow`, in which there are conversations of our kind only."""
        uow.conversations.kind = uow.messages.kind = uow.changes.kind = self._kind
        return uow

    def close(self) -> None:
        self._inner.close()

    async def start(self, user_id: str) -> None:
        """From now on: what changes for this account after this is told at the next look."""
        counts = await self._inner.read(lambda uow: uow.changes.counts([user_id, EVERYONE]))
        for each in (user_id, EVERYONE):
            self._seen.setdefault(each, counts.get(each, 0))
        self._new.add(user_id)

    async def look(self, user_ids: Collection[str]) -> None:
        """Tell what other processes changed for these accounts since the last look. Costs one query while nothing did."""
        wanted, before = {*user_ids, EVERYONE}, dict(self._seen)
        if not user_ids:
            self._seen.clear()
            return
        counts, found = await self._inner.read(lambda uow: _news(uow, wanted, before))
        keep = wanted | self._new
        self._new -= wanted
        self._seen = {user_id: seen for user_id, seen in self._seen.items() if user_id in keep}
        news: list[tuple[str, ConversationChanged]] = []
        for user_id in wanted:
            count = counts.get(user_id, 0)
            seen = self._seen.setdefault(user_id, count)
            if count > seen:
                self._seen[user_id] = count
                own, shared = found.get(user_id, ([], []))
                # More was counted than is found: it changed twice, or it is gone, and what is gone has no name any more.
                unnamed = [EVERYONE] if count - before.get(user_id, seen) > len(own) + len(shared) else []
                news += self._events_of(user_id, [*own, *(unnamed if user_id != EVERYONE else ())], False)
                news += self._events_of(user_id, [*shared, *(unnamed if user_id == EVERYONE else ())], True)
        self._publish(news)

    def _events_of(self, user_id: str, ids: Iterable[str], shared: bool) -> list[tuple[str, ConversationChanged]]:
        readers = [user_id] if user_id != EVERYONE else self._events.listening
        return [(reader, ConversationChanged(reader, conversation_id, shared)) for conversation_id in ids for reader in readers]

    def _publish(self, news: Iterable[tuple[str, ConversationChanged]]) -> None:
        """Each change once for each account: an owner's own news before those of everyone, who they are too."""
        told: set[tuple[str, str]] = set()
        for user_id, event in sorted(news, key=lambda each: each[1].shared):
            if (user_id, event.conversation_id) not in told:
                told.add((user_id, event.conversation_id))
                self._events.publish(event)


def _news(
    uow: UnitOfWork, wanted: Collection[str], before: dict[str, int]
) -> tuple[dict[str, int], dict[str, tuple[list[str], list[str]]]]:
    counts = uow.changes.counts(wanted)
    changed = [user_id for user_id, count in counts.items() if user_id in before and count > before[user_id]]
    return counts, {user_id: uow.changes.since(user_id, before[user_id]) for user_id in changed}
