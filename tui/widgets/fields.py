"""Fields of forms, one line each: label, value, and a live remark at the right.

`Field` is Textual's Input without what makes it dear: no blinking cursor, no layout of the whole screen per key (Input declares
`value` and `virtual_size` as layout-changing), and it draws its own line.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input
from textual.widgets._input import Selection

from core.sanitise import one_line
from tui import errors
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.themes import Palette, palette
from tui.widgets.lines import Part, fit, line, pad, wrap

#: Cells for labels in a form; a form may set another on its fields.
LABEL_WIDTH = 20


class Field(Input, inherit_bindings=False):
    """One line of a form. `label` is an untranslated message (N_); `remark` is drawn as it is, red where `wrong`.

    With no label and no remark it is a plain one-line input, as in searches.
    """

    # Input's own bindings, with texts that can be translated; moving by a character needs no line in the help.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", show=False),
        Binding("left", "cursor_left", show=False),
        Binding("right", "cursor_right", show=False),
        Binding("shift+left", "cursor_left(True)", show=False),
        Binding("shift+right", "cursor_right(True)", show=False),
        Binding("shift+home", "home(True)", show=False),
        Binding("shift+end", "end(True)", show=False),
        Binding("backspace", "delete_left", show=False),
        Binding("delete,ctrl+d", "delete_right", show=False),
        Binding("ctrl+left", "cursor_left_word", N_("one word to the left"), show=False),
        Binding("ctrl+right", "cursor_right_word", N_("one word to the right"), show=False),
        Binding("home,ctrl+a", "home", N_("start of the line"), show=False),
        Binding("end,ctrl+e", "end", N_("end of the line"), show=False),
        Binding("ctrl+w", "delete_left_word", N_("delete the word before"), show=False),
        Binding("ctrl+u", "delete_left_all", N_("delete to the start"), show=False),
        Binding("ctrl+k", "delete_right_all", N_("delete to the end"), show=False),
        Binding("ctrl+c,super+c", "copy", show=False),
        Binding("ctrl+x,super+x", "cut", show=False),
        Binding("ctrl+v,super+v", "paste", show=False),
    ]

    value: reactive[str] = reactive("", layout=False, init=False)
    virtual_size: reactive[Size] = reactive(Size(0, 0), layout=False)
    remark: reactive[str] = reactive("")
    wrong: reactive[bool] = reactive(False)

    def __init__(
        self,
        label: str = "",
        value: str = "",
        *,
        hint: str = "",
        password: bool = False,
        max_length: int = 0,
        label_width: int = LABEL_WIDTH,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """`hint`: untranslated text shown dim while the field is empty. `label_width`: cells, 0 for none."""
        self.label = label
        self.hint = hint
        self.label_width = label_width if label else 0
        super().__init__(
            value or None, password=password, max_length=max_length, id=id, classes=classes, select_on_focus=False, compact=True
        )
        self.cursor_blink = False
        self._first_cell = 0
        self._lines_taken = 1

    # Where things are ------------------------------------------------------------------------------------------------

    def _room(self) -> tuple[int, int]:
        """Cells for the value and for the remark: columns that do not move while one types."""
        free = max(4, self.size.width - self.label_width - 2)
        if not self.label:
            return free, 0
        # At 80 columns the sentences of most rules fit, and the longest hint.
        remark = min(44, free * 12 // 25) if free > 24 else 0
        return free - remark - (2 if remark else 0), remark

    def _display(self) -> str:
        return glyphs(self.app).dot * len(self.value) if self.password else one_line_keeping(self.value)

    def _cells(self, position: int) -> int:
        return cell_len(self._display()[:position])

    def _scroll_to_cursor(self, room: int) -> int:
        """The first cell of the value that is shown, so that the cursor is seen."""
        cursor = self._cells(self.cursor_position)
        if cursor < self._first_cell:
            self._first_cell = cursor
        elif cursor >= self._first_cell + room:
            self._first_cell = cursor - room + 1
        # What became shorter is not left out of sight at the left, with the cursor alone at the edge.
        self._first_cell = min(self._first_cell, max(0, cell_len(self._display()) - room + 1))
        return self._first_cell

    @property
    def cursor_screen_offset(self) -> Offset:
        x, y, _width, _height = self.content_region
        return Offset(x + self.label_width + 1 + self._cells(self.cursor_position) - self._first_cell, y)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        colours, base = palette(self.app), self.rich_style
        if y:
            return self._below_line(y - 1, base, colours)
        room, remark_room = self._room()
        parts: list[Part] = []
        if self.label_width:
            parts.append((pad(_(self.label), self.label_width), colours.accent if self.has_focus else colours.dim))
        parts += self._value_parts(room, colours)
        if remark_room:
            style = colours.bad if self.wrong else colours.dim
            parts.append(("  " + ("" if self._below() else fit(one_line(self.remark), remark_room)), style))
        return line(parts, self.size.width, base)

    def _below(self) -> list[str]:
        """What is wrong, in lines of its own below the value where it is too long for beside it: never cut, it says what to do."""
        room = self._room()[1]
        if not self.wrong or not self.label or cell_len(self.remark) <= room:
            return []
        return wrap(one_line(self.remark), max(8, self.size.width - self.label_width - 2))

    def _below_line(self, y: int, base: Style, colours: Palette) -> Strip:
        below = self._below()
        text = below[y] if y < len(below) else ""
        return line([(" " * (self.label_width + 1), Style()), (text, colours.bad)], self.size.width, base)

    def _fit_height(self) -> None:
        """Take as many lines as are needed now; the screen is laid out anew only when that changed."""
        wanted = 1 + len(self._below()) if self.size.width else 1
        if self._lines_taken != wanted:
            self._lines_taken = wanted
            self.styles.height = wanted

    def _ground(self, colours: Palette) -> Style:
        """Behind the value: what lies off the ground of the form, which is raised itself in a dialog."""
        if not self.label_width:
            return Style()
        return colours.ground if self.screen.is_modal and not colours.ansi else colours.field

    def on_resize(self) -> None:
        self._fit_height()

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        ground = self._ground(colours)
        if not self.value:
            return self._empty_parts(room, colours, ground)
        first = self._scroll_to_cursor(room)
        low, high = sorted(self.selection)
        cells: list[Part] = []
        at = index = 0
        for cluster in clusters(self._display() + " "):
            size, after = cell_len(cluster), index + len(cluster)
            if first <= at and at + size <= first + room:
                style = ground + colours.text
                if self.has_focus and low <= index < high:
                    style += colours.selection
                if self.has_focus and index <= self.cursor_position < after:
                    style += colours.cursor
                cells.append((cluster, style))
            at, index = at + size, after
        used = sum(cell_len(character) for character, _style in cells)
        return [(" ", ground), *cells, (" " * (room - used + 1), ground)]

    def _empty_parts(self, room: int, colours: Palette, ground: Style) -> list[Part]:
        hint = fit(_(self.hint), room) + " "
        cursor = colours.cursor if self.has_focus else Style()
        rest = hint[1:]
        return [
            (" ", ground),
            (hint[0], ground + colours.dim + cursor),
            (rest, ground + colours.dim),
            (" " * (room + 1 - cell_len(hint[0]) - cell_len(rest)), ground),
        ]

    # Behaviour -------------------------------------------------------------------------------------------------------

    def _watch_value(self, value: str) -> None:
        # Input's own also measures the content for its scroll view, which this class does without.
        self.post_message(self.Changed(self, value, None))
        if self._initial_value:
            self.cursor_position = len(value)
            self._initial_value = False
        else:
            self.selection = self.selection

    def _watch_selection(self, selection: Selection) -> None:
        if self.is_mounted and self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    def _watch_remark(self) -> None:
        if self.is_mounted:
            self._fit_height()
        if self.is_mounted and self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    def _on_mount(self, event: events.Mount) -> None:
        # Without Input's timer for the blinking cursor, which would run for every field of every idle session.
        event.prevent_default()

    def _restart_blink(self) -> None:
        self._cursor_visible = True

    def _pause_blink(self, visible: bool = True) -> None:
        self._cursor_visible = True

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        text = one_line(event.text)
        if text:
            low, high = sorted(self.selection)
            self.replace(text, low, high)

    def _cell_offset_to_index(self, offset: int) -> int:
        wanted = offset - self.label_width - 1 + self._first_cell
        at = index = 0
        for cluster in clusters(self._display()):
            at += cell_len(cluster)
            if at > wanted:
                return index
            index += len(cluster)
        return len(self.value)

    def restricted(self) -> None:
        # What would be too long is not taken: that is said here, where Input would ring the bell.
        self.say(errors.remark("too_long", max=self.max_length), wrong=True)

    def say(self, remark: str, *, wrong: bool = False) -> None:
        """Show `remark` beside the value."""
        self.wrong, self.remark = wrong, remark
        if self.is_mounted:
            self._fit_height()


def one_line_keeping(text: str) -> str:
    """`text` with what a terminal would act on drawn as a question mark, one for one, so that positions stay true."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in "\u200d" else "?" for character in text)


def clusters(text: str) -> list[str]:
    """`text` in what takes cells together: a character with the marks, selectors and joined emoji that follow it."""
    found: list[str] = []
    for character in text:
        if found and (cell_len(character) == 0 or found[-1].endswith("\u200d")):
            found[-1] += character
        else:
            found.append(character)
    return found
