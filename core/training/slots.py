"""Who holds which GPU. A GPU is given to one run or service at a time, by its UUID; where there is none, runs take turns on the CPU."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.training.gpus import Gpu

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: The slot of runs without a GPU.
CPU = "cpu:0"


@dataclass(frozen=True, slots=True)
class SlotWish:
    """`count` GPUs, whichever are free; or exactly those of `uuids`."""

    count: int = 1
    uuids: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.uuids) or self.count


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is at this moment. `foreign`: pids of programs that are not ours, by the GPU they compute on."""

    gpus: tuple[Gpu, ...]
    held: Mapping[str, str]
    foreign: Mapping[str, tuple[int, ...]]

    @property
    def free(self) -> tuple[Gpu, ...]:
        """Those that nobody holds and nobody else computes on, the emptiest first."""
        found = [gpu for gpu in self.gpus if gpu.uuid not in self.held and gpu.uuid not in self.foreign]
        return tuple(sorted(found, key=lambda gpu: (gpu.memory_used, gpu.index)))


def offer(gpus: Sequence[Gpu], held: Mapping[str, str]) -> Offer:
    """A GPU that one of ours holds is not called foreign, whatever computes on it."""
    return Offer(tuple(gpus), dict(held), {gpu.uuid: gpu.pids for gpu in gpus if gpu.pids and gpu.uuid not in held})


def choose(wish: SlotWish, there: Offer, taken: Collection[str] = ()) -> tuple[str, ...] | None:
    """The slots that fulfil the wish, None where they are not free now. `taken`: kept for somebody else.

    Somebody who names a GPU gets it although another program computes on it: who says so knows why.
    """
    if not there.gpus or not wish.size:
        return None if CPU in there.held or CPU in taken else (CPU,)
    if wish.uuids:
        known = {gpu.uuid for gpu in there.gpus}
        free = all(uuid in known and uuid not in there.held and uuid not in taken for uuid in wish.uuids)
        return wish.uuids if free else None
    free_ones = [gpu.uuid for gpu in there.free if gpu.uuid not in taken]
    return tuple(free_ones[: wish.count]) if len(free_ones) >= wish.count else None


def hold(uow: UnitOfWork, holder: str, wish: SlotWish, gpus: Sequence[Gpu], *, moment: int) -> tuple[str, ...] | None:
    """Hold what fulfils the wish, inside a unit of work; None where it is not free. `holder`: the id of a run or a service.

    Of two that ask for one GPU at once, in whatever processes, one gets it.
    """
    chosen = choose(wish, offer(gpus, uow.slots.all()))
    return chosen if chosen is not None and uow.slots.hold(holder, chosen, moment=moment) else None


def release(uow: UnitOfWork, holder: str) -> int:
    """Let go of everything that `holder` holds; how many that was."""
    return uow.slots.release(holder)


def gpus_of(slots: Iterable[str]) -> tuple[str, ...]:
    """The UUIDs among slots."""
    return tuple(slot for slot in slots if slot != CPU)


def ghosts(gpus: Iterable[Gpu], slots: Collection[str]) -> tuple[int, ...]:
    """Pids that still have memory on those GPUs although there is no such process any more: the driver has not cleared up yet."""
    pids = {pid for gpu in gpus if gpu.uuid in slots for pid in gpu.pids}
    return tuple(sorted(pid for pid in pids if not Path(f"/proc/{pid}").exists()))
