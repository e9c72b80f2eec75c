"""Small things that all wire formats do with JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.llm.events import FinishReason
from core.llm.profiles import Profile
from core.llm.request import Parameters, Turn

#: What a person may not replace by extra parameters: the question itself, and whether it is streamed.
_OURS = frozenset({"messages", "stream", "system"})

_FINISH: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
}
#: Finish reasons that say that the answer failed.
FAILED = frozenset({"error", "network_error", "insufficient_system_resource", "abort", "cancelled"})


def finish_reason(value: Any) -> FinishReason | None:
    """The finish reason that a provider's word means; None for null and "". An unknown word is an end like any other."""
    if isinstance(value, dict):
        value = value.get("type")
    if not isinstance(value, str) or not value:
        return None
    return _FINISH.get(value.lower(), "stop")


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with the extra parameters of a configuration: objects are merged, anything else replaced."""
    for name, value in extra.items():
        if name in _OURS:
            continue
        mine = body.get(name)
        body[name] = merged(dict(mine), value) if isinstance(mine, dict) and isinstance(value, Mapping) else value
    return body


def sampling(parameters: Parameters, profile: Profile, names: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that are set and that the provider takes, by their names in the format."""
    found: dict[str, Any] = {}
    for ours, theirs in names.items():
        value = getattr(parameters, ours)
        if value is None or value == () or ours in profile.drop:
            continue
        if ours == "temperature":
            value = min(value, profile.max_temperature)
        found[theirs] = list(value) if ours == "stop" else value
    return found


def plain_turns(turns: tuple[Turn, ...], with_images: Callable[[Turn], dict[str, Any]]) -> list[dict[str, Any]]:
    """The context as every format has it; `with_images` makes the fields of a turn that shows some, besides its role.

    Turns without text (an answer that failed) are left out: some providers refuse them.
    """
    return [{"role": turn.role, **(with_images(turn) if turn.images else {"content": turn.content})} for turn in turns if turn.content]


def text_in(value: Any) -> str:
    """`value` if it is text, else ""."""
    return value if isinstance(value, str) else ""


def whole_number(value: Any) -> int | None:
    """`value` if it is a positive whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
