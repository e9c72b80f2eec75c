"""What the parts of Accounts share: storage, time, hashing, counting, tokens, the audit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from core.audit import Audit
from core.auth.passwords import Passwords, Verdict
from core.auth.principal import Origin, Principal, Role
from core.auth.throttle import Attempt, Throttle
from core.auth.tokens import AccessTokens
from core.auth.types import Profile
from core.clock import Clock, Identifiers, from_ms, from_ms_or_none
from core.errors import InvalidInput, TooManyAttempts
from core.events import AccountChanged, EventBus
from core.persistence import Store
from core.settings import Settings

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
REGISTRATION = "registration.open"
#: Made once, with the first administrator, in the same unit of work: of many who try at once, one succeeds.
FIRST_ADMIN = "accounts.first_admin"


@dataclass(frozen=True)
class AuthContext:
    """One for each Accounts; nothing in it is known to other processes."""

    store: Store
    settings: Settings
    clock: Clock
    ids: Identifiers
    events: EventBus
    audit: Audit
    passwords: Passwords
    throttle: Throttle
    tokens: AccessTokens

    @classmethod
    def build(cls, store: Store, settings: Settings, clock: Clock, ids: Identifiers, events: EventBus) -> AuthContext:
        limits = settings.auth
        return cls(
            *(store, settings, clock, ids, events, Audit(clock, ids), Passwords(limits)),
            throttle=Throttle(store, limits, clock),
            tokens=AccessTokens(store, clock, ids, limits.access_token_s),
        )

    def principal(self, row: Any, session_id: str, origin: Origin, *, served: bool = False) -> Principal:
        """Who an account's row is. `session_id` is "" for --as in the shell. `served`: the session came over SSH."""
        served = served or self.settings.served
        return Principal(row.id, row.nickname, row.email, Role(row.role), session_id, origin, served)

    def changed(self, user_id: str) -> None:
        """Tell this process that the account is not what it was."""
        self.events.publish(AccountChanged(user_id))

    async def compare(self, attempt: Attempt, password: str, known: str | None) -> Verdict:
        """Look at one guess that was admitted: compare with the hash `known`. The same work is done where there is none.

        Raises TooManyAttempts where too many hashes wait (that guess is not counted).
        """
        try:
            return await self.passwords.verify(password, known)
        except TooManyAttempts:
            await self.store.write(lambda uow: self.throttle.withdrawn(uow, attempt))
            raise

    async def confirm(self, principal: Principal, password: str, field: str) -> str:
        """The hash in force, if the password is the principal's own. Raises InvalidInput (wrong) or TooManyAttempts."""
        user_id = principal.require_user("password.confirm")
        attempt = Attempt.to_confirm(user_id)
        async with self.throttle.admitted(attempt):
            known = await self.store.read(lambda uow: str(row.password_hash) if (row := uow.users.get(user_id)) else None)
            verdict = await self.compare(attempt, password, known)
            if known is None or not verdict.right:
                await self.store.write(lambda uow: self.throttle.failed(uow, attempt))
                raise InvalidInput(field, "wrong")
            await self.store.write(lambda uow: self.throttle.succeeded(uow, attempt))
        return known


def is_identifier(text: str) -> bool:
    """Whether `text` can be an id of ours. What cannot is not asked of the database: not every one takes every character."""
    return _IDENTIFIER.fullmatch(text) is not None


def profile_of(row: Any) -> Profile:
    return Profile(
        user_id=row.id,
        email=row.email,
        nickname=row.nickname,
        role=Role(row.role),
        language=row.language,
        theme=row.theme,
        time_zone=row.time_zone,
        preferences=read_preferences(row.preferences),
        created_at=from_ms(row.created_at),
        last_sign_in_at=from_ms_or_none(row.last_sign_in_at),
        last_sign_in_from=row.last_sign_in_from,
        default_configuration_id=row.default_configuration_id,
        disabled=row.disabled_at is not None,
        must_change_password=row.must_change_password,
    )


def read_preferences(text: str) -> dict[str, Any]:
    """The preferences of an account; {} where they were damaged: nobody must be kept out by them."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
