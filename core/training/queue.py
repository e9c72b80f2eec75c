"""Who starts next, and why the others wait. Pure: what there is comes in, decisions come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.training.slots import CPU, Offer, SlotWish, choose
from core.training.types import WaitReason

#: What this machine cannot fulfil however long it is waited for: nothing is kept for it.
NEVER = frozenset({"gpu_missing", "too_many_gpus"})


#: ms; nothing waits longer for its start to be tried again. What seems to was put off before the clock was set back.
LONGEST_MS = 300_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pending run, as far as the order matters. `not_before`: ms; a start that failed is not tried again before."""

    id: str
    owner_id: str
    name: str
    wish: SlotWish
    not_before: int = 0
    problem: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holder:
    """A run or service that holds slots. `owner_id` "" where it is nobody's in particular."""

    id: str
    owner_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Situation:
    """`at_work`: runs at work of each account. `environment`: "" if it is ready, else its state. `now`: ms. `holders`: by their id.

    `disk_lack`: (bytes free, bytes that must be) where the disk is too full to begin anything, else None.
    """

    there: Offer
    at_work: Mapping[str, int]
    limit: int
    paused: bool = False
    environment: str = ""
    disk_lack: tuple[int, int] | None = None
    now: int = 0
    holders: Mapping[str, Holder] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`slots` to start with; or the reason to wait."""

    run_id: str
    slots: tuple[str, ...] | None
    reason: WaitReason | None


def decide(queue: Sequence[Waiting], situation: Situation) -> tuple[Decision, ...]:
    """A decision for each of the queue, which is in its order.

    A run that must wait for GPUs keeps those that are free, and nobody behind it takes them: else a big one would wait for ever. A run
    that waits for something else (its owner's limit, a start that failed) keeps nothing.
    """
    state = _State(situation)
    return tuple(state.decide(each) for each in queue)


class _State:
    """What was decided so far."""

    def __init__(self, situation: Situation) -> None:
        self._now = situation
        self._running = Counter(dict(situation.at_work))
        self._given: dict[str, Holder] = {}
        self._kept: set[str] = set()
        self._before: list[Waiting] = []

    def decide(self, run: Waiting) -> Decision:
        reason = self._general(run)
        if reason is not None:
            return Decision(run.id, None, reason)
        slots = choose(run.wish, self._now.there, self._kept | set(self._given))
        if slots is None:
            reason = self._lack(run)
            if reason.code not in NEVER:
                self._keep(run)
                self._before.append(run)
            return Decision(run.id, None, reason)
        self._running[run.owner_id] += 1
        self._given.update(dict.fromkeys(slots, Holder(run.id, run.owner_id, run.name)))
        return Decision(run.id, slots, None)

    def _general(self, run: Waiting) -> WaitReason | None:
        """What is in the way whatever is free."""
        now = self._now
        if now.paused:
            return WaitReason("paused")
        if now.now < run.not_before <= now.now + LONGEST_MS:
            return WaitReason("not_startable", run.problem)
        if now.environment:
            return WaitReason("environment", {"state": now.environment})
        if now.disk_lack:
            return WaitReason("disk", {"free": now.disk_lack[0], "needed": now.disk_lack[1]})
        if self._running[run.owner_id] >= now.limit:
            return WaitReason("limit", {"limit": now.limit, "running": self._running[run.owner_id]})
        return None

    def _keep(self, run: Waiting) -> None:
        if run.wish.uuids:
            self._kept.update(run.wish.uuids)
        elif not self._now.there.gpus or not run.wish.size:
            self._kept.add(CPU)
        else:
            self._kept.update(gpu.uuid for gpu in self._now.there.free)

    def _lack(self, run: Waiting) -> WaitReason:
        there, wish = self._now.there, run.wish
        held = {**{slot: self._holder(holder) for slot, holder in there.held.items()}, **self._given}
        known = {gpu.uuid: gpu for gpu in there.gpus}
        if not known or not wish.size:
            return self._earlier({CPU}) or WaitReason("cpu_busy", {"holders": _named(held, {CPU: "cpu"})})
        if missing := next((uuid for uuid in wish.uuids if uuid not in known), ""):
            return WaitReason("gpu_missing", {"uuid": missing})
        if wish.size > len(known):
            return WaitReason("too_many_gpus", {"wanted": wish.size, "total": len(known)})
        wanted = set(wish.uuids) or set(known)
        free = [gpu.uuid for gpu in there.free if gpu.uuid not in self._given]
        counted = {"wanted": wish.size, "free": len(free), "total": len(known)}
        holders = _named({slot: held[slot] for slot in held if slot in wanted}, {uuid: str(known[uuid].index) for uuid in known})
        if (len(free) >= wish.size or not holders) and (earlier := self._earlier(wanted)):
            return earlier
        if not holders:
            pids = sorted({pid for uuid, found in there.foreign.items() if uuid in wanted for pid in found})
            return WaitReason("gpu_busy", {**counted, "pids": pids})
        return WaitReason("no_gpu", {**counted, "holders": holders})

    def _earlier(self, wanted: set[str]) -> WaitReason | None:
        """Somebody before it keeps what it wants."""
        if not self._before or not wanted & self._kept:
            return None
        first = self._before[0]
        return WaitReason("earlier", {"ahead": len(self._before), "run_id": first.id, "name": first.name, "owner_id": first.owner_id})

    def _holder(self, holder_id: str) -> Holder:
        return self._now.holders.get(holder_id, Holder(holder_id, "", ""))


def _named(held: Mapping[str, Holder], gpus: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"run_id": holder.id, "name": holder.name, "owner_id": holder.owner_id, "gpu": gpus[slot]}
        for slot, holder in sorted(held.items())
        if slot in gpus
    ]
