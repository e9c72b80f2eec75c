"""Queries over batches, their answers and judgements, as Core statements. Never commits.

What a person does names the owner in every query; what the engine does goes by the id of a batch whose lease it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Row,
    Select,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from storage.repositories.base import askable, batched
from storage.repositories.batch_judgements import JudgementQueries
from storage.repositories.batch_tables import answers, batches, configurations, contains, joined_answers, judgements, questions
from storage.repositories.batch_work import WorkQueries

_a, _b, _c, _q = answers.c, batches.c, configurations.c, questions.c

#: Rows of one INSERT.
_ROWS = 2_000
#: The state of a batch whose rows are still being written: nobody sees it.
MAKING = "making"
_ORDERS: Mapping[str, ColumnElement[Any]] = {
    "number": _a.ordinal,
    "score": _a.score,
    "total": _a.total_ms,
    "ttft": _a.ttft_ms,
    "cost": cast(func.nullif(_a.cost, ""), Double),
    "stars": _a.stars,
}


class BatchRepository(WorkQueries, JudgementQueries):
    """Rows of a joined answer have the columns of the answer, and `q_...` and `c_...` of its question and configuration."""

    # A person's ------------------------------------------------------------------------------------------------------

    def add(self, **values: Any) -> None:
        self._connection.execute(insert(batches).values(**values))

    def add_configurations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._insert(configurations, rows)

    def add_questions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._insert(questions, rows)

    def add_answers(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._insert(answers, rows)

    def add_judgements(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._insert(judgements, rows)

    def _insert(self, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), _ROWS):
            self._connection.execute(insert(table), rows[start : start + _ROWS])

    def get(self, owner_id: str, batch_id: str) -> Row[Any] | None:
        return self._connection.execute(select(batches).where(*_own(owner_id, batch_id))).one_or_none()

    def lock(self, owner_id: str, batch_id: str) -> Row[Any] | None:
        """As `get`, and nobody else changes it before this unit of work ends."""
        return self._connection.execute(select(batches).where(*_own(owner_id, batch_id)).with_for_update()).one_or_none()

    def find(self, owner_id: str, reference: str) -> Row[Any] | None:
        """The newest that has this beginning of an id (8 characters at least), or this name."""
        by = [_b.name == askable(reference)]
        if len(reference) >= 8 and reference.isalnum() and reference.isascii():
            by.append(_b.id.startswith(reference, autoescape=True))
        statement = select(batches).where(_b.owner_id == owner_id, _b.state != MAKING, or_(*by))
        return self._connection.execute(statement.order_by(_b.created_at.desc(), _b.id.desc()).limit(1)).one_or_none()

    def listed(self, owner_id: str, *, query: str, states: Sequence[str], limit: int, offset: int) -> tuple[Sequence[Row[Any]], int]:
        """The newest first, and how many there are in all."""
        where = [_b.owner_id == owner_id, _b.state != MAKING]
        if states:
            where.append(_b.state.in_(states))
        for word in askable(query).split():
            of_model = select(_c.batch_id).where(or_(contains(_c.model, word), contains(_c.name, word)))
            where.append(or_(contains(_b.name, word), contains(_b.set_name, word), _b.id.in_(of_model)))
        total = self._connection.execute(select(func.count()).select_from(batches).where(*where)).scalar_one()
        statement = select(batches).where(*where).order_by(_b.created_at.desc(), _b.id.desc()).limit(limit).offset(offset)
        return self._connection.execute(statement).all(), total

    def change(self, batch_id: str, **values: Any) -> None:
        """Set columns; whoever watches sees that something changed."""
        self._connection.execute(update(batches).where(_b.id == batch_id).values(changed=_b.changed + 1, **values))

    def remove(self, owner_id: str, batch_id: str) -> bool:
        """With everything in it."""
        if self.get(owner_id, batch_id) is None:
            return False
        self._remove(batch_id)
        return True

    def remove_half_made(self, before: int) -> None:
        """Those whose making began before that moment and never came to its end."""
        found = self._connection.execute(select(_b.id).where(_b.state == MAKING, _b.created_at < before)).scalars().all()
        for batch_id in found:
            self._remove(batch_id)

    def _remove(self, batch_id: str) -> None:
        """From the leaves up: SQLite would look for each row's children one by one."""
        for table in (judgements, answers, questions, configurations):
            self._connection.execute(delete(table).where(table.c.batch_id == batch_id))
        self._connection.execute(delete(batches).where(_b.id == batch_id))

    def configurations_of(self, batch_ids: Sequence[str]) -> Sequence[Row[Any]]:
        found: list[Row[Any]] = []
        for some in batched(batch_ids):
            found += self._connection.execute(select(configurations).where(_c.batch_id.in_(some)).order_by(_c.batch_id, _c.ordinal)).all()
        return found

    def answers_page(
        self, owner_id: str, batch_id: str, *, where: Mapping[str, Any], query: str, sort: str, limit: int, offset: int
    ) -> tuple[Sequence[Row[Any]], int]:
        """`where`: state, configuration_id, type, those that are not None."""
        clauses: list[ColumnElement[bool]] = [_a.batch_id == batch_id, _b.owner_id == owner_id]
        columns = {"state": _a.state, "configuration_id": _a.configuration_id, "type": _q.type}
        clauses += [columns[name] == askable(value) for name, value in where.items() if value is not None]
        for word in askable(query).split():
            clauses.append(or_(contains(_q.content, word), contains(_a.content, word), contains(_q.expected, word)))
        joined = answers.join(batches, _a.batch_id == _b.id)
        if query.split() or where["type"] is not None:  # else counting can do without the questions
            joined = joined.join(questions, _a.question_id == _q.id)
        total = self._connection.execute(select(func.count()).select_from(joined).where(*clauses)).scalar_one()
        column = _ORDERS[sort.lstrip("-")]
        order = (column.desc() if sort.startswith("-") else column.asc(), _a.ordinal)
        if sort.lstrip("-") != "number":
            order = (case((column.is_(None), 1), else_=0), *order)  # type: ignore[assignment]
        statement = joined_answers().join(batches, _a.batch_id == _b.id).where(*clauses).order_by(*order).limit(limit).offset(offset)
        return self._connection.execute(statement).all(), total

    def answers_after(self, batch_id: str, ordinal: int, limit: int) -> Sequence[Row[Any]]:
        """Joined answers in their order, from the one behind `ordinal` on: for going through all of them."""
        statement = joined_answers().where(_a.batch_id == batch_id, _a.ordinal > ordinal).order_by(_a.ordinal).limit(limit)
        return self._connection.execute(statement).all()

    def answer(self, owner_id: str, answer_id: str) -> Row[Any] | None:
        statement = joined_answers().join(batches, _a.batch_id == _b.id).where(_b.owner_id == owner_id, _a.id == answer_id)
        return self._connection.execute(statement).one_or_none()

    def newest(self, batch_id: str, changed: int, limit: int) -> Sequence[Row[Any]]:
        """Joined answers that came after the batch's change number `changed`, the newest `limit` of them, newest first."""
        statement = joined_answers().where(_a.batch_id == batch_id, _a.changed > changed, _a.state.in_(("answered", "failed")))
        return self._connection.execute(statement.order_by(_a.changed.desc(), _a.ordinal.desc()).limit(limit)).all()

    def figures(self, batch_id: str) -> Sequence[Row[Any]]:
        """What statistics need of every answer, in order: no texts but their lengths."""
        columns = (
            _a.id, _a.ordinal, _a.state, _a.repetition, _a.scorer, _a.score, _a.passed, _a.score_details, _a.ttft_ms, _a.total_ms,
            _a.input_tokens, _a.output_tokens, _a.cost, _a.currency, _a.stars, func.length(_a.content).label("size"),
            _q.number, _q.type, _q.weight, _c.id.label("configuration_id"), _c.name,
        )  # fmt: skip
        joined = answers.join(questions, _a.question_id == _q.id).join(configurations, _a.configuration_id == _c.id)
        statement: Select[Any] = select(*columns).select_from(joined).where(_a.batch_id == batch_id)
        return self._connection.execute(statement.order_by(_a.ordinal)).all()

    def change_answer(self, answer_id: str, **values: Any) -> None:
        self._connection.execute(update(answers).where(_a.id == answer_id).values(**values))


def _own(owner_id: str, batch_id: str) -> tuple[ColumnElement[bool], ...]:
    return _b.owner_id == owner_id, _b.id == batch_id, _b.state != MAKING
