from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.llm.client import ModelClients
from tests.contract.wires import WIRES, Wire


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def pauses() -> list[float]:
    """The pauses between tries, in seconds: noted, not waited for."""
    return []


@pytest.fixture
async def clients(pauses: list[float]) -> AsyncIterator[ModelClients]:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    made = ModelClients(sleep=sleep)
    yield made
    await made.close()
