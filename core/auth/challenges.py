"""Sign-ins that wait for their second factor. In the memory of this process: a sign-in goes on where it began."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.auth.principal import Origin
from core.clock import Clock, Identifiers
from core.errors import ChallengeEnded
from core.settings import MINUTE

LIFETIME_S = 2 * MINUTE
TRIES = 5
#: So many wait at once; with more, the oldest begin anew. Each costs a right password.
_WAITING_MAX = 1000


@dataclass(frozen=True, slots=True)
class Challenge:
    """A sign-in whose password was right. `known`: the hash it was compared with; `until`: seconds of the clock that never goes back."""

    user_id: str
    known: str = field(repr=False)
    origin: Origin
    until: float
    tries_left: int = TRIES


class Challenges:
    """Keeps them by a random text that only whoever typed the password was given."""

    def __init__(self, clock: Clock, ids: Identifiers) -> None:
        self._clock = clock
        self._ids = ids
        self._waiting: dict[str, Challenge] = {}

    def open(self, user_id: str, known: str, origin: Origin) -> str:
        """The text of a new challenge."""
        self._tidy()
        text = self._ids.token()
        self._waiting[text] = Challenge(user_id, known, origin, self._clock.monotonic() + LIFETIME_S)
        return text

    def find(self, text: str, origin: Origin) -> Challenge:
        """Raises ChallengeEnded for one that is over, or that somebody answers from elsewhere."""
        self._tidy()
        challenge = self._waiting.get(text)
        if challenge is None or challenge.origin != origin:
            raise ChallengeEnded
        return challenge

    def take_try(self, text: str) -> int:
        """Count a try, before the code is looked at, and return how many are left. Raises ChallengeEnded where none was."""
        challenge = self._waiting.get(text)
        if challenge is None:
            raise ChallengeEnded
        left = challenge.tries_left - 1
        if left <= 0:
            del self._waiting[text]
        else:
            self._waiting[text] = replace(challenge, tries_left=left)
        return left

    def close(self, text: str) -> None:
        """It was answered, or cannot be any more."""
        self._waiting.pop(text, None)

    def _tidy(self) -> None:
        now = self._clock.monotonic()
        for text in [text for text, challenge in self._waiting.items() if challenge.until <= now]:
            del self._waiting[text]
        while len(self._waiting) >= _WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
