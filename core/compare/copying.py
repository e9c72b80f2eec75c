"""A candidate's conversation copied into the chat: read there, written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.chat import sending
from core.chat.base import making_in
from core.chat.sending import Moment
from core.compare.base import candidate_row, own
from core.errors import Conflict

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

_MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Copied:
    """A branch, oldest first: the columns of its messages, the parts and the images of each by the old ids."""

    conversation: Mapping[str, Any]
    messages: Sequence[Mapping[str, Any]]
    parts: Mapping[str, Sequence[Any]]
    images: Mapping[str, Sequence[str]]


def copy_of(uow: UnitOfWork, at: Moment, comparison_id: str, candidate_id: str) -> Copied:
    """What is to be copied. Raises NotFound, Conflict (generating, no_question)."""
    column = candidate_row(uow, at.owner_id, comparison_id, candidate_id)
    row = uow.conversations.get(at.owner_id, column.conversation_id)
    if row is None or row.leaf_id is None:
        raise Conflict(what="no_question")
    if making_in(uow, [row.id], at):
        raise Conflict(what="generating")
    branch = uow.messages.branch(at.owner_id, row.id, row.leaf_id, _MOST_MESSAGES)
    ids = [message.id for message in branch]
    about = {
        "title": own(uow, at.owner_id, comparison_id).title,
        "title_source": "user",
        "configuration_id": column.configuration_id,
        "model": row.model,
        "system_prompt": row.system_prompt,
    }
    shown = {message: [image.id for image in images] for message, images in uow.images.about_messages(ids).items()}
    return Copied(about, [dict(message._mapping) for message in branch], uow.messages.parts(ids), shown)


def keep_copy(uow: UnitOfWork, at: Moment, copied: Copied, new_id: Callable[[], str]) -> str:
    """Write the copy as a conversation of the chat, with ids of its own; its id."""
    conversation_id = new_id()
    ids = {str(message["id"]): new_id() for message in copied.messages}
    messages = [
        {**message, "id": ids[message["id"]], "conversation_id": conversation_id, "parent_id": ids.get(message["parent_id"])}
        for message in copied.messages
    ]
    last, count = messages[-1]["id"], len(messages)
    values = {**copied.conversation, "leaf_id": last, "message_count": count}
    uow.conversations.add(**sending.new_conversation(conversation_id, at, **values))
    uow.messages.add(*messages)
    for old, new in ids.items():
        uow.messages.add_parts(new, copied.parts.get(old, ()))
        uow.images.show_in_message(new, copied.images.get(old, ()))
    uow.changes.touch(at.owner_id, [conversation_id])
    return conversation_id
