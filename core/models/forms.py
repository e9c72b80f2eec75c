"""From the text of form fields and shell options to parameters: one reading for both, so that both give the same remarks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import InvalidInput
from core.llm.request import Parameters
from core.models.checks import EXTRA_LIMIT, Problems, check_extra, check_number, check_parameters

FLOAT_FIELDS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
INTEGER_FIELDS = ("top_k", "max_tokens", "seed")
#: Digits that a number may have: more is no number that a person means, and `int` is slow on very long ones.
_DIGITS = 40


def parse_number(field: str, text: str) -> float | int | None:
    """The number in `text`, None for a blank one. Raises InvalidInput(field, not_a_number | not_an_integer | out_of_range)."""
    text = text.strip()
    if not text:
        return None
    value = _read_number(field, text)
    check_number(field, value)
    return value


def _read_number(field: str, text: str) -> float | int:
    if len(text) > _DIGITS or "_" in text:
        raise InvalidInput(field, "not_a_number")
    if field in INTEGER_FIELDS:
        try:
            return int(text)
        except ValueError:
            pass
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidInput(field, "not_a_number") from error
    if field not in INTEGER_FIELDS:
        return value
    raise InvalidInput(field, "not_an_integer")


def parse_extra(text: str) -> dict[str, Any]:
    """The JSON object in `text`, {} for a blank one. Raises InvalidInput("extra", not_json | not_an_object | not_finite | ...)."""
    if not text.strip():
        return {}
    if len(text) > EXTRA_LIMIT:
        raise InvalidInput("extra", "too_long", limit=EXTRA_LIMIT)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError as error:
        raise InvalidInput("extra", "too_deep") from error
    except ValueError as error:
        raise InvalidInput("extra", "not_json") from error
    if not isinstance(value, dict):
        raise InvalidInput("extra", "not_an_object")
    check_extra(value)
    return value


def _refuse_constant(name: str) -> float:
    raise InvalidInput("extra", "not_finite", value=name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, item in pairs:
        if name in value:
            raise InvalidInput("extra", "twice", value=name)
        value[name] = item
    return value


def parse_parameters(texts: Mapping[str, str], stop: Sequence[str] = ()) -> tuple[Parameters, Problems]:
    """Parameters from texts by field name ("extra" is JSON), and what is wrong with them by field. What is wrong is left out."""
    problems: Problems = {}
    values: dict[str, Any] = {"stop": tuple(stop)}
    for field in (*FLOAT_FIELDS, *INTEGER_FIELDS):
        try:
            values[field] = parse_number(field, texts.get(field, ""))
        except InvalidInput as problem:
            problems[field] = problem
    try:
        values["extra"] = parse_extra(texts.get("extra", ""))
    except InvalidInput as problem:
        problems["extra"] = problem
    parameters = Parameters(**values)
    return parameters, {**check_parameters(parameters), **problems}
