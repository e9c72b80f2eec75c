"""Providers and configurations on every kind of database, with many doing the same at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from core.auth.principal import Principal, Role
from core.clock import Clock, Identifiers
from core.errors import Conflict, InvalidInput, NotFound
from core.events import EventBus
from core.llm.client import ModelClients
from core.llm.request import ListedModel, Parameters
from core.llm.simulator.control import SimulatorControl
from core.models.access import Gateway
from core.models.configurations import Configuration, ConfigurationDraft, Configurations
from core.models.providers import Providers
from core.persistence import Store
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork

ANN = Principal(user_id="ann", nickname="ann", email="ann@example.org", role=Role.USER)
ADMIN = Principal(user_id="adm", nickname="adm", email="adm@example.org", role=Role.ADMIN)
DRAFT = ConfigurationDraft(name="Fast", provider_id="ollama", model="tiny")
MANY = 8


class Listing:
    """A provider that lists these models."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def chat_model(self, *_arguments: Any, **_options: Any) -> Any:
        return self

    async def list_models(self) -> tuple[ListedModel, ...]:
        return tuple(ListedModel(name) for name in self.names)


@pytest.fixture
def store(storage: Storage) -> Store:
    def add(uow: UnitOfWork) -> None:
        for who in (ANN, ADMIN):
            account = {"id": who.user_id, "email": who.email, "nickname": who.nickname, "nickname_key": who.nickname}
            uow.session.add(User(**account, password_hash="x", role=who.role, created_at=1, updated_at=1))

    storage.write_now(add)
    return Store(storage)


@pytest.fixture
def configurations(store: Store) -> Configurations:
    async def never(_principal: Principal, _password: str) -> None:
        raise AssertionError

    gateway, clock = Gateway(ModelClients(), SimulatorControl()), Clock()
    return Configurations(store, clock=clock, ids=Identifiers(clock), events=EventBus(), gateway=gateway, confirm_password=never)


def providers_over(store: Store, listing: Listing) -> Providers:
    clock = Clock()
    return Providers(store, clock=clock, ids=Identifiers(clock), gateway=Gateway(listing, SimulatorControl()))  # type: ignore[arg-type]


async def test_everything_survives_every_database(configurations: Configurations) -> None:
    parameters = Parameters(0.1, 0.7, 40, 512, -1.9, 1.3, -7, ("终", "\n"), {"min_p": 0.05, "深": [None, True, "🐉"]})
    draft = replace(
        DRAFT,
        name="名 🐉",
        model="模型:7b",
        parameters=parameters,
        system_prompt="你\n好 🐉",
        timeout_s=12.3,
        note="é",
        key="sk-1234567890ab",
    )
    made = await configurations.create(ANN, draft)
    assert replace(made.draft(), key=draft.key) == replace(draft, endpoint="http://localhost:11434")
    assert await configurations.get(ANN, made.id) == made
    assert made.key_hint == "sk-…90ab"
    assert (await configurations.update(ANN, made.id, made.draft())).version == 1, "what came back is what was saved"
    assert (await configurations.update(ANN, made.id, replace(made.draft(), timeout_s=12.4))).version == 2
    assert (await configurations.by_name(ANN, "名 🐉")).id == made.id


async def test_of_many_same_names_one_is_made(configurations: Configurations) -> None:
    outcomes = await asyncio.gather(*(configurations.create(ANN, DRAFT) for _ in range(MANY)), return_exceptions=True)
    assert sum(isinstance(outcome, Configuration) for outcome in outcomes) == 1, outcomes
    assert all(isinstance(outcome, Configuration | InvalidInput) for outcome in outcomes), outcomes


async def test_names_differ_in_case_and_accents(configurations: Configurations) -> None:
    for name in ("fast", "FAST", "fäst"):
        await configurations.create(ANN, replace(DRAFT, name=name))
    assert len(await configurations.list(ANN)) == 3
    assert (await configurations.by_name(ANN, "FAST")).name == "FAST"


async def test_of_many_edits_one_wins_and_versions_have_no_gap(configurations: Configurations) -> None:
    made = await configurations.create(ANN, DRAFT)
    edits = [replace(made.draft(), model=f"m{number}") for number in range(MANY)]
    outcomes = await asyncio.gather(
        *(configurations.update(ANN, made.id, edit, expected_version=1) for edit in edits), return_exceptions=True
    )
    assert sum(isinstance(outcome, Configuration) for outcome in outcomes) == 1, outcomes
    assert all(isinstance(outcome, Configuration | Conflict) for outcome in outcomes), outcomes
    await asyncio.gather(*(configurations.update(ANN, made.id, replace(edit, note=edit.model)) for edit in edits))
    versions = [state.version for state in await configurations.versions(ANN, made.id)]
    assert versions == list(range(len(versions), 0, -1))
    current = await configurations.get(ANN, made.id)
    assert (current.version, current.note) == (versions[0], current.model)


async def test_a_default_raced_by_deletions_never_points_at_nothing(configurations: Configurations, storage: Storage) -> None:
    for _round in range(4):
        made = [await configurations.create(ANN, replace(DRAFT, name=f"N{number}")) for number in range(3)]
        calls: list[Awaitable[Any]] = []
        for configuration in made:
            calls += [configurations.set_default(ANN, configuration.id), configurations.delete(ANN, [configuration.id])]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(not isinstance(outcome, BaseException) or isinstance(outcome, NotFound) for outcome in outcomes), outcomes
        assert storage.read_now(lambda uow: uow.configurations.default_of("ann")) == ""


async def test_a_fresh_account_is_started_once(configurations: Configurations) -> None:
    made = await asyncio.gather(*(configurations.ensure_starter(ANN) for _ in range(MANY)))
    assert sum(one is not None for one in made) == 1
    assert [(found.name, found.is_default) for found in await configurations.list(ANN)] == [
        ("Simulator", True),
        ("Simulator Markdown", False),
    ]


async def test_many_administrators_at_once(store: Store) -> None:
    providers = providers_over(store, Listing())
    await asyncio.gather(
        *(providers.set_enabled(ADMIN, "ollama", bool(number % 2)) for number in range(MANY)),
        *(providers.set_shared_key(ADMIN, "ollama", f"sk-000000000000{number}") for number in range(MANY)),
        *(providers.allow(ADMIN, "10.0.0.0/8") for _ in range(MANY)),
    )
    assert await providers.allowed(ADMIN) == ("10.0.0.0/8",)
    ollama = await providers.get(ADMIN, "ollama")
    assert ollama.has_shared_key
    assert ollama.shared_key_hint.startswith("sk-…000")


async def test_many_listings_at_once(store: Store) -> None:
    listing = Listing()
    providers = providers_over(store, listing)
    for names in (200, 150):
        listing.names = tuple(f"m{number:03}" for number in range(names))
        await asyncio.gather(*(providers.refresh_models(ADMIN, "ollama") for _ in range(MANY)))
        found = await providers.models(ANN, "ollama")
        assert [model.name for model in found] == [f"m{number:03}" for number in range(200)]
        assert sum(model.available for model in found) == names
