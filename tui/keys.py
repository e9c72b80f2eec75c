"""Keys as people read them, and the bindings of a screen as the key line, the help and the palette show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.keys import key_to_character

from tui.i18n import _

if TYPE_CHECKING:
    from textual.binding import Binding
    from textual.screen import Screen

_NAMES = {
    "escape": "Esc", "enter": "Enter", "space": "Space", "tab": "Tab", "backspace": "Backspace", "delete": "Del", "pageup": "PgUp",
    "pagedown": "PgDn", "home": "Home", "end": "End", "up": "↑", "down": "↓", "left": "←", "right": "→", "question_mark": "?", "slash": "/",
    "left_square_bracket": "[", "right_square_bracket": "]", "full_stop": ".", "comma": ",", "minus": "-", "plus": "+",
}  # fmt: skip
_ASCII = {"up": "Up", "down": "Down", "left": "Left", "right": "Right"}


def key_name(key: str, *, ascii_only: bool = False) -> str:
    """`key` as Textual names it ("ctrl+p", "question_mark") as it is printed on a keyboard ("Ctrl+P", "?")."""
    *modifiers, last = key.split("+")
    if ascii_only and last in _ASCII:
        name = _ASCII[last]
    elif last in _NAMES:
        name = _NAMES[last]
    elif last.startswith("f") and last[1:].isdigit():
        name = last.upper()
    elif len(last) == 1:
        name = last.upper() if modifiers else last
    else:
        name = last.capitalize()
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


@dataclass(frozen=True, slots=True)
class Shown:
    """A key with what it does. `raw`: Textual's name of the key; `where`: "widget", "screen" or "app"."""

    key: str
    text: str
    raw: str
    action: str
    tooltip: str = ""
    where: str = "screen"
    #: Those with the highest go first where there is no room for all.
    rank: int = 0


def _typed_away(screen: Screen[object], key: str) -> bool:
    """Whether the focused field takes this key as text."""
    focused = screen.focused
    if focused is None:
        return False
    name = _NAMES.get(key, "")  # Textual does not know the character of the slash
    return focused.check_consume_key(key, key_to_character(key) or (name if len(name) == 1 and name.isascii() else None))


def usable_bindings(screen: Screen[object], *, hidden: bool = False) -> list[tuple[Binding, str]]:
    """The bindings that work now with where they come from, in order, one for each action; also unshown ones if `hidden`."""
    found: list[tuple[Binding, str]] = []
    seen: set[str] = set()
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if key.startswith("super+"):
            # The same action's key of another system's keyboards; terminals hardly ever send it.
            continue
        if not active.enabled or not binding.description or not (binding.show or hidden):
            continue
        if binding.action in seen or (not hidden and _typed_away(screen, key)):
            continue
        seen.add(binding.action)
        where = "app" if active.node is screen.app else "screen" if active.node is screen else "widget"
        found.append((binding, where))
    return found


def shown_keys(screen: Screen[object], *, hidden: bool = False) -> tuple[Shown, ...]:
    """What the key line (or, with `hidden`, the help) shows for `screen` now, in the language of the session."""
    from tui.glyphs import glyphs

    plain = glyphs(screen.app).ascii
    rank_of: Callable[[str], int] = getattr(screen, "key_rank", lambda _action: 0)
    found = usable_bindings(screen, hidden=hidden)
    if screen.is_modal:
        # What a dialog is there for comes first, the way out last.
        found.sort(key=lambda pair: pair[0].key == "escape")
    return tuple(
        Shown(
            binding.key_display or key_name(binding.key, ascii_only=plain),
            _(binding.description),
            binding.key,
            binding.action,
            _(binding.tooltip) if binding.tooltip else "",
            where,
            rank_of(binding.action),
        )
        for binding, where in found
    )
