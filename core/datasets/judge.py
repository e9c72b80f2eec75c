"""Whether LLaMA-Factory would train on a row as it is meant, and what is wrong if not. Works on parsed rows; pure.

The rules are those of its converters and processors (data/converter.py, data/processor/*.py of 0.9.5), which skip most wrong rows
without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.datasets.exact import Flaw, depth, member, quoted
from core.datasets.layouts import (
    ANSWERS,
    CHOSEN,
    CONTENT_KEYS,
    MESSAGES,
    PROMPTS,
    REJECTED,
    ROLE_KEYS,
    TAGS,
    Shape,
    kind_of,
    role_of,
    shape_of,
)
from core.datasets.messages import order_flaws

_ALIASES = {"prompt": PROMPTS, "response": ANSWERS, "chosen": CHOSEN, "rejected": REJECTED, "kto_tag": TAGS, "messages": MESSAGES}
_EMPTY = {"prompt": "empty_prompt", "response": "empty_output", "chosen": "missing_chosen", "rejected": "missing_rejected"}


def judge(value: Any, shape: Shape) -> list[Flaw]:
    """Every rule that a parsed row breaks. Empty for a row that is trained on as meant."""
    layout = shape.layout
    if layout.format == "text":
        return list(_text(value, shape))
    if not isinstance(value, dict):
        return [Flaw("not_an_object", fields={"found": kind_of(value)})]
    if layout.format == "unknown":
        return []
    if flaw := _of_another_format(value, shape):
        return [flaw]
    flaws = list(_columns(value, shape))
    if "messages" in layout.columns:
        flaws += _messages(value, shape)
    else:
        flaws += _texts(value, shape)
    if "kto_tag" in layout.columns:
        flaws += _tag(value, layout.columns["kto_tag"])
    return flaws


def key_in(value: Mapping[str, Any], column: str, key: str) -> str | None:
    """Where a row has what belongs under `key`: there, or under another usual name; None if nowhere."""
    if key in value:
        return key
    for name in value:
        if name.strip().lower() == key.lower() or name.strip().lower() in _ALIASES.get(column, ()):
            return name
    return None


def _of_another_format(value: dict[str, Any], shape: Shape) -> Flaw | None:
    columns = shape.layout.columns
    main = ("messages", "prompt") if "messages" in columns or "prompt" in columns else ()
    if any(columns.get(column) in value for column in main if column in columns):
        return None
    other = shape_of([value]).layout
    if other.format == "unknown" or ("messages" in other.columns) == ("messages" in columns) or other.format == "text":
        return None
    return Flaw("other_format", fields={"found": other.format, "expected": shape.layout.format})


def _columns(value: dict[str, Any], shape: Shape) -> Iterator[Flaw]:
    """Columns that only ride along: the loader needs one type for each, and not too many levels."""
    used = set(shape.layout.columns.values())
    for key, inner in value.items():
        usual = shape.types.get(key, "null")
        kind = kind_of(inner)
        if key not in used and "null" not in (usual, kind) and kind != usual:
            yield Flaw("column_type", member("$", key), {"key": quoted(key), "found": kind, "expected": usual})
        if depth(inner) > 50:
            yield Flaw("nested_too_deeply", member("$", key), {"limit": 50})


def _plain_text(value: Any, path: str, *, rule: str = "not_text") -> Iterator[Flaw]:
    if value is not None and not isinstance(value, str):
        yield Flaw(rule, path, {"found": kind_of(value), "value": quoted(value)})


def _text(value: Any, shape: Shape) -> Iterator[Flaw]:
    key = shape.layout.columns["prompt"]
    if isinstance(value, dict):
        yield from _columns(value, shape)
        if (there := key_in(value, "prompt", key)) is not None and there != key and key not in value:
            yield Flaw("wrong_key", member("$", there), {"key": quoted(there), "expected": key})
        inner, path = value.get(key), member("$", key)
    elif shape.types:
        yield Flaw("not_an_object", fields={"found": kind_of(value)})
        return
    else:
        inner, path = value, "$"
    if inner is None or (isinstance(inner, str) and not inner.strip()):
        yield Flaw("empty_text", path)
    yield from _plain_text(inner, path)


def _named(value: dict[str, Any], shape: Shape, column: str) -> tuple[Any, str, Iterator[Flaw]]:
    """The value under a column, its path, and the flaw of a wrong key."""
    key = shape.layout.columns[column]
    there = key_in(value, column, key)
    taken = set(shape.layout.columns.values())
    if there is None or there == key or there in taken:
        return value.get(key), member("$", key), iter(())
    return value[there], member("$", there), iter([Flaw("wrong_key", member("$", there), {"key": quoted(there), "expected": key})])


def _texts(value: dict[str, Any], shape: Shape) -> Iterator[Flaw]:
    columns = shape.layout.columns
    prompt, path, wrong = _named(value, shape, "prompt")
    yield from wrong
    query = value.get(columns["query"]) if "query" in columns else None
    yield from _plain_text(prompt, path)
    if "query" in columns:
        yield from _plain_text(query, member("$", columns["query"]))
    if not any(text is not None and (not isinstance(text, str) or text.strip()) for text in (prompt, query)):
        yield Flaw("empty_prompt", path)
    if "history" in columns:
        yield from _history(value.get(columns["history"]), member("$", columns["history"]))
    yield from _extras(value, columns)
    if shape.layout.ranking:
        yield from _pair(value, shape)
    elif "response" in columns:
        answer, path, wrong = _named(value, shape, "response")
        yield from wrong
        yield from _answer(answer, path)


def _answer(answer: Any, path: str) -> Iterator[Flaw]:
    if answer is None:
        yield Flaw("missing_output", path)
    elif isinstance(answer, str) and not answer.strip():
        yield Flaw("empty_output", path)
    else:
        yield from _plain_text(answer, path)


def _history(history: Any, path: str) -> Iterator[Flaw]:
    if history is None:
        return
    if not isinstance(history, list):
        yield Flaw("history_shape", path, {"found": kind_of(history)})
        return
    for number, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            yield Flaw("history_shape", f"{path}[{number}]", {"found": kind_of(pair)})
            return


def _extras(value: dict[str, Any], columns: Mapping[str, str], *, openai: bool = False) -> Iterator[Flaw]:
    if "system" in columns:
        yield from _plain_text(value.get(columns["system"]), member("$", columns["system"]))
    if "tools" not in columns or openai:
        return
    tools, path = value.get(columns["tools"]), member("$", columns["tools"])
    if tools is not None and not isinstance(tools, str):
        yield Flaw("tools_not_text", path, {"found": kind_of(tools)})
    elif tools and not is_json(tools):
        yield Flaw("tools_not_json", path, {"value": quoted(tools)})


def is_json(text: str) -> bool:
    """Whether a text holds JSON that Python's reader takes."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _pair(value: dict[str, Any], shape: Shape) -> Iterator[Flaw]:
    answers = []
    for column in ("chosen", "rejected"):
        answer, path, wrong = _named(value, shape, column)
        yield from wrong
        answers.append(answer)
        if answer is None or (isinstance(answer, str) and not answer.strip()):
            yield Flaw(_EMPTY[column], path)
        elif isinstance(answer, (list, dict)):
            yield Flaw("pair_as_messages", path)
        else:
            yield from _plain_text(answer, path)
    if answers[0] is not None and answers[0] == answers[1]:
        yield Flaw("same_pair", member("$", shape.layout.columns["rejected"]))


def _messages(value: dict[str, Any], shape: Shape) -> Iterator[Flaw]:
    layout, tags = shape.layout, shape.tags
    found, path, wrong = _named(value, shape, "messages")
    yield from wrong
    yield from _extras(value, layout.columns, openai=layout.formatting == "openai")
    pair = layout.ranking and _as_conversations(value, layout.columns)
    if pair:
        yield Flaw("pair_as_messages", member("$", layout.columns["chosen"]))
    elif found is None or found == []:
        yield Flaw("no_messages", path)
    elif not isinstance(found, list):
        yield Flaw("messages_not_list", path, {"found": kind_of(found)})
    else:
        flaws = [flaw for number, turn in enumerate(found) for flaw in message_flaws(turn, f"{path}[{number}]", tags, layout.formatting)]
        yield from flaws
        roles = [role_of(turn.get(tags["role_tag"])) if isinstance(turn, dict) else None for turn in found]
        if None not in roles:
            yield from order_flaws(roles, path, ranking=layout.ranking, openai=layout.formatting == "openai")
    if layout.ranking and not pair:
        yield from _message_pair(value, shape)


def _as_conversations(value: dict[str, Any], columns: Mapping[str, str]) -> bool:
    return any(isinstance(value.get(columns[column]), list) for column in ("chosen", "rejected")) and isinstance(
        value.get(columns["messages"]), (list, type(None))
    )


def _message_pair(value: dict[str, Any], shape: Shape) -> Iterator[Flaw]:
    columns, tags = shape.layout.columns, shape.tags
    answers = []
    for column in ("chosen", "rejected"):
        answer, path, wrong = _named(value, shape, column)
        yield from wrong
        if answer is None:
            yield Flaw(_EMPTY[column], path)
            continue
        if isinstance(answer, str):
            yield Flaw("pair_as_messages", path)
        else:
            flaws = list(message_flaws(answer, path, tags, shape.layout.formatting))
            yield from flaws
            if not flaws and role_of(answer[tags["role_tag"]]) not in ("assistant", "function"):
                yield Flaw(
                    "role_order",
                    f"{path}.{tags['role_tag']}",
                    {"found": quoted(answer[tags["role_tag"]]), "expected": tags["assistant_tag"]},
                )
        answers.append(answer)
    if len(answers) == 2 and answers[0] == answers[1]:
        yield Flaw("same_pair", member("$", columns["rejected"]))


def message_flaws(turn: Any, path: str, tags: Mapping[str, str], formatting: str) -> Iterator[Flaw]:
    """What is wrong with one message, its place among the others apart."""
    if not isinstance(turn, dict):
        yield Flaw("message_not_object", path, {"found": kind_of(turn)})
        return
    role_tag, content_tag = tags["role_tag"], tags["content_tag"]
    role_key = next((key for key in (role_tag, *ROLE_KEYS) if key in turn), None)
    content_key = next((key for key in (content_tag, *CONTENT_KEYS) if key in turn and key != role_key), None)
    for key, expected, missing in ((role_key, role_tag, "missing_role"), (content_key, content_tag, "missing_content")):
        if key is None and not (expected == content_tag and turn.get("tool_calls")):
            yield Flaw(missing, path, {"expected": expected})
        elif key is not None and key != expected:
            yield Flaw("wrong_key", member(path, key), {"key": key, "expected": expected})
    if role_key is not None:
        yield from _role(turn[role_key], member(path, role_key), tags)
    if content_key is not None:
        yield from _content(turn, content_key, role_of(turn.get(role_key or "")), path, formatting)


def _role(word: Any, path: str, tags: Mapping[str, str]) -> Iterator[Flaw]:
    known = [tags[name] for name in ("user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag")]
    if word not in known:
        yield Flaw("unknown_role", path, {"found": quoted(word), "known": ", ".join(known)})


def _content(turn: dict[str, Any], key: str, role: str | None, path: str, formatting: str) -> Iterator[Flaw]:
    content, where = turn[key], member(path, key)
    if formatting == "openai" and turn.get("tool_calls"):
        yield from _tool_calls(turn["tool_calls"], path)
        return
    if content is None:
        yield Flaw("missing_content", where, {"expected": key})
    elif not isinstance(content, str):
        yield Flaw("not_text", where, {"found": kind_of(content), "value": quoted(content)})
    elif not content.strip():
        if role in ("assistant", "function"):
            yield Flaw("empty_output", where)
        elif role == "user":
            yield Flaw("empty_prompt", where)
    elif role == "function" and not _is_call(content):
        yield Flaw("function_call_not_json", where, {"value": quoted(content)})


def _is_call(content: str) -> bool:
    start = content.rfind("</think>")
    try:
        calls = json.loads(content[start + 8 :] if start >= 0 else content)
    except (ValueError, RecursionError):
        return False
    calls = calls if isinstance(calls, list) else [calls]
    return all(isinstance(call, dict) and "name" in call and "arguments" in call for call in calls)


def _tool_calls(calls: Any, path: str) -> Iterator[Flaw]:
    functions = [call.get("function") if isinstance(call, dict) else None for call in calls] if isinstance(calls, list) else [None]
    if not all(isinstance(function, dict) and "name" in function and "arguments" in function for function in functions):
        yield Flaw("tool_calls_shape", f"{path}.tool_calls")


def _tag(value: dict[str, Any], key: str) -> Iterator[Flaw]:
    tag = value.get(key)
    if tag is None:
        yield Flaw("missing_kto_tag", member("$", key))
    elif not isinstance(tag, bool):
        yield Flaw("kto_tag_not_boolean", member("$", key), {"found": quoted(tag)})
