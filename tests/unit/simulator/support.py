"""Asking the simulator over real HTTP, in each wire format, and a time that moves only when a test says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from core.clock import Clock
from core.llm.simulator.server import Simulator

FORMATS = ("openai", "ollama", "anthropic")
VERSION = {"anthropic-version": "2023-06-01"}
PATHS = {"openai": "/chat/completions", "ollama": "/api/chat", "anthropic": "/v1/messages"}


class ManualTime:
    """Stands still until `advance`; sleepers wake in the order of their moments."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: 1_800_000_000.0 + self.now, monotonic=lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, waker))
        self._changed.set()
        await waker

    async def asleep(self, count: int = 1) -> None:
        """Wait until `count` sleeps are under way."""
        while len(self._waiting) < count:
            self._changed.clear()
            await self._changed.wait()

    @property
    def _waiting(self) -> list[tuple[float, asyncio.Future[None]]]:
        self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]
        return self._sleepers

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, as when the loop was busy: whoever is due wakes late."""
        self.now += seconds
        for due, waker in sorted(self._waiting, key=lambda entry: entry[0]):
            if due <= self.now + 1e-9:
                waker.set_result(None)

    async def run(self, seconds: float) -> None:
        """Let `seconds` pass, waking each sleeper at its moment."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            await self.asleep()
            due = min(moment for moment, _ in self._waiting)
            await self.advance(max(0.0, min(due, end) - self.now))


@dataclass
class Answer:
    """What a plain reader made of a stream: `deltas` as they came, (is_reasoning, text)."""

    raw: bytes
    events: list[tuple[str, Any]]
    deltas: list[tuple[bool, str]] = field(default_factory=list)
    finish: str | None = None
    usage: tuple[int, int] | None = None
    done: bool = False
    error: Any = None

    @property
    def text(self) -> str:
        return "".join(text for is_reasoning, text in self.deltas if not is_reasoning)

    @property
    def reasoning(self) -> str:
        return "".join(text for is_reasoning, text in self.deltas if is_reasoning)


def body_of(name: str, text: str, *, form: str = "openai", stream: bool = True, **more: Any) -> dict[str, Any]:
    """A request's JSON in the given format."""
    body: dict[str, Any] = {"model": name, "stream": stream, "messages": [{"role": "user", "content": text}]}
    if form == "openai" and stream:
        body["stream_options"] = {"include_usage": True}
    if form == "anthropic":
        body["max_tokens"] = 1_000_000
    return body | more


def url_of(simulator: Simulator, form: str) -> str:
    return simulator.base_urls[form] + PATHS[form]


class Asker:
    """A client of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.http = httpx.AsyncClient(headers=VERSION, timeout=60, trust_env=False, verify=False)

    async def post(
        self, name: str, text: str = "What is a token?", *, form: str = "openai", stream: bool = True, **more: Any
    ) -> httpx.Response:
        return await self.http.post(url_of(self.simulator, form), json=body_of(name, text, form=form, stream=stream, **more))

    async def ask(self, name: str, text: str = "What is a token?", *, form: str = "openai", **more: Any) -> Answer:
        """A streamed answer, read by the letter of its format."""
        response = await self.post(name, text, form=form, **more)
        assert response.status_code == 200, response.text
        return read(form, response.content)

    def stream(self, name: str, text: str = "What is a token?", *, form: str = "openai", **more: Any) -> Any:
        """httpx's context manager of a streamed answer."""
        return self.http.stream("POST", url_of(self.simulator, form), json=body_of(name, text, form=form, **more))


def read(form: str, raw: bytes) -> Answer:
    """A finished stream, by the letter of its format: LF, UTF-8, nothing unknown."""
    return {"openai": _read_openai, "ollama": _read_ollama, "anthropic": _read_anthropic}[form](raw)


def sse_events(raw: bytes) -> list[tuple[str, str]]:
    """(event, data) of each event of a stream that ends its lines in LF."""
    events = []
    for block in raw.decode().split("\n\n"):
        fields = [line.split(":", 1) for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            named = {name: value.removeprefix(" ") for name, value in fields}
            events.append((named.get("event", ""), named.get("data", "")))
    return events


def _read_openai(raw: bytes) -> Answer:
    answer = Answer(raw, [])
    for event, data in sse_events(raw):
        assert not answer.done, "something came after the end mark"
        if data == "[DONE]":
            answer.done = True
            continue
        chunk = json.loads(data)
        answer.events.append((event, chunk))
        if "error" in chunk:
            answer.error = chunk["error"]
            continue
        if chunk.get("usage"):
            answer.usage = (chunk["usage"]["prompt_tokens"], chunk["usage"]["completion_tokens"])
        for choice in chunk["choices"]:
            _take_choice(answer, choice)
    return answer


def _take_choice(answer: Answer, choice: Mapping[str, Any]) -> None:
    for name, value in choice["delta"].items():
        if name != "role" and value:
            answer.deltas.append((name != "content", value))
    answer.finish = choice["finish_reason"] or answer.finish


def _read_ollama(raw: bytes) -> Answer:
    answer = Answer(raw, [])
    assert raw == b"" or raw.endswith(b"\n")
    for line in raw.split(b"\n")[:-1]:
        assert not answer.done, "something came after the end mark"
        value = json.loads(line)
        answer.events.append(("", value))
        if "error" in value:
            answer.error = value["error"]
            continue
        message = value.get("message", {})
        for name in ("thinking", "content"):
            if message.get(name):
                answer.deltas.append((name == "thinking", message[name]))
        if value["done"]:
            answer.done, answer.finish = True, value.get("done_reason")
            if "eval_count" in value:
                answer.usage = (value["prompt_eval_count"], value["eval_count"])
    return answer


def _read_anthropic(raw: bytes) -> Answer:
    answer = Answer(raw, [])
    reasons = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter", "stop_sequence": "stop"}
    started = 0
    for event, data in sse_events(raw):
        assert not answer.done, "something came after the end mark"
        value = json.loads(data)
        assert value["type"] == event
        answer.events.append((event, value))
        if event == "error":
            answer.error = value["error"]
        elif event == "message_start" and "usage" in value["message"]:
            started = value["message"]["usage"]["input_tokens"]
        elif event == "content_block_delta" and value["delta"]["type"] in ("text_delta", "thinking_delta"):
            is_reasoning = value["delta"]["type"] == "thinking_delta"
            answer.deltas.append((is_reasoning, value["delta"]["thinking" if is_reasoning else "text"]))
        elif event == "message_delta":
            answer.finish = reasons[value["delta"]["stop_reason"]]
            if "usage" in value:
                answer.usage = (started, value["usage"]["output_tokens"])
        answer.done = event == "message_stop"
    return answer


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until `condition` holds; a minute at most."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def packets(response: httpx.Response) -> AsyncIterator[bytes]:
    """The HTTP chunks of an answer as the server cut them."""
    async for chunk in response.aiter_raw():
        yield chunk
