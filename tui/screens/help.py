"""F1: the keys of a screen, made from its bindings, and a page of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen

from tui.i18n import N_, _
from tui.keys import Shown, shown_keys
from tui.screens.base import Framed
from tui.widgets.frame import KeyLine, Paragraphs
from tui.widgets.lines import pad

_KEY_WIDTH = 14
#: What every screen has stands behind what this one has.
_EVERY_SCREEN = frozenset({"tab", "shift+tab", "ctrl+c", "f1"})
#: What a screen is for comes first; how to move in a list or a line is looked up last.
_SECTIONS = (("screen", N_("On this screen")), ("app", N_("Everywhere")), ("widget", N_("In what has the focus")))


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """Scrolls; Esc, F1 or q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss", N_("close"), id="help.close"),
        Binding("down,j", "scroll(1)", N_("scroll"), id="help.scroll"),
        Binding("up,k", "scroll(-1)", N_("up a line"), show=False),
        Binding("pagedown,space", "scroll(10)", N_("a page down"), show=False),
        Binding("pageup", "scroll(-10)", N_("a page up"), show=False),
    ]

    def __init__(self, title: str, text: str, keys: tuple[Shown, ...]) -> None:
        super().__init__(classes="dialog")
        self._title, self._text, self._keys = title, text, keys

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpScreen:
        """The help of `screen`, as its keys are now."""
        title = screen.AREA if isinstance(screen, Framed) else ""
        text = screen.HELP if isinstance(screen, Framed) else ""
        return cls(_(title), _(text), shown_keys(screen, hidden=True))

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="help"):
            yield Paragraphs((_("Help: {screen}").format(screen=self._title), "bold"), id="dialog-question")
            with VerticalScroll(id="help-page", can_focus=False):
                yield Paragraphs(*self._parts(), id="help-text")
            yield KeyLine(id="dialog-keys")

    def _parts(self) -> Iterable[tuple[str, str]]:
        for paragraph in self._text.split("\n\n"):
            yield paragraph, "text"
            yield "", ""
        for where, heading in _SECTIONS:
            keys = sorted((key for key in self._keys if key.where == where), key=lambda key: key.raw in _EVERY_SCREEN)
            if not keys:
                continue
            yield _(heading), "accent"
            for key in keys:
                yield pad(key.key, _KEY_WIDTH) + (key.tooltip or key.text), "text"
            yield "", ""

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-page").scroll_relative(y=lines, animate=False)
