"""What the chat service hands out: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from core.errors import ModeltrainError
from core.llm.events import Usage
from core.llm.images import ImageInfo

Role = Literal["user", "assistant"]
#: `stopped`: by the person. `truncated`: the stream broke or a limit was reached; what came is kept. `failed`: the provider refused.
MessageState = Literal["complete", "stopped", "truncated", "failed", "generating"]
#: "" while it is being made, and for questions. `truncated` and `error`: see Message.error for the cause.
Finish = Literal["", "stop", "length", "content_filter", "tool_calls", "stopped", "truncated", "error"]

#: When less than this share of the whole time lies after the first token, everything came at once (not streamed).
_AT_ONCE = 0.05


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One row of the list. `model`: the one that answered last. `message_count` counts every branch.

    `unread`: how an answer ended that its owner has not seen, "" if there is none. `shared`: somebody else may read it. `owner`: the
    nickname of its owner, where it is somebody else's; it can only be read then.
    """

    id: str
    title: str
    model: str
    configuration_id: str | None
    message_count: int
    used_at: datetime
    created_at: datetime
    pinned: bool = False
    deleted_at: datetime | None = None
    generating: bool = False
    unread: MessageState | Literal[""] = ""
    shared: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A question or an answer. `content` and `reasoning` are raw: sanitise before drawing. Times in milliseconds.

    `ttft_ms`: to the first token of any kind; `ttfa_ms`: to the first token of the answer proper. `error`: why the answer is
    failed or truncated, None where it needs no cause (the token limit: `finish` is "length"). `images`: what a question shows.
    """

    id: str
    parent_id: str | None
    role: Role
    state: MessageState
    content: str
    reasoning: str
    model: str
    configuration_id: str | None
    finish: Finish
    error: ModeltrainError | None
    usage: Usage | None
    ttft_ms: int | None
    ttfa_ms: int | None
    total_ms: int | None
    reasoning_ms: int | None
    cost: Decimal | None
    currency: str
    created_at: datetime
    finished_at: datetime | None
    provider_id: str = ""
    images: tuple[ImageInfo, ...] = ()

    @property
    def reasoning_cut(self) -> bool:
        """The reasoning led to no answer: it ended while the model was still thinking."""
        return bool(self.reasoning) and not self.content and self.state != "generating"

    @property
    def can_continue(self) -> bool:
        """Whether `Chat.continue_answer` has something to add to."""
        return self.role == "assistant" and bool(self.content) and self.state in ("stopped", "truncated", "failed")

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens over the time in which they were made, or None where it cannot be said.

        Output tokens include reasoning, so the window begins with the first token of any kind, never with the first answer
        token. Reasoning that was counted but not shown, and an answer that came in one piece, were made before the first token.
        """
        if self.usage is None or self.total_ms is None or self.ttft_ms is None or self.usage.output_tokens < 2:
            return None
        window = self.total_ms - self.ttft_ms
        hidden = bool(self.usage.reasoning_tokens) and not self.reasoning
        if hidden or window <= self.total_ms * _AT_ONCE:
            return self.usage.output_tokens * 1000 / self.total_ms if self.total_ms > 0 else None
        return (self.usage.output_tokens - 1) * 1000 / window


@dataclass(frozen=True, slots=True)
class ConversationView:
    """An open conversation: the tail of the branch in sight, oldest first, and how many `earlier` messages are before it."""

    summary: ConversationSummary
    system_prompt: str
    messages: tuple[Message, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class Share:
    """Who may read a conversation: the account called `nickname`, or everyone (both texts are "" then), since when."""

    reader_id: str
    nickname: str
    since: datetime

    @property
    def everyone(self) -> bool:
        return not self.reader_id


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `total` is the length of the whole."""

    items: tuple[ConversationSummary, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A question that is saved, and the answer that is being made to it: hand `answer_id` to `Chat.watch`."""

    conversation_id: str
    question_id: str
    answer_id: str


@dataclass(frozen=True, slots=True)
class AnswerUpdate:
    """What is new since the last update. Folding all updates gives exactly the saved message.

    `text` and `reasoning` are appended to what the watcher has, or replace all of it where `reset`. `message` is set in the last
    update only. `error` says that the answer could not be saved yet (a StorageError); it is in memory and will be tried again.
    A last update with `error` set: it never could be saved.
    """

    message_id: str
    state: MessageState
    text: str = ""
    reasoning: str = ""
    reset: bool = False
    message: Message | None = None
    error: ModeltrainError | None = field(default=None)
    ttft_ms: int | None = None
    ttfa_ms: int | None = None
    elapsed_ms: int = 0
