"""Queries over runs and their attempts, as Core statements. Never commits; a query without an owner is the scheduler's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, case, delete, func, insert, select, update

from storage.repositories.base import IDS, Repository, askable, batched
from storage.repositories.upsert import ensure
from storage.tables import metadata

runs = metadata.tables["training_runs"]
attempts = metadata.tables["training_attempts"]
users = metadata.tables["users"]
changes = metadata.tables["run_changes"]
_r, _a, _n = runs.c, attempts.c, changes.c
AT_WORK = ("starting", "running", "pausing")
#: Words of a search that count, and characters of each.
_WORDS, _LONGEST = 8, 200


class Bumped(NamedTuple):
    """A count that went up to `counted` because of these runs."""

    user_id: str
    counted: int
    run_ids: tuple[str, ...]


class RunRepository(Repository):
    """A row is a run with its owner's name and the columns of its current attempt, prefixed with `a_` (None before the first start).

    `bumped`: the counts that this unit of work raised.
    """

    bumped: tuple[Bumped, ...] = ()

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    # Runs ----------------------------------------------------------------------------------------------------------

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(runs).values(**values))

    def get(self, owner_id: str | None, run_id: str) -> Row[Any] | None:
        """`owner_id` None: whoever's it is."""
        return self._connection.execute(_whole().where(_r.id == run_id, *_of(owner_id))).one_or_none()

    def named(self, owner_id: str | None, reference: str) -> Sequence[Row[Any]]:
        """Those whose id begins with `reference` (from six characters on) or whose name it is; at most two."""
        reference = askable(reference)
        statement = _whole().where(_r.name == reference, *_of(owner_id)).order_by(_r.created_at.desc()).limit(2)
        if 6 <= len(reference) <= 32 and reference.isalnum():
            begins = _whole().where(_r.id.startswith(reference, autoescape=True), *_of(owner_id)).limit(2)
            if found := self._connection.execute(begins).all():
                return found
        return self._connection.execute(statement).all()

    def page(self, owner_id: str | None, *, states: Collection[str], query: str, limit: int, offset: int) -> tuple[Sequence[Row[Any]], int]:
        """Those at work first, then the queue in its order, then the newest; and how many there are."""
        wanted = [*_of(owner_id), *_worded(query)]
        if states:
            wanted.append(_r.state.in_(list(states)))
        rank = case((_r.state.in_(AT_WORK), 0), (_r.state == "pending", 1), else_=2)
        queue = case((_r.state == "pending", -_r.priority), else_=0)
        place = case((_r.state == "pending", _r.position), else_=0)
        ordered = _whole().where(*wanted).order_by(rank, queue, place, _r.created_at.desc(), _r.id.desc())
        total = self._connection.execute(select(func.count()).select_from(runs).where(*wanted)).scalar_one()
        return self._connection.execute(ordered.limit(limit).offset(offset)).all(), total

    def counts(self, owner_id: str | None) -> dict[str, int]:
        """How many there are in each state."""
        statement = select(_r.state, func.count()).where(*_of(owner_id)).group_by(_r.state)
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def at_work(self) -> Sequence[Row[Any]]:
        """Everybody's with a process, or that may have one."""
        return self._connection.execute(_whole().where(_r.state.in_(AT_WORK)).order_by(_r.id)).all()

    def queue(self) -> Sequence[Row[Any]]:
        """Everybody's that are pending, the first first."""
        statement = _whole().where(_r.state == "pending").order_by(_r.priority.desc(), _r.position, _r.id)
        return self._connection.execute(statement).all()

    def queue_ids(self) -> list[str]:
        statement = select(_r.id).where(_r.state == "pending").order_by(_r.priority.desc(), _r.position, _r.id)
        return list(self._connection.execute(statement).scalars())

    def busy(self) -> bool:
        """Whether anything is at work or pending."""
        return self._connection.execute(select(_r.id).where(_r.state.in_((*AT_WORK, "pending"))).limit(1)).first() is not None

    def last_position(self) -> int:
        return int(self._connection.execute(select(func.coalesce(func.max(_r.position), 0))).scalar_one())

    def change(self, run_id: str, expected: Mapping[str, Any] | None = None, **values: Any) -> bool:
        """Set columns if the columns of `expected` are as it says; whether they were."""
        same = [_r[name] == value for name, value in (expected or {}).items()]
        return self._connection.execute(update(runs).where(_r.id == run_id, *same).values(**values)).rowcount > 0

    def remove(self, owner_id: str | None, run_id: str) -> bool:
        return self._connection.execute(delete(runs).where(_r.id == run_id, *_of(owner_id))).rowcount > 0

    # Attempts ------------------------------------------------------------------------------------------------------

    def add_attempt(self, **values: Any) -> None:
        self._connection.execute(insert(attempts).values(**values))

    def attempts_of(self, run_id: str) -> Sequence[Row[Any]]:
        """The newest first."""
        return self._connection.execute(select(attempts).where(_a.run_id == run_id).order_by(_a.number.desc())).all()

    def change_attempt(self, run_id: str, number: int, **values: Any) -> bool:
        return self._connection.execute(update(attempts).where(_a.run_id == run_id, _a.number == number).values(**values)).rowcount > 0

    def remove_attempt(self, run_id: str, number: int) -> bool:
        return self._connection.execute(delete(attempts).where(_a.run_id == run_id, _a.number == number)).rowcount > 0

    # What changed --------------------------------------------------------------------------------------------------

    def touch(self, owner_ids: Mapping[str, Iterable[str]]) -> None:
        """Tell these owners that these of their runs changed: the count of each goes up by one and is noted beside the runs."""
        for user_id in sorted(owner_ids):  # in one order for all
            ids = tuple(owner_ids[user_id])
            count = self._next(user_id)
            for some in batched(ids):
                self._connection.execute(update(runs).where(_r.owner_id == user_id, _r.id.in_(some)).values(changed=count))
            self.bumped += (Bumped(user_id, count, ids),)

    def _next(self, user_id: str) -> int:
        raised = update(changes).where(_n.user_id == user_id).values(counted=_n.counted + 1)
        if self._connection.execute(raised).rowcount == 0:
            ensure(self._connection, changes, {"user_id": user_id, "counted": 0})
            self._connection.execute(raised)
        return int(self._connection.execute(select(_n.counted).where(_n.user_id == user_id)).scalar_one())

    def changes(self, user_ids: Collection[str]) -> dict[str, int]:
        """The counts of these accounts; one that never changed is not there."""
        found: dict[str, int] = {}
        for some in batched(list(user_ids)):
            rows = self._connection.execute(select(_n.user_id, _n.counted).where(_n.user_id.in_(some)))
            found.update((row.user_id, row.counted) for row in rows)
        return found

    def since(self, user_id: str, count: int) -> list[str]:
        """The runs that changed for the account after its count was `count`."""
        return list(self._connection.execute(select(_r.id).where(_r.owner_id == user_id, _r.changed > count).limit(IDS)).scalars())


def _whole() -> Select[Any]:
    current = [column.label(f"a_{column.name}") for column in _a]
    both = runs.join(users, users.c.id == _r.owner_id).outerjoin(attempts, (_a.run_id == _r.id) & (_a.number == _r.attempt))
    return select(runs, users.c.nickname.label("owner_name"), *current).select_from(both)


def _of(owner_id: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if owner_id is None else (_r.owner_id == owner_id,)


def _worded(query: str) -> list[ColumnElement[bool]]:
    """Every word must be in the name; % and _ are plain characters."""
    words = list(dict.fromkeys(askable(query).split()))[:_WORDS]
    return [_r.name.icontains(word[:_LONGEST], autoescape=True) for word in words]
