"""How an answer ended, and how its error is kept in the database and comes back."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from core import errors
from core.chat.types import Finish, MessageState
from core.errors import ModeltrainError
from core.llm.events import FinishReason

#: The answer was under way and broke: what came is worth keeping and going on from. All other errors are refusals.
_CUT = (errors.StreamTruncated, errors.StreamStalled, errors.ConnectionLost, errors.ResponseTooLarge)


class Outcome(NamedTuple):
    state: MessageState
    finish: Finish
    error: ModeltrainError | None = None


STOPPED = Outcome("stopped", "stopped")
INTERRUPTED = Outcome("truncated", "truncated", errors.AnswerInterrupted())


def ended(reason: FinishReason, *, answered: bool, thought: bool, cut: bool) -> Outcome:
    """The provider ended the answer. `answered`, `thought`: whether answer text and reasoning came; `cut`: a reasoning tag stayed open."""
    if reason in ("length", "content_filter"):
        return Outcome("truncated", reason)
    if cut or (thought and not answered and reason == "stop"):
        return Outcome("truncated", "truncated", errors.StreamTruncated(where="reasoning"))
    if not answered and not thought:
        return Outcome("failed", "error", errors.EmptyStream())
    return Outcome("complete", reason)


def broken(error: ModeltrainError, *, came: bool, continued: bool) -> Outcome:
    """The answer broke off with `error`. `came`: anything came; `continued`: there was an answer before, which stays one."""
    if continued or (came and isinstance(error, _CUT)):
        return Outcome("truncated", "truncated", error)
    return Outcome("failed", "error", error)


def error_columns(error: ModeltrainError | None) -> dict[str, str]:
    """The columns `error_code` and `error_fields` of a message."""
    if error is None:
        return {"error_code": "", "error_fields": ""}
    plain = {name: value for name, value in error.fields.items() if isinstance(value, str | int | float | bool)}
    return {"error_code": error.code, "error_fields": json.dumps(plain)}


def error_from(code: str, fields: str) -> ModeltrainError | None:
    """The error that `error_columns` kept."""
    if not code:
        return None
    kind = _kinds().get(code, ModeltrainError)
    try:
        found: Any = json.loads(fields) if fields else {}
        return kind(**found)
    except (ValueError, TypeError):
        return ModeltrainError(kind=code)


@functools.cache
def _kinds() -> Mapping[str, type[ModeltrainError]]:
    kinds: dict[str, type[ModeltrainError]] = {}
    waiting: list[type[ModeltrainError]] = [ModeltrainError]
    while waiting:
        kind = waiting.pop()
        kinds.setdefault(kind.code, kind)  # of several that share a code, the one that the others are made of
        waiting.extend(kind.__subclasses__())
    return kinds
