"""JSON schemas: whether an answer's value holds to one. Nothing is fetched, and neither a pattern nor a schema runs for ever.

jsonschema searches some patterns with `re`, which holds the whole process up, and compares elements each with each: these keywords are
ours. All of them look at the time, since a short schema may ask for more looks at a value than there are atoms.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from core.scoring.options import pattern_problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

#: Seconds that one pattern of a schema may look at one text, and the whole schema at a value; how many faults are told.
_PATTERN_S: Final = 0.5
_WHOLE_S: Final = 2.0
_FAULTS: Final = 5
#: When (on the clock that nobody sets) the schema that is tried now has taken too long.
_deadline: ContextVar[float] = ContextVar("deadline")


class SchemaTooSlow(Exception):
    """The schema, or a pattern of it, took too long on a value."""


def schema_problem(schema: Any) -> str | None:
    """Why a value is no JSON schema that could be used, in the words of its library; None for one that can."""
    try:
        return _problem(json.dumps(schema))
    except (TypeError, ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"[:200]


@lru_cache(maxsize=64)
def _problem(text: str) -> str | None:
    """Remembered: one schema serves a whole set of questions."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for

    schema = json.loads(text)
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return error.message[:200]
    except RecursionError:
        return "nested too deeply"
    except Exception as error:  # what cannot even be checked: a "$schema" that is a list
        return f"{type(error).__name__}: {error}"[:200]
    if {"patternProperties", "unevaluatedProperties"} <= set(_keywords(schema)):
        return "patternProperties together with unevaluatedProperties"  # these patterns are searched where nothing stops them
    problem = next((found for one in _patterns(schema) if (found := pattern_problem(one))), None)
    return None if problem is None else f"{problem.rule}: {problem.fields.get('reason', '')}"


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            elif key == "patternProperties" and isinstance(value, Mapping):
                yield from value
            yield from _patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _patterns(value)


def _keywords(schema: Any) -> Iterator[str]:
    """Every key that is anywhere in it."""
    for value in schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ():
        yield from _keywords(value)
    if isinstance(schema, Mapping):
        yield from schema


def faults(value: Any, schema: Any) -> list[dict[str, str]]:
    """What does not hold: path and message of the first few faults. Raises SchemaTooSlow, and ValueError for a reference to elsewhere."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = _bounded(validator_for(schema, default=Draft202012Validator))
    found = []
    _deadline.set(time.monotonic() + _WHOLE_S)
    try:
        for error in kind(schema, registry=Registry()).iter_errors(value):
            found.append({"path": error.json_path, "message": error.message[:200]})
            if len(found) == _FAULTS:
                break
    except Unresolvable as error:
        raise ValueError(str(error)[:200]) from error
    return found


@cache
def _bounded(kind: type[Validator]) -> type[Validator]:
    """The validator of a draft with keywords that are stopped in time."""
    from jsonschema.validators import extend

    ours: dict[str, Any] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords: Mapping[str, Any] = kind.VALIDATORS
    timed = {name: _timed(ours.get(name, keyword)) for name, keyword in keywords.items()}
    bounded: type[Validator] = extend(kind, timed)  # type: ignore[no-untyped-call]
    return bounded


def _timed(keyword: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """The keyword, which raises SchemaTooSlow where it begins, and at each fault that it finds, once the time is over."""

    def timed(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _look_at_the_time()
        for error in keyword(validator, value, instance, schema) or ():
            _look_at_the_time()
            yield error

    return timed


def _look_at_the_time() -> None:
    if time.monotonic() > _deadline.get():
        raise SchemaTooSlow


def _search(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, timeout=_PATTERN_S, concurrent=True) is not None
    except TimeoutError as error:
        raise SchemaTooSlow from error


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "string") and not _search(pattern, value):
        yield ValidationError(f"{value[:80]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, inner in patterns.items():
            for key, member in value.items():
                _look_at_the_time()
                if _search(pattern, key):
                    yield from validator.descend(member, inner, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(value, "object"):
        return
    named, patterns = schema.get("properties", {}), tuple(schema.get("patternProperties", ()))
    for key, member in value.items():
        _look_at_the_time()
        if key in named or any(_search(pattern, key) for pattern in patterns):
            continue
        if isinstance(allowed, Mapping):
            yield from validator.descend(member, allowed, path=key)
        elif not allowed:
            yield ValidationError(f"Additional properties are not allowed ({key[:80]!r} was unexpected)")


def _unique_items(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if wanted and validator.is_type(value, "array"):
        seen: set[Any] = set()
        for member in value:
            _look_at_the_time()
            if (key := _key(member)) in seen:
                yield ValidationError(f"{json.dumps(member, ensure_ascii=False)[:80]} is there twice")
                return
            seen.add(key)


def _key(value: Any) -> Any:
    """Equal for equal JSON values: 1 and 1.0 are one number, true is none, the order of keys is free."""
    if isinstance(value, Mapping):
        return frozenset((name, _key(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(_key(member) for member in value)
    return (isinstance(value, bool), value)
