"""The three formats as their servers write them: the same answer as bytes of each, for one suite of tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.presets import preset
from core.llm.request import ChatModel, ChatRequest, Parameters, Turn

#: ("text" | "reasoning", what)
Part = tuple[str, str]
KEY = "sk-secret-0123456789"


def sse(value: Any, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class Wire:
    """How a format writes things down. `usage` is (input, output); `finish` is the format's word."""

    name: str
    preset_id: str
    content_type: str
    chat_path: str
    models_path: str
    words: dict[str, str]
    delta: Callable[[str, str], bytes]
    end: Callable[[str, tuple[int, int] | None], bytes]
    document: Callable[[Sequence[Part], str, tuple[int, int] | None], bytes]
    error: Callable[[str], bytes]
    models: Callable[[Sequence[str]], bytes]

    def stream(self, parts: Sequence[Part], *, finish: str = "stop", usage: tuple[int, int] | None = (11, 7)) -> bytes:
        """A whole, proper streamed answer."""
        start = _ANTHROPIC_START if self.name == "anthropic" else b""
        return start + b"".join(self.delta(*part) for part in parts) + self.end(self.words[finish], usage)


def _openai_chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return sse({"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _openai_usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _openai_end(finish: str, usage: tuple[int, int] | None) -> bytes:
    counts = sse({"choices": [], "usage": _openai_usage(usage)}) if usage else b""
    return _openai_chunk({}, finish) + counts + b"data: [DONE]\n\n"


def _joined(parts: Sequence[Part], kind: str) -> str:
    return "".join(text for of, text in parts if of == kind)


def _openai_document(parts: Sequence[Part], finish: str, usage: tuple[int, int] | None) -> bytes:
    message = {"role": "assistant", "content": _joined(parts, "text"), "reasoning_content": _joined(parts, "reasoning") or None}
    body: dict[str, Any] = {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    if usage:
        body["usage"] = _openai_usage(usage)
    return json.dumps(body).encode()


OPENAI = Wire(
    name="openai",
    preset_id="openai-compatible",
    content_type="text/event-stream",
    chat_path="/chat/completions",
    models_path="/models",
    words={"stop": "stop", "length": "length", "content_filter": "content_filter", "tool_calls": "tool_calls"},
    delta=lambda kind, text: _openai_chunk({"content" if kind == "text" else "reasoning_content": text}),
    end=_openai_end,
    document=_openai_document,
    error=lambda message: sse({"error": {"message": message, "type": "server_error"}}),
    models=lambda names: json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}).encode(),
)


def _ollama_delta(kind: str, text: str) -> bytes:
    field = "content" if kind == "text" else "thinking"
    return line({"model": "m", "message": {"role": "assistant", "content": "", field: text}, "done": False})


def _ollama_last(message: dict[str, str], finish: str, usage: tuple[int, int] | None) -> dict[str, Any]:
    counts = {"prompt_eval_count": usage[0], "eval_count": usage[1], "eval_duration": 5_000_000} if usage else {}
    return {"model": "m", "message": {"role": "assistant", **message}, "done": True, "done_reason": finish, **counts}


def _ollama_document(parts: Sequence[Part], finish: str, usage: tuple[int, int] | None) -> bytes:
    message = {"content": _joined(parts, "text"), "thinking": _joined(parts, "reasoning")}
    return json.dumps(_ollama_last(message, finish, usage), indent=1).encode()


OLLAMA = Wire(
    name="ollama",
    preset_id="ollama",
    content_type="application/x-ndjson",
    chat_path="/api/chat",
    models_path="/api/tags",
    words={"stop": "stop", "length": "length", "content_filter": "content_filter", "tool_calls": "tool_calls"},
    delta=_ollama_delta,
    end=lambda finish, usage: line(_ollama_last({"content": ""}, finish, usage)),
    document=_ollama_document,
    error=lambda message: line({"error": message}),
    models=lambda names: json.dumps(
        {"models": [{"name": name, "size": 5, "details": {"parameter_size": "7.6B"}} for name in names]}
    ).encode(),
)


def _anthropic(event: dict[str, Any]) -> bytes:
    return sse(event, event["type"])


_ANTHROPIC_START = _anthropic(
    {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 0, "output_tokens": 1}}}
) + _anthropic({"type": "ping"})


def _anthropic_delta(kind: str, text: str) -> bytes:
    delta = {"type": "text_delta", "text": text} if kind == "text" else {"type": "thinking_delta", "thinking": text}
    return _anthropic({"type": "content_block_delta", "index": 0, "delta": delta})


def _anthropic_end(finish: str, usage: tuple[int, int] | None) -> bytes:
    counts = (
        {"usage": {"input_tokens": usage[0], "output_tokens": usage[1]}}
        if usage
        else {"usage": {"output_tokens": None, "input_tokens": None}}
    )
    return _anthropic({"type": "message_delta", "delta": {"stop_reason": finish}, **counts}) + _anthropic({"type": "message_stop"})


def _anthropic_document(parts: Sequence[Part], finish: str, usage: tuple[int, int] | None) -> bytes:
    blocks = [{"type": "text", "text": text} if kind == "text" else {"type": "thinking", "thinking": text} for kind, text in parts]
    body: dict[str, Any] = {"type": "message", "role": "assistant", "content": blocks, "stop_reason": finish}
    if usage:
        body["usage"] = {"input_tokens": usage[0], "output_tokens": usage[1]}
    return json.dumps(body).encode()


ANTHROPIC = Wire(
    name="anthropic",
    preset_id="anthropic",
    content_type="text/event-stream",
    chat_path="/v1/messages",
    models_path="/v1/models",
    words={"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"},
    delta=_anthropic_delta,
    end=_anthropic_end,
    document=_anthropic_document,
    error=lambda message: _anthropic({"type": "error", "error": {"type": "overloaded_error", "message": message}}),
    models=lambda names: json.dumps({"data": [{"id": name, "display_name": name.upper()} for name in names], "has_more": False}).encode(),
)

WIRES = (OPENAI, OLLAMA, ANTHROPIC)


def chat_model(clients: ModelClients, wire: Wire, endpoint: str, key: str | None = KEY) -> ChatModel:
    return clients.chat_model(preset(wire.preset_id), endpoint, key, policy=EndpointPolicy())


def question(model: str = "m", *, stream: bool = True, silence_s: float = 10.0, parameters: Parameters | None = None) -> ChatRequest:
    return ChatRequest(
        model=model,
        turns=(Turn("user", "What is a kettle?"),),
        system="Be brief.",
        parameters=parameters or Parameters(),
        stream=stream,
        silence_s=silence_s,
    )
