"""What a run left behind: adapter, checkpoints, whole models, each with its size, its step and what was measured there. Blocks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ArtifactKind = Literal["adapter", "checkpoint", "full", "merged"]
#: What transformers writes into a checkpoint while it is being saved.
INCOMPLETE = "checkpoint-is-incomplete.txt"
ADAPTER, CONFIG, METRICS = "adapter_config.json", "config.json", "trainer_log.jsonl"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
_WEIGHTS = (".safetensors", ".bin", ".pt")
#: Bytes that are read of a JSON file of configuration, and of the metrics.
_MOST_CONFIG, _MOST_METRICS = 4 << 20, 256 << 20
#: What is measured at a step, for lists.
_MEASURED = ("loss", "eval_loss", "accuracy", "rewards/accuracies", "eval_accuracy")


@dataclass(frozen=True, slots=True)
class Artifact:
    """`base`: what an adapter belongs to, as its own configuration says. `created_at`: ms since the epoch, of the newest file.

    `complete`: False where a checkpoint is being written or was cut off. `metrics`: the last values up to its step.
    """

    kind: ArtifactKind
    path: Path
    step: int | None
    complete: bool
    size_bytes: int
    created_at: int
    base: str = ""
    method: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


def artifacts(output: Path, *, export: bool = False) -> tuple[Artifact, ...]:
    """The final model first, then checkpoints, the newest first. Empty where there is nothing (yet)."""
    found = [each for each in (_artifact(output, None, export=export),) if each is not None]
    checkpoints = sorted(_checkpoints(output), reverse=True)
    found += [each for step, folder in checkpoints if (each := _artifact(folder, step)) is not None]
    measured = metrics_at(output / METRICS, [each.step for each in found])
    return tuple(_with(each, measured.get(each.step, {})) for each in found)


def _with(artifact: Artifact, metrics: Mapping[str, float]) -> Artifact:
    from dataclasses import replace

    return replace(artifact, metrics=metrics)


def _checkpoints(output: Path) -> Iterable[tuple[int, Path]]:
    try:
        with os.scandir(output) as entries:
            folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [(int(match[1]), output / name) for name in folders if (match := _CHECKPOINT.fullmatch(name))]


def _artifact(folder: Path, step: int | None, *, export: bool = False) -> Artifact | None:
    names, size, newest = _files(folder)
    has_weights = any(
        name.endswith(_WEIGHTS) and not name.startswith(("optimizer", "scheduler", "rng_state", "training_args")) for name in names
    )
    if step is None and (not has_weights or not names & {ADAPTER, CONFIG}):
        return None
    adapter = read_json(folder / ADAPTER) if ADAPTER in names else {}
    complete = has_weights and INCOMPLETE not in names and (step is None or "trainer_state.json" in names)
    kind: ArtifactKind = "checkpoint" if step is not None else "merged" if export else "adapter" if ADAPTER in names else "full"
    return Artifact(
        kind=kind,
        path=folder,
        step=step,
        complete=complete,
        size_bytes=size,
        created_at=newest,
        base=str(adapter.get("base_model_name_or_path") or ""),
        method=str(adapter.get("peft_type") or "").lower(),
    )


def _files(folder: Path) -> tuple[set[str], int, int]:
    """(names, bytes, newest change in ms) of the files right in `folder`; one folder deep is all that a model has."""
    names: set[str] = set()
    size = newest = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=True):
                    found = entry.stat()
                    names.add(entry.name)
                    size += found.st_size
                    newest = max(newest, round(found.st_mtime * 1000))
    except OSError:
        return set(), 0, 0
    return names, size, newest


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object, {} where it is not one, too large, or not readable."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            value = json.loads(file.read(_MOST_CONFIG))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def metrics_at(path: Path, steps: Iterable[int | None]) -> dict[int | None, dict[str, float]]:
    """The last values of loss and evaluation up to each of `steps` (None: the end). A resumed run repeats steps: the later line counts."""
    wanted = sorted({step for step in steps if step is not None})
    last: dict[str, tuple[int, float]] = {}
    by_step: dict[str, dict[int, float]] = {}
    for value in metric_lines(path):
        step = value.get("current_steps")
        if not isinstance(step, int):
            continue
        for name in _MEASURED:
            number = value.get(name)
            if isinstance(number, int | float):
                by_step.setdefault(name, {})[step] = float(number)
                last[name] = (step, float(number))
    found: dict[int | None, dict[str, float]] = {None: {name: number for name, (_step, number) in last.items()}}
    for step in wanted:
        found[step] = {
            name: values[max(before)] for name, values in by_step.items() if (before := [each for each in values if each <= step])
        }
    return found


def metric_lines(path: Path) -> Iterable[dict[str, Any]]:
    """The whole lines of a trainer_log.jsonl that are JSON objects, in order. Nothing where it is not there, or too large to be one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(handle, "rb") as file:
        if os.fstat(file.fileno()).st_size > _MOST_METRICS:
            return
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
