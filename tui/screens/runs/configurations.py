"""What is done with training configurations in their list: new, edit, copy, versions, YAML, import, share, delete."""

from __future__ import annotations

from core.errors import InvalidInput
from core.sanitise import one_line
from core.training.configurations_types import Imported, TrainingConfiguration, TrainingDraft
from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.training_fields import preset_words
from tui.widgets.dialogs import Choose, Confirm
from tui.widgets.rows import Rows

_EMPTY = "-"


class ConfigurationActions(AreaScreen):
    """The part of the runs screen that changes configurations."""

    _configurations: tuple[TrainingConfiguration, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    @property
    def configuration_in_hand(self) -> TrainingConfiguration | None:
        """The configuration that the cursor is on."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def new_configuration(self) -> None:
        """Choose a preset to begin with, then the form."""
        presets = self.services.training.presets()
        options = [(preset.id, preset_words(preset.method, preset.stage), _about(preset.draft)) for preset in presets]
        drafts = {preset.id: preset.draft for preset in presets}

        def chosen(preset_id: str | None) -> None:
            if preset_id is not None:
                self.open_form(Imported(drafts[preset_id]))

        explanation = _("Everything in it can be changed afterwards.")
        self.app.push_screen(Choose(_("Begin with"), options, explanation=explanation), chosen)

    def open_form(self, begin: TrainingConfiguration | Imported) -> None:
        """The form of a saved configuration, or of a new one that begins with what was imported or chosen."""
        from tui.screens.runs.configuration_form import TrainingConfigurationScreen

        if isinstance(begin, TrainingConfiguration):
            screen = TrainingConfigurationScreen(begin.draft, saved=begin)
        else:
            screen = TrainingConfigurationScreen(begin.draft, remarks=begin.remarks)
        self.app.push_screen(screen, self._form_closed)

    def _form_closed(self, saved: TrainingConfiguration | None) -> None:
        self.reload(saved.id if saved is not None else None)

    def edit_configuration(self) -> None:
        item = self.configuration_in_hand
        if item is None:
            return
        if item.mine:
            self.open_form(item)
        else:
            said = _("“{name}” belongs to {owner}: press {key} to make a copy that you can change.")
            self.modeltrain.say(said.format(name=one_line(item.name), owner=one_line(item.owner_name), key="c"))

    def copy_configuration(self) -> None:
        if self.configuration_in_hand is not None:
            self.start(self._copy, self.configuration_in_hand.id, group="change", exclusive=False)

    async def _copy(self, configuration_id: str) -> None:
        made = await self.services.training.copy(self.principal, configuration_id)
        self.modeltrain.say(_("Copied as “{name}”.").format(name=one_line(made.name)))
        self.reload(made.id)

    def action_yaml(self) -> None:
        item = self.configuration_in_hand
        if item is not None:
            self.start(self._show_yaml, item, group="yaml")

    async def _show_yaml(self, item: TrainingConfiguration) -> None:
        from tui.screens.runs.yaml_view import YamlScreen

        text = await self.services.training.to_yaml(self.principal, item.draft)
        explanation = _("What the start adds: folders, data, and where it is logged to. Exactly that is on the page before the start.")
        self.app.push_screen(YamlScreen(item.name, text, explanation))

    def action_import(self) -> None:
        from tui.screens.runs.yaml_view import ImportScreen

        self.app.push_screen(ImportScreen(), self._imported)

    def _imported(self, found: Imported | None) -> None:
        if found is not None:
            self.open_form(found)

    def action_versions(self) -> None:
        item = self.configuration_in_hand
        if item is not None:
            from tui.screens.runs.versions import VersionsScreen

            self.app.push_screen(VersionsScreen(item), lambda _changed: self.reload())

    def action_share(self) -> None:
        item = self.configuration_in_hand
        if item is None:
            return
        if not item.mine:
            self.modeltrain.say(_("Only its owner decides who sees it."))
            return
        self.start(self._share, item, group="change", exclusive=False)

    async def _share(self, item: TrainingConfiguration) -> None:
        changed = await self.services.training.share(self.principal, item.id, not item.shared)
        said = _("Everybody here may read and copy “{name}”.") if changed.shared else _("“{name}” is yours alone.")
        self.modeltrain.say(said.format(name=one_line(changed.name)))
        self.reload()

    def delete_configurations(self) -> None:
        chosen = [item for item in self._configurations if item.id in self.rows.selected_ids]
        if any(not item.mine for item in chosen):
            self.modeltrain.say(_("Only its owner can delete a configuration."))
        elif chosen:
            self.start(self._ask_to_delete_configurations, chosen, group="delete")

    async def _ask_to_delete_configurations(self, chosen: list[TrainingConfiguration]) -> None:
        ids = [item.id for item in chosen]
        page = await self.services.runs.runs(self.principal, limit=500)
        using = [run for run in page.items if run.configuration_id in ids]
        if len(chosen) == 1:
            question = _("Delete the training configuration “{name}”?").format(name=one_line(chosen[0].name))
        else:
            question = ngettext("Delete {count} training configuration?", "Delete {count} training configurations?", len(chosen)).format(
                count=len(chosen)
            )
        if using:
            explanation = ngettext(
                "{count} run was made of it ({names}); it keeps what it was made of.",
                "{count} runs were made of it ({names}); they keep what they were made of.",
                len(using),
            ).format(count=len(using), names=", ".join(one_line(run.name, 30) for run in using[:4]))
        else:
            explanation = _("No run uses it.")
        if any(item.shared for item in chosen):
            explanation += "\n" + _("It is shared: others will not see it any more.")

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.training.delete(self.principal, ids)
                    self.rows.clear_marks()
                    self.reload()

        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    def use_configuration(self) -> None:
        """Start a run with the one in hand."""
        item = self.configuration_in_hand
        if item is not None:
            from tui.screens.runs.new import open_new_run

            open_new_run(self.app, configuration_id=item.id)


def _about(draft: TrainingDraft) -> str:
    """The figures of a starting point that matter most."""
    return _("epochs {count}, learning rate {rate}").format(count=f"{draft.num_train_epochs:g}", rate=f"{draft.learning_rate:g}")


def read_import(error: InvalidInput) -> str:
    """What is wrong with a file that cannot be imported, in a sentence."""
    from core.training.configurations_types import Remark
    from tui.training_fields import remark_words

    return remark_words(Remark("error", error.rule, fields={key: value for key, value in error.fields.items() if key != "rule"}))
