"""Starting a run whose turn has come: slots held and written down first, then the files, then the shim."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.clock import Clock, Identifiers
from core.errors import DiskFull, EnvironmentProblem, ModeltrainError, StorageError
from core.processes import Job, abandon, free_port, launch
from core.settings import Settings
from core.training.environment_types import EnvironmentState
from core.training.environment_variables import passed_on
from core.training.failures.types import Failure, Remedy
from core.training.planning import Place, Plan, ResolvedRun
from core.training.runs_changes import RunChanges
from core.training.runs_files import Course, read_course, remove_broken_checkpoints
from core.training.runs_rows import waiting_text
from core.training.slots import SlotWish, gpus_of
from core.training.swanlab_place import swanlab_folder
from core.training.types import RunState, WaitReason

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

#: A start that failed for want of something is tried again after so many seconds, each time later; then the run has failed.
AGAIN_S = (10, 30, 60, 120, 300)
#: Most threads of a run on the CPU: beyond that they are in each other's way.
_MOST_THREADS = 16


@dataclass(frozen=True)
class Workshop:
    """What starting needs of others. `environment`: as it is now; `plan`: core/training/configurations.py, Training.plan.

    `after`: (argv, environment) of what the shim of a run starts when it is over, so that the queue goes on; None for nothing.
    """

    environment: Callable[[], Awaitable[EnvironmentState]]
    plan: Callable[[ResolvedRun, Place], Awaitable[Plan]]
    after: tuple[tuple[str, ...], Mapping[str, str]] | None = None


class Claim(NamedTuple):
    """A run that is ours to start. `last`: output folder of the attempt before, where this one may go on in it."""

    row: Any
    number: int
    folder: Path
    slots: tuple[str, ...]
    last: Path | None


class Starter:
    """Used by the scheduler alone, and so by one process at a time; yet nothing here relies on that."""

    def __init__(self, store: RunChanges, settings: Settings, clock: Clock, ids: Identifiers, workshop: Workshop) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._workshop = workshop

    async def start(self, run_id: str, slots: Sequence[str]) -> bool:
        """Start the pending run with these slots. False if it is not pending any more, or they are held by now, or it cannot start."""
        claim = await self._store.write(lambda uow: self._claim(uow, run_id, tuple(slots)))
        if claim is None:
            return False
        try:
            await self._launch(claim)
        except ModeltrainError as error:
            await self._not_started(claim, error)
            return False
        except Exception as error:  # a fault of ours must not be tried for ever
            log.exception("the run %s could not be started", run_id)
            await self._not_started(claim, EnvironmentProblem(what="unforeseen", reason=type(error).__name__))
            return False
        # Cut off elsewhere, or by a fault of ours: whoever looks next finds it neither started nor startable, and queues it again.
        return True

    def _claim(self, uow: UnitOfWork, run_id: str, slots: tuple[str, ...]) -> Claim | None:
        row = uow.runs.get(None, run_id)
        if row is None or row.state != RunState.PENDING:
            return None
        moment, number = self._clock.now_ms(), row.attempt + 1
        begun = {"state": "starting", "attempt": number, "waiting": "", "started_at": moment, "ended_at": None, "asked_at": None}
        if not uow.runs.change(run_id, {"state": "pending", "attempt": row.attempt}, **begun):
            return None  # somebody else starts it
        if not uow.slots.hold(run_id, slots, moment=moment):
            uow.runs.change(run_id, state="pending", attempt=row.attempt, waiting=row.waiting, started_at=row.started_at)
            return None
        folder = self._settings.data_dir / "runs" / run_id / str(number)
        last = next((each for each in uow.runs.attempts_of(run_id)), None)
        output = last.output_dir if last is not None and row.resume else str(folder / "output")
        uow.runs.add_attempt(
            id=self._ids.new(),
            run_id=run_id,
            number=number,
            state="starting",
            resumed=bool(row.resume),
            changes=row.changes,
            resolved=row.resolved,
            folder=str(folder),
            output_dir=output,
            slots=json.dumps(slots),
            from_step=None,
            last_step=0,
            started_at=moment,
        )
        uow.runs.touch({row.owner_id: [run_id]})
        return Claim(row, number, folder, slots, Path(output) if last is not None and row.resume else None)

    async def _launch(self, claim: Claim) -> None:
        run = ResolvedRun.from_json(claim.row.resolved)
        course = await asyncio.to_thread(_prepare_resume, claim.last) if claim.last is not None else None
        if course is not None and course.finished:
            await self._finished_already(claim, course)
            return
        goes_on = course is not None and course.checkpoint is not None
        output = claim.last if goes_on else claim.folder / "output"
        assert output is not None
        plan = await self._workshop.plan(run, await self._place(claim, run, output))
        await asyncio.to_thread(_write, claim.folder, plan)
        await asyncio.to_thread(launch, self._job(claim.folder, plan))
        await self._store.write(lambda uow: self._running(uow, claim, plan, course.checkpoint if course is not None and goes_on else None))

    async def _place(self, claim: Claim, run: ResolvedRun, output: Path) -> Place:
        gpus = gpus_of(claim.slots)
        workers = len(gpus) or max(1, claim.row.processes)
        cores = len(os.sched_getaffinity(0))
        return Place(
            folder=claim.folder,
            run_id=claim.row.id,
            run_name=claim.row.name,
            environment=await self._workshop.environment(),
            gpu_uuids=gpus,
            processes=workers,
            port=await asyncio.to_thread(free_port),
            output=output,
            swanlab_folder=swanlab_folder(self._settings.data_dir, claim.row.owner_id),
            cpu_threads=max(1, min(_MOST_THREADS, cores // workers)) if not gpus else max(1, min(8, cores // workers)),
            inherited=os.environ,
        )

    def _job(self, folder: Path, plan: Plan) -> Job:
        after, environment = self._workshop.after or (None, None)
        limit = self._settings.training.log_limit_bytes
        return Job(folder, plan.argv, plan.environment, folder, limit, after, environment)

    def _running(self, uow: UnitOfWork, claim: Claim, plan: Plan, from_step: int | None) -> None:
        run_id, total = claim.row.id, plan.total_steps or claim.row.total_steps
        values = {
            "state": "running",
            "step": from_step or 0,
            "total_steps": total,
            "tries": 0,
            "not_before": 0,
            "resume": False,
            "changes": "",
        }
        if not uow.runs.change(run_id, {"state": "starting", "attempt": claim.number}, **values):
            # Wanted otherwise meanwhile; the state is the business of whoever changed it.
            uow.runs.change(run_id, {"attempt": claim.number}, **{name: value for name, value in values.items() if name != "state"})
        told = {"state": "running", "output_dir": str(plan.output), "from_step": from_step, "total_steps": total}
        uow.runs.change_attempt(run_id, claim.number, **told, resumed=from_step is not None)
        uow.runs.touch({claim.row.owner_id: [run_id]})

    async def _finished_already(self, claim: Claim, course: Course) -> None:
        """Never run a finished job again: it would train one more step."""
        moment = self._clock.now_ms()

        def work(uow: UnitOfWork) -> None:
            done = {"state": "completed", "ended_at": moment, "wanted": "", "can_resume": False, "resume": False}
            uow.runs.change(claim.row.id, {"attempt": claim.number}, **done, step=course.step, total_steps=course.total)
            uow.runs.change_attempt(claim.row.id, claim.number, state="completed", ended_at=moment, last_step=course.step)
            uow.slots.release(claim.row.id)
            uow.runs.touch({claim.row.owner_id: [claim.row.id]})

        await self._store.write(work)

    # When it cannot start --------------------------------------------------------------------------------------------

    async def _not_started(self, claim: Claim, error: ModeltrainError) -> None:
        """Back into the queue where waiting may help (a full disk, a busy database), else it has failed."""
        await asyncio.to_thread(abandon_quietly, claim.folder)
        tries = claim.row.tries
        waits = isinstance(error, StorageError) and tries < len(AGAIN_S)
        if waits:
            later = self._clock.now_ms() + AGAIN_S[tries] * 1000
            problem = {"problem": error.code, "tries": tries + 1}
            await self._store.write(
                lambda uow: requeue(uow, claim.row, claim.number, later, WaitReason("not_startable", problem), tries + 1)
            )
        else:
            await self._store.write(lambda uow: self._failed(uow, claim, error))

    def _failed(self, uow: UnitOfWork, claim: Claim, error: ModeltrainError) -> None:
        moment, run_id = self._clock.now_ms(), claim.row.id
        remedy = Remedy("repair_environment" if error.fields.get("what") == "program_missing" else "retry")
        failure = Failure("not_started", {"code": error.code, **_plain(error.fields)}, (remedy,))
        expected = {"attempt": claim.number, "state": "starting"}
        if not uow.runs.change(run_id, expected, state="failed", wanted="", ended_at=moment, resume=False):
            return
        uow.runs.change_attempt(run_id, claim.number, state="failed", ended_at=moment, failure=failure.to_json())
        uow.slots.release(run_id)
        uow.runs.touch({claim.row.owner_id: [run_id]})


def requeue(
    uow: UnitOfWork, row: Any, number: int, not_before: int = 0, reason: WaitReason | None = None, tries: int | None = None
) -> None:
    """Pending again, as if it had not been tried: the attempt that never ran is forgotten (its folder is not used again)."""
    values = {"state": "pending", "waiting": waiting_text(reason), "not_before": not_before, "tries": row.tries if tries is None else tries}
    if row.wanted == "stop":
        values["state"] = "cancelled"
    if uow.runs.change(row.id, {"state": "starting", "attempt": number}, **values, wanted=""):
        uow.runs.remove_attempt(row.id, number)
        uow.slots.release(row.id)
        uow.runs.touch({row.owner_id: [row.id]})


def wish_of(row: Any) -> SlotWish:
    """What a row asks for."""
    return SlotWish(row.gpus_wanted, tuple(json.loads(row.gpu_uuids or "[]")))


def turn_command(settings: Settings) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """(argv, environment) of one turn of the scheduler in a process of its own (core/runs_turn.py)."""
    import core

    # What the trainers of the next runs are given comes through this process: the same, however long the chain.
    passed = passed_on(os.environ) | ({"PATH": os.environ["PATH"]} if "PATH" in os.environ else {})
    training = settings.training
    named = {
        "MODELTRAIN_DATA": str(settings.data_dir),
        "MODELTRAIN_DATABASE_URL": settings.database_url,
        "MODELTRAIN_MASTER_KEY": settings.master_key,
        "MODELTRAIN_MASTER_KEY_FILE": settings.master_key_file and str(settings.master_key_file),
        "MODELTRAIN_TRAINING_ENV": training.environment and str(training.environment),
        "MODELTRAIN_MODEL_FOLDERS": os.pathsep.join(map(str, training.model_folders)),
        "MODELTRAIN_DATASET_FOLDERS": os.pathsep.join(map(str, training.dataset_folders)),
        "MODELTRAIN_RUNS_A_USER": str(training.runs_a_user),
        "PYTHONPATH": str(Path(core.__file__).parent.parent),
    }
    environment = passed | {name: value for name, value in named.items() if value}
    return (sys.executable, "-m", "core.runs_turn"), environment


def abandon_quietly(folder: Path) -> None:
    try:
        abandon(folder)
    except OSError:
        return  # a disk without room: the attempt's folder is not used again anyway


def _prepare_resume(output: Path) -> Course:
    remove_broken_checkpoints(output)
    return read_course(output)


def _write(folder: Path, plan: Plan) -> None:
    """The files of the plan, for the owner of the data folder only. Raises DiskFull, EnvironmentProblem."""
    try:
        for each in (folder.parent.parent, folder.parent, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        plan.output.mkdir(mode=0o700, exist_ok=True)
        link = folder / "output"
        if plan.output != link and not link.exists():
            link.symlink_to(plan.output)  # whoever looks for it below the attempt's folder finds it
        for name, target in plan.links.items():
            (folder / name).symlink_to(target)
        for name, text in plan.files.items():
            descriptor = os.open(folder / name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull() from error
        raise EnvironmentProblem(what="folder_not_writable", path=str(folder), reason=error.strerror) from error


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool | None) else str(value)
        for name, value in fields.items()
        if name != "code"
    }
