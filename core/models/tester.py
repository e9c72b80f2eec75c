"""Testing a configuration: a short question, streamed, with what came and how long it took, or what is wrong."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from core.auth.principal import Principal
from core.clock import Clock
from core.errors import Forbidden, ModeltrainError, NotFound, StreamStalled
from core.llm.fold import AnswerFold
from core.llm.request import ChatRequest, Parameters, Turn
from core.models.resolver import Resolver
from core.models.types import ConfigurationDraft, ReadyModel, TestResult

#: What is asked: short, plain, and understood by every model.
QUESTION = "Say hello in one short sentence."
#: Tokens asked for. Reasoning models spend some before they answer; what they have not said by then is not needed.
ENOUGH_TOKENS = 128
#: Characters of answer and reasoning after which a model that ignores the limit is not listened to any longer.
ENOUGH_CHARACTERS = 2_000
#: Seconds for the whole test; silence is measured against the configuration's own timeout besides.
TEST_LIMIT_S = 120.0


class ConfigurationTester:
    """Cancel the call to stop a test; the request is closed then."""

    def __init__(self, resolver: Resolver, *, clock: Clock, limit_s: float = TEST_LIMIT_S) -> None:
        self._resolver = resolver
        self._clock = clock
        self._limit_s = limit_s

    async def test(
        self, principal: Principal, target: str | ConfigurationDraft, *, configuration_id: str | None = None, question: str = QUESTION
    ) -> TestResult:
        """Ask `question` of a stored configuration (by id or name) or of a draft. What is wrong is in the result's `error`.

        Only NotFound and Forbidden are raised. `configuration_id`: the configuration that a draft is an edit of (for its stored key).
        """
        try:
            if isinstance(target, ConfigurationDraft):
                ready = await self._resolver.ready_draft(principal, target, configuration_id)
            else:
                ready = await self._resolver.ready_for_test(principal, target)
        except (NotFound, Forbidden):
            raise
        except ModeltrainError as error:
            return TestResult(ok=False, error=error)
        return await self._ask(ready, question)

    async def _ask(self, ready: ReadyModel, question: str) -> TestResult:
        started = self._clock.monotonic()
        fold = AnswerFold()
        error: ModeltrainError | None = None
        first: float | None = None
        try:
            async with asyncio.timeout(self._limit_s), aclosing(ready.chat_model.stream(_request(ready, question))) as events:
                async for event in events:
                    fold.apply(event)
                    if first is None and fold.started:
                        first = self._clock.monotonic()
                    if len(fold.text) + len(fold.reasoning) > ENOUGH_CHARACTERS:
                        break
        except TimeoutError:
            if not fold.started:
                error = StreamStalled(after_s=self._limit_s, provider=ready.provider_id, model=ready.model, endpoint=ready.endpoint)
        except ModeltrainError as problem:
            error = problem
        ended = self._clock.monotonic()
        return TestResult(
            ok=error is None,
            answer=fold.text,
            reasoning=fold.reasoning,
            ttft_ms=None if first is None else round((first - started) * 1000),
            total_ms=round((ended - started) * 1000),
            usage=fold.usage,
            finish=fold.finish,
            error=error,
        )


def _request(ready: ReadyModel, question: str) -> ChatRequest:
    return ChatRequest(
        model=ready.model,
        turns=(Turn("user", question),),
        system=ready.system_prompt or None,
        parameters=_short(ready.parameters),
        silence_s=ready.timeout_s,
    )


def _short(parameters: Parameters) -> Parameters:
    """The configuration's own parameters with a small limit. With extra JSON its own limit stays: some of it (a budget for
    reasoning, say) is only valid below the limit it was written for."""
    if parameters.extra:
        return parameters
    limit = ENOUGH_TOKENS if parameters.max_tokens is None else min(parameters.max_tokens, ENOUGH_TOKENS)
    return replace(parameters, max_tokens=limit)
