"""What the list of runs shows beyond their rows: the last loss and the time left, from the end of the metrics of runs at work.

Only the last few kilobytes are read, and only when the file grew; the screen of one run reads all of it (core/training/metrics.py).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.screens.runs.lists import Figures

if TYPE_CHECKING:
    from core.training.types import Run

_TAIL = 8192
_NOTHING = Figures()


class FiguresOfRuns:
    """`read` for the runs in sight, then `of` each. Runs that are over are read once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[str, int, int], Figures]] = {}

    async def read(self, runs: Sequence[Run]) -> None:
        """Look at the files of `runs`, in a thread."""
        wanted = [run for run in runs if run.output_dir is not None and run.kind == "train"]
        if wanted:
            await asyncio.to_thread(self._read, wanted)

    def of(self, run: Run) -> Figures:
        known = self._known.get(run.id)
        return known[1] if known is not None else _NOTHING

    def _read(self, runs: Sequence[Run]) -> None:
        for run in runs:
            path = Path(run.output_dir or "") / "trainer_log.jsonl"
            try:
                status = path.stat()
                mark = (str(path), status.st_size, run.resumed_at_step or 0)
                known = self._known.get(run.id)
                if known is None or known[0] != mark:
                    self._known[run.id] = (mark, figures_of(_tail(path), run.resumed_at_step or 0))
            except OSError:
                self._known.pop(run.id, None)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    return tail if size <= _TAIL else tail.partition(b"\n")[2]


def figures_of(tail: bytes, resumed_at: int) -> Figures:
    """The figures in the last whole lines of a trainer_log.jsonl. `resumed_at`: the step where this attempt went on, 0 for none.

    The file's own time left is wrong after a resume: it divides the time since the start of the process by all steps.
    """
    loss: float | None = None
    last: dict[str, Any] = {}
    for line in tail.split(b"\n")[:-1]:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if not isinstance(found, dict) or not isinstance(found.get("current_steps"), int):
            continue
        last = found
        if isinstance(found.get("loss"), int | float):
            loss = float(found["loss"])
    step, total = last.get("current_steps", 0), last.get("total_steps")
    total = total if isinstance(total, int) and total > 0 else None
    elapsed = seconds_of(str(last.get("elapsed_time", "")))
    left = None
    if elapsed is not None and total is not None and step > resumed_at:
        left = elapsed / (step - resumed_at) * max(0, total - step)
    return Figures(loss, left, step, total)


def seconds_of(text: str) -> float | None:
    """Seconds of "1 day, 2:03:04" or "0:00:08", None for anything else."""
    days, _comma, clock = text.rpartition(", ")
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.strip().replace(".", "", 1).isdigit() for part in parts):
        return None
    hours, minutes, seconds = (float(part) for part in parts)
    number = days.split(" ", 1)[0]
    return (float(number) * 86400 if number.isdigit() else 0.0) + hours * 3600 + minutes * 60 + seconds
