"""A wrong row made right where that needs no guess; None where it is left out. Pure.

What comes out of `mend` has no flaw (core/datasets/judge.py), which is asked again at the end.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from core.datasets.exact import Flaw
from core.datasets.judge import judge, key_in
from core.datasets.layouts import CONTENT_KEYS, ROLE_KEYS, Shape, role_of, shape_of
from core.datasets.messages import ANSWERS, ASKS
from core.datasets.rules import RULES

_TRUE = {"true", "yes", "1", "1.0", "good", "desirable"}
_FALSE = {"false", "no", "0", "0.0", "-1", "bad", "undesirable"}
Row = dict[str, Any]


def mend(value: Any, shape: Shape, *, without: Collection[str] = ()) -> tuple[Any, tuple[str, ...]]:
    """The row as it is written, and the rules by which it was changed; (None, rules) for one that is left out.

    `without`: columns to leave out (their types change from row to row).
    """
    changed: list[str] = []
    if isinstance(value, dict) and without and any(key in value for key in without):
        value = {key: inner for key, inner in value.items() if key not in without}
        changed.append("column_type")
    flaws = judge(value, shape)
    if not flaws:
        return value, tuple(changed)
    rules = [flaw.rule for flaw in flaws]
    if all(RULES[rule].usable for rule in rules):
        return value, tuple(changed)
    mended = _mended(value, shape, flaws)
    left = judge(mended, shape) if mended is not None else flaws
    if mended is None or any(not RULES[flaw.rule].usable for flaw in left):
        return None, (next((rule for rule in rules if RULES[rule].repair == "drops"), rules[0]),)
    return mended, tuple(dict.fromkeys([*changed, *rules]))


def _mended(value: Any, shape: Shape, flaws: list[Flaw]) -> Any:
    layout = shape.layout
    if layout.format == "text":
        return _text(value, shape)
    if not isinstance(value, dict):
        return None
    if flaws[0].rule == "other_format":
        value = convert(value, shape)
        if value is None:
            return None
    row = _keys_put_right(value, shape)
    for flaw in flaws:
        if flaw.rule == "column_type" or (flaw.rule == "nested_too_deeply" and flaw.path.startswith("$.")):
            row.pop(flaw.path[2:], None)
    row = _conversation(row, shape) if "messages" in layout.columns else _texts(row, shape)
    if "kto_tag" in layout.columns:
        key = layout.columns["kto_tag"]
        row[key] = _boolean(row.get(key))
    return row


def as_text(value: Any) -> Any:
    """What is no text as text: numbers as they are written, lists of texts as lines, anything else as JSON. None stays."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        return "\n".join(part["text"] for part in value)  # parts of a message
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return json.dumps(value, ensure_ascii=False)


def _text(value: Any, shape: Shape) -> Any:
    key = shape.layout.columns["prompt"]
    if not isinstance(value, dict):
        return as_text(value) if not shape.types else None
    there = key_in(value, "prompt", key)
    row = {name: inner for name, inner in value.items() if name != there}
    return row | {key: as_text(value.get(there or key))}


def _keys_put_right(value: Row, shape: Shape) -> Row:
    """Columns under the names that the file uses."""
    row, taken = dict(value), set(shape.layout.columns.values())
    for column, key in shape.layout.columns.items():
        there = key_in(row, column, key)
        if there is not None and there != key and there not in taken:
            row[key] = row.pop(there)
    return row


def _texts(row: Row, shape: Shape) -> Row:
    columns = shape.layout.columns
    for column in ("prompt", "query", "response", "system", "tools"):
        if column in columns and columns[column] in row:
            row[columns[column]] = as_text(row[columns[column]])
    for column in ("chosen", "rejected"):
        if column in columns:
            row[columns[column]] = as_text(_last_content(row.get(columns[column])))
    if "response" in columns and "prompt" in columns and row.get(columns["prompt"]) is None and "query" in columns:
        row[columns["prompt"]] = ""
    return row


def _last_content(answer: Any) -> Any:
    """The text of an answer that is written as a message, or as a conversation that ends with it."""
    message = answer[-1] if isinstance(answer, list) and answer else answer
    if isinstance(message, dict):
        return next((message[key] for key in CONTENT_KEYS if isinstance(message.get(key), str)), None)
    return answer


def _boolean(tag: Any) -> Any:
    word = str(tag).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else tag


# Conversations -------------------------------------------------------------------------------------------------------


def _conversation(row: Row, shape: Shape) -> Row:
    columns, tags, layout = shape.layout.columns, shape.tags, shape.layout
    key = columns["messages"]
    for column in ("system", "tools"):
        if column in columns and columns[column] in row and not (column == "tools" and layout.formatting == "openai"):
            row[columns[column]] = as_text(row[columns[column]])
    if layout.ranking:
        row = _pair(row, shape)
    turns = row.get(key)
    if isinstance(turns, list):
        named = [_message(turn, tags) for turn in turns]
        row[key] = _in_order(named, tags, ranking=layout.ranking, openai=layout.formatting == "openai") if None not in named else turns
    return row


def _pair(row: Row, shape: Shape) -> Row:
    """Chosen and rejected as one message each, what they share as the conversation before them."""
    columns, tags = shape.layout.columns, shape.tags
    key, chosen, rejected = columns["messages"], row.get(columns["chosen"]), row.get(columns["rejected"])
    if isinstance(chosen, list) and isinstance(rejected, list) and chosen and rejected:
        if not row.get(key) and chosen[:-1] == rejected[:-1] and chosen[:-1]:
            row[key] = chosen[:-1]
        chosen, rejected = chosen[-1], rejected[-1]
    if not row.get(key) and isinstance(prompt := row.get("prompt"), str):
        row[key] = [{tags["role_tag"]: tags["user_tag"], tags["content_tag"]: prompt}]
    for column, answer in (("chosen", chosen), ("rejected", rejected)):
        if isinstance(answer, str):
            answer = {tags["role_tag"]: tags["assistant_tag"], tags["content_tag"]: answer}
        row[columns[column]] = (_message(answer, tags) or answer) if isinstance(answer, dict) else answer
    return row


def _message(turn: Any, tags: Mapping[str, str]) -> Row | None:
    """A message with the keys and the role's name that the file uses; None where that cannot be told."""
    if not isinstance(turn, dict):
        return None
    role_tag, content_tag = tags["role_tag"], tags["content_tag"]
    role_key = next((key for key in (role_tag, *ROLE_KEYS) if key in turn), None)
    content_key = next((key for key in (content_tag, *CONTENT_KEYS) if key in turn and key != role_key), None)
    if role_key is None or (content_key is None and not turn.get("tool_calls")):
        return None
    role = role_of(turn[role_key])
    word = turn[role_key] if turn[role_key] in tags.values() or role is None else tags[f"{role}_tag"]
    rest = {key: inner for key, inner in turn.items() if key not in (role_key, content_key)}
    return {role_tag: word, content_tag: as_text(turn[content_key]) if content_key else None} | rest


def _in_order(turns: list[Any], tags: Mapping[str, str], *, ranking: bool, openai: bool) -> list[Any]:
    """System messages joined at the front, empty ones left out, several of one role joined, answers before the first question and
    questions after the last answer left out."""
    role_tag, content_tag = tags["role_tag"], tags["content_tag"]

    def role(turn: Row) -> str | None:
        return role_of(turn[role_tag])

    systems = [turn[content_tag] for turn in turns if role(turn) == "system" and isinstance(turn[content_tag], str)]
    ordered: list[Row] = []
    for turn in turns:
        content = turn[content_tag]
        blank = (content is None or (isinstance(content, str) and not content.strip())) and not turn.get("tool_calls")
        if role(turn) == "system" or (blank and role(turn) != "observation"):
            continue
        if not ordered and role(turn) in ANSWERS:
            continue
        if ordered and role(ordered[-1]) == role(turn) and not (openai and role(turn) == "observation"):
            if role(turn) not in ("user", "assistant") or turn.get("tool_calls") or ordered[-1].get("tool_calls"):
                return turns
            ordered[-1] = ordered[-1] | {content_tag: f"{ordered[-1][content_tag]}\n{content}"}
            continue
        ordered.append(dict(turn))
    while ordered and role(ordered[-1]) in (ANSWERS if ranking else ASKS):
        ordered.pop()
    first = [{role_tag: tags["system_tag"], content_tag: "\n".join(systems)}] if systems else []
    return [*first, *ordered] if ordered else []


def convert(value: Row, shape: Shape) -> Row | None:
    """A row of another format in the words of this one: a conversation as question and answer, or the other way round."""
    other = shape_of([value])
    columns = shape.layout.columns
    if shape.layout.ranking or "kto_tag" in columns or other.layout.ranking or "kto_tag" in other.layout.columns:
        return None
    if "messages" in columns and "response" in other.layout.columns:
        return _as_conversation(value, shape, other)
    if "response" in columns and "messages" in other.layout.columns:
        return _as_question(value, shape, other)
    return None


def _as_conversation(value: Row, shape: Shape, other: Shape) -> Row:
    tags, columns = shape.tags, other.layout.columns
    parts = [value.get(columns[name]) for name in ("prompt", "query") if name in columns]
    turns = [
        (tags["user_tag"], "\n".join(part for part in parts if isinstance(part, str) and part)),
        (tags["assistant_tag"], value.get(columns["response"])),
    ]
    for pair in reversed(value.get(columns.get("history", "")) or []):
        turns[:0] = [(tags["user_tag"], pair[0]), (tags["assistant_tag"], pair[1])] if isinstance(pair, list) and len(pair) == 2 else []
    if isinstance(system := value.get(columns.get("system", "")), str) and system:
        turns.insert(0, (tags["system_tag"], system))
    return {shape.layout.columns["messages"]: [{tags["role_tag"]: role, tags["content_tag"]: text} for role, text in turns]}


def _as_question(value: Row, shape: Shape, other: Shape) -> Row | None:
    columns, tags = shape.layout.columns, other.tags
    turns = value.get(other.layout.columns["messages"])
    told = [(role_of(turn.get(tags["role_tag"])), turn.get(tags["content_tag"])) for turn in turns or [] if isinstance(turn, dict)]
    system = [text for role, text in told if role == "system"]
    rest = [(role, text) for role, text in told if role != "system"]
    if [role for role, _ in rest] != ["user", "assistant"] or (system and "system" not in columns):
        return None  # more than one question needs a column that this file has not
    row = {columns["prompt"]: rest[0][1], columns["response"]: rest[1][1]}
    return row | ({columns["system"]: system[0]} if system else {})
