"""Where a run opens: what failed on the card that explains it, everything else in the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.training.types import Run


def open_run(app: Any, run: Run) -> None:
    """Show `run` over the screen in sight; then it is no news any more."""
    app.runs_kept.opened(run.id)
    if run.state.value == "failed" and run.failure is not None:
        from tui.screens.runs.failure import FailureScreen

        app.push_screen(FailureScreen(run.id))
        return
    from tui.screens.runs.monitor import MonitorScreen

    app.push_screen(MonitorScreen(run.id))


async def go_to_environment(app: Any) -> None:
    """Show the training environment in the area of runs."""
    from tui.screens.runs.keys import ENVIRONMENT
    from tui.screens.runs.screen import RunsScreen

    await app.action_go("runs")
    area = app.screen_stack[0]
    if isinstance(area, RunsScreen):
        area.call_after_refresh(area.show_view, ENVIRONMENT)
