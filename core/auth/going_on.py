"""Sessions that go on: by refresh token; checking one; listing them; ending one or all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.audit import Actor
from core.auth.context import AuthContext, is_identifier
from core.auth.opening import Opened, carry_on, end_all, signed_in, why_ended
from core.auth.principal import Origin, Principal, Role
from core.auth.tokens import hash_refresh, parse_refresh
from core.auth.types import SessionInfo, SignedIn
from core.clock import from_ms
from core.errors import NotFound, SessionEnded
from storage.unit_of_work import UnitOfWork


class GoingOn:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def resume(self, refresh_token: str, *, origin: Origin) -> SignedIn:
        context, named = self._context, parse_refresh(refresh_token)
        if named is None:
            raise SessionEnded(why="expired")
        outcome = await context.store.write(lambda uow: self._resume(uow, *named, hash_refresh(refresh_token), origin))
        if not isinstance(outcome, Opened):
            raise outcome
        return await signed_in(context, outcome)

    def _resume(self, uow: UnitOfWork, session_id: str, token_id: str, token_hash: str, origin: Origin) -> Opened | SessionEnded:
        now = self._context.clock.now_ms()
        # Used up first, in one write: of two who hold the same token, one gets on.
        fresh = uow.sign_ins.use_token(token_id, token_hash, now)
        token = uow.sign_ins.token(token_id, token_hash)
        session = uow.sign_ins.with_account(session_id) if token is not None and token.session_id == session_id else None
        if token is None or session is None:
            return SessionEnded(why="expired")
        if why := why_ended(session, now):
            return SessionEnded(why=why)
        if not fresh:
            return self._refuse_used(uow, session, token, origin, now)
        account = uow.users.get(session.user_id)
        if account is None:
            return SessionEnded(why="revoked")
        return carry_on(self._context, uow, session, account, origin)

    def _refuse_used(self, uow: UnitOfWork, session: Any, token: Any, origin: Origin, now: int) -> SessionEnded:
        """A token that comes a second time was stolen, or its successor was: the whole family ends."""
        if token.used_at is None:
            return SessionEnded(why="expired")
        uow.sign_ins.end(session.user_id, session.id, "reused", now)
        actor = Actor(session.user_id, session.nickname, origin.address)
        self._context.audit.note(uow, actor, "session.ended", ("session", session.id), because="reused")
        return SessionEnded(why="reused")

    async def verify_access(self, access_token: str) -> Principal:
        claims = await self._context.tokens.read(access_token)
        session = await self._live_session(claims.session_id)
        if session.user_id != claims.user_id or session.epoch != claims.epoch:
            raise SessionEnded(why="revoked")
        return session.principal(self._context)

    async def recheck(self, principal: Principal) -> Principal:
        if principal.is_operator:
            return principal
        if not principal.session_id:
            return await self._recheck_account(principal)
        session = await self._live_session(principal.session_id)
        if session.user_id != principal.user_id:
            raise SessionEnded(why="revoked")
        fresh = session.principal(self._context)
        return replace(fresh, origin=principal.origin, served=principal.served)

    async def _recheck_account(self, principal: Principal) -> Principal:
        """--as in the shell has no session: the account alone decides."""

        def work(uow: UnitOfWork) -> Principal | None:
            account = uow.users.get(principal.user_id)
            if account is None or account.disabled_at is not None:
                return None
            return replace(principal, nickname=account.nickname, email=account.email, role=Role(account.role))

        fresh = await self._context.store.read(work)
        if fresh is None:
            raise SessionEnded(why="disabled")
        return fresh

    async def _live_session(self, session_id: str) -> LiveRow:
        now = self._context.clock.now_ms()

        def work(uow: UnitOfWork) -> LiveRow | SessionEnded:
            row = uow.sign_ins.with_account(session_id)
            why = "revoked" if row is None else why_ended(row, now)
            if row is None or why:
                return SessionEnded(why=why)
            return LiveRow.of(row)

        found = await self._context.store.read(work)
        if isinstance(found, SessionEnded):
            raise found
        return found

    async def sign_out(self, principal: Principal) -> None:
        user_id = principal.require_user("session.end")
        if principal.session_id:
            await self._end(principal, user_id, principal.session_id, "signed_out")

    async def sign_out_everywhere(self, principal: Principal) -> None:
        user_id = principal.require_user("session.end")
        await self._context.store.write(lambda uow: end_all(self._context, uow, user_id, Actor.of(principal), "signed_out"))

    async def sessions(self, principal: Principal) -> tuple[SessionInfo, ...]:
        user_id = principal.require_user("session.list")
        now = self._context.clock.now_ms()

        def work(uow: UnitOfWork) -> tuple[SessionInfo, ...]:
            return tuple(
                SessionInfo(
                    *(row.id, row.kind, row.address, from_ms(row.created_at), from_ms(row.last_seen_at), row.id == principal.session_id)
                )
                for row in uow.sign_ins.active(user_id, now)
            )

        return await self._context.store.read(work)

    async def end_session(self, principal: Principal, session_id: str) -> None:
        user_id = principal.require_user("session.end")
        because = "signed_out" if session_id == principal.session_id else "revoked"
        if not is_identifier(session_id) or not await self._end(principal, user_id, session_id, because):
            raise NotFound(kind="session", reference=session_id)

    async def _end(self, principal: Principal, user_id: str, session_id: str, because: str) -> bool:
        def work(uow: UnitOfWork) -> bool:
            ended = uow.sign_ins.end(user_id, session_id, because, self._context.clock.now_ms())
            if ended:
                self._context.audit.note(uow, Actor.of(principal), "session.ended", ("session", session_id), because=because)
            return ended

        return await self._context.store.write(work)


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A session that goes on, with its account."""

    id: str
    user_id: str
    epoch: int
    kind: Any
    address: str
    served: bool
    email: str
    nickname: str
    role: str

    @classmethod
    def of(cls, row: Any) -> LiveRow:
        """`row`: of SignInRepository.with_account."""
        return cls(row.id, row.user_id, row.epoch, row.kind, row.address, row.served, row.email, row.nickname, row.role)

    def principal(self, context: AuthContext) -> Principal:
        origin, served = Origin(self.kind, self.address), self.served or context.settings.served
        return Principal(self.user_id, self.nickname, self.email, Role(self.role), self.id, origin, served)
