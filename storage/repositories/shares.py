"""Queries over shared conversations (C11), as Core statements. Never commits.

A reader is an account, or everyone. What is in the trash is shared with nobody, whatever its shares say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, select

from storage.repositories.base import Repository
from storage.repositories.changes import EVERYONE
from storage.repositories.conversations import titled
from storage.repositories.upsert import ensure
from storage.tables import metadata

shares = metadata.tables["conversation_shares"]
conversations = metadata.tables["conversations"]
messages = metadata.tables["messages"]
users = metadata.tables["users"]
_s, _c, _u = shares.c, conversations.c, users.c


class ShareRepository(Repository):
    """Rows have the columns of storage/tables/conversations.py, ConversationShare and Conversation."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def put(self, conversation_id: str, reader_id: str, moment: int) -> bool:
        """Let `reader_id` (EVERYONE for all) read it; False if that is so already. `moment` in milliseconds."""
        where = (_s.conversation_id == conversation_id, _s.reader_id == reader_id)
        if self._connection.execute(select(_s.created_at).where(*where)).first() is not None:
            return False
        ensure(self._connection, shares, {"conversation_id": conversation_id, "reader_id": reader_id, "changed": 0, "created_at": moment})
        return True

    def remove(self, conversation_id: str, reader_id: str) -> bool:
        """Take it back; False if it was not shared so."""
        where = (_s.conversation_id == conversation_id, _s.reader_id == reader_id)
        return self._connection.execute(delete(shares).where(*where)).rowcount > 0

    def clear(self, conversation_ids: Sequence[str]) -> None:
        """Share these conversations with nobody."""
        self._connection.execute(delete(shares).where(_s.conversation_id.in_(conversation_ids)))

    def of(self, conversation_id: str) -> list[Any]:
        """Whom a conversation is shared with: `reader_id`, `created_at`, and `nickname`, `email` of an account (None for everyone)."""
        query = select(_s.reader_id, _s.created_at, _u.nickname, _u.email).outerjoin(users, _u.id == _s.reader_id)
        known = (_s.reader_id == EVERYONE) | _u.id.is_not(None)
        rows: Sequence[Any] = self._connection.execute(
            query.where(_s.conversation_id == conversation_id, known).order_by(_u.nickname_key)
        ).all()
        return sorted(rows, key=lambda row: row.reader_id != EVERYONE)

    def shared(self, conversation_ids: Sequence[str]) -> set[str]:
        """Those of these conversations that are shared with anybody."""
        return set(self._connection.execute(select(_s.conversation_id).where(_s.conversation_id.in_(conversation_ids))).scalars())

    def readable(self, reader_id: str, conversation_id: str) -> Row[Any] | None:
        """The conversation with its owner's `nickname`, if it is somebody else's and shared with this reader; not from the trash."""
        query = select(conversations, _u.nickname).join(users, _u.id == _c.owner_id)
        where = (_c.id == conversation_id, *_readable(reader_id))
        return self._connection.execute(query.where(*where)).one_or_none()

    def of_message(self, reader_id: str, message_id: str) -> Row[Any] | None:
        """The conversation of a message, as `readable`."""
        query = select(conversations, _u.nickname).join(users, _u.id == _c.owner_id).join(messages, messages.c.conversation_id == _c.id)
        return self._connection.execute(query.where(messages.c.id == message_id, *_readable(reader_id))).one_or_none()

    def page(self, reader_id: str, *, limit: int, offset: int, query: str = "") -> Sequence[Row[Any]]:
        """What others share with this reader, the last used first, each with its owner's `nickname`."""
        statement = select(conversations, _u.nickname).join(users, _u.id == _c.owner_id).where(*_readable(reader_id), *titled(query))
        order = (_c.used_at.desc(), _c.id.desc())
        return self._connection.execute(statement.order_by(*order).limit(limit).offset(offset)).all()

    def count(self, reader_id: str, *, query: str = "") -> int:
        """How many the whole list has."""
        statement = select(func.count()).select_from(conversations).where(*_readable(reader_id), *titled(query))
        return self._connection.execute(statement).scalar_one()


def _readable(reader_id: str) -> tuple[ColumnElement[bool], ...]:
    mine = exists(select(_s.reader_id).where(and_(_s.conversation_id == _c.id, _s.reader_id.in_((reader_id, EVERYONE)))))
    return _c.owner_id != reader_id, _c.deleted_at.is_(None), mine
