"""Time and randomness, passed in so that tests need no sleep and no luck."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


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


@dataclass(frozen=True)
class Identifiers:
    """Makes identifiers: UUID version 7 (RFC 9562) as 32 hex digits, so that they sort by the time they were made."""

    clock: Clock = field(default_factory=Clock)
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

    def new(self) -> str:
        stamp = self.clock.now_ms() & ((1 << 48) - 1)
        tail = int.from_bytes(self.random_bytes(10), "big")
        high = (stamp << 16) | 0x7000 | (tail >> 68)
        low = (0b10 << 62) | (tail & ((1 << 62) - 1))
        return f"{(high << 64) | low:032x}"

    def token(self, size: int = 32) -> str:
        """A random secret of `size` bytes as URL-safe text without padding."""
        import base64

        return base64.urlsafe_b64encode(self.random_bytes(size)).rstrip(b"=").decode()
