"""The fast way: rows decoded by msgspec straight into the type that most of the file has, and looked at many at a time.

It only says "all of these are right". Any doubt (another type, an unknown key, a blank answer, a key that may be there twice) sends
the rows to the exact way (core/datasets/exact.py, judge.py). So it must never take a row that those would refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Literal

import msgspec

from core.datasets.exact import DEEPEST
from core.datasets.layouts import Shape, role_of
from core.datasets.messages import order_flaws

#: What a number of rows has: (characters, turns) of each row, and hashes of what they say.
Measured = tuple[list[int], list[int], list[int]]
#: Orders of roles and descriptions of tools that are remembered as right.
_REMEMBERED = 1000
_PLAIN = ("prompt", "query", "response", "system", "tools", "chosen", "rejected", "kto_tag", "messages", "history")
_NESTED: tuple[Any, ...] = (list, dict, Any)


class FastWay:
    """For one shape. `decode(lines)` gives rows or None; `measure(rows)` their figures, or None where one is in doubt."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._fields: dict[str, str] = {}  # key in the file -> field of the type
        self._optional: list[str] = []
        self._nested: list[str] = []
        self._tools: set[str] = set()
        self.with_system = self.with_tools = self.with_images = self.good_tags = 0
        self._orders: dict[tuple[str, ...], bool] = {}
        layout = shape.layout
        self.usable = layout.format != "unknown" and layout.formatting != "openai" and bool(shape.types)
        if self.usable:
            self._message = self._message_type()
            self._decoder = msgspec.json.Decoder(self._row_type())
            self._look = self._conversations if "messages" in layout.columns else self._texts
            self.usable = all(key in self._fields for key in layout.columns.values())

    def decode(self, lines: bytes) -> list[Any] | None:
        """Rows of whole lines, None if one of them has another type or a key may be there twice."""
        try:
            rows = self._decoder.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return rows if lines.count(b'":') == self._keys(rows) else None

    def decode_one(self, raw: bytes | memoryview) -> Any | None:
        """One row, or None as `decode`."""
        try:
            row = self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return row if bytes(raw).count(b'":') == self._keys([row]) else None

    def measure(self, rows: Sequence[Any]) -> Measured | None:
        """Characters, turns and a hash for each row; None where one of them needs the exact way."""
        return self._look(rows)

    # The type --------------------------------------------------------------------------------------------------------

    def _row_type(self) -> type[Any]:
        columns, required, optional = self.shape.layout.columns, [], []
        must = {columns[name] for name in ("prompt", "response", "messages", "chosen", "rejected", "kto_tag") if name in columns}
        by_key = {key: column for column, key in columns.items()}
        for number, key in enumerate(self.shape.types):
            if not _nameable(key):
                continue  # rows that have it are judged the exact way
            name = self._fields[key] = f"f{number}"
            column = by_key.get(key, "")
            kind = self._type(column, self.shape.types[key])
            if column not in _PLAIN and kind in _NESTED:
                self._nested.append(name)
            if key in must and not (column == "prompt" and "query" in columns):
                required.append((name, kind))
            else:
                self._optional.append(name)
                optional.append((name, kind | None | msgspec.UnsetType if kind is not Any else Any, msgspec.UNSET))
        return msgspec.defstruct(
            "Row", [*required, *optional], rename={name: key for key, name in self._fields.items()}, forbid_unknown_fields=True, gc=False
        )

    def _type(self, column: str, kind: str) -> Any:
        if column in ("prompt", "query", "response", "system", "tools"):
            return str
        if column in ("chosen", "rejected"):
            return self._message if "messages" in self.shape.layout.columns else str
        if column == "kto_tag":
            return bool
        if column == "messages":
            return list[self._message]  # type: ignore[name-defined]
        if column == "history":
            return list[tuple[str, str]]
        return {"text": str, "number": int | float, "boolean": bool, "list": list, "object": dict}.get(kind, Any)

    def _message_type(self) -> Any:
        tags = self.shape.tags
        words = tuple(dict.fromkeys(tags[f"{role}_tag"] for role in ("user", "assistant", "observation", "function", "system")))
        return msgspec.defstruct(
            "Message",
            [("role", Literal[words]), ("content", str)],
            rename={"role": tags["role_tag"], "content": tags["content_tag"]},
            forbid_unknown_fields=True,
            gc=False,
        )

    def _keys(self, rows: Sequence[Any]) -> int:
        """How often `":` must be there at least once for each key. More of them is a key that is there twice, or text that looks so."""
        unset, count = msgspec.UNSET, len(self._fields) * len(rows)
        for name in self._optional:
            get = attrgetter(name)
            count -= sum([get(row) is unset for row in rows])
        for name in self._nested:
            get = attrgetter(name)
            count += sum([_keys_inside(get(row), 0) for row in rows])
        columns = self.shape.layout.columns
        if "messages" in columns:
            get = attrgetter(self._fields[columns["messages"]])
            count += 2 * sum([len(get(row)) for row in rows])
            count += 4 * len(rows) if self.shape.layout.ranking else 0
        return count

    # What rows say ---------------------------------------------------------------------------------------------------

    def _get(self, column: str) -> Callable[[Any], Any]:
        key = self.shape.layout.columns.get(column)
        return attrgetter(self._fields[key]) if key in self._fields else _nothing

    def _texts(self, rows: Sequence[Any]) -> Measured | None:
        columns = self.shape.layout.columns
        prompt, answers = self._get("prompt"), [self._get(name) for name in ("response", "chosen", "rejected") if name in columns]
        others = [self._get(name) for name in ("query", "system", "tools") if name in columns]
        for get in answers:
            if [1 for row in rows if not (text := get(row)) or text.isspace()]:
                return None
        query = self._get("query")
        if [1 for row in rows if not (text := prompt(row)) or text.isspace()] and [
            1 for row in rows if not _says(prompt(row)) and not _says(query(row))
        ]:
            return None
        if len(answers) == 2 and [1 for row in rows if answers[0](row) == answers[1](row)]:
            return None
        if not self._tools_right(rows):
            return None
        return self._figures(rows, [prompt, *answers], others)

    def _figures(self, rows: Sequence[Any], texts: list[Callable[[Any], Any]], others: list[Callable[[Any], Any]]) -> Measured:
        parts = [[get(row) or "" for row in rows] for get in (*texts, *others)]
        lengths = [sum(map(len, each)) for each in zip(*parts, strict=True)] if len(parts) != 1 else list(map(len, parts[0]))
        hashes = list(map(hash, zip(*parts, strict=True)))
        turns = [2 if len(texts) > 1 else 1] * len(rows)
        history = self._get("history")
        if history is not _nothing:
            for place, row in enumerate(rows):
                if pairs := history(row):
                    said = tuple([text for pair in pairs for text in pair])
                    lengths[place] += sum(map(len, said))
                    hashes[place] = hash((hashes[place], said))
                    turns[place] += len(said)
        return lengths, turns, hashes

    def count(self, rows: Sequence[Any]) -> None:
        """Count what rows have beside their texts, once they were measured."""
        columns = self.shape.layout.columns
        if "system" in columns:
            get = self._get("system")
            self.with_system += sum([1 for row in rows if get(row)])
        if "tools" in columns:
            get = self._get("tools")
            self.with_tools += sum([1 for row in rows if get(row)])
        if "images" in columns:
            get = self._get("images")
            self.with_images += sum([1 for row in rows if get(row)])
        if "kto_tag" in columns:
            get = self._get("kto_tag")
            self.good_tags += sum([1 for row in rows if get(row)])
        if "messages" in columns:
            get, word = self._get("messages"), self.shape.tags["system_tag"]
            self.with_system += sum([1 for row in rows if get(row)[0].role == word])

    def figures_of(self, value: Any) -> tuple[int, int, int]:
        """Characters, turns and hash of a parsed row that is right: the same as `measure` gives."""
        columns = self.shape.layout.columns
        row = value if isinstance(value, dict) else {columns["prompt"]: value}
        self.with_system += bool(row.get(columns.get("system", "")))
        self.with_tools += bool(row.get(columns.get("tools", "")))
        self.with_images += bool(row.get(columns.get("images", "")))
        self.good_tags += row.get(columns.get("kto_tag", "")) is True
        if "messages" in columns:
            return self._figures_of_messages(row)
        texts = ["prompt", *(name for name in ("response", "chosen", "rejected") if name in columns)]
        others = [name for name in ("query", "system", "tools") if name in columns]
        parts = tuple([row.get(columns[name]) or "" for name in (*texts, *others)])
        length, hashed, turns = sum(map(len, parts)), hash(parts), 2 if len(texts) > 1 else 1
        if pairs := row.get(columns.get("history", "")):
            said = tuple([text for pair in pairs for text in pair])
            return length + sum(map(len, said)), turns + len(said), hash((hashed, said))
        return length, turns, hashed

    def _figures_of_messages(self, row: dict[str, Any]) -> tuple[int, int, int]:
        columns, tags = self.shape.layout.columns, self.shape.tags
        said = [*row[columns["messages"]], *(row[columns[name]] for name in ("chosen", "rejected") if name in columns)]
        self.with_system += bool(said) and role_of(said[0].get(tags["role_tag"])) == "system"
        contents = tuple([turn.get(tags["content_tag"]) or json.dumps(turn.get("tool_calls") or "") for turn in said])
        return sum(map(len, contents)), len(contents), hash(contents)

    def _conversations(self, rows: Sequence[Any]) -> Measured | None:
        get, ranking = self._get("messages"), self.shape.layout.ranking
        chosen, rejected = self._get("chosen"), self._get("rejected")
        lengths, turns, hashes = [], [], []
        for row in rows:
            said = get(row)
            if not self._order(tuple([turn.role for turn in said])):
                return None
            if ranking:
                said = [*said, chosen(row), rejected(row)]
                if said[-1] == said[-2] or role_of(said[-1].role) != "assistant" or role_of(said[-2].role) != "assistant":
                    return None
            contents = tuple([turn.content for turn in said])
            if [1 for text in contents if not text or text.isspace()]:
                return None
            lengths.append(sum(map(len, contents)))
            turns.append(len(contents))
            hashes.append(hash(contents))
        if not self._tools_right(rows):
            return None
        return lengths, turns, hashes

    def _order(self, words: tuple[str, ...]) -> bool:
        known = self._orders.get(words)
        if known is None:
            roles = [role_of(word) for word in words]
            known = "function" not in roles and not list(order_flaws(roles, "", ranking=self.shape.layout.ranking, openai=False))
            if len(self._orders) < _REMEMBERED:
                self._orders[words] = known
        return known

    def _tools_right(self, rows: Sequence[Any]) -> bool:
        get = self._get("tools")
        if get is _nothing:
            return True
        for tools in {get(row) or "" for row in rows} - self._tools:
            if tools:
                try:
                    json.loads(tools)
                except (ValueError, RecursionError):
                    return False
            if len(self._tools) < _REMEMBERED and len(tools) < 10_000:
                self._tools.add(tools)
        return True


def _says(text: Any) -> bool:
    return isinstance(text, str) and bool(text) and not text.isspace()


def _nothing(_row: Any) -> Any:
    return None


def _keys_inside(value: Any, level: int) -> int:
    """Keys of all objects in a value; so many that no count agrees where it is nested too deeply."""
    if level > DEEPEST:
        return 1 << 40
    if isinstance(value, dict):
        return len(value) + sum([_keys_inside(inner, level + 1) for inner in value.values() if inner.__class__ in (dict, list)])
    if isinstance(value, list):
        return sum([_keys_inside(inner, level + 1) for inner in value if inner.__class__ in (dict, list)])
    return 0


def _nameable(key: str) -> bool:
    """Whether msgspec takes `key` for the name of a field."""
    return key.isprintable() and "\\" not in key and '"' not in key
