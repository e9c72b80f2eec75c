"""Who may read a conversation, and what of it: its owner all, a reader it is shared with no more than was said in it (C11).

A reader sees no system prompt, no draft, no configuration, provider, cost, and of an error only what kind it is: its fields may name
the owner's endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.chat import convert
from core.chat.types import ConversationSummary, Message
from core.errors import ModeltrainError, NotFound

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Sight:
    """A conversation (`row`) as somebody may see it. `own`: it is theirs."""

    row: Any
    own: bool

    @property
    def owner_id(self) -> str:
        return str(self.row.owner_id)

    @property
    def system_prompt(self) -> str:
        return str(self.row.system_prompt) if self.own else ""

    def summary(self, uow: UnitOfWork, *, generating: bool) -> ConversationSummary:
        if self.own:
            return convert.summary(self.row, generating=generating, shared=bool(uow.shares.shared([self.row.id])))
        return convert.shared_summary(self.row, generating=generating)

    def messages(self, uow: UnitOfWork, rows: Sequence[Any]) -> tuple[Message, ...]:
        ids = [row.id for row in rows]
        found = convert.messages(rows, uow.messages.parts(ids), uow.images.about_messages(ids))
        return found if self.own else tuple(for_readers(message) for message in found)


def sight_of(
    uow: UnitOfWork, reader_id: str, conversation_id: str, *, trash: bool, kind: str = "conversation", reference: str | None = None
) -> Sight:
    """What `reader_id` sees of the conversation. NotFound, of this kind and reference, where it is nothing: unknown or not shared."""
    own = uow.conversations.get(reader_id, conversation_id)
    if own is not None and (own.deleted_at is None or trash):
        return Sight(own, own=True)
    shared = uow.shares.readable(reader_id, conversation_id) if own is None else None
    if shared is None:
        raise NotFound(kind=kind, reference=conversation_id if reference is None else reference)
    return Sight(shared, own=False)


def for_readers(message: Message) -> Message:
    """`message` without what is its owner's alone."""
    error = None if message.error is None else bare(message.error)
    return replace(message, configuration_id=None, provider_id="", cost=None, currency="", error=error)


def bare(error: ModeltrainError) -> ModeltrainError:
    """An error of the same kind that says nothing more."""
    try:
        return type(error)()
    except TypeError:  # one that cannot be without its fields
        return ModeltrainError()
