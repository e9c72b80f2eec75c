"""The whole program without its screens: real services on a real database, asking a real simulator over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import pytest

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.chat.service import Chat
from core.chat.types import AnswerUpdate, ConversationView, Message, Sent
from core.llm.simulator.server import Simulator
from core.models.configurations import ConfigurationDraft
from core.settings import ChatSettings, Settings
from storage.unit_of_work import Storage

PASSWORD = "correct horse 7 battery"
PROTOCOLS = {"openai": "openai-compatible", "ollama": "ollama", "anthropic": "anthropic"}


@dataclass
class Watched:
    """The updates of one answer, folded as a screen folds them."""

    updates: list[AnswerUpdate] = field(default_factory=list)
    text: str = ""
    reasoning: str = ""

    def add(self, update: AnswerUpdate) -> None:
        self.updates.append(update)
        if update.reset:
            self.text = self.reasoning = ""
        self.text += update.text
        self.reasoning += update.reasoning

    @property
    def last(self) -> AnswerUpdate:
        return self.updates[-1]

    @property
    def message(self) -> Message:
        assert self.last.message is not None
        return self.last.message


@dataclass
class House:
    """`model(name, ...)` makes a configuration of ann's that asks the simulator; `ask` sends and watches to the end."""

    services: Services
    simulator: Simulator
    ann: Principal
    bob: Principal

    @property
    def chat(self) -> Chat:
        return self.services.chat

    async def model(self, model: str, protocol: str = "openai", *, system: str = "", timeout_s: float = 60.0) -> str:
        draft = ConfigurationDraft(
            name=f"{model} {protocol} {timeout_s}",
            provider_id=PROTOCOLS[protocol],
            model=model,
            endpoint=self.simulator.base_urls[protocol],
            key="sk-0123456789abcdef" if protocol == "anthropic" else None,
            system_prompt=system,
            timeout_s=timeout_s,
        )
        found = [known for known in await self.services.configurations.list(self.ann) if known.name == draft.name]
        return found[0].id if found else (await self.services.configurations.create(self.ann, draft)).id

    async def send(self, model: str, text: str = "Why is the loss flat?", conversation: str | None = None, **more: object) -> Sent:
        configuration = await self.model(model, str(more.pop("protocol", "openai")))
        return await self.chat.send(self.ann, conversation, text, configuration_id=configuration, **more)  # type: ignore[arg-type]

    async def watch(self, answer_id: str, principal: Principal | None = None, interval_s: float = 0.01) -> Watched:
        watched = Watched()
        async for update in self.chat.watch(principal or self.ann, answer_id, interval_s=interval_s):
            watched.add(update)
        return watched

    async def until(self, answer_id: str, characters: int, *, answer_only: bool = False) -> Watched:
        """Watch until the answer has that many characters (reasoning counts unless `answer_only`), and leave."""
        watched = Watched()
        async with aclosing(self.chat.watch(self.ann, answer_id, interval_s=0.01)) as updates:
            async for update in updates:
                watched.add(update)
                if len(watched.text) + (0 if answer_only else len(watched.reasoning)) >= characters:
                    return watched
        raise AssertionError("the answer ended too early")

    async def ask(self, model: str, text: str = "Why is the loss flat?", conversation: str | None = None, **more: object) -> Watched:
        sent = await self.send(model, text, conversation, **more)
        return await self.watch(sent.answer_id)

    async def open(self, conversation_id: str) -> ConversationView:
        return await self.chat.open(self.ann, conversation_id)


def comparable(message: Message) -> Message:
    """`message` with its error as text: an exception is equal to itself only."""
    return replace(message, error=str(message.error))  # type: ignore[arg-type]


@pytest.fixture
def chat_settings() -> ChatSettings:
    """No titles by model, so that every request in a log is an answer."""
    return ChatSettings(save_every_s=0.05, model_titles=False)


@pytest.fixture
async def house(settings: Settings, storage: Storage, chat_settings: ChatSettings) -> AsyncIterator[House]:
    storage.close()
    services = await build_services(replace(settings, chat=chat_settings))
    simulator = Simulator()
    await simulator.start()
    people = []
    for name in ("ann", "bob"):
        await services.accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)
        people.append(await services.accounts.principal_for(operator("test"), f"{name}@example.org"))
    yield House(services, simulator, *people)
    await services.close()
    await simulator.stop()
