"""JSON schemas: whether an answer's value holds to one. Nothing is fetched, and no pattern of a schema runs for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from core.scoring.options import pattern_problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

#: Seconds that one pattern of a schema may look at one text, and how many faults are told.
_PATTERN_S: Final = 0.5
_FAULTS: Final = 5


class SchemaTooSlow(Exception):
    """A pattern of the schema took too long on a text."""


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


def faults(value: Any, schema: Any) -> list[dict[str, str]]:
    """What does not hold: path and message of the first few faults. Raises SchemaTooSlow, and ValueError for a reference to elsewhere."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = _bounded(validator_for(schema, default=Draft202012Validator))
    found = []
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
    """The validator of a draft with patterns that are stopped in time."""
    from jsonschema.validators import extend

    bounded: type[Validator] = extend(kind, {"pattern": _pattern, "patternProperties": _pattern_properties})  # type: ignore[no-untyped-call]
    return bounded


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
                if _search(pattern, key):
                    yield from validator.descend(member, inner, path=key, schema_path=pattern)
