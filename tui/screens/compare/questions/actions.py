"""What can be done with a question set: open, name, export, update, delete, run a batch with it. For the library and for one set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.questions.types import QuestionSet
from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.sentences_questions import count_of
from tui.widgets.dialogs import Choose, Confirm, Decide


class SetActions(AreaScreen):
    """Subclasses say what is in hand, and read anew in `reload`."""

    SET_BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "batch", N_("run a batch"), id="questions.batch", tooltip=N_("Ask these questions of the models you choose")),
        Binding("r", "rename", N_("name and tags"), id="questions.rename", tooltip=N_("Change the name, the note and the tags")),
        Binding("v", "versions", N_("versions"), id="questions.versions", tooltip=N_("Its versions, what differs, and going back")),
        Binding("x", "export", N_("export"), id="questions.export", tooltip=N_("Write it into a file: JSONL, JSON, CSV or TXT")),
        Binding("u", "update", N_("update"), id="questions.update", tooltip=N_("A file as its next version")),
    ]
    _OF_SET = ("batch", "rename", "versions", "export", "update", "questions")

    @property
    def current_set(self) -> QuestionSet | None:
        """The set that keys act on."""
        raise NotImplementedError

    @property
    def current_sets(self) -> Sequence[QuestionSet]:
        """What is deleted."""
        item = self.current_set
        return [item] if item is not None else []

    def reload(self, keep: str | None = None) -> None:
        """Read anew what is shown, and have the set `keep` in hand."""
        raise NotImplementedError

    def may(self, action: str) -> bool:
        """Whether the key does something now."""
        if action in self._OF_SET or action == "delete":
            item = self.current_set
            return item is not None and (action != "batch" or item.count > 0)
        return True

    # Making ----------------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        answers = {"f": ("file", N_("from a file")), "w": ("write", N_("write or paste it")), "e": ("example", N_("an example"))}

        def decided(answer: str | None) -> None:
            if answer == "file":
                self._import_file(None)
            elif answer == "write":
                self._write()
            elif answer == "example":
                self.start(self._add_example, group="example")

        self.app.push_screen(Decide(_("A new question set: what of?"), answers), decided)

    def action_update(self) -> None:
        if self.current_set is not None:
            self._import_file(self.current_set)

    def _import_file(self, into: QuestionSet | None) -> None:
        from tui.screens.compare.questions.adding import ImportScreen

        self.app.push_screen(ImportScreen(into), self._imported)

    def _imported(self, set_id: str | None) -> None:
        if set_id:
            self.reload(set_id)

    def _write(self) -> None:
        from tui.screens.compare.questions.adding import PreviewScreen
        from tui.widgets.editor import Write

        explanation = _("One question on each line; or put --- between questions of several lines. CSV, JSON and JSONL can be pasted, too.")

        def written(text: str | None) -> None:
            if text is not None and text.strip():
                self.app.push_screen(PreviewScreen(_("questions"), None, data=text.encode()), self._imported)

        self.app.push_screen(Write(_("Write the questions"), "", explanation), written)

    async def _add_example(self) -> None:
        every = await self.services.questions.examples(self.principal)
        language = "zh" if self.modeltrain.context.locale.language.startswith("zh") else "en"
        every = tuple(sorted(every, key=lambda each: each.language != language))
        options = [(each.id, one_line(each.name), count_of(each.count)) for each in every]

        async def chosen(example_id: str | None) -> None:
            if example_id:
                with self.reporting():
                    made = await self.services.questions.add_example(self.principal, example_id)
                    self.modeltrain.say(_("“{name}” is in your library now.").format(name=one_line(made.name)))
                    self.reload(made.id)

        self.app.push_screen(Choose(_("Choose an example"), options), chosen)

    # Using -----------------------------------------------------------------------------------------------------------

    def action_questions(self) -> None:
        if self.current_set is not None:
            self.open_set(self.current_set.id)

    def open_set(self, set_id: str) -> None:
        """Show the questions of a set."""
        from tui.screens.compare.questions.one_set import SetScreen

        self.app.push_screen(SetScreen(set_id))

    def action_batch(self) -> None:
        from tui.screens.compare.batches.new import open_new_batch

        if self.current_set is not None:
            open_new_batch(self.modeltrain, set_id=self.current_set.id)

    def action_versions(self) -> None:
        from tui.screens.compare.questions.versions import VersionsScreen

        if self.current_set is not None:
            self.app.push_screen(VersionsScreen(self.current_set.id))

    # Changing --------------------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        from tui.screens.compare.questions.dialogs import NameAndTags

        item = self.current_set
        if item is None:
            return

        async def decided(answer: tuple[str, str, tuple[str, ...]] | None) -> None:
            if answer is None:
                return
            name, note, tags = answer
            with self.reporting():
                await self.services.questions.rename(self.principal, item.id, name, note=note)
                await self.services.questions.tag(self.principal, item.id, tags)
                self.reload(item.id)

        self.app.push_screen(NameAndTags(item), decided)

    def action_export(self) -> None:
        from tui.screens.compare.questions.dialogs import export_set

        item = self.current_set
        if item is not None:
            self.start(export_set, self, item, group="export")

    def action_delete(self) -> None:
        items = self.current_sets
        if not items:
            return
        if len(items) == 1:
            question = _("Delete “{name}”?").format(name=one_line(items[0].name))
        else:
            question = ngettext("Delete {count} question set?", "Delete {count} question sets?", len(items)).format(count=len(items))
        total = count_of(sum(item.count for item in items))
        explanation = _("{questions} are gone with all versions. Batches that were made with them keep their questions.").format(
            questions=total
        )

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.questions.delete(self.principal, [item.id for item in items])
                    self.deleted()

        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    def deleted(self) -> None:
        """What was in hand is gone."""
        self.reload()
