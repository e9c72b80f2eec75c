"""JSON in answers: found in fenced blocks and in the middle of text, and compared as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

#: The longest answer that is looked through, in characters; how many places in running text are tried as the beginning of a value.
LONGEST: Final = 2_000_000
_PLACES = 200
_FENCE = re.compile(
    r"^[ \t]{0,3}(?P<mark>`{3,}|~{3,})[ \t]*(?P<kind>[\w+.-]*)[^\n]*\n(?P<body>.*?)^[ \t]{0,3}(?P=mark)", re.MULTILINE | re.DOTALL
)


class NotJson(ValueError):
    """There is no JSON value in the text."""


def json_in(text: str) -> Any:
    """The JSON value of an answer: the whole text, else the last fenced block that holds one, else the longest object or list in it.

    Raises NotJson. NaN and Infinity are not JSON.
    """
    for candidate in (text, *_fenced(text)):
        try:
            return parsed(candidate)
        except NotJson:
            continue
    return _inside(text)


def parsed(text: str) -> Any:
    """A text that is JSON as a whole. Raises NotJson."""
    try:
        return json.loads(text.strip().removeprefix("\ufeff"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)[:200]) from error


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _fenced(text: str) -> Iterator[str]:
    """The bodies of fenced blocks, those called JSON first, later ones before earlier ones."""
    blocks = list(_FENCE.finditer(text)) if "```" in text or "~~~" in text else []
    for wanted in (True, False):
        for block in reversed(blocks):
            if (block["kind"].lower() in ("json", "json5", "jsonc")) is wanted:
                yield block["body"]


def _inside(text: str) -> Any:
    """The longest object or list in running text."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    best: tuple[int, Any] | None = None
    at, tried = 0, 0
    places = re.compile(r"[{\[]")
    while (found := places.search(text, at)) and tried < _PLACES:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            at = found.start() + 1
            continue
        if best is None or end - found.start() > best[0]:
            best = (end - found.start(), value)
        at = end
    if best is None:
        raise NotJson("no object or list")
    return best[1]


def difference(expected: Any, found: Any, settings: Mapping[str, Any], path: str = "$") -> str | None:
    """The path of the first difference; None for equal values. The order of keys is free; 1 and 1.0 are one number, true is none.

    Settings: ignore_list_order, extra_keys (found objects may have more), ignore_case, tolerance (absolute, of numbers).
    """
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return _objects(expected, found, settings, path)
    if isinstance(expected, list) and isinstance(found, list):
        return _lists(expected, found, settings, path)
    return None if _equal(expected, found, settings) else path


def _objects(expected: Mapping[str, Any], found: Mapping[str, Any], settings: Mapping[str, Any], path: str) -> str | None:
    for key, value in expected.items():
        inner = f"{path}.{key}"
        if key not in found:
            return inner
        if differs := difference(value, found[key], settings, inner):
            return differs
    extra = next((key for key in found if key not in expected), None)
    return None if extra is None or settings.get("extra_keys") else f"{path}.{extra}"


def _lists(expected: list[Any], found: list[Any], settings: Mapping[str, Any], path: str) -> str | None:
    if len(expected) != len(found):
        return f"{path}[{min(len(expected), len(found))}]"
    if not settings.get("ignore_list_order"):
        pairs = enumerate(zip(expected, found, strict=True))
        return next((differs for at, (one, other) in pairs if (differs := difference(one, other, settings, f"{path}[{at}]"))), None)
    return _any_order(expected, found, settings, path)


#: Lists longer than this are compared in their order after sorting: each with each would take too long.
_EACH_WITH_EACH = 60


def _any_order(expected: list[Any], found: list[Any], settings: Mapping[str, Any], path: str) -> str | None:
    if len(expected) > _EACH_WITH_EACH:
        ordered = {"ignore_list_order": False, **{key: value for key, value in settings.items() if key != "ignore_list_order"}}
        return difference(sorted(expected, key=_order), sorted(found, key=_order), ordered, path)
    rest = list(found)
    for at, one in enumerate(expected):
        match = next((index for index, other in enumerate(rest) if difference(one, other, settings) is None), None)
        if match is None:
            return f"{path}[{at}]"
        del rest[match]
    return None


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _equal(expected: Any, found: Any, settings: Mapping[str, Any]) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return expected == found or abs(expected - found) <= settings.get("tolerance", 0)
    if isinstance(expected, str) and isinstance(found, str) and settings.get("ignore_case"):
        return expected.strip().casefold() == found.strip().casefold()
    return bool(type(expected) is type(found) and expected == found)
