"""Passwords: their rules and strength, and their hashes (bcrypt_sha256), computed in a few threads of their own and never on the loop."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.errors import InvalidInput, TooManyAttempts
from core.settings import AuthSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
PASSWORD_MIN, PASSWORD_MAX = 8, 1024
#: Guesses, in bits: below the first a password is weak, from the second on it is strong.
_MEDIUM_BITS, _STRONG_BITS = 35.0, 45.0
#: So many hashes may wait for a thread; with more, sign-in asks to come back. A hash of cost 12 takes about a quarter of a second.
_WAITING_MAX = 256
_SECONDS_A_HASH = 0.25
_GENERATED_LENGTH = 16
_GENERATED_WITHOUT = frozenset("0O1lI")  # they look alike in many fonts


@dataclass(frozen=True, slots=True)
class Strength:
    """`problems`: the rules that the password breaks (see `problems_of`); with any, `level` is weak. `score`: 0 to 1, for a meter."""

    level: Literal["weak", "medium", "strong"]
    problems: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password was right, and then a new hash if the old one was made at another cost."""

    right: bool
    new_hash: str | None = field(default=None, repr=False)


def normalise(password: str) -> str:
    """The password in NFKC, so that it is the same from every keyboard and terminal (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def problems_of(password: str) -> tuple[str, ...]:
    """The rules that the password breaks: too_short, too_long, no_letter, no_digit, control_characters."""
    if len(password) > PASSWORD_MAX:
        return ("too_long",)
    password = normalise(password)
    problems = []
    if len(password) < PASSWORD_MIN:
        problems.append("too_short")
    if len(password) > PASSWORD_MAX:
        problems.append("too_long")
    if not any(character.isalpha() for character in password):
        problems.append("no_letter")
    if not any(character.isdecimal() for character in password):
        problems.append("no_digit")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        problems.append("control_characters")
    return tuple(problems)


def check_password(password: str, *, field: str = "password") -> None:
    """Raise InvalidInput with the first rule that the password breaks."""
    for rule in problems_of(password):
        limits = {"too_short": {"min": PASSWORD_MIN}, "too_long": {"max": PASSWORD_MAX}}
        raise InvalidInput(field, rule, **limits.get(rule, {}))


def strength(password: str, *, hints: Iterable[str] = ()) -> Strength:
    """For the meter beside the field, at every key. `hints`: the owner's e-mail and nickname, which make poor passwords."""
    from core.auth.strength import guess_bits

    problems = problems_of(password)
    if "too_long" in problems:
        return Strength("weak", problems, 0.0)
    bits = guess_bits(normalise(password), hints)
    score = min(1.0, bits / (_STRONG_BITS * 1.25))
    if problems or bits < _MEDIUM_BITS:
        return Strength("weak", problems, min(score, _MEDIUM_BITS / (_STRONG_BITS * 1.25)))
    return Strength("strong" if bits >= _STRONG_BITS else "medium", problems, score)


def generate_password() -> str:
    """A random password that keeps the rules and is strong, of letters and digits that cannot be taken for one another."""
    import string

    alphabet = [character for character in string.ascii_letters + string.digits if character not in _GENERATED_WITHOUT]
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(_GENERATED_LENGTH))
        if strength(password).level == "strong":  # one in ten thousand has words or repeats in it by chance
            return password


class Passwords:
    """Hashes and verifies in a bounded pool. `verified` counts the hashes computed to verify: equal for known and unknown accounts."""

    def __init__(self, settings: AuthSettings) -> None:
        self._cost = settings.bcrypt_cost
        self._threads = settings.hashing_threads
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="hashing")
        self._lock = threading.Lock()
        self._dummy = ""
        self._waiting = 0
        self.verified = 0

    async def hash(self, password: str) -> str:
        """The hash of a password that keeps the rules."""
        return await self._compute(lambda: str(self._scheme().hash(normalise(password))))

    async def verify(self, password: str, known: str | None) -> Verdict:
        """Compare with the hash `known`; with None the same work is done, and the answer is no."""
        return await self._compute(lambda: self._verify(password, known))

    def close(self) -> None:
        """Let go of the threads; what has not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _compute(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise TooManyAttempts(retry_after_s=max(1, math.ceil(self._waiting * _SECONDS_A_HASH / self._threads)))
        self._waiting += 1
        try:
            future: Future[T] = self._pool.submit(work)
        except BaseException:
            self._waiting -= 1
            raise
        loop = asyncio.get_running_loop()
        # A caller that went away does not take its hash out of the queue's count: the thread is still busy with it.
        wrapped = asyncio.wrap_future(future, loop=loop)
        wrapped.add_done_callback(self._done)
        return await asyncio.shield(wrapped)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()

    def _verify(self, password: str, known: str | None) -> Verdict:
        # Measured before NFKC, so that it costs no time, and after it: one character may become eighteen, and passlib has a limit.
        plain = normalise(password) if len(password) <= PASSWORD_MAX else None
        acceptable = plain is not None and len(plain) <= PASSWORD_MAX and not any("\ud800" <= character <= "\udfff" for character in plain)
        with self._lock:
            self.verified += 1
        right = self._scheme().verify(plain if acceptable else "-", known or self._dummy_hash())
        if not (right and acceptable and known):
            return Verdict(False)
        return Verdict(True, str(self._scheme().hash(plain)) if self._scheme().needs_update(known) else None)

    def _dummy_hash(self) -> str:
        """A hash that no password has, at today's cost: random bytes in its form, so that making it takes no time of its own."""
        from passlib.utils.binary import bcrypt64

        if not self._dummy:
            encode: Callable[[bytes], bytes] = bcrypt64.encode_bytes
            salt, digest = (encode(secrets.token_bytes(size)).decode() for size in (16, 23))
            self._dummy = f"$bcrypt-sha256$v=2,t=2b,r={self._cost}${salt}${digest}"
        return self._dummy

    def _scheme(self) -> Any:
        return _bcrypt_sha256().using(rounds=self._cost)


_importing = threading.Lock()


def _bcrypt_sha256() -> Any:
    """passlib's scheme. It takes 50 ms to import, so not before the first password; and two threads at once would fail to."""
    with _importing:
        from passlib.handlers.bcrypt import bcrypt_sha256

        scheme: Any = bcrypt_sha256
        scheme.get_backend()  # chosen once, also under the lock
    return scheme
