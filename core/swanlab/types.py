"""What is read of SwanLab's directories, and what clean-up, archives and dashboards say. Times in milliseconds since the epoch, sizes in
bytes. Names and values come from whoever trained: they are unsafe until sanitised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np

#: `running`: it is written to now. `ended`: SwanLab says running, but whoever wrote it is gone, and no run of ours tells how it ended.
#: The others are the state of our run where there is one, else what SwanLab wrote down.
ExperimentState = Literal["running", "paused", "completed", "failed", "cancelled", "lost", "ended"]
#: What SwanLab's column `status` means.
SWANLAB_STATES: Final[Mapping[int, ExperimentState]] = {0: "running", 1: "completed", -1: "failed"}


@dataclass(frozen=True, slots=True)
class Project:
    """A log directory. `id`: its folder's name. `problem`: "" or why it cannot be read: "damaged", "foreign", "busy", "unreadable"."""

    id: str
    name: str
    experiments: int = 0
    running: int = 0
    pinned: int = 0
    bytes: int = 0
    created_at: int | None = None
    updated_at: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment of a project. `id`: the name of its folder, "run-20260102_030405-abcdefgh".

    `state` is the truth as far as it can be known; `logged_state` what SwanLab shows. `run_id`: our run that wrote it, "" if none did.
    `tags`: its metrics by name; `folder_there`: whether its files exist (rows without files happen when somebody deletes by hand).
    """

    id: str
    project_id: str
    name: str
    description: str
    state: ExperimentState
    logged_state: ExperimentState
    run_id: str = ""
    run_name: str = ""
    created_at: int | None = None
    finished_at: int | None = None
    bytes: int = 0
    pinned: bool = False
    tags: tuple[str, ...] = ()
    folder_there: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """A metric. `steps` (int64) grow; `values` (float64) may hold NaN and infinities. `broken`: lines that could not be read."""

    name: str
    steps: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]
    broken: int = 0


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """The figures of a metric. `best` follows from its name (a loss is best at its lowest), None where no value is best.

    `lowest` and `highest` leave NaN and infinities out; None where nothing is left.
    """

    name: str
    count: int
    last: float | None
    last_step: int | None
    best: float | None
    best_step: int | None
    lowest: float | None
    highest: float | None
    broken: int = 0


@dataclass(frozen=True, slots=True)
class ExperimentDetail:
    """`config`: dotted names and values as text, in SwanLab's order; `config_problem`: "" or why there is none ("damaged", "missing")."""

    experiment: Experiment
    config: tuple[tuple[str, str], ...]
    metrics: tuple[MetricSummary, ...]
    config_problem: str = ""


@dataclass(frozen=True, slots=True)
class CleanRule:
    """Which experiments are to go: those named, or all but the newest `keep` of each project, or those older than `older_than_days`.

    Both of the latter together: what is beyond the newest `keep` *and* older. `project_id` None: of every project.
    """

    experiment_ids: tuple[str, ...] = ()
    project_id: str | None = None
    keep: int | None = None
    older_than_days: float | None = None


@dataclass(frozen=True, slots=True)
class Spared:
    """An experiment that the rule means but that stays. `why`: "pinned" or "running"."""

    experiment: Experiment
    why: Literal["pinned", "running"]


@dataclass(frozen=True, slots=True)
class CleanPreview:
    """What would go, the oldest first, and what stays although the rule means it."""

    going: tuple[Experiment, ...]
    spared: tuple[Spared, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.going)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`bytes`: that the removed folders took."""

    removed: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class ArchiveInfo:
    """A tar.gz of experiments of one project. `id`: its file's name. `problem`: "" or "damaged"."""

    id: str
    project: str
    project_id: str
    experiments: tuple[str, ...]
    names: tuple[str, ...]
    bytes: int
    created_at: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """`renamed`: old and new name of experiments whose name was taken meanwhile."""

    project_id: str
    experiments: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RunTruth:
    """What we know of the run that wrote into an output folder."""

    run_id: str
    name: str
    state: ExperimentState


#: Our runs by their output folder, an absolute path as text.
RunTruths = Mapping[str, RunTruth]
