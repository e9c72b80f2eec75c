"""Looking through all comparisons of an owner: the list and its search, votes, questions to compare with. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, false, func, or_, select

from storage.repositories.base import Repository, batched
from storage.repositories.comparisons import answers, candidates, comparisons, rounds, verdicts
from storage.repositories.messages import messages
from storage.tables.comparisons import SEARCHED

_c, _k, _r, _a, _v, _m = comparisons.c, candidates.c, rounds.c, answers.c, verdicts.c, messages.c
#: Words of a search that are looked for: at most.
_WORDS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `words`: folded, all of them must be there; `since`, `until`: milliseconds; "" and None: whatever.

    `judged`: the word of the column, "none" or "given".
    """

    owner_id: str
    words: tuple[str, ...] = ()
    model: str = ""
    configuration_id: str = ""
    type: str | None = None
    since: int | None = None
    until: int | None = None
    judged: str = ""


class ComparisonRecordRepository(Repository):
    """See the module."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def page(self, wanted: Wanted, *, limit: int, offset: int) -> Sequence[Row[Any]]:
        """A page of the list, the last used first."""
        # The ids come from the index alone; rows are read for the page only.
        order = (_c.used_at.desc(), _c.id.desc())
        ids = list(self._connection.execute(select(_c.id).where(*_found(wanted)).order_by(*order).limit(limit).offset(offset)).scalars())
        rows = {row.id: row for some in batched(ids) for row in self._connection.execute(select(comparisons).where(_c.id.in_(some)))}
        return [rows[each] for each in ids if each in rows]

    def count(self, wanted: Wanted) -> int:
        """How many the whole list has."""
        return self._connection.execute(select(func.count()).select_from(comparisons).where(*_found(wanted))).scalar_one()

    def voted(self, owner_id: str, since: int | None, until: int | None) -> list[Row[Any]]:
        """What was judged, the oldest verdict first: the columns of the verdict, and the `type` of its comparison."""
        statement = (
            select(verdicts, _r.comparison_id, _c.type).join(rounds, _r.id == _v.round_id).join(comparisons, _c.id == _r.comparison_id)
        )
        where = [_v.owner_id == owner_id, *_between(_v.given_at, since, until)]
        return list(self._connection.execute(statement.where(*where).order_by(_v.given_at, _v.round_id)))

    def answered(self, round_ids: Sequence[str]) -> list[Row[Any]]:
        """What candidates answered in these rounds: the columns of the message, with `round_id`, `candidate_id`, `ordinal` and
        `configuration_name` of the candidate. Of answers tried again all are given, the newest last."""
        statement = (
            select(messages, _a.round_id, _a.candidate_id, _k.ordinal, _k.configuration_name)
            .join(answers, _a.question_id == _m.parent_id)
            .join(candidates, _k.id == _a.candidate_id)
        )
        found: list[Row[Any]] = []
        for some in batched(round_ids):
            found += self._connection.execute(statement.where(_a.round_id.in_(some)).order_by(_m.id))
        return found

    def compared(self, owner_id: str, shortest: int, longest: int) -> list[tuple[str, str]]:
        """Id and compared text of the owner's rounds whose text has so many characters."""
        statement = select(_r.id, _r.compared).where(_r.owner_id == owner_id, _r.compared_length.between(shortest, longest))
        return [(row.id, row.compared) for row in self._connection.execute(statement)]

    def rounds(self, owner_id: str, ids: Sequence[str]) -> list[Row[Any]]:
        """These rounds, with `title`, `blind` and `revealed_at` of their comparisons; in any order."""
        statement = select(rounds, _c.title, _c.blind, _c.revealed_at).join(comparisons, _c.id == _r.comparison_id)
        return [row for some in batched(ids) for row in self._connection.execute(statement.where(_r.owner_id == owner_id, _r.id.in_(some)))]


def _found(wanted: Wanted) -> list[ColumnElement[bool]]:
    where = [_c.owner_id == wanted.owner_id, _c.listed.is_(True), *_between(_c.used_at, wanted.since, wanted.until)]
    where += [_has(word) for word in wanted.words[:_WORDS]]
    if wanted.type is not None:
        where.append(_c.type == wanted.type)
    if wanted.judged:
        where.append({"none": _c.judged == "", "given": _c.judged != ""}.get(wanted.judged, _c.judged == wanted.judged))
    if wanted.model:
        where.append(_with_candidate(wanted.owner_id, _k.model == wanted.model))
    if wanted.configuration_id:
        where.append(_with_candidate(wanted.owner_id, _k.configuration_id == wanted.configuration_id))
    return where


def _has(word: str) -> ColumnElement[bool]:
    """The word is in what is searched or, where that was cut, in a question. % and _ are plain characters."""
    if len(word) > SEARCHED:
        return false()
    whole = exists().where(_r.comparison_id == _c.id, _r.compared.contains(word, autoescape=True))
    return or_(_c.search.contains(word, autoescape=True), _c.search_cut.is_(True) & whole)


def _with_candidate(owner_id: str, which: ColumnElement[bool]) -> ColumnElement[bool]:
    return _c.id.in_(select(_k.comparison_id).where(_k.owner_id == owner_id, which))


def _between(column: Any, since: int | None, until: int | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(column >= since)
    if until is not None:
        found.append(column < until)
    return found
