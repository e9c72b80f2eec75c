"""Metrics of a run, read from its own files while they grow.

`trainer_log.jsonl` has one JSON object a line (LLaMA-Factory 0.9.5, train/callbacks.py, LogCallback): `current_steps`, `total_steps`,
`epoch`, `elapsed_time` (since that process began) and values. A resumed run appends, and its steps repeat: what was logged beyond the step
where it went on is void, the last line of each step wins. What that file lacks (gradient norms, rewards) is in `log_history` of
`trainer_state.json`, which is written with every checkpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from core.training.metrics_columns import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Names as in the files, in the order in which they are shown.
LOSS, EVAL_LOSS, LEARNING_RATE, GRAD_NORM = "loss", "eval_loss", "lr", "grad_norm"
_ORDER = (LOSS, EVAL_LOSS, LEARNING_RATE, GRAD_NORM, "accuracy", "eval_accuracy", "reward")
#: What a line says beside values.
_NO_VALUES = frozenset({"current_steps", "total_steps", "epoch", "percentage", "elapsed_time", "remaining_time", "total_tokens", "step"})
#: Names of trainer_state.json that trainer_log.jsonl has under another one.
_ALIASES = {"learning_rate": LEARNING_RATE, "rewards/accuracies": "accuracy"}
#: Sums and speeds of evaluations and of the whole training: one figure each, no curve.
_NO_CURVES = ("_runtime", "_per_second", "total_flos", "train_loss", "_samples")
_CHUNK = 4 << 20
#: A line longer than this is none of the trainer's.
_LONGEST = 1 << 20
#: Of the lines that tell the speed so many are remembered.
_TIMINGS = 512


@dataclass(frozen=True, slots=True)
class Latest:
    """The last line: `step` of `total_steps` (0 where unknown), `epoch`, and the newest value of every series with its step."""

    step: int = 0
    total_steps: int = 0
    epoch: float | None = None
    values: Mapping[str, tuple[int, float]] = field(default_factory=dict)


@dataclass
class _Source:
    """One file and how far it was read. `identity`: device and inode."""

    path: Path
    identity: tuple[int, int] = (0, 0)
    read_to: int = 0


class MetricsFile:
    """The series of one run. `path` is its trainer_log.jsonl; `more`: those of further attempts, in their order, joined as one.

    Reading blocks (in a thread, please); the other methods may be called from another thread meanwhile: what they give never changes.
    Missing files are empty ones, broken lines are counted (`broken`) and skipped, a last line without its end waits for the rest.
    `version` grows with every change.
    """

    def __init__(self, path: Path, *more: Path) -> None:
        self._sources = [_Source(each) for each in (path, *more)]
        self._reading = Lock()
        self._state_read: dict[Path, tuple[int, int]] = {}
        self.version = 0
        self._forget()

    def _forget(self) -> None:
        self.broken = 0
        self._columns: dict[str, Column] = {}
        self._of_state: dict[str, Column] = {}
        self._step = self._total = 0
        self._epoch: float | None = None
        self._timings: tuple[tuple[int, float], ...] = ()
        for source in self._sources:
            source.identity, source.read_to = (0, 0), 0

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(source.path for source in self._sources)

    def add(self, path: Path) -> None:
        """A further attempt began, with a file of its own."""
        with self._reading:
            if path not in self.paths:
                self._sources.append(_Source(path))

    # Reading ---------------------------------------------------------------------------------------------------------

    def read_new(self) -> bool:
        """Read what was appended since the last call. Returns whether anything changed."""
        with self._reading:
            if any(self._is_another(source) for source in self._sources):
                self._forget()
                self._state_read.clear()
            changed = [self._read(source) for source in self._sources]
            self.version += any(changed)
            return any(changed)

    @staticmethod
    def _is_another(source: _Source) -> bool:
        """Whether the file is not the one that was read, or became shorter."""
        if not source.read_to:
            return False
        try:
            status = source.path.stat()
        except OSError:
            return False  # what was read of it stays
        return (status.st_dev, status.st_ino) != source.identity or status.st_size < source.read_to

    def _read(self, source: _Source) -> bool:
        try:
            status = source.path.stat()
            if status.st_size <= source.read_to:
                return False
            with source.path.open("rb") as file:
                source.identity = (status.st_dev, status.st_ino)
                return self._read_lines(source, file)
        except OSError:
            return False

    def _read_lines(self, source: _Source, file: Any) -> bool:
        batch, changed = _Batch(self), False
        file.seek(source.read_to)
        while data := file.read(_CHUNK):
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) < _LONGEST:
                    break  # its end is still to come
                end = len(data)
            for line in data[:end].splitlines():
                changed |= batch.take(line)
            source.read_to += end
            file.seek(source.read_to)
        batch.flush()
        return changed

    def read_state(self, path: Path) -> bool:
        """Take gradient norms (and whatever trainer_log.jsonl lacks) from `log_history` of a `trainer_state.json`, if it is a new one."""
        with self._reading:
            try:
                status = path.stat()
                mark = (status.st_mtime_ns, status.st_size)
                if self._state_read.get(path) == mark:
                    return False
                self._state_read[path] = mark
                history = json.loads(path.read_bytes()).get("log_history", [])
            except (OSError, ValueError, AttributeError, RecursionError):
                return False  # half written: the next look finds it whole
            found = _columns_of(history if isinstance(history, list) else [])
            new = {name: column for name, column in found.items() if name not in self._columns}
            if not new or max(c.last_step for c in new.values()) < max((c.last_step for c in self._of_state.values()), default=-1):
                return False
            self._of_state = new
            self.version += 1
            return True

    # What was read ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The series there are, the most wanted first."""
        found = {*self._columns, *self._of_state}
        return tuple(sorted(found, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)))

    def series(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps (ascending, each once) and values (NaN where the trainer wrote NaN) of `name`, read-only; empty if there is none."""
        column = self._columns.get(name) or self._of_state.get(name)
        return column.arrays() if column is not None else Column().arrays()

    def rewound(self, name: str) -> int:
        """Grows whenever points of `name` were replaced or taken back: as long as it stays, longer arrays begin as shorter ones did."""
        column = self._columns.get(name) or self._of_state.get(name)
        return column.rewound if column is not None else 0

    @property
    def timings(self) -> tuple[tuple[int, float], ...]:
        """(step, seconds since that process began) of the lines of the current process."""
        return self._timings

    @property
    def latest(self) -> Latest:
        values = {name: last for name in self.names if (last := (self._columns.get(name) or self._of_state[name]).last) is not None}
        return Latest(self._step, self._total, self._epoch, values)


class _Batch:
    """Lines on their way into the columns: taken one by one, stored many at once."""

    def __init__(self, metrics: MetricsFile) -> None:
        import msgspec

        self._metrics = metrics
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode
        self._failed = (msgspec.DecodeError, UnicodeDecodeError)
        #: (step, elapsed_time) as it was written: only the last ones are looked at.
        self._timings: list[tuple[int, object]] = []

    def take(self, line: bytes) -> bool:
        """Returns whether it was a line of the trainer."""
        if not line.strip():
            return False
        values = self._parse(line)
        step = values.get("current_steps") if values is not None else None
        if values is None or not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 1 << 62:
            self._metrics.broken += 1
            return False
        metrics = self._metrics
        if step < metrics._step:
            for column in metrics._columns.values():
                column.cut(step)
            self._timings.clear()
            metrics._timings = ()
        metrics._step = step
        total, epoch = values.get("total_steps"), values.get("epoch")
        metrics._total = total if isinstance(total, int) and 0 <= total < 1 << 62 else metrics._total
        metrics._epoch = float(epoch) if isinstance(epoch, int | float) else metrics._epoch
        self._timings.append((step, values.get("elapsed_time")))
        for name, value in values.items():
            if name not in _NO_VALUES and isinstance(value, int | float) and not isinstance(value, bool):
                if name not in metrics._columns:
                    metrics._columns[name] = Column()
                metrics._columns[name].put(step, _number(value))
        return True

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        try:
            return self._decode(line)
        except self._failed:
            pass
        try:
            values = json.loads(line)  # NaN and Infinity, which are no JSON, but which Python writes
        except (ValueError, RecursionError):
            return None
        return values if isinstance(values, dict) else None

    def _all_timings(self) -> list[tuple[int, float]]:
        """Those from before, and the new ones."""
        found = list(self._metrics._timings)
        for step, elapsed in self._timings[-_TIMINGS:]:
            seconds = parse_elapsed(elapsed) if isinstance(elapsed, str) else None
            if seconds is None:
                continue
            if found and seconds < found[-1][1]:
                found.clear()  # another process, that went on where this one ended
            if not found or step > found[-1][0]:
                found.append((step, seconds))
        return found[-_TIMINGS:]

    def flush(self) -> None:
        for column in self._metrics._columns.values():
            column.flush()
        self._metrics._timings = tuple(self._all_timings())


def parse_elapsed(text: str) -> float | None:
    """Seconds of "0:00:08" or "1 day, 2:03:04" (str of a timedelta)."""
    days, _separator, clock = text.rpartition(", ")
    try:
        hours, minutes, seconds = (int(part) for part in clock.split(":"))
        return (int(days.split()[0]) if days else 0) * 86400 + hours * 3600 + minutes * 60 + seconds
    except (ValueError, IndexError):
        return None


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _columns_of(history: list[Any]) -> dict[str, Column]:
    """The series in `log_history`."""
    columns: dict[str, Column] = {}
    for entry in history:
        step = entry.get("step") if isinstance(entry, dict) else None
        if not isinstance(step, int) or not 0 <= step < 1 << 62:
            continue
        for name, value in entry.items():
            wanted = name not in _NO_VALUES and not str(name).endswith(_NO_CURVES)
            if wanted and isinstance(value, int | float) and not isinstance(value, bool):
                known = _ALIASES.get(name, name)
                if known not in columns:
                    columns[known] = Column()
                columns[known].put(step, _number(value))
    for column in columns.values():
        column.flush()
    return columns
