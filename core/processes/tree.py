"""Every process of a job. torchrun's workers are in process groups of their own, and their launcher may be gone: the marker finds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.processes.looking import PROC, boot_id, job_id, look, stat_fields
from core.processes.types import MARKER, ProcessIdentity


@dataclass(frozen=True, slots=True)
class Member:
    """`is_worker`: it carries LOCAL_RANK, as torchrun gives it to each of its workers."""

    identity: ProcessIdentity
    parent: int
    is_worker: bool


def marker_of(folder: Path) -> str:
    """The marker's value: as written down, else as `launch` makes it."""
    return job_id(folder) or hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:32]


def tree(folder: Path) -> tuple[ProcessIdentity, ...]:
    """The processes of the job that live: the shim, the program, whatever they started, and orphans of it. Blocks for milliseconds."""
    return tuple(member.identity for member in members(folder))


def members(folder: Path) -> tuple[Member, ...]:
    """As `tree`, with what is known of each."""
    state, wanted = look(folder), f"{MARKER}={marker_of(folder)}".encode()
    alive = _alive()
    known = {each.pid for each in (state.shim, state.child) if each is not None and alive.get(each.pid, (0, 0))[1] == each.started}
    if any(each is not None and each.boot_id != boot_id() for each in (state.shim, state.child)):
        known.clear()
    environments = {pid: _environment(pid) for pid in alive}
    known |= {pid for pid, found in environments.items() if wanted in found}
    known |= _below(known, {pid: parent for pid, (parent, _started) in alive.items()})
    return tuple(
        Member(ProcessIdentity(pid, alive[pid][1], boot_id()), alive[pid][0], any(e.startswith(b"LOCAL_RANK=") for e in environments[pid]))
        for pid in sorted(known)
    )


def _alive() -> dict[int, tuple[int, int]]:
    """(parent, start) by pid, zombies left out."""
    found = {}
    for name in os.listdir(PROC):  # noqa: PTH208  (names of all processes, many times)
        if name.isdigit() and (fields := stat_fields(int(name))) is not None and fields[0] not in "ZX":
            found[int(name)] = (int(fields[1]), int(fields[19]))
    return found


def _environment(pid: int) -> frozenset[bytes]:
    try:
        return frozenset((PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return frozenset()  # somebody else's, or gone


def _below(roots: Iterable[int], parents: dict[int, int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        new = [pid for pid in children.get(todo.pop(), ()) if pid not in found]
        found.update(new)
        todo.extend(new)
    return found
