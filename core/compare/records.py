"""Comparisons kept: list and search, what was asked before, deleting, running again, going on as a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import convert, text
from core.chat.base import making_in
from core.chat.sending import Moment
from core.chat.types import Message
from core.clock import from_ms, to_ms
from core.compare import naming, views
from core.compare.base import ComparisonsBase, own
from core.compare.similarity import Match, prepared
from core.compare.similarity import similar as most_similar
from core.compare.types import BOTH_BAD, LABELS, TIE, Page, PastAnswer, SimilarRound, Verdict, VerdictFilter
from core.compare.verdicts import newest
from core.errors import NotFound

if TYPE_CHECKING:
    from storage.repositories.comparison_records import Wanted
    from storage.unit_of_work import UnitOfWork

#: Comparisons on one page, and similar questions: at most.
MOST = 1_000


class Records(ComparisonsBase):
    """The part of `Comparisons` for what was compared before."""

    async def records(
        self,
        principal: Principal,
        *,
        query: str = "",
        model: str = "",
        configuration_id: str = "",
        type: str | None = None,  # noqa: A002
        since: datetime | None = None,
        until: datetime | None = None,
        verdict: VerdictFilter = "",
        limit: int = 50,
        offset: int = 0,
    ) -> Page:
        """A page of the own comparisons that have a question, the last used first.

        `query`: words that must all be in the title or in the questions, whatever their case. `since`, `until`: last used then (until
        is not included). `type` None for all, "" for those without one.
        """
        owner, words = principal.require_user("compare"), naming.wanted_words(text.storable(query))
        if words is None:
            return Page((), 0)
        moment, limit, offset = Moment(owner, "", self._clock.now_ms(), self._chat.ours), max(0, min(limit, MOST)), max(0, offset)
        first, end = to_ms(since) if since else None, to_ms(until) if until else None
        kind = None if type is None else text.storable(type)

        def work(uow: UnitOfWork) -> Page:
            from storage.repositories.comparison_records import Wanted

            wanted = Wanted(owner, words, text.storable(model), configuration_id, kind, first, end, verdict)
            rows = uow.comparison_records.page(wanted, limit=limit, offset=offset)
            columns = uow.comparisons.candidates([row.id for row in rows])
            busy = making_in(uow, [each.conversation_id for each in columns], moment)
            return Page(views.summaries(rows, columns, busy), _total(uow, wanted, len(rows), limit, offset))

        return await self._store.read(work)

    async def models(self, principal: Principal) -> tuple[str, ...]:
        """The models that were ever compared, sorted: for the filter."""
        owner = principal.require_user("compare")
        return tuple(await self._store.read(lambda uow: uow.comparisons.models(owner)))

    async def rename(self, principal: Principal, comparison_id: str, title: str) -> None:
        """Give it a title. Raises NotFound, InvalidInput (title)."""
        owner, named = principal.require_user("compare"), text.storable(text.title(title))

        def work(uow: UnitOfWork) -> None:
            own(uow, owner, comparison_id, lock=True)
            search, cut = naming.searched("", (prepared(named), *(row.compared for row in uow.comparisons.questions(comparison_id))))
            uow.comparisons.change(comparison_id, title=named, title_source="user", search=search, search_cut=cut)

        await self._store.write(work)
        self._changed(owner, comparison_id)

    async def delete(self, principal: Principal, ids: Sequence[str]) -> int:
        """Delete for good, with the candidates' conversations and verdicts; what is being made is stopped.

        NotFound: nothing was deleted.
        """
        owner, wanted = principal.require_user("compare"), list(dict.fromkeys(ids))

        def work(uow: UnitOfWork) -> list[str]:
            found = uow.comparisons.owned(owner, wanted)
            for each in wanted:
                if each not in found:
                    raise NotFound(kind="comparison", reference=each)
            conversations = [row.conversation_id for row in uow.comparisons.candidates(wanted)]
            uow.comparisons.remove(owner, wanted)
            uow.conversations.remove(owner, conversations)
            uow.images.remove_unused()
            return conversations

        for conversation_id in await self._store.write(work):
            generation = self._chat.generation_in(owner, conversation_id)
            if generation is not None:
                generation.stop()
        for each in wanted:
            self._changed(owner, each)
        return len(wanted)

    async def as_conversation(self, principal: Principal, comparison_id: str, candidate_id: str) -> str:
        """Make a conversation of a candidate's questions and answers; its id. It asks the candidate's configuration from now on.

        It is a copy of the branch in sight: the comparison stays as it is. Parameters that the candidate had instead of its
        configuration's do not go with it. Raises NotFound, Conflict (generating, no_question).
        """
        from core.compare.copying import Copied, copy_of, keep_copy

        owner = principal.require_user("compare")
        moment = Moment(owner, "", self._clock.now_ms(), self._chat.ours)

        def look(uow: UnitOfWork) -> Copied:
            return copy_of(uow, moment, comparison_id, candidate_id)

        copied = await self._store.read(look)
        return await self._plain_chat_store.write(lambda uow: keep_copy(uow, moment, copied, self._ids.new))

    # What was asked before ------------------------------------------------------------------------------------------

    async def similar(self, principal: Principal, question: str, *, at_least: float = 0.9, limit: int = 200) -> tuple[SimilarRound, ...]:
        """Own questions like `question` (core/compare/similarity.py says how that is measured), the most similar first."""
        owner = principal.require_user("compare")
        matches = await self._matches(owner, text.storable(question), at_least)
        return await self._store.read(lambda uow: _similar_rounds(uow, owner, matches[: max(0, min(limit, MOST))]))

    async def similar_to(
        self, principal: Principal, comparison_id: str, *, at_least: float = 0.9, limit: int = 200
    ) -> tuple[SimilarRound, ...]:
        """As `similar`, for the last question of a comparison, that round itself among them. Raises NotFound."""
        owner = principal.require_user("compare")

        def last(uow: UnitOfWork) -> str:
            own(uow, owner, comparison_id)
            found = uow.comparisons.last_rounds(comparison_id, 1)
            return str(found[0].question) if found else ""

        return await self.similar(principal, await self._store.read(last), at_least=at_least, limit=limit)

    async def _matches(self, owner: str, question: str, at_least: float) -> tuple[Match, ...]:
        """Ids of rounds. Only questions of a length from which the similarity can be reached are read and compared."""
        length, share = len(prepared(question)), max(0.01, min(1.0, at_least))
        shortest, longest = floor(length * share / (2 - share)), ceil(length * (2 - share) / share)
        among = await self._store.read(lambda uow: uow.comparison_records.compared(owner, shortest, longest))
        return await asyncio.to_thread(most_similar, question, among, at_least=share)


def _total(uow: UnitOfWork, wanted: Wanted, found: int, limit: int, offset: int) -> int:
    """How many there are in all; counted only where the page does not tell."""
    if 0 < found < limit or (found == 0 and offset == 0 and limit > 0):
        return offset + found
    return uow.comparison_records.count(wanted)


def _similar_rounds(uow: UnitOfWork, owner: str, matches: Sequence[Match]) -> tuple[SimilarRound, ...]:
    ids = [match.key for match in matches]
    rows = {row.id: row for row in uow.comparison_records.rounds(owner, ids)}
    open_ids = [row.id for row in rows.values() if not row.blind or row.revealed_at is not None]
    answered = newest(uow.comparison_records.answered(open_ids))
    verdicts = {row.round_id: views.verdict(row) for row in uow.comparisons.verdicts(open_ids)}
    return tuple(
        SimilarRound(
            round_id=match.key,
            comparison_id=row.comparison_id,
            title=row.title,
            question=row.question,
            score=match.score,
            asked_at=from_ms(row.asked_at),
            answers=tuple(
                _past(each, verdicts.get(match.key)) for each in sorted(answered.get(match.key, {}).values(), key=lambda each: each.ordinal)
            ),
        )
        for match in matches
        if (row := rows.get(match.key)) is not None
    )


def _past(row: Any, verdict: Verdict | None) -> PastAnswer:
    message: Message = replace(convert.message(row, "", ""), reasoning="shown" if row.reasoning_ms is not None else "")
    won = verdict is not None and verdict.winner not in (None, TIE, BOTH_BAD) and verdict.winner == row.candidate_id
    return PastAnswer(
        candidate_id=row.candidate_id,
        label=LABELS[row.ordinal],
        model=message.model,
        configuration_name=row.configuration_name,
        state=message.state,
        ttft_ms=message.ttft_ms,
        total_ms=message.total_ms,
        output_tokens=message.usage.output_tokens if message.usage is not None else None,
        tokens_per_second=message.tokens_per_second,
        cost=Decimal(row.cost) if row.cost else None,
        currency=message.currency,
        stars=verdict.stars.get(row.candidate_id, 0) if verdict is not None else 0,
        won=won,
    )
