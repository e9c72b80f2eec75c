"""Where accounts were when they were last at the application. Never commits; every query names the account."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

places = metadata.tables["reading_places"]
_p = places.c


class PlaceRepository(Repository):
    """One row for each account; the last to write wins."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def get(self, user_id: str) -> str:
        """The JSON that was kept, "" if there is none."""
        return self._connection.execute(select(_p.place).where(_p.user_id == user_id)).scalar() or ""

    def put(self, user_id: str, place: str, moment: int) -> None:
        """Keep `place`, in place of what was there. `moment` in milliseconds."""
        statement = update(places).where(_p.user_id == user_id).values(place=place, updated_at=moment)
        if self._connection.execute(statement).rowcount == 0:
            ensure(self._connection, places, {"user_id": user_id, "place": place, "updated_at": moment})
            self._connection.execute(statement)
