"""What a service printed last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import sanitise
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.widgets.sheet import Line, Sheet, wrapped


class OutputScreen(AreaScreen):
    """`text`: the end of the output, as it is there."""

    AREA = N_("SwanLab")
    HELP = N_("The end of what the service printed, for finding out why it does not start or answer.")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", N_("back"), id="swanlab-output.back")]

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self._name_shown = name
        self._text = sanitise(text)

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(pad_x=2, id="swanlab-output")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(self._name_shown)
        self._show()

    def _show(self) -> None:
        sheet = self.query_one("#swanlab-output", Sheet)
        sheet.show(self._lines)
        sheet.focus()

    def _lines(self, width: int) -> list[Line]:
        if not self._text.strip():
            return wrapped(_("It printed nothing yet."), "dim", width)
        return [made for text in self._text.splitlines() for made in wrapped(text, "text", width)]

    def retranslate(self) -> None:
        super().retranslate()
        self._show()

    async def action_dismiss(self, result: Any = None) -> None:
        self.dismiss(result)
