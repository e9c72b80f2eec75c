"""Leases: of all processes with services one does a thing (starts runs, works on batches). When it dies, the next takes over at once."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from core.clock import Clock
from core.persistence import Store
from core.processes.looking import boot_id, identity_of

NAME = "runs"
#: So long a holder is believed that cannot be looked at (another machine, another container); it is renewed at half of it.
TTL_S = 30.0


@dataclass(frozen=True, slots=True)
class Self:
    """A process, told so that another one can say whether it lives. `space`: its PID namespace; pids of another one mean nothing."""

    machine: str
    boot: str
    space: str
    pid: int
    started: int


@cache
def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            if found := Path(path).read_text().strip():
                return found
        except OSError:
            continue
    return socket.gethostname()


def this_process() -> Self:
    own = identity_of(os.getpid())
    return Self(_machine(), boot_id(), _space(), os.getpid(), own.started if own is not None else 0)


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  (it is no path)
    except OSError:
        return ""


def is_dead(process: str) -> bool:
    """Whether the process of that description is known to be gone. False where that cannot be known."""
    try:
        found = Self(**json.loads(process))
    except (ValueError, TypeError):
        return False
    if found.machine != _machine():
        return False
    if found.boot != boot_id():
        return True  # the machine was started anew since
    if found.space != _space():
        return False
    living = identity_of(found.pid)
    return living is None or living.started != found.started


class Lease:
    """One holder's view. `name`: what it is a lease on."""

    def __init__(self, store: Store, clock: Clock, holder: str, *, name: str = NAME, ttl_s: float = TTL_S) -> None:
        self._store = store
        self._clock = clock
        self._holder = holder
        self._name = name
        self._ttl_ms = round(ttl_s * 1000)
        self._until = 0

    async def take(self) -> bool:
        """Whether it is ours now. Writes only where it must be taken or renewed."""
        now = self._clock.now_ms()
        row = await self._store.read(
            lambda uow: (found.holder, found.process, found.expires_at) if (found := uow.leases.get(self._name)) else None
        )
        dead = None
        if row is not None and row[0]:
            holder, process, until = row
            if holder == self._holder:
                if self._ttl_ms / 2 < until - now <= self._ttl_ms:
                    return True
            elif until > now:
                # Nobody is given more than the whole time: then the clock was set back, and the holder, if it lives, lost nothing by it.
                if until - now <= max(self._ttl_ms, TTL_S * 1000) and not is_dead(process):
                    return False
                dead = holder
        told = json.dumps(asdict(this_process()))
        until = now + self._ttl_ms
        return await self._store.write(
            lambda uow: uow.leases.take(self._name, self._holder, process=told, moment=now, until=until, dead=dead)
        )

    async def give_back(self) -> None:
        await self._store.write(lambda uow: uow.leases.give_back(self._name, self._holder))
