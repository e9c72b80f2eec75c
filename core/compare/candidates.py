"""The chat of the candidates: as the chat of people, over conversations of the kind "compare", each asked as its candidate says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import sending
from core.chat.sending import Asked, Moment
from core.chat.service import Chat, Prepared
from core.chat.types import Sent
from core.errors import ModeltrainError, NotFound
from core.llm.request import Parameters
from core.models.rows import parameters_from_json

if TYPE_CHECKING:
    from core.chat.generation import Generation
    from storage.unit_of_work import UnitOfWork

#: Of its conversations.
KIND = "compare"


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that a candidate is to be asked, by the id that its message will have."""

    conversation_id: str
    question_id: str
    question: str


class CandidateChat(Chat):
    """What `Comparisons` asks candidates with. `retry`, `continue_answer`, `stop` and `watch` are the chat's own."""

    async def ask(
        self, principal: Principal, askings: Sequence[Asking], beside: Callable[[UnitOfWork, Moment], Sequence[str]]
    ) -> tuple[Sent, ...]:
        """Save all questions in one unit of work, and begin their answers at once.

        `beside(uow, moment)` is called first in the same unit of work, to check and to write what belongs to it; it gives the ids of
        the images that the questions show. A candidate that cannot be asked gets a failed answer. Raises what `beside` raises,
        NotFound, Conflict (generating), StorageError: then nothing was saved.
        """
        prepared = await asyncio.gather(*(self._prepare(principal, each.conversation_id, None) for each in askings))
        sent = [Sent(each.conversation_id, each.question_id, self._ids.new()) for each in askings]
        moment = self._moment(principal.require_user("compare"), making=True)

        def work(uow: UnitOfWork) -> list[dict[str, Any]]:
            images = beside(uow, moment)
            answers = []
            for each, ready, ids in zip(askings, prepared, sent, strict=True):
                row = sending.free_conversation(uow, moment, each.conversation_id)
                answers.append(
                    sending.add_question(uow, moment, row, ids.question_id, ids.answer_id, each.question, ready.asked, system=None)
                )
                uow.images.show_in_message(ids.question_id, images)
            return answers

        for ready, ids, answer in zip(prepared, sent, await self._store.write(work), strict=True):
            self._start(ready, ids, answer, stream=True)
        return tuple(sent)

    async def _prepare(self, principal: Principal, conversation_id: str | None, configuration_id: str | None) -> Prepared:
        """As the chat's, with the candidate's parameters. Whatever is wrong with its configuration is the answer of this candidate."""
        owner = principal.require_user("compare")
        reference = conversation_id or ""
        if (problem := await self._answering.settle(owner, reference)) is not None:
            raise problem
        row = await self._store.read(lambda uow: uow.comparisons.candidate_of(owner, reference))
        if row is None:
            raise NotFound(kind="candidate", reference=reference)
        asked, at = Asked(configuration_id or row.configuration_id, row.model, row.provider_id), self._moment(owner, making=True)
        try:
            if asked.configuration_id is None:
                raise NotFound(kind="configuration", reference=row.configuration_name)
            ready = await self._configurations.resolve(principal, asked.configuration_id)
        except ModeltrainError as refusal:
            return Prepared(principal, at, None, refusal, asked)
        if row.overrides and asked.configuration_id == row.configuration_id:
            ready = replace(ready, parameters=overridden(ready.parameters, parameters_from_json(row.overrides)))
        return Prepared(principal, at, ready, None, Asked.of(ready))

    async def settle(self, owner: str, conversation_id: str) -> None:
        """Offer an answer that could not be saved to the database again."""
        await self._answering.settle(owner, conversation_id)

    def generation_in(self, owner: str, conversation_id: str) -> Generation | None:
        """The answer that this process makes in a candidate's conversation, or has made and not saved yet."""
        return self._answering.in_conversation(owner, conversation_id)


async def nobody(_principal: Principal, name: str) -> str:
    """Whom candidates' conversations may be shared with."""
    raise NotFound(kind="user", reference=name)


def overridden(own: Parameters, by: Parameters) -> Parameters:
    """`own` with what `by` sets; of the extra parameters, those of the same name are replaced."""
    names = ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
    changes: dict[str, Any] = {name: value for name in names if (value := getattr(by, name)) is not None}
    if by.stop:
        changes["stop"] = by.stop
    if by.extra:
        changes["extra"] = {**own.extra, **by.extra}
    return replace(own, **changes)
