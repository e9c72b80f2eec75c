"""Fields whose value is chosen, judged or written elsewhere: fixed values, yes or no, a new password, a text of several lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.themes import Palette
from tui.widgets.fields import LABEL_WIDTH, Field
from tui.widgets.lines import Part, fit


class Choice(Field, inherit_bindings=False):
    """A field with a few fixed values: left and right (or space, or the
    first letter of a value) change it, Enter is the form's. `options`: value -> untranslated text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", show=False),
        Binding("right,space", "next(1)", N_("next value")),
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
        if event.is_printable and event.character and self._jump(event.character):
            event.stop()

    def _jump(self, letter: str) -> bool:
        """Go to the next value that begins with `letter`; whether there is one."""
        keys = list(self.options)
        at = keys.index(self.value) + 1 if self.value in keys else 0
        for key in keys[at:] + keys[:at]:
            if self._words(key).casefold().startswith(letter.casefold()):
                self.value = key
                return True
        return False

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
        return self._words(self.value)

    def _words(self, key: str) -> str:
        text = self.options.get(key, "")
        return one_line(_(text) if text else key)

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        signs, ground = glyphs(self.app), self._ground(colours)
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


class TextField(Field, inherit_bindings=False):
    """A text of several lines: its beginning is shown, it is written in an editor. Posts `Opened` for Enter, typing and pasting."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", N_("write"), tooltip=N_("Write the text in an editor"))]

    @dataclass
    class Opened(Message):
        """The editor is wanted; `typed` is to be added to the text."""

        field: TextField
        typed: str

        @property
        def control(self) -> TextField:
            return self.field

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return False

    async def _on_key(self, event: events.Key) -> None:
        event.prevent_default()
        if event.is_printable and event.character:
            event.stop()
            self.post_message(self.Opened(self, event.character))

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.post_message(self.Opened(self, event.text))

    def action_open(self) -> None:
        self.post_message(self.Opened(self, ""))

    def _watch_value(self, value: str) -> None:
        super()._watch_value(value)
        count = value.count("\n") + 1
        self.say(ngettext("{count} line", "{count} lines", count).format(count=count) if count > 1 else "")

    def _value_parts(self, room: int, colours: Palette) -> list[Part]:
        ground = self._ground(colours)
        if not self.value:
            return self._empty_parts(room, colours, ground)
        text = fit(one_line(self.value), room)
        style = ground + colours.text + (colours.bold if self.has_focus else Style())
        return [(" ", ground), (text, style), (" " * (room - cell_len(text) + 1), ground)]
