"""The options of scorers: their defaults, and what is wrong with what somebody wrote."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.scoring.types import Option, OptionKind, OptionProblem, ScorerInfo

#: The longest pattern, the longest schema and any other text, in characters; the most texts in a list.
MAX_PATTERN, MAX_TEXT, MAX_TEXTS = 2_000, 100_000, 200
#: Patterns that call themselves need memory without end; no pattern that looks for something in an answer needs them.
_RECURSION = re.compile(r"\(\?(?:R|[+-]?\d|&|P>)")
_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*[%％]\s*")

_Check = Callable[[Option, Any], OptionProblem | None]


def settings_of(info: ScorerInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """The scorer's options with defaults where none is given. Those of other scorers are left out."""
    return {option.name: _given(option, options) for option in info.options}


def _given(option: Option, options: Mapping[str, Any]) -> Any:
    value = options.get(option.name)
    return option.default if value is None else value


def problems_of(info: ScorerInfo, options: Mapping[str, Any], known: frozenset[str]) -> tuple[OptionProblem, ...]:
    """What does not hold. An option that only other scorers have (it is in `known`) is no problem: questions may carry several."""
    found = [
        OptionProblem(str(name), "unknown_option", {"known": [option.name for option in info.options]})
        for name in options
        if name not in known
    ]
    for option in info.options:
        value = options.get(option.name)
        if value is None:
            if option.required:
                found.append(OptionProblem(option.name, "required"))
        elif problem := _CHECKS[option.kind](option, value):
            found.append(problem)
    return tuple(found)


def tolerance(value: Any) -> tuple[float, bool] | None:
    """A tolerance as (size, whether relative): a number is absolute, text with a percent sign relative; None for what is none."""
    if isinstance(value, str):
        if found := _PERCENT.fullmatch(value):
            return float(found[1]) / 100, True
        try:
            value = float(value)
        except ValueError:
            return None
    if not _is_number(value) or value < 0:
        return None
    return float(value), False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(option: Option, value: Any) -> OptionProblem:
    return OptionProblem(option.name, "wrong_type", {"kind": option.kind, "found": type(value).__name__})


def _flag(option: Option, value: Any) -> OptionProblem | None:
    return None if isinstance(value, bool) else _wrong(option, value)


def _number(option: Option, value: Any) -> OptionProblem | None:
    if not _is_number(value) or (option.kind == "whole" and value != int(value)):
        return _wrong(option, value)
    if (option.low is not None and value < option.low) or (option.high is not None and value > option.high):
        return OptionProblem(option.name, "out_of_range", {"low": option.low, "high": option.high, "found": value})
    return None


def _tolerance(option: Option, value: Any) -> OptionProblem | None:
    return None if tolerance(value) is not None else _wrong(option, value)


def _text(option: Option, value: Any) -> OptionProblem | None:
    if not isinstance(value, str):
        return _wrong(option, value)
    return OptionProblem(option.name, "too_long", {"limit": MAX_TEXT}) if len(value) > MAX_TEXT else None


def _texts(option: Option, value: Any) -> OptionProblem | None:
    if isinstance(value, list | tuple):
        if len(value) > MAX_TEXTS:
            return OptionProblem(option.name, "too_long", {"limit": MAX_TEXTS})
        return next((problem for one in value if (problem := _text(option, one))), None)
    return _text(option, value)


def _choice(option: Option, value: Any) -> OptionProblem | None:
    return None if value in option.choices else OptionProblem(option.name, "not_a_choice", {"choices": list(option.choices)})


def pattern_problem(pattern: str, name: str = "pattern") -> OptionProblem | None:
    """What is wrong with a regular expression."""
    import regex

    if len(pattern) > MAX_PATTERN:
        return OptionProblem(name, "too_long", {"limit": MAX_PATTERN})
    if _RECURSION.search(re.sub(r"\\.", "", pattern, flags=re.DOTALL)):
        return OptionProblem(name, "not_a_pattern", {"reason": "recursion"})
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, ValueError, IndexError, KeyError) as error:
        return OptionProblem(name, "not_a_pattern", {"reason": str(error)[:200]})
    return None


def _pattern(option: Option, value: Any) -> OptionProblem | None:
    return pattern_problem(value, option.name) if isinstance(value, str) else _wrong(option, value)


def schema_value(value: Any) -> Any:
    """A JSON schema given as an object, or as text. Raises ValueError for text that is no JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _schema(option: Option, value: Any) -> OptionProblem | None:
    from core.scoring.json_schema import schema_problem

    if isinstance(value, str) and len(value) > MAX_TEXT:
        return OptionProblem(option.name, "too_long", {"limit": MAX_TEXT})
    try:
        schema = schema_value(value)
    except ValueError as error:
        return OptionProblem(option.name, "not_a_schema", {"reason": str(error)[:200]})
    if not isinstance(schema, Mapping | bool):
        return _wrong(option, value)
    reason = schema_problem(schema)
    return None if reason is None else OptionProblem(option.name, "not_a_schema", {"reason": reason})


_CHECKS: Final[Mapping[OptionKind, _Check]] = {
    "flag": _flag,
    "number": _number,
    "whole": _number,
    "tolerance": _tolerance,
    "text": _text,
    "texts": _texts,
    "choice": _choice,
    "pattern": _pattern,
    "schema": _schema,
}
