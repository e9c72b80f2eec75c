"""The bytes of an answer on their way: bounded, patient, and with errors that say where they came from."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import httpx

from core import errors
from core.errors import ProviderError
from core.llm import failures
from core.llm.answer import Answer, AnswerTooLong
from core.llm.body import Body, Inflater, NotAnAnswer, NotJson, Parser
from core.llm.failures import Origin
from core.llm.lines import LineTooLong
from core.llm.request import ChatRequest

#: Once the model said why it stops, only the counts and the end mark are still to come: they get this long, not the whole silence.
TAIL_S = 5.0
#: How long the end of the body is waited for behind the end mark.
_DRAIN_S = 0.1
#: Bytes that are read in a thread when they come as one event.
_HEAVY = 256 * 1024
#: Seconds within which a chunk comes that had been read already.
_AT_HAND_S = 0.001


async def next_chunk(chunks: AsyncGenerator[bytes, None], answer: Answer, request: ChatRequest, origin: Origin) -> bytes | None:
    """The next chunk, or None at the end. What breaks after the finish reason does not make a complete answer a broken one."""
    complete = answer.finish is not None
    try:
        if not complete:
            return await anext(chunks, None)
        async with asyncio.timeout(TAIL_S):
            return await anext(chunks, None)
    except (httpx.HTTPError, TimeoutError) as error:
        if complete:
            return None
        raise failures.from_exception(origin, error, silence_s=request.silence_s, streaming=True) from error


async def drain(chunks: AsyncGenerator[bytes, None]) -> None:
    """Read what follows the end mark, usually nothing but the end of the body: then the connection can be used again."""
    with suppress(httpx.HTTPError, TimeoutError, ProviderError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass


async def digest(body: Body, chunk: bytes | None) -> None:
    """Read the next chunk (None: the end). An event of megabytes takes seconds, which the loop of all users cannot spare."""
    read = body.close if chunk is None else partial(body.feed, chunk)
    if body.held + len(chunk or b"") > _HEAVY:
        await asyncio.to_thread(read)
    else:
        read()


def check_end(body: Body, answer: Answer, parser: Parser, origin: Origin) -> None:
    """The body is over: an answer without its end is no success."""
    if answer.finish is not None:
        return
    if not answer.started and (parser.done or not body.events):
        raise origin.error(errors.EmptyStream)
    if not parser.done:
        raise origin.error(errors.StreamTruncated)


async def chunks_of(
    response: httpx.Response, origin: Origin, limit: int, *, rest_s: Callable[[], float] = lambda: 0.0
) -> AsyncGenerator[bytes, None]:
    """The bytes of a body, decompressed if need be. Raises ResponseTooLarge beyond `limit` bytes.

    `rest_s`: seconds to let bytes gather after those that had to be waited for, so that a body which comes in crumbs is read in bites.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise origin.error(errors.ProviderFault, reason="encoding", message=encoding)
    inflater = None if encoding in ("", "identity") else Inflater()
    size = 0
    raw = response.aiter_raw()
    while True:
        began = monotonic()
        chunk = await anext(raw, b"")
        if not chunk:
            return
        waited = monotonic() - began > _AT_HAND_S
        rest = chunk
        while rest:
            if inflater is None:
                chunk, rest = rest, b""
            else:
                try:
                    chunk, rest = inflater.feed(rest)
                except zlib.error:
                    raise origin.error(errors.ProviderFault, reason="encoding", message=encoding) from None
            size += len(chunk)
            if size > limit:
                raise origin.error(errors.ResponseTooLarge, limit=limit)
            yield chunk
        if waited and (pause := rest_s()):
            await asyncio.sleep(pause)


class named:  # noqa: N801 - reads as a statement
    """Turns what the parts raise about a body into errors that say where it came from."""

    def __init__(self, origin: Origin, answer: Answer) -> None:
        self._origin = origin
        self._answer = answer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        origin = self._origin
        if isinstance(error, LineTooLong | AnswerTooLong):
            raise origin.error(errors.ResponseTooLarge, limit=error.limit) from None
        if isinstance(error, RecursionError):  # JSON that was just not too deep to be read, but is to be looked through
            raise origin.error(errors.ProviderFault, reason="garbled", status=200) from None
        if isinstance(error, NotJson) and self._answer.started:
            raise origin.error(errors.ProviderFault, reason="garbled", message=error.text, status=200) from None
        if isinstance(error, NotJson):
            raise origin.error(errors.NotAStream, message=error.text, status=200) from None
        if isinstance(error, NotAnAnswer):
            raise origin.error(errors.NotAStream, message=failures.message_of(error.body), status=200) from None
