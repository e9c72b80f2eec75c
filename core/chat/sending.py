"""What is written when a question is sent, an answer is retried or continued: each one short unit of work, closed before the network."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.chat import recovery, titles
from core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from core.models.types import ReadyModel
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Moment:
    """When it happens, who does it, and which answers this process makes already."""

    owner_id: str
    generator: str
    now_ms: int
    ours: Container[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom the answer will be made: the configuration, or what is known of one that cannot be asked."""

    configuration_id: str | None
    model: str
    provider_id: str

    @classmethod
    def of(cls, ready: ReadyModel) -> Asked:
        return cls(ready.configuration_id or None, ready.model, ready.provider_id)


def free_conversation(uow: UnitOfWork, at: Moment, conversation_id: str) -> Any:
    """The row of a conversation in which an answer may begin, locked. Raises NotFound; Conflict (in_trash, generating)."""
    row = uow.conversations.lock(at.owner_id, conversation_id)
    if row is None:
        raise NotFound(kind="conversation", reference=conversation_id)
    if row.deleted_at is not None:
        raise Conflict(what="in_trash")
    busy = uow.messages.generating([conversation_id])
    gone = recovery.mark_lost(uow, recovery.lost(busy, ours=at.ours, now_ms=at.now_ms), at.now_ms)
    if len(gone) < len(busy):
        raise Conflict(what="generating")
    return row


def new_conversation(conversation_id: str, at: Moment, **values: Any) -> dict[str, Any]:
    """The columns of a new conversation."""
    blank: dict[str, Any] = {
        "kind": "",
        "title": "",
        "title_source": "fallback",
        "configuration_id": None,
        "model": "",
        "system_prompt": "",
        "leaf_id": None,
    }
    blank |= {"message_count": 0, "pinned": False, "archived_at": None, "deleted_at": None, "unread": "", "changed": 0}
    return {"id": conversation_id, "owner_id": at.owner_id, "created_at": at.now_ms, "used_at": at.now_ms, **blank, **values}


def new_message(message_id: str, conversation_id: str, at: Moment, **values: Any) -> dict[str, Any]:
    """The columns of a message, all of them."""
    blank: dict[str, Any] = dict.fromkeys(
        (
            "parent_id", "configuration_id", "input_tokens", "output_tokens", "reasoning_tokens", "ttft_ms", "ttfa_ms", "total_ms",
            "reasoning_ms", "alive_at", "finished_at",
        )
    )  # fmt: skip
    blank |= dict.fromkeys(("model", "provider_id", "finish", "error_code", "error_fields", "cost", "currency", "generator"), "")
    blank |= {"depth": 0, "state": "complete", "usage_exact": False}
    return {**blank, "id": message_id, "conversation_id": conversation_id, "created_at": at.now_ms, **values}


def add_question(
    uow: UnitOfWork, at: Moment, conversation: Any, question_id: str, answer_id: str, text: str, asked: Asked, system: str | None
) -> dict[str, Any]:
    """Save a question with the place of its answer; the draft is sent, so it goes. Returns the columns of the answer."""
    from storage.repositories.messages import Part

    parent = uow.messages.find(at.owner_id, conversation.leaf_id) if conversation.leaf_id else None
    depth = 0 if parent is None else parent.depth + 1
    place = {"parent_id": None if parent is None else parent.id, "depth": depth}
    question = new_message(question_id, conversation.id, at, role="user", finished_at=at.now_ms, **place)
    answer = new_answer(answer_id, conversation.id, at, question_id, depth + 1, asked)
    uow.messages.add(question, answer)
    uow.messages.add_parts(question_id, [Part(0, "text", text)])
    changes: dict[str, Any] = {} if system is None else {"system_prompt": system}
    if not conversation.title:
        changes["title"] = titles.fallback(text)
    _take_note(uow, at, conversation, answer_id, asked, message_count=conversation.message_count + 2, **changes)
    uow.drafts.remove(at.owner_id, conversation.id)
    return answer


def add_answer(
    uow: UnitOfWork, at: Moment, conversation: Any, answer_id: str, question_id: str, depth: int, asked: Asked
) -> dict[str, Any]:
    """Save the place of another answer to a question, and make it the end of the branch in sight. Returns its columns."""
    answer = new_answer(answer_id, conversation.id, at, question_id, depth, asked)
    uow.messages.add(answer)
    _take_note(uow, at, conversation, answer_id, asked, message_count=conversation.message_count + 1)
    return answer


def new_answer(answer_id: str, conversation_id: str, at: Moment, question_id: str, depth: int, asked: Asked) -> dict[str, Any]:
    """The columns of an answer that is being made."""
    return new_message(answer_id, conversation_id, at, parent_id=question_id, depth=depth, role="assistant", **being_made(at, asked))


def _take_note(uow: UnitOfWork, at: Moment, conversation: Any, answer_id: str, asked: Asked, **changes: Any) -> None:
    """Tell the conversation of its newest answer."""
    uow.conversations.change(
        at.owner_id,
        conversation.id,
        leaf_id=answer_id,
        configuration_id=asked.configuration_id or conversation.configuration_id,
        model=asked.model or conversation.model,
        used_at=at.now_ms,
        unread="",
        **changes,
    )
    uow.changes.touch(at.owner_id, [conversation.id])


def begin_again(uow: UnitOfWork, at: Moment, row: Any, asked: Asked) -> dict[str, Any]:
    """Mark the answer `row` as being made again, its text kept. Returns its columns."""
    changes = {**being_made(at, asked), "finish": "", "error_code": "", "error_fields": "", "finished_at": None}
    uow.messages.change(row.id, **changes)
    uow.conversations.change(at.owner_id, row.conversation_id, used_at=at.now_ms, unread="")
    uow.changes.touch(at.owner_id, [row.conversation_id])
    return {**row._asdict(), **changes}


def being_made(at: Moment, asked: Asked) -> dict[str, Any]:
    """The columns that say who makes an answer, and with what."""
    made_by = {"configuration_id": asked.configuration_id, "model": asked.model, "provider_id": asked.provider_id}
    return {"state": "generating", "generator": at.generator, "alive_at": at.now_ms, **made_by}
