"""Form: fields under one another. Tab, arrows and Enter move; it knows what changed and shows remarks beside the fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from core.errors import InvalidInput
from tui.errors import remark
from tui.i18n import N_
from tui.widgets.fields import Field


class Form(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Fields have ids "field-NAME" (`field_id`). Posts `Submitted` for Enter on the last field (or those of `submit_at`) and
    `Changed` for every change.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", N_("next field"), show=False),
        Binding("up", "app.focus_previous", N_("previous field"), show=False),
    ]

    @dataclass
    class Submitted(Message):
        """Enter on the last field."""

        form: Form

        @property
        def control(self) -> Form:
            return self.form

    @dataclass
    class Changed(Message):
        """The field `name` has another value, typed by the person."""

        form: Form
        name: str

        @property
        def control(self) -> Form:
            return self.form

    def __init__(self, *children: Widget, id: str | None = None, classes: str = "form") -> None:  # noqa: A002
        super().__init__(*children, id=id, classes=classes)
        self._initial: dict[str, str] = {}
        self._touched: set[str] = set()
        self._submitting: set[str] = set()

    def on_mount(self) -> None:
        self.remember()

    @property
    def fields(self) -> dict[str, Field]:
        """The fields by name, in order."""
        return {(field.id or "").removeprefix("field-"): field for field in self.query(Field) if (field.id or "").startswith("field-")}

    def __getitem__(self, name: str) -> str:
        return self.field(name).value

    def field(self, name: str) -> Field:
        return self.query_one(f"#{field_id(name)}", Field)

    def fill(self, values: Mapping[str, str]) -> None:
        """Put `values` into the fields of these names, and take them as unchanged."""
        for name, value in values.items():
            self.field(name).value = value
        self.remember()

    def put(self, name: str, value: str) -> None:
        """Fill one field without taking it for typed; the others stay as they are."""
        self._initial[name] = value
        self._touched.discard(name)
        self.field(name).value = value

    def remember(self) -> None:
        """From now on, "changed" means other than it is now."""
        self._initial = {name: field.value for name, field in self.fields.items()}
        self._touched.clear()

    @property
    def changed(self) -> bool:
        return any(field.value != self._initial.get(name, "") for name, field in self.fields.items())

    def is_changed(self, name: str) -> bool:
        return self[name] != self._initial.get(name, "")

    def show_problems(
        self, problems: Mapping[str, InvalidInput | None], *, fine: Mapping[str, str] | None = None, every: bool = False
    ) -> None:
        """Write a remark beside each named field: what is wrong, else its word in `fine`. Untouched fields stay quiet unless `every`."""
        for name, problem in problems.items():
            field = self.fields.get(name)
            if field is None:
                continue
            if problem is None:
                field.say((fine or {}).get(name, ""))
            elif every or name in self._touched:
                rest = {key: value for key, value in problem.fields.items() if key not in ("field", "rule")}
                field.say(remark(problem.rule, **rest), wrong=True)

    def submit_at(self, *names: str) -> None:
        """Enter on these fields goes on as on the last one."""
        self._submitting.update(names)

    def touched(self, name: str) -> bool:
        return name in self._touched

    def first(self, names: Iterable[str]) -> None:
        """Put the cursor into the first field that is named."""
        wanted = set(names)
        for name, field in self.fields.items():
            if name in wanted:
                field.focus()
                return

    def on_input_changed(self, event: Field.Changed) -> None:
        event.stop()
        name = (event.input.id or "").removeprefix("field-")
        if event.value != self._initial.get(name, "") or name in self._touched:
            self._touched.add(name)
            self.post_message(self.Changed(self, name))

    def on_input_submitted(self, event: Field.Submitted) -> None:
        event.stop()
        usable = [field for field in self.query(Field) if field.focusable]
        name = (event.input.id or "").removeprefix("field-")
        if name in self._submitting or (usable and event.input is usable[-1]):
            self.post_message(self.Submitted(self))
        else:
            self.screen.focus_next(Field)


def field_id(name: str) -> str:
    return f"field-{name}"
