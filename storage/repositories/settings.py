"""Queries over the settings that change at run time. Values are text: JSON, or an envelope of storage/crypto.py. Never commits."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

settings = metadata.tables["app_settings"]
_s = settings.c


class SettingRepository(Repository):
    """By dotted name, for example "registration.open"."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def get(self, name: str) -> str | None:
        return self._connection.execute(select(_s.value).where(_s.name == name)).scalar_one_or_none()

    def put(self, name: str, value: str, *, moment: int, by: str = "") -> None:
        """Set the value, made if it is not there. `by`: the id of who did it."""
        row = {"name": name, "value": value, "updated_at": moment, "updated_by": by}
        ensure(self._connection, settings, row)
        self._connection.execute(update(settings).where(_s.name == name).values(value=value, updated_at=moment, updated_by=by))

    def claim(self, name: str, value: str, *, moment: int, by: str = "") -> None:
        """Make the setting. Raises AlreadyThere if it is there: of many who claim at once, one succeeds."""
        self._connection.execute(insert(settings).values(name=name, value=value, updated_at=moment, updated_by=by))

    def get_or_put(self, name: str, value: str, *, moment: int) -> str:
        """The value that is there, else `value`, which is there from now on: of many at once, one decides."""
        ensure(self._connection, settings, {"name": name, "value": value, "updated_at": moment, "updated_by": ""})
        return str(self._connection.execute(select(_s.value).where(_s.name == name)).scalar_one())

    def remove(self, name: str) -> bool:
        """Whether it was there."""
        return self._connection.execute(delete(settings).where(_s.name == name)).rowcount > 0
