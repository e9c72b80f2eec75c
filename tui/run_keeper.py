"""Runs of the account wherever one is: how many are at work, said in the title line, and a notice when one ends elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.timer import Timer

from core.errors import ModeltrainError
from core.events import Event, RunsChanged
from core.sanitise import one_line
from tui.i18n import _, ngettext
from tui.session import NobodySignedIn

if TYPE_CHECKING:
    from core.training.types import Run
    from tui.app import ModeltrainApp

log = logging.getLogger(__name__)
#: Seconds between two looks: a run at work says something every second.
_REST_S = 2.0
#: Runs that are looked at: those at work come first in the list, then the queue, then the newest.
_LIMIT = 50
_ENDS = ("completed", "failed", "lost")


class RunKeeper:
    """One for an application. `at_work`: runs of this account with a process; `ended`: those that ended since the sign-in and were not
    opened, the last first."""

    def __init__(self, app: ModeltrainApp) -> None:
        self._app = app
        self._states: dict[str, str] = {}
        self._timer: Timer | None = None
        self._loaded = False
        self.at_work: tuple[Run, ...] = ()
        self.waiting = 0
        self.ended: tuple[Run, ...] = ()

    async def load(self) -> None:
        """What there is at the sign-in: nothing of it is news. Where it cannot be read, only a convenience is missing."""
        self._states, self.ended, self._loaded = {}, (), True
        await self._look(first=True)

    def heard(self, event: Event) -> None:
        """Something happened: look, after a while, once for all that happens until then."""
        if isinstance(event, RunsChanged) and self._loaded and self._timer is None:
            self._timer = self._app.set_timer(_REST_S, self._look_beside)

    def end(self) -> None:
        """The account is left."""
        self._loaded = False
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.at_work, self.waiting, self.ended, self._states = (), 0, (), {}

    @property
    def in_sight(self) -> tuple[Run, ...]:
        """What belongs on the home screen: what is at work, then what ended unseen."""
        return (*self.at_work, *self.ended)

    def opened(self, run_id: str) -> None:
        """Somebody looks at this run: it is no news any more."""
        self.ended = tuple(run for run in self.ended if run.id != run_id)

    @property
    def words(self) -> str:
        """How many are at work, for the title line; "" for none."""
        count = len(self.at_work)
        return ngettext("{count} run", "{count} runs", count).format(count=count) if count else ""

    def _look_beside(self) -> None:
        self._timer = None
        if self._loaded:
            self._app.run_worker(self._look(first=False), group="runs-kept", exclusive=True, exit_on_error=True)

    async def _look(self, *, first: bool) -> None:
        context = self._app.context
        try:
            page = await context.services.runs.runs(context.principal, limit=_LIMIT)
        except NobodySignedIn:
            return
        except ModeltrainError as error:
            log.info("runs could not be looked at: %s", error.code)
            return
        self.at_work = tuple(run for run in page.items if run.state.is_active)
        self.waiting = sum(run.state.value == "pending" for run in page.items)
        self._keep_ended(page.items)
        if not first:
            ended = [run for run in page.items if run.state.value in _ENDS]
            self._tell(run for run in ended if self._states.get(run.id, "") not in ("", run.state.value))
        self._states = {run.id: run.state.value for run in page.items}
        for screen in self._app.framed_screens():
            if screen.is_mounted:
                screen.title_line.runs = self.words
                screen.runs_looked_at()

    def _keep_ended(self, runs: Iterable[Run]) -> None:
        """What was deleted or started again is no news."""
        known = {run.id: run for run in runs if run.state.value in _ENDS}
        self.ended = tuple(known[run.id] for run in self.ended if run.id in known)

    def _tell(self, runs: Iterable[Run]) -> None:
        """A notice for each that ended, but for the one that is looked at."""
        for run in runs:
            if getattr(self._app.screen, "run_id", "") == run.id:
                continue
            self.ended = (run, *(other for other in self.ended if other.id != run.id))
            if self._app.current_mode == "runs" and len(self._app.screen_stack) == 1:
                continue  # the list in sight says it
            text = {
                "completed": _("“{name}” is completed."),
                "failed": _("“{name}” failed."),
                "lost": _("“{name}” is lost: nobody can tell how it ended."),
            }[run.state.value]
            text = text.format(name=one_line(run.name)) + "\n" + _("It can be opened from home (Ctrl+G h).")
            severity = "information" if run.state.value == "completed" else "warning"
            self._app.notify(text, title=_("Run"), severity=severity, timeout=8, markup=False)  # type: ignore[arg-type]
