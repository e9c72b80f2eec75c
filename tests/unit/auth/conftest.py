"""`house`: accounts on SQLite; `time`: its clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.settings import Settings
from storage.unit_of_work import Storage
from tests.unit.auth.house import House, Time


@pytest.fixture
def house(storage: Storage, settings: Settings) -> Iterator[House]:
    made = House(storage, settings)
    yield made
    made.close()


@pytest.fixture
def time(house: House) -> Time:
    return house.time
