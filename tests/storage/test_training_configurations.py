"""Training configurations on every kind of database, with many doing the same at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Principal, Role
from core.clock import Clock, Identifiers
from core.datasets.service import Datasets
from core.errors import Conflict, InvalidInput, NotFound
from core.persistence import Store
from core.settings import Settings
from core.training.configurations import Training
from core.training.configurations_types import TrainingDraft
from core.training.environment import TrainingEnvironment
from core.training.gpus import NoGpus
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork

ANN = Principal(user_id="ann", nickname="ann", email="ann@example.org", role=Role.USER)
BOB = Principal(user_id="bob", nickname="bob", email="bob@example.org", role=Role.USER)
DRAFT = TrainingDraft(name="Fein 细", note="é", template="qwen", extra="ddp_timeout: 9\n", lora_rank=8)
MANY = 8


@pytest.fixture
def training(storage: Storage, tmp_path: Path) -> Training:
    def add(uow: UnitOfWork) -> None:
        for who in (ANN, BOB):
            account = {"id": who.user_id, "email": who.email, "nickname": who.nickname, "nickname_key": who.nickname}
            uow.session.add(User(**account, password_hash="x", role=who.role, created_at=1, updated_at=1))

    storage.write_now(add)
    clock, store = Clock(), Store(storage)
    ids = Identifiers(clock)
    settings = Settings(tmp_path / "nothing", storage.url)
    environment = TrainingEnvironment(settings, store, clock=clock, ids=ids, inherited={})
    no_datasets = object.__new__(Datasets)  # none is asked for here
    return Training(settings, store, clock=clock, ids=ids, environment=environment, datasets=no_datasets, gpus=NoGpus())


async def test_what_is_saved_comes_back_on_every_database(training: Training) -> None:
    made = await training.save(ANN, DRAFT)
    assert (await training.get(ANN, made.id)).draft == DRAFT
    assert (await training.by_name(ANN, "Fein 细")).id == made.id
    with pytest.raises(NotFound):
        await training.by_name(ANN, "fein 细")
    changed = await training.save(ANN, replace(DRAFT, lora_rank=64, max_samples=None), made.id)
    assert [each.draft.lora_rank for each in await training.versions(ANN, made.id)] == [64, 8]
    assert changed.version == 2
    await training.share(ANN, made.id, True)
    assert [(each.name, each.mine) for each in await training.list(BOB)] == [("Fein 细", False)]
    assert await training.delete(ANN, [made.id]) == 1
    assert await training.list(BOB) == ()


async def test_of_many_who_take_a_name_one_gets_it(training: Training) -> None:
    results = await asyncio.gather(*(training.save(ANN, DRAFT) for _ in range(MANY)), return_exceptions=True)
    refused = [each for each in results if isinstance(each, BaseException)]
    assert len(refused) == MANY - 1 and all(isinstance(each, InvalidInput) and each.rule == "taken" for each in refused)


async def test_of_many_who_change_one_version_one_does(training: Training) -> None:
    made = await training.save(ANN, DRAFT)
    edits = (training.save(ANN, replace(DRAFT, lora_rank=16 + number), made.id, expected_version=1) for number in range(MANY))
    results = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in results) == MANY - 1
    assert (await training.get(ANN, made.id)).version == 2


async def test_copies_made_at_once_have_names_of_their_own(training: Training) -> None:
    made = await training.save(ANN, DRAFT)
    copies = await asyncio.gather(*(training.copy(ANN, made.id) for _ in range(MANY)))
    assert {each.name for each in copies} == {f"Fein 细 {number}" for number in range(2, MANY + 2)}
