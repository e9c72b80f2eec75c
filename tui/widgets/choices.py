"""Fields whose value is chosen or judged: a few fixed values, yes or no, a new password with its meter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType

from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.themes import Palette
from tui.widgets.fields import LABEL_WIDTH, Field
from tui.widgets.lines import Part, fit


class Choice(Field, inherit_bindings=False):
    """A field with a few fixed values: left and right (or space) change it, Enter is the form's. `options`: value -> untranslated text."""

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
