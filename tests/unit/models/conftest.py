"""Providers and configurations over a real database and a real simulator, with three accounts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.auth.principal import Origin, Principal, Role
from core.clock import Clock, Identifiers
from core.errors import PasswordNeeded
from core.events import Event, EventBus
from core.llm.client import ModelClients
from core.llm.simulator.control import SimulatorControl
from core.llm.simulator.server import Simulator
from core.models.access import Gateway
from core.models.configurations import ConfigurationDraft, Configurations
from core.models.providers import Providers
from core.persistence import Store
from core.secrets import make_box
from core.settings import Settings
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork

PASSWORD = "correct horse 7 battery"
KEY = "sk-ann-0123456789-secret-ab12"


class Moments:
    """A wall clock that moves a second at each look, so that nothing happens at the same time."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        self.at += 1
        return self.at


@dataclass
class House:
    """Everything that a test of this package needs."""

    settings: Settings
    storage: Storage
    store: Store
    clock: Clock
    clients: ModelClients
    control: SimulatorControl
    simulator: Simulator
    gateway: Gateway
    providers: Providers
    configurations: Configurations
    events: EventBus
    ann: Principal
    bob: Principal
    admin: Principal
    heard: list[Event] = field(default_factory=list)

    @property
    def storage_folder(self) -> Path:
        """The data folder."""
        return self.settings.data_dir

    def reopened(self) -> House:
        """The same over a storage of its own, as another process would open it; close its store."""
        return replace(self, **_services(Storage(self.settings.database_url, box=make_box(self.settings)), self.clock, self.gateway))

    @property
    def endpoint(self) -> str:
        """The OpenAI-compatible endpoint of the simulator that records."""
        return self.simulator.base_urls["openai"]

    @property
    def served_ann(self) -> Principal:
        return served(self.ann)

    def draft(self, name: str = "Fast", model: str = "sim-chat@0", **changes: object) -> ConfigurationDraft:
        """A draft on the recording simulator, as any OpenAI-compatible server."""
        draft = ConfigurationDraft(name=name, provider_id="openai-compatible", model=model, endpoint=self.endpoint)
        return replace(draft, **changes)  # type: ignore[arg-type]


def served(principal: Principal) -> Principal:
    return replace(principal, served=True, origin=Origin("ssh", "203.0.113.7"))


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task brings about."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  (what is waited for has no event)
            await asyncio.sleep(0)


async def at_once(_seconds: float) -> None:
    """Waits for nothing between two tries."""
    await asyncio.sleep(0)


async def confirm_password(_principal: Principal, password: str) -> None:
    """Every account here has the same password."""
    if password != PASSWORD:
        raise PasswordNeeded


def add_user(storage: Storage, user_id: str, role: Role) -> Principal:
    email = f"{user_id}@example.org"

    def work(uow: UnitOfWork) -> None:
        uow.session.add(
            User(
                id=user_id,
                email=email,
                nickname=user_id,
                nickname_key=user_id,
                password_hash="x",
                role=role,
                created_at=1,
                updated_at=1,
            )
        )

    storage.write_now(work)
    return Principal(user_id=user_id, nickname=user_id, email=email, role=role, session_id=f"s-{user_id}")


def _services(storage: Storage, clock: Clock, gateway: Gateway) -> dict[str, Any]:
    store, ids, events = Store(storage), Identifiers(clock), EventBus()
    providers = Providers(store, clock=clock, ids=ids, gateway=gateway)
    configurations = Configurations(store, clock=clock, ids=ids, events=events, gateway=gateway, confirm_password=confirm_password)
    return {"storage": storage, "store": store, "providers": providers, "configurations": configurations, "events": events}


@pytest.fixture
async def house(settings: Settings, storage: Storage) -> AsyncIterator[House]:
    clock = Clock(wall=Moments())
    clients, control, simulator = ModelClients(clock=clock, sleep=at_once), SimulatorControl(), Simulator()
    await simulator.start()
    gateway = Gateway(clients, control)
    ann, bob, admin = (add_user(storage, name, role) for name, role in (("ann", Role.USER), ("bob", Role.USER), ("adm", Role.ADMIN)))
    made = House(
        settings=settings,
        clock=clock,
        clients=clients,
        control=control,
        simulator=simulator,
        gateway=gateway,
        ann=ann,
        bob=bob,
        admin=admin,
        **_services(storage, clock, gateway),
    )
    for principal in (ann, bob):
        made.events.subscribe(principal.user_id, made.heard.append)
    yield made
    await clients.close()
    await control.close()
    await simulator.stop()
