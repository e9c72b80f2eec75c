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


def work_running(app: ModeltrainApp) -> int:
    """How many checks, repairs and the like of this person's datasets are under way in this process."""
    if not app.context.ready or not app.context.signed_in:
        return 0
    return sum(work.state == "running" for work in app.context.services.datasets.work(app.context.principal))


def leave(app: ModeltrainApp) -> None:
    """End the application. Answers and work on datasets end with it on a local terminal, so it asks; served, they go on."""
    app.places.left = True
    local = app.context.terminal.kind == "local"
    answers, works = (answers_running(app), work_running(app)) if local else (0, 0)
    if isinstance(app.screen, Confirm):
        return
    if not answers and not works:
        app.exit(0)
        return

    def decided(yes: bool | None) -> None:
        if yes:
            app.exit(0)
        else:
            app.places.left = False

    if answers:
        question = _("An answer is still being written. Leave all the same?")
        explanation = _("Leaving stops it. What came so far is saved, and you can retry it later.")
    else:
        question = _("A dataset is still being worked on. Leave all the same?")
        explanation = _("Leaving stops it. Nothing is changed by that, and you can begin it anew later.")
    app.push_screen(Confirm(question, explanation), decided)
