"""A row parsed exactly, with everything that is wrong in how it is written: slow, for rows that the fast way did not take."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Bytes of the longest row that is looked into: two million tokens. Longer ones are named and passed over.
LONGEST_ROW: Final = 8 * 1024 * 1024
#: Levels of lists and objects in each other; LLaMA-Factory's loader gives up a little above.
DEEPEST: Final = 50
#: Characters of text from the file that a problem quotes.
QUOTED: Final = 80
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_COMMA_BEFORE_END = re.compile(r",\s*(?=[}\]])")


class Nothing:
    """The type of NOTHING: there is no value (None is one: null)."""

    def __bool__(self) -> bool:
        return False


NOTHING: Final = Nothing()


@dataclass(frozen=True, slots=True)
class Flaw:
    """A broken rule in one row. `at`: bytes from the row's start."""

    rule: str
    path: str = "$"
    fields: Mapping[str, Any] = field(default_factory=dict)
    at: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """`value`: NOTHING where none could be told; where flaws are mended, the mended one. `start`, `end`: bytes in what was given."""

    value: Any
    flaws: tuple[Flaw, ...]
    start: int
    end: int


class _Pairs(dict[str, Any]):
    """An object some of whose keys were there twice."""

    doubled: tuple[str, ...] = ()


def _pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(found)
    if len(value) == len(found):
        return value
    seen: set[str] = set()
    special = _Pairs(value)
    special.doubled = tuple(dict.fromkeys(key for key, _ in found if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return special


class _NotANumber:
    def __init__(self, word: str) -> None:
        self.word = word


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_NotANumber, strict=False)


def quoted(text: Any) -> str:
    """`text` cut for a problem, in a form that every encoding takes."""
    return _SURROGATE.sub("\ufffd", str(text)[: QUOTED + 1] if isinstance(text, str) else repr(text)[: QUOTED + 1])[:QUOTED]


def parse(raw: bytes) -> list[Parsed]:
    """The values of `raw`, which should be one. There is always at least one entry."""
    if len(raw) > LONGEST_ROW:
        return [Parsed(NOTHING, (Flaw("row_too_long", fields={"size": len(raw), "limit": LONGEST_ROW}),), 0, len(raw))]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        flaw = Flaw("not_utf8", fields={"byte": f"{raw[error.start]:02x}"}, at=error.start)
        return [Parsed(NOTHING, (flaw,), 0, len(raw))]
    return _parse_text(text, raw)


def _parse_text(text: str, raw: bytes) -> list[Parsed]:
    found: list[Parsed] = []
    position = _skip(text, 0)
    while position < len(text):
        start = _bytes(text, position, raw)
        try:
            value, end = _DECODER.raw_decode(text, position)
        except RecursionError:
            return [*found, Parsed(NOTHING, (Flaw("nested_too_deeply", fields={"limit": DEEPEST}, at=start),), start, len(raw))]
        except ValueError as error:  # also whole numbers of more than 4300 digits
            return [
                *found,
                _broken(text[position:], raw[start:], start, getattr(error, "msg", ""), getattr(error, "pos", position) - position),
            ]
        stop = _bytes(text, end, raw)
        found.append(_looked_through(value, raw[start:stop], start, stop))
        position = _skip(text, end)
    if not found:
        found.append(Parsed(NOTHING, (Flaw("truncated"),), 0, len(raw)))
    return found


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _bytes(text: str, position: int, raw: bytes) -> int:
    if len(text) == len(raw):
        return position
    return len(text[:position].encode("utf-8"))


def _broken(text: str, raw: bytes, start: int, message: str, position: int) -> Parsed:
    """What is wrong with JSON that does not parse, and its value where the error is a common one of writers of JSON."""
    position = max(0, min(position, len(text)))
    at = start + _bytes(text, position, raw)
    end = start + len(raw)
    if text.startswith(("{'", "{ '")) and isinstance(value := _python(text), dict):
        return Parsed(value, (Flaw("single_quotes", at=start),), start, end)
    mended = _COMMA_BEFORE_END.sub("", text)
    if mended != text:
        try:
            return Parsed(json.loads(mended), (Flaw("trailing_comma", at=at),), start, end)
        except (ValueError, RecursionError):
            pass
    rest = text[position:].strip()
    if not rest or message.startswith("Unterminated string"):
        return Parsed(NOTHING, (Flaw("truncated", fields={"found": quoted(text.rstrip()[-40:])}, at=at),), start, end)
    return Parsed(NOTHING, (Flaw("malformed", fields={"found": quoted(rest[:40]), "reason": message}, at=at),), start, end)


def _python(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text.strip())
            json.dumps(value, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return NOTHING
    return value


def _looked_through(value: Any, raw: bytes, start: int, end: int) -> Parsed:
    """Flaws of a value that parsed, which stricter readers refuse."""
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and depth(value) > DEEPEST:
        return Parsed(NOTHING, (Flaw("nested_too_deeply", fields={"limit": DEEPEST}, at=start),), start, end)
    flaws: list[Flaw] = []
    if any(byte < 0x20 and byte not in b"\r\n\t" for byte in set(raw)) or ((b"\t" in raw or b"\n" in raw) and not _strict(raw)):
        flaws.append(Flaw("control_character", at=start))
    value = _mended(value, "$", flaws, _MAYBE_SURROGATE.search(raw) is not None)
    return Parsed(value, tuple(flaws), start, end)


def _strict(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _mended(value: Any, path: str, flaws: list[Flaw], surrogates: bool) -> Any:
    if isinstance(value, str):
        if surrogates and _SURROGATE.search(value):
            flaws.append(Flaw("lone_surrogate", path))
            return _SURROGATE.sub("\ufffd", value)
        return value
    if isinstance(value, dict):
        flaws.extend(Flaw("duplicate_key", f"{path}.{quoted(key)}", {"key": quoted(key)}) for key in getattr(value, "doubled", ()))
        return {
            (_SURROGATE.sub("\ufffd", key) if surrogates else key): _mended(inner, member(path, key), flaws, surrogates)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_mended(inner, f"{path}[{number}]", flaws, surrogates) for number, inner in enumerate(value)]
    if isinstance(value, _NotANumber):
        flaws.append(Flaw("not_a_number", path, {"found": value.word}))
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):  # 1e999
        flaws.append(Flaw("not_a_number", path, {"found": "1e999"}))
        return None
    return value


def member(path: str, key: str) -> str:
    """The JSON path of a member of `path`."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(quoted(key), ensure_ascii=False)}]"


def depth(value: Any) -> int:
    """How many lists and objects are in each other. Needs no recursion."""
    deepest = 0
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        inner, level = todo.pop()
        if isinstance(inner, (dict, list)):
            deepest = max(deepest, level + 1)
            todo.extend((child, level + 1) for child in (inner.values() if isinstance(inner, dict) else inner))
    return deepest


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    todo = [value]
    while todo:
        inner = todo.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            todo.extend(inner.values())
        elif isinstance(inner, list):
            todo.extend(inner)
