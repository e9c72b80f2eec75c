"""Comparisons in the whole program without its screens: real services, a real database, a real simulator over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.chat.types import Message
from core.compare.service import Comparisons
from core.compare.types import Candidate, Comparison, Round
from core.llm.request import Parameters
from core.llm.simulator.server import Simulator
from core.models.types import ConfigurationDraft
from core.settings import AuthSettings, ChatSettings, Settings
from storage.unit_of_work import Storage

PASSWORD = "correct horse 7 battery"
PROTOCOLS = {"openai": "openai-compatible", "ollama": "ollama", "anthropic": "anthropic"}
QUESTION = "Why is the loss flat?"
LIMIT_S = 30.0


@dataclass
class Table:
    """Two people and a simulator. `compare("sim-chat", ...)` makes a comparison of ann's; `ask` asks it and waits for all answers."""

    services: Services
    simulator: Simulator
    ann: Principal
    bob: Principal

    @property
    def comparisons(self) -> Comparisons:
        return self.services.comparisons

    async def model(self, name: str, protocol: str = "openai", timeout_s: float = 60.0, parameters: Parameters | None = None) -> str:
        draft = ConfigurationDraft(
            name=f"{name} {protocol} {timeout_s} {parameters and parameters.temperature}",
            provider_id=PROTOCOLS[protocol],
            model=name,
            endpoint=self.simulator.base_urls[protocol],
            key="sk-0123456789abcdef" if protocol == "anthropic" else None,
            parameters=parameters or Parameters(),
            timeout_s=timeout_s,
        )
        known = {each.name: each.id for each in await self.services.configurations.list(self.ann)}
        return known.get(draft.name) or (await self.services.configurations.create(self.ann, draft)).id

    async def compare(self, *models: str, timeout_s: float = 60.0, **more: object) -> Comparison:
        ids = [await self.model(name, timeout_s=timeout_s) for name in models]
        return await self.comparisons.create(self.ann, ids, **more)  # type: ignore[arg-type]

    async def get(self, comparison: Comparison) -> Comparison:
        return await self.comparisons.get(self.ann, comparison.id)

    async def end_of(self, answer_id: str) -> Message:
        """Watch an answer to its end."""
        async for update in self.comparisons.watch(self.ann, answer_id, interval_s=0.01):
            last = update
        assert last.message is not None
        return last.message

    async def ended(self, asked: Round, *, but: Sequence[Candidate] = ()) -> dict[str, Message]:
        """The answers of a round, by candidate, when all have ended but those of `but`."""
        waited = [each for each in asked.answers if each.message is not None and each.candidate_id not in {one.id for one in but}]
        async with asyncio.timeout(LIMIT_S):
            found = await asyncio.gather(*(self.end_of(each.message.id) for each in waited if each.message is not None))
        return {each.candidate_id: message for each, message in zip(waited, found, strict=True)}

    async def ask(self, comparison: Comparison, question: str = QUESTION, **more: object) -> Round:
        """Ask, wait until nothing is made and nothing waits any more; the round as it is then."""
        await self.ended(await self.comparisons.ask(self.ann, comparison.id, question, **more))  # type: ignore[arg-type]
        await self.quiet()
        found = (await self.get(comparison)).last_round
        assert found is not None
        return found

    async def quiet(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.services.supervisor.until_done("comparison")
            await self.services.supervisor.until_done("answer")

    async def until(self, comparison: Comparison, what: Callable[[Comparison], bool]) -> Comparison:
        """Look again whenever something of ann's comparisons changes, until it is so."""
        changed = asyncio.Event()
        stop = self.services.events.subscribe(self.ann.user_id, lambda _event: changed.set())
        try:
            async with asyncio.timeout(LIMIT_S):
                while not what(found := await self.get(comparison)):
                    await changed.wait()
                    changed.clear()
                return found
        finally:
            stop()


def states(found: Round) -> list[str]:
    return [answer.state for answer in found.answers]


@pytest.fixture
async def table(settings: Settings, storage: Storage) -> AsyncIterator[Table]:
    storage.close()
    lean = replace(settings, chat=ChatSettings(save_every_s=0.05), auth=AuthSettings(bcrypt_cost=4))
    services = await build_services(lean)
    simulator = Simulator()
    await simulator.start()
    people = []
    for name in ("ann", "bob"):
        await services.accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)
        people.append(await services.accounts.principal_for(operator("test"), f"{name}@example.org"))
    yield Table(services, simulator, *people)
    await services.close()
    await simulator.stop()
