"""Verdicts on rounds, blind or not, and the votes that the leaderboard is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import text
from core.chat.base import making_in
from core.chat.sending import Moment
from core.clock import from_ms, to_ms
from core.compare import views
from core.compare.base import ComparisonsBase, own
from core.compare.types import BOTH_BAD, LABELS, TIE, Comparison, Outcome, Verdict, VerdictDraft, Vote
from core.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Characters of a note.
NOTE_LIMIT = 10_000


class Verdicts(ComparisonsBase):
    """The part of `Comparisons` that judges."""

    async def vote(self, principal: Principal, round_id: str, draft: VerdictDraft) -> Verdict:
        """Judge a round that has ended, or judge it anew. It does not reveal names: call `reveal` when they are shown.

        Raises NotFound; Conflict (generating: something of it is being made or waits); InvalidInput (winner: unknown; stars:
        out_of_range; note: too_long; verdict: empty).
        """
        owner, note = principal.require_user("compare"), text.storable(draft.note).strip()
        moment = Moment(owner, "", self._clock.now_ms(), self._chat.ours)
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", "too_long", max=NOTE_LIMIT)

        def work(uow: UnitOfWork) -> tuple[Verdict, str]:
            judged, row = _judged(uow, owner, round_id)
            columns = uow.comparisons.candidates([row.id])
            _check(draft, note, {each.id for each in columns})
            busy = making_in(uow, [each.conversation_id for each in columns], moment)
            last = judged.ordinal == row.round_count - 1
            waits = any(place.state == "waiting" for place in uow.comparisons.answers([round_id]))
            if waits or (last and busy):
                raise Conflict(what="generating")
            # Judged anew it stays blind if it was: names seen since then do not undo that the first look was blind.
            before = {each.round_id: each for each in uow.comparisons.verdicts([round_id])}.get(round_id)
            blind = bool(row.blind) and (row.revealed_at is None or (before is not None and _same(before, draft) and bool(before.blind)))
            stars = json.dumps(dict(draft.stars), sort_keys=True)
            values = {"winner": draft.winner or "", "stars": stars, "note": note, "blind": blind, "given_at": moment.now_ms}
            uow.comparisons.put_verdict(round_id, owner_id=owner, **values)
            _note_last(uow, row.id, columns)
            return Verdict(round_id, draft.winner, dict(draft.stars), note, blind, from_ms(moment.now_ms)), str(row.id)

        verdict, comparison_id = await self._store.write(work)
        self._changed(owner, comparison_id)
        return verdict

    async def withdraw_vote(self, principal: Principal, round_id: str) -> None:
        """Take the verdict back; nothing where there is none. Raises NotFound."""
        owner = principal.require_user("compare")

        def work(uow: UnitOfWork) -> str:
            _round, row = _judged(uow, owner, round_id)
            if uow.comparisons.remove_verdict(round_id):
                _note_last(uow, row.id, uow.comparisons.candidates([row.id]))
            return str(row.id)

        self._changed(owner, await self._store.write(work))

    async def reveal(self, principal: Principal, comparison_id: str) -> Comparison:
        """The names are shown from now on; verdicts given later are not blind. Raises NotFound."""
        owner, now = principal.require_user("compare"), self._clock.now_ms()

        def work(uow: UnitOfWork) -> None:
            if own(uow, owner, comparison_id, lock=True).revealed_at is None:
                uow.comparisons.change(comparison_id, revealed_at=now)

        await self._store.write(work)
        self._changed(owner, comparison_id)
        return await self.get(principal, comparison_id)

    async def votes(self, principal: Principal, *, since: datetime | None = None, until: datetime | None = None) -> tuple[Vote, ...]:
        """Everything that the verdicts say of pairs of models, the oldest first: for the leaderboard."""
        owner = principal.require_user("compare")

        def work(uow: UnitOfWork) -> tuple[Vote, ...]:
            judged = uow.comparison_records.voted(owner, to_ms(since) if since else None, to_ms(until) if until else None)
            answered = newest(uow.comparison_records.answered([row.round_id for row in judged]))
            return tuple(vote for row in judged for vote in _votes(row, answered.get(row.round_id, {})))

        return await self._store.read(work)


def newest(rows: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """What each candidate answered last, by round and candidate; `rows` with the newest last."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.round_id, {})[row.candidate_id] = row
    return found


def _judged(uow: UnitOfWork, owner: str, round_id: str) -> tuple[Any, Any]:
    """The row of a round and that of its comparison, locked. Raises NotFound (round)."""
    found = uow.comparisons.round(owner, round_id)
    row = None if found is None else uow.comparisons.lock(owner, found.comparison_id)
    if found is None or row is None:
        raise NotFound(kind="round", reference=round_id)
    return found, row


def _check(draft: VerdictDraft, note: str, candidates: set[str]) -> None:
    if draft.winner is not None and draft.winner not in {TIE, BOTH_BAD, *candidates}:
        raise InvalidInput("winner", "unknown")
    if set(draft.stars) - candidates or any(type(count) is not int or not 1 <= count <= 5 for count in draft.stars.values()):
        raise InvalidInput("stars", "out_of_range", min=1, max=5)
    if draft.winner is None and not draft.stars and not note:
        raise InvalidInput("verdict", "empty")


def _same(before: Any, draft: VerdictDraft) -> bool:
    """Whether winner and stars stay as they are, so that only the note changes."""
    old = views.verdict(before)
    return old.winner == draft.winner and dict(old.stars) == dict(draft.stars)


def _note_last(uow: UnitOfWork, comparison_id: str, columns: Iterable[Any]) -> None:
    """Repeat the last verdict in the comparison's row, for the list."""
    last = uow.comparisons.last_verdict(comparison_id)
    labels = {each.id: LABELS[each.ordinal] for each in columns}
    if last is None:
        judged, winner = "", ""
    elif last.winner in (TIE, BOTH_BAD):
        judged, winner = last.winner, ""
    else:
        judged, winner = ("winner", labels.get(last.winner, "")) if last.winner else ("stars", "")
    uow.comparisons.change(comparison_id, judged=judged, winner=winner)


def _votes(row: Any, answers: Mapping[str, Any]) -> Iterable[Vote]:
    """The votes of one verdict: of each pair of candidates that answered."""
    verdict = views.verdict(row)
    able = [answer for answer in sorted(answers.values(), key=lambda each: each.ordinal) if answer.model and answer.state != "failed"]
    for left, right in combinations(able, 2):
        outcome = _outcome(verdict, left.candidate_id, right.candidate_id)
        if outcome is not None:
            yield Vote(verdict.round_id, left.model, right.model, outcome, row.type, verdict.given_at, verdict.blind)


def _outcome(verdict: Verdict, left: str, right: str) -> Outcome | None:
    if verdict.winner == left:
        return "left"
    if verdict.winner == right:
        return "right"
    if verdict.winner == TIE:
        return "tie"
    if verdict.winner == BOTH_BAD:
        return "both_bad"
    first, second = verdict.stars.get(left), verdict.stars.get(right)
    if first is None or second is None:
        return None
    return "tie" if first == second else "left" if first > second else "right"
