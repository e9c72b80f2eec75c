"""What the form of a new batch is filled from: question sets, examples, files, configurations, a rubric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.runs.picking import SEPARATOR, ChooseSeveral, Option, PickField
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Choose
from tui.widgets.editor import Write
from tui.widgets.form import Form

if TYPE_CHECKING:
    from core.models.types import Configuration
    from core.questions.types import Example, QuestionSet

#: Values of the list of questions that are no set yet.
_FILE, _EXAMPLE, _NONE = "file:", "example:", "none:"


class NewBatchPicking(AreaScreen):
    """The part of the form that picks values in dialogs."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[str, QuestionSet] = {}
        self.configurations: dict[str, Configuration] = {}
        self._examples: tuple[Example, ...] = ()

    @property
    def form(self) -> Form:
        """The form itself."""
        raise NotImplementedError

    def pick_field(self, name: str) -> PickField:
        field = self.form.field(name)
        assert isinstance(field, PickField)
        return field

    async def read_choices(self) -> None:
        """What can be chosen."""
        services, principal = self.services, self.principal
        page = await services.questions.sets(principal, limit=1000)
        self.sets = {item.id: item for item in page.items}
        self._examples = await services.questions.examples(principal)
        self.configurations = {item.id: item for item in await services.configurations.list(principal) if item.enabled}
        names = {item.id: one_line(item.name) for item in self.configurations.values()}
        self.pick_field("set_id").name_values({item.id: one_line(item.name) for item in self.sets.values()})
        self.pick_field("configuration_ids").name_values(names)
        self.pick_field("judge").name_values(names)

    # Choosing --------------------------------------------------------------------------------------------------------

    def on_text_field_opened(self, event: TextField.Opened) -> None:
        event.stop()
        self._open(event.field, event.typed)

    def action_pick(self) -> None:
        if isinstance(self.focused, TextField):
            self._open(self.focused, "")

    def _open(self, field: TextField, typed: str) -> None:
        name = (field.id or "").removeprefix("field-")
        if name == "set_id":
            self._choose_questions(field)
        elif name == "configuration_ids":
            self._choose_configurations()
        elif name == "judge":
            self._choose_judge(field)
        else:
            self._write_rubric(field, typed)

    def _choose_questions(self, field: TextField) -> None:
        options: list[Option] = [(_FILE, _("a file…"), _("TXT, CSV, JSON, JSONL"))]
        options += [(item.id, one_line(item.name, 60), self._about(item)) for item in self.sets.values()]
        options += [
            (f"{_EXAMPLE}{item.id}", one_line(item.name, 60), _("example, {count} questions").format(count=item.count))
            for item in self._examples
        ]

        def chosen(value: str | None) -> None:
            if value == _FILE:
                self.start(self._import_file, group="pick")
            elif value is not None and value.startswith(_EXAMPLE):
                self.start(self._take_example, value.removeprefix(_EXAMPLE), group="pick")
            elif value is not None:
                self._put(field, value)

        self.app.push_screen(Choose(_("Which questions?"), options, field.value or next(iter(self.sets), _FILE)), chosen)

    def _about(self, item: QuestionSet) -> str:
        count = ngettext("{count} question", "{count} questions", item.count).format(count=f"{item.count:,}")
        return f"{count} · {one_line(', '.join(item.tags), 20)}" if item.tags else count

    def _put(self, field: TextField, value: str) -> None:
        field.value = value
        field.focus()

    async def _take_example(self, example_id: str) -> None:
        made = await self.services.questions.add_example(self.principal, example_id)
        await self._added(made.id)

    async def _import_file(self) -> None:
        from tui.screens.compare.questions.adding import ImportScreen

        set_id = await self.app.push_screen_wait(ImportScreen())
        if set_id:
            await self._added(set_id)

    async def _added(self, set_id: str) -> None:
        await self.read_choices()
        self._put(self.pick_field("set_id"), set_id)

    def _choose_configurations(self) -> None:
        options = [(item.id, one_line(item.name, 60), one_line(item.model, 40)) for item in self.configurations.values()]
        field = self.pick_field("configuration_ids")

        def chosen(values: tuple[str, ...] | None) -> None:
            if values is not None:
                self._put(field, SEPARATOR.join(values))

        empty = _("No configuration yet: make one in the area Models (Alt+6).")
        self.app.push_screen(ChooseSeveral(_("Which configurations are asked?"), options, field.values, empty=empty), chosen)

    def _choose_judge(self, field: TextField) -> None:
        options: list[Option] = [(_NONE, _("none"), "")]
        options += [(item.id, one_line(item.name, 60), one_line(item.model, 40)) for item in self.configurations.values()]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._put(field, "" if value == _NONE else value)

        self.app.push_screen(Choose(_("Which model judges?"), options, field.value or _NONE), chosen)

    def _write_rubric(self, field: TextField, typed: str) -> None:
        def written(text: str | None) -> None:
            if text is not None:
                self._put(field, text)

        explanation = _("The judge reads it with every question.")
        self.app.push_screen(Write(_("What makes a good answer?"), field.value, explanation, typed=typed), written)
