"""SideBySideScreen: two or three models are asked the same at once, and answer side by side."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.i18n import N_
from tui.screens.base import Framed
from tui.screens.compare.tabs import SIDE, CompareTab


class SideBySideScreen(CompareTab, inherit_bindings=False):
    """See the module."""

    TAB = SIDE
    HELP = N_("What you ask is asked two or three models at once; their answers grow side by side.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("home"), id="compare.back", tooltip=N_("Back to the home screen")),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]

    def action_back(self) -> None:
        self.app.call_later(self.modeltrain.action_go, "home")
