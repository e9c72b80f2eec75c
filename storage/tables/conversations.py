"""Conversations: a tree of messages, each with parts; drafts, shares and the place of reading beside it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class Conversation(SQLModel, table=True):
    """`leaf_id` is the last message of the branch in sight; its ancestors are that branch.

    `kind`: "" for the chat; "compare" for a candidate of a comparison, which the chat does not know. `title_source`: fallback, model
    or user (a title given by a person is never replaced). `deleted_at` set: in the trash.
    `unread`: how an answer ended that its owner has not seen (a state of Message), "" if there is none. `changed`: the owner's count of
    changes (ChatChange) when this conversation changed last.
    """

    __tablename__ = "conversations"
    # In the order of the list (pinned first, then last used), so that a page of it is read from the index and never sorted.
    __table_args__ = (
        Index("ix_conversations_list", "owner_id", "kind", "deleted_at", "pinned", "used_at", "id"),
        Index("ix_conversations_changed", "owner_id", "changed"),
    )

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    kind: str = Field(default="", max_length=8)
    title: str = Field(default="", sa_type=exact(200))
    title_source: str = Field(default="fallback", max_length=8)
    configuration_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    model: str = Field(default="", sa_type=exact(200))
    system_prompt: str = text()
    leaf_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    message_count: int = 0
    pinned: bool = False
    archived_at: int | None = moment(null=True)
    deleted_at: int | None = moment(null=True)
    created_at: int = moment()
    used_at: int = moment()
    unread: str = Field(default="", max_length=12)
    changed: int = Field(default=0, sa_type=BigInteger, nullable=False)


class Message(SQLModel, table=True):
    """A node of the tree. `depth` is 0 for a root and its parent's plus one: the tail of a branch is read by depth.

    `role`: user or assistant. `state`: complete, stopped, truncated, failed, generating. `generator` names the process that
    makes it ("host/boot/pid/start"), `alive_at` when that process last saved: how an answer cut off by a crash is told.
    Figures are in tokens and milliseconds; `cost` is decimal text in `currency`.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_conversation_id_depth", "conversation_id", "depth"),
        Index("ix_messages_state", "state", "conversation_id"),
    )

    id: str = primary_key()
    conversation_id: str = reference("conversations.id", index=False)
    parent_id: str | None = Field(default=None, sa_type=KeyText, nullable=True, index=True)
    depth: int = 0
    role: str = Field(max_length=12)
    state: str = Field(default="complete", max_length=12)
    configuration_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    model: str = Field(default="", sa_type=exact(200))
    provider_id: str = Field(default="", sa_type=KeyText)
    finish: str = Field(default="", max_length=16)
    error_code: str = Field(default="", max_length=40)
    error_fields: str = text()
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    usage_exact: bool = False
    ttft_ms: int | None = None
    ttfa_ms: int | None = None
    total_ms: int | None = None
    reasoning_ms: int | None = None
    cost: str = Field(default="", max_length=32)
    currency: str = Field(default="", max_length=8)
    generator: str = Field(default="", max_length=160)
    alive_at: int | None = moment(null=True)
    created_at: int = moment()
    finished_at: int | None = moment(null=True)


class MessagePart(SQLModel, table=True):
    """A piece of a message, in order. `kind`: text or reasoning (attachments later)."""

    __tablename__ = "message_parts"

    message_id: str = reference("messages.id", primary=True)
    ordinal: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(max_length=16)
    content: str = text()


class Draft(SQLModel, table=True):
    """What somebody typed and did not send. `conversation_id` is "" for a conversation that does not exist yet."""

    __tablename__ = "drafts"

    owner_id: str = reference("users.id", primary=True)
    conversation_id: str = Field(default="", sa_type=KeyText, primary_key=True)
    content: str = text()
    updated_at: int = moment()


class ConversationShare(SQLModel, table=True):
    """Somebody may read a conversation. `reader_id` is "" for everyone of the installation, so it is no foreign key.

    `changed`: the reader's count of changes (ChatChange) when the conversation changed last.
    """

    __tablename__ = "conversation_shares"
    __table_args__ = (Index("ix_conversation_shares_reader_id_changed", "reader_id", "changed"),)

    conversation_id: str = reference("conversations.id", primary=True)
    reader_id: str = Field(default="", sa_type=KeyText, primary_key=True)
    changed: int = Field(default=0, sa_type=BigInteger, nullable=False)
    created_at: int = moment()


class ChatChange(SQLModel, table=True):
    """How often something changed in what an account sees of the chat: what other processes look at, once a second.

    A count and not a time, so that no clock can hide a change. `user_id` is "" for what is shared with everyone.
    """

    __tablename__ = "chat_changes"

    user_id: str = Field(default="", sa_type=KeyText, primary_key=True)
    counted: int = Field(default=0, sa_type=BigInteger, nullable=False)


class ReadingPlace(SQLModel, table=True):
    """Where an account was when it was last at the application. `place` is JSON, written by core/chat/places.py."""

    __tablename__ = "reading_places"

    user_id: str = reference("users.id", primary=True)
    place: str = text()
    updated_at: int = moment()
