"""Signing in: by password and, where the account asks for one, a code; or by a public key."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.audit import Actor
from core.auth.challenges import Challenge, Challenges
from core.auth.context import AuthContext
from core.auth.names import SignInName, read_name
from core.auth.opening import Opened, open_session, signed_in
from core.auth.principal import Origin
from core.auth.second_factor import use_code
from core.auth.ssh_keys import fingerprint_of, key_data_of
from core.auth.throttle import Attempt
from core.auth.types import SignedIn
from core.errors import AccountDisabled, ChallengeEnded, CodeRefused, ModeltrainError, SecondFactorNeeded, SignInRefused
from storage.unit_of_work import UnitOfWork

#: So often a password is compared with a hash that others renewed meanwhile.
_LOOKS = 3


class SignIns:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context
        self._challenges = Challenges(context.clock, context.ids)

    async def sign_in(self, name: str, password: str, *, origin: Origin) -> SignedIn:
        context, named = self._context, read_name(name)
        # Which account is meant comes before the counting: its e-mail and its nickname are guesses at one password.
        found = await context.store.read(lambda uow: _look(uow, named))
        attempt = attempt_at(found, named, origin)
        async with context.throttle.admitted(attempt):
            outcome = await self._compare(found, password, named, attempt, origin)
        if isinstance(outcome, str):
            assert found is not None
            raise SecondFactorNeeded(self._challenges.open(found.user_id, outcome, origin))
        return await self._entered(outcome)

    async def _compare(
        self, found: Found | None, password: str, named: SignInName, attempt: Attempt, origin: Origin
    ) -> Opened | ModeltrainError | str:
        """What one guess comes to; it is settled then. The hash may be renewed meanwhile, by another sign-in with the same password."""
        context = self._context
        for _ in range(_LOOKS):
            verdict = await context.compare(attempt, password, found.password_hash if found else None)
            if found is None or not verdict.right:
                break
            outcome = await context.store.write(
                partial(self._enter, found=found, new_hash=verdict.new_hash, attempt=attempt, origin=origin)
            )
            if not isinstance(outcome, Found):
                return outcome
            found = outcome
        await context.store.write(lambda uow: self._note_failure(uow, attempt, found, named, origin))
        return SignInRefused()

    def _enter(
        self, uow: UnitOfWork, found: Found, new_hash: str | None, attempt: Attempt, origin: Origin
    ) -> Opened | ModeltrainError | Found | str:
        """The session; the hash in force where a code is asked for first; or the account with another hash, to compare with that.

        Errors are returned, not raised: what was written stays.
        """
        account = uow.users.lock(found.user_id)
        if account is None:
            self._context.throttle.failed(uow, attempt)
            return SignInRefused()
        if account.password_hash != found.password_hash:
            return _found(account)
        if account.disabled_at is not None:
            self._context.throttle.failed(uow, attempt)
            self._context.audit.note(uow, Actor.at(origin), "sign_in.refused", ("user", account.id), because="disabled")
            return AccountDisabled()
        if new_hash:
            uow.users.change(account.id, password_hash=new_hash)
        if uow.second_factors.is_enabled(account.id):
            # Neither a failure nor a success yet: the failures before it stay, codes are guesses of their own.
            self._context.throttle.withdrawn(uow, attempt)
            return new_hash or found.password_hash
        self._context.throttle.succeeded(uow, attempt)
        return open_session(self._context, uow, account, origin)

    async def answer_challenge(self, challenge: str, code: str, *, origin: Origin) -> SignedIn:
        context, waiting = self._context, self._challenges.find(challenge, origin)
        attempt = Attempt.to_sign_in(waiting.user_id, origin)
        async with context.throttle.admitted(attempt):
            left = await self._take_try(challenge, attempt)
            outcome = await context.store.write(lambda uow: self._answer(uow, waiting, code, left, attempt))
        if not isinstance(outcome, CodeRefused):
            self._challenges.close(challenge)
        return await self._entered(outcome)

    async def _take_try(self, challenge: str, attempt: Attempt) -> int:
        """How many tries the challenge has left after this one. Raises ChallengeEnded where it has none."""
        try:
            return self._challenges.take_try(challenge)
        except ChallengeEnded:
            await self._context.store.write(lambda uow: self._context.throttle.failed(uow, attempt))
            raise

    def _answer(self, uow: UnitOfWork, waiting: Challenge, code: str, left: int, attempt: Attempt) -> Opened | ModeltrainError:
        context, origin = self._context, waiting.origin
        account, subject = uow.users.lock(waiting.user_id), ("user", waiting.user_id)
        if account is None or account.password_hash != waiting.known or not uow.second_factors.is_enabled(waiting.user_id):
            context.throttle.failed(uow, attempt)
            return ChallengeEnded()  # the password or the factor was changed in the meantime: begin with what is true now
        if account.disabled_at is not None:
            context.throttle.failed(uow, attempt)
            context.audit.note(uow, Actor.at(origin), "sign_in.refused", subject, because="disabled")
            return AccountDisabled()
        used = use_code(uow, account.id, code, context.clock.now_ms())
        if not used:
            context.audit.note(uow, Actor.at(origin), "sign_in.failed", subject, email=account.email, kind=origin.kind, method="code")
            context.throttle.failed(uow, attempt)
            self._note_lock(uow, attempt, subject, account.email, origin)
            return CodeRefused(tries_left=left)
        context.throttle.succeeded(uow, attempt)
        if used == "recovery":
            left = uow.second_factors.codes_left(account.id)
            context.audit.note(uow, Actor(account.id, account.nickname, origin.address), "second_factor.code_used", subject, left=left)
        return open_session(context, uow, account, origin, method=f"{used}_code")

    async def _entered(self, outcome: Opened | ModeltrainError) -> SignedIn:
        if not isinstance(outcome, Opened):
            raise outcome
        return await signed_in(self._context, outcome)

    def _note_failure(self, uow: UnitOfWork, attempt: Attempt, found: Found | None, named: SignInName, origin: Origin) -> None:
        """What was typed is written down only if it has the form of an e-mail: people type passwords into the wrong field."""
        subject, email = ("user", found.user_id if found else ""), found.email if found else named.email
        self._context.audit.note(uow, Actor.at(origin), "sign_in.failed", subject, email=email, kind=origin.kind)
        self._context.throttle.failed(uow, attempt)
        self._note_lock(uow, attempt, subject, email, origin)

    def _note_lock(self, uow: UnitOfWork, attempt: Attempt, subject: tuple[str, str], email: str, origin: Origin) -> None:
        if self._context.throttle.has_locked(uow, attempt):
            seconds = self._context.settings.auth.lock_s
            self._context.audit.note(uow, Actor.at(origin), "sign_in.locked", subject, email=email, seconds=seconds)

    async def key_holder(self, name: str, key_data: bytes) -> bool:
        """Locks are not asked: nobody guesses a key, and a lock that held for keys would let anybody keep an account's owner out."""
        named, fingerprint = read_name(name), fingerprint_of(key_data)

        def work(uow: UnitOfWork) -> bool:
            found = _look(uow, named)
            return found is not None and not found.disabled and _own_key(uow, found.user_id, fingerprint, key_data) is not None

        return await self._context.store.read(work)

    async def sign_in_with_key(self, name: str, key_data: bytes, *, origin: Origin) -> SignedIn:
        named, fingerprint = read_name(name), fingerprint_of(key_data)
        return await self._entered(
            await self._context.store.write(lambda uow: self._enter_with_key(uow, named, fingerprint, key_data, origin))
        )

    def _enter_with_key(
        self, uow: UnitOfWork, named: SignInName, fingerprint: str, key_data: bytes, origin: Origin
    ) -> Opened | ModeltrainError:
        """The failures of the account's password stay counted: its owner's key must not win new tries for whoever guesses."""
        context, found = self._context, _look(uow, named)
        account = uow.users.lock(found.user_id) if found is not None else None
        key = _own_key(uow, account.id, fingerprint, key_data) if account is not None else None
        if account is None or key is None:
            return SignInRefused()  # the key was removed, or the name was changed, since it was asked for
        if account.disabled_at is not None:
            context.audit.note(uow, Actor.at(origin), "sign_in.refused", ("user", account.id), because="disabled")
            return AccountDisabled()
        uow.ssh_keys.used(key.id, context.clock.now_ms())
        return open_session(context, uow, account, origin, method="key", fingerprint=fingerprint)


@dataclass(frozen=True, slots=True)
class Found:
    """The account that a name means, as it was when its hash was read."""

    user_id: str
    email: str
    password_hash: str = field(repr=False)
    disabled: bool


def attempt_at(found: Found | None, named: SignInName, origin: Origin) -> Attempt:
    """What a try is counted by. A name that nobody has never counts as an id."""
    return Attempt.to_sign_in(found.user_id if found is not None else f"nobody {named.folded}", origin)


def _look(uow: UnitOfWork, named: SignInName) -> Found | None:
    row: Any = uow.users.by_email(named.email) if named.email else uow.users.by_nickname_key(named.nickname_key)
    return _found(row) if row is not None else None


def _found(row: Any) -> Found:
    return Found(row.id, row.email, row.password_hash, row.disabled_at is not None)


def _own_key(uow: UnitOfWork, user_id: str, fingerprint: str, key_data: bytes) -> Any:
    """The account's key that is this one, byte by byte; None if it has no such key."""
    row: Any = uow.ssh_keys.by_fingerprint(fingerprint)
    return row if row is not None and row.user_id == user_id and key_data_of(row.public_key) == key_data else None
