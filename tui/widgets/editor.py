"""Writing more than a line: a dialog with a text area that does not blink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from core.sanitise import sanitise
from tui.i18n import N_
from tui.widgets.dialogs import Dialog


class Editor(TextArea):
    """A text area without line numbers, colours of code, or a blinking cursor."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(sanitise(text), soft_wrap=True, show_line_numbers=False, compact=True, tab_behavior="focus", id=id)
        self.cursor_blink = False


class Write(Dialog[str | None]):
    """Several lines of text; None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "accept", N_("take it"), id="write.accept", priority=True)]

    def __init__(self, question: str, text: str = "", explanation: str = "") -> None:
        super().__init__(question, explanation)
        self._text = text

    def compose_answer(self) -> Iterable[Widget]:
        yield Editor(self._text, id="dialog-editor")

    def on_mount(self) -> None:
        self.query_one(Editor).focus()

    def action_accept(self) -> None:
        self.dismiss(sanitise(self.query_one(Editor).text))
