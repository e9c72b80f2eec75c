"""Metrics of a run, read from its own files while they grow.

`trainer_log.jsonl` has one JSON object a line (see docs): `current_steps`, `total_steps`, `epoch`, `elapsed_time` and values. A resumed run
appends, and its steps repeat: what was logged beyond the step where it went on is void, the last line of each step wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Names as in the files, in the order in which they are shown: loss, eval_loss, lr, grad_norm, accuracy, rewards/..., throughput, ...
LOSS, EVAL_LOSS, LEARNING_RATE, GRAD_NORM = "loss", "eval_loss", "lr", "grad_norm"


@dataclass(frozen=True, slots=True)
class Latest:
    """The last line: `step` of `total_steps` (0 where unknown), `epoch`, and the newest value of every series with its step."""

    step: int = 0
    total_steps: int = 0
    epoch: float | None = None
    values: Mapping[str, tuple[int, float]] = field(default_factory=dict)


class MetricsFile:
    """The series of one run. `path` is its trainer_log.jsonl; `more`: those of further attempts, in their order, joined as one.

    Reading blocks (in a thread, please); the other methods may be called from another thread meanwhile: what they give never changes.
    Missing files are empty ones, broken lines are counted (`broken`) and skipped, a last line without its end waits for the rest.
    """

    def __init__(self, path: Path, *more: Path) -> None:
        self.paths = (path, *more)
        self.broken = 0

    def read_new(self) -> bool:
        """Read what was appended since the last call. Returns whether any series changed."""
        raise NotImplementedError

    def read_state(self, path: Path) -> bool:
        """Take gradient norms (and whatever trainer_log.jsonl lacks) from `log_history` of a `trainer_state.json`."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """The series there are, the most wanted first."""
        raise NotImplementedError

    def series(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps (ascending, each once) and values (NaN where the trainer wrote NaN) of `name`, read-only; empty if there is none."""
        raise NotImplementedError

    @property
    def latest(self) -> Latest:
        raise NotImplementedError
