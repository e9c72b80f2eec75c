"""What the wire formats have in common: sending, waiting, retrying before the first token, and typed errors."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import httpx

import core
from core import errors
from core.clock import Clock
from core.errors import ProviderError
from core.llm import failures
from core.llm.answer import Answer
from core.llm.body import Body, NotJson, Parser, parse_json
from core.llm.endpoints import EndpointPolicy
from core.llm.events import StreamEvent
from core.llm.failures import Origin
from core.llm.flow import TAIL_S, check_end, chunks_of, digest, drain, named, next_chunk
from core.llm.network import CONNECT_TIMEOUT_S, Resolver, checked_addresses
from core.llm.presets import Preset, profile_for
from core.llm.request import ChatRequest, ListedModel

#: Bytes read of an error's body.
_ERROR_LIMIT = 64 * 1024
#: Bytes of one answer, framing included: endless keep-alives end here.
_BODY_LIMIT = 512 * 1024 * 1024
#: Bytes of a model list. The largest in use has one megabyte; reading JSON holds up the whole process, threads or not.
_LIST_LIMIT = 4 * 1024 * 1024
_LIST_SILENCE_S = 30.0
_RETRIES = 2
_LONGEST_RETRY_WAIT_S = 10.0
_PAUSES_S = (0.25, 1.0)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Connection:
    """An endpoint with everything that is needed to reach it. `memory` is shared by all requests of the process (see openai.py);
    `rest_s`: see flow.chunks_of."""

    preset: Preset
    endpoint: str
    key: str | None = field(repr=False)
    policy: EndpointPolicy
    client: httpx.AsyncClient
    resolver: Resolver
    clock: Clock
    sleep: Sleep
    memory: dict[str, bool]
    rest_s: Callable[[], float] = lambda: 0.0


class HttpChatModel(ABC):
    """A ChatModel over HTTP. Subclasses say what is sent, where to, and how an answer is read."""

    json_lines: ClassVar[bool] = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._origin = Origin(connection.preset.id, connection.endpoint, secret=connection.key)

    # What a format says

    @abstractmethod
    def _url(self, call: str) -> str:
        """The URL of "chat" or "models"."""

    @abstractmethod
    def _headers(self) -> dict[str, str]:
        """The headers that carry the key."""

    @abstractmethod
    def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        """The JSON of a question."""

    @abstractmethod
    def _parser(self, answer: Answer, origin: Origin) -> Parser:
        """What reads the answer."""

    @abstractmethod
    async def list_models(self) -> tuple[ListedModel, ...]:
        """The models of the provider, sorted by name."""

    def _without_refused(self, body: dict[str, Any], error: ProviderError) -> dict[str, Any] | None:
        """The question without what the provider refused, or None if that is not the reason."""
        return None

    def _accepted(self, body: dict[str, Any]) -> None:
        """The provider took the question."""
        return

    # What all do

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """See core.llm.request.ChatModel."""
        origin = replace(self._origin, model=request.model)
        answer = Answer(request, profile_for(self._connection.preset, request.model))
        parser = self._parser(answer, origin)
        body = Body(parser, json_lines=self.json_lines)
        try:
            async with self._open(request, origin) as response, self._chunks(response, origin) as chunks:
                while not parser.done and (chunk := await next_chunk(chunks, answer, request, origin)) is not None:
                    with named(origin, answer):
                        await digest(body, chunk)
                    for event in answer.take():
                        yield event
                if early := request.early and parser.done and answer.finish is not None:
                    for event in answer.complete():
                        yield event
                await drain(chunks)
            if early:
                return
            with named(origin, answer):
                await digest(body, None)
                check_end(body, answer, parser, origin)
        except ProviderError as error:
            for event in answer.broken():
                yield event
            error.fields["partial"] = answer.started
            raise
        for event in answer.complete():
            yield event

    def _chunks(self, response: httpx.Response, origin: Origin) -> aclosing[AsyncGenerator[bytes, None]]:
        return aclosing(chunks_of(response, origin, _BODY_LIMIT, rest_s=self._connection.rest_s))

    @asynccontextmanager
    async def _open(self, request: ChatRequest, origin: Origin) -> AsyncIterator[httpx.Response]:
        """The head of an answer with status 200. Tried again before the first token where that may help."""
        response, body = await self._send_patiently(
            "POST", self._url("chat"), self._chat_body(request), request.silence_s, origin, retries=_RETRIES if request.patient else 0
        )
        try:
            self._accepted(body)
            yield response
        finally:
            await response.aclose()

    async def _send_patiently(
        self, method: str, url: str, body: dict[str, Any] | None, silence_s: float, origin: Origin, *, retries: int = _RETRIES
    ) -> tuple[httpx.Response, dict[str, Any]]:
        """`_send`, again where that may help, at most `retries` times; with the body that was taken in the end."""
        tried = _RETRIES - retries
        while True:
            try:
                return await self._send(method, url, body, silence_s, origin), body or {}
            except ProviderError as error:
                lighter = self._without_refused(body or {}, error)
                if lighter is not None:
                    body = lighter
                    continue
                wait = _pause(error, tried)
                if wait is None:
                    raise
                tried += 1
                await self._connection.sleep(wait)

    async def _send(self, method: str, url: str, body: Any, silence_s: float, origin: Origin) -> httpx.Response:
        """One request. The response is open and has status 2xx; anything else is raised as a ProviderError."""
        connection = self._connection
        addresses = await checked_addresses(connection.endpoint, connection.policy, origin, connection.resolver)
        content = None if body is None else _encoded(body, origin)
        try:
            request = connection.client.build_request(
                method,
                url,
                content=content,
                headers={**_HEADERS, **self._key_headers(origin)},
                timeout=httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
                extensions={"addresses": addresses},
            )
            response = await connection.client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise failures.from_exception(origin, error, silence_s=silence_s, streaming=False) from error
        if response.status_code == 200:
            return response
        try:
            raise await self._refusal(response, origin)
        finally:
            await response.aclose()

    async def _refusal(self, response: httpx.Response, origin: Origin) -> ProviderError:
        """The error of a response that is no answer."""
        text = b""
        try:
            async with asyncio.timeout(TAIL_S):
                async for chunk in chunks_of(response, origin, _BODY_LIMIT):
                    text += chunk
                    if len(text) >= _ERROR_LIMIT:
                        break
        except (httpx.HTTPError, TimeoutError, ProviderError):
            pass  # the status says enough
        if response.status_code < 300:
            return origin.error(errors.EmptyStream, status=response.status_code)
        return failures.from_status(origin, response.status_code, response.headers, text[:_ERROR_LIMIT], self._connection.clock.now())

    def _key_headers(self, origin: Origin) -> dict[str, str]:
        key = self._connection.key
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise origin.error(errors.Unauthorized, reason="key_not_ascii")
        return self._headers()

    async def _json(self, method: str, url: str, body: Any = None) -> Any:
        """The JSON of a call that is no answer. Raises ProviderError, NotAStream for another kind of body."""
        origin = self._origin
        response, _ = await self._send_patiently(method, url, body, _LIST_SILENCE_S, origin)
        try:
            parts = [chunk async for chunk in chunks_of(response, origin, _LIST_LIMIT)]
        except httpx.HTTPError as error:
            raise failures.from_exception(origin, error, silence_s=_LIST_SILENCE_S, streaming=True) from error
        finally:
            await response.aclose()
        text = b"".join(parts)
        try:
            value = parse_json(text.decode("utf-8-sig", "replace"))
            if isinstance(value, dict) and value.get("error"):
                raise failures.from_error_value(origin, value["error"])
        except (NotJson, RecursionError):
            raise origin.error(errors.NotAStream, message=failures.message_of(text[:_ERROR_LIMIT]), status=200) from None
        return value


#: Compression costs more than it saves on a stream, and delays tokens.
_HEADERS: Mapping[str, str] = {
    "accept": "text/event-stream, application/json, application/x-ndjson",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "cache-control": "no-store",
    "user-agent": f"modeltrain/{core.__version__}",
}


def _encoded(body: Any, origin: Origin) -> bytes:
    """The JSON of a question. What a person put into the extra parameters may be none (NaN, endless nesting)."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    except (ValueError, TypeError, RecursionError) as error:
        raise origin.error(errors.BadRequest, reason="not_json", message=str(error)) from error


def _pause(error: ProviderError, retries: int) -> float | None:
    """Seconds to wait before trying again, or None if that is no use. Only for what happened before the first token."""
    if retries >= _RETRIES:
        return None
    status = error.fields.get("status")
    wait = error.fields.get("retry_after_s")
    if isinstance(error, errors.RateLimited):
        return wait if wait is not None and wait <= _LONGEST_RETRY_WAIT_S else None
    if status in (502, 503, 529):
        return wait if wait is not None and wait <= _LONGEST_RETRY_WAIT_S else (None if wait is not None else _PAUSES_S[retries])
    if isinstance(error, errors.ConnectionRefused | errors.ConnectionLost) and error.fields.get("reason") != "timeout":
        return _PAUSES_S[retries]
    return None
