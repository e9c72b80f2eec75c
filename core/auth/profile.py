"""One's own account: profile, preferences, password, e-mail."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from core.audit import Actor
from core.auth.context import AuthContext, profile_of, read_preferences
from core.auth.names import check_email, check_nickname, nickname_key
from core.auth.opening import Opened, end_all, open_session, signed_in
from core.auth.passwords import check_password
from core.auth.principal import Principal
from core.auth.registration import write_names
from core.auth.types import Profile, SignedIn
from core.errors import InvalidInput, NotFound, SessionEnded
from storage.unit_of_work import UnitOfWork

#: Bytes of JSON.
_PREFERENCES_LIMIT = 16 * 1024
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_THEME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Profiles:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def profile(self, principal: Principal) -> Profile:
        user_id = principal.require_user("profile.read")
        return await self._context.store.read(lambda uow: _own_profile(uow, user_id))

    async def update_profile(
        self,
        principal: Principal,
        *,
        nickname: str | None = None,
        language: str | None = None,
        theme: str | None = None,
        time_zone: str | None = None,
        preferences: Mapping[str, Any] | None = None,
    ) -> Profile:
        user_id = principal.require_user("profile.change")
        values: dict[str, Any] = {}
        if nickname is not None:
            values["nickname"] = check_nickname(nickname)
            values["nickname_key"] = nickname_key(values["nickname"])
        for name, value, check in (
            ("language", language, _is_language),
            ("theme", theme, _is_theme),
            ("time_zone", time_zone, _is_zone),
        ):
            if value is not None:
                if value and not check(value):
                    raise InvalidInput(name, "unknown", value=value[:64])
                values[name] = value

        def work(uow: UnitOfWork) -> Profile:
            self._change(uow, principal, user_id, dict(values), preferences)
            return _own_profile(uow, user_id)

        profile = await write_names(self._context, work)
        self._context.changed(user_id)
        return profile

    def _change(
        self, uow: UnitOfWork, principal: Principal, user_id: str, values: dict[str, Any], preferences: Mapping[str, Any] | None
    ) -> None:
        row = uow.users.lock(user_id)
        if row is None:
            raise SessionEnded(why="revoked")
        if "nickname" in values and uow.users.has_nickname_key(values["nickname_key"], besides=user_id):
            raise InvalidInput("nickname", "taken")
        if preferences is not None:
            values["preferences"] = _merged(read_preferences(row.preferences), preferences)
        if "nickname" in values and values["nickname"] != row.nickname:
            self._context.audit.note(
                uow, Actor.of(principal), "account.renamed", ("user", user_id), before=row.nickname, after=values["nickname"]
            )
        if values:
            uow.users.change(user_id, **values, updated_at=self._context.clock.now_ms())

    async def confirm_password(self, principal: Principal, password: str) -> None:
        await self._context.confirm(principal, password, "password")

    async def change_password(self, principal: Principal, old: str, new: str, *, stay: bool) -> SignedIn | None:
        context, user_id = self._context, principal.require_user("password.change")
        known = await context.confirm(principal, old, "old_password")
        check_password(new, field="new_password")
        if (await context.passwords.verify(new, known)).right:
            raise InvalidInput("new_password", "same_as_before")
        password_hash = await context.passwords.hash(new)

        def work(uow: UnitOfWork) -> Opened | None:
            row = uow.users.lock(user_id)
            if row is None or row.password_hash != known:
                raise InvalidInput("old_password", "wrong")  # changed while this was being hashed
            set_password(context, uow, user_id, Actor.of(principal), password_hash, must_change=False)
            return open_session(context, uow, uow.users.lock(user_id), principal.origin, settled=True) if stay else None

        opened = await context.store.write(work)
        context.changed(user_id)
        return await signed_in(context, opened) if opened is not None else None

    async def change_email(self, principal: Principal, password: str, email: str) -> Profile:
        context, user_id = self._context, principal.require_user("email.change")
        email = check_email(email)
        await context.confirm(principal, password, "password")

        def work(uow: UnitOfWork) -> Profile:
            row = uow.users.lock(user_id)
            if row is not None and row.email != email:
                if uow.users.has_email(email):
                    raise InvalidInput("email", "taken")
                uow.users.change(user_id, email=email, updated_at=context.clock.now_ms())
                context.audit.note(uow, Actor.of(principal), "account.email_changed", ("user", user_id), before=row.email, after=email)
            return _own_profile(uow, user_id)

        profile = await write_names(context, work)
        context.changed(user_id)
        return profile


def set_password(context: AuthContext, uow: UnitOfWork, user_id: str, actor: Actor, password_hash: str, *, must_change: bool) -> None:
    """A new password ends every session of the account."""
    now = context.clock.now_ms()
    uow.users.change(user_id, password_hash=password_hash, must_change_password=must_change, updated_at=now)
    context.audit.note(uow, actor, "account.password_changed", ("user", user_id), must_change=must_change)
    end_all(context, uow, user_id, actor, "password_changed")


def _own_profile(uow: UnitOfWork, user_id: str) -> Profile:
    row = uow.users.get(user_id)
    if row is None:
        raise NotFound(kind="user", reference=user_id)
    return profile_of(row)


def _merged(before: dict[str, Any], changes: Mapping[str, Any]) -> str:
    """JSON of the preferences with `changes`; a value of None takes its name away. Raises InvalidInput (field preferences)."""
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    try:
        text = json.dumps(after, ensure_ascii=False, allow_nan=False, sort_keys=True)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("preferences", "not_json") from error
    if size > _PREFERENCES_LIMIT:
        raise InvalidInput("preferences", "too_long", max=_PREFERENCES_LIMIT)
    return text


def _is_language(value: str) -> bool:
    return len(value) <= 16 and _LANGUAGE.fullmatch(value) is not None


def _is_theme(value: str) -> bool:
    return len(value) <= 40 and _THEME.fullmatch(value) is not None


def _is_zone(value: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return len(value) <= 64
