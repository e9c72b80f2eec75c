"""What the wire formats have in common: reading fields with proper refusals, and writing JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from core.llm.simulator.names import Asked, UnknownModel, parse_name
from core.llm.simulator.parser import Request
from core.llm.simulator.question import Piece, Plan, Question, Refused
from core.llm.simulator.sight import seen_in

#: When the simulated models were "made", for lists that have such a field: 2026-01-01, seconds since the epoch and ISO 8601.
MADE_AT = 1_767_225_600
MADE_AT_ISO = "2026-01-01T00:00:00Z"
OWNER = "modeltrain-simulator"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def to_json(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON; half surrogates, which have no UTF-8, as escapes."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_ascii(value).encode()


class Writer(Protocol):
    """Writes one streamed answer. Each method gives the bytes of whole events (lines, for Ollama)."""

    def opening(self) -> bytes:
        """What comes before the first token."""
        ...

    def delta(self, piece: Piece) -> bytes:
        """One token."""
        ...

    def ending(self, elapsed_s: float, *, finish: bool = True, done: bool = True, usage: bool = True) -> bytes:
        """The proper end after `elapsed_s` seconds; without its finish reason, end mark or usage if a fault wants it so."""
        ...

    def error(self, status: int, message: str) -> bytes:
        """An error in mid-stream."""
        ...

    def error_text(self, message: str) -> bytes:
        """An error whose value is a plain text."""
        ...

    def end_mark(self) -> bytes:
        """The end mark alone."""
        ...

    def garbage(self) -> bytes:
        """Something that is not an event of this format, framed as one."""
        ...

    def keepalive(self) -> bytes:
        """Something that a reader must skip."""
        ...


class Format(Protocol):
    """A wire format. `name` is what the request log says; `stream_type` the content type of a stream."""

    name: str
    stream_type: str

    def read(self, request: Request) -> Question:
        """The question in a request. Raises Refused."""
        ...

    def writer(self, question: Question, plan: Plan, created: float, *, quirks: bool = False) -> Writer: ...

    def whole(self, question: Question, plan: Plan, created: float, elapsed_s: float) -> bytes:
        """The answer as one JSON body."""
        ...

    def error(self, status: int, message: str, kind: str = "") -> bytes:
        """An error as a JSON body."""
        ...


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises Refused."""
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refused(400, "The body of the request is not JSON.") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body of the request is not a JSON object.")
    return value


def read_model(body: Mapping[str, Any]) -> Asked:
    """The model that is asked for. Raises Refused (400, 404)."""
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise Refused(400, "model: a text is required.")
    try:
        return parse_name(name)
    except UnknownModel as problem:
        raise Refused(404, str(problem), "model_not_found") from None


def read_integer(body: Mapping[str, Any], name: str, *, minimum: int) -> int | None:
    """An integer field, None if it is not there. Raises Refused."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise Refused(400, f"{name}: an integer of at least {minimum} is required.")
    return value


def check_number(body: Mapping[str, Any], name: str, minimum: float, maximum: float) -> None:
    """Raises Refused if the field `name` is there and not a number from `minimum` to `maximum`."""
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise Refused(400, f"{name}: a number from {minimum:g} to {maximum:g} is required.")


def read_flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Refused(400, f"{name}: true or false is required.")
    return value


def read_stop(value: Any, name: str) -> tuple[str, ...]:
    """Stop sequences: a text or a list of texts."""
    if value is None:
        return ()
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Refused(400, f"{name}: a text or a list of texts is required.")
    return tuple(words)


def read_text(value: Any, where: str) -> str:
    """The text of a message: a text, or parts of which the texts are taken; an image is named as one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise Refused(400, f"{where}: a text or a list of parts is required.")
    return "".join(_part(part, where) for part in value)


def _part(part: Any, where: str) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise Refused(400, f"{where}: each part is an object with a type.")
    if part["type"] == "text":
        if not isinstance(part.get("text"), str):
            raise Refused(400, f"{where}: a part of type text has a text.")
        return str(part["text"])
    return f"[{part['type']}]"


def read_turns(body: Mapping[str, Any], roles: Iterable[str]) -> list[tuple[str, str]]:
    """(role, text) of each message. Raises Refused."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: a list of at least one message is required.")
    allowed = tuple(roles)
    turns = []
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in allowed:
            raise Refused(400, f"messages[{index}].role: one of {', '.join(allowed)} is required.")
        turns.append((role, read_text(message.get("content"), f"messages[{index}].content")))
    return turns


def seen_by(asked: Asked, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What the asked model sees in the request's images; nothing where it does not see. Raises Refused."""
    return seen_in(body) if "vision" in asked.model.capabilities else ()


def split_system(turns: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """The system prompt that is among the messages, and the other messages."""
    system = "\n".join(text for role, text in turns if role in ("system", "developer"))
    return system, [turn for turn in turns if turn[0] not in ("system", "developer")]


def rest_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request's parameters: all but what was said and to whom."""
    return {name: value for name, value in body.items() if name not in ("model", "messages", "system")}
