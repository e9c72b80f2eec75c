"""Queries over batches, their answers and judgements, as Core statements. Never commits.

What a person does names the owner in every query; what the engine does goes by the id of a batch whose lease it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from storage.repositories.base import IDS, Repository, askable, batched
from storage.tables import metadata

batches = metadata.tables["batches"]
configurations = metadata.tables["batch_configurations"]
questions = metadata.tables["batch_questions"]
answers = metadata.tables["batch_answers"]
judgements = metadata.tables["batch_judgements"]
_b, _c, _q, _a, _j = batches.c, configurations.c, questions.c, answers.c, judgements.c

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


class BatchRepository(Repository):
    """Rows of a joined answer have the columns of the answer, and `q_...` and `c_...` of its question and configuration."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

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
            of_model = select(_c.batch_id).where(or_(_contains(_c.model, word), _contains(_c.name, word)))
            where.append(or_(_contains(_b.name, word), _contains(_b.set_name, word), _b.id.in_(of_model)))
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

    def judged(self, batch_id: str) -> tuple[int, int]:
        """(judgements that are through, all of them)."""
        through = func.sum(case((_j.state.in_(("answered", "failed")), 1), else_=0))
        row = self._connection.execute(select(through, func.count()).where(_j.batch_id == batch_id)).one()
        return int(row[0] or 0), int(row[1])

    def answers_page(
        self, owner_id: str, batch_id: str, *, where: Mapping[str, Any], query: str, sort: str, limit: int, offset: int
    ) -> tuple[Sequence[Row[Any]], int]:
        """`where`: state, configuration_id, type, those that are not None."""
        clauses: list[ColumnElement[bool]] = [_a.batch_id == batch_id, _b.owner_id == owner_id]
        columns = {"state": _a.state, "configuration_id": _a.configuration_id, "type": _q.type}
        clauses += [columns[name] == askable(value) for name, value in where.items() if value is not None]
        for word in askable(query).split():
            clauses.append(or_(_contains(_q.content, word), _contains(_a.content, word), _contains(_q.expected, word)))
        joined = answers.join(batches, _a.batch_id == _b.id)
        if query.split() or where["type"] is not None:  # else counting can do without the questions
            joined = joined.join(questions, _a.question_id == _q.id)
        total = self._connection.execute(select(func.count()).select_from(joined).where(*clauses)).scalar_one()
        column = _ORDERS[sort.lstrip("-")]
        order = (column.desc() if sort.startswith("-") else column.asc(), _a.ordinal)
        if sort.lstrip("-") != "number":
            order = (case((column.is_(None), 1), else_=0), *order)  # type: ignore[assignment]
        statement = _answers().join(batches, _a.batch_id == _b.id).where(*clauses).order_by(*order).limit(limit).offset(offset)
        return self._connection.execute(statement).all(), total

    def answers_after(self, batch_id: str, ordinal: int, limit: int) -> Sequence[Row[Any]]:
        """Joined answers in their order, from the one behind `ordinal` on: for going through all of them."""
        statement = _answers().where(_a.batch_id == batch_id, _a.ordinal > ordinal).order_by(_a.ordinal).limit(limit)
        return self._connection.execute(statement).all()

    def answer(self, owner_id: str, answer_id: str) -> Row[Any] | None:
        statement = _answers().join(batches, _a.batch_id == _b.id).where(_b.owner_id == owner_id, _a.id == answer_id)
        return self._connection.execute(statement).one_or_none()

    def newest(self, batch_id: str, changed: int, limit: int) -> Sequence[Row[Any]]:
        """Joined answers that came after the batch's change number `changed`, the newest `limit` of them, newest first."""
        statement = _answers().where(_a.batch_id == batch_id, _a.changed > changed, _a.state.in_(("answered", "failed")))
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

    # The engine's ----------------------------------------------------------------------------------------------------

    def by_id(self, batch_id: str, *, lock: bool = False) -> Row[Any] | None:
        statement = select(batches).where(_b.id == batch_id)
        return self._connection.execute(statement.with_for_update() if lock else statement).one_or_none()

    def active(self) -> Sequence[Row[Any]]:
        """Those that somebody should work on, the oldest start first."""
        statement: Select[Any] = select(_b.id, _b.state, _b.owner_id).where(_b.state.in_(("running", "pausing")))
        return self._connection.execute(statement.order_by(_b.started_at, _b.id)).all()

    def waiting(self, batch_id: str, configuration_ids: Sequence[str], limit: int) -> Sequence[Row[Any]]:
        """Joined answers of these configurations that wait to be asked, in order."""
        statement = _answers().where(_a.batch_id == batch_id, _a.state == "waiting", _a.configuration_id.in_(configuration_ids))
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
            found += self._connection.execute(_answers().where(_a.batch_id == batch_id, _a.id.in_(some))).all()
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
        statement = _answers().where(_a.batch_id == batch_id, _a.state == "answered", _a.scorer == "", _a.ordinal > after)
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

    # The judge's -----------------------------------------------------------------------------------------------------

    def answered(self, batch_id: str, numbers: tuple[int, int]) -> Sequence[Row[Any]]:
        """Joined answers that came, to the questions from the first number to before the second, in order."""
        statement = _answers().where(_a.batch_id == batch_id, _a.state == "answered", _q.number >= numbers[0], _q.number < numbers[1])
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


def _own(owner_id: str, batch_id: str) -> tuple[ColumnElement[bool], ...]:
    return _b.owner_id == owner_id, _b.id == batch_id, _b.state != MAKING


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    return func.lower(column).contains(word.lower(), autoescape=True)


_Q_COLUMNS = tuple(column.label(f"q_{column.name}") for column in questions.c if column.name != "batch_id")
_C_COLUMNS = tuple(_c[name].label(f"c_{name}") for name in ("ordinal", "name", "model", "provider_id"))


def _answers() -> Select[Any]:
    joined = answers.join(questions, _a.question_id == _q.id).join(configurations, _a.configuration_id == _c.id)
    return select(answers, *_Q_COLUMNS, *_C_COLUMNS).select_from(joined)
