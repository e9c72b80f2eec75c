"""What the files of a run's output folder tell: how far it is, whether it is finished, which checkpoints are whole. Blocks."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METRICS = "trainer_log.jsonl"
STATE = "trainer_state.json"
#: Written by transformers into a checkpoint that is just being saved (transformers/trainer_jit_checkpoint.py).
INCOMPLETE = "checkpoint-is-incomplete.txt"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
#: Bytes of the end of trainer_log.jsonl that are read: many lines.
_TAIL = 8192
_MOST_STATE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Course:
    """`step` of `total`, from what was logged last. `checkpoint`: step of the last whole one, None where there is none.

    `finished`: the trainer itself wrote, at its end, that every step is done. `ended_at`: the step it wrote there, None if it did not.
    """

    step: int = 0
    total: int | None = None
    checkpoint: int | None = None
    finished: bool = False
    ended_at: int | None = None


def read_course(output: Path) -> Course:
    """All of it: for a run that ended, or is to go on."""
    logged = last_logged(output)
    state = _state(output / STATE)
    ended_at, most = _steps(state)
    whole = whole_checkpoints(output)
    step, total = logged or (0, None)
    if ended_at is not None:
        step, total = ended_at, most
    return Course(
        step=step,
        total=total,
        checkpoint=whole[-1][0] if whole else None,
        finished=ended_at is not None and most is not None and 0 < most <= ended_at,
        ended_at=ended_at,
    )


def last_logged(output: Path, *, since: int = 0) -> tuple[int, int | None] | None:
    """(step, total steps) of the last whole line of trainer_log.jsonl; None where there is none yet. Reads its end only.

    `since`: ms; a file that was not written to since then is of an attempt before, and says nothing about this one.
    """
    try:
        with (output / METRICS).open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_mtime_ns // 1_000_000 < since:
                return None
            size = found.st_size
            file.seek(max(0, size - _TAIL))
            lines = file.read(_TAIL).split(b"\n")
    except OSError:
        return None
    for line in reversed(lines[:-1]):  # what has no line end is still being written
        try:
            values = json.loads(line)
            step, total = int(values["current_steps"]), int(values.get("total_steps") or 0)
        except (ValueError, TypeError, KeyError):
            continue
        return step, total or None
    return None


def whole_checkpoints(output: Path) -> tuple[tuple[int, Path], ...]:
    """(step, folder) of the checkpoints that a run can go on from, the earliest first."""
    return tuple(each for each in _checkpoints(output) if _is_whole(each[1]))


def remove_broken_checkpoints(output: Path) -> tuple[str, ...]:
    """Remove checkpoints that were cut off while they were saved: LLaMA-Factory would go on from the newest, whole or not. Their names."""
    broken = [path for _step, path in _checkpoints(output) if not _is_whole(path)]
    for path in broken:
        shutil.rmtree(path, ignore_errors=True)
    return tuple(path.name for path in broken)


def _checkpoints(output: Path) -> list[tuple[int, Path]]:
    try:
        names = [(int(match[1]), path) for path in output.iterdir() if (match := _CHECKPOINT.fullmatch(path.name))]
    except OSError:
        return []
    return sorted((step, path) for step, path in names if path.is_dir() and not path.is_symlink())


def _is_whole(folder: Path) -> bool:
    """transformers writes trainer_state.json last of all; while a checkpoint of a pause is saved there is a mark in it."""
    if (folder / INCOMPLETE).exists():
        return False
    step, _most = _steps(_state(folder / STATE))
    return step is not None


def _state(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_STATE))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _steps(state: dict[str, Any]) -> tuple[int | None, int | None]:
    step, most = state.get("global_step"), state.get("max_steps")
    return (step if isinstance(step, int) else None), (most if isinstance(most, int) else None)
