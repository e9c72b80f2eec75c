"""Messages of the chat service as the transcript shows them: head, figures, reasoning line, notices. All sentences are made here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from core.chat.types import AnswerUpdate, Message
from core.llm.tokens import TokenCounter, estimate_tokens
from tui import moments
from tui.amounts import money as money
from tui.amounts import seconds as seconds
from tui.errors import describe
from tui.i18n import _, ngettext
from tui.image_words import with_images
from tui.widgets.transcript import MessageView, Notice

RETRY_KEY, CONTINUE_KEY = "Ctrl+R", "Alt+C"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a view depends on beside the message: who asked, the time, the time zone; `own`: whether it is the reader's to go on with."""

    nickname: str
    now: datetime
    zone: tzinfo | None
    own: bool = True


def figures(message: Message) -> tuple[str, ...]:
    """Time to the first token, speed, tokens, cost: what is known. ~ marks our own estimates."""
    parts: list[str] = []
    about = "~" if message.usage is not None and not message.usage.exact else ""
    if message.ttft_ms is not None:
        parts.append(_("{time} to first").format(time=seconds(message.ttft_ms)))
    if (speed := message.tokens_per_second) is not None:
        parts.append(_("{speed} tok/s").format(speed=f"{about}{speed:.0f}" if speed >= 10 else f"{about}{speed:.1f}"))
    if message.usage is not None:
        counts = {"input": f"{about}{message.usage.input_tokens:,}", "output": f"{about}{message.usage.output_tokens:,}"}
        parts.append(_("{input} in, {output} out").format(**counts))
    if message.cost is not None:
        parts.append((about if message.cost else "") + money(message.cost, message.currency))
    elif message.total_ms is not None:
        parts.append(_("{time} in all").format(time=seconds(message.total_ms)))
    return tuple(parts)


def _tokens(count: int, about: str) -> str:
    return ngettext("{about}{count} token", "{about}{count} tokens", count).format(about=about, count=f"{count:,}")


def thought(message: Message) -> str:
    """The line that stands for the reasoning of a finished answer."""
    if not message.reasoning:
        return ""
    known = message.usage.reasoning_tokens if message.usage is not None and message.usage.exact else None
    tokens = _tokens(known, "") if known else _tokens(estimate_tokens(message.reasoning), "~")
    if message.reasoning_ms is None:
        return _("Thought, {tokens}").format(tokens=tokens)
    if message.reasoning_cut and message.state != "stopped":
        return _("Thought for {time}, {tokens}; it led to no answer").format(time=seconds(message.reasoning_ms), tokens=tokens)
    return _("Thought for {time}, {tokens}").format(time=seconds(message.reasoning_ms), tokens=tokens)


def notice(message: Message, *, own: bool = True) -> Notice | None:
    """What to say under an answer that is not whole, with its remedy and keys; no keys where it is somebody else's (not `own`)."""
    if message.role == "user" or message.state == "generating":
        return None
    found = _notice(message, own)
    return replace(found, keys=()) if found is not None and not own else found


def _notice(message: Message, own: bool) -> Notice | None:
    keys: tuple[tuple[str, str], ...] = ((RETRY_KEY, _("retry")),)
    if message.can_continue:
        keys = ((CONTINUE_KEY, _("continue")), *keys)
    if message.state == "stopped" and not own:
        return Notice("stopped", _("Stopped. What came is kept."), keys)
    if message.state == "stopped":
        return Notice("stopped", _("Stopped by you. What came is kept.") if message.content else _("Stopped by you."), keys)
    if message.error is not None:
        return Notice("bad" if message.state == "failed" else "warn", describe(message.error).sentence, keys)
    if message.finish == "length":
        return Notice(
            "warn", _("Cut off: the limit of tokens was reached. Let it continue, or raise the limit in the configuration."), keys
        )
    if message.finish == "content_filter":
        return Notice("warn", _("The provider's content filter ended this answer."), keys)
    if message.state == "truncated":
        return Notice("warn", _("The answer broke off. What came is kept."), keys)
    return None


def view_of(message: Message, scene: Scene) -> MessageView:
    """A saved message."""
    if message.role == "user":
        stamp = moments.short(message.created_at, scene.now, scene.zone)
        return MessageView(message.id, "user", scene.nickname, with_images(message.content, message.images), stamp=stamp)
    return MessageView(
        message.id,
        "assistant",
        message.model,
        message.content,
        reasoning=message.reasoning,
        reasoning_label=thought(message),
        figures=figures(message),
        stamp=moments.short(message.created_at, scene.now, scene.zone),
        notice=notice(message, own=scene.own),
    )


@dataclass
class LiveAnswer:
    """An answer that is being made: folds the updates of `Chat.watch` into views."""

    id: str
    model: str
    content: str = ""
    reasoning: str = ""
    elapsed_ms: int = 0
    ttft_ms: int | None = None
    ttfa_ms: int | None = None
    problem: str = ""
    #: Whether the screen is behind: frames are left out where the link is slow.
    undrawn: bool = False
    _at: float = 0.0
    _thinking: TokenCounter = field(default_factory=TokenCounter)

    def take(self, update: AnswerUpdate, at: float = 0.0) -> None:
        """Fold one update in, which came `at` these monotonic seconds."""
        self._at = at - update.elapsed_ms / 1000
        if update.reset:
            self.content, self.reasoning, self._thinking = "", "", TokenCounter()
        self.content += update.text
        self.reasoning += update.reasoning
        if update.reasoning:
            self._thinking.add(update.reasoning)
        self.elapsed_ms, self.ttft_ms, self.ttfa_ms = update.elapsed_ms, update.ttft_ms, update.ttfa_ms
        self.problem = describe(update.error).sentence if update.error is not None else ""

    def tick(self, at: float) -> bool:
        """Let the seconds go on to `at`; whether the view shows them."""
        self.elapsed_ms = max(self.elapsed_ms, round((at - self._at) * 1000))
        return bool(self._at) and not self.content

    def view(self) -> MessageView:
        """The answer as it is now."""
        view = MessageView(
            self.id, "assistant", self.model, self.content, reasoning=self.reasoning, reasoning_label=self._label(), live=True
        )
        if self.problem:
            return replace(view, notice=Notice("warn", self.problem))
        if not self.content and not self.reasoning:
            return replace(view, waiting=_("Waiting for the first token, {time}").format(time=_whole_seconds(self.elapsed_ms)))
        return view

    def _label(self) -> str:
        if not self.reasoning:
            return ""
        tokens = _tokens(self._thinking.tokens, "~")
        begun = self.ttft_ms or 0
        if self.content:
            return _("Thought for {time}, {tokens}").format(time=seconds((self.ttfa_ms or self.elapsed_ms) - begun), tokens=tokens)
        return _("Thinking {time}, {tokens}…").format(time=_whole_seconds(self.elapsed_ms - begun), tokens=tokens)


def _whole_seconds(milliseconds: int) -> str:
    return _("{seconds} s").format(seconds=max(0, milliseconds) // 1000)
