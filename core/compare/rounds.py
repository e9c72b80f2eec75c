"""Questions to all candidates, and what is done about single answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import text
from core.chat.sending import Moment
from core.compare import naming
from core.compare.base import candidate_row, must_rest, own
from core.compare.candidates import Asking
from core.compare.similarity import prepared
from core.compare.turns import Turns
from core.compare.types import Round
from core.errors import Conflict, InvalidInput, NotFound
from core.llm.images import IMAGES, Image, recognise

if TYPE_CHECKING:
    from core.chat.types import AnswerUpdate
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Asked:
    """A question before it is saved: its text, the text that is compared and searched, its images with their digests."""

    question: str
    compared: str
    images: tuple[tuple[str, Image], ...]


class Rounds(Turns):
    """The part of `Comparisons` that asks."""

    async def ask(self, principal: Principal, comparison_id: str, question: str, *, images: Sequence[bytes] = ()) -> Round:
        """Ask all candidates: at once or, in sequential mode, the first now and each of the others when the one before has ended.

        Saved before anything is asked. What still waited of earlier rounds is skipped. A candidate that cannot be asked gets a failed
        answer, the others go on. Raises NotFound; InvalidInput (question; image; images: too_many); Conflict (generating); StorageError.
        """
        owner = principal.require_user("compare")
        asked = await asyncio.to_thread(_checked, question, images)
        mode, columns = await self._store.read(
            lambda uow: (own(uow, owner, comparison_id).mode, uow.comparisons.candidates([comparison_id]))
        )
        sequential, round_id = mode == "sequential", self._ids.new()
        askings = [Asking(each.conversation_id, self._ids.new(), asked.question) for each in columns]
        now = askings[:1] if sequential else askings

        def beside(uow: UnitOfWork, at: Moment) -> list[str]:
            row = own(uow, owner, comparison_id, lock=True)
            must_rest(uow, [each.conversation_id for each in columns], at)
            uow.comparisons.skip_waiting(comparison_id)
            shown = self._add_round(uow, at, row, round_id, asked)
            ids = {each.conversation_id: each.question_id for each in now}
            uow.comparisons.add_answers([_place(round_id, each, ids.get(each.conversation_id)) for each in columns])
            asker = {"asker": at.generator, "asker_alive_at": at.now_ms} if sequential else {"asker": "", "asker_alive_at": None}
            uow.comparisons.change(comparison_id, **asker)
            return shown

        await self._chat.ask(principal, now, beside)
        if sequential:
            await self._take_turns(principal, comparison_id)
        return await self._last_round(principal, comparison_id)

    def _add_round(self, uow: UnitOfWork, at: Moment, row: Any, round_id: str, asked: Asked) -> list[str]:
        """Save a question as the comparison's next round; the ids of its images."""
        ordinal = row.round_count
        uow.comparisons.add_round(
            id=round_id,
            comparison_id=row.id,
            owner_id=at.owner_id,
            ordinal=ordinal,
            question=asked.question,
            compared=asked.compared,
            compared_length=len(asked.compared),
            asked_at=at.now_ms,
        )
        shown = [self._add_image(uow, at, digest, image) for digest, image in asked.images]
        uow.images.show_in_round(round_id, shown)
        title = row.title or naming.title_of(asked.question)
        search, cut = naming.searched(row.search, (prepared(title), asked.compared))
        changes = {"title": title, "search": search, "search_cut": bool(row.search_cut) or cut, "listed": True}
        uow.comparisons.change(row.id, round_count=ordinal + 1, used_at=at.now_ms, **changes)
        return shown

    def _add_image(self, uow: UnitOfWork, at: Moment, digest: str, image: Image) -> str:
        about = {"media_type": image.media_type, "width": image.width, "height": image.height, "size": len(image.data)}
        return uow.images.put(at.owner_id, digest, id=self._ids.new(), content=image.data, created_at=at.now_ms, **about)

    async def _last_round(self, principal: Principal, comparison_id: str) -> Round:
        last = (await self.get(principal, comparison_id, tail=1)).last_round
        if last is None:
            raise Conflict(what="no_question")
        return last

    # One candidate -------------------------------------------------------------------------------------------------

    async def stop(self, principal: Principal, comparison_id: str, candidate_id: str | None = None) -> None:
        """Stop one candidate's answer (its turn passes to the next), or everything: then what waits keeps waiting. Raises NotFound."""
        owner = principal.require_user("compare")
        if candidate_id is None:
            await self._store.read(lambda uow: own(uow, owner, comparison_id).id)  # nobody ends another's turns
            await self._end_turns(comparison_id)

        def work(uow: UnitOfWork) -> list[str]:
            own(uow, owner, comparison_id, lock=True)
            columns = uow.comparisons.candidates([comparison_id])
            if candidate_id is None:
                uow.comparisons.change(comparison_id, asker="", asker_alive_at=None)
            else:
                columns = [candidate_row(uow, owner, comparison_id, candidate_id)]
            return [row.id for row in uow.messages.generating([each.conversation_id for each in columns])]

        for answer_id in await self._store.write(work):
            await self._chat.stop(principal, answer_id)
        self._changed(owner, comparison_id)

    async def retry(self, principal: Principal, comparison_id: str, candidate_id: str, *, configuration_id: str | None = None) -> Round:
        """Ask one candidate the last question again, also one that waits or was skipped. `configuration_id`: as `set_candidate` before.

        The answer before is kept in the candidate's conversation, but the round shows the new one. Its verdict stays.
        Raises NotFound; Conflict (generating: this candidate or, in sequential mode, any; no_question).
        """
        owner = principal.require_user("compare")
        if configuration_id is not None:
            await self._switch(principal, comparison_id, candidate_id, configuration_id)
        moment = self._making(owner)
        column, last, answer_id = await self._store.read(lambda uow: _last_answer(uow, moment, comparison_id, candidate_id))
        if answer_id is not None:
            await self._chat.retry(principal, answer_id)
        else:
            await self._ask_one(principal, comparison_id, column, last)
        return await self._last_round(principal, comparison_id)

    async def _ask_one(self, principal: Principal, comparison_id: str, column: Any, last: Any) -> None:
        """Ask a candidate the last question, which it was not asked."""
        asking = Asking(column.conversation_id, self._ids.new(), last.question)

        def beside(uow: UnitOfWork, at: Moment) -> list[str]:
            own(uow, at.owner_id, comparison_id, lock=True)
            uow.comparisons.asked(last.id, column.id, asking.question_id)
            return [image.id for image in uow.images.about_rounds([last.id]).get(last.id, ())]

        await self._chat.ask(principal, [asking], beside)

    async def continue_answer(self, principal: Principal, comparison_id: str, candidate_id: str) -> Round:
        """Go on with a candidate's answer to the last question that was stopped or broke off.

        Raises NotFound; Conflict (generating: as for `retry`; no_question; nothing_to_continue).
        """
        moment = self._making(principal.require_user("compare"))
        _column, _last, answer_id = await self._store.read(lambda uow: _last_answer(uow, moment, comparison_id, candidate_id))
        if answer_id is None:
            raise Conflict(what="nothing_to_continue")
        await self._chat.continue_answer(principal, answer_id)
        return await self._last_round(principal, comparison_id)

    def watch(self, principal: Principal, answer_id: str, *, interval_s: float = 0.15) -> AsyncGenerator[AnswerUpdate, None]:
        """As `Chat.watch`: the answer as it grows, until its end. Raises NotFound, mostly at the first update."""
        principal.require_user("compare")
        return self._chat.watch(principal, answer_id, interval_s=interval_s)

    async def _switch(self, principal: Principal, comparison_id: str, candidate_id: str, configuration_id: str) -> None:
        """Let a candidate ask another configuration, with that one's own parameters."""
        owner = principal.require_user("compare")
        wanted = await self._configurations.get(principal, configuration_id)

        def work(uow: UnitOfWork) -> None:
            row = candidate_row(uow, owner, comparison_id, candidate_id, lock=True)
            overrides = row.overrides if row.configuration_id == wanted.id else ""
            uow.comparisons.change_candidate(candidate_id, overrides=overrides, **asked_of(wanted))

        await self._store.write(work)
        self._changed(owner, comparison_id)

    async def image(self, principal: Principal, image_id: str) -> bytes:
        """The bytes of an image that somebody asked with. Raises NotFound."""
        owner = principal.require_user("compare")
        found = await self._store.read(lambda uow: uow.images.content(owner, image_id))
        if found is None:
            raise NotFound(kind="image", reference=image_id)
        return found


def asked_of(configuration: Any) -> dict[str, str]:
    """The columns of a candidate that say whom it asks."""
    return {
        "configuration_id": configuration.id,
        "configuration_name": configuration.name,
        "model": configuration.model,
        "provider_id": configuration.provider_id,
    }


def _last_answer(uow: UnitOfWork, at: Moment, comparison_id: str, candidate_id: str) -> tuple[Any, Any, str | None]:
    """The rows of the candidate and of the last round, and the id of what the candidate answered; None if it was not asked.

    Raises NotFound; Conflict (no_question; generating: this candidate or, in sequential mode, any).
    """
    column = candidate_row(uow, at.owner_id, comparison_id, candidate_id)
    row, last = own(uow, at.owner_id, comparison_id), uow.comparisons.last_rounds(comparison_id, 1)
    if not last:
        raise Conflict(what="no_question")
    others = uow.comparisons.candidates([comparison_id]) if row.mode == "sequential" else [column]
    must_rest(uow, [each.conversation_id for each in others], at)
    place = next((each for each in uow.comparisons.answers([last[0].id]) if each.candidate_id == candidate_id), None)
    asked = place.question_id if place is not None and place.state == "asked" else None
    answer = uow.messages.newest_below([asked]).get(asked) if asked else None
    return column, last[0], answer.id if answer is not None else None


def _place(round_id: str, column: Any, question_id: str | None) -> dict[str, Any]:
    state = "waiting" if question_id is None else "asked"
    return {"round_id": round_id, "candidate_id": column.id, "state": state, "question_id": question_id}


def _checked(question: str, images: Sequence[bytes]) -> Asked:
    """What is to be asked; slow for long questions. Raises InvalidInput."""
    asked = text.question(question)
    if len(images) > IMAGES:
        raise InvalidInput("images", "too_many", max=IMAGES)
    found = tuple((hashlib.sha256(image).hexdigest(), recognise(image)) for image in images)
    return Asked(asked, prepared(asked), found)
