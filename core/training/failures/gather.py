"""Reads the evidence of an attempt: the ends of its files, never the whole of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.training.failures.types import Evidence, Exit

#: Bytes that are read of the log's end and beginning, and of the metrics' end.
TAIL, HEAD, METRICS = 256 << 10, 256 << 10, 512 << 10
_SMALL = 1 << 20


def gather(
    folder: Path,
    *,
    kind: str = "train",
    exit: Exit | None = None,  # noqa: A002 - the word of the evidence
    options: Mapping[str, Any] | None = None,
    environment_versions: Mapping[str, str] | None = None,
    stopped_by_us: bool = False,
    gpus: int = 0,
    output: Path | None = None,
) -> Evidence:
    """The evidence of an attempt in `folder` (log.txt, run.yaml, output/trainer_log.jsonl, output/trainer_state.json).

    `output`: the output folder where it is another one, as of an attempt that went on with that of the one before. `options`: what
    run.yaml says, read from the folder where not given. Blocks for a few file reads; what is not there is left out.
    Never raises.
    """
    head, tail, offset = _ends(folder / "log.txt")
    output = output or folder / "output"
    _nothing, metrics, start = _ends(output / "trainer_log.jsonl", tail=METRICS, head=0)
    return Evidence(
        folder=folder,
        kind=kind,
        exit=exit,
        log_tail=tail,
        metrics_tail=_whole_lines(metrics, start),
        oom_killed=_killed_for_memory(folder),
        disk_free=_free(folder),
        log_tail_offset=offset,
        log_head=head,
        options=options if options is not None else _options(folder / "run.yaml"),
        environment_versions=environment_versions or {},
        stopped_by_us=stopped_by_us,
        gpus=gpus,
        steps=_steps(output / "trainer_state.json"),
    )


def _ends(path: Path, *, tail: int = TAIL, head: int = HEAD) -> tuple[bytes, bytes, int]:
    """(head, tail, where the tail begins). A hole in the middle costs nothing: only the ends are read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b"", b"", 0
    try:
        size = os.fstat(handle).st_size
        start = max(0, size - tail)
        return os.pread(handle, min(head, start), 0), os.pread(handle, tail, start), start
    except OSError:
        return b"", b"", 0
    finally:
        os.close(handle)


def _whole_lines(data: bytes, start: int) -> bytes:
    """Without the piece of a line that a tail may begin with."""
    return data[data.find(b"\n") + 1 :] if start else data


def _small_file(path: Path) -> bytes:
    head, tail, start = _ends(path, tail=_SMALL, head=0)
    return b"" if start else head + tail


def _options(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        value = yaml.safe_load(_small_file(path))
    except yaml.YAMLError:
        return {}
    return value if isinstance(value, dict) else {}


def _steps(path: Path) -> tuple[int, int] | None:
    """`global_step` and `max_steps`. The file grows with the history, so it is read up to a limit that a long run may pass: then None."""
    _head, data, start = _ends(path, tail=16 << 20, head=0)
    if start or not data:
        return None
    try:
        value = json.loads(data)
        return int(value["global_step"]), int(value["max_steps"])
    except (ValueError, KeyError, TypeError):
        return None


def _free(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _killed_for_memory(folder: Path) -> bool | None:
    """Whether the job's control group lost a process for memory while it ran: the shim counts before and after (core/processes/shim.py)."""
    try:
        found = json.loads(_small_file(folder / "exit.json") or b"{}").get("oom_killed")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, bool) else None
