"""The second factor of an account: setting it up, its recovery codes, turning it off; and whether a code is right."""

from __future__ import annotations

from typing import Any

from core.audit import Actor
from core.auth.administration import account_named
from core.auth.context import AuthContext
from core.auth.one_time import (
    RECOVERY_CODES,
    WINDOW,
    hash_recovery,
    matching_step,
    new_recovery_code,
    new_secret,
    read_code,
    step_at,
    uri_of,
)
from core.auth.principal import Principal
from core.auth.types import Enrolment, SecondFactor
from core.clock import from_ms_or_none
from core.errors import Conflict, InvalidInput, NotFound, SessionEnded
from core.settings import MINUTE
from storage.crypto import identity
from storage.unit_of_work import UnitOfWork

#: So long a secret that was shown waits for the code that confirms it.
_SET_UP_MS = 30 * MINUTE * 1000


class SecondFactors:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def state(self, principal: Principal) -> SecondFactor:
        user_id = principal.require_user("second_factor.read")

        def work(uow: UnitOfWork) -> SecondFactor:
            row = uow.second_factors.of(user_id)
            if row is None or row.enabled_at is None:
                return SecondFactor(False, None, 0)
            return SecondFactor(True, from_ms_or_none(row.enabled_at), uow.second_factors.codes_left(user_id))

        return await self._context.store.read(work)

    async def begin(self, principal: Principal, password: str) -> Enrolment:
        context, user_id = self._context, principal.require_user("second_factor.begin")
        await context.confirm(principal, password, "password")
        secret = new_secret(context.ids.random_bytes)

        def work(uow: UnitOfWork) -> str:
            account = _locked(uow, user_id)
            if uow.second_factors.is_enabled(user_id):
                raise Conflict(what="second_factor")
            uow.second_factors.remove(user_id)
            sealed = uow.secrets.seal(secret, _identity(user_id))
            uow.second_factors.add(user_id=user_id, secret=sealed, created_at=context.clock.now_ms(), enabled_at=None, last_step=0)
            return str(account.email)

        return Enrolment(secret, uri_of(secret, await context.store.write(work)))

    async def confirm(self, principal: Principal, code: str) -> tuple[str, ...]:
        context, user_id = self._context, principal.require_user("second_factor.confirm")
        one_time, _ = read_code(code)

        def work(uow: UnitOfWork) -> tuple[str, ...]:
            _locked(uow, user_id)
            row, now = uow.second_factors.of(user_id), context.clock.now_ms()
            if row is not None and row.enabled_at is not None:
                raise Conflict(what="second_factor")
            if row is None or now - row.created_at > _SET_UP_MS:
                raise NotFound(kind="enrolment", reference="")
            secret = uow.secrets.open(row.secret, _identity(user_id))
            step = matching_step(secret, one_time, now) if one_time else None
            if step is None or not uow.second_factors.use_step(user_id, step, step_at(now) + WINDOW):
                raise InvalidInput("code", "wrong_code")
            uow.second_factors.enable(user_id, now)
            context.audit.note(uow, Actor.of(principal), "second_factor.enabled", ("user", user_id))
            return self._new_codes(uow, user_id, secret)

        codes = await context.store.write(work)
        context.changed(user_id)
        return codes

    async def renew_codes(self, principal: Principal, password: str) -> tuple[str, ...]:
        context, user_id = self._context, principal.require_user("second_factor.renew")
        await context.confirm(principal, password, "password")

        def work(uow: UnitOfWork) -> tuple[str, ...]:
            _locked(uow, user_id)
            row = uow.second_factors.of(user_id)
            if row is None or row.enabled_at is None:
                raise NotFound(kind="second_factor", reference="")
            uow.second_factors.remove_codes(user_id)
            context.audit.note(uow, Actor.of(principal), "second_factor.codes_renewed", ("user", user_id))
            return self._new_codes(uow, user_id, uow.secrets.open(row.secret, _identity(user_id)))

        return await context.store.write(work)

    async def end(self, principal: Principal, password: str) -> None:
        context, user_id = self._context, principal.require_user("second_factor.end")
        await context.confirm(principal, password, "password")

        def work(uow: UnitOfWork) -> None:
            _locked(uow, user_id)
            self._remove(uow, Actor.of(principal), user_id)

        await context.store.write(work)
        context.changed(user_id)

    async def reset(self, principal: Principal, email: str) -> bool:
        principal.require_admin("second_factor.reset")
        context = self._context

        def work(uow: UnitOfWork) -> tuple[str, bool]:
            user_id = str(account_named(uow, email).id)
            _locked(uow, user_id)
            return user_id, self._remove(uow, Actor.of(principal), user_id)

        user_id, removed = await context.store.write(work)
        context.changed(user_id)
        return removed

    def _remove(self, uow: UnitOfWork, actor: Actor, user_id: str) -> bool:
        enabled = uow.second_factors.is_enabled(user_id)
        uow.second_factors.remove(user_id)
        if enabled:
            self._context.audit.note(uow, actor, "second_factor.disabled", ("user", user_id))
        return enabled

    def _new_codes(self, uow: UnitOfWork, user_id: str, secret: str) -> tuple[str, ...]:
        ids, now = self._context.ids, self._context.clock.now_ms()
        codes = tuple(new_recovery_code(ids.random_bytes) for _ in range(RECOVERY_CODES))
        for code in codes:
            row = {"id": ids.new(), "user_id": user_id, "code_hash": hash_recovery(secret, code), "created_at": now, "used_at": None}
            uow.second_factors.add_code(**row)
        return codes


def use_code(uow: UnitOfWork, user_id: str, typed: str, now_ms: int) -> str:
    """Use up what was typed at sign-in: "one_time" or "recovery" for what it was, "" if it is wrong or was used before.

    Raises NotFound where the account has no second factor any more.
    """
    row = uow.second_factors.of(user_id)
    if row is None or row.enabled_at is None:
        raise NotFound(kind="second_factor", reference="")
    one_time, recovery = read_code(typed)
    secret = uow.secrets.open(row.secret, _identity(user_id))
    if one_time:
        step = matching_step(secret, one_time, now_ms)
        right = step is not None and uow.second_factors.use_step(user_id, step, step_at(now_ms) + WINDOW)
        return "one_time" if right else ""
    if recovery and uow.second_factors.use_code(user_id, hash_recovery(secret, recovery), now_ms):
        return "recovery"
    return ""


def _locked(uow: UnitOfWork, user_id: str) -> Any:
    account = uow.users.lock(user_id)
    if account is None:
        raise SessionEnded(why="revoked")
    return account


def _identity(user_id: str) -> str:
    return identity("second_factors", user_id, "secret")
