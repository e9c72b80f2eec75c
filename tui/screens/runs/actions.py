"""What is done with runs in their list: pause, stop, retry, order in the queue, rename, delete, compare."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from core.errors import ModeltrainError
from core.sanitise import one_line
from core.training.types import RESUMABLE, Run, RunState
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.runs import texts
from tui.widgets.dialogs import Ask, Confirm, Decide
from tui.widgets.rows import Rows

#: How far + and - move a run's priority; above 0 is for administrators.
_STEP = 10
_LONGEST_NAME = 100


class RunActions(AreaScreen):
    """The part of the runs screen that changes runs."""

    _runs: tuple[Run, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    @property
    def run_in_hand(self) -> Run | None:
        """The run that the cursor is on."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def chosen_runs(self) -> list[Run]:
        """The marked ones, or the one in hand."""
        ids = set(self.rows.selected_ids)
        return [run for run in self._runs if run.id in ids]

    def _on_each(
        self, runs: Sequence[Run], act: Callable[[Run], Coroutine[Any, Any, Any]], done: Callable[[int], str] | None = None
    ) -> None:
        """Do `act` with each; what one of them refuses keeps nothing from the others and is said last."""

        async def all_of_them() -> None:
            refused: ModeltrainError | None = None
            count = 0
            for run in runs:
                try:
                    await act(run)
                    count += 1
                except ModeltrainError as error:
                    refused = error
            self.rows.clear_marks()
            self.reload()
            if count and done is not None:
                self.modeltrain.say(done(count))
            if refused is not None:
                raise refused

        self.start(all_of_them, group="change", exclusive=False)

    # Pause, resume, stop ---------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        runs = self.chosen_runs()
        going = [run for run in runs if run.state in (RunState.RUNNING, RunState.STARTING) and not run.wanted]
        if going:
            self._on_each(going, lambda run: self.services.runs.pause(self.principal, run.id), _paused_words)
            return
        resting = [run for run in runs if run.state in RESUMABLE and run.can_resume]
        if resting:
            self._on_each(resting, lambda run: self.services.runs.resume(self.principal, run.id), _resumed_words)
        elif runs:
            self.modeltrain.say(_("There is nothing to pause here, and no checkpoint to go on from. R begins anew."))

    def action_stop(self) -> None:
        runs = [run for run in self.chosen_runs() if run.state.is_active or run.state in (RunState.PENDING, RunState.PAUSED)]
        if not runs:
            self.modeltrain.say(_("This run is over already."))
            return
        at_work = [run for run in runs if run.state.is_active]
        if len(runs) == 1:
            question = _("Stop “{name}”?").format(name=one_line(runs[0].name))
        else:
            question = ngettext("Stop {count} run?", "Stop {count} runs?", len(runs)).format(count=len(runs))
        if at_work:
            explanation = _(
                "Its processes are asked to end and then made to, all of them, and its GPU becomes free. What it learnt since its last "
                "checkpoint is lost; p pauses it instead, with a checkpoint."
            )
        else:
            explanation = _("It leaves the queue. Its checkpoints stay; it can be started again.")

        def decided(yes: bool | None) -> None:
            if yes:
                self._on_each(runs, self._stop_one)

        self.app.push_screen(Confirm(question, explanation, danger=bool(at_work)), decided)

    async def _stop_one(self, run: Run) -> None:
        if run.state.is_active:
            await self.services.runs.stop(self.principal, run.id)
        else:
            await self.services.runs.cancel(self.principal, run.id)

    def action_retry(self) -> None:
        run = self.run_in_hand
        if run is None:
            return
        if run.state.is_active or run.state is RunState.PENDING:
            self.modeltrain.say(_("It is still at work or in the queue: stop it first."))
            return
        if run.kind != "train":
            self._on_each([run], lambda run: self.services.runs.retry(self.principal, run.id), _queued_words)
            return
        from tui.screens.runs.new import open_new_run

        open_new_run(self.app, retry=run)

    # The queue -------------------------------------------------------------------------------------------------------

    def action_priority(self, direction: int) -> None:
        runs = [run for run in self.chosen_runs() if run.state is RunState.PENDING]

        async def change(run: Run) -> None:
            wanted = max(-100, min(100, run.priority + direction * _STEP))
            await self.services.runs.set_priority(self.principal, run.id, wanted)

        if runs:
            self._on_each(runs, change)
        elif self.run_in_hand is not None:
            self.modeltrain.say(_("Only what waits in the queue has a priority."))

    def action_move_run(self, places: int) -> None:
        run = self.run_in_hand
        if run is not None and run.state is RunState.PENDING:
            self._on_each([run], lambda run: self.services.runs.move(self.principal, run.id, places))
        elif run is not None:
            self.modeltrain.say(_("Only what waits in the queue can be moved in it."))

    def action_queue(self) -> None:
        """Administrators hold the queue, or let it go on."""
        self.start(self._toggle_queue, group="change", exclusive=False)

    async def _toggle_queue(self) -> None:
        queue = await self.services.runs.queue(self.principal)
        changed = await self.services.runs.set_queue_paused(self.principal, not queue.paused)
        said = _("The queue is held: nothing new is started until you let it go on.") if changed.paused else _("The queue goes on.")
        self.modeltrain.say(said)
        self.reload()

    # Name, comparison, the end ----------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        run = self.run_in_hand
        if run is None:
            return

        def check(text: str) -> str:
            if not text.strip():
                return _("Something must be here.")
            return _("At most {max} characters.").format(max=_LONGEST_NAME) if len(text) > _LONGEST_NAME else ""

        def typed(name: str | None) -> None:
            if name is not None and name.strip() != run.name:
                self._on_each([run], lambda run: self.services.runs.rename(self.principal, run.id, name.strip()))

        self.app.push_screen(Ask(_("Another name for the run"), run.name, check=check), typed)

    def action_compare(self) -> None:
        runs = self.chosen_runs()
        if len(runs) < 2:
            self.modeltrain.say(_("Mark two or more runs with Space, then press c."))
            return
        from tui.screens.runs.compare import CompareScreen

        self.app.push_screen(CompareScreen(tuple(run.id for run in runs)))

    def action_swanlab(self) -> None:
        from tui.screens.swanlab.screen import SwanlabScreen

        self.app.push_screen(SwanlabScreen())

    def action_delete(self) -> None:
        runs = self.chosen_runs()
        if any(run.state.is_active for run in runs):
            self.modeltrain.say(_("What is at work cannot be deleted: stop it first."))
        elif runs:
            self.start(self._ask_to_delete, runs, group="delete")

    async def _ask_to_delete(self, runs: list[Run]) -> None:
        sizes = await asyncio.to_thread(lambda: [_taken(run) for run in runs])
        if len(runs) == 1:
            question = _("Delete the run “{name}”?").format(name=one_line(runs[0].name))
        else:
            question = ngettext("Delete {count} run?", "Delete {count} runs?", len(runs)).format(count=len(runs))
        answers = {"f": ("files", N_("with its files")), "k": ("keep", N_("keep the files"))}

        def decided(answer: str | None) -> None:
            if answer:
                self._on_each(runs, lambda run: self.services.runs.delete(self.principal, run.id, files=answer == "files"))

        self.app.push_screen(Decide(question, answers, texts.deleting(list(zip(runs, sizes, strict=True))), danger=True), decided)


def _taken(run: Run) -> int | None:
    """Bytes that the folder of a run takes with all of its attempts, None where that cannot be told. Blocks."""
    if run.folder is None:
        return 0
    try:
        return sum(file.lstat().st_size for file in Path(run.folder).parent.rglob("*") if not file.is_dir())
    except OSError:
        return None


def _paused_words(count: int) -> str:
    return ngettext("{count} run saves a checkpoint and pauses.", "{count} runs save a checkpoint and pause.", count).format(count=count)


def _resumed_words(count: int) -> str:
    return ngettext("{count} run goes on from its last checkpoint.", "{count} runs go on from their last checkpoints.", count).format(
        count=count
    )


def _queued_words(count: int) -> str:
    return ngettext("{count} run is in the queue again.", "{count} runs are in the queue again.", count).format(count=count)
