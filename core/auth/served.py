"""Sessions over SSH. A connection is one session: opened when the sign-in is complete, counted when its first channel says what it is.

Whoever serves people asks after all of their sessions every second. That costs one sum: each account counts what ended or changed, in
the same transaction (User.revision), so as long as the sum is the same, so is everything else. Counts and not times: no clock can hide
an end. All the same everything is looked at every few seconds.

Nothing ends a session when its worker is killed, so its `expires_at` is a lease that the worker prolongs while it asks after it. A
session whose lease is over counts for no limit and is not listed; it is no sign-in either, for nobody holds a token of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
#: At least so often, in seconds, every session is looked at.
LOOK_AT_ALL_S: Final = 10.0
#: A lease is prolonged when less than this part of it is left, together with all others of the same asker.
_PROLONG_AT: Final = 0.6
#: Seconds between two tries to prolong where the database does not take it.
_AGAIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last look at all sessions of `whom` (pairs of session and account), when the accounts had these `revisions`.

    It holds until `until` (seconds of the clock that never goes back), and while the clock of the leases is between the two moments.
    """

    whom: set[tuple[str, str]]
    states: dict[str, Principal | SessionEnded]
    revisions: tuple[int, int]
    until: float
    good_from: int
    good_until: int | None

    def holds(self, known: Mapping[str, Principal], now: int, monotonic: float) -> bool:
        """Whether there can be no other answer, while the revisions are the same."""
        if monotonic >= self.until or not self.is_good(now):
            return False
        return {(session_id, principal.user_id) for session_id, principal in known.items()} == self.whom

    def is_good(self, now: int) -> bool:
        """Whether no lease has to be prolonged, and no session has expired since."""
        return self.good_from <= now and (self.good_until is None or now <= self.good_until)


class ServedSessions:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context
        self._prolonging: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._seen: _Seen | None = None

    async def recheck_many(self, principals: Sequence[Principal]) -> dict[str, Principal | SessionEnded]:
        known = {principal.session_id: principal for principal in principals}
        people = {principal.user_id for principal in principals}
        seen, now = self._seen, self._context.clock.now_ms()
        # Before the sessions: what happens in between is found at the next look.
        revisions = await self._context.store.read(lambda uow: uow.users.revisions(people)) if people else (0, 0)
        if seen is None or revisions != seen.revisions or not seen.holds(known, now, self._context.clock.monotonic()):
            seen = self._seen = await self._look_at_all(known, revisions, now)
        return {session_id: _of(principal, seen.states[session_id]) for session_id, principal in known.items()}

    async def _look_at_all(self, known: dict[str, Principal], revisions: tuple[int, int], now: int) -> _Seen:
        ids, lease_ms = list(known), self._context.settings.auth.served_lease_s * 1000
        states: dict[str, Principal | SessionEnded] = {}
        leases, others = list[int](), list[int]()
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            rows = await self._context.store.read(lambda uow, chunk=chunk: self._look(uow, chunk, now))  # type: ignore[misc]
            for session_id in chunk:
                row, expires_at = rows.get(session_id, (None, 0))
                state = states[session_id] = self._judged(known[session_id], row)
                if isinstance(state, Principal):
                    (leases if isinstance(row, LiveRow) and row.served else others).append(expires_at)
        # A clock that was set back leaves a lease that seems too long.
        good = (
            max(leases, default=now) - 2 * lease_ms,
            min([*(at - 1 for at in others), *(at - round(lease_ms * _PROLONG_AT) for at in leases)], default=None),
        )
        seen = _Seen(
            {(session_id, principal.user_id) for session_id, principal in known.items()},
            *(states, revisions, self._context.clock.monotonic() + LOOK_AT_ALL_S, *good),
        )
        if leases and not seen.is_good(now):
            self._prolong([session_id for session_id, state in states.items() if isinstance(state, Principal)])
        return seen

    def _look(self, uow: UnitOfWork, session_ids: Sequence[str], now: int) -> dict[str, tuple[LiveRow | SessionEnded, int]]:
        """What is known of these sessions, and when they or their leases expire."""
        return {
            row.id: (SessionEnded(why=why) if (why := why_ended(row, now)) else LiveRow.of(row), row.expires_at)
            for row in uow.sign_ins.with_accounts(session_ids)
        }

    def _judged(self, principal: Principal, row: LiveRow | SessionEnded | None) -> Principal | SessionEnded:
        if isinstance(row, SessionEnded):
            return row
        if row is None or row.user_id != principal.user_id:
            return SessionEnded(why="revoked")
        return _of(principal, row.principal(self._context))

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


def _of(principal: Principal, state: Principal | SessionEnded) -> Principal | SessionEnded:
    """The state for whoever asks: where he is, and how, he knows himself. The same object where nothing is new."""
    if state is principal or not isinstance(state, Principal):
        return state
    fresh = replace(state, origin=principal.origin, served=principal.served)
    return principal if fresh == principal else fresh
