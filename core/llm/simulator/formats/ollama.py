"""Ollama's own format: POST /api/chat with one JSON object a line, GET /api/tags, POST /api/show, GET /api/version."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from core.llm.simulator.catalogue import MODELS, SimulatedModel
from core.llm.simulator.formats import base
from core.llm.simulator.formats.base import to_json
from core.llm.simulator.parser import Request
from core.llm.simulator.question import Piece, Plan, Question, Refused

_ROLES = ("system", "user", "assistant", "tool")
_SECOND = 1_000_000_000
#: Ollama's words for what models can do.
_CAPABILITIES = {"chat": "completion", "reasoning": "thinking", "vision": "vision"}


class OllamaFormat:
    """See base.Format."""

    name = "ollama"
    stream_type = "application/x-ndjson"

    def read(self, request: Request) -> Question:
        body = base.read_object(request)
        asked = base.read_model(body)
        system, turns = base.split_system(base.read_turns(body, _ROLES))
        options = body.get("options")
        if options is None:
            options = {}
        if not isinstance(options, dict):
            raise Refused(400, "options: an object is required.")
        base.check_number(options, "temperature", 0, 2)
        base.check_number(options, "top_p", 0, 1)
        limit = base.read_integer(options, "num_predict", minimum=-2)
        return Question(
            name=body["model"],
            asked=asked,
            turns=turns,
            system=system,
            stream=base.read_flag(body, "stream", True),
            max_tokens=limit if limit is not None and limit > 0 else None,  # -1 and -2 mean without a limit
            seed=base.read_integer(options, "seed", minimum=-(2**63)) or 0,
            stop=base.read_stop(options.get("stop"), "stop"),
            include_usage=True,
            parameters=base.rest_of(body),
            seen=base.seen_by(asked, body),
        )

    def writer(self, question: Question, plan: Plan, created: float, *, quirks: bool = False) -> OllamaWriter:
        return (_QuirkyWriter if quirks else OllamaWriter)(question, plan, created)

    def whole(self, question: Question, plan: Plan, created: float, elapsed_s: float) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": plan.text}
        if plan.reasoning:
            message["thinking"] = plan.reasoning
        usage = question.asked.model.fault != "no_usage"
        return to_json(
            {"model": question.name, "created_at": _iso(created), "message": message, **_end(plan, elapsed_s, finish=True, usage=usage)}
        )

    def error(self, status: int, message: str, kind: str = "") -> bytes:
        return to_json({"error": message})

    def listing(self) -> bytes:
        """GET /api/tags."""
        return to_json({"models": [self._listed(model) for model in MODELS]})

    def _listed(self, model: SimulatedModel) -> dict[str, Any]:
        return {
            "name": model.name,
            "model": model.name,
            "modified_at": base.MADE_AT_ISO,
            "size": 0,
            "digest": sha256(model.name.encode()).hexdigest(),
            "details": _details(),
            "description": model.description,
            "capabilities": _capabilities(model),
            "context_length": model.context_length,
        }

    def show(self, request: Request) -> bytes:
        """POST /api/show. Raises Refused."""
        body = base.read_object(request)
        model = base.read_model({"model": body.get("model") or body.get("name")}).model
        return to_json(
            {
                "license": "Apache-2.0",
                "modelfile": f"# {model.description}",
                "template": "{{ .Prompt }}",
                "details": _details(),
                "model_info": {"general.architecture": "simulated", "simulated.context_length": model.context_length},
                "capabilities": _capabilities(model),
                "modified_at": base.MADE_AT_ISO,
            }
        )


def _details() -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "simulated",
        "family": "simulated",
        "families": ["simulated"],
        "parameter_size": "",
        "quantization_level": "",
    }


def _capabilities(model: SimulatedModel) -> list[str]:
    return [_CAPABILITIES[capability] for capability in model.capabilities if capability in _CAPABILITIES]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _end(plan: Plan, elapsed_s: float, *, finish: bool, usage: bool) -> dict[str, Any]:
    """The fields of the last object; durations are in nanoseconds."""
    end: dict[str, Any] = {"done": True}
    if finish:
        end["done_reason"] = plan.finish
    if usage:
        total = int(elapsed_s * _SECOND)
        end |= {
            "total_duration": total,
            "load_duration": 0,
            "prompt_eval_count": plan.input_tokens,
            "prompt_eval_duration": 0,
            "eval_count": len(plan.pieces),
            "eval_duration": total,
        }
    return end


class OllamaWriter:
    """See base.Writer. The time in each line is that of the answer's start."""

    def __init__(self, question: Question, plan: Plan, created: float) -> None:
        self._plan = plan
        self._head = to_json({"model": question.name, "created_at": _iso(created)})[:-1]
        self._text = self._head + b',"message":{"role":"assistant","content":'
        self._reasoning = self._head + b',"message":{"role":"assistant","content":"","thinking":'

    def opening(self) -> bytes:
        return b""

    def delta(self, piece: Piece) -> bytes:
        return (self._reasoning if piece.is_reasoning else self._text) + to_json(piece.text) + b'},"done":false}\n'

    def ending(self, elapsed_s: float, *, finish: bool = True, done: bool = True, usage: bool = True) -> bytes:
        if not done:  # finish reason and end mark are one here
            return b""
        end = to_json(_end(self._plan, elapsed_s, finish=finish, usage=usage))
        return self._head + b',"message":{"role":"assistant","content":""},' + end[1:] + b"\n"

    def error(self, status: int, message: str) -> bytes:
        return to_json({"error": message}) + b"\n"

    def error_text(self, message: str) -> bytes:
        return self.error(500, message)

    def end_mark(self) -> bytes:
        return self._head + b',"done":true}\n'

    def garbage(self) -> bytes:
        return self._text + b'"unfin\n'

    def keepalive(self) -> bytes:
        return b"\n"


class _QuirkyWriter(OllamaWriter):
    """Lines without a message, with nulls, and with fields that nobody knows."""

    def delta(self, piece: Piece) -> bytes:
        text = to_json(piece.text)
        odd = (b'{"done":false}\n', self._head + b',"message":null,"done":false}\n', self._text + b'null},"done":false}\n', b"{}\n")
        line = self._text + text + b',"thinking":null,"images":null,"unknown":{"a":[1]}},"done":false}\n'
        return odd[len(text) % len(odd)] + line
