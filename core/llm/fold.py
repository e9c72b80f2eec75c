"""The events of an answer, added up."""

from __future__ import annotations

from core.llm.events import (
    Finished,
    FinishReason,
    ReasoningCut,
    ReasoningDelta,
    ReasoningRegrouped,
    StreamEvent,
    TextDelta,
    Usage,
)


class AnswerFold:
    """Apply every event of `ChatModel.stream()` in order; then text, reasoning, usage, finish and cut are the answer so far.

    `regrouped` counts how often text turned out to be reasoning: whoever shows deltas must start anew when it grows.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.cut = False
        self.regrouped = 0

    @property
    def text(self) -> str:
        """The answer so far, without reasoning."""
        return _joined(self._text)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return _joined(self._reasoning)

    @property
    def finished(self) -> bool:
        """Whether the provider ended the answer properly."""
        return self.finish is not None

    @property
    def started(self) -> bool:
        """Whether anything came that a person can read."""
        return bool(self._text or self._reasoning)

    def apply(self, event: StreamEvent) -> None:
        """Add one event."""
        if isinstance(event, TextDelta):
            self._text.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self._reasoning.append(event.text)
        elif isinstance(event, ReasoningRegrouped):
            self._reasoning.append(event.text)
            self._text.clear()
            self.regrouped += 1
        elif isinstance(event, ReasoningCut):
            self.cut = True
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Finished):
            self.finish = event.reason


def _joined(parts: list[str]) -> str:
    """All parts as one text; kept joined, so that asking often costs little."""
    if len(parts) > 1:
        parts[:] = ["".join(parts)]
    return parts[0] if parts else ""
