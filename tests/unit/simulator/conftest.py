from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.llm.simulator.server import Simulator
from tests.unit.simulator.support import FORMATS, Asker, ManualTime


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = Simulator()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def asker(simulator: Simulator) -> AsyncIterator[Asker]:
    made = Asker(simulator)
    yield made
    await made.http.aclose()


@pytest.fixture
async def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
async def timed(time: ManualTime) -> AsyncIterator[Asker]:
    """A client of a simulator whose time moves by hand."""
    simulator = Simulator(clock=time.clock, sleep=time.sleep)
    await simulator.start()
    made = Asker(simulator)
    yield made
    await made.http.aclose()
    await simulator.stop()
