"""Makes chat models: presets say which wire format, one HTTP client serves them all.

httpx is imported when the first request is sent, so that the program starts without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from core.clock import Clock
from core.errors import InvalidInput
from core.llm.endpoints import SIMULATOR_SCHEME, EndpointPolicy, normalise_endpoint
from core.llm.events import StreamEvent
from core.llm.presets import Preset
from core.llm.request import ChatModel, ChatRequest, ListedModel

if TYPE_CHECKING:
    import httpx

    from core.llm.network import Resolver
    from core.llm.wire import HttpChatModel, Sleep

#: Answers of a process that need no turns; seconds of rest that each further one adds between two reads; the longest rest.
FEW, REST_S, LONGEST_REST_S = 8, 0.005, 0.1


class ModelClients:
    """The chat models of one process, over shared connections. Belongs to one event loop; `close` it there.

    `resolver` and `sleep` (between two tries) are for tests.
    """

    def __init__(self, *, clock: Clock | None = None, resolver: Resolver | None = None, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock or Clock()
        self._resolver = resolver
        self._sleep = sleep
        self._client: httpx.AsyncClient | None = None
        self._memory: dict[str, bool] = {}
        #: Answers that are being read now.
        self._streams = 0

    def chat_model(self, preset: Preset, endpoint: str, key: str | None, *, policy: EndpointPolicy) -> ChatModel:
        """The models at an endpoint. Connects to nothing yet: problems with the provider are raised when it is asked.

        Raises InvalidInput(field="endpoint") for what is no address. "simulator:" is none: SimulatorControl knows where it runs.
        """
        endpoint = normalise_endpoint(endpoint)
        if endpoint == SIMULATOR_SCHEME:
            raise InvalidInput("endpoint", "scheme")
        return _LazyChatModel(self, preset, endpoint, key, policy)

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def open(self, preset: Preset, endpoint: str, key: str | None, policy: EndpointPolicy) -> HttpChatModel:
        """The chat model of the preset's wire format. The first call imports httpx, in a thread: it takes a tenth of a second."""
        if self._client is None:
            await asyncio.to_thread(_import)
        import httpx

        from core.llm.network import PinnedTransport, resolve
        from core.llm.wire import Connection

        if self._client is None:
            self._client = httpx.AsyncClient(transport=PinnedTransport(), follow_redirects=False, trust_env=False)
        connection = Connection(
            preset=preset,
            endpoint=endpoint,
            key=key.strip() or None if key else None,
            policy=policy,
            client=self._client,
            resolver=self._resolver or resolve,
            clock=self._clock,
            sleep=self._sleep,
            memory=self._memory,
            rest_s=self._rest_s,
        )
        return _kind(preset)(connection)

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """One more answer is read until the end of the block."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def _rest_s(self) -> float:
        """Where many answers are read in one process, each is read a little less often: nobody sees it, and all get their turn."""
        return min(LONGEST_REST_S, REST_S * max(0, self._streams - FEW))


def _import() -> None:
    import core.llm.network
    import core.llm.wire  # noqa: F401


def _kind(preset: Preset) -> type[HttpChatModel]:
    if preset.protocol == "ollama":
        from core.llm.ollama import OllamaChatModel

        return OllamaChatModel
    if preset.protocol == "anthropic":
        from core.llm.anthropic import AnthropicChatModel

        return AnthropicChatModel
    from core.llm.openai import OpenAIChatModel

    return OpenAIChatModel


class _LazyChatModel:
    """Opens itself when it is first asked."""

    def __init__(self, clients: ModelClients, preset: Preset, endpoint: str, key: str | None, policy: EndpointPolicy) -> None:
        self._clients = clients
        self._arguments = (preset, endpoint, key, policy)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        model = await self._clients.open(*self._arguments)
        with self._clients.streaming():
            async with aclosing(model.stream(request)) as events:
                async for event in events:
                    yield event

    async def list_models(self) -> tuple[ListedModel, ...]:
        model = await self._clients.open(*self._arguments)
        return await model.list_models()
