"""The metric files of an experiment: `logs/<folder>/<n>.log`, JSON lines of index and value, read as they grow.

SwanLab writes up to 1,000 steps into each, appends, and writes a file anew (under another inode) when a step is logged twice.
"""

from __future__ import annotations

import json
import os
import re
from array import array
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from core.swanlab.types import MetricSummary, Series

#: Bytes read at a time; a line that is longer is no number and is left out.
CHUNK: Final = 1 << 20
#: Bytes at the start of a file by which one that was written anew is told.
_START: Final = 256
_LARGEST: Final = (1 << 63) - 1
_LOWEST_IS_BEST: Final = frozenset({"loss", "perplexity", "ppl", "error", "wer", "cer"})
_HIGHEST_IS_BEST: Final = frozenset({"accuracy", "acc", "reward", "rewards", "f1", "bleu", "rouge", "margins", "precision", "recall"})


@dataclass
class _File:
    """How far a file was read. `inode`, `start`: a file that was written anew is another one, also where the inode is used again."""

    inode: int = 0
    offset: int = 0
    start: bytes = b""
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    broken: int = 0


class MetricReader:
    """One metric of one experiment. `read` costs what was added since."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._series: Series | None = None

    def read(self) -> Series:
        """All that is there now. Whoever deletes files meanwhile leaves less, never an error."""
        before = [(name, file.inode, file.offset) for name, file in self._files.items()]
        self._files = {name: _grow(self._folder / name, self._files.get(name) or _File()) for name in _names(self._folder)}
        if self._series is None or before != [(name, file.inode, file.offset) for name, file in self._files.items()]:
            self._series = self._joined()
        return self._series

    def _joined(self) -> Series:
        import numpy as np

        files = list(self._files.values())
        steps = np.concatenate([np.frombuffer(file.steps.tobytes(), dtype=np.int64) for file in files] or [np.empty(0, np.int64)])
        values = np.concatenate([np.frombuffer(file.values.tobytes(), dtype=np.float64) for file in files] or [np.empty(0, np.float64)])
        broken = sum(file.broken for file in files)
        if len(steps) > 1 and not bool((steps[1:] > steps[:-1]).all()):
            order = np.argsort(steps, kind="stable")
            steps, values = steps[order], values[order]
            last = np.append(steps[1:] != steps[:-1], True)  # of a step that is there twice, the later line counts
            steps, values = steps[last], values[last]
        return Series(self._name, steps, values, broken)


def _names(folder: Path) -> list[str]:
    """The metric files in the order of their numbers (by name, 10000.log would come before 2000.log)."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if entry.name.endswith(".log") and entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return sorted((name for name in found if name[:-4].isascii() and name[:-4].isdigit()), key=lambda name: int(name[:-4][:18]))


def _grow(path: Path, file: _File) -> _File:
    """Read what was added to `path`: `file` itself, or another where it was written anew."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return file
    with os.fdopen(descriptor, "rb") as reader:
        info = os.fstat(descriptor)
        start = os.pread(descriptor, _START, 0)
        if file.offset and (info.st_ino != file.inode or info.st_size < file.offset or not start.startswith(file.start)):
            file = _File()
        if info.st_size != file.offset:
            file.inode, file.start = info.st_ino, start[: start.find(b"\n") + 1]
            reader.seek(file.offset)
            _read_lines(reader, file)
    return file


def _read_lines(reader: BinaryIO, file: _File) -> None:
    while chunk := reader.read(CHUNK):
        end = chunk.rfind(b"\n") + 1
        if end:
            _decode(chunk[:end], file)
        elif len(chunk) < CHUNK:
            return  # a line that is still being written
        else:
            file.broken += 1
            end = len(chunk) + _to_line_end(reader)
        file.offset += end
        reader.seek(file.offset)


def _to_line_end(reader: BinaryIO) -> int:
    """How many bytes are left of a line that is too long."""
    passed = 0
    while chunk := reader.read(CHUNK):
        found = chunk.find(b"\n")
        if found >= 0:
            return passed + found + 1
        passed += len(chunk)
    return passed


def _decode(block: bytes, file: _File) -> None:
    import msgspec

    try:
        lines = _decoder().decode_lines(block)
        steps, values = array("q", [line.index for line in lines]), array("d", [line.data for line in lines])
    except (msgspec.DecodeError, OverflowError, UnicodeDecodeError):
        # NaN and infinities are no JSON, and a line may be broken: one by one.
        for line in block.splitlines():
            _decode_one(line, file)
        return
    file.steps.extend(steps)
    file.values.extend(values)


@cache
def _decoder() -> Any:
    import msgspec

    return msgspec.json.Decoder(msgspec.defstruct("Line", [("index", int), ("data", float)], gc=False))


def _decode_one(line: bytes, file: _File) -> None:
    if not line.strip():
        return
    try:
        found = json.loads(line)
        step, value = found["index"], found["data"]
        if isinstance(step, bool) or isinstance(value, bool) or not isinstance(step, int) or not isinstance(value, (int, float)):
            raise TypeError
        if not -_LARGEST <= step <= _LARGEST:
            raise OverflowError
        number = float(value)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        file.broken += 1
        return
    file.steps.append(step)
    file.values.append(number)


def direction(name: str) -> int:
    """-1 where the lowest value of a metric is its best, 1 where the highest is, 0 where neither can be told from its name."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    if words & _LOWEST_IS_BEST:
        return -1
    return 1 if words & _HIGHEST_IS_BEST else 0


def summarise(series: Series) -> MetricSummary:
    """The figures of a metric. Of equal values the first is the best."""
    import numpy as np

    finite = np.isfinite(series.values)
    values, steps = series.values[finite], series.steps[finite]
    towards = direction(series.name)
    at = None if not len(values) or not towards else int(values.argmin() if towards < 0 else values.argmax())
    return MetricSummary(
        series.name,
        len(series.steps),
        last=float(series.values[-1]) if len(series.values) else None,
        last_step=int(series.steps[-1]) if len(series.steps) else None,
        best=None if at is None else float(values[at]),
        best_step=None if at is None else int(steps[at]),
        lowest=float(values.min()) if len(values) else None,
        highest=float(values.max()) if len(values) else None,
        broken=series.broken,
    )
