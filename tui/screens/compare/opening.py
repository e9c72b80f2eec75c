"""Ways to the side-by-side screen from elsewhere: with a comparison of before, with configurations to compare, for a short visit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.screens.compare.tabs import SIDE, open_tab

if TYPE_CHECKING:
    from tui.app import ModeltrainApp


async def open_comparison(app: ModeltrainApp, comparison_id: str) -> None:
    """Go to the Compare area with this comparison open."""
    from tui.screens.compare.screen import SideBySideScreen

    await open_tab(app, SIDE, SideBySideScreen(comparison_id=comparison_id))


async def compare_these(app: ModeltrainApp, configuration_ids: Sequence[str]) -> None:
    """Go to the Compare area with these two or three configurations side by side, ready to be asked."""
    from tui.screens.compare.screen import SideBySideScreen

    await open_tab(app, SIDE, SideBySideScreen(configuration_ids=tuple(configuration_ids)))


def visit(app: ModeltrainApp, configuration_ids: Sequence[str], roles: Sequence[str] = ()) -> None:
    """Show these configurations side by side on top of the screen in sight; Esc leads back to it.

    `roles`: what each is in words that are marked with N_, such as "base" and "trained".
    """
    from tui.screens.compare.screen import SideBySideScreen

    app.push_screen(SideBySideScreen(configuration_ids=tuple(configuration_ids), roles=tuple(roles), visiting=True))
