"""Asking a model and adding up what it says, errors included."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from core.errors import ProviderError
from core.llm.events import Finished, FinishReason, Usage
from core.llm.fold import AnswerFold
from core.llm.request import ChatModel, ChatRequest


@dataclass(frozen=True)
class Outcome:
    """Everything that came, and the error that ended it, if one did."""

    text: str
    reasoning: str
    cut: bool
    usage: Usage | None
    finish: FinishReason | None
    error: ProviderError | None

    @property
    def problem(self) -> ProviderError:
        assert self.error is not None, self
        return self.error


async def ask(model: ChatModel, request: ChatRequest) -> Outcome:
    fold = AnswerFold()
    error = None
    usages = 0
    try:
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                assert fold.finish is None, "nothing may follow Finished"
                usages += isinstance(event, Usage)
                fold.apply(event)
                assert isinstance(event, Finished) == (fold.finish is not None)
    except ProviderError as problem:
        error = problem
    assert usages <= 1
    assert (error is None) == (fold.finish is not None), "an answer ends with Finished or with an error"
    return Outcome(fold.text, fold.reasoning, fold.cut, fold.usage, fold.finish, error)
