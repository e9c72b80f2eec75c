"""What `modeltrain conversation` prints: rows, the messages of a branch, and exports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.sanitise import json_safe, one_line, sanitise
from tui.commands.common import out
from tui.i18n import N_, _

if TYPE_CHECKING:
    from core.chat.types import ConversationSummary

FORMATS = ("json", "markdown")
_STATES = {
    "stopped": N_("stopped"),
    "truncated": N_("cut off"),
    "failed": N_("failed"),
    "generating": N_("being written"),
}


def summary_as_json(item: ConversationSummary) -> dict[str, Any]:
    """A conversation of the list as scripts get it."""
    return {
        "id": item.id,
        "title": item.title,
        "model": item.model,
        "configuration": item.configuration_id,
        "messages": item.message_count,
        "pinned": item.pinned,
        "generating": item.generating,
        "unread": item.unread or None,
        "shared": item.shared,
        "owner": item.owner or None,
        "created_at": item.created_at,
        "used_at": item.used_at,
        "deleted_at": item.deleted_at,
    }


def row(item: ConversationSummary) -> tuple[str, ...]:
    """A conversation of the list as people get it."""
    used = item.used_at.astimezone().strftime("%Y-%m-%d %H:%M")
    cells = (item.id, one_line(item.title, 60) or _("(no title)"), one_line(item.model, 40), str(item.message_count), used)
    return (*cells, one_line(item.owner)) if item.owner else cells


def print_conversation(exported: dict[str, Any], *, reasoning: bool) -> None:
    """The messages of `Chat.export`, for a terminal."""
    owner = one_line(exported.get("owner", ""))
    out(one_line(exported["title"]) or _("(no title)"))
    for message in exported["messages"]:
        out()
        out(f"── {_author(message, owner)}")
        if reasoning and message["reasoning"]:
            out("\n".join(f"  ┊ {line}" for line in sanitise(message["reasoning"]).splitlines()))
        if message["content"]:
            out(sanitise(message["content"]).rstrip("\n"))


def _author(message: dict[str, Any], owner: str) -> str:
    who = owner or _("You") if message["role"] == "user" else one_line(message["model"]) or _("Answer")
    state = _STATES.get(message["state"])
    return who if state is None else f"{who} ({_(state)})"


def as_json_text(exported: dict[str, Any]) -> str:
    """The export as indented JSON."""
    return json_safe(json.dumps(exported, ensure_ascii=False, indent=2))


def as_markdown(exported: dict[str, Any]) -> str:
    """The export as Markdown: a heading for each message, reasoning folded."""
    owner = one_line(exported.get("owner", ""))
    lines = [f"# {one_line(exported['title']) or _('(no title)')}"]
    for message in exported["messages"]:
        lines += ["", f"## {_author(message, owner)}", ""]
        if message["reasoning"]:
            lines += ["<details><summary>" + _("Reasoning") + "</summary>", "", sanitise(message["reasoning"]), "", "</details>", ""]
        lines.append(sanitise(message["content"]).rstrip("\n"))
    return "\n".join(lines)
