"""Queries over conversations, as Core statements. Never commits; every query of a person's names the owner.

`kind` names which conversations there are for whoever asks: those of the chat, unless somebody says otherwise. The others are
unknown ids then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, false, func, insert, select, update

from storage.repositories.base import Repository
from storage.tables import metadata

conversations = metadata.tables["conversations"]
_c = conversations.c
#: Words of a search that are looked for, and characters that a title has: at most.
_WORDS, _TITLE = 100, 200


class ConversationRepository(Repository):
    """Rows are SQLAlchemy `Row`s with the columns of storage/tables/conversations.py, Conversation."""

    kind: str = ""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def page(self, owner_id: str, *, limit: int, offset: int, query: str = "", trash: bool = False) -> Sequence[Row[Any]]:
        """A page of the list: pinned first, then the last used; of the trash: the last deleted first."""
        order = (_c.deleted_at.desc(), _c.id.desc()) if trash else (_c.pinned.desc(), _c.used_at.desc(), _c.id.desc())
        statement = select(conversations).where(*self._listed(owner_id, query, trash)).order_by(*order).limit(limit).offset(offset)
        return self._connection.execute(statement).all()

    def count(self, owner_id: str, *, query: str = "", trash: bool = False) -> int:
        """How many the whole list has."""
        statement = select(func.count()).select_from(conversations).where(*self._listed(owner_id, query, trash))
        return self._connection.execute(statement).scalar_one()

    def get(self, owner_id: str, conversation_id: str) -> Row[Any] | None:
        """The conversation, in the trash or not, if it is the owner's."""
        return self._connection.execute(select(conversations).where(*self._own(owner_id, conversation_id))).one_or_none()

    def lock(self, owner_id: str, conversation_id: str) -> Row[Any] | None:
        """As `get`, and nobody else changes it before this unit of work ends (SQLite is locked as a whole)."""
        statement = select(conversations).where(*self._own(owner_id, conversation_id)).with_for_update()
        return self._connection.execute(statement).one_or_none()

    def owned(self, owner_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are the owner's, in the trash or not; locked, where this unit of work writes."""
        statement = select(_c.id).where(_c.owner_id == owner_id, _c.kind == self.kind, _c.id.in_(list(ids))).order_by(_c.id)
        return set(self._connection.execute(statement.with_for_update()).scalars())

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(conversations).values(**values))

    def change(self, owner_id: str, conversation_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such conversation of the owner's."""
        return self._connection.execute(update(conversations).where(*self._own(owner_id, conversation_id)).values(**values)).rowcount > 0

    def title_by_model(self, owner_id: str, conversation_id: str, title: str) -> bool:
        """Set a title made by a model, unless the title is already a person's or a model's."""
        statement = update(conversations).where(*self._own(owner_id, conversation_id), _c.title_source == "fallback")
        return self._connection.execute(statement.values(title=title, title_source="model")).rowcount > 0

    def mark_deleted(self, owner_id: str, ids: Sequence[str], moment: int | None) -> int:
        """Into the trash at `moment` (milliseconds), or out of it with None."""
        statement = update(conversations).where(_c.owner_id == owner_id, _c.kind == self.kind, _c.id.in_(ids)).values(deleted_at=moment)
        return self._connection.execute(statement).rowcount

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete for good, with messages, parts and drafts."""
        drafts = metadata.tables["drafts"]
        self._connection.execute(delete(drafts).where(drafts.c.owner_id == owner_id, drafts.c.conversation_id.in_(ids)))
        return self._connection.execute(delete(conversations).where(_c.owner_id == owner_id, _c.kind == self.kind, _c.id.in_(ids))).rowcount

    def unread(self, owner_id: str, limit: int) -> Sequence[Row[Any]]:
        """Those with an answer that the owner has not seen, the last used first; not from the trash."""
        statement = select(conversations).where(*self._listed(owner_id, "", False), _c.unread != "")
        return self._connection.execute(statement.order_by(_c.used_at.desc(), _c.id.desc()).limit(limit)).all()

    def count_unread(self, owner_id: str) -> int:
        """How many there are."""
        statement = select(func.count()).select_from(conversations).where(*self._listed(owner_id, "", False), _c.unread != "")
        return self._connection.execute(statement).scalar_one()

    def mark_unread(self, conversation_id: str, state: str) -> str | None:
        """An answer ended with `state` and nobody looked. The owner's id, None if the conversation is gone."""
        self._connection.execute(update(conversations).where(_c.id == conversation_id).values(unread=state))
        return self._connection.execute(select(_c.owner_id).where(_c.id == conversation_id)).scalar_one_or_none()

    def trashed_before(self, moment: int) -> list[tuple[str, str]]:
        """Owner and id of everybody's conversations that were deleted before `moment` (milliseconds): for the clean-up at start."""
        statement = select(_c.owner_id, _c.id).where(_c.deleted_at.is_not(None), _c.deleted_at < moment)
        return [(row.owner_id, row.id) for row in self._connection.execute(statement)]

    def _own(self, owner_id: str, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return _c.owner_id == owner_id, _c.kind == self.kind, _c.id == conversation_id

    def _listed(self, owner_id: str, query: str, trash: bool) -> tuple[ColumnElement[bool], ...]:
        deleted = _c.deleted_at.is_not(None) if trash else _c.deleted_at.is_(None)
        return (_c.owner_id == owner_id, _c.kind == self.kind, deleted, *titled(query))


def titled(query: str) -> tuple[ColumnElement[bool], ...]:
    """Every word must be in the title; % and _ are plain characters. SQLite takes neither a thousand conditions nor a pattern of 50 KB."""
    words = list(dict.fromkeys(query.split()))[:_WORDS]
    return tuple(_c.title.icontains(word, autoescape=True) if len(word) <= _TITLE else false() for word in words)
