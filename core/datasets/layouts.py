"""What kind of rows a file has, found by looking at some of them, and what LLaMA-Factory must be told about them.

Follows DatasetAttr.join and the converters of LLaMA-Factory 0.9.5 (data/parser.py, data/converter.py): once `columns` is given, every
column not named becomes None; once `tags` is given, every tag not named does. So what is there is named, and all of the tags or none.

OpenAI messages are loaded as ShareGPT with other tags wherever that is enough, because LLaMA-Factory's own `openai` formatting adds
"detailed thinking off" to the system prompt of every row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.datasets.types import Layout

MESSAGES: Final = ("conversations", "messages", "conversation", "dialogue", "dialog", "chat")
PROMPTS: Final = ("instruction", "prompt", "question", "query", "input", "user", "human")
QUERIES: Final = ("input", "query", "context")
ANSWERS: Final = ("output", "response", "completion", "answer", "target", "assistant", "reply")
CHOSEN: Final = ("chosen", "chosen_response", "preferred")
REJECTED: Final = ("rejected", "rejected_response", "dispreferred")
TAGS: Final = ("kto_tag", "label", "desirable", "is_desirable", "tag")
TEXTS: Final = ("text", "content", "raw_content", "document")
ROLE_KEYS: Final = ("from", "role", "speaker")
CONTENT_KEYS: Final = ("value", "content", "text", "message")
#: Our name of a role -> what writers of datasets call it. The first is LLaMA-Factory's default.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("human", "user", "prompter", "instruction", "question", "usr", "client"),
    "assistant": ("gpt", "assistant", "model", "bot", "chatgpt", "bing", "bard", "ai", "answer", "chatbot", "llm"),
    "observation": ("observation", "tool", "tool_response", "function_response", "ipython"),
    "function": ("function_call", "tool_call", "function"),
    "system": ("system", "developer"),
}
DEFAULT_TAGS: Final = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
OPENAI_TAGS: Final = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function",
    "system_tag": "system",
}
_OPTIONAL: Final = {
    "system": ("system", "system_prompt"),
    "tools": ("tools",),
    "images": ("images", "image"),
    "videos": ("videos", "video"),
    "audios": ("audios", "audio"),
}


@dataclass(frozen=True)
class Shape:
    """A layout with what else is known of the columns. `types`: of every key in the sample, as `kind_of` says."""

    layout: Layout
    types: Mapping[str, str] = field(default_factory=dict)
    sampled: int = 0
    #: Keys that the very beginning of the file does not have.
    later: frozenset[str] = frozenset()

    @property
    def tags(self) -> Mapping[str, str]:
        """All seven, also where they are the defaults."""
        return self.layout.tags or DEFAULT_TAGS


def role_of(word: Any) -> str | None:
    """Our name of a role that is called `word` somewhere."""
    if not isinstance(word, str):
        return None
    lowered = word.strip().lower()
    return next((role for role, names in ROLES.items() if lowered in names), None)


def kind_of(value: Any) -> str:
    """The type of a value as LLaMA-Factory's loader tells them apart: a column must not change it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


def shape_of(rows: Sequence[Any]) -> Shape:
    """The shape that most of `rows` (parsed; any values) have."""
    objects = [row for row in rows if isinstance(row, dict)]
    if not objects:
        texts = bool(rows) and all(isinstance(row, str) for row in rows)
        return Shape(Layout("text", columns={"prompt": "text"}) if texts else Layout("unknown"), {}, len(rows))
    counts: Counter[str] = Counter(key for row in objects for key in row)
    types = {key: _usual(row[key] for row in objects if key in row) for key in counts}
    return Shape(_layout(objects, _Keys(counts, types, len(objects))), types, len(rows))


def _usual(values: Iterable[Any]) -> str:
    kinds = Counter(map(kind_of, values))
    kinds.pop("null", None)
    return kinds.most_common(1)[0][0] if kinds else "null"


@dataclass(frozen=True)
class _Keys:
    counts: Mapping[str, int]
    types: Mapping[str, str]
    rows: int

    def find(self, names: Iterable[str], *kinds: str, share: float = 0.3) -> str:
        """The most frequent key that is one of `names` (whatever its case) with a type of `kinds`; "" if it is in few rows only."""
        order = {name: place for place, name in enumerate(names)}
        best, least = "", share * self.rows
        for key, count in self.counts.items():
            if (place := order.get(key.strip().lower())) is not None and count >= least and (not kinds or self.types[key] in kinds):
                best_place = order[best.strip().lower()] if best else len(order)
                if not best or (count, -place) > (self.counts[best] if self.counts[best] != count else count, -best_place):
                    best = key
        return best


def _layout(rows: Sequence[Mapping[str, Any]], keys: _Keys) -> Layout:
    columns = {name: key for name, names in _OPTIONAL.items() if (key := keys.find(names, share=0.001))}
    chosen, rejected = keys.find(CHOSEN), keys.find(REJECTED)
    messages = _messages_key(rows, keys)
    if chosen and rejected:
        columns |= {"chosen": chosen, "rejected": rejected}
        if messages or keys.types[chosen] in {"list", "object"}:
            return _of_messages(rows, messages or _free("conversations", keys), columns, keys, ranking=True)
        return _of_texts(columns, keys, ranking=True)
    texts = _of_texts(dict(columns), keys)
    if messages and not (texts.format != "unknown" and keys.counts[texts.columns["prompt"]] > keys.counts[messages]):
        return _of_messages(rows, messages, columns, keys)
    return texts


def _messages_key(rows: Sequence[Mapping[str, Any]], keys: _Keys) -> str:
    key = keys.find(MESSAGES, "list")
    if not key:
        return ""
    first = next((row[key][0] for row in rows if isinstance(row.get(key), list) and row[key]), None)
    return key if isinstance(first, dict) else ""


def _free(name: str, keys: _Keys) -> str:
    return name if name not in keys.counts else f"{name}_"


def _of_texts(columns: dict[str, str], keys: _Keys, *, ranking: bool = False) -> Layout:
    answer = "" if ranking else keys.find(ANSWERS)
    prompt = keys.find([name for name in PROMPTS if name != answer])
    if not prompt or not (answer or ranking):
        text = keys.find(TEXTS, "text")
        return Layout("text", columns={"prompt": text}) if text and not ranking else Layout("unknown")
    columns["prompt"] = prompt
    if answer:
        columns["response"] = answer
    if (query := keys.find([name for name in QUERIES if name != prompt.lower()], share=0.001)) and query not in columns.values():
        columns["query"] = query
    if (history := keys.find(("history",), share=0.001)) and not ranking:
        columns["history"] = history
    if not ranking and (tag := _tag(keys)):
        return Layout("kto", "alpaca", columns=columns | {"kto_tag": tag})
    return Layout("preference" if ranking else "alpaca", "alpaca", ranking, columns)


def _tag(keys: _Keys) -> str:
    """The key of a true or false tag. One that is called so for sure counts whatever its type; else it must be a boolean."""
    return keys.find(TAGS[:1], share=0.3) or keys.find(TAGS[1:], "boolean")


def _of_messages(rows: Sequence[Mapping[str, Any]], key: str, columns: dict[str, str], keys: _Keys, *, ranking: bool = False) -> Layout:
    turns = [turn for row in rows for turn in _turns(row, key, columns) if isinstance(turn, dict)]
    role_key = _most(turns, ROLE_KEYS) or "from"
    content_key = _most(turns, CONTENT_KEYS, without=role_key) or ("content" if role_key == "role" else "value")
    columns["messages"] = key
    tag = "" if ranking else _tag(keys)
    if tag:
        columns["kto_tag"] = tag
    calls = any(turn.get("tool_calls") for turn in turns)
    tags = _tags(turns, role_key, content_key)
    openai = role_key == "role" and content_key == "content"
    name = "preference" if ranking else "kto" if tag else "openai" if openai else "sharegpt"
    return Layout(
        name,  # type: ignore[arg-type]
        "openai" if calls and openai else "sharegpt",
        ranking,
        columns,
        {} if tags == DEFAULT_TAGS else tags,
    )


def _turns(row: Mapping[str, Any], key: str, columns: Mapping[str, str]) -> list[Any]:
    """The messages of a row; where a pair is written as two conversations, those of the chosen one."""
    found = row.get(key)
    if isinstance(found, list):
        return found
    chosen = row.get(columns.get("chosen", ""))
    return chosen if isinstance(chosen, list) else [chosen]


def _most(turns: Sequence[Mapping[str, Any]], names: Iterable[str], without: str = "") -> str:
    counts = Counter(key for turn in turns for key in names if key in turn and key != without)
    return counts.most_common(1)[0][0] if counts else ""


def _tags(turns: Sequence[Mapping[str, Any]], role_key: str, content_key: str) -> dict[str, str]:
    """The names of roles that most of the messages use."""
    base = OPENAI_TAGS if role_key == "role" else DEFAULT_TAGS
    tags = dict(base) | {"role_tag": role_key, "content_tag": content_key}
    words = Counter(turn[role_key] for turn in turns if isinstance(turn.get(role_key), str))
    for role in ROLES:
        used = Counter({word: count for word, count in words.items() if role_of(word) == role})
        word, count = used.most_common(1)[0] if used else ("", 0)
        if count > 2 * used[base[f"{role}_tag"]]:
            tags[f"{role}_tag"] = word
    return tags


def info_entry(layout: Layout, file_name: str) -> dict[str, Any]:
    """The entry of dataset_info.json for a file; `file_name` absolute."""
    entry: dict[str, Any] = {"file_name": file_name, "formatting": layout.formatting}
    if layout.ranking:
        entry["ranking"] = True
    entry["columns"] = dict(layout.columns)
    if layout.tags:
        entry["tags"] = dict(layout.tags)
    return entry
