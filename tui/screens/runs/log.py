"""LogScreen: any log of ours over the whole screen, such as that of the installation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from tui.i18n import N_
from tui.screens.base import AreaScreen
from tui.widgets.log_view import LogView


class LogScreen(AreaScreen):
    """`title`: already translated. The file may still grow: it is followed."""

    AREA = N_("Runs")
    HELP = N_("The log as it is written, followed to its end. / searches in it.")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", N_("back"), id="log.close")]

    def __init__(self, title: str, path: Path) -> None:
        super().__init__()
        self._title, self._path = title, path
        self._leave: Callable[[], None] | None = None

    def compose_body(self) -> Iterable[Any]:
        yield LogView(id="log-view")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(self._title)
        view = self.query_one(LogView)
        log, self._leave = self.services.tails.log(self._path, view.changed)
        view.open(log)
        view.focus()

    def on_unmount(self) -> None:
        if self._leave is not None:
            self._leave()

    def action_close(self) -> None:
        self.dismiss(None)
