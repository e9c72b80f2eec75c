"""What a model or its server does in its own way, as data. The code of the wire formats asks a profile, never a vendor's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

ReasoningMode = Literal["auto", "forced", "off"]


@dataclass(frozen=True, slots=True)
class Profile:
    """How to ask and how to read.

    reasoning: "auto" reads tags at the start of an answer; "forced": the answer begins inside reasoning although no tag says so
    (the server's template wrote the opening tag); "off": tags are text.
    interleaved: reasoning may begin anywhere and more than once.
    usage_option: `stream_options` is understood; a server that refuses it is remembered besides (core/llm/openai.py).
    max_tokens_field: the name of the token limit in the request.
    max_tokens: sent where the format demands a limit and the person gave none.
    max_temperature: the highest temperature that the provider accepts; higher ones are lowered to it.
    drop: parameters that the provider refuses, not sent.
    """

    reasoning: ReasoningMode = "auto"
    interleaved: bool = False
    usage_option: bool = True
    max_tokens_field: str = "max_tokens"
    max_tokens: int = 8192
    max_temperature: float = 2.0
    drop: tuple[str, ...] = ()

    def with_changes(self, changes: Mapping[str, Any]) -> Profile:
        """The profile with the named fields replaced. Raises ValueError for a name that is none of them."""
        unknown = set(changes) - {field.name for field in fields(self)}
        if unknown:
            raise ValueError(f"not a field of a profile: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}
        return replace(self, **values)


DEFAULT_PROFILE = Profile()
