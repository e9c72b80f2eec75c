"""Queries over messages and their parts, as Core statements. Never commits.

What a person asks for names the owner (a join with the conversation). What names no owner is for the generation that makes an answer
and for the recovery of answers cut off by a crash; both hold ids that the service made or checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.repositories.base import Repository, batched
from storage.tables import metadata

messages = metadata.tables["messages"]
parts = metadata.tables["message_parts"]
conversations = metadata.tables["conversations"]
_m, _p = messages.c, parts.c


class Part(NamedTuple):
    """A piece of a message; `kind`: text or reasoning."""

    ordinal: int
    kind: str
    content: str


class Node(NamedTuple):
    """What the shape of a branch needs of a message."""

    id: str
    parent_id: str | None
    role: str
    state: str


class _HasParent(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


N = TypeVar("N", bound=_HasParent)


class MessageRepository(Repository):
    """Rows are SQLAlchemy `Row`s with the columns of storage/tables/conversations.py, Message.

    `kind`: of which conversations messages are found by their owner, as in ConversationRepository.
    """

    kind: str = ""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def find(self, owner_id: str, message_id: str) -> Row[Any] | None:
        """The message, if it is in a conversation of the owner's."""
        statement = select(messages).join(conversations, conversations.c.id == _m.conversation_id)
        own = conversations.c.owner_id == owner_id, conversations.c.kind == self.kind, _m.id == message_id
        return self._connection.execute(statement.where(*own)).one_or_none()

    def branch(self, owner_id: str, conversation_id: str, last_id: str | None, limit: int) -> list[Row[Any]]:
        """The last `limit` messages of the branch that ends with `last_id`, oldest first.

        Reads the levels of the tree that the tail lies in, by the index on depth, then walks from child to parent.
        """
        last = self.find(owner_id, last_id) if last_id else None
        if last is None or last.conversation_id != conversation_id:
            return []
        statement = select(messages).where(_m.conversation_id == conversation_id, _m.depth > last.depth - limit, _m.depth < last.depth)
        rows: Sequence[Row[Any]] = self._connection.execute(statement).all()
        return [*_walk(rows, last.parent_id), last][-limit:]

    def outline(self, conversation_id: str, last_id: str) -> list[Node]:
        """The whole branch that ends with `last_id`, oldest first."""
        statement = select(_m.id, _m.parent_id, _m.role, _m.state).where(_m.conversation_id == conversation_id)
        return _walk([Node._make(row) for row in self._connection.execute(statement).all()], last_id)

    def rows(self, ids: Sequence[str]) -> list[Row[Any]]:
        """These messages, in any order."""
        return [row for some in batched(ids) for row in self._connection.execute(select(messages).where(_m.id.in_(some)))]

    def newest_below(self, parent_ids: Sequence[str]) -> dict[str, Row[Any]]:
        """The newest message below each of these."""
        found: dict[str, Row[Any]] = {}
        for some in batched(parent_ids):
            for row in self._connection.execute(select(messages).where(_m.parent_id.in_(some)).order_by(_m.id)):
                found[row.parent_id] = row
        return found

    def parts(self, ids: Sequence[str], *, kind: str | None = None) -> dict[str, list[Part]]:
        """The parts of each message in `ids`, in order; of one kind if given."""
        found: dict[str, list[Part]] = {}
        for some in batched(ids):
            statement = select(_p.message_id, _p.ordinal, _p.kind, _p.content).where(_p.message_id.in_(some))
            if kind is not None:
                statement = statement.where(_p.kind == kind)
            for message_id, *part in self._connection.execute(statement.order_by(_p.message_id, _p.ordinal)).all():
                found.setdefault(message_id, []).append(Part._make(part))
        return found

    def parts_from(self, message_id: str, ordinal: int) -> list[Part]:
        """The parts of one message from `ordinal` on."""
        statement = select(_p.ordinal, _p.kind, _p.content).where(_p.message_id == message_id, _p.ordinal >= ordinal)
        return [Part(row.ordinal, row.kind, row.content) for row in self._connection.execute(statement.order_by(_p.ordinal))]

    def add(self, *new: Mapping[str, Any]) -> None:
        """Insert messages, each with all its columns, in the order of the tree."""
        self._connection.execute(insert(messages), [dict(values) for values in new])

    def add_parts(self, message_id: str, new: Iterable[Part]) -> None:
        """Insert the parts of a new message."""
        rows = [{"message_id": message_id, "ordinal": part.ordinal, "kind": part.kind, "content": part.content} for part in new]
        if rows:
            self._connection.execute(insert(parts), rows)

    def change(self, message_id: str, **values: Any) -> bool:
        """Set columns; False if the message is gone (its conversation was deleted for good)."""
        return self._connection.execute(update(messages).where(_m.id == message_id).values(**values)).rowcount > 0

    def change_generating(self, message_id: str, generator: str, alive_at: int | None, /, **values: Any) -> bool:
        """Set columns if the message is still being made by `generator`, which saved last at `alive_at`; False if it is not."""
        same = _m.alive_at.is_(None) if alive_at is None else _m.alive_at == alive_at
        statement = update(messages).where(_m.id == message_id, _m.state == "generating", _m.generator == generator, same)
        return self._connection.execute(statement.values(**values)).rowcount > 0

    def ask_to_stop(self, message_id: str) -> bool:
        """Ask the process that makes the message to end it; False if it has ended."""
        statement = update(messages).where(_m.id == message_id, _m.state == "generating")
        return self._connection.execute(statement.values(finish="stopped")).rowcount > 0

    def replace_parts(self, message_id: str, ordinal: int, new: Iterable[Part]) -> None:
        """Make `new` the parts of the message from `ordinal` on; the parts before stay as they are."""
        self._connection.execute(delete(parts).where(_p.message_id == message_id, _p.ordinal >= ordinal))
        self.add_parts(message_id, new)

    def generating(self, conversation_ids: Sequence[str]) -> list[Row[Any]]:
        """The answers of these conversations that are marked as being made."""
        statement = select(messages).where(_m.state == "generating", _m.conversation_id.in_(conversation_ids))
        return list(self._connection.execute(statement))

    def all_generating(self) -> list[Row[Any]]:
        """Everybody's answers that are marked as being made: for the recovery at start. With the `owner_id`."""
        statement = select(messages, conversations.c.owner_id).join(conversations, conversations.c.id == _m.conversation_id)
        return list(self._connection.execute(statement.where(_m.state == "generating")))


def _walk(rows: Sequence[N], last_id: str | None) -> list[N]:
    """The rows from `last_id` up to the first whose parent is not among `rows`, oldest first."""
    by_id = {row.id: row for row in rows}
    branch: list[N] = []
    while last_id is not None and (row := by_id.pop(last_id, None)) is not None:
        branch.append(row)
        last_id = row.parent_id
    branch.reverse()
    return branch
