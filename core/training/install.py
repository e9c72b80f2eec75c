"""Making our own training environment: one job at a time, outside of this program, resumable, cancellable, checked at its end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from core.errors import Conflict, DiskFull, EnvironmentProblem
from core.processes import Job, JobState, launch, look, stop
from core.training import install_plan
from core.training.environment_folder import MARKER
from core.training.environment_types import InstallKind, InstallProgress, InstallStep
from core.training.environment_variables import passed_on

#: What `install` may be asked for beside the base.
EXTRAS: Final = tuple(install_plan.EXTRAS)
#: In the data folder: logs of installations and what they need.
FOLDER: Final = "training-env-install"
MARKS: Final = "modeltrain-steps.json"
_SCRIPT: Final = Path(__file__).with_name("install_script.py")
_PIP_VARIABLES: Final = ("PIP_", "UV_", "XDG_CONFIG_", "NETRC")
_LOG_LIMIT: Final = 64 << 20
_GRACE_S: Final = 5.0
_LINE_BYTES: Final = 4096
_KEPT: Final = 3


class Installer:
    """`folder`: of the environment. All but `cancel` block, shortly."""

    def __init__(self, data_dir: Path, folder: Path, clock: Clock, inherited: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._work = data_dir / FOLDER
        self._clock = clock
        self._inherited = inherited

    # What is known -------------------------------------------------------------------------------------------------

    def is_running(self) -> bool:
        job = self._current()
        return job is not None and look(job).kind in ("starting", "running")

    def progress(self) -> InstallProgress:
        job = self._current()
        if job is None:
            return InstallProgress("none")
        order, state = _read(job / "order.json"), look(job)
        found = _read(job / "progress.json")
        steps = tuple(InstallStep(each["name"], each["state"], each["started_at"], each["ended_at"]) for each in found.get("steps", ()))
        kind = _kind(state, cancelled=(job / "cancelled").exists())
        failed = next((step.name for step in steps if step.state in ("failed", "running")), "") if kind not in ("running", "done") else ""
        return InstallProgress(
            kind=kind,
            steps=steps or tuple(InstallStep(each["name"]) for each in order.get("steps", ())),
            line=_last_line(job / "log.txt"),
            log=job / "log.txt",
            failed_step=failed,
            exit_status=state.exit.status if state.exit is not None else None,
            cpu=bool(order.get("cpu")),
            extras=tuple(order.get("extras", ())),
            problems=tuple(f"{each['package']}: {each['message']}" for each in found.get("problems", ())),
        )

    def _current(self) -> Path | None:
        number = _read(self._work / "current.json").get("job")
        return self._work / str(number) if isinstance(number, int) else None

    # Changing ------------------------------------------------------------------------------------------------------

    def start(self, *, cpu: bool, extras: Sequence[str]) -> InstallProgress:
        """Launch it. Raises Conflict(what="installation_running"), InvalidInput("extra"), DiskFull, EnvironmentProblem."""
        steps = install_plan.steps(self._folder, self._work / "files", cpu=cpu, extras=extras)
        with self._locked():
            if self.is_running():
                raise Conflict(what="installation_running")
            self._enough_space(install_plan.SPACE_CPU if cpu else install_plan.SPACE_GPU)
            number = int(_read(self._work / "current.json").get("job", 0)) + 1
            job = self._work / str(number)
            shutil.rmtree(job, ignore_errors=True)
            job.mkdir(mode=0o700)
            _put(job / "order.json", self._order(job, steps, cpu=cpu, extras=extras))
            launch(Job(job, (sys.executable, "-I", str(_SCRIPT), str(job / "order.json")), self._variables(), log_limit_bytes=_LOG_LIMIT))
            _put(self._work / "current.json", {"job": number})
            for old in range(1, number - _KEPT + 1):
                shutil.rmtree(self._work / str(old), ignore_errors=True)
        return self.progress()

    async def cancel(self) -> None:
        """End it with all of its processes. Nothing where none runs."""
        job = self._current()
        if job is None or not self.is_running():
            return
        with contextlib.suppress(OSError):
            (job / "cancelled").touch()
        stopped = await stop(job, grace_s=_GRACE_S)
        if not stopped.gone:
            raise EnvironmentProblem(what="processes_left", pids=stopped.left)

    def remove(self) -> None:
        """Delete the environment and what its installation kept. Raises Conflict(what="installation_running")."""
        with self._locked():
            if self.is_running():
                raise Conflict(what="installation_running")
            # The marker first: what is half deleted must not look whole.
            (self._folder / MARKER).unlink(missing_ok=True)
            shutil.rmtree(self._folder, ignore_errors=True)
            (self._work / "current.json").unlink(missing_ok=True)

    # Inside --------------------------------------------------------------------------------------------------------

    def _order(self, job: Path, steps: list[dict[str, Any]], *, cpu: bool, extras: Sequence[str]) -> dict[str, Any]:
        return {
            "folder": str(self._folder),
            "marks": str(self._folder / MARKS),
            "marker": str(self._folder / MARKER),
            "progress": str(job / "progress.json"),
            "lock": str(self._work / "running.lock"),
            "work": str(self._work / "files"),
            "constraints": install_plan.constraints(),
            "steps": steps,
            "cpu": cpu,
            "extras": list(extras),
        }

    def _variables(self) -> dict[str, str]:
        """pip reads its own configuration: from its files, or from variables."""
        inherited = os.environ if self._inherited is None else self._inherited
        values = passed_on(inherited) | {name: value for name, value in inherited.items() if name.startswith(_PIP_VARIABLES)}
        return values | {"PATH": inherited.get("PATH", os.defpath), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._work / "start.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentProblem(what="folder_not_writable", path=str(self._work), reason=error.strerror or "") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _enough_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._work).free
        if free < needed and not (self._folder / MARKS).exists():
            raise DiskFull(path=str(self._folder), needed=needed, free=free)


def _kind(state: JobState, *, cancelled: bool) -> InstallKind:
    if state.kind in ("starting", "running"):
        return "running"
    if state.exit is not None and state.exit.status == 0:
        return "done"
    if cancelled:
        return "cancelled"
    return "interrupted" if state.exit is None or state.exit.signal is not None else "failed"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _put(path: Path, value: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _LINE_BYTES, 0))
            text = file.read(_LINE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
