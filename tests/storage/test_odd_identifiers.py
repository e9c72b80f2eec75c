"""Identifiers that can be nobody's, on each kind of database: what they name is not there, through whatever service they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields, replace

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.errors import ModeltrainError, NotFound, StorageError
from core.settings import Settings
from storage.unit_of_work import Storage
from tests.unit.test_ownership import ATTACKS, PASSWORD, Victim, call, guarded_methods

#: No ASCII, a lone surrogate, NUL, the last of ASCII, and what begins like an identifier.
ODD = ("名前" * 8, "é" * 70, "a\ud800b", "a\x00b", "\x7f", "0" * 31 + "é")
LEAVING = {"accounts.sign_out", "accounts.sign_out_everywhere", "accounts.close_session"}


@pytest_asyncio.fixture
async def services(storage: Storage, settings: Settings, database_url: str) -> AsyncIterator[Services]:
    built = await build_services(replace(settings, database_url=database_url))
    yield built
    await built.close()


@pytest_asyncio.fixture
async def bob(services: Services) -> Principal:
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
    await services.accounts.add_user(ann, "bob@example.org", "bob", PASSWORD)
    return (await services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal


async def test_what_they_name_is_not_there(services: Services, bob: Principal) -> None:
    for odd in ODD:
        nobody = Victim(bob, **{each.name: odd for each in fields(Victim) if each.name != "principal"})
        missing = 0
        for name, function in guarded_methods(services).items():
            if name in LEAVING:
                continue
            found = await call(function, bob, ATTACKS[name](nobody))
            assert not isinstance(found, StorageError), (name, odd, found)
            missing += isinstance(found, NotFound)
        assert missing >= 20, odd


async def test_each_area_says_so(services: Services, bob: Principal) -> None:
    asked = {
        "configuration": lambda odd: services.configurations.get(bob, odd),
        "conversation": lambda odd: services.chat.open(bob, odd),
        "run": lambda odd: services.runs.run(bob, odd),
        "service": lambda odd: services.managed.service(bob, odd),
        "dataset": lambda odd: services.datasets.dataset(bob, odd),
        "training_configuration": lambda odd: services.training.get(bob, odd),
    }
    for kind, ask in asked.items():
        for odd in ODD:
            with pytest.raises(ModeltrainError) as raised:
                await ask(odd)
            assert raised.value.code == "not_found", (kind, odd, raised.value)
