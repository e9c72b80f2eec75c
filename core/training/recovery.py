"""What became of a run whose process is gone: decided by its files, whoever looks, and however long after."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.clock import Clock
from core.processes import JobExit, JobState, ProcessIdentity, is_alive, tree
from core.training.failures.types import Failure
from core.training.gpus import GpuReader
from core.training.planning import ResolvedRun
from core.training.runs_changes import RunChanges
from core.training.runs_files import Course, read_course
from core.training.slots import ghosts, gpus_of
from core.training.types import RunState

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: So long a driver gets to clear up the memory of processes that are gone; a container may show pids that are nobody's here.
GHOSTS_S = 15.0
#: Looks at a shim that is on its way out, and seconds between them.
LEAVING_LOOKS, LEAVING_S = 20, 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `explain`: whether somebody should be told why."""

    state: RunState
    course: Course
    explain: bool


def judge(wanted: str, ended: JobExit | None, course: Course, *, trains: bool = True, stops_early: bool = False) -> Outcome:
    """The state of a run whose processes are gone. `ended` None: nobody saw how. `stops_early`: it may end before its last step.

    Status 0 is not "finished": a run that was asked to save ends with it too. What counts is the step that the trainer wrote at its end.
    """
    status = ended.status if ended is not None else None
    if not trains:
        state = RunState.COMPLETED if status == 0 else RunState.CANCELLED if wanted == "stop" else _bad(ended)
    elif course.finished and status in {0, None}:
        state = RunState.COMPLETED
    elif wanted == "stop":
        state = RunState.CANCELLED
    elif status == 0:
        state = _saved(wanted, course, stops_early)
    elif wanted == "pause" and course.checkpoint is not None:
        state = RunState.PAUSED
    else:
        state = _bad(ended)
    return Outcome(state, course, state in {RunState.FAILED, RunState.LOST})


def _saved(wanted: str, course: Course, stops_early: bool) -> RunState:
    """It ended well before its last step."""
    if wanted == "pause":
        return RunState.PAUSED
    if stops_early and course.ended_at is not None:
        return RunState.COMPLETED
    if course.checkpoint is not None:
        return RunState.PAUSED  # somebody else asked it to save, as a machine does that is shut down
    return RunState.FAILED  # it did nothing, and called that a success


def _bad(ended: JobExit | None) -> RunState:
    return RunState.LOST if ended is None else RunState.FAILED


class Settling:
    """Settles runs whose processes ended: nothing of them is left, their slots are free, what became of them is written down."""

    def __init__(self, store: RunChanges, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def settle(self, row: Any, state: JobState, gpus: GpuReader) -> bool:
        """Write down how the run ended. False while something of it is still there: a process, or memory on a GPU."""
        folder, ended = Path(row.a_folder), state.exit
        if ended is not None:
            await _leave(state.shim)
        if set(await asyncio.to_thread(tree, folder)) - ({state.shim} if ended is not None else set()):
            return False
        moment = ended.ended_at if ended is not None else self._clock.now_ms()
        slots = set(await self._store.read(lambda uow: uow.slots.of(row.id)))
        if gpus_of(slots) and abs(self._clock.now_ms() - moment) < GHOSTS_S * 1000 and ghosts(await asyncio.to_thread(gpus.read), slots):
            return False
        outcome, failure = await asyncio.to_thread(_looked_into, row, ended)
        await self._store.write(lambda uow: _write(uow, row, ended, outcome, failure, moment))
        await asyncio.to_thread(shutil.rmtree, folder / "cache", ignore_errors=True)
        return True


async def _leave(shim: ProcessIdentity | None) -> None:
    """Let a shim that wrote down the end run what comes after, and go; it is not waited for longer than that takes."""
    for _ in range(LEAVING_LOOKS):
        if not is_alive(shim):
            return
        await asyncio.sleep(LEAVING_S)


def _looked_into(row: Any, ended: JobExit | None) -> tuple[Outcome, Failure | None]:
    run, course = ResolvedRun.from_json(row.a_resolved), read_course(Path(row.a_output_dir))
    trains = row.kind == "train" and bool(run.options.get("do_train", True))
    outcome = judge(row.wanted, ended, course, trains=trains, stops_early=bool(run.options.get("early_stopping_steps")))
    if not outcome.explain:
        return outcome, None
    from core.training.failures import explain, gather

    evidence = gather(
        Path(row.a_folder),
        kind=row.kind,
        exit=ended,
        options=run.options,
        stopped_by_us=bool(row.wanted),
        gpus=0 if row.a_slots in {"", '["cpu:0"]'} else row.a_slots.count(",") + 1,
        output=Path(row.a_output_dir),
    )
    return outcome, explain(evidence)


def _write(uow: UnitOfWork, row: Any, ended: JobExit | None, outcome: Outcome, failure: Failure | None, moment: int) -> None:
    course, status = outcome.course, ended.status if ended is not None else None
    step = course.step if course.total or course.ended_at is not None else row.step
    if outcome.state is RunState.PAUSED and course.checkpoint is not None:
        step = course.checkpoint  # where it goes on, whatever it did after that
    expected = {"attempt": row.attempt, "state": row.state}
    values = {"state": str(outcome.state), "wanted": "", "waiting": "", "ended_at": moment, "step": step, "asked_at": None}
    total = course.total or row.total_steps
    can_resume = row.kind == "train" and not course.finished and (course.checkpoint is not None or outcome.state is RunState.PAUSED)
    if not uow.runs.change(row.id, expected, **values, total_steps=total, can_resume=can_resume):
        return  # somebody else was faster
    uow.runs.change_attempt(
        row.id,
        row.attempt,
        state=str(outcome.state),
        last_step=step,
        total_steps=total,
        exit_status=status,
        failure=failure.to_json() if failure is not None else "",
        ended_at=moment,
    )
    uow.slots.release(row.id)
    uow.runs.touch({row.owner_id: [row.id]})
