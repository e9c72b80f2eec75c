"""Dialogs: a question in one sentence, what will happen, two keys. They return a value and never act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from core.sanitise import one_line
from tui.i18n import N_, _
from tui.widgets.fields import Field
from tui.widgets.frame import KeyLine, Paragraphs
from tui.widgets.rows import Column, Row, Rows, widest

T = TypeVar("T")


class Dialog(ModalScreen[T], Generic[T], inherit_bindings=False):
    """The box. `question` and `explanation` are already in the language of the session; from outside or not, never markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", N_("cancel"), id="dialog.cancel"),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, question: str, explanation: str = "", *, danger: bool = False) -> None:
        super().__init__(classes="dialog")
        self._question, self._explanation, self._danger = question, explanation, danger

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Paragraphs((one_line(self._question), "bad" if self._danger else "bold"), id="dialog-question")
            if self._explanation:
                yield Paragraphs((self._explanation, "dim"), id="dialog-explanation")
            yield from self.compose_answer()
            yield KeyLine(id="dialog-keys")

    def compose_answer(self) -> Iterable[Widget]:
        """What the answer is given with."""
        return ()

    def action_cancel(self) -> None:
        self.dismiss(self.cancelled())

    def cancelled(self) -> Any:
        """The value for Esc."""
        return None


class Confirm(Dialog[bool]):
    """Yes or no. `yes` names what will be done, untranslated."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "yes", N_("yes"), id="dialog.yes"),
        Binding("n", "cancel", N_("no"), show=False),
    ]

    def __init__(self, question: str, explanation: str = "", *, danger: bool = False) -> None:
        super().__init__(question, explanation, danger=danger)

    def action_yes(self) -> None:
        self.dismiss(True)

    def cancelled(self) -> bool:
        return False


class Decide(Dialog[str]):
    """A question with a few answers, each with its letter: `answers` is key -> (value, untranslated text). "" for Esc."""

    def __init__(self, question: str, answers: dict[str, tuple[str, str]], explanation: str = "", *, danger: bool = False) -> None:
        super().__init__(question, explanation, danger=danger)
        for key, (value, text) in answers.items():
            self._bindings.bind(key, f"answer({value!r})", text)

    def action_answer(self, value: str) -> None:
        self.dismiss(value)

    def cancelled(self) -> str:
        return ""


class _FieldDialog(Dialog[T], Generic[T]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", N_("continue"), id="dialog.accept", priority=True)]

    def field(self) -> Field:
        return self.query_one("#dialog-field", Field)

    def on_mount(self) -> None:
        self.field().focus()

    def action_accept(self) -> None:
        """Take the value if it is allowed."""


class TypeName(_FieldDialog[bool]):
    """For what cannot be undone: the name has to be typed."""

    def __init__(self, question: str, name: str, explanation: str = "") -> None:
        super().__init__(question, explanation, danger=True)
        self._name = one_line(name)

    def compose_answer(self) -> Iterable[Widget]:
        yield Paragraphs((_("Type “{name}” to go on.").format(name=self._name), "text"))
        yield Field(id="dialog-field")

    def action_accept(self) -> None:
        if self.field().value.strip() == self._name:
            self.dismiss(True)

    def cancelled(self) -> bool:
        return False


class Ask(_FieldDialog[str | None]):
    """One text. `check(text)` gives "" or what is wrong with it; None for Esc."""

    def __init__(
        self,
        question: str,
        value: str = "",
        explanation: str = "",
        *,
        label: str = "",
        password: bool = False,
        hint: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(question, explanation)
        self._label, self._value, self._password, self._hint, self._check = label, value, password, hint, check

    def compose_answer(self) -> Iterable[Widget]:
        yield Field(self._label, self._value, password=self._password, hint=self._hint, label_width=12, id="dialog-field")
        yield Paragraphs(id="dialog-remark")

    def on_input_changed(self) -> None:
        self._remark()

    def _remark(self) -> str:
        wrong = self._check(self.field().value) if self._check is not None else ""
        shown = wrong if self.field().value else ""
        self.query_one("#dialog-remark", Paragraphs).show(*([(shown, "bad")] if shown else []))
        return wrong

    def action_accept(self) -> None:
        if not self._remark():
            self.dismiss(self.field().value)


class Choose(Dialog[str | None]):
    """One of many: typing narrows, Enter takes. `options`: (value, text, dim remark), already translated or from outside.

    `other`: what is typed may be taken itself, where it is none of them; this is the remark beside it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", N_("choose"), id="dialog.choose", priority=True),
        Binding("down", "move(1)", N_("down"), show=False, priority=True),
        Binding("up", "move(-1)", N_("up a line"), show=False, priority=True),
    ]

    def __init__(
        self, question: str, options: Sequence[tuple[str, str, str]], current: str = "", *, explanation: str = "", other: str = ""
    ) -> None:
        super().__init__(question, explanation)
        self._options, self._current, self._other = options, current, other

    def compose_answer(self) -> Iterable[Widget]:
        yield Field(id="dialog-field", hint=N_("type to search"))
        remarks = widest([self._other, *(remark for _value, _label, remark in self._options)], least=8, most=32)
        yield Rows((Column("text", "", 20, grow=True), Column("remark", "", remarks, right=True)), header=False, id="dialog-rows")

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one("#dialog-field", Field).focus()

    def on_input_changed(self, event: Field.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, text: str) -> None:
        wanted = text.casefold().split()
        shown = [
            Row(value, {"text": label, "remark": remark}, {"remark": "dim"})
            for value, label, remark in self._options
            if all(word in f"{label} {remark} {value}".casefold() for word in wanted)
        ]
        typed = text.strip()
        if self._other and typed and typed not in (value for value, _label, _remark in self._options):
            shown.append(Row(typed, {"text": one_line(typed), "remark": self._other}, {"remark": "dim"}))
        rows = self.query_one(Rows)
        rows.show(shown, empty=[(_("Nothing matches."), "dim")], keep=self._current)
        if wanted and shown:
            # What was typed says it better than what was chosen before: the name itself, else one that begins so, else the first.
            names, sought = [row.cells["text"].casefold() for row in shown], typed.casefold()
            last = [bool(self._other) and row.id == typed for row in shown]
            best = min(
                range(len(shown)), key=lambda index: (last[index], names[index] != sought, not names[index].startswith(sought), index)
            )
            rows.move_to(shown[best].id)

    def action_move(self, step: int) -> None:
        self.query_one(Rows).action_move(step)
        self._current = self.query_one(Rows).current_id

    def action_accept(self) -> None:
        chosen = self.query_one(Rows).current_id
        if chosen:
            self.dismiss(chosen)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(event.row_id)
