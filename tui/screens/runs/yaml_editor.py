"""Writing "everything else" as YAML: names of options are completed, and what the one in hand does is said below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from core.sanitise import one_line
from core.training.environment_types import Option
from tui.i18n import N_, _
from tui.widgets.editor import Editor, Write
from tui.widgets.frame import Paragraphs

_SHOWN = 4
_KEY = re.compile(r"^(\s*)([A-Za-z_][A-Za-z0-9_]*)?(:)?(.*)$")


class WriteYaml(Write):
    """The editor with completion; returns the text, None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", N_("complete"), id="write.complete", priority=True)]

    def __init__(self, options: Mapping[str, Option], text: str, *, typed: str = "") -> None:
        super().__init__(_("Any other option of LLaMA-Factory"), text, _("One on a line, as in name: value."), typed=typed)
        self._options = options
        self._offered: list[str] = []

    def compose_answer(self) -> Iterable[Widget]:
        yield from super().compose_answer()
        yield Paragraphs(id="dialog-remark")

    def on_mount(self) -> None:
        super().on_mount()
        self._look()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._look()

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._look()

    @property
    def _line(self) -> tuple[str, bool, str]:
        """Of the line with the cursor: what is written of the name, whether it is whole, and the value."""
        editor = self.query_one(Editor)
        row, _column = editor.cursor_location
        match = _KEY.match(editor.document.get_line(row))
        return (match.group(2) or "", bool(match.group(3)), match.group(4).strip()) if match else ("", False, "")

    def _look(self) -> None:
        name, whole, _value = self._line
        shown = self.query_one("#dialog-remark", Paragraphs)
        self._offered = [] if whole or not name else complete(name, self._options)
        if whole and name in self._options:
            shown.show(*option_words(self._options[name]))
        elif whole and name:
            near = complete(name[: max(3, len(name) // 2)], self._options)[:3]
            said = _("LLaMA-Factory knows no “{name}”.").format(name=one_line(name, 60))
            shown.show((said, "warn"), *([(", ".join(near), "dim")] if near else []))
        else:
            shown.show(*((f"{key}  {short_words(self._options[key])}", "accent" if not index else "dim") for index, key in
                         enumerate(self._offered[:_SHOWN])))  # fmt: skip

    def action_complete(self) -> None:
        if not self._offered:
            return
        editor = self.query_one(Editor)
        row, _column = editor.cursor_location
        line = editor.document.get_line(row)
        indent = len(line) - len(line.lstrip())
        editor.replace(f"{self._offered[0]}: ", (row, indent), (row, len(line)))


def complete(begun: str, options: Mapping[str, Option]) -> list[str]:
    """Names that begin so, then those with it anywhere."""
    begun = begun.casefold()
    first = sorted(name for name in options if name.startswith(begun))
    return first + sorted(name for name in options if begun in name and name not in first)


def short_words(option: Option) -> str:
    """Kind and default of an option in few cells."""
    kind = "|".join(option.choices[:5]) if option.choices else option.type
    return f"{one_line(kind, 40)} = {one_line(str(option.default), 24)}"


def option_words(option: Option) -> list[tuple[str, str]]:
    """What an option is, in LLaMA-Factory's own words."""
    kind = ", ".join(option.choices) if option.choices else option.type
    lines = [(_("{kind}; {default} if it is left out").format(kind=one_line(kind, 160), default=one_line(str(option.default), 60)), "text")]
    return [*lines, (one_line(option.help, 240), "dim")] if option.help else lines
