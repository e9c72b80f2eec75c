"""Anthropic's format: POST /v1/messages with named server-sent events, GET /v1/models page by page.

As the real one does, it wants the header `anthropic-version` and the field `max_tokens`.
"""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs

from core.llm.simulator.catalogue import MODELS
from core.llm.simulator.formats import base
from core.llm.simulator.formats.base import to_json
from core.llm.simulator.parser import Request
from core.llm.simulator.question import Piece, Plan, Question, Refused

_STOP = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_PAGE = 20
_LONGEST_PAGE = 1000
_LIMIT = re.compile(r"[0-9]{1,4}")
#: Stands where a real answer has the signature of its reasoning.
SIGNATURE = "c2ltdWxhdGVkIGJ5IG1vZGVsdHJhaW4="


class AnthropicFormat:
    """See base.Format."""

    name = "anthropic"
    stream_type = "text/event-stream; charset=utf-8"

    def read(self, request: Request) -> Question:
        _check_version(request)
        body = base.read_object(request)
        asked = base.read_model(body)
        turns = base.read_turns(body, ("user", "assistant"))
        base.check_number(body, "temperature", 0, 1)
        base.check_number(body, "top_p", 0, 1)
        limit = base.read_integer(body, "max_tokens", minimum=1)
        if limit is None:
            raise Refused(400, "max_tokens: Field required")
        return Question(
            name=body["model"],
            asked=asked,
            turns=turns,
            system=base.read_text(body.get("system"), "system"),
            stream=base.read_flag(body, "stream", False),
            max_tokens=limit,
            seed=0,
            stop=base.read_stop(body.get("stop_sequences"), "stop_sequences"),
            include_usage=True,
            parameters=base.rest_of(body),
            seen=base.seen_by(asked, body),
        )

    def writer(self, question: Question, plan: Plan, created: float, *, quirks: bool = False) -> AnthropicWriter:
        return (_QuirkyWriter if quirks else AnthropicWriter)(question, plan)

    def whole(self, question: Question, plan: Plan, created: float, elapsed_s: float) -> bytes:
        content: list[dict[str, Any]] = []
        if question.asked.model.reasoning == "redacted":
            content.append({"type": "redacted_thinking", "data": SIGNATURE})
        if plan.reasoning:
            content.append({"type": "thinking", "thinking": plan.reasoning, "signature": SIGNATURE})
        if plan.text or not content:
            content.append({"type": "text", "text": plan.text})
        usage = question.asked.model.fault != "no_usage"
        answer = _message(question, content, plan)
        if usage:
            answer["usage"] = {"input_tokens": plan.input_tokens, "output_tokens": len(plan.pieces)}
        return to_json(answer)

    def error(self, status: int, message: str, kind: str = "") -> bytes:
        return to_json({"type": "error", "error": error_of(status, message), "request_id": f"req_sim_{uuid.uuid4().hex[:24]}"})

    def listing(self, request: Request) -> bytes:
        """GET /v1/models: `limit` entries (20 unless told, 1,000 at most) behind the one named by `after_id`. Raises Refused."""
        _check_version(request)
        query = parse_qs(request.query)
        after, limit = query.get("after_id", [""])[0], query.get("limit", [str(_PAGE)])[0]
        if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= _LONGEST_PAGE:
            raise Refused(400, f"limit: an integer from 1 to {_LONGEST_PAGE} is required.")
        names = [model.name for model in MODELS]
        if after and after not in names:
            raise Refused(400, "after_id: there is no such model.")
        start = names.index(after) + 1 if after else 0
        page = MODELS[start : start + int(limit)]
        data = [
            {
                "type": "model",
                "id": model.name,
                "display_name": f"{model.name} (simulated)",
                "created_at": base.MADE_AT_ISO,
                "description": model.description,
                "capabilities": list(model.capabilities),
                "max_input_tokens": model.context_length,
            }
            for model in page
        ]
        ends = {"first_id": page[0].name if page else None, "last_id": page[-1].name if page else None}
        return to_json({"data": data, "has_more": start + int(limit) < len(MODELS), **ends})


def _check_version(request: Request) -> None:
    if not request.headers.get("anthropic-version"):
        raise Refused(400, "anthropic-version: header is required")


def error_of(status: int, message: str) -> dict[str, Any]:
    """The inner error object for a status."""
    return {"type": _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error"), "message": message}


def _stop_of(plan: Plan | None) -> dict[str, Any]:
    """Why the answer ended, None while it has not."""
    if plan is None:
        return {"stop_reason": None, "stop_sequence": None}
    return {"stop_reason": "stop_sequence" if plan.stopped_by else _STOP[plan.finish], "stop_sequence": plan.stopped_by}


def _message(question: Question, content: list[dict[str, Any]], ended: Plan | None) -> dict[str, Any]:
    return {
        "id": f"msg_sim_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": question.name,
        "content": content,
        **_stop_of(ended),
    }


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json({"type": name, **data}))


class AnthropicWriter:
    """See base.Writer. Reasoning and text are blocks, each with its start, its deltas and its stop."""

    def __init__(self, question: Question, plan: Plan) -> None:
        self._question = question
        self._plan = plan
        self._index = -1
        self._open: bool | None = None  # None: no block is open; else whether it is reasoning
        self._usage = question.asked.model.fault != "no_usage"

    def opening(self) -> bytes:
        message = _message(self._question, [], None)
        if self._usage:
            message["usage"] = {"input_tokens": self._plan.input_tokens, "output_tokens": 1}
        events = [_event("message_start", {"message": message}), _event("ping", {})]
        if self._question.asked.model.reasoning == "redacted":
            self._index += 1
            events.append(self._start({"type": "redacted_thinking", "data": SIGNATURE}) + self._stop())
        return b"".join(events)

    def _start(self, block: dict[str, Any]) -> bytes:
        return _event("content_block_start", {"index": self._index, "content_block": block})

    def _stop(self) -> bytes:
        return _event("content_block_stop", {"index": self._index})

    def _close(self) -> bytes:
        """The end of the block that is open, if one is."""
        was, self._open = self._open, None
        if was is None:
            return b""
        signature = {"index": self._index, "delta": {"type": "signature_delta", "signature": SIGNATURE}}
        return (_event("content_block_delta", signature) if was else b"") + self._stop()

    def _turn_to(self, reasoning: bool) -> bytes:
        before = self._close()
        self._index += 1
        self._open = reasoning
        self._text_head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%b:' % (
            self._index,
            b'"thinking_delta","thinking"' if reasoning else b'"text_delta","text"',
        )
        return before + self._start({"type": "thinking", "thinking": "", "signature": ""} if reasoning else {"type": "text", "text": ""})

    def delta(self, piece: Piece) -> bytes:
        before = self._turn_to(piece.is_reasoning) if self._open is not piece.is_reasoning else b""
        return before + self._text_head + to_json(piece.text) + b"}}\n\n"

    def ending(self, elapsed_s: float, *, finish: bool = True, done: bool = True, usage: bool = True) -> bytes:
        parts = [self._close()]
        if finish:
            data: dict[str, Any] = {"delta": _stop_of(self._plan)}
            if usage:
                data["usage"] = {"output_tokens": len(self._plan.pieces)}
            parts.append(_event("message_delta", data))
        if done:
            parts.append(self.end_mark())
        return b"".join(parts)

    def error(self, status: int, message: str) -> bytes:
        return _event("error", {"error": error_of(status, message)})

    def error_text(self, message: str) -> bytes:
        return b"event: error\ndata: " + to_json({"type": "error", "error": message}) + b"\n\n"

    def end_mark(self) -> bytes:
        return _event("message_stop", {})

    def garbage(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"te\n\n'

    def keepalive(self) -> bytes:
        return b": keep-alive\n\n" + _event("ping", {})


class _QuirkyWriter(AnthropicWriter):
    """Events and deltas of unknown kinds between the known ones, and empty deltas."""

    def delta(self, piece: Piece) -> bytes:
        event = super().delta(piece)
        if len(piece.text) % 2:
            return event + _event(
                "something_new", {"index": self._index, "delta": {"type": "text_delta", "text": "not part of the answer"}}
            )
        unknown = {"index": self._index, "delta": {"type": "citations_delta", "citation": {}}}
        empty = {
            "index": self._index,
            "delta": {"type": "thinking_delta", "thinking": ""} if piece.is_reasoning else {"type": "text_delta", "text": ""},
        }
        return event + _event("content_block_delta", unknown) + _event("content_block_delta", empty)
