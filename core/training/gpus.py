"""The GPUs of this machine, by UUID, read through NVIDIA's library. Where there is no driver there are none, and that is no error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Gpu:
    """Memory in bytes, `utilisation` in percent, `temperature` in degrees Celsius (None where the GPU does not tell).

    `pids`: processes that compute on it, of whomever; empty in a container that does not show them.
    """

    uuid: str
    index: int
    name: str
    memory_total: int
    memory_used: int
    utilisation: int | None = None
    temperature: int | None = None
    pids: tuple[int, ...] = ()


class GpuReader(Protocol):
    """`read` blocks for some milliseconds and never raises; `problem` says why the last one found none ("" : there are none)."""

    @property
    def problem(self) -> str: ...

    def read(self) -> tuple[Gpu, ...]: ...


class NoGpus:
    """A machine without."""

    problem = ""

    def read(self) -> tuple[Gpu, ...]:
        return ()
