"""Answers whose process is gone: found at start and when a conversation is opened, kept with what was saved, marked as truncated."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

from core.chat.identity import is_gone
from core.chat.outcome import INTERRUPTED, error_columns

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


def lost(rows: Iterable[Any], *, ours: Container[str], now_ms: int) -> list[Any]:
    """Those of `rows` (answers marked as being made) that nobody makes. `ours`: ids of answers that this process makes."""
    return [row for row in rows if row.id not in ours and is_gone(row.generator, row.alive_at, now_ms)]


def mark_lost(uow: UnitOfWork, rows: Iterable[Any], now_ms: int) -> list[str]:
    """Mark them as truncated, unless their process gave a sign of life since they were read. The ids of those marked.

    Nobody can have seen their end, so their conversations are unread.
    """
    marked = [row for row in rows if uow.messages.change_generating(row.id, row.generator, row.alive_at, **_columns(now_ms))]
    for conversation_id in sorted({row.conversation_id for row in marked}):
        owner_id = uow.conversations.mark_unread(conversation_id, INTERRUPTED.state)
        if owner_id is not None:
            uow.changes.touch(owner_id, [conversation_id])
    return [row.id for row in marked]


def _columns(now_ms: int) -> dict[str, Any]:
    state, finish, error = INTERRUPTED
    return {"state": state, "finish": finish, **error_columns(error), "generator": "", "alive_at": None, "finished_at": now_ms}
