"""SimulatorControl: the simulator inside the application, started when a configuration first needs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.llm.simulator.server import Simulator


class SimulatorControl:
    """Owns at most one simulator, on a free loopback port of this process. Its request log is not served to others."""

    def __init__(self) -> None:
        self._starting = asyncio.Lock()
        self._simulator: Simulator | None = None

    @property
    def simulator(self) -> Simulator | None:
        """The simulator if it runs."""
        return self._simulator

    async def ensure(self) -> str:
        """The base URL of the OpenAI-compatible format; starts the simulator if it does not run yet. Raises EnvironmentProblem."""
        return (await self.base_urls())["openai"]

    async def base_urls(self) -> dict[str, str]:
        """The base URL of each format, as `ensure` does."""
        async with self._starting:
            if self._simulator is None:
                from core.llm.simulator.server import Simulator  # not needed before the first simulated question

                simulator = Simulator(shows_log=False)
                await simulator.start()
                self._simulator = simulator
            return self._simulator.base_urls

    async def close(self) -> None:
        """Stop the simulator if it runs."""
        async with self._starting:
            simulator, self._simulator = self._simulator, None
            if simulator is not None:
                await simulator.stop()
