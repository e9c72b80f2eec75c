"""One request of a batch: what is sent, what came of it, and whether it may be sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from core import errors
from core.batches.rows import dumps, error_text
from core.chat.figures import Stopwatch
from core.errors import ModeltrainError, ProviderError
from core.llm.events import Finished, ReasoningDelta, TextDelta
from core.llm.fold import AnswerFold
from core.llm.request import ChatRequest, Parameters, Turn
from core.models.rows import parameters_from_json, parameters_to_json

if TYPE_CHECKING:
    from core.models.types import Configuration, ReadyModel
    from core.questions.types import Question

#: What an error means for the request: it is sent again at the provider's pace (429), once the provider can be reached, or a few times
#: (5xx); every question of this configuration would end like this; it is this question's end.
Meaning = Literal["limited", "away", "again", "hopeless", "final"]
_HOPELESS = (errors.Unauthorized, errors.AccessDenied, errors.ModelNotFound, errors.TlsFailed, errors.AddressNotAllowed)
_AWAY = (errors.ConnectionRefused, errors.ConnectionLost, errors.NameNotResolved)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A configuration as it was when the batch was made. The key is not part of it: that of the configuration is used, where the address
    is still the same."""

    provider_id: str
    endpoint: str
    model: str
    parameters: Parameters
    system_prompt: str
    timeout_s: float

    @classmethod
    def of(cls, made: Configuration) -> Snapshot:
        return cls(made.provider_id, made.endpoint, made.model, made.parameters, made.system_prompt, made.timeout_s)

    def to_json(self) -> str:
        return dumps(
            {
                "provider_id": self.provider_id,
                "endpoint": self.endpoint,
                "model": self.model,
                "parameters": parameters_to_json(self.parameters),
                "system_prompt": self.system_prompt,
                "timeout_s": self.timeout_s,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        kept = json.loads(text)
        return cls(**{**kept, "parameters": parameters_from_json(kept["parameters"])})

    def request(self, text: str, system: str | None) -> ChatRequest:
        """What is sent for a question. `system` None: the configuration's own prompt."""
        prompt = self.system_prompt if system is None else system
        return ChatRequest(
            self.model,
            (Turn("user", text),),
            system=prompt or None,
            parameters=self.parameters,
            silence_s=self.timeout_s,
            patient=False,
            early=True,
        )

    def request_key(self, text: str, system: str | None, repetition: int) -> str:
        """The same for exactly the same request at the same place, and for nothing else. The repetitions of a question differ in it."""
        prompt = self.system_prompt if system is None else system
        said = [self.provider_id, self.endpoint, self.model, parameters_to_json(self.parameters), prompt, text, repetition]
        return blake2b(json.dumps(said).encode(), digest_size=32).hexdigest()


@dataclass(slots=True, eq=False)
class Item:
    """Something to ask for: an answer, or a judgement. `tries`: requests that failed for reasons of their own; `attempts`: all.

    `number`: where it stands, for messages. `question`: filled, for scoring; None for a judgement. `more`: what its source needs.
    """

    id: str
    configuration_id: str
    request: ChatRequest
    number: int = 0
    question: Question | None = None
    attempts: int = 0
    tries: int = 0
    more: Any = None


@dataclass(slots=True)
class Outcome:
    """What is written down of an item: `entry` goes into the journal as it is. Never says that something is to be asked again."""

    item: Item
    entry: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Came:
    """How one request ended: `entry` is None where nothing final came, and then `error` says why."""

    entry: dict[str, Any] | None
    error: ModeltrainError | None = None
    meaning: Meaning = "final"


async def ask(
    item: Item,
    ready: ReadyModel,
    monotonic: Callable[[], float],
    deliver: Callable[[Outcome], None],
    begun: Callable[[], None],
    *,
    limit_bytes: int,
) -> Came:
    """Send one request and read its answer. What is final is given to `deliver` at once, before the connection is free for another
    request; `begun` is called when the first of it is there. Raises CancelledError only."""
    fold, size = AnswerFold(), 0
    watch = Stopwatch(monotonic, monotonic())
    came: Came | None = None

    def final(error: ModeltrainError | None) -> Came:
        entry = _entry(item, fold, watch, error)
        deliver(Outcome(item, entry))
        return Came(entry, error)

    try:
        async with aclosing(ready.chat_model.stream(item.request)) as stream:
            async for event in stream:
                waited = not fold.started
                fold.apply(event)
                if waited and fold.started:
                    begun()
                watch.take(event)
                if isinstance(event, TextDelta | ReasoningDelta):
                    size += len(event.text)
                elif isinstance(event, Finished) and fold.started:
                    came = final(None)
                if size > limit_bytes:
                    raise errors.ResponseTooLarge(limit=limit_bytes, provider=ready.provider_id, model=ready.model, partial=True)
        if came is None:
            raise errors.EmptyStream(provider=ready.provider_id, model=ready.model)
    except ProviderError as error:
        if came is not None:
            return came  # it was whole already
        meaning = meaning_of(error, came=fold.started)
        return final(error) if meaning == "final" else Came(None, error, meaning)
    return came


def meaning_of(error: ModeltrainError, *, came: bool) -> Meaning:
    """What to do about an error. Nothing is sent again after the first token: the answer was made, and paid for."""
    if came or error.fields.get("partial"):
        return "final"
    status = error.fields.get("status")
    if isinstance(error, errors.RateLimited):
        return "limited"
    if isinstance(error, _AWAY):
        return "away"
    if isinstance(error, errors.ProviderFault | errors.BadRequest) and isinstance(status, int) and status >= 500:
        return "again"
    return "hopeless" if isinstance(error, _HOPELESS) else "final"


def _entry(item: Item, fold: AnswerFold, watch: Stopwatch, error: ModeltrainError | None) -> dict[str, Any]:
    watch.end()
    usage = fold.usage
    return {
        "id": item.id,
        "state": "answered" if error is None else "failed",
        "content": fold.text,
        "reasoning": fold.reasoning,
        "finish": (fold.finish or "") if error is None else "",
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "usage_exact": usage.exact if usage else False,
        "ttft_ms": watch.ttft_ms,
        "ttfa_ms": watch.ttfa_ms,
        "total_ms": watch.elapsed_ms,
        "error": error_text(error),
        "attempts": item.attempts,
        "from_cache": False,
    }


def failed_entry(item: Item, error: ModeltrainError) -> dict[str, Any]:
    """Of an item that is given up without a (last) answer."""
    return {
        "id": item.id, "state": "failed", "content": "", "reasoning": "", "finish": "", "input_tokens": None, "output_tokens": None,
        "reasoning_tokens": None, "usage_exact": False, "ttft_ms": None, "ttfa_ms": None, "total_ms": None, "error": error_text(error),
        "attempts": item.attempts, "from_cache": False,
    }  # fmt: skip
