"""What LLaMA-Factory is started with: files, argv and environment of one attempt. Pure: everything comes in, nothing is looked up.

A run is *resolved* when it is asked for (`services.training.resolve`): configuration, datasets and rights become one plain value that is
stored with the run. When its turn comes the scheduler knows folder, slots and port, and `plan` makes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.training.environment_types import EnvironmentState


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """What a run is made of, checked for its owner. JSON in and out by `to_json`/`from_json`: stored with the run's attempt.

    `options`: LLaMA-Factory's options without those that depend on folder and slots. `datasets`: entries of dataset_info.json by name.
    `rows`: samples in them, None where not known. `deepspeed`: "none" or a ZeRO stage as in TrainingDraft. `kind`: train or export.
    `swanlab`: whether to log to it; `paths`: real paths that were allowed and must still resolve to themselves at the start.
    """

    kind: Literal["train", "export"]
    options: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: int | None = None
    deepspeed: str = "none"
    swanlab: bool = False
    paths: tuple[str, ...] = ()
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where and with what an attempt runs. `folder`: the attempt's own, absolute; its `output` is below it, unless `output` names another.

    `gpu_uuids`: empty for the CPU. `port`: free, for torchrun's rendezvous. `swanlab_folder`: absolute log folder of the owner's
    dashboard; `project`: its project. `resume`: the same output folder is gone on with. `cpu_threads`: for OMP_NUM_THREADS.
    """

    folder: Path
    run_id: str
    run_name: str
    environment: EnvironmentState
    gpu_uuids: tuple[str, ...] = ()
    port: int | None = None
    output: Path | None = None
    swanlab_folder: Path | None = None
    project: str = "modeltrain"
    resume: bool = False
    cpu_threads: int = 1
    inherited: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """`files`: texts by name, to be written into the folder (0600). `argv`: started with the folder as its working directory.

    `environment` is whole: nothing else may be passed on. `total_steps`: None where it cannot be told beforehand.
    """

    files: Mapping[str, str]
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    total_steps: int | None
    output: Path


def plan(run: ResolvedRun, place: Place) -> Plan:
    """The files, argv and environment of one attempt."""
    raise NotImplementedError
