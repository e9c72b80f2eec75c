"""What is asked of a model, whatever its wire format."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.llm.events import StreamEvent
from core.llm.images import EncodedImage


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the context. Reasoning is never sent back. `images`: shown with it, to models that see."""

    role: Literal["user", "assistant"]
    content: str
    images: tuple[EncodedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sampling parameters; None leaves the provider's default. `extra` is merged into the request's JSON as it is."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`silence_s`: seconds without a byte after which the answer counts as stalled. `stream` False asks for one JSON body.

    `patient`: requests that certainly brought nothing are sent again once or twice; False for who has limits and retries of their own.
    `early`: Finished comes as soon as the end is known, before the connection is free for another request: read on to the end of the
    stream, so that it is.
    """

    model: str
    turns: tuple[Turn, ...]
    system: str | None = None
    parameters: Parameters = Parameters()
    stream: bool = True
    silence_s: float = 120.0
    patient: bool = True
    early: bool = False


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its provider lists it. `size_bytes`, `parameters` ("7.6B"), `context_length` in tokens: None where not said."""

    name: str
    display_name: str = ""
    size_bytes: int | None = None
    parameters: str | None = None
    context_length: int | None = None
    capabilities: tuple[Literal["chat", "reasoning", "code", "vision", "embedding"], ...] = ("chat",)


class ChatModel(Protocol):
    """A wire format bound to an endpoint and a key. Raises core.errors.ProviderError and nothing else (but CancelledError)."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes: deltas, at most one Usage, and Finished last. Close it (aclose) to stop the request."""
        ...

    async def list_models(self) -> tuple[ListedModel, ...]:
        """The models of the provider, sorted by name."""
        ...
