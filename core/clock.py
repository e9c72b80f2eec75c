"""Time and randomness, passed in so that tests need no sleep and no luck."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, as stored."""
    return round(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    """The aware UTC datetime of stored milliseconds."""
    return datetime.fromtimestamp(value / 1000, UTC)


def from_ms_or_none(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


@dataclass(frozen=True)
class Clock:
    """`wall` gives seconds since the epoch, `monotonic` seconds that never go back."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall(), UTC)

    def now_ms(self) -> int:
        return round(self.wall() * 1000)


_TAIL_BITS = 74  # of the 128: 48 of time, 4 of version, 12 + 62 of tail, 2 of variant


@dataclass(frozen=True)
class Identifiers:
    """Makes identifiers: UUID version 7 (RFC 9562) as 32 hex digits. Each is greater than the one this object made before.

    So rows made in the same millisecond, or after the clock went back, still sort by the order in which they were made (RFC 9562,
    6.2, method 2: the random tail is incremented by a random amount). Safe in several threads.
    """

    clock: Clock = field(default_factory=Clock)
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    _last: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def new(self) -> str:
        stamp = self.clock.now_ms() & ((1 << 48) - 1)
        random = int.from_bytes(self.random_bytes(10), "big")
        wanted = (stamp << _TAIL_BITS) | (random & ((1 << _TAIL_BITS) - 1))
        with self._lock:
            value = wanted if wanted > self._last[0] else self._last[0] + 1 + (random & 0xFFFF_FFFF)
            self._last[0] = value
        stamp, tail = value >> _TAIL_BITS, value & ((1 << _TAIL_BITS) - 1)
        high = (stamp << 16) | 0x7000 | (tail >> 62)
        low = (0b10 << 62) | (tail & ((1 << 62) - 1))
        return f"{(high << 64) | low:032x}"

    def token(self, size: int = 32) -> str:
        """A random secret of `size` bytes as URL-safe text without padding."""
        import base64

        return base64.urlsafe_b64encode(self.random_bytes(size)).rstrip(b"=").decode()
