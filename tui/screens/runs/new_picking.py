"""What the form of a new run says beside its fields, and the lists that they open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from core.training.configurations_types import TrainingConfiguration
from core.training.types import SlotHolder
from tui.i18n import N_, _, ngettext
from tui.screens.runs.form_picking import FormPicking
from tui.screens.runs.new_fields import QUICK
from tui.screens.runs.picking import SEPARATOR, ChooseSeveral, PickField, dataset_options, gpu_options
from tui.screens.runs.training_values import text_of
from tui.training_fields import label_words
from tui.training_sentences import method_words, model_words
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Choose
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from core.datasets.types import Dataset
    from core.training.gpus import Gpu

_BROKEN = {
    "repairable": N_("“{name}” needs repair first"),
    "unusable": N_("“{name}” is unusable"),
    "unchecked": N_("“{name}” is not checked yet"),
}


class NewRunPicking(FormPicking):
    """The part of the form that says what was chosen and shows what there is."""

    _configurations: dict[str, TrainingConfiguration]
    _datasets: dict[str, Dataset]
    _gpus: tuple[tuple[Gpu, SlotHolder | None], ...]
    _changes: dict[str, Any]

    def _pick_field(self, name: str) -> PickField:
        field = self.form.field(name)
        assert isinstance(field, PickField)
        return field

    @property
    def quick(self) -> bool:
        return self.form["with"] == QUICK

    @property
    def configuration(self) -> TrainingConfiguration | None:
        return None if self.quick else self._configurations.get(self.form["configuration_id"])

    # Remarks ---------------------------------------------------------------------------------------------------------------

    def _remarks(self) -> None:
        """What is to be known beside each field."""
        form, item = self.form, self.configuration
        if item is not None:
            draft = item.draft
            form.field("configuration_id").say(f"{method_words(draft.method)} · {model_words(draft.model_name_or_path)}")
        form.field("dataset_ids").say(*self._about_datasets())
        form.field("gpus").say(self._about_gpus())
        form.field("name").say("" if form["name"] else _("by itself"))
        lines = [] if self._gpus else [(_("There is no GPU here: it runs on the CPU."), "dim")]
        if self._changes:
            said = ", ".join(f"{label_words(name)} {text_of(value) or _('by itself')}" for name, value in self._changes.items())
            lines.append((_("Changed for this run: {changes}").format(changes=one_line(said, 300)), "accent"))
        self.query_one("#new-run-message", Paragraphs).show(*lines)

    def _about_datasets(self) -> tuple[str]:
        chosen = [self._datasets[value] for value in self._pick_field("dataset_ids").values if value in self._datasets]
        item = self.configuration
        if not chosen:
            own = len(item.draft.dataset_ids) if item is not None else 0
            return (_("those of the configuration: {count}").format(count=own) if own else _("needed"),)
        broken = [dataset for dataset in chosen if dataset.verdict != "usable"]
        if broken:
            return (_(_BROKEN[broken[0].verdict]).format(name=one_line(broken[0].name, 24)),)
        samples = sum(dataset.current.summary.usable for dataset in chosen if dataset.current.summary is not None)
        return (ngettext("{count} sample", "{count} samples", samples).format(count=f"{samples:,}"),)

    def _about_gpus(self) -> str:
        free = sum(holder is None for _gpu, holder in self._gpus)
        return _("{free} of {total} free").format(free=free, total=len(self._gpus)) if self._gpus else ""

    # Choosing --------------------------------------------------------------------------------------------------------

    def open_field(self, field: TextField, typed: str) -> None:
        if isinstance(field, PickField):
            self.start(self._open_list, field, group="pick")

    def action_pick(self) -> None:
        if isinstance(self.focused, PickField):
            self.start(self._open_list, self.focused, group="pick")
        else:
            super().action_pick()

    async def _open_list(self, field: PickField) -> None:
        if field.id == "field-configuration_id":
            self._choose_configuration(field)
            return

        def chosen(values: tuple[str, ...] | None) -> None:
            if values is not None:
                field.value = SEPARATOR.join(values)
                field.focus()

        if field.id == "field-gpu_uuids":
            question, options, empty = _("Which GPUs?"), gpu_options(self._gpus), ""
        else:
            question, options = _("Which datasets?"), await dataset_options(self.services, self.principal)
            empty = _("No dataset yet: add one in the area Data (Alt+4).")
        self.app.push_screen(ChooseSeveral(question, options, field.values, empty=empty), chosen)

    def _choose_configuration(self, field: PickField) -> None:
        options = [
            (item.id, one_line(item.name), f"{method_words(item.draft.method)} · {model_words(item.draft.model_name_or_path)}")
            for item in self._configurations.values()
        ]

        def chosen(value: str | None) -> None:
            if value is not None:
                field.value = value
                field.focus()

        self.app.push_screen(Choose(_("Which configuration?"), options, field.value), chosen)
