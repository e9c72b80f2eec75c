"""Queries over accounts. Never commits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from storage.repositories.base import Repository, batched
from storage.tables import metadata

users = metadata.tables["users"]
_u = users.c
#: A change of one of these is news for every process that serves the account.
_NEWS = frozenset({"email", "nickname", "role", "epoch", "disabled_at", "must_change_password"})
_REVISIONS = select(func.count(), func.sum(_u.revision)).where(_u.id.in_(bindparam("ids", expanding=True)))


class UserRepository(Repository):
    """Rows have the columns of storage/tables/accounts.py, User."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def add(self, **values: Any) -> None:
        """Raises AlreadyThere (column email or nickname_key) where one of them is taken."""
        self._connection.execute(insert(users).values(**values))

    def get(self, user_id: str) -> Row[Any] | None:
        return self._connection.execute(select(users).where(_u.id == user_id)).one_or_none()

    def lock(self, user_id: str) -> Row[Any] | None:
        """As `get`, and nobody else changes the account before this unit of work ends (SQLite is locked as a whole)."""
        return self._connection.execute(select(users).where(_u.id == user_id).with_for_update()).one_or_none()

    def by_email(self, email: str) -> Row[Any] | None:
        """`email` normalised, as it is stored."""
        return self._connection.execute(select(users).where(_u.email == email)).one_or_none()

    def by_nickname_key(self, key: str) -> Row[Any] | None:
        return self._connection.execute(select(users).where(_u.nickname_key == key)).one_or_none()

    def has_email(self, email: str) -> bool:
        return self._connection.execute(select(_u.id).where(_u.email == email)).first() is not None

    def has_nickname_key(self, key: str, *, besides: str = "") -> bool:
        """Whether an account other than `besides` has the nickname of this key."""
        return self._connection.execute(select(_u.id).where(_u.nickname_key == key, _u.id != besides)).first() is not None

    def listed(self) -> Sequence[Row[Any]]:
        """Every account, the oldest first."""
        return self._connection.execute(select(users).order_by(_u.created_at, _u.id)).all()

    def has_role(self, role: str) -> bool:
        """Whether any account has the role, disabled or not."""
        return self._connection.execute(select(_u.id).where(_u.role == role).limit(1)).first() is not None

    def count(self) -> int:
        return self._connection.execute(select(func.count()).select_from(users)).scalar_one()

    def lock_enabled(self, role: str) -> list[str]:
        """The ids of the enabled accounts of a role, all locked until this unit of work ends: none of them can be changed beside us."""
        query = select(_u.id).where(_u.role == role, _u.disabled_at.is_(None)).order_by(_u.id).with_for_update()
        return list(self._connection.execute(query).scalars())

    def change(self, user_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such account."""
        if not _NEWS.isdisjoint(values):
            values["revision"] = _u.revision + 1
        return self._connection.execute(update(users).where(_u.id == user_id).values(**values)).rowcount > 0

    def raise_epoch(self, user_id: str, moment: int) -> None:
        """Make every token of the account too old."""
        self._connection.execute(
            update(users).where(_u.id == user_id).values(epoch=_u.epoch + 1, revision=_u.revision + 1, updated_at=moment)
        )

    def revisions(self, user_ids: Collection[str]) -> tuple[int, int]:
        """How many of these accounts there are, and the sum of their revisions: the same as before where nothing changed."""
        count = total = 0
        for some in batched(list(user_ids)):
            row = self._connection.execute(_REVISIONS, {"ids": some}).one()
            count, total = count + int(row[0]), total + int(row[1] or 0)
        return count, total
