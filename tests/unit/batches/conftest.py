"""Batches in the whole program without its screens: real services, a real database, a real simulator over HTTP."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.auth.principal import Principal, operator
from core.batches.service import Batches
from core.batches.types import Answer, Batch, BatchDraft
from core.bootstrap import Services, build_services
from core.clock import Clock
from core.installation import DATABASE_FILE
from core.llm.request import Parameters
from core.llm.simulator.server import Simulator
from core.models.types import ConfigurationDraft
from core.questions.types import QuestionDraft
from core.secrets import MASTER_KEY_FILE
from core.settings import AuthSettings, BatchSettings, Settings

PASSWORD = "correct horse 7 battery"
LIMIT_S = 60.0


def settings_of(folder: Path, **batches: Any) -> Settings:
    """An installation in `folder`; the keywords are BatchSettings'."""
    return Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder}/{DATABASE_FILE}",
        auth=AuthSettings(bcrypt_cost=4),
        batches=replace(BatchSettings(), **batches),
    )


@dataclass
class Hall:
    """Two people and a simulator; `services` do not work on batches before `work`."""

    services: Services
    simulator: Simulator
    ann: Principal
    bob: Principal
    settings: Settings
    admin: Principal = field(default_factory=lambda: operator("test"))
    others: list[Services] = field(default_factory=list)

    @property
    def batches(self) -> Batches:
        return self.services.batches

    async def model(self, name: str, *, endpoint: str | None = None, key: str | None = None, timeout_s: float = 30.0, **more: Any) -> str:
        """A configuration that asks a simulated model; always the same one for the same arguments."""
        draft = ConfigurationDraft(
            name=" ".join(filter(None, (name, endpoint, key, str(sorted(more.items())))))[:100],
            provider_id="openai-compatible",
            model=name,
            endpoint=endpoint or self.simulator.base_urls["openai"],
            key=key,
            timeout_s=timeout_s,
            parameters=Parameters(**more),
        )
        known = {each.name: each.id for each in await self.services.configurations.list(self.ann)}
        return known.get(draft.name) or (await self.services.configurations.create(self.ann, draft)).id

    async def questions(self, count: int = 3, **more: Any) -> str:
        """A set of short questions."""
        drafts = [QuestionDraft(text=f"Say number {number}", expected=f"number {number}", **more) for number in range(1, count + 1)]
        return await self.set_of(drafts)

    async def set_of(self, drafts: Sequence[QuestionDraft]) -> str:
        name = f"set {len((await self.services.questions.sets(self.ann, limit=1000)).items) + 1}"
        return (await self.services.questions.create(self.ann, name, drafts)).id

    async def draft(self, *models: str, count: int = 3, **more: Any) -> BatchDraft:
        ids = tuple([await self.model(name) for name in models or ("sim-echo@max",)])
        set_id = more.pop("set_id", None) or await self.questions(count)
        return BatchDraft(set_id=set_id, configuration_ids=ids, **({"scorer": "contains"} | more))

    async def started(self, *models: str, **more: Any) -> Batch:
        made = await self.batches.create(self.ann, await self.draft(*models, **more))
        return await self.batches.start(self.ann, made.id)

    def work(self) -> None:
        self.batches.begin_working()

    async def until(self, batch_id: str, what: Callable[[Batch], bool]) -> Batch:
        """Look until it is so."""
        latest: Batch | None = None
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    latest = await self.batches.batch(self.ann, batch_id)
                    if what(latest):
                        return latest
                    await asyncio.sleep(0.02)  # what is waited for may be done by another process
        except TimeoutError:
            raise AssertionError(f"never so: {latest}") from None

    async def ended(self, batch_id: str) -> Batch:
        """When nothing goes on any more."""
        return await self.until(batch_id, lambda batch: not batch.active)

    async def answers(self, batch_id: str, **more: Any) -> list[Answer]:
        return list((await self.batches.answers(self.ann, batch_id, limit=10_000, **more)).items)

    def asked(self) -> Counter[str]:
        """How often each question came to the simulator."""
        return Counter(record.last_user_text for record in self.simulator.requests if record.method == "POST")

    async def other(self, *, clock: Clock | None = None, **batches: Any) -> Services:
        """The same installation as another process would open it."""
        settings = replace(self.settings, batches=replace(self.settings.batches, **batches))
        made = await build_services(settings, clock=clock)
        self.others.append(made)
        return made


async def add_people(services: Services) -> tuple[Principal, Principal]:
    """Ann and Bob, signed in."""
    me = operator("test")
    for name in ("ann", "bob"):
        await services.accounts.add_user(me, f"{name}@example.org", name, PASSWORD)
    ann, bob = [await services.accounts.principal_for(me, f"{name}@example.org") for name in ("ann", "bob")]
    return ann, bob


@pytest.fixture
def installation(data_dir: Path, installed: Path) -> Settings:
    """An empty installation, migrated once for all tests."""
    data_dir.mkdir(mode=0o700)
    for name in (DATABASE_FILE, MASTER_KEY_FILE):
        shutil.copy(installed / name, data_dir / name)
    return settings_of(data_dir)


@pytest.fixture
async def hall(installation: Settings) -> AsyncIterator[Hall]:
    settings = installation
    services = await build_services(settings)
    simulator = Simulator(log_limit=100_000)
    await simulator.start()
    ann, bob = await add_people(services)
    made = Hall(services, simulator, ann, bob, settings)
    yield made
    for each in (*made.others, services):
        await each.close()
    await simulator.stop()
