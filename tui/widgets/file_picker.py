"""FilePicker: a path typed with completion, and below it what is in its folder. Typing narrows, Tab completes, Enter opens or takes.

Data in (`show_folder`), messages out (`Wanted`, `Chosen`); whoever owns it reads the folders. Names of files are sanitised when drawn and
kept as they are in the paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from core.sanitise import one_line
from tui.i18n import N_, _
from tui.widgets.fields import Field
from tui.widgets.rows import Column, Row, Rows

UP = ".."
COLUMNS = (
    Column("name", N_("File"), 24, grow=True),
    Column("size", N_("Size"), 9, right=True),
    Column("changed", N_("Changed"), 8, right=True),
    Column("remark", "", 14),
)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file or folder; a folder may be named whole, from "/" on. `size`, `changed`, `remark`: already in words.

    `fits`: worth taking here; others are drawn dim.
    """

    name: str
    folder: bool
    size: str = ""
    changed: str = ""
    remark: str = ""
    fits: bool = True


class PathField(Field, inherit_bindings=False):
    """The line with the path. Up and down move in the list below, Tab completes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", N_("open or take"), tooltip=N_("Go into the folder in hand, or take the file")),
        *(binding for binding in Field.BINDINGS if not isinstance(binding, Binding) or binding.key not in ("up", "down", "enter")),
        Binding("tab", "complete", N_("complete"), tooltip=N_("Complete the name that was begun")),
        Binding("down", "step(1)", N_("down"), show=False),
        Binding("up", "step(-1)", N_("up a line"), show=False),
        Binding("pagedown", "turn(1)", show=False),
        Binding("pageup", "turn(-1)", show=False),
    ]

    @property
    def picker(self) -> FilePicker:
        return next(node for node in self.ancestors if isinstance(node, FilePicker))

    def _room(self) -> tuple[int, int]:
        return max(4, self.size.width - self.label_width - 2), 0  # a path takes all the room there is

    def action_complete(self) -> None:
        if not self.picker.complete():
            self.app.action_focus_next()

    def action_step(self, step: int) -> None:
        self.picker.rows.action_move(step)

    def action_turn(self, direction: int) -> None:
        self.picker.rows.action_page(direction)


class FilePicker(Vertical, can_focus=False):
    """`hint`: untranslated, shown while no path is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,left", "up", N_("folder above"), id="picker.up", tooltip=N_("Go to the folder above"), show=False),
        Binding("right", "enter_folder", N_("into the folder"), show=False),
    ]

    @dataclass
    class _Of(Message):
        picker: FilePicker

        @property
        def control(self) -> FilePicker:
            return self.picker

    @dataclass
    class Wanted(_Of):
        """What is in `folder` (it ends with "/", or is "" for where to begin) has to be shown: answer with `show_folder`."""

        folder: str

    @dataclass
    class Chosen(_Of):
        """This file was taken; what was typed may name none."""

        path: str

    def __init__(self, *, hint: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hint = hint
        self._asked: str | None = None
        self._folder = ""
        self._entries: tuple[FileEntry, ...] = ()
        self._above: str | None = None
        self._problem = ""

    def compose(self) -> ComposeResult:
        yield PathField(N_("Path"), hint=self._hint, label_width=6, id="picker-path")
        yield Rows(COLUMNS, id="picker-rows")

    def on_mount(self) -> None:
        self.ask("")

    @property
    def field(self) -> PathField:
        return self.query_one("#picker-path", PathField)

    @property
    def rows(self) -> Rows:
        return self.query_one("#picker-rows", Rows)

    # Data ------------------------------------------------------------------------------------------------------------

    def show_folder(self, asked: str, folder: str, entries: Iterable[FileEntry], *, above: str | None = None, problem: str = "") -> None:
        """The answer to `Wanted(asked)`: the folder's whole name, what is in it, and the folder `above`; or why it cannot be read."""
        if asked != self._asked:
            return  # somebody typed on
        self._folder, self._entries, self._above, self._problem = folder, tuple(entries), above, problem
        self.field.hint = one_line(folder) if not problem else self._hint
        self.field.refresh()
        # Only while it is still there: somebody may have emptied the line a moment ago.
        if not problem and asked and folder != asked and self.field.value.startswith(asked):
            rest = self.field.value[len(asked) :]
            self._asked = folder
            self.field.value = folder + rest
            self.field.cursor_position = len(self.field.value)
        self._narrow()

    def ask(self, folder: str) -> None:
        """Have this folder read."""
        self._asked = folder
        self.post_message(self.Wanted(self, folder))

    def go_to(self, folder: str) -> None:
        """Show another folder."""
        self.field.value = folder
        self.field.cursor_position = len(folder)

    @property
    def _typed(self) -> tuple[str, str]:
        """The folder and the name that was begun, as they are in the field."""
        folder, slash, name = self.field.value.rpartition("/")
        return folder + slash, name

    def on_input_changed(self, event: Field.Changed) -> None:
        event.stop()
        if (anew := begun_anew(event.value)) != event.value and event.value == self.field.value:
            self.go_to(anew)  # this is called again for it
            return
        folder, _name = self._typed
        if folder != self._asked:
            self.ask(folder)
        else:
            self._narrow()

    def _matching(self) -> list[FileEntry]:
        folder, name = self._typed
        if folder != self._folder and folder != self._asked:
            return []
        wanted = name.casefold()
        hidden = name.startswith(".")
        found = [item for item in self._entries if wanted in item.name.casefold() and (hidden or not item.name.startswith("."))]
        # Of those that hold what was typed, those that begin with it come first.
        return sorted(found, key=lambda item: not item.name.casefold().startswith(wanted)) if wanted else found

    def _narrow(self) -> None:
        rows: list[Row] = []
        if self._above is not None and not self._typed[1]:
            rows.append(Row(UP, {"name": "../", "remark": _("folder above")}, {"name": "accent", "remark": "dim"}))
        for item in self._matching():
            cells = {"name": item.name + "/" * item.folder, "size": item.size, "changed": item.changed, "remark": item.remark}
            name = "accent" if item.folder else "text" if item.fits else "dim"
            rows.append(Row(item.name, cells, {"name": name, "size": "dim", "changed": "dim", "remark": "dim"}))
        empty = [(self._problem, "bad")] if self._problem else [(_("No file here."), "dim")]
        best = next((row.id for row in rows if row.id == self._typed[1]), None)
        self.rows.show(rows, empty=empty, keep=best or next((row.id for row in rows if row.id != UP), None))

    # Moving ----------------------------------------------------------------------------------------------------------

    def complete(self) -> bool:
        """Write out as much of the begun name as all that match share; whether that was anything."""
        folder, name = self._typed
        begun = [item.name + "/" * item.folder for item in self._matching() if item.name.casefold().startswith(name.casefold())]
        shared = _common(begun)
        if len(shared) <= len(name):
            return False
        self.go_to((folder or self._folder) + shared)
        return True

    def action_up(self) -> None:
        if self._above is not None:
            self.go_to(self._above)

    def action_enter_folder(self) -> None:
        item = self._named(self.rows.current_id)
        if item is not None and item.folder:
            self.take(item.name)

    def _named(self, name: str) -> FileEntry | None:
        return next((item for item in self._entries if item.name == name), None)

    def take(self, name: str) -> None:
        """Enter on a row: into the folder, or this file is the one."""
        item = self._named(name)
        if name == UP:
            self.action_up()
        elif item is not None and item.folder:
            self.go_to(f"{name}/" if name.startswith("/") else f"{self._folder}{name}/")
        elif item is not None:
            self.post_message(self.Chosen(self, self._folder + name))

    @property
    def current_path(self) -> str:
        """The path of the file that the cursor is on, "" where it is on a folder or nothing."""
        item = self._named(self.rows.current_id)
        return self._folder + item.name if item is not None and not item.folder else ""

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.take(event.row_id)

    def on_input_submitted(self, event: Field.Submitted) -> None:
        event.stop()
        folder, name = self._typed
        if name and self._named(name) is None and not self._matching():
            self.post_message(self.Chosen(self, (folder or self._folder) + name))  # what is wrong with it is said by whoever opens it
        elif self.rows.current_id:
            self.take(self.rows.current_id)


def begun_anew(path: str) -> str:
    """What is meant by a path with another one typed or pasted behind its last "/": that other one, from "/" or "~/" on."""
    return path[max(path.rfind("//") + 1, path.rfind("/~/") + 1, 0) :]


def _common(names: Sequence[str]) -> str:
    """What all `names` begin with."""
    if not names:
        return ""
    low, high = min(names), max(names)
    return next((low[:index] for index, character in enumerate(low) if character != high[index]), low)
