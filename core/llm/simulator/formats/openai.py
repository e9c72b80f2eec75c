"""The OpenAI-compatible format: POST /v1/chat/completions with server-sent events, GET /v1/models."""

from __future__ import annotations

import uuid
from typing import Any

from core.llm.simulator.catalogue import MODELS, SimulatedModel
from core.llm.simulator.formats import base
from core.llm.simulator.formats.base import to_json
from core.llm.simulator.parser import Request
from core.llm.simulator.question import Piece, Plan, Question, Refused

_ROLES = ("system", "developer", "user", "assistant", "tool")
#: The field of a delta that reasoning is in, by the model's style.
_REASONING_FIELDS = {"reasoning": "reasoning", "thinking": "thinking"}
_DEFAULT_FIELD = "reasoning_content"
_DONE = b"data: [DONE]\n\n"

#: Status -> type and code of the error object.
_ERRORS: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", "forbidden"),
    404: ("invalid_request_error", "not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


class OpenAIFormat:
    """See base.Format."""

    name = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    def read(self, request: Request) -> Question:
        body = base.read_object(request)
        asked = base.read_model(body)
        system, turns = base.split_system(base.read_turns(body, _ROLES))
        base.check_number(body, "temperature", 0, 2)
        base.check_number(body, "top_p", 0, 1)
        base.check_number(body, "presence_penalty", -2, 2)
        base.check_number(body, "frequency_penalty", -2, 2)
        options = body.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise Refused(400, "stream_options: an object is required.")
        stream = base.read_flag(body, "stream", False)
        if options is not None and not stream:
            raise Refused(400, "stream_options: only allowed when stream is true.")
        limit = base.read_integer(body, "max_completion_tokens", minimum=1)
        return Question(
            name=body["model"],
            asked=asked,
            turns=turns,
            system=system,
            stream=stream,
            max_tokens=limit if limit is not None else base.read_integer(body, "max_tokens", minimum=1),
            seed=base.read_integer(body, "seed", minimum=-(2**63)) or 0,
            stop=base.read_stop(body.get("stop"), "stop"),
            include_usage=bool(options and options.get("include_usage")),
            parameters=base.rest_of(body),
            seen=base.seen_by(asked, body),
        )

    def writer(self, question: Question, plan: Plan, created: float, *, quirks: bool = False) -> OpenAIWriter:
        return (_QuirkyWriter if quirks else OpenAIWriter)(question, plan, created)

    def whole(self, question: Question, plan: Plan, created: float, elapsed_s: float) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": plan.text}
        if plan.reasoning:
            message[reasoning_field(question)] = plan.reasoning
        answer: dict[str, Any] = {
            "id": f"chatcmpl-sim-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(created),
            "model": question.name,
            "choices": [{"index": 0, "message": message, "finish_reason": plan.finish}],
        }
        if question.asked.model.fault != "no_usage":
            answer["usage"] = usage_of(plan)
        return to_json(answer)

    def error(self, status: int, message: str, kind: str = "") -> bytes:
        return to_json({"error": error_of(status, message, kind)})

    def listing(self) -> bytes:
        """GET /v1/models."""
        return to_json({"object": "list", "data": [self.listed(model) for model in MODELS]})

    def listed(self, model: SimulatedModel) -> dict[str, Any]:
        """One entry of the list; name, description, context_length and capabilities are extensions that some servers have."""
        return {
            "id": model.name,
            "object": "model",
            "created": base.MADE_AT,
            "owned_by": base.OWNER,
            "name": f"{model.name} (simulated)",
            "description": model.description,
            "context_length": model.context_length,
            "capabilities": list(model.capabilities),
        }


def reasoning_field(question: Question) -> str:
    """The name of the field that this model's reasoning is in."""
    return _REASONING_FIELDS.get(question.asked.model.reasoning, _DEFAULT_FIELD)


def error_of(status: int, message: str, kind: str = "") -> dict[str, Any]:
    """The error object for a status; `kind` replaces its code."""
    error_type, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return {"message": message, "type": error_type, "param": None, "code": kind or code}


def usage_of(plan: Plan) -> dict[str, Any]:
    """Token counts. Reasoning inside of tags is part of the text here, as behind servers that do not split it."""
    output = len(plan.pieces)
    usage: dict[str, Any] = {
        "prompt_tokens": plan.input_tokens,
        "completion_tokens": output,
        "total_tokens": plan.input_tokens + output,
    }
    if plan.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": plan.reasoning_tokens}
    return usage


class OpenAIWriter:
    """See base.Writer. Every chunk repeats the same head, so it is made once."""

    def __init__(self, question: Question, plan: Plan, created: float) -> None:
        self._plan = plan
        self._with_usage = question.include_usage
        head = {
            "id": f"chatcmpl-sim-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(created),
            "model": question.name,
        }
        self._head = b"data: " + to_json(head)[:-1] + b","
        usage = b',"usage":null' if self._with_usage else b""
        self._text = self._head + b'"choices":[{"index":0,"delta":{"content":'
        self._reasoning = self._head + b'"choices":[{"index":0,"delta":{"' + reasoning_field(question).encode() + b'":'
        self._tail = b'},"finish_reason":null}]' + usage + b"}\n\n"
        self._usage = usage

    def choice(self, delta: bytes, finish: bytes = b"null") -> bytes:
        """A chunk whose delta and finish reason are given as JSON."""
        return b'%b"choices":[{"index":0,"delta":%b,"finish_reason":%b}]%b}\n\n' % (self._head, delta, finish, self._usage)

    def opening(self) -> bytes:
        return self.choice(b'{"role":"assistant","content":""}')

    def delta(self, piece: Piece) -> bytes:
        return (self._reasoning if piece.is_reasoning else self._text) + to_json(piece.text) + self._tail

    def ending(self, elapsed_s: float, *, finish: bool = True, done: bool = True, usage: bool = True) -> bytes:
        parts = [self.choice(b"{}", to_json(self._plan.finish))] if finish else []
        if usage and self._with_usage:
            parts.append(self._head + b'"choices":[],"usage":' + to_json(usage_of(self._plan)) + b"}\n\n")
        if done:
            parts.append(_DONE)
        return b"".join(parts)

    def error(self, status: int, message: str) -> bytes:
        return b"event: error\ndata: " + to_json({"error": error_of(status, message)}) + b"\n\n"

    def error_text(self, message: str) -> bytes:
        return b"data: " + to_json({"error": message}) + b"\n\n"

    def end_mark(self) -> bytes:
        return _DONE

    def garbage(self) -> bytes:
        return b'data: {"choices": [{"delta": {"content": "unfin\n\n'

    def keepalive(self) -> bytes:
        return b": keep-alive\n\n\n"


class _QuirkyWriter(OpenAIWriter):
    """The shapes that real servers were seen to send, one after the other; no text is lost by a reader that knows them all."""

    def __init__(self, question: Question, plan: Plan, created: float) -> None:
        super().__init__(question, plan, created)
        self._count = 0

    def opening(self) -> bytes:
        return self._head + b'"choices":[]}\n\n' + self.choice(b'{"role":"assistant","content":null}') + self.choice(b"null")

    def delta(self, piece: Piece) -> bytes:
        self._count += 1
        text = to_json(piece.text)
        shapes = (
            lambda: self.choice(b'{"content":%b}' % text, b'""'),
            lambda: self.choice(b'{"content":[{"type":"text","text":%b}]}' % text),
            lambda: self._head[:-1] + b"}\n\n" + self.choice(b'{"content":%b,"reasoning_content":null}' % text),
            lambda: self.choice(b'{"content":""}') * 3 + self.choice(b'{"role":"assistant","content":%b,"tool_calls":null}' % text),
            lambda: self._head + b'"choices":null}\n\n' + self.choice(b'{"content":%b,"reasoning":""}' % text),
        )
        return shapes[self._count % len(shapes)]()
