"""Writing more than a line: a dialog with a text area that does not blink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from core.sanitise import sanitise
from tui.i18n import N_, _
from tui.widgets.dialogs import Decide, Dialog


class Editor(TextArea):
    """A text area without line numbers, colours of code, or a blinking cursor."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(sanitise(text), soft_wrap=True, show_line_numbers=False, compact=True, tab_behavior="focus", id=id)
        self.cursor_blink = False


class Write(Dialog[str | None]):
    """Several lines of text; None for Esc, which asks when something was written. `typed` is added to the text before one begins."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "accept", N_("take it"), id="write.accept", priority=True)]

    def __init__(self, question: str, text: str = "", explanation: str = "", *, typed: str = "") -> None:
        super().__init__(question, explanation)
        self._before, self._text = text, text + typed

    def compose_answer(self) -> Iterable[Widget]:
        yield Editor(self._text, id="dialog-editor")

    def on_mount(self) -> None:
        editor = self.query_one(Editor)
        editor.focus()
        editor.move_cursor(editor.document.end)

    @property
    def text(self) -> str:
        """What is written now."""
        return sanitise(self.query_one(Editor).text)

    def action_accept(self) -> None:
        self.dismiss(self.text)

    def action_cancel(self) -> None:
        if self.text == sanitise(self._before):
            self.dismiss(None)
            return

        def decided(answer: str | None) -> None:
            if answer == "keep":
                self.action_accept()
            elif answer == "drop":
                self.dismiss(None)

        answers = {"s": ("keep", N_("take it")), "d": ("drop", N_("drop it"))}
        self.app.push_screen(Decide(_("Take what you wrote?"), answers, _("What is dropped is gone.")), decided)
