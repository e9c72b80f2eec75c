"""What a model's answer is made of, as plain values: the only thing between a wire format and the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning text, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningRegrouped:
    """A closing tag came without an opener: all answer text so far was reasoning. `text` is that text, whole."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningCut:
    """The stream ended while a reasoning tag was open."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts. `output_tokens` includes reasoning; `reasoning_tokens` is None where the provider does not say.

    `exact` is False when the counts are our estimate (core/llm/tokens.py) because the provider sent none.
    """

    input_tokens: int
    output_tokens: int
    reasoning_tokens: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Finished:
    """The provider ended the answer properly. Always the last event; an answer without it raised StreamTruncated."""

    reason: FinishReason


StreamEvent = ReasoningDelta | ReasoningRegrouped | ReasoningCut | TextDelta | Usage | Finished
