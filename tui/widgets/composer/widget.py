"""Composer: where a question is written. Grows from one to eight rows; Enter sends, Alt+Enter or Ctrl+J makes a new line.

It keeps its text until told that it was saved (`accepted`). No timers, no blinking; a key repaints its own rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.themes import palette
from tui.widgets.composer.document import Document, Spot
from tui.widgets.composer.pastes import Pastes, clean, is_large
from tui.widgets.composer.rows import Rows
from tui.widgets.lines import fit

TALLEST = 8
#: Cells left of the text: the prompt sign and a blank.
_INDENT = 2


class Composer(Widget, can_focus=True):
    """See the module. `placeholder` is an untranslated message; `remark` is drawn dim at the right of an empty line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", N_("send"), id="composer.send", tooltip=N_("Send the question")),
        Binding(
            "alt+enter,ctrl+j,shift+enter",
            "newline",
            N_("new line"),
            id="composer.newline",
            tooltip=N_("Begin a new line (Alt+Enter, Ctrl+J, in some terminals Shift+Enter)"),
        ),
        Binding("alt+v", "unfold", N_("open paste"), id="composer.unfold", tooltip=N_("Put the folded paste at the cursor into the text")),
        Binding("left", "move('left')", show=False), Binding("right", "move('right')", show=False),
        Binding("up", "up", show=False), Binding("down", "down", show=False),
        Binding("home,ctrl+a", "move('home')", show=False), Binding("end,ctrl+e", "move('end')", show=False),
        Binding("ctrl+home", "move('first')", show=False), Binding("ctrl+end", "move('last')", show=False),
        Binding("ctrl+left,alt+b", "move('word_left')", show=False), Binding("ctrl+right,alt+f", "move('word_right')", show=False),
        Binding("shift+left", "move('left', True)", show=False), Binding("shift+right", "move('right', True)", show=False),
        Binding("shift+up", "move('up', True)", show=False), Binding("shift+down", "move('down', True)", show=False),
        Binding("shift+home", "move('home', True)", show=False),
        Binding("shift+end", "move('end', True)", show=False),
        Binding("backspace,ctrl+h", "erase('left')", show=False), Binding("delete,ctrl+d", "erase('right')", show=False),
        Binding("ctrl+w,alt+backspace,ctrl+backspace", "erase('word_left')", show=False),
        Binding("alt+d", "erase('word_right')", show=False),
        Binding("ctrl+u", "erase('home')", show=False), Binding("ctrl+k", "erase('end')", show=False),
        Binding("ctrl+z,ctrl+underscore", "undo", N_("undo"), id="composer.undo", show=False),
        Binding("ctrl+y,ctrl+shift+z", "redo", N_("redo"), id="composer.redo", show=False),
        Binding("ctrl+c", "copy", show=False), Binding("ctrl+x", "cut", show=False),
    ]  # fmt: skip

    remark: reactive[str] = reactive("")
    #: The text was sent and is not known to be saved yet: it stays, and Enter waits.
    pending: reactive[bool] = reactive(False)

    @dataclass
    class Submitted(Message):
        """Enter: `text` with every paste in its place. Call `accepted` when it is saved, `refused` when it is not."""

        composer: Composer
        text: str

        @property
        def control(self) -> Composer:
            return self.composer

    @dataclass
    class Changed(Message):
        """The text is another one, by the person's hand."""

        composer: Composer

        @property
        def control(self) -> Composer:
            return self.composer

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Composer.Changed)

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.placeholder = placeholder
        self.document = Document()
        self._pastes = Pastes()
        self._rows: Rows | None = None
        self._top = 0
        self._wanted_cell: int | None = None
        self._history: list[str] = []
        self._back = 0
        self._stash = ""
        self._sent = ""

    # Text ------------------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What would be sent."""
        return self._pastes.expand(self.document.text)

    @property
    def draft(self) -> str:
        """What is to be saved as a draft: pastes stay folded when it is loaded again."""
        return self._pastes.to_draft(self.document.text)

    def load(self, draft: str) -> None:
        """Another text (a saved draft), without a message."""
        self.document.load(self._pastes.from_draft(draft))
        self._back, self.pending = 0, False
        self._show()

    def set_history(self, texts: Sequence[str]) -> None:
        """What Up brings back, oldest first."""
        self._history = list(texts)[-200:]
        self._back = 0

    def accepted(self, text: str) -> None:
        """`text` is saved: it goes; what was written behind it meanwhile stays."""
        self.pending = False
        if text and (not self._history or self._history[-1] != text):
            self._history.append(text)
        written = self.document.text
        if written.startswith(self._sent):
            self.load(self._pastes.to_draft(written[len(self._sent) :]))

    def refused(self) -> None:
        """What was sent could not be saved: it stays here."""
        self.pending = False

    def _changed(self) -> None:
        self._back = 0
        self._show()
        self.post_message(self.Changed(self))

    # Geometry --------------------------------------------------------------------------------------------------------

    def _cells_of(self, text: str) -> int:
        if text.isascii():
            return len(text)
        if not self._pastes.texts:
            return cell_len(text)
        return sum(cell_len(self._label(character)) if self._pastes.is_token(character) else cell_len(character) for character in text)

    def _label(self, token: str) -> str:
        lines = self._pastes.lines(token)
        if lines > 1:
            return ngettext("[pasted {count} line]", "[pasted {count} lines]", lines).format(count=lines)
        characters = self._pastes.characters(token)
        return ngettext("[pasted {count} character]", "[pasted {count} characters]", characters).format(count=characters)

    @property
    def rows(self) -> Rows:
        """The rows of the text at this width."""
        if self._rows is None:
            # One cell stays free for the cursor behind the last character.
            self._rows = Rows(self.document.lines, max(4, self.size.width - _INDENT - 1), self._cells_of)
        return self._rows

    def _show(self) -> None:
        """After a change of text or cursor: grow or shrink, scroll, repaint, tell the terminal where the caret is."""
        self._rows = None
        if not self.is_mounted or not self.size.width:
            return
        self._fit()

    def _fit(self) -> None:
        height = max(1, min(TALLEST, self.rows.count, max(1, self.screen.size.height // 3)))
        if height != self.size.height:
            self.styles.height = height
        row, _cell = self.rows.place(self.document.cursor)
        self._top = max(0, min(max(self._top, row - height + 1), row, self.rows.count - height))
        self.refresh()
        self._place_caret()

    def on_resize(self) -> None:
        self._show()

    def on_focus(self) -> None:
        self.refresh()
        self._place_caret()

    def on_blur(self) -> None:
        self.refresh()

    @property
    def cursor_screen_offset(self) -> Offset:
        """Where the terminal's own caret belongs: input methods open their window there."""
        row, cell = self.rows.place(self.document.cursor)
        x, y, _width, _height = self.content_region
        return Offset(x + _INDENT + cell, y + row - self._top)

    def _place_caret(self) -> None:
        if self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    # Drawing ---------------------------------------------------------------------------------------------------------

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        base, width, colours = self.rich_style, self.size.width, palette(self.app)
        front = ">" if y == 0 and self._top == 0 else " "
        segments = [Segment(f"{front} ", base + (colours.accent if self.has_focus else colours.dim))]
        row = self._top + y
        if self.document.empty and y == 0:
            segments += self._placeholder(width - _INDENT)
        elif row < self.rows.count:
            segments += self._row(row)
        return Strip(segments).adjust_cell_length(width, base)

    def _placeholder(self, room: int) -> list[Segment]:
        base, colours = self.rich_style, palette(self.app)
        remark = one_line(self.remark)
        text = fit(_(self.placeholder), max(0, room - (cell_len(remark) + 3 if remark else 1))) or " "
        cursor = base + colours.dim + (colours.cursor if self.has_focus else colours.dim)
        blank = max(1, room - cell_len(text) - cell_len(remark) - 1)
        rest = [Segment(" " * blank, base), Segment(remark, base + colours.dim)] if remark and blank > 1 else []
        return [Segment(text[0], cursor), Segment(text[1:], base + colours.dim), *rest]

    def _row(self, row: int) -> list[Segment]:
        base, colours = self.rich_style, palette(self.app)
        line, start, end = self.rows.bounds(row)
        text = self.document.lines[line]
        selection, cursor = self.document.selection, self.document.cursor
        style_of = base + (colours.dim if self.pending else colours.text)
        cuts = {start, end}
        for spot in (*(selection or ()), cursor, self.document.right_of(cursor)):
            if spot.row == line and start <= spot.column <= end:
                cuts.add(spot.column)
        ordered = sorted(cuts)
        segments: list[Segment] = []
        for first, last in pairwise(ordered):
            style = style_of
            if selection and selection[0] <= Spot(line, first) < selection[1]:
                style += colours.selection
            if self.has_focus and (line, first) == cursor:
                style += colours.cursor
            segments += self._pieces(text[first:last], style)
        on_this_row = cursor.row == line and cursor.column == end == len(text)
        if self.has_focus and on_this_row and self.rows.place(cursor)[0] == row:
            segments.append(Segment(" ", base + colours.cursor))
        return segments

    def _pieces(self, text: str, style: Style) -> list[Segment]:
        if not self._pastes.texts:
            return [Segment(text, style)]
        colours = palette(self.app)
        chip = style + colours.accent
        return [
            Segment(self._label(character), chip) if self._pastes.is_token(character) else Segment(character, style) for character in text
        ]

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character:
            event.stop()
            event.prevent_default()
            text = clean(event.character)
            if text:
                self.document.insert(text)
                self._wanted_cell = None
                self._changed()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Put `text` in, folded where it is large."""
        text = clean(text)
        if text:
            self.document.insert(self._pastes.fold(text) if is_large(text) else text)
            self._changed()

    def action_submit(self) -> None:
        if not self.pending and (text := self.text).strip():
            self.pending, self._sent = True, self.document.text
            self.post_message(self.Submitted(self, text))

    def action_newline(self) -> None:
        self.document.insert("\n")
        self._changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "move" and parameters in (("left",), ("right",)):
            return bool(self.document.text)  # nowhere to go in an empty text: the screen may have views beside this one
        return bool(self._pastes.texts) if action == "unfold" else True

    def action_unfold(self) -> None:
        """Open the paste at the cursor, or the nearest one before it."""
        document = self.document
        for spot in (document.cursor, document.left_of(document.cursor), *self._tokens()):
            line = document.lines[spot.row]
            token = line[spot.column : spot.column + 1]
            if token and self._pastes.is_token(token):
                document.move(spot)
                document.delete(Spot(spot.row, spot.column + 1), "unfold")
                document.insert(self._pastes.texts[token])
                self._changed()
                return

    def _tokens(self) -> list[Spot]:
        return [
            Spot(row, column)
            for row, line in enumerate(self.document.lines)
            for column, character in enumerate(line)
            if self._pastes.is_token(character)
        ]

    def action_move(self, where: str, select: bool = False) -> None:
        if where in ("up", "down"):
            self._move_rows(-1 if where == "up" else 1, select)
            return
        self._wanted_cell = None
        self.document.move(self._target(where), select=select)
        self._show()

    def _target(self, where: str) -> Spot:
        document, cursor = self.document, self.document.cursor
        if where == "first":
            return Spot(0, 0)
        if where == "last":
            return document.end
        if where in ("home", "end"):
            row, _cell = self.rows.place(cursor)
            line, start, end = self.rows.bounds(row)
            if where == "home":
                return Spot(line, start)
            return Spot(line, end if end == len(document.lines[line]) else end - 1)
        if where in ("left", "right"):
            return document.left_of(cursor) if where == "left" else document.right_of(cursor)
        return document.word_left_of(cursor) if where == "word_left" else document.word_right_of(cursor)

    def _move_rows(self, step: int, select: bool) -> None:
        row, cell = self.rows.place(self.document.cursor)
        if self._wanted_cell is None:
            self._wanted_cell = cell
        if not 0 <= row + step < self.rows.count:
            self.document.move(Spot(0, 0) if step < 0 else self.document.end, select=select)
        else:
            self.document.move(self.rows.spot(row + step, self._wanted_cell), select=select)
        self._show()

    def action_up(self) -> None:
        """A row up; from the first row, the question sent before."""
        row, _cell = self.rows.place(self.document.cursor)
        if row == 0 and self._back < len(self._history):
            if self._back == 0:
                self._stash = self.draft
            self._recall(self._back + 1)
        elif row:
            self._move_rows(-1, False)

    def action_down(self) -> None:
        row, _cell = self.rows.place(self.document.cursor)
        if row == self.rows.count - 1 and self._back:
            self._recall(self._back - 1)
        else:
            self._move_rows(1, False)

    def _recall(self, back: int) -> None:
        """Show the question sent `back` times ago; 0 is what was being written."""
        text = self._stash if back == 0 else self._history[-back]
        restored = self._pastes.from_draft(text) if back == 0 else clean(text)
        if back and is_large(restored):
            restored = self._pastes.fold(restored)
        self.document.set_text(restored)
        self._show()
        self.post_message(self.Changed(self))
        self._back = back

    def action_erase(self, where: str) -> None:
        target = self._target(where)
        if target == self.document.cursor and self.document.selection is None and where in ("home", "end"):
            target = self._target("left" if where == "home" else "right")
        if self.document.delete(target):
            self._wanted_cell = None
            self._changed()

    def action_undo(self) -> None:
        if self.document.undo():
            self._changed()

    def action_redo(self) -> None:
        if self.document.redo():
            self._changed()

    def action_copy(self) -> None:
        if self.document.selection:
            self.app.copy_to_clipboard(self._pastes.expand(self.document.between(*self.document.selection)))

    def action_cut(self) -> None:
        if self.document.selection:
            self.action_copy()
            self.document.delete(self.document.cursor)
            self._changed()

    def on_click(self, event: events.Click) -> None:
        spot = self.rows.spot(self._top + event.y, max(0, event.x - _INDENT))
        self.document.move(spot)
        self._show()
        token = self.document.lines[spot.row][spot.column : spot.column + 1]
        if event.chain == 2 and token and self._pastes.is_token(token):
            self.action_unfold()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._move_rows(1, False)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._move_rows(-1, False)
