"""An answer while it comes: wire formats tell it text, reasoning, usage and the end; it makes the events of core/llm/events.py."""

from __future__ import annotations

import re
from typing import Any

from core.llm.events import Finished, FinishReason, ReasoningDelta, ReasoningRegrouped, StreamEvent, Usage
from core.llm.profiles import Profile
from core.llm.reasoning import ReasoningSplitter
from core.llm.request import ChatRequest
from core.llm.tokens import MESSAGE_OVERHEAD, TokenCounter, estimate_tokens

#: The longest answer that is accepted, reasoning included, in bytes of UTF-8.
ANSWER_LIMIT = 8 * 1024 * 1024
_ODD = re.compile("[\x00\ud800-\udfff]")


class AnswerTooLong(Exception):
    """`limit`: bytes that an answer may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is longer than {limit} bytes")
        self.limit = limit


class TextMender:
    """Joins surrogate pairs that were split between two deltas; what can never be stored (NUL, lone surrogates) becomes U+FFFD."""

    def __init__(self) -> None:
        self._high = ""

    def mend(self, text: str) -> str:
        if self._high:
            text, self._high = self._high + text, ""
        if text.isascii():
            return text.replace("\x00", "\ufffd") if "\x00" in text else text
        if not _ODD.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return joined.replace("\x00", "\ufffd")

    def close(self) -> str:
        rest, self._high = self._high, ""
        return "\ufffd" if rest else ""


class Answer:
    """Collects events; `take` them after every chunk. At the end call `complete`, or `broken` when an error ended it."""

    def __init__(self, request: ChatRequest, profile: Profile, limit: int = ANSWER_LIMIT) -> None:
        self._request = request
        self._splitter = ReasoningSplitter(profile)
        self._limit = limit
        self._size = 0
        self._events: list[StreamEvent] = []
        self._text = TextMender()
        self._thought = TextMender()
        self._counts: dict[str, int] = {}
        self._written = TokenCounter()
        self._reasoned = TokenCounter()
        self.finish: FinishReason | None = None
        self.started = False

    def text(self, text: str) -> None:
        """More content, which may hold reasoning tags. Raises AnswerTooLong."""
        text = self._text.mend(text)
        if text:
            self._count(text)
            self._events += self._splitter.feed(text)

    def reasoning(self, text: str) -> None:
        """More of what the provider itself calls reasoning. Raises AnswerTooLong."""
        text = self._thought.mend(text)
        if text:
            self._count(text)
            self._splitter.reasoning_came_apart()
            self._events.append(ReasoningDelta(text))

    def usage(self, *, input_tokens: Any = None, output_tokens: Any = None, reasoning_tokens: Any = None) -> None:
        """Counts that the provider sent; a later one replaces an earlier one. Whatever is no count is ignored.

        So is 0 for a question or for an answer that came: some servers send zeros instead of counts.
        """
        given = {"input": input_tokens, "output": output_tokens, "reasoning": reasoning_tokens}
        self._counts.update({name: count for name, value in given.items() if (count := as_count(value)) is not None})

    def finished(self, reason: FinishReason) -> None:
        """The provider said why the answer ends."""
        self.finish = reason

    def take(self) -> list[StreamEvent]:
        """The events since the last call."""
        events, self._events = self._events, []
        for event in events:
            if type(event) is ReasoningDelta or type(event) is ReasoningRegrouped:
                self._reasoned.add(event.text)
        return events

    def complete(self) -> list[StreamEvent]:
        """The last events of an answer that ended properly."""
        return [*self.broken(), Finished(self.finish or "stop")]

    def broken(self) -> list[StreamEvent]:
        """The last events of an answer that an error ended: all text that was held back, and the usage if anything came."""
        rest = self._thought.close()
        if rest:
            self._events.append(ReasoningDelta(rest))
        self._events += self._splitter.feed(self._text.close())
        self._events += self._splitter.close()
        events = self.take()
        if self.started or self._counts or self.finish:
            events.append(self._usage())
        return events

    def _count(self, text: str) -> None:
        self.started = True
        self._written.add(text)
        self._size += len(text) if text.isascii() else len(text.encode())
        if self._size > self._limit:
            raise AnswerTooLong(self._limit)

    def _usage(self) -> Usage:
        """The provider's counts; what it did not send is estimated, and then all of it counts as an estimate."""
        counts = {name: count for name, count in self._counts.items() if count or (name != "input" and not self.started)}
        exact = "input" in counts and "output" in counts
        reasoned = self._counts.get("reasoning")
        if reasoned is None and not exact and self._reasoned.tokens:
            reasoned = self._reasoned.tokens
        return Usage(
            input_tokens=counts["input"] if "input" in counts else _question_tokens(self._request),
            output_tokens=counts.get("output", self._written.tokens),
            reasoning_tokens=reasoned,
            exact=exact,
        )


def _question_tokens(request: ChatRequest) -> int:
    texts = [turn.content for turn in request.turns]
    if request.system:
        texts.append(request.system)
    return sum(estimate_tokens(text) + MESSAGE_OVERHEAD for text in texts)


def as_count(value: Any) -> int | None:
    """`value` as a count of tokens, or None for what is none (null, text, a negative or broken number, a boolean)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not value.is_integer():  # also NaN and the infinities
            return None
        value = int(value)
    return value if 0 <= value < 2**53 else None
