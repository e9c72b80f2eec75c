"""What the form of a training configuration asks for beside itself: models, templates, datasets, YAML, what fits into the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.sanitise import one_line
from core.training.configurations_types import Remark, TrainingDraft
from tui.i18n import _
from tui.screens.base import AreaScreen
from tui.screens.runs.picking import (
    SEPARATOR,
    ChooseSeveral,
    PickField,
    adapter_options,
    dataset_options,
    model_options,
    template_options,
)
from tui.training_fields import label_words
from tui.training_sentences import method_words, model_words, size
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Choose
from tui.widgets.form import Form


class FormPicking(AreaScreen):
    """The part of the form that picks values in dialogs."""

    #: The template that was filled in for the person: it follows the model until somebody types another.
    _suggested = ""

    @property
    def form(self) -> Form:
        """The form itself."""
        raise NotImplementedError

    def draft(self) -> tuple[TrainingDraft, list[Remark]]:
        """What is filled in."""
        raise NotImplementedError

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Fill in these fields of the draft."""
        raise NotImplementedError

    # Choosing --------------------------------------------------------------------------------------------------------

    def action_pick(self) -> None:
        name = (getattr(self.focused, "id", None) or "").removeprefix("field-")
        known = ("template", "adapter_name_or_path", "dataset_ids", "eval_dataset_ids", "extra")
        if name == "extra":
            self._write_yaml("")
        else:
            self.start(self._pick, name if name in known else "model_name_or_path", group="pick")

    async def _pick(self, name: str) -> None:
        field = self.form.field(name)
        if isinstance(field, PickField):
            await self._pick_datasets(field)
            return
        other = ""
        if name == "template":
            options = await template_options(self.services, self.principal, self.form["model_name_or_path"])
            question, explanation = _("Which template?"), _("It has to be the one that the model was made with.")
        elif name == "adapter_name_or_path":
            options = await adapter_options(self.services, self.principal)
            question, explanation = _("Which adapter goes on?"), ""
        else:
            options = await model_options(self.services, self.principal)
            question, explanation = _("Which base model?"), _("Or type a folder, or a name at the hub, into the field.")
            other = _("another folder or name…")

        def chosen(value: str | None) -> None:
            if value is not None:
                field.value = value
                field.cursor_position = len(value)
                field.focus()

        self.app.push_screen(Choose(question, options, field.value, explanation=explanation, other=other), chosen)

    async def _pick_datasets(self, field: PickField) -> None:
        options = await dataset_options(self.services, self.principal)

        def chosen(values: tuple[str, ...] | None) -> None:
            if values is not None:
                field.value = SEPARATOR.join(values)
                field.focus()

        empty = _("No dataset yet: add one in the area Data (Alt+4).")
        self.app.push_screen(
            ChooseSeveral(label_words((field.id or "").removeprefix("field-")), options, field.values, empty=empty), chosen
        )

    def on_text_field_opened(self, event: TextField.Opened) -> None:
        event.stop()
        self.open_field(event.field, event.typed)

    def open_field(self, field: TextField, typed: str) -> None:
        """Show what a field is chosen from, or the editor that it is written in. (Textual calls the handlers of every class.)"""
        if isinstance(field, PickField):
            self.start(self._pick_datasets, field, group="pick")
        else:
            self._write_yaml(typed)

    def _write_yaml(self, typed: str) -> None:
        self.start(self._open_editor, typed, group="pick")

    async def _open_editor(self, typed: str) -> None:
        from tui.screens.runs.yaml_editor import WriteYaml

        catalogue = await self.services.environment.catalogue(self.principal)
        field = self.form.field("extra")

        def written(text: str | None) -> None:
            if text is not None:
                field.value = text
                field.focus()

        self.app.push_screen(WriteYaml(catalogue.options, field.value, typed=typed), written)

    # By itself -------------------------------------------------------------------------------------------------------

    async def _suggest_template(self) -> None:
        """The template of the model, unless somebody chose another."""
        field = self.form.fields.get("template")
        if field is None or (field.value and field.value != self._suggested):
            return
        found = await self.services.training.templates_for(self.principal, self.form["model_name_or_path"].strip())
        if found:
            self._suggested = found[0]
            field.value = found[0]

    def action_fit(self) -> None:
        self.start(self._recommend, group="fit")

    async def _recommend(self) -> None:
        draft, _problems = self.draft()
        if not draft.model_name_or_path:
            self.modeltrain.say(_("Name the base model first."))
            self.form.field("model_name_or_path").focus()
            return
        found = await self.services.training.recommend(self.principal, draft.model_name_or_path, None, stage=draft.stage)
        if not found:
            self.modeltrain.say(_("Nothing can be said: the size of this model, or the memory at hand, is not known."))
            return
        options = []
        for index, one in enumerate(found):
            needs = _("{needed} of {free}").format(needed=size(one.total), free=size(one.free)) if one.free else size(one.total)
            values = ", ".join(f"{label_words(name)} {value}" for name, value in one.changes.items() if name != "method")
            options.append((str(index), f"{method_words(one.method)}: {one_line(values, 80)}", needs if one.fits else _("too large")))

        def chosen(value: str | None) -> None:
            if value is not None:
                one = found[int(value)]
                self.apply({"method": one.method, **one.changes})

        question = _("What fits {model}").format(model=model_words(draft.model_name_or_path))
        self.app.push_screen(Choose(question, options, explanation=_("Memory on each GPU, and what there is.")), chosen)

    def action_yaml(self) -> None:
        self.start(self._show_yaml, group="yaml")

    async def _show_yaml(self) -> None:
        from tui.screens.runs.yaml_view import YamlScreen

        draft, _problems = self.draft()
        text = await self.services.training.to_yaml(self.principal, draft)
        explanation = _("The start adds folders, data, and where it is logged to.")
        self.app.push_screen(YamlScreen(draft.name, text, explanation))
