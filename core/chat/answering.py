"""The answers that this process makes: started in the supervisor, found again by id, titled when they end."""

from __future__ import annotations

from collections.abc import KeysView
from typing import TYPE_CHECKING

from core.chat import titles
from core.chat.generation import Generation, Job
from core.clock import Clock
from core.errors import ModeltrainError
from core.events import ConversationChanged, EventBus
from core.persistence import Store
from core.settings import ChatSettings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from core.models.types import ReadyModel
    from storage.unit_of_work import UnitOfWork


class Answering:
    """Holds a generation until its answer is saved: one that the database did not take stays in memory and is offered again."""

    def __init__(self, store: Store, clock: Clock, events: EventBus, supervisor: Supervisor, settings: ChatSettings) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._supervisor = supervisor
        self._settings = settings
        self._generations: dict[str, Generation] = {}

    @property
    def ours(self) -> KeysView[str]:
        """The ids of the answers that this process makes, or has made and not saved yet."""
        return self._generations.keys()

    @property
    def unsaved(self) -> ModeltrainError | None:
        """Why an answer that has ended here is in memory only; None where all are saved."""
        waiting = (generation for generation in self._generations.values() if generation.done and not generation.saved)
        return next((generation.problem for generation in waiting), None)

    def find(self, owner_id: str, answer_id: str) -> Generation | None:
        """The generation of an answer of this owner's, if it is made here."""
        generation = self._generations.get(answer_id)
        return generation if generation is not None and generation.job.place.owner_id == owner_id else None

    def in_conversation(self, owner_id: str, conversation_id: str) -> Generation | None:
        """The generation in a conversation of this owner's, if there is one here."""
        for generation in self._generations.values():
            place = generation.job.place
            if place.conversation_id == conversation_id and place.owner_id == owner_id:
                return generation
        return None

    def start(self, job: Job, *, title_from: str | None) -> None:
        """Begin to make an answer. `title_from`: the question, where the model shall name the conversation after its first answer."""
        generation = Generation(job, self._store, self._clock, self._settings)
        self._generations[job.place.answer_id] = generation
        self._supervisor.start(lambda: self._make(generation, title_from), f"answer {job.place.answer_id}")

    async def _make(self, generation: Generation, title_from: str | None) -> None:
        try:
            await generation.run()
        finally:
            if generation.saved:
                self._generations.pop(generation.job.place.answer_id, None)
            else:
                self._events.publish(ConversationChanged(generation.job.place.owner_id, generation.job.place.conversation_id))
        message, ready = generation.message, generation.job.ready
        if title_from is None or message is None or ready is None or message.state != "complete" or not message.content.strip():
            return
        if self._settings.model_titles and not self._supervisor.closed:
            place = generation.job.place
            self._supervisor.start(lambda: self._name(generation.job, ready, title_from, message.content), f"title {place.conversation_id}")

    async def _name(self, job: Job, ready: ReadyModel, question: str, answer: str) -> None:
        """A task of its own, so that the end of the program cancels it and nothing waits for it."""
        title, place = await titles.ask(ready, question, answer, timeout_s=self._settings.title_timeout_s), job.place

        def work(uow: UnitOfWork) -> bool:
            named = uow.conversations.title_by_model(place.owner_id, place.conversation_id, title)
            if named:
                uow.changes.touch(place.owner_id, [place.conversation_id])
            return named

        if title:
            await self._store.write(work)

    async def settle(self, owner_id: str, conversation_id: str) -> ModeltrainError | None:
        """Offer an answer that could not be saved to the database again. What it says, or None if nothing is unsaved now."""
        generation = self.in_conversation(owner_id, conversation_id)
        if generation is None or not generation.done or generation.saved:
            return None
        if await generation.save(0.0):
            self._generations.pop(generation.job.place.answer_id, None)
            return None
        return generation.problem
