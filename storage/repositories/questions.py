"""Queries over question sets, as Core statements. Never commits; every query names the owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, or_, select, update

from storage.repositories.base import IDS, Repository, askable
from storage.tables import metadata

sets = metadata.tables["question_sets"]
versions = metadata.tables["question_set_versions"]
questions = metadata.tables["questions"]
users = metadata.tables["users"]
#: Rows that are read at a time.
STRETCH = 5000
_s, _v, _q = sets.c, versions.c, questions.c


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells questions apart. `answered`: whether there is an expected answer."""

    root: int
    digest: str
    type: str
    answered: bool


class QuestionRepository(Repository):
    """A row of a set comes with its version in force: `question_count`, `types` and `expected` are that one's."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def lock_owner(self, owner_id: str) -> bool:
        """Nobody else changes the owner's sets before this unit of work ends. False if there is no such account."""
        statement = select(users.c.id).where(users.c.id == owner_id).with_for_update(key_share=True)
        return self._connection.execute(statement).one_or_none() is not None

    # Sets ------------------------------------------------------------------------------------------------------------

    def all(self, owner_id: str) -> Sequence[Row[Any]]:
        return self._connection.execute(_current().where(_s.owner_id == owner_id)).all()

    def find(self, owner_id: str, reference: str) -> Row[Any] | None:
        """By id or, failing that, by name."""
        found = self._connection.execute(_current().where(*_own(owner_id, reference))).one_or_none()
        if found is not None:
            return found
        return self._connection.execute(_current().where(_s.owner_id == owner_id, _s.name == askable(reference))).one_or_none()

    def names(self, owner_id: str) -> dict[str, str]:
        """The id of each name."""
        return {row.name: row.id for row in self._connection.execute(select(_s.name, _s.id).where(_s.owner_id == owner_id))}

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(sets).values(**values))

    def change(self, owner_id: str, set_id: str, **values: Any) -> bool:
        """Set columns; False if there is no such set of the owner's."""
        return self._connection.execute(update(sets).where(*_own(owner_id, set_id)).values(**values)).rowcount > 0

    def take_serials(self, owner_id: str, set_id: str, count: int) -> int | None:
        """The first of `count` numbers that nobody else gets; None if there is no such set of the owner's. Hold the owner's lock."""
        first = self._connection.execute(select(_s.next_serial).where(*_own(owner_id, set_id))).scalar_one_or_none()
        if first is not None:
            self.change(owner_id, set_id, next_serial=first + count)
        return first

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete with all versions and questions; how many sets there were."""
        return self._connection.execute(delete(sets).where(_s.owner_id == owner_id, _s.id.in_(ids))).rowcount

    def remove_unfinished(self, owner_id: str, before_ms: int) -> int:
        """Sets whose import was broken off; how many there were."""
        statement = delete(sets).where(_s.owner_id == owner_id, _s.version == 0, _s.created_at < before_ms)
        return self._connection.execute(statement).rowcount

    def there(self, owner_id: str, set_id: str) -> bool:
        """Whether there is such a set of the owner's, one that is being read from a file as well."""
        return self._connection.execute(select(_s.id).where(*_own(owner_id, set_id))).one_or_none() is not None

    # Versions --------------------------------------------------------------------------------------------------------

    def add_version(self, **values: Any) -> None:
        """The caller has found the set to be the owner's."""
        self._connection.execute(insert(versions).values(**values))

    def version(self, owner_id: str, set_id: str, version: int) -> Row[Any] | None:
        joined = select(versions).join(sets, _v.set_id == _s.id)
        return self._connection.execute(joined.where(*_own(owner_id, set_id), _v.version == version)).one_or_none()

    def versions_of(self, owner_id: str, set_id: str) -> Sequence[Row[Any]]:
        """Every version without its questions, the newest first."""
        columns = [column for column in versions.c if column.name != "serials"]
        statement = select(*columns).join(sets, _v.set_id == _s.id).where(*_own(owner_id, set_id))
        return self._connection.execute(statement.order_by(_v.version.desc())).all()

    # Questions -------------------------------------------------------------------------------------------------------

    def add_questions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The caller has found the set to be the owner's."""
        if rows:
            self._connection.execute(insert(questions), [dict(row) for row in rows])

    def questions(self, owner_id: str, set_id: str, serials: Sequence[int]) -> dict[int, Row[Any]]:
        """Rows by serial."""
        return {row.serial: row for row in self._of(owner_id, set_id, serials, list(questions.c))}

    def marks(self, owner_id: str, set_id: str, serials: Sequence[int]) -> dict[int, Mark]:
        """By serial; of many at a time, so nothing else of the questions is read."""
        columns = [_q.serial, _q.root, _q.digest, _q.type, _q.expected.is_not(None)]
        types: dict[str, str] = {}
        rows: Iterable[Any] = self._of(owner_id, set_id, serials, columns)
        return {serial: Mark(root, digest, types.setdefault(kind, kind), bool(answered)) for serial, root, digest, kind, answered in rows}

    def matching(self, owner_id: str, set_id: str, text: str, type_: str | None) -> set[int]:
        """Serials of all questions of the set, of any version, with `text` in question or right answer and of this type."""
        statement = select(_q.serial).join(sets, _q.set_id == _s.id).where(*_own(owner_id, set_id))
        if text:
            wanted = askable(text).lower()
            sides = (func.lower(_q.text).contains(wanted, autoescape=True), func.lower(_q.expected).contains(wanted, autoescape=True))
            statement = statement.where(or_(*sides))
        if type_ is not None:
            statement = statement.where(_q.type == askable(type_))
        return set(self._connection.execute(statement).scalars())

    def remove_questions(self, owner_id: str, set_id: str, first: int, end: int) -> None:
        """What an import that failed had written: serials from `first` up to `end`, which no version names."""
        own = select(_s.id).where(*_own(owner_id, set_id))
        self._connection.execute(delete(questions).where(_q.set_id.in_(own), _q.serial >= first, _q.serial < end))

    def _of(self, owner_id: str, set_id: str, serials: Sequence[int], columns: Sequence[Any]) -> Iterable[Row[Any]]:
        statement = select(*columns).join(sets, _q.set_id == _s.id).where(*_own(owner_id, set_id))
        if not serials:
            return
        low, high = min(serials), max(serials)
        if high - low < 2 * len(serials) + IDS:  # nearly all of a stretch
            for start in range(low, high + 1, STRETCH):
                yield from self._connection.execute(statement.where(_q.serial.between(start, min(high, start + STRETCH - 1))))
            return
        for start in range(0, len(serials), IDS):
            yield from self._connection.execute(statement.where(_q.serial.in_(serials[start : start + IDS])))


def _own(owner_id: str, set_id: str) -> tuple[ColumnElement[bool], ...]:
    return _s.owner_id == owner_id, _s.id == set_id


def _current() -> Select[Any]:
    joined = sets.join(versions, and_(_v.set_id == _s.id, _v.version == _s.version))
    return select(sets, _v.question_count, _v.types, _v.expected).select_from(joined)
