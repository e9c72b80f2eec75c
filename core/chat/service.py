"""Chat: conversations, questions and answers of one account. Every method begins with who asks; another's id is an unknown id."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import context, convert, polling, recovery, sending, text
from core.chat.generation import Job
from core.chat.saving import Place
from core.chat.sending import Asked
from core.chat.sharing import Sharing
from core.chat.types import AnswerUpdate, Sent
from core.errors import Conflict, ImagesNotSeen, ModeltrainError, NotFound, ProviderError
from core.llm.request import ChatRequest, Turn

if TYPE_CHECKING:
    from core.models.types import ReadyModel
    from storage.unit_of_work import UnitOfWork


#: The depth of the third answer.
_NAMING_DEPTH = 5


class Chat(Sharing):
    """The service that screens and commands use. What asks no model is in its bases."""

    @property
    def unsaved(self) -> ModeltrainError | None:
        """Why an answer that ended in this process is not saved; None where all are. For the end of a program of one person."""
        return self._answering.unsaved

    @property
    def under_way(self) -> int:
        """How many answers this process makes now, of all people together: who shows them may show each a little less often."""
        return len(self._answering.ours)

    async def send(
        self,
        principal: Principal,
        conversation_id: str | None,
        question: str,
        *,
        configuration_id: str | None = None,
        system: str | None = None,
        stream: bool = True,
        name: bool = True,
    ) -> Sent:
        """Save a question, and begin its answer. With None a new conversation is made.

        `configuration_id`: also what the conversation asks from now on; without it, what it asked before, or the default.
        `system` replaces the conversation's system prompt. `name`: let the model name the conversation afterwards (C8).
        Raises InvalidInput (question, system_prompt); NotFound; Conflict (generating: one answer at a time; in_trash);
        StorageError: then nothing was saved. A provider that cannot be asked makes a failed answer, not an error here.
        """
        owner, asked_text = principal.require_user("chat"), text.question(question)
        system = None if system is None else text.within("system_prompt", system)
        prepared = await self._prepare(principal, conversation_id, configuration_id)
        at, asked = prepared.at, prepared.asked
        sent = Sent(conversation_id or self._ids.new(), self._ids.new(), self._ids.new())

        def work(uow: UnitOfWork) -> tuple[dict[str, Any], bool]:
            if conversation_id is None:
                uow.conversations.add(**sending.new_conversation(sent.conversation_id, at))
                uow.drafts.remove(owner, "")
            row = sending.free_conversation(uow, at, sent.conversation_id)
            answer = sending.add_question(uow, at, row, sent.question_id, sent.answer_id, asked_text, asked, system)
            return answer, _nameless(row, answer["depth"])

        answer, nameless = await self._store.write(work)
        self._start(prepared, sent, answer, stream=stream, title_from=asked_text if name and nameless else None)
        return sent

    async def retry(self, principal: Principal, answer_id: str, *, configuration_id: str | None = None, stream: bool = True) -> Sent:
        """Ask the same question again. The old answer is kept as a sibling; the branch in sight is that of the new one.

        Raises NotFound; Conflict (generating, in_trash); StorageError.
        """
        owner = principal.require_user("chat")
        old, question = await self._store.read(lambda uow: _answer(uow, owner, answer_id))
        prepared = await self._prepare(principal, old.conversation_id, configuration_id)
        sent = Sent(old.conversation_id, old.parent_id, self._ids.new())

        def work(uow: UnitOfWork) -> tuple[dict[str, Any], bool]:
            row = sending.free_conversation(uow, prepared.at, sent.conversation_id)
            answer = sending.add_answer(uow, prepared.at, row, sent.answer_id, sent.question_id, old.depth, prepared.asked)
            return answer, _nameless(row, old.depth)

        answer, nameless = await self._store.write(work)
        self._start(prepared, sent, answer, stream=stream, title_from=question if nameless else None)
        return sent

    async def continue_answer(
        self, principal: Principal, answer_id: str, *, configuration_id: str | None = None, stream: bool = True
    ) -> Sent:
        """Go on with an answer that was stopped or broke off: it grows in place, under the same id.

        The model is shown the answer so far and asked for the rest, which every provider understands; reasoning, figures and cost
        are added up. Where it fails at once, the answer stays as it was, with the new error. It asks the model that wrote
        the beginning, if that is still there. An answer without any text is asked again instead (see `retry`: a new id).
        Raises NotFound; Conflict (generating, in_trash, nothing_to_continue); StorageError.
        """
        owner = principal.require_user("chat")
        old, _question = await self._store.read(lambda uow: _answer(uow, owner, answer_id))
        if old.state == "complete":
            raise Conflict(what="nothing_to_continue")
        wanted = configuration_id or await self._still_there(principal, old.configuration_id)
        prepared = await self._prepare(principal, old.conversation_id, wanted)

        def work(uow: UnitOfWork) -> tuple[dict[str, Any], tuple[Any, ...]]:
            sending.free_conversation(uow, prepared.at, old.conversation_id)
            row, parts = uow.messages.find(owner, answer_id), uow.messages.parts_from(answer_id, 0)
            if row is None or not convert.texts(parts)[0]:
                return {}, ()
            return sending.begin_again(uow, prepared.at, row, prepared.asked), tuple(parts)

        answer, parts = await self._store.write(work)
        if not answer:
            return await self.retry(principal, answer_id, configuration_id=configuration_id, stream=stream)
        sent = Sent(old.conversation_id, old.parent_id, answer_id)
        self._start(prepared, sent, answer, stream=stream, before=parts)
        return sent

    async def stop(self, principal: Principal, answer_id: str) -> None:
        """End an answer and keep what came; its watchers see the end. Another process is asked to. Raises NotFound.

        To stop what has ended already does nothing.
        """
        owner = principal.require_user("chat")
        generation = self._answering.find(owner, answer_id)
        if generation is not None:
            generation.stop()
            return
        row, _question = await self._store.read(lambda uow: _answer(uow, owner, answer_id))
        if row.state == "generating" and not await self._lost(row):
            await self._store.write(lambda uow: uow.messages.ask_to_stop(answer_id))

    async def watch(
        self, principal: Principal, answer_id: str, *, interval_s: float = 0.15, looking: bool = True
    ) -> AsyncGenerator[AnswerUpdate, None]:
        """The answer as it grows, at most every `interval_s` seconds; the first update has everything so far, the last the message.

        One that somebody shares with the principal can be watched as long as it is shared. Any number of watchers at once; leaving one
        does not disturb the answer. An answer made by another process is read from the database once a second. `looking`: the answer is
        in sight, so its end needs no note. Raises NotFound, mostly at the first update.
        """
        reader = principal.require_user("chat")
        generation, shared = self._answering.find(reader, answer_id), ""
        if generation is None:
            shared = await self._store.read(lambda uow: _shared_by(uow, reader, answer_id))
            generation = self._answering.find(shared, answer_id) if shared else None
        owner, looking = shared or reader, looking and not shared
        here = generation.watch(interval_s, looking=looking) if generation is not None else None
        updates = here or polling.watch(self._store, owner, answer_id, lost=self._lost)
        if shared:
            updates = self._watch_shared(reader, answer_id, updates)
        async with contextlib.aclosing(updates):
            async for update in updates:
                yield update

    async def delete(self, principal: Principal, ids: Sequence[str]) -> int:
        owner = principal.require_user("chat")
        count = await super().delete(principal, ids)
        for conversation_id in ids:
            generation = self._answering.in_conversation(owner, conversation_id)
            if generation is not None:
                generation.stop()
        return count

    # -----------------------------------------------------------------------------------------------------------------

    async def _prepare(self, principal: Principal, conversation_id: str | None, configuration_id: str | None) -> Prepared:
        """Everything that an answer needs but the question: read before anything is written."""
        owner = principal.require_user("chat")
        reference = configuration_id
        if conversation_id is not None:
            problem = await self._answering.settle(owner, conversation_id)
            if problem is not None:
                raise problem
            row = await self._store.read(lambda uow: uow.conversations.get(owner, conversation_id))
            if row is None:
                raise NotFound(kind="conversation", reference=conversation_id)
            reference = configuration_id or row.configuration_id
        try:
            ready = await self._configurations.resolve(principal, reference)
        except ProviderError as refusal:
            return Prepared(principal, self._moment(owner, making=True), None, refusal, Asked(reference, "", ""))
        return Prepared(principal, self._moment(owner, making=True), ready, None, Asked.of(ready))

    def _start(
        self,
        prepared: Prepared,
        sent: Sent,
        answer: dict[str, Any],
        *,
        stream: bool,
        title_from: str | None = None,
        before: tuple[Any, ...] = (),
    ) -> None:
        at, ready = prepared.at, prepared.ready

        async def request() -> ChatRequest:
            if ready is None:
                raise ProviderError()
            return await self._request(prepared.principal, ready, sent, convert.texts(before)[0], stream=stream)

        place = Place(at.owner_id, sent.conversation_id, sent.answer_id, at.generator)
        self._answering.start(Job(place, answer, ready, request, prepared.refusal, before), title_from=title_from)

    async def _request(self, principal: Principal, ready: ReadyModel, sent: Sent, content: str, *, stream: bool) -> ChatRequest:
        """What is asked: the branch up to the question, and what there is of an answer that is continued."""

        owner = principal.require_user("chat")

        def work(uow: UnitOfWork) -> tuple[str, tuple[Turn, ...]]:
            row = uow.conversations.get(owner, sent.conversation_id)
            if row is None:
                raise NotFound(kind="conversation", reference=sent.conversation_id)
            return row.system_prompt, context.branch_turns(uow, sent.conversation_id, sent.question_id)

        system, turns = await self._store.read(work)
        if content:
            turns = context.continuing(turns, content)
        if any(turn.images for turn in turns) and not await self._configurations.sees_images(principal, ready):
            raise ImagesNotSeen(model=ready.model)
        system = system if system.strip() else ready.system_prompt
        return ChatRequest(ready.model, turns, system if system.strip() else None, ready.parameters, stream, ready.timeout_s)

    async def _lost(self, row: Any) -> bool:
        """Mark the answer as truncated if nobody makes it. True if it was."""
        at = self._moment("")
        gone = recovery.lost([row], ours=at.ours, now_ms=at.now_ms)
        return bool(gone) and bool(await self._store.write(lambda uow: recovery.mark_lost(uow, gone, at.now_ms)))

    async def _still_there(self, principal: Principal, configuration_id: str | None) -> str | None:
        try:
            return configuration_id and (await self._configurations.get(principal, configuration_id)).id
        except NotFound:
            return None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before an answer is begun. `refusal`: why the model cannot be asked; the answer then fails with it."""

    principal: Principal
    at: sending.Moment
    ready: ReadyModel | None
    refusal: ModeltrainError | None
    asked: Asked


def _nameless(conversation: Any, depth: int) -> bool:
    """Whether a model may name the conversation after the answer at `depth`: after the first or, where that failed, the next two."""
    return conversation.title_source == "fallback" and depth <= _NAMING_DEPTH


def _shared_by(uow: UnitOfWork, reader: str, answer_id: str) -> str:
    """Whose the answer is, if it is somebody else's and shared with the reader; else ""."""
    if uow.messages.find(reader, answer_id) is not None:
        return ""
    row = uow.shares.of_message(reader, answer_id)
    return "" if row is None else str(row.owner_id)


def _answer(uow: UnitOfWork, owner: str, answer_id: str) -> tuple[Any, str]:
    """The row of an answer of the owner's, and the text of its question. Raises NotFound."""
    row = uow.messages.find(owner, answer_id)
    if row is None or row.role != "assistant" or row.parent_id is None:
        raise NotFound(kind="message", reference=answer_id)
    return row, convert.texts(uow.messages.parts_from(row.parent_id, 0))[0]
