"""Adding a dataset: a file of the own inbox, or one found on this machine by typing its path or walking to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from core.datasets.types import Folder, FoundFile
from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.errors import describe
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.data import lists
from tui.screens.data.dialogs import AddAs
from tui.screens.data.loading import upload_command
from tui.widgets.file_picker import FilePicker
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Rows
from tui.widgets.tabs import TabLine

INBOX, FILES = "inbox", "files"


class AddScreen(AreaScreen):
    """Returns the id of the new dataset, whose check has begun; None if nothing was added."""

    AREA = N_("Data")
    HELP = N_(
        "Files: type a path, Tab completes it; or walk with the arrows and Enter, Backspace goes to the folder above. Enter on a file adds "
        "it under its own name and checks it; Ctrl+S asks for a name first, and whether the file is to be copied.\n\n"
        "Inbox: files that were put into your own folder, by sftp or scp from another machine or by hand. Enter adds one.\n\n"
        "A file is used where it lies and never changed. Repairs write new files beside your others."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", N_("add it"), id="data.add.take", tooltip=N_("Add the file in hand and check it")),
        Binding(
            "ctrl+s", "add_as", N_("add as…"), id="data.add.as", tooltip=N_("Add the file in hand under another name, or a copy of it")
        ),
        Binding("ctrl+t", "turn", N_("inbox or files"), id="data.add.turn", tooltip=N_("Change between the inbox and the files")),
        Binding("right,left", "turn", show=False),
        Binding("slash", "type_path('/')", N_("type a path"), show=False),
        Binding("tilde", "type_path('~/')", N_("type a path below your home"), show=False),
        Binding("escape", "close", N_("back"), id="data.add.close"),
    ]

    _inbox: tuple[FoundFile, ...] = ()
    _names: Mapping[str, str] = {}
    _loaded = False
    _adding = False

    def compose_body(self) -> Iterable[Any]:
        yield TabLine({FILES: N_("Files"), INBOX: N_("Inbox")}, id="add-tabs")
        with Vertical(id="add-files"):
            yield FilePicker(hint=N_("type a path, or choose below"), id="add-picker")
        with Vertical(id="add-inbox"):
            yield Rows(lists.INBOX_COLUMNS, id="add-rows")
        yield Paragraphs(id="add-message")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("add a dataset"))
        self.query_one("#add-inbox").display = False
        self.rows.openable = False
        self.picker.field.focus()
        self.start(self._load, group="load")

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#add-tabs", TabLine)

    @property
    def picker(self) -> FilePicker:
        return self.query_one("#add-picker", FilePicker)

    @property
    def rows(self) -> Rows:
        return self.query_one("#add-rows", Rows)

    # The inbox -------------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        page = await self.services.datasets.datasets(self.principal, limit=1000)
        self._names = {item.id: one_line(item.name, 30) for item in page.items}
        self._inbox = await self.services.datasets.inbox(self.principal)
        first, self._loaded = not self._loaded, True
        now, zone = self.services.clock.now(), self.modeltrain.zone
        command = upload_command(self.context)
        folder = "" if command else one_line(str(self.services.files.folder(self.principal) / "datasets"))
        self.rows.show([lists.inbox_row(item, now, zone) for item in self._inbox], empty=lists.empty_inbox(folder, command))
        self.tabs.count(INBOX, len(self._inbox))
        self.refresh_bindings()
        if first and self._inbox and not self.picker.field.value.strip("/"):
            self.tabs.active = INBOX  # somebody just sent something

    # Files -----------------------------------------------------------------------------------------------------------

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
        now, zone = self.services.clock.now(), self.modeltrain.zone
        # To served people a folder is called as in sftp.
        folder = found.place.rstrip("/") + "/"
        above = None if found.parent is None else "/" if not found.parent else folder[:-1].rpartition("/")[0] + "/"
        entries = [lists.file_entry(item, self._names, now, zone) for item in found.entries]
        self.picker.show_folder(asked, folder, entries, above=above)
        if found.cut:
            self.message((_("There are more files than are shown: type the beginning of a name."), "dim"))

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines under the list."""
        self.query_one("#add-message", Paragraphs).show(*(part for part in parts if part[0]))

    # Adding ----------------------------------------------------------------------------------------------------------

    def on_file_picker_chosen(self, event: FilePicker.Chosen) -> None:
        self._add(event.path)

    @property
    def _in_hand(self) -> str:
        """The path of the file that the cursor is on, "" for none."""
        return self.rows.current_id if self.tabs.active == INBOX else self.picker.current_path

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("take", "add_as") and not self._loaded:
            return False
        if action == "take":
            return self.tabs.active == INBOX and bool(self._in_hand)
        return action != "add_as" or bool(self._in_hand)

    def action_take(self) -> None:
        self._add(self._in_hand)

    def action_add_as(self) -> None:
        path = self._in_hand
        if not path:
            return
        stem = one_line(path.rsplit("/", 1)[-1].rsplit(".", 1)[0], 80)

        def decided(answer: tuple[str, bool] | None) -> None:
            if answer is not None:
                self._add(path, *answer)

        self.app.push_screen(AddAs(path, stem, may_copy=self.tabs.active == FILES), decided)

    def _add(self, path: str, name: str | None = None, copy: bool = False) -> None:
        if not self._adding:
            self._adding = True
            self.message((_("Adding “{file}”…").format(file=one_line(path.rsplit("/", 1)[-1], 60)), "accent"))
            self.start(self._really_add, path, name, copy, group="add", exclusive=False)

    async def _really_add(self, path: str, name: str | None, copy: bool) -> None:
        datasets = self.services.datasets
        try:
            made = await datasets.add(self.principal, path, name, copy=copy)
            await datasets.check(self.principal, made.id)
        except ModeltrainError as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.why, "text"), (problem.remedy, "accent"))
        else:
            self.dismiss(made.id)
        finally:
            self._adding = False

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_turn(self) -> None:
        self.tabs.step(1)

    def action_type_path(self, begun: str) -> None:
        """Somebody begins to type a path where the inbox is in sight."""
        self.tabs.active = FILES
        self.picker.go_to(begun)

    def on_tab_line_changed(self) -> None:
        inbox = self.tabs.active == INBOX
        self.query_one("#add-inbox").display = inbox
        self.query_one("#add-files").display = not inbox
        self.message()
        if inbox:
            self.rows.focus()
            self.start(self._load, group="load")
        else:
            self.picker.field.focus()
        self.refresh_bindings()

    def on_rows_highlighted(self) -> None:
        self.refresh_bindings()

    def action_close(self) -> None:
        self.dismiss(None)
