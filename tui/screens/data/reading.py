"""A row of a dataset as a person reads it: who says what, in lines for a sheet. Everything here comes from outside and is sanitised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from core.datasets.types import Layout
from core.sanitise import one_line, sanitise
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.widgets.lines import fit, pad, wrap
from tui.widgets.sheet import Line

#: Characters of one text that are laid out: what is longer is cut and said, so that one row of 200 MB is opened like any other.
LONGEST = 100_000
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """One text with who says it: a role of ROLES, or the name of a field from outside (`named`)."""

    role: str
    text: str
    named: bool = False


#: Role -> (word, token).
ROLES = {
    "system": (N_("system"), "reasoning"),
    "user": (N_("user"), "accent"),
    "assistant": (N_("assistant"), "good"),
    "tool": (N_("tool"), "warn"),
    "call": (N_("tool call"), "warn"),
    "tools": (N_("tools"), "dim"),
    "chosen": (N_("chosen"), "good"),
    "rejected": (N_("rejected"), "bad"),
    "liked": (N_("rating"), "good"),
    "disliked": (N_("rating"), "bad"),
    "text": (N_("text"), "text"),
}
_SAME = {
    "human": "user", "prompt": "user", "question": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "answer": "assistant", "observation": "tool", "function": "tool", "function_call": "call", "tool_call": "call",
}  # fmt: skip
#: LLaMA-Factory's names of columns, with the keys they have where nothing else is said.
_USUAL = {
    "system": ("system",), "tools": ("tools",), "messages": ("messages", "conversations", "conversation"), "history": ("history",),
    "prompt": ("instruction", "prompt"), "query": ("input", "query"), "response": ("output", "response", "completion"),
    "chosen": ("chosen",), "rejected": ("rejected",), "kto_tag": ("kto_tag", "label"),
}  # fmt: skip


def turns_of(value: Any, layout: Layout | None = None) -> list[Turn]:
    """What is said in a row, in the order in which a model reads it; then the fields that mean nothing to it, under their own names."""
    if not isinstance(value, Mapping):
        return [Turn("text", _plain(value))]
    rest = dict(value)
    columns = {name: rest.pop(key) for name, key in _keys(rest, layout).items()}
    found = [Turn(name, _plain(columns[name])) for name in ("system", "tools") if columns.get(name)]
    found += _history(columns.get("history"))
    found += _conversation(columns, layout)
    for name in ("chosen", "rejected"):
        if columns.get(name) not in (None, ""):
            said = columns[name] if isinstance(columns[name], list) else [columns[name]]
            found += [_message(one, layout, role=name) for one in said]
    if "kto_tag" in columns:
        tag = columns["kto_tag"]
        known = Turn("liked", _("good")) if tag else Turn("disliked", _("bad"))
        found.append(known if isinstance(tag, bool) else Turn("kto_tag", _plain(tag), named=True))
    return found + [Turn(str(key), _plain(item), named=True) for key, item in rest.items() if item not in (None, "", [])]


def _keys(row: Mapping[str, Any], layout: Layout | None) -> dict[str, str]:
    """LLaMA-Factory's name of each column that is in `row` -> its key there."""
    if layout is not None and layout.columns:
        return {name: key for name, key in layout.columns.items() if key in row}
    found = {}
    for name, keys in _USUAL.items():
        if key := next((key for key in keys if key in row), ""):
            found[name] = key
    return found


def _conversation(columns: Mapping[str, Any], layout: Layout | None) -> list[Turn]:
    found: list[Turn] = []
    for name in ("messages", "prompt"):
        if isinstance(columns.get(name), list):
            return [_message(item, layout) for item in columns[name]]
    asked = "\n".join(text for name in ("prompt", "query") if (text := _plain(columns.get(name, ""))))
    only_text = layout is not None and layout.format == "text"
    if asked or "prompt" in columns:
        found.append(Turn("text" if only_text else "user", asked))
    if "messages" in columns:
        found.append(Turn("messages", _plain(columns["messages"]), named=True))
    if "response" in columns:
        answer = columns["response"]
        found += [Turn("assistant", _plain(one)) for one in (answer if isinstance(answer, list) else [answer])]
    return found


def _message(item: Any, layout: Layout | None, role: str = "") -> Turn:
    """A message of ShareGPT (from, value), of OpenAI (role, content), or with the tags of `layout`."""
    if not isinstance(item, Mapping):
        return Turn(role or "?", _plain(item), named=not role)
    tags = layout.tags if layout is not None else {}
    said = _first(item, tags.get("role_tag"), "role", "from")
    text = _first(item, tags.get("content_tag"), "content", "value")
    if not text and item.get("tool_calls"):
        return Turn("call", _plain(item["tool_calls"]))
    name = said if isinstance(said, str) else _plain(said)
    own = {tags[f"{known}_tag"]: known for known in ("system", "user", "assistant") if tags.get(f"{known}_tag")}
    known = role or own.get(name) or _SAME.get(name, name)
    return Turn(known, _plain(text), named=known not in ROLES)


def _first(item: Mapping[str, Any], *keys: str | None) -> Any:
    return next((item[key] for key in keys if key and key in item), "")


def _history(history: Any) -> list[Turn]:
    found: list[Turn] = []
    for pair in history if isinstance(history, list) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            found += [Turn("user", _plain(pair[0])), Turn("assistant", _plain(pair[1]))]
        else:
            found.append(Turn("history", _plain(pair), named=True))
    return found


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)[:LONGEST]


# Lines -------------------------------------------------------------------------------------------------------------------


def heading(words: Sequence[tuple[str, str]], width: int, signs: Glyphs) -> Line:
    """A thin line with `words` (text, token) on it, between two rows."""
    parts: list[tuple[str, str]] = [(signs.rule * 2 + " ", "rule")]
    used = 3
    for index, (text, token) in enumerate(words):
        shown = fit(("  " if index else "") + text, max(0, width - used - 1))
        parts.append((shown, token))
        used += cell_len(shown)
    return (*parts, (" " + signs.rule * max(0, width - used - 1), "rule"))


def turn_lines(turn: Turn, width: int, *, most: int | None = None) -> list[Line]:
    """One turn: its role at the left, its text behind it; at most `most` lines, the last one saying how many there are more."""
    word, token = (one_line(turn.role, 40) or "?", "dim") if turn.named else ROLES.get(turn.role, (turn.role, "dim"))
    label = pad(word if turn.named else _(word), min(_LABEL, width // 4)) + " "
    body = text_lines(turn.text, max(8, width - cell_len(label)), most=most)
    plain = "text" if turn.role != "system" else "dim"
    blank = " " * cell_len(label)
    lines: list[Line] = []
    for index, (text, more) in enumerate(body):
        lines.append(((label if not index else blank, token if not index else ""), (text, "dim" if more else plain)))
    return lines


def text_lines(text: str, width: int, *, most: int | None = None) -> list[tuple[str, bool]]:
    """`text` wrapped; (line, whether it only says that there is more). Empty text says so."""
    room = LONGEST if most is None else min(LONGEST, (most + 1) * width)
    cut = max(0, len(text) - room)
    clean = sanitise(text[:room]).expandtabs(4)
    lines = wrap(clean, width) if clean.strip() else []
    if not lines:
        return [(_("(empty)"), True)]
    if most is not None and (len(lines) > most + 1 or cut):  # a note that takes as much room as what it stands for is none
        lines = lines[:most]
        left = max(0, len(text) - sum(len(line) for line in lines))
        note = ngettext("… {count} more character", "… {count} more characters", left).format(count=f"{left:,}")
        return [*((line, False) for line in lines), (note, True)]
    shown = [(line, False) for line in lines]
    if cut:
        shown.append((ngettext("… {count} more character", "… {count} more characters", cut).format(count=f"{cut:,}"), True))
    return shown
