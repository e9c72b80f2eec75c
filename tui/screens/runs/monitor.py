"""MonitorScreen: one run, live: head, log, charts, resources, and what can be done with it."""

from __future__ import annotations

from tui.screens.base import AreaScreen


class MonitorScreen(AreaScreen):
    """`attempt`: whose log is shown first (None: the current one); `offset`: where in it, as of a failure's proof."""

    def __init__(self, run_id: str, *, attempt: int | None = None, offset: int | None = None) -> None:
        super().__init__()
        self.run_id, self.attempt, self.offset = run_id, attempt, offset
