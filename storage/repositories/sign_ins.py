"""Queries over sign-ins: sessions, their refresh tokens, and the counters that guard against guessing. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, update

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

sessions = metadata.tables["sessions"]
tokens = metadata.tables["refresh_tokens"]
throttle = metadata.tables["sign_in_throttle"]
users = metadata.tables["users"]
addresses = metadata.tables["known_addresses"]
_s, _t, _c, _a = sessions.c, tokens.c, throttle.c, addresses.c
#: So many sessions are removed at a time: more than are made, and few enough to be quick.
_TIDIED = 50


def _with_account() -> Select[Any]:
    account = users.c
    columns: tuple[Any, ...] = (
        *(_s.id, _s.user_id, _s.epoch, _s.kind, _s.address, _s.served, _s.counted, _s.expires_at, _s.ended_at, _s.ended_because),
        *(account.email, account.nickname, account.role, account.disabled_at, account.must_change_password),
        account.epoch.label("account_epoch"),
    )
    return select(*columns).join(users, account.id == _s.user_id)


class SignInRepository(Repository):
    """Rows have the columns of storage/tables/accounts.py: Session, RefreshToken, SignInThrottle. Moments are in milliseconds."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    # Sessions

    def add_session(self, **values: Any) -> None:
        self._connection.execute(insert(sessions).values(**values))

    def with_account(self, session_id: str) -> Row[Any] | None:
        """A session with the state of its account, in one look: what every check of a signed-in person asks."""
        return self._connection.execute(_with_account().where(_s.id == session_id)).one_or_none()

    def with_accounts(self, session_ids: Sequence[str]) -> Sequence[Row[Any]]:
        """As `with_account` for many sessions in one query. Those that are not there are left out."""
        return self._connection.execute(_with_account().where(_s.id.in_(session_ids))).all()

    def active(self, user_id: str, moment: int) -> Sequence[Row[Any]]:
        """The sessions of an account that have not ended, the oldest first."""
        query = select(sessions).where(_s.user_id == user_id, _s.ended_at.is_(None), _s.expires_at > moment)
        return self._connection.execute(query.order_by(_s.created_at, _s.id)).all()

    def seen(self, session_id: str, moment: int, expires_at: int) -> None:
        self._connection.execute(update(sessions).where(_s.id == session_id).values(last_seen_at=moment, expires_at=expires_at))

    def prolong(self, session_ids: Sequence[str], moment: int, expires_at: int) -> None:
        """Give these sessions, those that have not ended, a new lease, in one write."""
        where = (_s.id.in_(session_ids), _s.ended_at.is_(None))
        self._connection.execute(update(sessions).where(*where).values(last_seen_at=moment, expires_at=expires_at))

    def count_in(self, session_id: str, kind: str) -> None:
        """From now on the session counts, as a terminal ("ssh") or as commands and file transfers ("shell")."""
        self._connection.execute(update(sessions).where(_s.id == session_id).values(kind=kind, counted=True))

    def end(self, user_id: str, session_id: str, because: str, moment: int) -> bool:
        """End one session of the account; False if it has no such session, or it has ended before."""
        where = (_s.id == session_id, _s.user_id == user_id, _s.ended_at.is_(None))
        self._revised(user_id)
        return self._connection.execute(update(sessions).where(*where).values(ended_at=moment, ended_because=because)).rowcount > 0

    def end_all(self, user_id: str, because: str, moment: int) -> int:
        """End every session of the account and return how many there were."""
        where = (_s.user_id == user_id, _s.ended_at.is_(None))
        self._revised(user_id)
        return self._connection.execute(update(sessions).where(*where).values(ended_at=moment, ended_because=because)).rowcount

    def _revised(self, user_id: str) -> None:
        """Tell whoever serves the account; before the sessions are touched, as everybody locks an account before its sessions."""
        self._connection.execute(update(users).where(users.c.id == user_id).values(revision=users.c.revision + 1))

    def seen_at(self, user_id: str, address: str, moment: int) -> bool:
        """The account, which is locked, signs in from this address; whether it did so before."""
        where = (_a.user_id == user_id, _a.address == address)
        if self._connection.execute(update(addresses).where(*where).values(seen_at=moment)).rowcount:
            return True
        ensure(self._connection, addresses, {"user_id": user_id, "address": address, "seen_at": moment})
        return False

    # Refresh tokens

    def add_token(self, **values: Any) -> None:
        self._connection.execute(insert(tokens).values(**values))

    def token(self, token_id: str, token_hash: str) -> Row[Any] | None:
        """The token with this id, if its hash is this one."""
        query = select(tokens).where(_t.id == token_id, _t.token_hash == token_hash)
        return self._connection.execute(query).one_or_none()

    def use_token(self, token_id: str, token_hash: str, moment: int) -> bool:
        """Use the token up, in one write: True for one caller ever, and only before it expires."""
        where = (_t.id == token_id, _t.token_hash == token_hash, _t.used_at.is_(None), _t.expires_at > moment)
        return self._connection.execute(update(tokens).where(*where).values(used_at=moment)).rowcount > 0

    # Guarding sign-in

    def hold_counter(self, key: str, moment: int) -> Row[Any]:
        """The counter of `key`, made if it is not there, locked until this unit of work ends: nobody counts beside us."""
        nothing = dict.fromkeys(("attempts", "failures", "locked_until", "under_way", "under_way_until", "failed_at"), 0)
        row = {"key": key, "window_started_at": moment, "updated_at": moment, **nothing}
        ensure(self._connection, throttle, row)
        return self._connection.execute(select(throttle).where(_c.key == key).with_for_update()).one()

    def set_counter(self, key: str, **values: Any) -> None:
        """Set columns of a counter that `hold_counter` gave in this unit of work."""
        self._connection.execute(update(throttle).where(_c.key == key).values(**values))

    # Tidying

    def tidy(self, *, tokens_before: int, counters_before: int) -> None:
        """Remove refresh tokens that expired, and counters untouched, since before these moments."""
        self._connection.execute(delete(tokens).where(_t.expires_at < tokens_before))
        self._connection.execute(delete(throttle).where(_c.updated_at < counters_before))

    def tidy_sessions(self, *, ended_before: int, lost_before: int) -> None:
        """Remove a few of the oldest sessions: those that ended and expired before a moment, and those that expired long before."""
        ended = (_s.expires_at < ended_before) & _s.ended_at.is_not(None) & (_s.ended_at < ended_before)
        query = select(_s.id).where(or_(ended, _s.expires_at < lost_before), _s.expires_at < ended_before)
        query = query.order_by(_s.expires_at).limit(_TIDIED)
        if found := list(self._connection.execute(query).scalars()):
            self._connection.execute(delete(sessions).where(_s.id.in_(sorted(found))))  # their tokens go with them

    def tidy_addresses(self, user_id: str, before: int) -> None:
        """Forget the addresses that the account was not signed in from since a moment."""
        self._connection.execute(delete(addresses).where(_a.user_id == user_id, _a.seen_at < before))
