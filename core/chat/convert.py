"""Rows of the database as the values that leave core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.chat.outcome import error_from
from core.chat.types import ConversationSummary, Message
from core.clock import from_ms, from_ms_or_none
from core.llm.events import Usage
from core.llm.images import ImageInfo


def summary(row: Any, *, generating: bool, shared: bool = False) -> ConversationSummary:
    """A row of conversations, of the owner's own."""
    return ConversationSummary(
        id=row.id,
        title=row.title,
        model=row.model,
        configuration_id=row.configuration_id,
        message_count=row.message_count,
        used_at=from_ms(row.used_at),
        created_at=from_ms(row.created_at),
        pinned=bool(row.pinned),
        deleted_at=from_ms_or_none(row.deleted_at),
        generating=generating,
        unread=row.unread,
        shared=shared,
    )


def shared_summary(row: Any, *, generating: bool) -> ConversationSummary:
    """A row of conversations with its owner's `nickname`, as a reader may see it: without what is the owner's alone."""
    own = summary(row, generating=generating)
    return replace(own, configuration_id=None, pinned=False, deleted_at=None, unread="", shared=True, owner=row.nickname)


def message(row: Any, content: str, reasoning: str) -> Message:
    """A row of messages (anything with its columns as attributes) with the text of its parts."""
    return Message(
        id=row.id,
        parent_id=row.parent_id,
        role=row.role,
        state=row.state,
        content=content,
        reasoning=reasoning,
        model=row.model,
        configuration_id=row.configuration_id,
        finish="" if row.state == "generating" else row.finish,
        error=error_from(row.error_code, row.error_fields),
        usage=usage(row),
        ttft_ms=row.ttft_ms,
        ttfa_ms=row.ttfa_ms,
        total_ms=row.total_ms,
        reasoning_ms=row.reasoning_ms,
        cost=Decimal(row.cost) if row.cost else None,
        currency=row.currency,
        created_at=from_ms(row.created_at),
        finished_at=from_ms_or_none(row.finished_at),
        provider_id=row.provider_id,
    )


def usage(row: Any) -> Usage | None:
    if row.input_tokens is None or row.output_tokens is None:
        return None
    return Usage(row.input_tokens, row.output_tokens, row.reasoning_tokens, exact=bool(row.usage_exact))


def messages(rows: Iterable[Any], parts: Mapping[str, Sequence[Any]], shown: Mapping[str, Sequence[Any]]) -> tuple[Message, ...]:
    """Rows with the parts and the images of each, as `MessageRepository.parts` and `ImageRepository.about_messages` give them."""
    made = (message(row, *texts(parts.get(row.id, ()))) for row in rows)
    return tuple(replace(each, images=images(shown[each.id])) if each.id in shown else each for each in made)


def images(rows: Iterable[Any]) -> tuple[ImageInfo, ...]:
    """Rows of images, with or without their bytes."""
    return tuple(ImageInfo(row.id, row.media_type, row.size, row.width, row.height) for row in rows)


def texts(parts: Sequence[Any]) -> tuple[str, str]:
    """Answer and reasoning of a message's parts."""
    content = "".join(part.content for part in parts if part.kind == "text")
    return content, "".join(part.content for part in parts if part.kind == "reasoning")
