"""Queries over SSH public keys. Never commits; every query of a person's names the owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.repositories.base import Repository
from storage.tables import metadata

keys = metadata.tables["ssh_keys"]
_k = keys.c


class SshKeyRepository(Repository):
    """Rows have the columns of storage/tables/accounts.py, SshKey."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def of(self, user_id: str) -> Sequence[Row[Any]]:
        """The keys of an account, the oldest first."""
        return self._connection.execute(select(keys).where(_k.user_id == user_id).order_by(_k.created_at, _k.id)).all()

    def count_of(self, user_id: str) -> int:
        return self._connection.execute(select(func.count()).select_from(keys).where(_k.user_id == user_id)).scalar_one()

    def by_fingerprint(self, fingerprint: str) -> Row[Any] | None:
        """Whoever's key it is; for sign-in by key."""
        return self._connection.execute(select(keys).where(_k.fingerprint == fingerprint)).one_or_none()

    def add(self, **values: Any) -> None:
        """Raises AlreadyThere where the fingerprint is anybody's already."""
        self._connection.execute(insert(keys).values(**values))

    def rename(self, user_id: str, key_id: str, name: str) -> Row[Any] | None:
        """The key under its new name; None if the account has no such key."""
        where = (_k.user_id == user_id, _k.id == key_id)
        self._connection.execute(update(keys).where(*where).values(name=name))
        return self._connection.execute(select(keys).where(*where)).one_or_none()

    def remove(self, user_id: str, key_id: str) -> str | None:
        """The fingerprint of the key that was removed; None if the account has no such key."""
        where = (_k.user_id == user_id, _k.id == key_id)
        found = self._connection.execute(select(_k.fingerprint).where(*where)).scalar_one_or_none()
        if found is not None:
            self._connection.execute(delete(keys).where(*where))
        return found

    def used(self, key_id: str, moment: int) -> None:
        self._connection.execute(update(keys).where(_k.id == key_id).values(last_used_at=moment))
