"""The half of an application that paints: what Textual composed goes through the frame of the terminal, which sends what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ScreenStackError
from textual.driver import Driver
from textual.filter import ANSIToTruecolor

from tui.session import Terminal
from tui.ssh.colours import AUTO, DEPTHS, Depth, abilities_of
from tui.ssh.frames import Frame, pieces_of
from tui.themes import ANSI_THEME

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen
    from textual.theme import Theme

#: Bytes from which on a terminal that can is told to show a frame all at once.
_WORTH_HOLDING = 400
#: Seconds between two frames of a growing answer: usually, and where bytes are dear.
_STREAM_S, _STREAM_SLOW_S = 0.15, 0.5


class Painting(App[int], inherit_bindings=False):
    """Mixin of the application. It covers private names of Textual 8.2: tests/tui/test_painting.py fails when they change."""

    def __init__(self, **arguments: Any) -> None:
        self.frame = Frame()
        self._terminal = Terminal()
        self._preferred = AUTO
        self.saving = self._plain = False
        self._held_back = False
        #: Whether nothing is shown now but the line that somebody types in.
        self.typed_only = False
        super().__init__(**arguments)
        # NO_COLOR, which is looked at elsewhere: Textual would draw in greys, and for a served person ask the server's environment.
        self._filters = [kept for kept in self._filters if isinstance(kept, ANSIToTruecolor)]

    # Colours ---------------------------------------------------------------------------------------------------------

    def show_on(self, terminal: Terminal) -> None:
        """Paint for this terminal."""
        self._terminal = terminal
        self._paint_in(terminal.colours)

    def use_colours(self, preference: str) -> None:
        """As many colours as the person prefers ("auto": as the terminal seems to have)."""
        self._preferred = preference
        self._choose_colours()

    def save_bytes(self, saving: bool) -> None:
        """The link is slow, or is not: fewer frames while an answer comes, and no more than sixteen colours."""
        if saving != self.saving:
            self.saving = saving
            self._choose_colours()

    @property
    def stream_every_s(self) -> float:
        """Seconds between two frames of a growing answer."""
        return _STREAM_SLOW_S if self.saving else _STREAM_S

    def _choose_colours(self) -> None:
        depth: Depth = self._preferred if self._preferred in DEPTHS else self._terminal.colours
        if self.saving and depth != "none":
            depth = "16"
        if depth != self.frame.abilities.depth:
            self._paint_in(depth)
            if self.is_running:
                self._watch_theme(self.theme)
            self.paint_anew()

    def draw_plainly(self, plain: bool) -> None:
        """Draw lines and blocks of letters, or not."""
        if plain != self._plain:
            self._plain = plain
            self._paint_in(self.frame.abilities.depth)
            self.paint_anew()

    def _paint_in(self, depth: Depth) -> None:
        self.frame = Frame(abilities_of({"TERM": self._terminal.term}, depth, plain=self._plain))

    @property
    def drawn_theme(self) -> str:
        """The name of the theme in sight: with sixteen colours or none grounds cannot tell what is in hand, so that it is the one which
        reverses and underlines, whichever was chosen."""
        return ANSI_THEME if self.frame.abilities.depth in ("16", "none") else self.theme

    @property
    def current_theme(self) -> Theme:
        theme = self.get_theme(self.drawn_theme)
        return theme if theme is not None else super().current_theme

    # Frames ----------------------------------------------------------------------------------------------------------

    def paint_anew(self) -> None:
        """Send the whole screen again, whatever the terminal shows now."""
        self.frame.forget()
        if self.is_running and self._screen_stack:
            self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if not isinstance(renderable, LayoutUpdate | ChopsUpdate) or driver is None or driver.is_headless or driver.is_inline:
            super()._display(screen, renderable)
            return
        try:
            if self._batch_count or (self.typed_only and not self._is_typed_in()):
                self._held_back = True  # the compositor takes it for shown
            elif self._running and not self._closed:
                self._paint(driver, renderable)
        finally:
            self.post_display_hook()

    def _paint(self, driver: Driver, update: LayoutUpdate | ChopsUpdate) -> None:
        try:
            x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
            pieces = pieces_of(update)
            if self.typed_only:
                self._held_back = True
                pieces = (piece for piece in pieces if piece[1] == y)
            data = self.frame.paint(pieces, *self.size, cursor=(x, y), room=self.frame_room())
        except Exception as error:
            self.frame.forget()
            self._handle_exception(error)
            return
        if data:
            whole = len(data) >= _WORTH_HOLDING
            if whole:
                self._begin_update()
            driver.write(data)
            if whole:
                self._end_update()
            driver.flush()
        if self.frame.unfinished:
            self._held_back = True
            self.call_later(self._show_held_back)

    def _is_typed_in(self) -> bool:
        """Whether somebody can type where the cursor is, on a screen that is shown already."""
        place = getattr(self.focused, "cursor_screen_offset", None)
        return place is not None and place == self.cursor_position and (self.frame.width, self.frame.height) == self.size

    def frame_room(self) -> int | None:
        """Characters of one frame, where a large one would keep what is typed waiting; the rest of it follows. None: any number."""
        return None

    def _end_batch(self) -> None:
        super()._end_batch()
        self._show_held_back()

    def _show_held_back(self) -> None:
        """Compose and show the screen as it is by now, if something of it was not shown and nothing stands against it."""
        if not self._batch_count and not self.typed_only and self._held_back:
            self._held_back = False
            try:
                self.screen.refresh()
            except ScreenStackError:
                return

    def action_paint_anew(self) -> None:
        """The person asked for it: something else wrote on the terminal."""
        self.paint_anew()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, Driver.SignalResume):
            self.paint_anew()  # another program had the terminal meanwhile
        await super().on_event(event)
