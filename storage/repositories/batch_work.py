"""Queries of the engines of batches: by the id of a batch whose lease they hold. Never commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)

from storage.repositories.base import batched
from storage.repositories.batch_tables import BatchQueries, answers, batches, configurations, joined_answers, questions

_a, _b, _c, _q = answers.c, batches.c, configurations.c, questions.c


class WorkQueries(BatchQueries):
    """The part of BatchRepository that engines use."""

    def by_id(self, batch_id: str, *, lock: bool = False) -> Row[Any] | None:
        statement = select(batches).where(_b.id == batch_id)
        return self._connection.execute(statement.with_for_update() if lock else statement).one_or_none()

    def active(self) -> Sequence[Row[Any]]:
        """Those that somebody should work on, the oldest start first."""
        statement: Select[Any] = select(_b.id, _b.state, _b.owner_id).where(_b.state.in_(("running", "pausing")))
        return self._connection.execute(statement.order_by(_b.started_at, _b.id)).all()

    def waiting(self, batch_id: str, configuration_ids: Sequence[str], limit: int) -> Sequence[Row[Any]]:
        """Joined answers of these configurations that wait to be asked, in order."""
        statement = joined_answers().where(_a.batch_id == batch_id, _a.state == "waiting", _a.configuration_id.in_(configuration_ids))
        return self._connection.execute(statement.order_by(_a.ordinal).limit(limit)).all()

    def mark_asking(self, rows: Sequence[Mapping[str, Any]], *, epoch: int, moment: int) -> None:
        """`rows`: {"b_id", "b_key"}: they are asked from now on."""
        statement = update(answers).where(_a.id == bindparam("b_id"))
        statement = statement.values(state="asking", epoch=epoch, asked_at=moment, request_key=bindparam("b_key"))
        self._connection.execute(statement, rows)

    def by_request(self, owner_id: str, keys: Sequence[str]) -> dict[str, Row[Any]]:
        """Answers of this owner to exactly these requests, by key: the first one that really was asked."""
        found: dict[str, Row[Any]] = {}
        for some in batched(keys):
            statement = select(answers).join(batches, _a.batch_id == _b.id).where(_b.owner_id == owner_id, _a.request_key.in_(some))
            statement = statement.where(_a.state == "answered", _a.from_cache.is_(False))
            for row in self._connection.execute(statement.order_by(_a.answered_at.desc())):
                found[row.request_key] = row
        return found

    def joined(self, batch_id: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
        """Joined answers of a batch by their ids; those that are not in it are left out."""
        found: list[Row[Any]] = []
        for some in batched(ids):
            found += self._connection.execute(joined_answers().where(_a.batch_id == batch_id, _a.id.in_(some))).all()
        return found

    def weights(self, ids: Sequence[str]) -> dict[str, float]:
        """The weights of the questions of answers."""
        found: dict[str, float] = {}
        for some in batched(ids):
            statement: Select[Any] = select(_a.id, _q.weight).join(questions, _a.question_id == _q.id).where(_a.id.in_(some))
            found |= {row.id: row.weight for row in self._connection.execute(statement)}
        return found

    def answered_requests(self, owner_id: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys that `by_request` would find."""
        found: set[str] = set()
        for some in batched(keys):
            statement = select(_a.request_key).join(batches, _a.batch_id == _b.id).where(_b.owner_id == owner_id, _a.request_key.in_(some))
            found |= set(self._connection.execute(statement.where(_a.state == "answered", _a.from_cache.is_(False))).scalars())
        return found

    def states(self, ids: Sequence[str]) -> dict[str, Row[Any]]:
        """State and score of answers, which stay as they are until this unit of work ends."""
        found: dict[str, Row[Any]] = {}
        columns = (_a.id, _a.state, _a.configuration_id, _a.score, _a.scorer, _a.epoch)
        for some in batched(ids):
            statement = select(*columns).where(_a.id.in_(some)).order_by(_a.id).with_for_update()
            found |= {row.id: row for row in self._connection.execute(statement)}
        return found

    def save(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Answers by "b_id"; the other columns of all rows are the same ones."""
        if rows:
            names = [name for name in rows[0] if name != "b_id"]
            statement = update(answers).where(_a.id == bindparam("b_id")).values({name: bindparam(f"v_{name}") for name in names})
            self._connection.execute(
                statement, [{name if name == "b_id" else f"v_{name}": value for name, value in row.items()} for row in rows]
            )

    def count(self, configuration_id: str, **deltas: Any) -> None:
        """Add to the counts of a configuration; `cost`, `currency`, `gave_up` are set."""
        values = {name: value if name in ("cost", "currency", "gave_up") else _c[name] + value for name, value in deltas.items()}
        if values:
            self._connection.execute(update(configurations).where(_c.id == configuration_id).values(**values))

    def recount(self, batch_id: str) -> None:
        """The counts of all configurations anew from the answers: after a crash, and after failed ones were put back."""
        sums = select(
            _a.configuration_id,
            func.count(),
            *(func.sum(case((_a.state == state, 1), else_=0)) for state in ("answered", "failed", "asking")),
            func.sum(case((and_(_a.state == "answered", _a.from_cache.is_(True)), 1), else_=0)),
            func.sum(case((_a.score.is_not(None), 1), else_=0)),
            func.sum(func.coalesce(_a.score * _q.weight, 0.0)),
            func.sum(case((_a.score.is_not(None), _q.weight), else_=0.0)),
            func.sum(case((_a.state == "answered", func.coalesce(_a.output_tokens, 0)), else_=0)),
        ).join(questions, _a.question_id == _q.id)
        for row in self._connection.execute(sums.where(_a.batch_id == batch_id).group_by(_a.configuration_id)).all():
            names = ("total", "answered", "failed", "asking", "cached", "scored", "score", "weight", "output_tokens")
            self._connection.execute(update(configurations).where(_c.id == row[0]).values(dict(zip(names, row[1:], strict=True))))

    def put_back(self, batch_id: str, state: str, *, configuration_id: str | None = None, before_epoch: int | None = None) -> int:
        """Answers in `state` wait again (those asked before the epoch, or of one configuration, if named); how many."""
        where = [_a.batch_id == batch_id, _a.state == state]
        if configuration_id is not None:
            where.append(_a.configuration_id == configuration_id)
        if before_epoch is not None:
            where.append(_a.epoch < before_epoch)
        return self._connection.execute(update(answers).where(*where).values(state="waiting", error="")).rowcount

    def give_up(self, configuration_id: str, error: str, changed: int, moment: int) -> int:
        """The questions of a configuration that still wait fail unasked; how many."""
        statement = update(answers).where(_a.configuration_id == configuration_id, _a.state == "waiting")
        return self._connection.execute(statement.values(state="failed", error=error, changed=changed, answered_at=moment)).rowcount

    def forgive(self, batch_id: str) -> None:
        """No configuration counts as given up any more."""
        self._connection.execute(update(configurations).where(_c.batch_id == batch_id).values(gave_up=""))

    def left(self, batch_id: str) -> int:
        """Answers that wait or are being asked."""
        statement = select(func.count()).select_from(answers).where(_a.batch_id == batch_id, _a.state.in_(("waiting", "asking")))
        return self._connection.execute(statement).scalar_one()

    def unscored(self, batch_id: str, limit: int, after: int = -1) -> Sequence[Row[Any]]:
        """Joined answers that nobody has looked at with a scorer yet."""
        statement = joined_answers().where(_a.batch_id == batch_id, _a.state == "answered", _a.scorer == "", _a.ordinal > after)
        return self._connection.execute(statement.order_by(_a.ordinal).limit(limit)).all()

    def spent(self, configuration_id: str) -> Sequence[Row[Any]]:
        """(currency, cost) of every answer of a configuration whose cost is known and not nothing."""
        statement: Select[Any] = select(_a.currency, _a.cost).where(
            _a.configuration_id == configuration_id, _a.cost != "", _a.from_cache.is_(False)
        )
        return self._connection.execute(statement).all()

    def output_of_model(self, owner_id: str, model: str, limit: int) -> Sequence[Row[Any]]:
        """(output_tokens, total_ms) of this owner's latest answers of a model."""
        joined = answers.join(batches, _a.batch_id == _b.id).join(configurations, _a.configuration_id == _c.id)
        where = (_b.owner_id == owner_id, _c.model == model, _a.state == "answered", _a.from_cache.is_(False))
        statement: Select[Any] = select(_a.output_tokens, _a.total_ms).select_from(joined).where(*where, _a.output_tokens.is_not(None))
        return self._connection.execute(statement.order_by(_a.answered_at.desc()).limit(limit)).all()
