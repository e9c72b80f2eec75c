"""What changed in the chat, counted for each account: how one process learns what another did. Never commits.

Whoever changes a conversation calls `touch` at the end of the unit of work: the count of its owner, and of everybody it is shared
with, goes up by one and is noted beside the conversation. The count is locked until the commit, so counts are seen in their order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from storage.repositories.base import IDS, Repository, batched
from storage.repositories.upsert import ensure
from storage.tables import metadata

changes = metadata.tables["chat_changes"]
conversations = metadata.tables["conversations"]
shares = metadata.tables["conversation_shares"]
_n, _c, _s = changes.c, conversations.c, shares.c
#: The `user_id` of everyone.
EVERYONE = ""


class Bumped(NamedTuple):
    """A count that went up to `counted` because of these conversations; `shared`: which are somebody else's."""

    user_id: str
    counted: int
    conversation_ids: tuple[str, ...]
    shared: bool


class ChangeRepository(Repository):
    """`bumped`: the counts that this unit of work raised.

    `kind`: as in ConversationRepository. What is no conversation of the chat is counted for nobody; `touched`: whose there was.
    """

    bumped: tuple[Bumped, ...] = ()
    kind: str = ""
    touched: frozenset[str] = frozenset()

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def touch(self, owner_id: str, conversation_ids: Sequence[str], *, readers: Iterable[str] = ()) -> None:
        """Tell everybody who sees these conversations that they changed. `readers`: who does not see them any more, too."""
        if self.kind:
            self.touched |= {owner_id}
            return
        seen_by: dict[str, list[str]] = {owner_id: list(conversation_ids)}
        for reader_id in readers:
            seen_by.setdefault(reader_id, list(conversation_ids))
        for some in batched(conversation_ids):
            found = self._connection.execute(select(_s.reader_id, _s.conversation_id).where(_s.conversation_id.in_(some)))
            for reader_id, conversation_id in found:
                known = seen_by.setdefault(reader_id, [])
                if conversation_id not in known:
                    known.append(conversation_id)
        # In one order for all, so that two units of work never wait for each other.
        for user_id in sorted(seen_by):
            self._raise(user_id, owner_id, tuple(seen_by[user_id]))

    def _raise(self, user_id: str, owner_id: str, ids: tuple[str, ...]) -> None:
        count = self._next(user_id)
        for some in batched(ids):
            if user_id == owner_id:
                statement = update(conversations).where(_c.owner_id == owner_id, _c.id.in_(some)).values(changed=count)
            else:
                statement = update(shares).where(_s.reader_id == user_id, _s.conversation_id.in_(some)).values(changed=count)
            self._connection.execute(statement)
        self.bumped += (Bumped(user_id, count, ids, user_id != owner_id),)

    def _next(self, user_id: str) -> int:
        raised = update(changes).where(_n.user_id == user_id).values(counted=_n.counted + 1)
        if self._connection.execute(raised).rowcount == 0:
            ensure(self._connection, changes, {"user_id": user_id, "counted": 0})
            self._connection.execute(raised)
        return int(self._connection.execute(select(_n.counted).where(_n.user_id == user_id)).scalar_one())

    def counts(self, user_ids: Collection[str]) -> dict[str, int]:
        """The counts of these accounts; one that never changed is not there."""
        found: dict[str, int] = {}
        for some in batched(list(user_ids)):
            rows = self._connection.execute(select(_n.user_id, _n.counted).where(_n.user_id.in_(some)))
            found.update((row.user_id, row.counted) for row in rows)
        return found

    def since(self, user_id: str, count: int) -> tuple[list[str], list[str]]:
        """The own and the shared conversations that changed for the account after its count was `count`."""
        own = select(_c.id).where(_c.owner_id == user_id, _c.kind == "", _c.changed > count).limit(IDS)
        shared = select(_s.conversation_id).where(_s.reader_id == user_id, _s.changed > count).limit(IDS)
        found = [] if user_id == EVERYONE else list(self._connection.execute(own).scalars())
        return found, list(self._connection.execute(shared).scalars())
