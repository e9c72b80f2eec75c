"""The fast way: rows decoded by msgspec straight into the type that most of the file has, and looked at many at a time.

It only says "all of these are right". Any doubt (another type, an unknown key, a blank answer, a key that may be there twice) sends
the rows to the exact way (core/datasets/exact.py, judge.py). So it must never take a row that those would refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import add, attrgetter
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
        self.fields: dict[str, str] = {}  # key in the file -> field of the type
        self._strings = 0  # fields that are always texts
        self._optional: dict[str, bool] = {}  # field -> whether it is a text
        self._nested: list[str] = []
        self._tools: set[str] = set()
        self.with_system = self.with_tools = self.with_images = self.good_tags = 0
        self._orders: dict[tuple[str, ...], bool] = {}
        layout = shape.layout
        self.usable = layout.format != "unknown" and layout.formatting != "openai" and bool(shape.types)
        if self.usable:
            self._message = self._message_type()
            row = self._row_type()
            self._decoder = msgspec.json.Decoder(row)
            self._list = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
            self._look = self._conversations if "messages" in layout.columns else self._texts
            self.usable = all(key in self.fields for key in layout.columns.values())

    def decode(self, lines: bytes) -> list[Any] | None:
        """Rows of whole lines, None if one of them has another type or a key may be there twice."""
        try:
            rows = self._decoder.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return rows if self._once(lines, rows) else None

    def decode_list(self, array: bytes) -> list[Any] | None:
        """Rows of an array, or None as `decode`."""
        try:
            rows = self._list.decode(array)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return rows if self._once(array, rows) else None

    def decode_one(self, raw: bytes | memoryview) -> Any | None:
        """One row, or None as `decode`."""
        try:
            row = self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return row if self._once(bytes(raw), [row]) else None

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
            name = self.fields[key] = f"f{number}"
            column = by_key.get(key, "")
            kind = self._type(column, self.shape.types[key])
            self._strings += kind is str
            if column not in _PLAIN and kind in _NESTED:
                self._nested.append(name)
            if key in must and not (column == "prompt" and "query" in columns):
                required.append((name, kind))
            else:
                self._optional[name] = kind is str
                optional.append((name, kind | None | msgspec.UnsetType if kind is not Any else Any, msgspec.UNSET))
        return msgspec.defstruct(
            "Row", [*required, *optional], rename={name: key for key, name in self.fields.items()}, forbid_unknown_fields=True, gc=False
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

    def _quotes(self, rows: Sequence[Any]) -> int:
        """How many quotes the rows have at least: two for each key and each text. More of them is a key that is there twice, or a quote
        inside a text."""
        quotes, unset = (2 * len(self.fields) + 2 * self._strings) * len(rows), msgspec.UNSET
        for name, is_text in self._optional.items():
            values = list(map(attrgetter(name), rows))
            quotes -= (4 if is_text else 2) * sum([value is unset for value in values])
            if is_text:
                quotes -= 2 * values.count(None)
        for name in self._nested:
            quotes += sum([_quotes_inside(value, 0) for value in map(attrgetter(name), rows)])
        columns = self.shape.layout.columns
        if "messages" in columns:
            quotes += 8 * sum(map(len, map(attrgetter(self.fields[columns["messages"]]), rows)))
            quotes += 16 * len(rows) if self.shape.layout.ranking else 0
        if "history" in columns:
            quotes += sum([4 * len(pairs) for pairs in map(attrgetter(self.fields[columns["history"]]), rows) if pairs])
        return quotes

    def _once(self, lines: bytes, rows: Sequence[Any]) -> bool:
        """Whether no key is there twice. Says no where it cannot tell."""
        wanted = self._quotes(rows)
        if (found := lines.count(b'"')) == wanted:
            return True
        return b"\\\\" not in lines and found - lines.count(b'\\"') == wanted

    # What rows say ---------------------------------------------------------------------------------------------------

    def _get(self, column: str) -> Callable[[Any], Any]:
        key = self.shape.layout.columns.get(column)
        return attrgetter(self.fields[key]) if key in self.fields else _nothing

    def _texts(self, rows: Sequence[Any]) -> Measured | None:
        columns = self.shape.layout.columns
        prompts = list(map(self._get("prompt"), rows))
        answers = [list(map(self._get(name), rows)) for name in ("response", "chosen", "rejected") if name in columns]
        for said in answers:
            if "" in said or any(map(str.isspace, said)):
                return None
        if "" in prompts or None in prompts or msgspec.UNSET in prompts or any(map(str.isspace, prompts)):
            queries = map(self._get("query"), rows)
            if [1 for text, query in zip(prompts, queries, strict=True) if not _says(text) and not _says(query)]:
                return None
            prompts = [text or "" for text in prompts]
        if len(answers) == 2 and [1 for one, other in zip(*answers, strict=True) if one == other]:
            return None
        if not self._tools_right(rows):
            return None
        others = [[text or "" for text in map(self._get(name), rows)] for name in ("query", "system", "tools") if name in columns]
        return self._figures(rows, [prompts, *answers], others)

    def _figures(self, rows: Sequence[Any], texts: list[list[str]], others: list[list[str]]) -> Measured:
        parts = [*texts, *others]
        lengths = list(map(len, parts[0]))
        for part in parts[1:]:
            lengths = list(map(add, lengths, map(len, part)))
        hashes = list(map(hash, zip(*parts, strict=True)))
        turns = [2 if len(texts) > 1 else 1] * len(rows)
        if "history" in self.shape.layout.columns:
            for place, pairs in enumerate(map(self._get("history"), rows)):
                if pairs:
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


def _quotes_inside(value: Any, level: int) -> int:
    """Quotes around all keys and texts in a value; so many that no count agrees where it is nested too deeply."""
    if isinstance(value, str):
        return 2
    if level > DEEPEST:
        return 1 << 40
    if isinstance(value, dict):
        return 2 * len(value) + sum([_quotes_inside(inner, level + 1) for inner in value.values()])
    if isinstance(value, list):
        return sum([_quotes_inside(inner, level + 1) for inner in value])
    return 0


def _nameable(key: str) -> bool:
    """Whether msgspec takes `key` for the name of a field."""
    return key.isprintable() and "\\" not in key and '"' not in key
