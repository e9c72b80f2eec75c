"""One log directory of SwanLab as it is: its project, its experiments with the truth about them, their configuration and metrics.

Everything here blocks and belongs into a thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from core.errors import EnvironmentProblem
from core.swanlab import database
from core.swanlab.config_file import output_folder
from core.swanlab.types import SWANLAB_STATES, Experiment, ExperimentState, Project, RunTruth, RunTruths

#: In the folder of an experiment: it is pinned. A file, so that the pin goes where the folder goes.
PIN: Final = ".modeltrain-pinned"
#: A folder that is about to go; what a crash left of one is told from a living one by its row.
GOING: Final = ".going-"
_LARGEST_METADATA: Final = 1 << 20
#: Seconds by which the start of a process and the time of a file, told by two clocks, may differ.
_SLACK_S: Final = 5.0
#: Seconds without a change after which an experiment of another machine counts as ended.
_LATELY_S: Final = 600.0


def experiment_folder(folder: Path, experiment_id: str) -> Path:
    """Where the files of an experiment are. Raises EnvironmentProblem(swanlab_damaged) for a row that points elsewhere."""
    if not is_name(experiment_id):
        raise EnvironmentProblem(what="swanlab_damaged", path=str(folder))
    return folder / experiment_id


def is_name(experiment_id: str) -> bool:
    """Whether this is the plain name of a folder beside the database, and not one of ours or of nobody's."""
    return (
        bool(experiment_id)
        and not experiment_id.startswith(".")
        and not set(experiment_id) & {"/", "\0", "\\"}
        and len(experiment_id) < 256
    )


def size_of(folder: Path) -> int:
    """Bytes of all files below `folder`; links count nothing and are not followed."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return  # gone meanwhile


def moment(text: Any) -> int | None:
    """SwanLab's time in ms since the epoch. Older versions wrote local time of UTC without an offset."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def project(folder: Path, truths: RunTruths) -> Project:
    """The project of a directory. What cannot be read is said in `problem`, so that one bad directory hides no other."""
    try:
        with database.reading(folder) as connection:
            row = database.project_row(connection)
        found = experiments(folder, truths)
    except EnvironmentProblem as problem:
        what = str(problem.fields.get("what", "")).removeprefix("swanlab_")
        return Project(folder.name, folder.name, bytes=size_of(folder), problem=what)
    return Project(
        folder.name,
        str(row["name"]) if row else folder.name,
        experiments=len(found),
        running=sum(item.state == "running" for item in found),
        pinned=sum(item.pinned for item in found),
        bytes=size_of(folder),
        created_at=moment(row["create_time"]) if row else None,
        updated_at=max((item.finished_at or item.created_at or 0 for item in found), default=None),
    )


def experiments(folder: Path, truths: RunTruths) -> tuple[Experiment, ...]:
    """The experiments of a directory, the newest first. Raises EnvironmentProblem (see database.reading)."""
    with database.reading(folder) as connection:
        rows, tags = database.experiment_rows(connection), database.tag_rows(connection)
    seen: set[str] = set()
    return tuple(_experiment(folder, row, tags.get(row["id"], []), truths, seen) for row in rows if is_name(str(row["run_id"])))


def _experiment(folder: Path, row: database.Row, tags: list[database.Row], truths: RunTruths, seen: set[str]) -> Experiment:
    """`seen`: output folders of newer experiments: a run that is resumed opens a new experiment, and its state is that of the newest."""
    experiment_id = str(row["run_id"])
    own = folder / experiment_id
    output = output_folder(own)
    truth, newest = truths.get(output), output not in seen
    if output:
        seen.add(output)
    logged = SWANLAB_STATES.get(int(row["status"]), "ended")
    return Experiment(
        experiment_id,
        folder.name,
        str(row["name"]),
        str(row["description"] or ""),
        _state(logged, own, truth if newest else None),
        logged,
        run_id=truth.run_id if truth else "",
        run_name=truth.name if truth else "",
        created_at=moment(row["create_time"]),
        finished_at=moment(row["finish_time"]) if logged != "running" else None,
        bytes=size_of(own),
        pinned=(own / PIN).exists(),
        tags=tuple(str(tag["name"]) for tag in tags),
        folder_there=own.is_dir(),
    )


def _state(logged: ExperimentState, own: Path, truth: RunTruth | None) -> ExperimentState:
    if logged == "running" and is_written(own):
        return "running"
    if truth is not None:
        return truth.state
    return "ended" if logged == "running" else logged


def is_written(own: Path) -> bool:
    """Whether the process that opened this experiment is alive: SwanLab says "running" for ever of one that was killed.

    The process with its pid is another one if it is younger than what that process wrote first. Nothing can be known of another machine's
    processes: there, what was changed in the last minutes counts as written to.
    """
    import platform

    import psutil

    written, runtime = _runtime(own)
    pid, host = runtime.get("pid"), runtime.get("hostname")
    if not isinstance(pid, int) or not 0 < pid < 1 << 31 or (host and host != platform.node()):
        return _changed_lately(own)
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= written + _SLACK_S)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # it is there, and not ours to look at


def _runtime(own: Path) -> tuple[float, Mapping[str, Any]]:
    """When SwanLab described the process (seconds since the epoch), and how."""
    path = own / "files" / "swanlab-metadata.json"
    try:
        with path.open("rb") as reader:
            found = json.loads(reader.read(_LARGEST_METADATA))
            written = os.fstat(reader.fileno()).st_mtime
        hardware = found.get("runtime") or found.get("hardware", {}).get("runtime") or {}
        return written, hardware if isinstance(hardware, dict) else {}
    except (OSError, ValueError, AttributeError, RecursionError):
        return 0.0, {}


def _changed_lately(own: Path) -> bool:
    newest = 0.0
    for path in (own, own / "logs", *(own / "logs").glob("*/*.log")):
        try:
            newest = max(newest, path.lstat().st_mtime)
        except OSError:
            continue
    return time.time() - newest < _LATELY_S
