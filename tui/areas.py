"""The areas of the product in the order of work: their keys, and where their screens live (imported when first shown)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tui.i18n import N_


@dataclass(frozen=True, slots=True)
class Area:
    """`digit`: with Alt, "" for none; `letter`: after Ctrl+G. `screen`: "module:Class"."""

    name: str
    title: str
    digit: str
    letter: str
    screen: str
    about: str

    @property
    def key(self) -> str:
        """The key that leads here from everywhere, as it is printed; "" for none."""
        return f"Alt+{self.digit}" if self.digit else ""

    def load(self) -> Callable[[], Any]:
        """The class of its screen."""
        module, _, name = self.screen.partition(":")
        loaded: Callable[[], Any] = getattr(import_module(module), name)
        return loaded


HOME = "home"
AREAS: dict[str, Area] = {
    area.name: area
    for area in (
        Area(HOME, N_("Home"), "", "h", "tui.screens.home:HomeScreen", N_("Where you were, and what to do next")),
        Area("chat", N_("Chat"), "1", "c", "tui.screens.chat.screen:ChatScreen", N_("Ask a model, read its answer as it comes")),
        Area("compare", N_("Compare"), "2", "o", "tui.screens.compare.screen:SideBySideScreen", N_("Answers side by side, votes, batches")),
        Area("data", N_("Data"), "4", "d", "tui.screens.data.screen:DataScreen", N_("Files of examples: checked, repaired, looked at")),
        Area("runs", N_("Runs"), "5", "r", "tui.screens.runs.screen:RunsScreen", N_("Train a model on a dataset, and see what came of it")),
        Area("models", N_("Models"), "6", "m", "tui.screens.models.screen:ModelsScreen", N_("Configurations, their tests, providers")),
        Area("account", N_("Account"), "8", "a", "tui.screens.account.screen:AccountScreen", N_("Profile, password, sessions, SSH keys")),
        Area("settings", N_("Settings"), "", "s", "tui.screens.settings:SettingsScreen", N_("Language, theme, signs, registration")),
    )
}
