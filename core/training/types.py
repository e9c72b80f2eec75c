"""Runs, attempts, why one waits and why one failed: plain values that leave the service. Moments are ms since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from core.training.failures.types import Failure

Kind = Literal["train", "export"]
#: What its owner wants of a run beside what it is: nothing more, to pause, to stop.
Wanted = Literal["", "pause", "stop"]


class RunState(StrEnum):
    """`pausing`: a checkpoint is being asked for. `lost`: neither process nor exit status can be known, as after a reboot.

    A run that is being stopped is `running` (or `starting`, `pausing`) with `wanted="stop"`.
    """

    PENDING = "pending"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_active(self) -> bool:
        """Whether there is, or may be, a process."""
        return self in ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more unless somebody asks for it. A paused run is over in this sense."""
        return self not in ACTIVE and self is not RunState.PENDING


ACTIVE = frozenset({RunState.STARTING, RunState.RUNNING, RunState.PAUSING})
#: From these a run can go on from its last whole checkpoint.
RESUMABLE = frozenset({RunState.PAUSED, RunState.LOST, RunState.FAILED, RunState.CANCELLED})


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why a pending run waits. `code` is one of:

    next              nothing is in its way: it starts at the next turn of the scheduler
    paused            the queue was paused by an administrator
    limit             its owner has as many runs at work as allowed: limit, running
    environment       there is no working training environment: state
    earlier           others are before it in the queue: ahead (how many), name and run_id of the first ("" where it is not one's own)
    no_gpu            GPUs are held: wanted, free, total, holders (list of {"run_id", "name", "gpu"}, names "" where not one's own)
    gpu_busy          GPUs are used by programs that are not ours: wanted, free, total, pids
    gpu_missing       a GPU that was asked for is not there: uuid
    too_many_gpus     more GPUs are wanted than there are: wanted, total
    cpu_busy          there is no GPU, and the one place for runs on the CPU is taken: holders
    leftover          processes of its last attempt still end: pids
    disk              too little disk is free: free, needed (bytes)
    not_startable     its last start failed and is tried again: problem (code of an error), tries
    """

    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to run: a training configuration (`version` None: the one in force), or the YAML text itself.

    `gpus`: how many, any that are free (0: on the CPU); `gpu_uuids` names them and then counts instead. `processes`: of a run on the CPU;
    on GPUs there is one for each. `priority`: -100..100, higher first. `name` "" makes one. `extra`: for `kind` export, and options that
    are laid over those of the configuration (a dict under "changes").
    """

    name: str = ""
    configuration_id: str | None = None
    version: int | None = None
    yaml_text: str | None = None
    dataset_ids: tuple[str, ...] = ()
    gpus: int = 1
    gpu_uuids: tuple[str, ...] = ()
    processes: int = 1
    priority: int = 0
    kind: Kind = "train"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands. `attempt`: the number of the current one, from 1, 0 before the first start; `attempts`: how many there were.

    `folder`: of the current attempt, None before the first start; `output_dir`: where checkpoints and adapter are (attempts that resume
    share it). `retry_of`: the run it was retried from, where it was copied. `position`: its place among the pending, from 1, None if it is
    not pending. `slots`: GPU UUIDs or ("cpu:0",). `step`, `total_steps`: of the optimiser. `progress`: 0..1, None where not known.
    `exit_status`: of the trainer, negative for a signal, None where it is not over or cannot be known. `resumed_at_step`: where the current
    attempt went on. `can_resume`: there is a whole checkpoint and it is not finished. `changed`: grows with each change of the run.
    """

    id: str
    name: str
    kind: Kind
    state: RunState
    wanted: Wanted
    owner_id: str
    owner_name: str
    configuration_id: str | None
    configuration_version: int | None
    attempt: int
    attempts: int
    retry_of: str | None
    priority: int
    position: int | None
    gpus_wanted: int
    gpu_uuids: tuple[str, ...]
    processes: int
    slots: tuple[str, ...]
    waiting_for: WaitReason | None
    folder: Path | None
    output_dir: Path | None
    step: int
    total_steps: int | None
    progress: float | None
    exit_status: int | None
    failure: Failure | None
    resumed_at_step: int | None
    can_resume: bool
    created_at: int
    queued_at: int
    started_at: int | None
    ended_at: int | None
    changed: int
    stage: str = ""
    method: str = ""
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> Path | None:
        """The log of the current attempt."""
        return None if self.folder is None else self.folder / "log.txt"


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """Who holds a GPU. `kind`: of a run ("train", "export") or of a service ("api", "vllm", "sglang"), "" where it is gone already.

    `id` and `name` are "" where it is somebody else's.
    """

    kind: str
    id: str
    name: str

    @property
    def is_run(self) -> bool:
        return self.kind in ("train", "export")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a run. `resumed`: it went on in the output folder of the one before; `changes`: what it was retried with."""

    number: int
    state: RunState
    resumed: bool
    changes: Mapping[str, Any]
    options: Mapping[str, Any]
    folder: Path
    output_dir: Path
    slots: tuple[str, ...]
    from_step: int | None
    last_step: int
    total_steps: int | None
    exit_status: int | None
    failure: Failure | None
    started_at: int
    ended_at: int | None

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"


@dataclass(frozen=True, slots=True)
class RunPage:
    """A part of a list of runs; `total` is the length of the whole, `counts` the number of the owner's runs in each state."""

    items: tuple[Run, ...]
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueState:
    """`paused`: nothing new is started. `running`, `pending`: of everybody. `gpu_problem`: why GPUs cannot be read, "" if they can."""

    paused: bool
    running: int
    pending: int
    limit_a_user: int
    gpu_problem: str = ""
