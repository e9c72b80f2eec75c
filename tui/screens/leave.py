"""Leaving: at once, or with a question when an answer is still being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.i18n import _
from tui.widgets.dialogs import Confirm

if TYPE_CHECKING:
    from tui.app import ModeltrainApp


def answers_running(app: ModeltrainApp) -> int:
    """How many answers this process is making."""
    if not app.context.ready:
        return 0
    return sum(1 for name in app.context.services.supervisor.running if name.startswith("answer"))


def leave(app: ModeltrainApp) -> None:
    """End the application. Answers end with it on a local terminal, so it asks; served, they go on."""
    app.places.left = True
    running = answers_running(app) if app.context.terminal.kind == "local" else 0
    if isinstance(app.screen, Confirm):
        return
    if not running:
        app.exit(0)
        return

    def decided(yes: bool | None) -> None:
        if yes:
            app.exit(0)
        else:
            app.places.left = False

    explanation = _("Leaving stops it. What came so far is saved, and you can retry it later.")
    app.push_screen(Confirm(_("An answer is still being written. Leave all the same?"), explanation), decided)
