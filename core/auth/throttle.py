"""Guarding sign-in against guessing (A5): attempts a minute and failures in a row, for each account and each address.

An attempt is counted, and counted as a failure, *before* the password is hashed; a success takes that back. So the limits hold however
many tries arrive at once, and a try that dies half-way counts. The counters of one try are read and written in one transaction that holds
their rows, the account's before the address's.

Many people behind one address may sign in at once. A try for which the others under way leave no room waits until they are settled: it
goes on when enough of them succeeded, and is refused when they failed. So no more guesses are looked at than if they came one by one.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from core.auth.counters import Counter, blame, count, fail, forget, is_locked, may_open, take_back
from core.auth.lines import PATIENCE_S, Lines
from core.auth.principal import Origin
from core.clock import Clock
from core.errors import TooManyAttempts
from core.persistence import Store
from core.settings import AuthSettings
from storage.unit_of_work import UnitOfWork


def counter_key(kind: str, value: str) -> str:
    """The key of a counter; what is counted is not readable from it."""
    return f"{kind}:{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()}"


def network_of(address: str) -> str:
    """What is counted as one address: an IPv4 address, or the /64 that one subscriber of IPv6 has to himself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
        return str(parsed.ipv4_mapped)
    return str(parsed)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The counters of one try, in the order in which they are locked. `account` is "" where only the address counts.

    `guess`: it is a failure until it succeeds; else only attempts a minute are counted.
    """

    account: str
    address: str = ""
    guess: bool = True

    @classmethod
    def to_sign_in(cls, account: str, origin: Origin) -> Attempt:
        """`account`: its id, whatever name was typed, or that name, folded, where there is no such account (core/auth/sign_in.py).

        A local terminal has no address.
        """
        return cls(counter_key("account", account), counter_key("address", network_of(origin.address)) if origin.address else "")

    @classmethod
    def to_register(cls, origin: Origin) -> Attempt:
        return cls("", counter_key("register", network_of(origin.address)) if origin.address else "", guess=False)

    @classmethod
    def to_learn_names(cls, origin: Origin) -> Attempt:
        """Asking whether a name is free, before anybody is known: the answer tells who has an account."""
        return cls("", counter_key("names", network_of(origin.address)) if origin.address else "", guess=False)

    @classmethod
    def to_confirm(cls, user_id: str) -> Attempt:
        """Typing one's password again while signed in: guessed by whoever found the terminal open."""
        return cls(counter_key("confirm", user_id))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key in (self.account, self.address) if key)


class Throttle:
    """Counts tries in the database, so that every process counts together. `patience_s`: how long a try waits for others, in seconds."""

    def __init__(self, store: Store, limits: AuthSettings, clock: Clock, *, patience_s: float = PATIENCE_S) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._lines = Lines(patience_s)

    @asynccontextmanager
    async def admitted(self, attempt: Attempt) -> AsyncIterator[None]:
        """A guess, from its count to its end: what is inside writes `succeeded`, `failed` or `withdrawn`. Raises as `admit`."""
        await self.admit(attempt)
        try:
            yield
        finally:
            self._lines.settled(attempt.keys)

    async def admit(self, attempt: Attempt) -> None:
        """Count a try, as soon as it is known whether there is room for it.

        Raises TooManyAttempts (retry_after_s, whole seconds) for one that must not be looked at.
        """
        if not attempt.keys:
            return
        line = attempt.keys[-1]
        if line in self._lines or await self._look(attempt) is not None:
            await self._lines.wait(line, lambda: self._look(attempt))

    async def _look(self, attempt: Attempt) -> str | None:
        """None once the try is let in; else the counter that has no room for it as long as the tries under way are not settled."""
        wait_ms, waits_for = await self._store.write(lambda uow: self._count(uow, attempt))
        if wait_ms > 0 and waits_for is None:
            raise TooManyAttempts(retry_after_s=math.ceil(wait_ms / 1000))
        return waits_for

    def succeeded(self, uow: UnitOfWork, attempt: Attempt) -> None:
        """The try was right: forget the account's failures, and take the try back from the address."""
        for key in attempt.keys:
            counter = self._held(uow, key)
            self._set(uow, key, forget(counter) if key == attempt.account else take_back(counter, self._limits))

    def failed(self, uow: UnitOfWork, attempt: Attempt) -> None:
        """The try was wrong: what was counted stays."""
        for key in attempt.keys:
            self._set(uow, key, fail(self._held(uow, key), self._clock.now_ms()))

    def withdrawn(self, uow: UnitOfWork, attempt: Attempt) -> None:
        """The try was never looked at: it was no guess."""
        for key in attempt.keys:
            self._set(uow, key, take_back(self._held(uow, key), self._limits))

    def has_locked(self, uow: UnitOfWork, attempt: Attempt) -> bool:
        """Whether the account or the address is locked now."""
        return any(is_locked(self._held(uow, key), self._clock.now_ms(), self._limits) for key in attempt.keys)

    def _count(self, uow: UnitOfWork, attempt: Attempt) -> tuple[int, str | None]:
        """The milliseconds to wait, 0 for a try that goes on; and the counter to wait for, where others are still under way."""
        held = {key: self._held(uow, key) for key in attempt.keys}
        now = self._clock.now_ms()  # not before: while we waited for the rows, others counted at later moments
        counted = {key: count(counter, now, self._limits) for key, counter in held.items()}
        full = [key for key, (_, wait) in counted.items() if wait]
        if attempt.guess and full and all(may_open(held[key], now, self._limits) for key in full):
            return counted[full[-1]][1], full[-1]
        for key, (counter, _) in counted.items():
            # A try that a locked account turns away is no failure of its address: nothing was guessed.
            to_blame = attempt.guess and not full
            self._set(uow, key, blame(counter, now, self._limits) if to_blame else counter)
        return max(wait for _, wait in counted.values()), None

    def _set(self, uow: UnitOfWork, key: str, counter: Counter) -> None:
        uow.sign_ins.set_counter(key, **asdict(counter))

    def _held(self, uow: UnitOfWork, key: str) -> Counter:
        return _counter(uow.sign_ins.hold_counter(key, self._clock.now_ms()))


def _counter(row: Any) -> Counter:
    return Counter(
        *(row.window_started_at, row.attempts, row.failures, row.locked_until, row.updated_at),
        *(row.under_way, row.under_way_until, row.failed_at),
    )
