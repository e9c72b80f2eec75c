"""What is counted of the tries at one account or from one address (A5), as plain values; core/auth/throttle.py keeps them.

A try that goes on is a failure from its beginning, until it is taken back. Until it is settled it is under way: nobody knows yet whether
it leaves room for others, who may wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.settings import MINUTE, AuthSettings

_WINDOW_MS = MINUTE * 1000
#: A try that is not settled after so many milliseconds will never be: its process died. It was a failure.
_UNDER_WAY_MS = MINUTE * 1000


@dataclass(frozen=True, slots=True)
class Counter:
    """One account's or address's tries; moments in milliseconds. `locked_until` is 0 while it is open.

    `failures` includes the `under_way` tries, which count as such until the moment `under_way_until`; `failed_at`: the last real failure.
    """

    window_started_at: int
    attempts: int = 0
    failures: int = 0
    locked_until: int = 0
    updated_at: int = 0
    under_way: int = 0
    under_way_until: int = 0
    failed_at: int = 0


def current(counter: Counter, now: int, lock_ms: int) -> Counter:
    """The counter with what time has settled. A clock that went back shortens a wait to at most the usual one, never prolongs it."""
    if not 0 <= now - counter.window_started_at < _WINDOW_MS:
        counter = replace(counter, window_started_at=now, attempts=0)
    # Twice: the clocks of two machines on one database are not quite the same.
    if counter.under_way and not 0 < counter.under_way_until - now <= 2 * _UNDER_WAY_MS:
        counter = replace(counter, under_way=0, failed_at=min(now, counter.under_way_until))
    if counter.locked_until > now + lock_ms:
        counter = replace(counter, locked_until=now + lock_ms)
    if 0 < counter.locked_until <= now:
        return replace(counter, failures=0, under_way=0, locked_until=0)
    if not counter.locked_until and now - counter.failed_at >= lock_ms:
        return replace(counter, failures=counter.under_way)
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


def may_open(counter: Counter, now: int, limits: AuthSettings) -> bool:
    """Whether there would be room for one more try if those under way succeeded."""
    counter = current(counter, now, limits.lock_s * 1000)
    return (
        counter.under_way > 0
        and counter.failures - counter.under_way < limits.failures_to_lock
        and counter.attempts - counter.under_way < limits.attempts_a_minute
    )


def is_locked(counter: Counter, now: int, limits: AuthSettings) -> bool:
    """Whether real failures have locked it; those under way have not failed yet."""
    counter = current(counter, now, limits.lock_s * 1000)
    return counter.locked_until > now and counter.failures - counter.under_way >= limits.failures_to_lock


def blame(counter: Counter, now: int, limits: AuthSettings) -> Counter:
    """The counter of a try that goes on: a failure until it is taken back, and a locked counter if it was the last one allowed."""
    failures, lock_ms = counter.failures + 1, limits.lock_s * 1000
    return replace(
        counter,
        failures=failures,
        locked_until=now + lock_ms if failures >= limits.failures_to_lock else 0,
        under_way=counter.under_way + 1,
        under_way_until=now + min(_UNDER_WAY_MS, lock_ms),
    )


def fail(counter: Counter, now: int) -> Counter:
    """The counter once one of its tries was wrong: what it was blamed for stays."""
    return replace(counter, under_way=max(0, counter.under_way - 1), failed_at=now)


def take_back(counter: Counter, limits: AuthSettings) -> Counter:
    """The counter without one of its tries, which was no guess: it succeeded, or was never looked at."""
    failures = max(0, counter.failures - 1)
    locked = counter.locked_until if failures >= limits.failures_to_lock else 0
    left = {"attempts": max(0, counter.attempts - 1), "under_way": max(0, counter.under_way - 1)}
    return replace(counter, failures=failures, locked_until=locked, **left)


def forget(counter: Counter) -> Counter:
    """The counter of an account after its owner signed in: the other tries under way are all that is left of it."""
    others = max(0, counter.under_way - 1)
    return replace(counter, attempts=others, failures=others, under_way=others, locked_until=0)
