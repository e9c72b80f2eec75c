"""What a run uses of its machine: CPU and memory of its whole process tree, and the GPUs it holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.processes.types import ProcessIdentity
    from core.training.gpus import Gpu, GpuReader

#: Finding a run's processes looks at all of the machine's: so often, and when one of those known is gone.
_TREE_S = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """`processes`: how many; 0 where none is alive. `cpu`: of one core, so 4 busy cores are 4.0 (None with the first sample); `cores`:
    of the machine. Memory in bytes: resident, shared pages counted for each process. `gpus`: those that the run holds, or all it may use.
    """

    processes: int = 0
    cpu: float | None = None
    cores: int = 1
    memory: int = 0
    memory_total: int = 0
    gpus: tuple[Gpu, ...] = ()
    gpu_problem: str = ""


class Resources:
    """`sample` is the newest; `look` (blocks for milliseconds) takes another."""

    def __init__(self, folder: Path, gpu_uuids: Sequence[str], gpus: GpuReader | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._uuids, self._gpus, self._clock = folder, frozenset(gpu_uuids), gpus, clock
        self._tree: tuple[ProcessIdentity, ...] = ()
        self._tree_at = float("-inf")
        #: CPU ticks used by each process when it was looked at last, and when that was.
        self._used: dict[int, int] = {}
        self._used_at = 0.0
        self.sample = Sample()

    def look(self) -> bool:
        """Take a sample. Returns whether it differs in what is shown of it."""
        now = self._clock()
        if now - self._tree_at >= _TREE_S or any(_figures(process) is None for process in self._tree):
            from core.processes.tree import tree

            self._tree, self._tree_at = tree(self._folder), now
        figures = {process.pid: found for process in self._tree if (found := _figures(process)) is not None}
        used = {pid: ticks for pid, (ticks, _pages) in figures.items()}
        cpu = None
        if self._used_at and now > self._used_at:
            cpu = sum(max(0, ticks - self._used.get(pid, ticks)) for pid, ticks in used.items()) / _TICKS / (now - self._used_at)
        self._used, self._used_at = used, now
        new = Sample(
            len(figures),
            round(cpu, 2) if cpu is not None else None,
            os.cpu_count() or 1,
            sum(pages for _ticks, pages in figures.values()) * _PAGE,
            _memory_total(),
            self._read_gpus(),
            self._gpus.problem if self._gpus is not None else "",
        )
        changed, self.sample = new != self.sample, new
        return changed

    def _read_gpus(self) -> tuple[Gpu, ...]:
        if self._gpus is None:
            return ()
        return tuple(gpu for gpu in self._gpus.read() if gpu.uuid in self._uuids)


def _figures(process: ProcessIdentity) -> tuple[int, int] | None:
    """(CPU ticks, resident pages) of a process, None if it is gone; proc(5), fields 14, 15, 22 and 24 of stat."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b") ")[2].split()
        if int(fields[19]) == process.started and fields[0] not in (b"Z", b"X"):
            return int(fields[11]) + int(fields[12]), int(fields[21])
    return None


def _memory_total() -> int:
    with suppress(ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * _PAGE
    return 0
