"""Queries over drafts, as Core statements. Never commits; every query names the owner."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from storage.repositories.base import Repository
from storage.repositories.upsert import ensure
from storage.tables import metadata

drafts = metadata.tables["drafts"]
_c = drafts.c


class DraftRepository(Repository):
    """A draft for each conversation of an owner; `conversation_id` is "" for one that does not exist yet."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def get(self, owner_id: str, conversation_id: str) -> str:
        """The text of the draft, "" if there is none."""
        statement = select(_c.content).where(_c.owner_id == owner_id, _c.conversation_id == conversation_id)
        return self._connection.execute(statement).scalar() or ""

    def put(self, owner_id: str, conversation_id: str, content: str, moment: int) -> None:
        """Keep `content`, in place of what was there. `moment` in milliseconds."""
        statement = update(drafts).where(_c.owner_id == owner_id, _c.conversation_id == conversation_id)
        if self._connection.execute(statement.values(content=content, updated_at=moment)).rowcount == 0:
            # Two windows may do this at once: whoever comes second finds the row, and writes over it.
            ensure(
                self._connection, drafts, {"owner_id": owner_id, "conversation_id": conversation_id, "content": "", "updated_at": moment}
            )
            self._connection.execute(statement.values(content=content, updated_at=moment))

    def remove(self, owner_id: str, conversation_id: str) -> None:
        self._connection.execute(delete(drafts).where(_c.owner_id == owner_id, _c.conversation_id == conversation_id))
