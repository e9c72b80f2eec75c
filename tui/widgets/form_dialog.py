"""FormDialog: a dialog that asks for more than one thing. It returns a value and never acts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.errors import InvalidInput
from tui.i18n import N_
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.form import Form

T = TypeVar("T")


class FormDialog(Dialog[T | None], Generic[T]):
    """A few fields in the box; `problems` says what is wrong with them, `answer` what is returned."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", N_("save"), id="dialog.save")]

    def compose_answer(self) -> Iterable[Widget]:
        yield Form(*self.compose_fields(), id="dialog-form", classes="dialog-form")

    def compose_fields(self) -> Iterable[Field]:
        """The fields of the dialog."""
        return ()

    @property
    def form(self) -> Form:
        return self.query_one("#dialog-form", Form)

    def on_mount(self) -> None:
        next(iter(self.form.fields.values())).focus()

    def problems(self) -> dict[str, InvalidInput | None]:
        """What is wrong, by field."""
        return {}

    def answer(self) -> T:
        """What the dialog returns."""
        raise NotImplementedError

    def on_form_changed(self, event: Form.Changed) -> None:
        problems = self.problems()
        self.form.show_problems({name: problem for name, problem in problems.items() if self.form[name]})

    def on_form_submitted(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        wrong = {name: problem for name, problem in self.problems().items() if problem is not None}
        if wrong:
            self.form.show_problems(wrong, every=True)
            self.form.first(wrong)
            return
        self.dismiss(self.answer())
