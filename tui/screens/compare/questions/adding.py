"""Questions from outside: a file is chosen, what would become of it is shown with everything that is wrong in it, and then imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from core.errors import Conflict, InvalidInput, ModeltrainError
from core.questions.names import check_name, check_tags, split_tags
from core.questions.types import FilePreview, QuestionSet
from core.sanitise import one_line
from tui.errors import describe
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen, Framed
from tui.screens.compare.questions.dialogs import wrong
from tui.screens.compare.questions.texts import preview_lines
from tui.screens.data.lists import short
from tui.sentences_questions import diff_line
from tui.training_sentences import size
from tui.widgets.choices import Choice
from tui.widgets.dialogs import Confirm
from tui.widgets.fields import Field
from tui.widgets.file_picker import FileEntry, FilePicker
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from core.datasets.types import Folder, FoundFile

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")
_LABELS = 10
#: What text may be read as: "" finds it out.
_ENCODINGS = {
    "": N_("found out"),
    "utf-8": "",
    "gb18030": N_("gb18030 (GBK, GB2312)"),
    "big5": "",
    "utf-16": "",
    "shift_jis": "",
    "cp1252": "",
}


class ImportScreen(AreaScreen, inherit_bindings=False):
    """Returns the id of the set that was made or changed, None for none. `into`: the file is the next version of this set."""

    AREA = N_("Compare")
    HELP = N_(
        "Type a path, Tab completes it; or walk with the arrows and Enter, Backspace goes to the folder above. Enter on a file reads it "
        "and shows what would become of it, before anything is kept.\n\n"
        "TXT: a question a line, or --- between questions of several lines. CSV: a column “question” (or 问题), and if you like "
        "“expected”, “type”, “scorer”, “weight”, “system”; other columns are variables. JSON and JSONL: objects with the same names."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type_path('/')", N_("type a path"), show=False),
        Binding("tilde", "type_path('~/')", N_("type a path below your home"), show=False),
        Binding("escape", "close", N_("back"), id="questions-import.close"),
        *Framed.BINDINGS,
    ]

    def __init__(self, into: QuestionSet | None = None) -> None:
        super().__init__()
        self._into = into

    def compose_body(self) -> Iterable[Any]:
        with Vertical(id="questions-import"):
            yield FilePicker(hint=N_("type a path, or choose below"), id="questions-picker")
        yield Paragraphs(id="questions-import-message")

    def on_mount(self) -> None:
        super().on_mount()
        title = _("questions of a file") if self._into is None else _("a file for {name}").format(name=self._into.name)
        self.set_opened(title)
        self.picker.field.focus()

    @property
    def picker(self) -> FilePicker:
        return self.query_one("#questions-picker", FilePicker)

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
        # To served people a folder is called as in sftp.
        folder = found.place.rstrip("/") + "/"
        above = None if found.parent is None else "/" if not found.parent else folder[:-1].rpartition("/")[0] + "/"
        self.picker.show_folder(asked, folder, [self._entry(item) for item in found.entries], above=above)
        served = _("Put files into your datasets folder with scp or sftp first.") if self.principal.served else ""
        cut = _("There are more files than are shown: type the beginning of a name.") if found.cut else served
        self.query_one("#questions-import-message", Paragraphs).show(*([(cut, "dim")] if cut else []))

    def _entry(self, item: FoundFile) -> FileEntry:
        changed = short(item.modified_at, self.services.clock.now(), self.modeltrain.zone)
        if item.is_folder:
            return FileEntry(item.name, folder=True, changed=changed)
        return FileEntry(item.name, folder=False, size=size(item.size), changed=changed, fits=item.name.lower().endswith(_ENDINGS))

    def on_file_picker_chosen(self, event: FilePicker.Chosen) -> None:
        def imported(set_id: str | None) -> None:
            if set_id:
                self.dismiss(set_id)
            else:
                self.picker.field.focus()

        self.app.push_screen(PreviewScreen(event.path, self._into), imported)

    def action_type_path(self, begun: str) -> None:
        self.picker.go_to(begun)

    def action_close(self) -> None:
        self.dismiss(None)


class PreviewScreen(AreaScreen, inherit_bindings=False):
    """What a file would become. Returns the id of the set that was made or changed, None for none.

    `path`: the file; with `data`, the bytes of one, only what it is called.
    """

    AREA = N_("Compare")
    HELP = N_(
        "What is in the file: how it is written, how many questions, of which types, and everything that is wrong in it with its line. "
        "Red: nothing can be made of that place. Yellow: only a remark, the question is there.\n\n"
        "Ctrl+S imports it. Where places are red it asks first whether the rest is to be imported without them. If characters look wrong, "
        "choose another encoding."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "import_", N_("import"), id="questions-preview.import", tooltip=N_("Make a set of it")),
        Binding("escape", "close", N_("back"), id="questions-preview.close"),
        *Framed.BINDINGS,
    ]

    def __init__(self, path: str, into: QuestionSet | None = None, *, data: bytes | None = None) -> None:
        super().__init__()
        self._path, self._into, self._data = path, into, data
        self._preview: FilePreview | None = None
        self._busy = False

    def compose_body(self) -> Iterable[Any]:
        with Form(id="questions-form"):
            if self._into is None:
                yield Field(N_("Name"), label_width=_LABELS, id="field-name")
                yield Field(N_("Tags"), label_width=_LABELS, hint=N_("with commas between them"), id="field-tags")
            if self._data is None:
                yield Choice(N_("Encoding"), _ENCODINGS, label_width=_LABELS, id="field-encoding")
        yield Rule(id="questions-rule")
        yield Sheet(id="questions-preview")
        yield Paragraphs(id="questions-message")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(one_line(self._path.rsplit("/", 1)[-1], 60))
        first = next(iter(self.form.fields.values()), None)
        (first or self.query_one(Sheet)).focus()
        self._look()

    @property
    def form(self) -> Form:
        return self.query_one("#questions-form", Form)

    @property
    def encoding(self) -> str | None:
        return (self.form["encoding"] or None) if "encoding" in self.form.fields else None

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines at the bottom."""
        self.query_one("#questions-message", Paragraphs).show(*(part for part in parts if part[0]))

    # Looking ---------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._preview = None
        self.message((_("Reading…"), "accent"))
        self.refresh_bindings()
        self.start(self._really_look, group="look")

    async def _really_look(self) -> None:
        try:
            found = await self.services.questions.look(self.principal, self._path, encoding=self.encoding, data=self._data)
        except ModeltrainError as error:
            self._say(error)
            return
        self._preview = found
        self.message()
        self.query_one(Sheet).show(lambda width: preview_lines(found, width))
        if self._into is None and not self.form.touched("name"):
            self.form.put("name", found.name)
        if self._into is None and found.tags and not self.form.touched("tags"):
            self.form.put("tags", ", ".join(found.tags))
        self.refresh_bindings()

    def _say(self, error: ModeltrainError) -> None:
        problem = describe(error)
        self.message((problem.title, "bad"), (problem.why, "text"), (problem.remedy, "accent"))

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "encoding":
            self._look()
        elif event.name in ("name", "tags"):
            self.form.show_problems(self._problems())

    def _problems(self) -> dict[str, InvalidInput | None]:
        if self._into is not None:
            return {}
        return {"name": wrong(check_name, self.form["name"]), "tags": wrong(check_tags, split_tags(self.form["tags"]))}

    # Importing -------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "import_" or (self._preview is not None and self._preview.count > 0)

    def on_form_submitted(self) -> None:
        self.action_import_()

    def action_import_(self) -> None:
        found = self._preview
        problems = {name: problem for name, problem in self._problems().items() if problem is not None}
        if problems:
            self.form.show_problems(problems, every=True)
            self.form.first(problems)
            return
        if found is None or not found.count or self._busy:
            return
        if not found.left_out:
            self._import()
            return
        question = ngettext(
            "No question can be made of {count} place. Import the rest without it?",
            "No question can be made of {count} places. Import the rest without them?",
            found.left_out,
        ).format(count=f"{found.left_out:,}")
        kept = ngettext("{count} question is good.", "{count} questions are good.", found.count).format(count=f"{found.count:,}")
        self.app.push_screen(Confirm(question, kept), lambda yes: self._import() if yes else None)

    def _import(self) -> None:
        self._busy = True
        self.message((_("Importing…"), "accent"))
        self.start(self._really_import, group="import", exclusive=False)

    async def _really_import(self) -> None:
        name = tags = None
        if self._into is None:
            name, tags = self.form["name"], split_tags(self.form["tags"])
        try:
            made = await self.services.questions.import_file(
                self.principal,
                self._path,
                name,
                tags=tags or (),
                into=self._into.id if self._into is not None else None,
                encoding=self.encoding,
                leave_out_bad=True,
                data=self._data,
            )
        except Conflict as error:
            self._say(error)
            if error.fields.get("what") == "question_set_name":
                self.form.field("name").focus()
        except ModeltrainError as error:
            self._say(error)
        else:
            if made.unchanged:
                self.modeltrain.say(_("The file holds what the set holds already: there is no new version."))
            elif made.diff is not None:
                changes = diff_line(made.diff)
                self.modeltrain.say(_("Version {version}: {changes}").format(version=made.set.version, changes=changes))
            self.dismiss(made.set.id)
        finally:
            self._busy = False

    def action_close(self) -> None:
        self.dismiss(None)
