"""Fields of forms, one line each: label, value, and a live remark at the right.

`Field` is Textual's Input without what makes it dear: no blinking cursor, no layout of the whole screen per key (Input declares
`value` and `virtual_size` as layout-changing), and it draws its own line.
"""

from __future__ import annotations

from collections.abc import Callable
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
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.themes import Palette, palette
from tui.widgets.lines import Part, fit, line, pad

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

    # Where things are ------------------------------------------------------------------------------------------------

    def _room(self) -> tuple[int, int]:
        """Cells for the value and for the remark: columns that do not move while one types."""
        free = max(4, self.size.width - self.label_width - 2)
        if not self.label:
            return free, 0
        remark = min(44, free * 9 // 20) if free > 24 else 0
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
        return self._first_cell

    @property
    def cursor_screen_offset(self) -> Offset:
        x, y, _width, _height = self.content_region
        return Offset(x + self.label_width + 1 + self._cells(self.cursor_position) - self._first_cell, y)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        colours, base = palette(self.app), self.rich_style
        if y:
            return Strip.blank(self.size.width, base)
        room, remark_room = self._room()
        parts: list[Part] = []
        if self.label_width:
            parts.append((pad(_(self.label), self.label_width), colours.accent if self.has_focus else colours.dim))
        parts += self._value_parts(room, colours)
        if remark_room:
            style = colours.bad if self.wrong else colours.dim
            parts.append(("  " + fit(self.remark, remark_room), style))
        return line(parts, self.size.width, base)

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        ground = colours.field if self.label_width else Style()
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

    def say(self, remark: str, *, wrong: bool = False) -> None:
        """Show `remark` beside the value."""
        self.remark, self.wrong = remark, wrong


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


class Choice(Field, inherit_bindings=False):
    """A field with a few fixed values: left and right (or space) change it, Enter is the form's. `options`: value -> untranslated text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", show=False),
        Binding("right,space", "next(1)", N_("next value"), show=False),
        Binding("left", "next(-1)", N_("previous value"), show=False),
    ]

    def __init__(
        self,
        label: str,
        options: dict[str, str],
        value: str = "",
        *,
        label_width: int = LABEL_WIDTH,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        self.options = dict(options)
        super().__init__(label, value if value in options else next(iter(options), ""), label_width=label_width, id=id)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return False

    async def _on_key(self, event: events.Key) -> None:
        event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()

    def action_next(self, step: int) -> None:
        keys = list(self.options)
        if keys:
            self.value = keys[(keys.index(self.value) + step) % len(keys)] if self.value in keys else keys[0]

    def set_options(self, options: dict[str, str], value: str | None = None) -> None:
        """Offer other values; keep the chosen one where it is still among them."""
        self.options = dict(options)
        wanted = self.value if value is None else value
        self.value = wanted if wanted in options else next(iter(options), "")
        self.refresh()

    @property
    def shown(self) -> str:
        """The chosen value in words. Values without words of their own (names from outside) are shown sanitised."""
        text = self.options.get(self.value, "")
        return one_line(_(text) if text else self.value)

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        signs, ground = glyphs(self.app), colours.field
        arrows = colours.accent if self.has_focus and len(self.options) > 1 else colours.rule
        text = fit(self.shown, room - 4)
        used = cell_len(text) + 4
        return [
            (" ", ground),
            (f"{signs.left} ", ground + arrows),
            (text, ground + colours.text + (colours.bold if self.has_focus else Style())),
            (f" {signs.right}", ground + arrows),
            (" " * (room - used + 1), ground),
        ]


class Toggle(Choice):
    """Yes or no."""

    def __init__(self, label: str, value: bool = False, *, label_width: int = LABEL_WIDTH, id: str | None = None) -> None:  # noqa: A002
        super().__init__(label, {"yes": N_("yes"), "no": N_("no")}, "yes" if value else "no", label_width=label_width, id=id)

    @property
    def on(self) -> bool:
        return self.value == "yes"


class PasswordField(Field):
    """A password being chosen. `judge(text)` gives the strength (0 to 3, 0: not allowed) and the remark; drawn as a small meter."""

    def __init__(
        self,
        label: str,
        judge: Callable[[str], tuple[int, str]] | None = None,
        *,
        label_width: int = LABEL_WIDTH,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(label, password=True, label_width=label_width, id=id)
        self._judge = judge

    def _watch_value(self, value: str) -> None:
        super()._watch_value(value)
        if self._judge is not None:
            self.judge_again()

    def judge_again(self) -> None:
        """Say how strong the password is, in the language of the session."""
        if self._judge is None or not self.value:
            self.say("")
            return
        strength, remark = self._judge(self.value)
        signs = glyphs(self.app)
        meter = signs.full * strength + signs.empty * (3 - strength)
        self.say(f"{meter} {remark}" if strength else remark, wrong=strength == 0)
