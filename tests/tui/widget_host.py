"""The smallest application that a widget can be tested in: our themes, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.widget import Widget

from tui.glyphs import UNICODE, Glyphs
from tui.themes import DEFAULT_THEME, THEMES, textual_theme


class WidgetHost(App[None]):
    """Shows the widget that `make` gives and records the messages it posts."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Transcript { width: 1fr; height: 1fr; background: $ground; color: $text; }
    Composer { width: 1fr; height: 1; background: $ground; color: $text; }
    LogView, LogLines, LineChart { width: 1fr; height: 1fr; background: $ground; color: $text; }
    """

    def __init__(self, make: Callable[[], Widget], *, theme: str = DEFAULT_THEME, glyphs: Glyphs = UNICODE) -> None:
        self.make, self.glyphs = make, glyphs
        self.messages: list[Message] = []
        self.copied: list[str] = []
        super().__init__()
        self.animation_level = "none"
        for tokens in THEMES.values():
            self.register_theme(textual_theme(tokens))
        self.theme = theme

    def get_css_variables(self) -> dict[str, str]:
        return textual_theme(THEMES[DEFAULT_THEME]).variables | super().get_css_variables()

    def compose(self) -> ComposeResult:
        yield self.make()

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)

    def of(self, kind: type[Any]) -> list[Any]:
        """The messages of this kind that reached the application, in order."""
        return [message for message in self.messages if type(message) is kind]

    async def on_event(self, event: Any) -> None:
        await super().on_event(event)

    def _on_message(self, message: Message) -> Any:
        self.messages.append(message)
        return super()._on_message(message)


def lines_of(widget: Widget) -> list[str]:
    """What the widget shows now, line by line, without trailing blanks."""
    return [strip.text.rstrip() for strip in widget.render_lines(widget.size.region)]
