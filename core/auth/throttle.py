"""Guarding sign-in against guessing (A5): attempts a minute and failures in a row, for each account and each address.

An attempt is counted, and counted as a failure, *before* the password is hashed; a success takes that back. So the limits hold however
many tries arrive at once, and a try that dies half-way counts. The counters of one try are read and written in one transaction that holds
their rows, the account's before the address's.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.auth.principal import Origin
from core.clock import Clock
from core.errors import TooManyAttempts
from core.persistence import Store
from core.settings import MINUTE, AuthSettings
from storage.unit_of_work import UnitOfWork

_WINDOW_MS = MINUTE * 1000


@dataclass(frozen=True, slots=True)
class Counter:
    """One account's or address's tries; moments in milliseconds. `locked_until` is 0 while it is open."""

    window_started_at: int
    attempts: int = 0
    failures: int = 0
    locked_until: int = 0
    updated_at: int = 0


def current(counter: Counter, now: int, lock_ms: int) -> Counter:
    """The counter with what time has settled. A clock that went back shortens a wait to at most the usual one, never prolongs it."""
    if not 0 <= now - counter.window_started_at < _WINDOW_MS:
        counter = replace(counter, window_started_at=now, attempts=0)
    if counter.locked_until > now + lock_ms:
        counter = replace(counter, locked_until=now + lock_ms)
    if 0 < counter.locked_until <= now or (not counter.locked_until and now - counter.updated_at >= lock_ms):
        counter = replace(counter, failures=0, locked_until=0)
    return counter


def count(counter: Counter, now: int, limits: AuthSettings) -> tuple[Counter, int]:
    """The counter after one more try at `now`, and the milliseconds to wait: 0 if this counter lets the try go on."""
    counter = current(counter, now, limits.lock_s * 1000)
    counter = replace(counter, attempts=counter.attempts + 1, updated_at=now)
    if counter.locked_until:
        return counter, counter.locked_until - now
    if counter.attempts > limits.attempts_a_minute:
        return counter, counter.window_started_at + _WINDOW_MS - now
    return counter, 0


def blame(counter: Counter, now: int, limits: AuthSettings) -> Counter:
    """The counter of a try that goes on: a failure until it is taken back, and a locked counter if it was the last one allowed."""
    failures = counter.failures + 1
    locked = now + limits.lock_s * 1000 if failures >= limits.failures_to_lock else 0
    return replace(counter, failures=failures, locked_until=locked)


def take_back(counter: Counter, limits: AuthSettings) -> Counter:
    """The counter without one of its tries, which was no guess: it succeeded, or was never looked at."""
    failures = max(0, counter.failures - 1)
    locked = counter.locked_until if failures >= limits.failures_to_lock else 0
    return replace(counter, attempts=max(0, counter.attempts - 1), failures=failures, locked_until=locked)


def forget(counter: Counter) -> Counter:
    """The counter of an account after its owner signed in."""
    return replace(counter, attempts=0, failures=0, locked_until=0)


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
    def to_confirm(cls, user_id: str) -> Attempt:
        """Typing one's password again while signed in: guessed by whoever found the terminal open."""
        return cls(counter_key("confirm", user_id))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key in (self.account, self.address) if key)


class Throttle:
    """Counts tries in the database, so that every process counts together."""

    def __init__(self, store: Store, limits: AuthSettings, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock

    async def admit(self, attempt: Attempt) -> None:
        """Count a try. Raises TooManyAttempts (retry_after_s, whole seconds) for one that must not be looked at."""
        if not attempt.keys:
            return
        wait_ms = await self._store.write(lambda uow: self._count(uow, attempt))
        if wait_ms > 0:
            raise TooManyAttempts(retry_after_s=math.ceil(wait_ms / 1000))

    def succeeded(self, uow: UnitOfWork, attempt: Attempt) -> None:
        """The try was right: forget the account's failures, and take the try back from the address."""
        for key in attempt.keys:
            counter = self._held(uow, key)
            after = forget(counter) if key == attempt.account else take_back(counter, self._limits)
            uow.sign_ins.set_counter(key, **asdict(after))

    def withdrawn(self, uow: UnitOfWork, attempt: Attempt) -> None:
        """The try was never looked at: it was no guess."""
        for key in attempt.keys:
            uow.sign_ins.set_counter(key, **asdict(take_back(self._held(uow, key), self._limits)))

    def has_locked(self, uow: UnitOfWork, attempt: Attempt) -> bool:
        """Whether the account or the address is locked now."""
        return any(self._held(uow, key).locked_until > self._clock.now_ms() for key in attempt.keys)

    def is_locked(self, uow: UnitOfWork, attempt: Attempt) -> bool:
        """Whether the account or the address is locked now, in a unit of work that only reads."""
        now, lock_ms = self._clock.now_ms(), self._limits.lock_s * 1000
        return any(current(_counter(row), now, lock_ms).locked_until > now for row in uow.sign_ins.counters(attempt.keys))

    def _count(self, uow: UnitOfWork, attempt: Attempt) -> int:
        now = self._clock.now_ms()
        counted = {key: count(self._held(uow, key), now, self._limits) for key in attempt.keys}
        wait_ms = max(wait for _, wait in counted.values())
        for key, (counter, _) in counted.items():
            # A try that a locked account turns away is no failure of its address: nothing was guessed.
            to_blame = attempt.guess and not wait_ms
            uow.sign_ins.set_counter(key, **asdict(blame(counter, now, self._limits) if to_blame else counter))
        return wait_ms

    def _held(self, uow: UnitOfWork, key: str) -> Counter:
        return _counter(uow.sign_ins.hold_counter(key, self._clock.now_ms()))


def _counter(row: Any) -> Counter:
    return Counter(row.window_started_at, row.attempts, row.failures, row.locked_until, row.updated_at)
