"""Opening, checking and ending sessions, within a unit of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.audit import Actor
from core.auth.context import AuthContext
from core.auth.principal import Origin, Principal
from core.auth.tokens import new_refresh_token
from core.auth.types import SignedIn
from core.clock import from_ms_or_none
from core.settings import DAY
from storage.unit_of_work import UnitOfWork

#: How long things are kept, in milliseconds: a counter of attempts after its last change; a session that has ended after the end of
#: its last token or lease, and one that never ended (its process died); an address of an account since the last sign-in from there.
_COUNTERS_KEPT_MS = DAY * 1000
_ENDED_KEPT_MS, _LOST_KEPT_MS = DAY * 1000, 30 * DAY * 1000
_ADDRESSES_KEPT_MS = 400 * DAY * 1000


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened or went on, before its access token is made."""

    principal: Principal
    epoch: int
    refresh_token: str = field(repr=False)
    previous_sign_in: datetime | None
    previous_address: str
    new_address: bool
    must_change_password: bool


def open_session(
    context: AuthContext, uow: UnitOfWork, account: Any, origin: Origin, *, method: str = "password", settled: bool = False, **audited: Any
) -> Opened:
    """A new session for the account (its row, locked in this unit of work). The oldest terminals over the limit end.

    Over SSH it counts only once its connection says what it is (core/auth/served.py), or at once where that is known (`settled`).
    `method`: how it was proven who this is, for the audit; more for the audit by name.
    """
    served = origin.kind == "ssh" or bool(origin.address)
    counted = settled or not served
    now, session_id = context.clock.now_ms(), context.ids.new()
    uow.sign_ins.tidy_addresses(account.id, now - _ADDRESSES_KEPT_MS)
    new_address = bool(origin.address) and not uow.sign_ins.seen_at(account.id, origin.address, now) and account.last_sign_in_at is not None
    if counted and not is_shell(origin.kind, served):
        make_room(context, uow, Actor(account.id, account.nickname, origin.address), now)
    limits = context.settings.auth
    expires_at = now + (limits.served_lease_s if served else limits.refresh_token_s) * 1000
    uow.sign_ins.add_session(
        **{"id": session_id, "user_id": account.id, "epoch": account.epoch, "kind": origin.kind, "address": origin.address},
        **{"created_at": now, "last_seen_at": now, "expires_at": expires_at, "ended_because": ""},
        **{"served": served, "counted": counted},
    )
    token = "" if served else _add_token(context, uow, session_id, now, expires_at)
    uow.users.change(account.id, last_sign_in_at=now, last_sign_in_from=origin.address)
    uow.sign_ins.tidy(tokens_before=now, counters_before=now - _COUNTERS_KEPT_MS)
    uow.sign_ins.tidy_sessions(ended_before=now - _ENDED_KEPT_MS, lost_before=now - _LOST_KEPT_MS)
    actor = Actor(account.id, account.nickname, origin.address)
    details = {"kind": origin.kind, "method": method, "new_address": new_address}
    context.audit.note(uow, actor, "sign_in.succeeded", ("session", session_id), **details, **audited)
    return Opened(
        principal=context.principal(account, session_id, origin, served=served),
        epoch=account.epoch,
        refresh_token=token,
        previous_sign_in=from_ms_or_none(account.last_sign_in_at),
        previous_address=account.last_sign_in_from,
        new_address=new_address,
        must_change_password=account.must_change_password,
    )


def carry_on(context: AuthContext, uow: UnitOfWork, session: Any, account: Any, origin: Origin) -> Opened:
    """The session goes on with a new refresh token; the old one has been used up in this unit of work."""
    now = context.clock.now_ms()
    expires_at = now + context.settings.auth.refresh_token_s * 1000
    token = _add_token(context, uow, session.id, now, expires_at)
    uow.sign_ins.seen(session.id, now, expires_at)
    return Opened(
        principal=context.principal(account, session.id, origin),
        epoch=session.epoch,
        refresh_token=token,
        previous_sign_in=from_ms_or_none(account.last_sign_in_at),
        previous_address=account.last_sign_in_from,
        new_address=False,
        must_change_password=account.must_change_password,
    )


async def signed_in(context: AuthContext, opened: Opened) -> SignedIn:
    """With an access token, but over SSH."""
    who = opened.principal
    token = await context.tokens.issue(who.user_id, who.session_id, opened.epoch) if opened.refresh_token else ""
    return SignedIn(
        principal=who,
        access_token=token,
        refresh_token=opened.refresh_token,
        previous_sign_in=opened.previous_sign_in,
        previous_address=opened.previous_address,
        new_address=opened.new_address,
        must_change_password=opened.must_change_password,
    )


def why_ended(session: Any, now: int) -> str:
    """Why a session (a row of `SignInRepository.with_account`) is over, as in SessionEnded; "" while it goes on."""
    if session.ended_at is not None:
        return str(session.ended_because or "revoked")
    if session.disabled_at is not None:
        return "disabled"
    if session.epoch != session.account_epoch:
        return "revoked"
    # Over SSH that moment is the end of a lease, and a worker that asks is alive, however far the clock has jumped.
    return "expired" if session.expires_at <= now and not session.served else ""


def is_shell(kind: str, served: bool) -> bool:
    """Whether a session is a connection for commands and file transfers, which has a limit of its own."""
    return served and kind == "shell"


def end_all(context: AuthContext, uow: UnitOfWork, user_id: str, actor: Actor, because: str) -> int:
    """End every session of the account at once, and make every token of it too old. Returns how many sessions there were."""
    now = context.clock.now_ms()
    count = uow.sign_ins.end_all(user_id, because, now)
    uow.users.raise_epoch(user_id, now)
    if count:
        context.audit.note(uow, actor, "session.ended_all", ("user", user_id), because=because, count=count)
    return count


def _add_token(context: AuthContext, uow: UnitOfWork, session_id: str, now: int, expires_at: int) -> str:
    token = new_refresh_token(context.ids, session_id)
    uow.sign_ins.add_token(id=token.id, session_id=session_id, token_hash=token.hash, created_at=now, expires_at=expires_at)
    return token.text


def make_room(context: AuthContext, uow: UnitOfWork, actor: Actor, now: int, *, besides: str = "") -> None:
    """End the oldest terminals of the actor's account, so that one more (the session `besides`) is within the limit."""
    counted = [row for row in uow.sign_ins.active(actor.id, now) if row.counted and not is_shell(row.kind, row.served)]
    others = [row for row in counted if row.id != besides]
    too_many = len(others) - context.settings.auth.sessions_a_user + 1
    for session in others[: max(0, too_many)]:
        uow.sign_ins.end(actor.id, session.id, "too_many_sessions", now)
        context.audit.note(uow, actor, "session.ended", ("session", session.id), because="too_many_sessions")
