"""Sessions over SSH. A connection is one session: opened when the sign-in is complete, counted when its first channel says what it is.

Nothing ends a session when its worker is killed, so its `expires_at` is a lease that the worker prolongs while it asks after it. A
session whose lease is over counts for no limit and is not listed; it is no sign-in either, for nobody holds a token of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from core.audit import Actor
from core.auth.context import AuthContext
from core.auth.going_on import LiveRow
from core.auth.opening import is_shell, make_room, why_ended
from core.auth.principal import Origin, Principal
from core.errors import ModeltrainError, SessionEnded, TooManySessions
from storage.unit_of_work import UnitOfWork

_log = logging.getLogger(__name__)
#: So many sessions are asked after in one query: databases limit the values of a statement.
CHUNK: Final = 500
#: A lease is prolonged when less than this part of it is left, together with all others of the same asker.
_PROLONG_AT: Final = 0.6
#: Seconds between two tries to prolong where the database does not take it.
_AGAIN_S: Final = 10.0


class ServedSessions:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context
        self._prolonging: asyncio.Task[None] | None = None
        self._not_before = 0.0

    async def recheck_many(self, principals: Sequence[Principal]) -> dict[str, Principal | SessionEnded]:
        known = {principal.session_id: principal for principal in principals}
        ids, now = list(known), self._context.clock.now_ms()
        found: dict[str, Principal | SessionEnded] = {}
        due = False
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            rows, lease_is_short = await self._context.store.read(lambda uow, chunk=chunk: self._look(uow, chunk, now))  # type: ignore[misc]
            due = due or lease_is_short
            for session_id in chunk:
                found[session_id] = self._judged(known[session_id], rows.get(session_id))
        if due:
            self._prolong([session_id for session_id, state in found.items() if isinstance(state, Principal)])
        return found

    def _look(self, uow: UnitOfWork, session_ids: Sequence[str], now: int) -> tuple[dict[str, LiveRow | SessionEnded], bool]:
        """What is known of these sessions, and whether the lease of one needs to be prolonged."""
        rows: dict[str, LiveRow | SessionEnded] = {}
        due, lease_ms = False, self._context.settings.auth.served_lease_s * 1000
        for row in uow.sign_ins.with_accounts(session_ids):
            why = why_ended(row, now)
            rows[row.id] = SessionEnded(why=why) if why else LiveRow.of(row)
            # A clock that was set back leaves a lease that seems too long.
            due = due or bool(row.served and not why and not lease_ms * _PROLONG_AT <= row.expires_at - now <= 2 * lease_ms)
        return rows, due

    def _judged(self, principal: Principal, row: LiveRow | SessionEnded | None) -> Principal | SessionEnded:
        if isinstance(row, SessionEnded):
            return row
        if row is None or row.user_id != principal.user_id:
            return SessionEnded(why="revoked")
        return replace(row.principal(self._context), origin=principal.origin, served=principal.served)

    def _prolong(self, session_ids: list[str]) -> None:
        """Begin to prolong: a database that is busy with others must not keep anybody from learning that a session ended."""
        now = self._context.clock.monotonic()
        if now < self._not_before or (self._prolonging is not None and not self._prolonging.done()):
            return
        self._not_before = now + _AGAIN_S
        # A clean context: the task must not keep alive whatever the caller belongs to.
        self._prolonging = asyncio.get_running_loop().create_task(self._write_leases(session_ids), context=contextvars.Context())

    async def _write_leases(self, session_ids: list[str]) -> None:
        now = self._context.clock.now_ms()
        expires_at = now + self._context.settings.auth.served_lease_s * 1000

        def work(uow: UnitOfWork) -> None:
            for start in range(0, len(session_ids), CHUNK):
                uow.sign_ins.prolong(session_ids[start : start + CHUNK], now, expires_at)

        try:
            await self._context.store.write(work)
        except ModeltrainError as error:
            _log.warning("the leases of %d sessions were not prolonged: %s", len(session_ids), error)

    async def settled(self) -> None:
        """Wait until what was begun is written."""
        if self._prolonging is not None:
            await self._prolonging

    async def use(self, principal: Principal, kind: Literal["ssh", "shell"]) -> Principal:
        user_id = principal.require_user("session.use")
        outcome = await self._context.store.write(lambda uow: self._use(uow, principal, user_id, kind))
        if isinstance(outcome, ModeltrainError):
            raise outcome
        return replace(principal, origin=Origin(outcome, principal.origin.address))

    def _use(self, uow: UnitOfWork, principal: Principal, user_id: str, kind: Literal["ssh", "shell"]) -> Any:
        """The kind that the session has now, or the error."""
        now = self._context.clock.now_ms()
        uow.users.lock(user_id)  # of several at once, in whatever process, one after another counts
        session = uow.sign_ins.with_account(principal.session_id)
        why = why_ended(session, now) if session is not None and session.user_id == user_id else "revoked"
        if session is None or why:
            return SessionEnded(why=why)
        if not session.served or (session.counted and (session.kind == kind or session.kind == "ssh")):
            return session.kind  # a connection with a terminal may run commands too
        if kind == "ssh":
            make_room(self._context, uow, Actor.of(principal), now, besides=session.id)
        else:
            limit = self._context.settings.auth.shell_sessions_a_user
            counted = [row for row in uow.sign_ins.active(user_id, now) if row.counted and is_shell(row.kind, row.served)]
            if len(counted) >= limit:
                return TooManySessions(limit=limit)
        uow.sign_ins.count_in(session.id, kind)
        return kind
