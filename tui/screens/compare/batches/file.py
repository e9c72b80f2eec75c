"""QuestionFileScreen: a file of questions is looked at and becomes a set of the library."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from core.errors import ModeltrainError
from core.questions.types import NotReadable
from core.sanitise import one_line
from tui.errors import describe
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.data.lists import short
from tui.training_sentences import size
from tui.widgets.dialogs import Confirm
from tui.widgets.file_picker import FileEntry, FilePicker
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from core.datasets.types import Folder, FoundFile
    from core.questions.types import FilePreview

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")


class QuestionFileScreen(AreaScreen):
    """Returns the id of the set that was made, None for none."""

    AREA = N_("Compare")
    HELP = N_(
        "Type a path, Tab completes it; or walk with the arrows and Enter. Enter on a file reads its questions into a set of your "
        "library.\n\n"
        "TXT: a question a line. CSV: a column “question”, and if you like “expected”, “type”, “scorer”, “weight”, “system”. JSON and "
        "JSONL: objects with the same names. Any encoding, GBK too. What no question can be made of is told before it is left out."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", N_("back"), id="question-file.close"),
    ]
    _busy = False

    def compose_body(self) -> Iterable[Any]:
        with Vertical(id="question-file"):
            yield FilePicker(hint=N_("type a path, or choose below"), id="question-picker")
        yield Paragraphs(id="question-message")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("questions of a file"))
        self.picker.field.focus()

    @property
    def picker(self) -> FilePicker:
        return self.query_one("#question-picker", FilePicker)

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines under the list."""
        self.query_one("#question-message", Paragraphs).show(*(part for part in parts if part[0]))

    # Folders ---------------------------------------------------------------------------------------------------------

    def on_file_picker_wanted(self, event: FilePicker.Wanted) -> None:
        self.start(self._list, event.folder, group="list")

    async def _list(self, asked: str) -> None:
        try:
            found = await self.services.datasets.browse(self.principal, asked)
        except ModeltrainError as error:
            self.picker.show_folder(asked, asked, (), problem=describe(error).sentence)
            return
        self._show(asked, found)

    def _show(self, asked: str, found: Folder) -> None:
        folder = found.place.rstrip("/") + "/"
        above = None if found.parent is None else "/" if not found.parent else folder[:-1].rpartition("/")[0] + "/"
        self.picker.show_folder(asked, folder, [self._entry(item) for item in found.entries], above=above)

    def _entry(self, item: FoundFile) -> FileEntry:
        changed = short(item.modified_at, self.services.clock.now(), self.modeltrain.zone)
        if item.is_folder:
            return FileEntry(item.name, folder=True, changed=changed)
        return FileEntry(item.name, folder=False, size=size(item.size), changed=changed, fits=item.name.lower().endswith(_ENDINGS))

    # Reading ---------------------------------------------------------------------------------------------------------

    def on_file_picker_chosen(self, event: FilePicker.Chosen) -> None:
        if not self._busy:
            self._busy = True
            name = one_line(event.path.rsplit("/", 1)[-1], 60)
            self.message((_("Reading “{file}”…").format(file=name), "accent"))
            self.start(self._read, event.path, group="read", exclusive=False)

    async def _read(self, path: str) -> None:
        questions = self.services.questions
        try:
            try:
                made = await questions.import_file(self.principal, path)
            except NotReadable as error:
                self.message()
                if not error.preview.count or not await self._leave_out(error.preview):
                    raise
                made = await questions.import_file(self.principal, path, leave_out_bad=True)
        except ModeltrainError as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.why, "text"), (problem.remedy, "accent"))
        else:
            self.dismiss(made.set.id)
        finally:
            self._busy = False

    async def _leave_out(self, found: FilePreview) -> bool:
        lines = [f"{each.line:,}" for each in found.problems if each.left_out and each.line is not None][:8]
        question = ngettext(
            "No question can be made of {count} place. Leave it out?",
            "No question can be made of {count} places. Leave them out?",
            found.left_out,
        ).format(count=f"{found.left_out:,}")
        where = ngettext("Line {lines}.", "Lines {lines}.", len(lines)).format(lines=", ".join(lines)) if lines else ""
        kept = ngettext("{count} question is good.", "{count} questions are good.", found.count).format(count=f"{found.count:,}")
        answer: bool = await self.app.push_screen_wait(Confirm(question, f"{where} {kept}".strip()))
        return answer

    def action_close(self) -> None:
        self.dismiss(None)
