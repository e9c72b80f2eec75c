"""Accounts of others, for administrators and for the operator in the shell."""

from __future__ import annotations

from typing import Any

from core.audit import Actor
from core.auth.context import FIRST_ADMIN, AuthContext, profile_of
from core.auth.names import fold_email
from core.auth.opening import end_all
from core.auth.passwords import check_password
from core.auth.principal import Principal, Role
from core.auth.profile import set_password
from core.auth.registration import add_account, draft_account, write_names
from core.auth.types import Profile
from core.errors import AccountDisabled, Conflict, Forbidden, InvalidInput, NotFound
from storage.unit_of_work import UnitOfWork


class Administration:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def add_user(self, principal: Principal, email: str, nickname: str, password: str, *, admin: bool, must_change: bool) -> Profile:
        principal.require_admin("user.add")
        context, role = self._context, Role.ADMIN if admin else Role.USER
        draft = await draft_account(context, email, nickname, password, role, must_change=must_change)

        def work(uow: UnitOfWork) -> Profile:
            if admin:
                uow.settings.get_or_put(FIRST_ADMIN, "true", moment=context.clock.now_ms())
            add_account(context, uow, Actor.of(principal), draft)
            return profile_of(uow.users.get(draft.id))

        return await write_names(context, work)

    async def list_users(self, principal: Principal) -> tuple[Profile, ...]:
        principal.require_admin("user.list")
        return await self._context.store.read(lambda uow: tuple(profile_of(row) for row in uow.users.listed()))

    async def set_role(self, principal: Principal, email: str, role: Role) -> Profile:
        principal.require_admin("user.role")
        context = self._context
        try:
            role = Role(role)
        except ValueError:
            raise InvalidInput("role", "unknown", value=str(role)[:16]) from None

        def work(uow: UnitOfWork) -> Profile:
            row = account_named(uow, email)
            if row.role != role.value:
                if role is Role.ADMIN:
                    uow.settings.get_or_put(FIRST_ADMIN, "true", moment=context.clock.now_ms())
                else:
                    _keep_an_admin(uow, row)
                uow.users.change(row.id, role=role.value, updated_at=context.clock.now_ms())
                context.audit.note(uow, Actor.of(principal), "account.role_changed", ("user", row.id), before=row.role, after=role.value)
            return profile_of(uow.users.get(row.id))

        return self._told(await context.store.write(work))

    async def set_disabled(self, principal: Principal, email: str, disabled: bool) -> Profile:
        principal.require_admin("user.disable")
        context = self._context

        def work(uow: UnitOfWork) -> Profile:
            row, now, actor = account_named(uow, email), context.clock.now_ms(), Actor.of(principal)
            if (row.disabled_at is not None) != disabled:
                if disabled:
                    _keep_an_admin(uow, row)
                uow.users.change(row.id, disabled_at=now if disabled else None, updated_at=now)
                context.audit.note(uow, actor, "account.disabled" if disabled else "account.enabled", ("user", row.id))
            if disabled:
                end_all(context, uow, row.id, actor, "disabled")
            return profile_of(uow.users.get(row.id))

        return self._told(await context.store.write(work))

    async def set_password(self, principal: Principal, email: str, password: str, *, must_change: bool) -> Profile:
        principal.require_admin("user.password")
        context = self._context
        check_password(password)
        await context.store.read(lambda uow: account_named(uow, email).id)  # an unknown account costs no hash
        password_hash = await context.passwords.hash(password)

        def work(uow: UnitOfWork) -> Profile:
            row = account_named(uow, email)
            set_password(context, uow, row.id, Actor.of(principal), password_hash, must_change=must_change)
            return profile_of(uow.users.get(row.id))

        return self._told(await context.store.write(work))

    async def principal_for(self, operator: Principal, email: str) -> Principal:
        if not operator.is_operator:
            raise Forbidden(action="user.act_as")

        def work(uow: UnitOfWork) -> Principal:
            row = account_named(uow, email)
            if row.disabled_at is not None:
                raise AccountDisabled
            return self._context.principal(row, "", operator.origin)

        return await self._context.store.read(work)

    def _told(self, profile: Profile) -> Profile:
        self._context.changed(profile.user_id)
        return profile


def account_named(uow: UnitOfWork, email: str) -> Any:
    """The account's row. Raises NotFound."""
    row = uow.users.by_email(fold_email(email))
    if row is None:
        raise NotFound(kind="user", reference=email[:254])
    return row


def _keep_an_admin(uow: UnitOfWork, row: Any) -> None:
    """Raise Conflict (last_admin) if nobody enabled would be left to administer. Locks the administrators: two of them cannot
    demote each other at once.
    """
    admins = uow.users.lock_enabled(Role.ADMIN.value)
    if row.id in admins and len(admins) == 1:
        raise Conflict(what="last_admin")
