"""Every sign the interface draws beyond letters, in a Unicode and an ASCII form. One cell each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The states of the interface's grammar, folds, marks, rules, bars."""

    running: str = "●"
    waiting: str = "○"
    paused: str = "‖"
    done: str = "✓"
    failed: str = "✗"
    stopped: str = "■"
    lost: str = "?"
    open: str = "▾"
    folded: str = "▸"
    pointer: str = "▌"
    mark: str = "•"
    on: str = "■"
    off: str = "□"
    star: str = "★"
    shared: str = "»"
    bullet: str = "·"
    crumb: str = "›"
    down: str = "↓"
    up: str = "↑"
    left: str = "◂"
    right: str = "▸"
    ellipsis: str = "…"
    rule: str = "─"
    wall: str = "│"
    top_left: str = "┌"
    top_right: str = "┐"
    bottom_left: str = "└"
    bottom_right: str = "┘"
    full: str = "▇"
    empty: str = "░"
    dot: str = "•"
    ascii: bool = False


UNICODE = Glyphs()
ASCII = Glyphs(
    running="*",
    waiting="o",
    paused="=",
    done="+",
    failed="x",
    stopped="#",
    lost="?",
    open="v",
    folded=">",
    pointer=">",
    mark="*",
    on="x",
    off=".",
    star="*",
    shared=">",
    bullet="-",
    crumb=">",
    down="v",
    up="^",
    left="<",
    right=">",
    ellipsis="~",
    rule="-",
    wall="|",
    top_left="+",
    top_right="+",
    bottom_left="+",
    bottom_right="+",
    full="#",
    empty=".",
    dot="*",
    ascii=True,
)


def glyphs(app: Any) -> Glyphs:
    """The signs that `app` draws with."""
    chosen = getattr(app, "glyphs", UNICODE)
    return chosen if isinstance(chosen, Glyphs) else UNICODE


def can_show_unicode(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is likely to draw more than ASCII: a UTF-8 locale (or none said) and not the bare Linux console."""
    if environment.get("TERM", "") in {"linux", "dumb", "vt100", "vt220"}:
        return False
    named = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "UTF-8")
    return "utf" in named.lower()
