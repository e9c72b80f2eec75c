"""What can be done with the run in the monitor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from core.sanitise import one_line
from core.training.types import RESUMABLE, Attempt, Run, RunState
from tui.i18n import _
from tui.screens.base import AreaScreen
from tui.training_sentences import state_word
from tui.widgets.dialogs import Choose, Confirm

#: No training file is longer.
_LONGEST_FILE = 1 << 20


class MonitorActions(AreaScreen):
    """The part of the monitor that changes runs and opens other screens. `shown_run`: as it was read last."""

    run_id: str
    shown_run: Run | None
    attempts: tuple[Attempt, ...]

    def reload(self) -> None:
        """Read the run anew."""
        raise NotImplementedError

    def show_attempt(self, number: int | None) -> None:
        """Show the log of that attempt."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        run = self.shown_run
        if run is None:
            return action in ("close", "view", "chart")
        over, pending = not run.state.is_active, run.state is RunState.PENDING
        return {
            "pause": run.state in (RunState.RUNNING, RunState.STARTING) and not run.wanted,
            "resume": run.state in RESUMABLE and run.can_resume,
            "stop": (not over and run.wanted != "stop") or pending or run.state is RunState.PAUSED,
            "retry": over and not pending,
            "failure": run.failure is not None,
            "results": run.kind == "train" and not pending,
            "compare": run.kind == "train",
            "config": run.folder is not None,
            "report": not pending,
            "attempts": len(self.attempts) > 1,
        }.get(action, True)

    # The run ---------------------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        self.start(self._pause, group="change", exclusive=False)

    def action_resume(self) -> None:
        self.start(self._resume, group="change", exclusive=False)

    async def _pause(self) -> None:
        await self.services.runs.pause(self.principal, self.run_id)
        self.modeltrain.say(_("It saves a checkpoint and pauses; p lets it go on."))
        self.reload()

    async def _resume(self) -> None:
        await self.services.runs.resume(self.principal, self.run_id)
        self.modeltrain.say(_("It is in the queue and goes on from its last checkpoint."))
        self.reload()

    def action_stop(self) -> None:
        run = self.shown_run
        if run is None:
            return
        question = _("Stop “{name}”?").format(name=one_line(run.name))
        if run.state.is_active:
            explanation = _(
                "Its processes are asked to end and then made to, all of them, and its GPU becomes free. What it learnt since its last "
                "checkpoint is lost; p pauses it instead, with a checkpoint."
            )
        else:
            explanation = _("It leaves the queue. Its checkpoints stay; it can be started again.")

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._stop, group="change", exclusive=False)

        self.app.push_screen(Confirm(question, explanation, danger=run.state.is_active), decided)

    async def _stop(self) -> None:
        run = await self.services.runs.run(self.principal, self.run_id)
        if run.state.is_active:
            await self.services.runs.stop(self.principal, self.run_id)
        else:
            await self.services.runs.cancel(self.principal, self.run_id)
        self.reload()

    def action_retry(self) -> None:
        run = self.shown_run
        if run is None:
            return
        if run.kind != "train":
            self.start(self._retry_export, group="change", exclusive=False)
            return
        from tui.screens.runs.new import open_new_run

        open_new_run(self.app, retry=run)

    async def _retry_export(self) -> None:
        await self.services.runs.retry(self.principal, self.run_id)
        self.reload()

    # Other screens ---------------------------------------------------------------------------------------------------

    def _open(self, screen: Any) -> None:
        """Show a screen over this one; back on it, if this one was opened from it."""
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if type(below) is type(screen) and getattr(below, "run_id", "") == self.run_id:
            self.dismiss(None)
        else:
            self.app.push_screen(screen)

    def action_failure(self) -> None:
        from tui.screens.runs.failure import FailureScreen

        self._open(FailureScreen(self.run_id))

    def action_results(self) -> None:
        from tui.screens.runs.results import ResultsScreen

        self._open(ResultsScreen(self.run_id))

    def action_report(self) -> None:
        from tui.screens.runs.report import ReportScreen

        self._open(ReportScreen(self.run_id))

    def action_config(self) -> None:
        self.start(self._show_config, group="yaml")

    async def _show_config(self) -> None:
        run = self.shown_run
        if run is None or run.folder is None:
            return
        from tui.screens.runs.yaml_view import YamlScreen

        text = await asyncio.to_thread(_read, run.folder / "run.yaml")
        if not text:
            self.modeltrain.say(_("The file it was started with is not there any more."))
            return
        self.app.push_screen(YamlScreen(run.name, text, _("Exactly what LLaMA-Factory was started with.")))

    def action_compare(self) -> None:
        self.start(self._choose_other, group="dialog")

    async def _choose_other(self) -> None:
        """Choose another run to lay over this one."""
        page = await self.services.runs.runs(self.principal, limit=200)
        others = [run for run in page.items if run.id != self.run_id and run.kind == "train" and run.state is not RunState.PENDING]
        if not others:
            self.modeltrain.say(_("There is no other run to compare it with yet."))
            return
        options = [(run.id, one_line(run.name), f"{state_word(run)[1]} · {one_line(run.model, 40)}") for run in others]

        def chosen(other: str | None) -> None:
            if other is not None:
                from tui.screens.runs.compare import CompareScreen

                self.app.push_screen(CompareScreen((self.run_id, other)))

        self.app.push_screen(Choose(_("Compare it with which run?"), options), chosen)

    def action_attempts(self) -> None:
        options = [
            (
                str(attempt.number),
                _("attempt {number}").format(number=attempt.number),
                _("from step {step}").format(step=attempt.from_step or 0),
            )
            for attempt in self.attempts
        ]

        def chosen(number: str | None) -> None:
            if number is not None:
                self.show_attempt(int(number))

        self.app.push_screen(Choose(_("The log of which attempt?"), options), chosen)

    def action_close(self) -> None:
        self.dismiss(None)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return ""
