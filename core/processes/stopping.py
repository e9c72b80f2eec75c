"""Ending a job so that nothing of it is left, and asking it for a checkpoint."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from core.processes.looking import PROC, is_alive, look
from core.processes.tree import Member, members
from core.processes.types import ProcessIdentity, Stopped

#: Seconds between two looks, and that each further step gets once everything was killed.
LOOK_S = 0.1
LAST_S = 10.0


async def stop(folder: Path, *, grace_s: float = 10.0) -> Stopped:
    """SIGTERM to every process of the job, after `grace_s` SIGKILL, looking again each time for new ones, until none is left.

    The shim is let be until it has written down how the program ended.
    """
    clock = asyncio.get_running_loop().time
    asked: set[ProcessIdentity] = set()
    killed: set[ProcessIdentity] = set()
    begun = clock()
    while True:
        shim, others = await asyncio.to_thread(_parts, folder)
        if not others and (shim is None or clock() > begun + grace_s + 2 * LAST_S):
            break
        late = clock() > begun + grace_s
        for each in others:
            if late and each not in killed:
                _send(each, signal.SIGKILL)
                killed.add(each)
            elif not late and each not in asked:
                _send(each, signal.SIGTERM)
                asked.add(each)
        if clock() > begun + grace_s + 3 * LAST_S:
            break  # one that cannot be killed: it hangs in the kernel
        await asyncio.sleep(LOOK_S)
    if shim is not None:
        _send(shim, signal.SIGKILL)
        killed.add(shim)
        await asyncio.sleep(LOOK_S)
    left = await asyncio.to_thread(members, folder)
    return Stopped(not left, tuple(member.identity.pid for member in left), len(killed))


async def ready_to_save(folder: Path) -> bool:
    """Whether every worker catches SIGTERM, as it does once the trainer is built; before that SIGTERM would just end it."""
    return await asyncio.to_thread(_ready, folder)


async def ask_to_save(folder: Path) -> int:
    """SIGTERM to the workers only, never to launcher or shim: each saves and ends. How many were asked; 0 if one is not ready."""
    return await asyncio.to_thread(_ask, folder)


def _ready(folder: Path) -> bool:
    found = workers(folder)
    return bool(found) and all(catches(each.pid, signal.SIGTERM) for each in found)


def _ask(folder: Path) -> int:
    if not _ready(folder):
        return 0
    found = workers(folder)
    for each in found:
        _send(each, signal.SIGTERM)
    return len(found)


def workers(folder: Path) -> tuple[ProcessIdentity, ...]:
    """The processes that train: torchrun's workers, or the program itself. Loaders of data that they forked are none."""
    found = members(folder)
    ranked = {member.identity.pid: member for member in found if member.is_worker}
    top = tuple(member.identity for member in ranked.values() if member.parent not in ranked)
    if top:
        return top
    child = look(folder).child
    return (child,) if child is not None and is_alive(child) else ()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for the signal (/proc/<pid>/status, SigCgt)."""
    try:
        text = (PROC / str(pid) / "status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in text.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def _parts(folder: Path) -> tuple[ProcessIdentity | None, tuple[ProcessIdentity, ...]]:
    """The shim if it lives, and every other process of the job."""
    shim, found = look(folder).shim, members(folder)
    alive = shim if is_alive(shim) else None
    return alive, _others(found, alive)


def _others(found: Iterable[Member], shim: ProcessIdentity | None) -> tuple[ProcessIdentity, ...]:
    return tuple(member.identity for member in found if member.identity != shim)


def _send(identity: ProcessIdentity, number: signal.Signals) -> None:
    """Signal that very process: the descriptor is opened first, then it is asked who it is, so a reused pid is never hit."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(identity.pid)
        try:
            if is_alive(identity):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
