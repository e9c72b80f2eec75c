"""The figures of one answer: when its first tokens came, how long it thought, what it used and cost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.llm.events import ReasoningDelta, ReasoningRegrouped, StreamEvent, TextDelta, Usage
from core.llm.request import ChatRequest

if TYPE_CHECKING:
    from core.models.types import ReadyModel

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Stopwatch:
    """Moments of an answer, from `monotonic` seconds; read as milliseconds since the request. Reasoning may come in several stretches."""

    monotonic: Callable[[], float]
    started: float
    first: float | None = None
    first_answer: float | None = None
    ended: float | None = None
    _thinking_since: float | None = None
    _thought: float = 0.0

    def reasoning(self) -> None:
        """A token of reasoning came."""
        now = self.monotonic()
        self.first = now if self.first is None else self.first
        if self._thinking_since is None:
            self._thinking_since = now

    def take(self, event: StreamEvent) -> None:
        """An event of a stream came; those that are neither reasoning nor answer take no time of their own."""
        if isinstance(event, TextDelta):
            self.answer()
        elif isinstance(event, ReasoningDelta):
            self.reasoning()
        elif isinstance(event, ReasoningRegrouped):
            self.regrouped()

    def answer(self) -> None:
        """A token of the answer came."""
        if self.first_answer is not None and self._thinking_since is None:
            return
        now = self.monotonic()
        self.first = now if self.first is None else self.first
        self.first_answer = now if self.first_answer is None else self.first_answer
        self._stop_thinking(now)

    def regrouped(self) -> None:
        """All that came was reasoning, up to now."""
        now = self.monotonic()
        self.first = now if self.first is None else self.first
        self.first_answer, self._thinking_since, self._thought = None, None, now - self.first

    def end(self) -> None:
        self.ended = self.monotonic()
        self._stop_thinking(self.ended)

    def _stop_thinking(self, now: float) -> None:
        if self._thinking_since is not None:
            self._thought += now - self._thinking_since
            self._thinking_since = None

    def _since_start(self, moment: float | None) -> int | None:
        return None if moment is None else max(0, round((moment - self.started) * 1000))

    @property
    def ttft_ms(self) -> int | None:
        return self._since_start(self.first)

    @property
    def ttfa_ms(self) -> int | None:
        return self._since_start(self.first_answer)

    @property
    def elapsed_ms(self) -> int:
        return self._since_start(self.ended if self.ended is not None else self.monotonic()) or 0

    @property
    def reasoning_ms(self) -> int | None:
        """Time spent thinking; None if it never did."""
        return round(self._thought * 1000) if self._thought or self._thinking_since is not None else None


def estimated(request: ChatRequest, content: str, reasoning: str) -> Usage:
    """Token counts of ours, for a provider that sent none. Slow for long texts: call it in a thread."""
    from core.llm.tokens import MESSAGE_OVERHEAD, estimate_tokens

    texts: Sequence[str] = (*(turn.content for turn in request.turns), *((request.system,) if request.system else ()))
    thought = estimate_tokens(reasoning)
    return Usage(
        input_tokens=sum(estimate_tokens(text) + MESSAGE_OVERHEAD for text in texts),
        output_tokens=estimate_tokens(content) + thought,
        reasoning_tokens=thought or None,
        exact=False,
    )


def added(before: Usage | None, now: Usage | None) -> Usage | None:
    """The usage of an answer that was continued: both requests were paid for."""
    if before is None or now is None:
        return before or now
    thought = None if before.reasoning_tokens is None and now.reasoning_tokens is None else 0
    if thought is not None:
        thought = (before.reasoning_tokens or 0) + (now.reasoning_tokens or 0)
    exact = before.exact and now.exact
    return Usage(before.input_tokens + now.input_tokens, before.output_tokens + now.output_tokens, thought, exact)


async def price(ready: ReadyModel, usage: Usage) -> tuple[Decimal | None, str]:
    """What `usage` costs and in which currency; (None, "") where it is not known. Never fails: a price is not worth an answer."""
    try:
        return await asyncio.to_thread(_price, ready, usage)
    except Exception:
        log.exception("the price of an answer could not be told")
        return None, ""


def _price(ready: ReadyModel, usage: Usage) -> tuple[Decimal | None, str]:
    from core.llm import pricing

    return pricing.cost(ready.provider_id, ready.model, usage, endpoint=ready.endpoint)
