"""Queries over what the judges of batches said. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    and_,
    case,
    func,
    select,
    update,
)

from storage.repositories.base import IDS, batched
from storage.repositories.batch_tables import BatchQueries, answers, batches, joined_answers, judgements, questions

_a, _b, _j, _q = answers.c, batches.c, judgements.c, questions.c


class JudgementQueries(BatchQueries):
    """The part of BatchRepository that is about judgements."""

    def judged(self, batch_id: str) -> tuple[int, int]:
        """(judgements that are through, all of them)."""
        through = func.sum(case((_j.state.in_(("answered", "failed")), 1), else_=0))
        row = self._connection.execute(select(through, func.count()).where(_j.batch_id == batch_id)).one()
        return int(row[0] or 0), int(row[1])

    def judgements_page(self, owner_id: str, batch_id: str, limit: int, offset: int) -> tuple[Sequence[Row[Any]], int]:
        """Pairs: each row is the first order (left shown first), with the second as `t_...` columns, where there is one."""
        turned, left, right = judgements.alias("turned"), answers.alias("l"), answers.alias("r")
        where = (_j.batch_id == batch_id, _b.owner_id == owner_id, _j.turned.is_(False), _j.right_id.is_not(None))
        total = self._connection.execute(
            select(func.count()).select_from(judgements.join(batches, _j.batch_id == _b.id)).where(*where)
        ).scalar_one()
        joined = (
            judgements.join(batches, _j.batch_id == _b.id)
            .join(left, left.c.id == _j.left_id)
            .join(right, right.c.id == _j.right_id)
            .join(questions, questions.c.id == left.c.question_id)
            .outerjoin(turned, and_(turned.c.left_id == _j.left_id, turned.c.right_id == _j.right_id, turned.c.turned.is_(True)))
        )
        columns = (
            judgements, turned.c.verdict.label("t_verdict"), turned.c.reason.label("t_reason"), turned.c.state.label("t_state"),
            turned.c.error.label("t_error"), left.c.configuration_id.label("left_configuration"), left.c.repetition,
            right.c.configuration_id.label("right_configuration"), func.length(left.c.content).label("left_size"),
            func.length(right.c.content).label("right_size"), _q.number, _q.type,
        )  # fmt: skip
        statement = select(*columns).select_from(joined).where(*where).order_by(_j.ordinal).limit(limit).offset(offset)
        return self._connection.execute(statement).all(), total

    def answered(self, batch_id: str, numbers: tuple[int, int]) -> Sequence[Row[Any]]:
        """Joined answers that came, to the questions from the first number to before the second, in order."""
        statement = joined_answers().where(_a.batch_id == batch_id, _a.state == "answered", _q.number >= numbers[0], _q.number < numbers[1])
        return self._connection.execute(statement.order_by(_a.ordinal)).all()

    def judgement_keys(self, batch_id: str) -> set[tuple[str, str, bool]]:
        rows = self._connection.execute(select(_j.left_id, _j.right_id, _j.turned).where(_j.batch_id == batch_id))
        return {(row.left_id, row.right_id or "", row.turned) for row in rows}

    def open_judgements(self, batch_id: str, *, ids: Sequence[str] | None = None, limit: int = IDS) -> Sequence[Row[Any]]:
        """Judgements that wait or, if `ids` are named (500 at most), those not through; with both answers' texts and the question."""
        left, right = answers.alias("l"), answers.alias("r")
        joined = (
            judgements.join(left, left.c.id == _j.left_id)
            .outerjoin(right, right.c.id == _j.right_id)
            .join(questions, questions.c.id == left.c.question_id)
        )
        columns = [column.label(f"q_{column.name}") for column in questions.c]
        texts = (left.c.content.label("left_content"), right.c.content.label("right_content"))
        wanted = _j.state == "waiting" if ids is None else and_(_j.id.in_(ids), _j.state != "answered")
        statement = select(judgements, *texts, *columns).select_from(joined).where(_j.batch_id == batch_id, wanted)
        return self._connection.execute(statement.order_by(_j.ordinal).limit(limit)).all()

    def change_judgements(self, ids: Sequence[str], **values: Any) -> None:
        for some in batched(ids):
            self._connection.execute(update(judgements).where(_j.id.in_(some)).values(**values))

    def judged_of(self, batch_id: str) -> Sequence[Row[Any]]:
        """(left id, right id, turned, state, verdict, reason) of all, in order."""
        statement: Select[Any] = select(_j.left_id, _j.right_id, _j.turned, _j.state, _j.verdict, _j.reason)
        return self._connection.execute(statement.where(_j.batch_id == batch_id).order_by(_j.ordinal)).all()

    def judgement_states(self, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in batched(ids):
            found |= {row.id: row.state for row in self._connection.execute(select(_j.id, _j.state).where(_j.id.in_(some)))}
        return found

    def fail_judgements(self, batch_id: str, error: str) -> None:
        """Those that still wait fail unasked."""
        where = (_j.batch_id == batch_id, _j.state == "waiting")
        self._connection.execute(update(judgements).where(*where).values(state="failed", error=error))

    def put_back_judgements(self, batch_id: str, states: Sequence[str]) -> int:
        statement = update(judgements).where(_j.batch_id == batch_id, _j.state.in_(states))
        return self._connection.execute(statement.values(state="waiting", error="")).rowcount

    def put_back_asked_judgements(self, ids: Sequence[str], epoch: int) -> None:
        """Those that are being asked since this epoch wait again."""
        for some in batched(ids):
            where = (_j.id.in_(some), _j.state == "asking", _j.epoch == epoch)
            self._connection.execute(update(judgements).where(*where).values(state="waiting"))

    def judgements_left(self, batch_id: str) -> int:
        where = (_j.batch_id == batch_id, _j.state.in_(("waiting", "asking")))
        return self._connection.execute(select(func.count()).select_from(judgements).where(*where)).scalar_one()
