"""The GPUs of this machine, by UUID, read through NVIDIA's library. Where there is no driver there are none, and that is no error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from threading import Lock
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


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


class NvmlReader:
    """Through NVIDIA's management library, which is loaded with the first reading. Safe in several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._library: Any = None
        self._gone = ""

    @property
    def problem(self) -> str:
        return self._gone

    def read(self) -> tuple[Gpu, ...]:
        with self._lock:
            try:
                library = self._opened()
                count = library.nvmlDeviceGetCount()
                found = tuple(_gpu(library, index) for index in range(count))
            except Exception as error:  # the library raises kinds of its own, and OSError where a file of it is missing
                self._close()
                self._gone = "" if _no_driver(error) else f"{type(error).__name__}: {error}"[:200]
                return ()
            self._gone = ""
            return found

    def _opened(self) -> Any:
        if self._library is None:
            library = import_module("pynvml")  # it has no types
            library.nvmlInit()
            self._library = library
        return self._library

    def _close(self) -> None:
        """The next reading begins anew: a driver that was upgraded answers no more."""
        library, self._library = self._library, None
        if library is not None:
            with contextlib.suppress(Exception):
                library.nvmlShutdown()


def _no_driver(error: Exception) -> bool:
    """Whether it means that there is no NVIDIA driver here at all."""
    return type(error).__name__ in {"NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded", "ModuleNotFoundError"}


def _gpu(library: Any, index: int) -> Gpu:
    handle = library.nvmlDeviceGetHandleByIndex(index)
    memory = library.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        uuid=_text(library.nvmlDeviceGetUUID(handle)),
        index=index,
        name=_text(library.nvmlDeviceGetName(handle)),
        memory_total=int(memory.total),
        memory_used=int(memory.used),
        utilisation=_told(lambda: int(library.nvmlDeviceGetUtilizationRates(handle).gpu)),
        temperature=_told(lambda: int(library.nvmlDeviceGetTemperature(handle, library.NVML_TEMPERATURE_GPU))),
        pids=_told(lambda: tuple(sorted(int(each.pid) for each in library.nvmlDeviceGetComputeRunningProcesses(handle)))) or (),
    )


def _told(ask: Callable[[], T]) -> T | None:
    """What the GPU answers, None where this kind of it does not."""
    try:
        return ask()
    except Exception:
        return None


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
