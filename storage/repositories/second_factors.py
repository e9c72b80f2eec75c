"""Queries over second factors and their recovery codes. Never commits; every query names the owner."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from storage.repositories.base import Repository
from storage.tables import metadata

factors = metadata.tables["second_factors"]
codes = metadata.tables["recovery_codes"]
_f, _r = factors.c, codes.c


class SecondFactorRepository(Repository):
    """Rows have the columns of storage/tables/accounts.py: SecondFactor, RecoveryCode. Moments are in milliseconds.

    Lock the account (UserRepository.lock) before a change: two at once would otherwise both find nothing in their way.
    """

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def of(self, user_id: str) -> Row[Any] | None:
        """The second factor of an account, also one that is being set up (`enabled_at` None)."""
        return self._connection.execute(select(factors).where(_f.user_id == user_id)).one_or_none()

    def is_enabled(self, user_id: str) -> bool:
        query = select(_f.user_id).where(_f.user_id == user_id, _f.enabled_at.is_not(None))
        return self._connection.execute(query).first() is not None

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(factors).values(**values))

    def enable(self, user_id: str, moment: int) -> None:
        self._connection.execute(update(factors).where(_f.user_id == user_id).values(enabled_at=moment))

    def use_step(self, user_id: str, step: int, newest: int) -> bool:
        """Use the code of a time step up, in one write: True for one caller ever, and never for a step before one that was used.

        `newest`: the newest step that can be accepted now; one beyond it was used by a clock that has gone back since.
        """
        free = or_(_f.last_step < step, _f.last_step > newest)
        return self._connection.execute(update(factors).where(_f.user_id == user_id, free).values(last_step=step)).rowcount > 0

    def remove(self, user_id: str) -> bool:
        """Take the second factor away with its recovery codes; False if there was none."""
        self.remove_codes(user_id)
        return self._connection.execute(delete(factors).where(_f.user_id == user_id)).rowcount > 0

    # Recovery codes

    def add_code(self, **values: Any) -> None:
        self._connection.execute(insert(codes).values(**values))

    def remove_codes(self, user_id: str) -> None:
        self._connection.execute(delete(codes).where(_r.user_id == user_id))

    def codes_left(self, user_id: str) -> int:
        query = select(func.count()).select_from(codes).where(_r.user_id == user_id, _r.used_at.is_(None))
        return self._connection.execute(query).scalar_one()

    def use_code(self, user_id: str, code_hash: str, moment: int) -> bool:
        """Use a recovery code up, in one write: True for one caller ever."""
        where = (_r.user_id == user_id, _r.code_hash == code_hash, _r.used_at.is_(None))
        return self._connection.execute(update(codes).where(*where).values(used_at=moment)).rowcount > 0
