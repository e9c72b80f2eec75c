"""Queries over comparisons, candidates, rounds and verdicts, as Core statements. Never commits.

What a person asks for names the owner. What names none takes ids that the service found by their owner before, in the same unit of
work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.repositories.base import Repository, batched
from storage.tables import metadata

comparisons = metadata.tables["comparisons"]
candidates = metadata.tables["comparison_candidates"]
rounds = metadata.tables["comparison_rounds"]
answers = metadata.tables["comparison_answers"]
verdicts = metadata.tables["comparison_verdicts"]
_c, _k, _r, _a, _v = comparisons.c, candidates.c, rounds.c, answers.c, verdicts.c


class Waiting(NamedTuple):
    """A candidate that was not asked the question of a round yet."""

    round_id: str
    round_ordinal: int
    candidate_id: str
    conversation_id: str
    question: str


class ComparisonRepository(Repository):
    """Rows are SQLAlchemy `Row`s with the columns of storage/tables/comparisons.py."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    # Comparisons

    def get(self, owner_id: str, comparison_id: str) -> Row[Any] | None:
        statement = select(comparisons).where(_c.owner_id == owner_id, _c.id == comparison_id)
        return self._connection.execute(statement).one_or_none()

    def lock(self, owner_id: str, comparison_id: str) -> Row[Any] | None:
        """As `get`, and nobody else changes it before this unit of work ends (SQLite is locked as a whole)."""
        statement = select(comparisons).where(_c.owner_id == owner_id, _c.id == comparison_id).with_for_update()
        return self._connection.execute(statement).one_or_none()

    def owned(self, owner_id: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are the owner's; locked, where this unit of work writes."""
        statement = select(_c.id).where(_c.owner_id == owner_id, _c.id.in_(list(ids))).order_by(_c.id)
        return set(self._connection.execute(statement.with_for_update()).scalars())

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(comparisons).values(**values))

    def change(self, comparison_id: str, **values: Any) -> bool:
        """Set columns; False if it is gone."""
        return self._connection.execute(update(comparisons).where(_c.id == comparison_id).values(**values)).rowcount > 0

    def remove(self, owner_id: str, ids: Sequence[str]) -> int:
        """Delete for good, with candidates, rounds and verdicts. The candidates' conversations are not deleted by this."""
        return self._connection.execute(delete(comparisons).where(_c.owner_id == owner_id, _c.id.in_(ids))).rowcount

    # Candidates

    def add_candidates(self, new: Sequence[Mapping[str, Any]]) -> None:
        self._connection.execute(insert(candidates), [dict(values) for values in new])

    def candidates(self, comparison_ids: Sequence[str]) -> list[Row[Any]]:
        """The candidates of these comparisons, in the order of their columns."""
        found: list[Row[Any]] = []
        for some in batched(comparison_ids):
            statement = select(candidates).where(_k.comparison_id.in_(some)).order_by(_k.comparison_id, _k.ordinal)
            found += self._connection.execute(statement)
        return found

    def candidate_of(self, owner_id: str, conversation_id: str) -> Row[Any] | None:
        """The candidate whose conversation it is."""
        statement = select(candidates).where(_k.owner_id == owner_id, _k.conversation_id == conversation_id)
        return self._connection.execute(statement).one_or_none()

    def change_candidate(self, candidate_id: str, **values: Any) -> None:
        self._connection.execute(update(candidates).where(_k.id == candidate_id).values(**values))

    # Rounds

    def add_round(self, **values: Any) -> None:
        self._connection.execute(insert(rounds).values(**values))

    def round(self, owner_id: str, round_id: str) -> Row[Any] | None:
        return self._connection.execute(select(rounds).where(_r.owner_id == owner_id, _r.id == round_id)).one_or_none()

    def last_rounds(self, comparison_id: str, count: int) -> list[Row[Any]]:
        """The last `count` rounds, oldest first."""
        statement = select(rounds).where(_r.comparison_id == comparison_id).order_by(_r.ordinal.desc()).limit(count)
        return list(reversed(self._connection.execute(statement).all()))

    def questions(self, comparison_id: str) -> list[Row[Any]]:
        """`id`, `question` and `compared` of every round, oldest first."""
        statement = select(_r.id, _r.question, _r.compared).where(_r.comparison_id == comparison_id).order_by(_r.ordinal)
        return list(self._connection.execute(statement))

    # Answers

    def add_answers(self, new: Sequence[Mapping[str, Any]]) -> None:
        self._connection.execute(insert(answers), [dict(values) for values in new])

    def answers(self, round_ids: Sequence[str]) -> list[Row[Any]]:
        """The places of all candidates in these rounds, in any order."""
        return [row for some in batched(round_ids) for row in self._connection.execute(select(answers).where(_a.round_id.in_(some)))]

    def asked(self, round_id: str, candidate_id: str, question_id: str) -> None:
        """The candidate is asked by the message `question_id`."""
        where = (_a.round_id == round_id, _a.candidate_id == candidate_id)
        self._connection.execute(update(answers).where(*where).values(state="asked", question_id=question_id))

    def waiting(self, comparison_id: str) -> list[Waiting]:
        """What waits, in the order in which it is asked."""
        statement = (
            select(_r.id, _r.ordinal, _k.id, _k.conversation_id, _r.question)
            .join(answers, _a.round_id == _r.id)
            .join(candidates, _k.id == _a.candidate_id)
            .where(_r.comparison_id == comparison_id, _a.state == "waiting")
            .order_by(_r.ordinal, _k.ordinal)
        )
        return [Waiting._make(row) for row in self._connection.execute(statement)]

    def skip_waiting(self, comparison_id: str) -> None:
        """What waits is not asked any more."""
        own = select(_r.id).where(_r.comparison_id == comparison_id)
        self._connection.execute(update(answers).where(_a.round_id.in_(own), _a.state == "waiting").values(state="skipped"))

    # Verdicts

    def verdicts(self, round_ids: Sequence[str]) -> list[Row[Any]]:
        return [row for some in batched(round_ids) for row in self._connection.execute(select(verdicts).where(_v.round_id.in_(some)))]

    def put_verdict(self, round_id: str, **values: Any) -> None:
        """The verdict on a round, instead of the one there is."""
        self.remove_verdict(round_id)
        self._connection.execute(insert(verdicts).values(round_id=round_id, **values))

    def remove_verdict(self, round_id: str) -> bool:
        return self._connection.execute(delete(verdicts).where(_v.round_id == round_id)).rowcount > 0

    def last_verdict(self, comparison_id: str) -> Row[Any] | None:
        """The verdict on the latest round that has one."""
        statement = select(verdicts).join(rounds, _r.id == _v.round_id).where(_r.comparison_id == comparison_id)
        return self._connection.execute(statement.order_by(_r.ordinal.desc()).limit(1)).one_or_none()

    # Names

    def models(self, owner_id: str) -> list[str]:
        """The models of the owner's candidates, sorted."""
        statement = select(_k.model).where(_k.owner_id == owner_id, _k.model != "").distinct().order_by(_k.model)
        return list(self._connection.execute(statement).scalars())

    def types(self, owner_id: str) -> list[str]:
        """The types of the owner's comparisons, sorted."""
        statement = select(_c.type).where(_c.owner_id == owner_id, _c.type != "").distinct().order_by(_c.type)
        return list(self._connection.execute(statement).scalars())

    def count_rounds(self, comparison_id: str) -> int:
        return self._connection.execute(select(func.count()).select_from(rounds).where(_r.comparison_id == comparison_id)).scalar_one()
