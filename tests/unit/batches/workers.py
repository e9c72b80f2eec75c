"""A process that makes others, each of which works on the batches of an installation until it is killed.

    python -m tests.unit.batches.workers DATA-FOLDER

A line on its standard input makes another worker; it prints the worker's process number, and "gone NUMBER" when that has ended. Everything
is imported once, so that making one takes some hundredths of a second. Run with the word "simulator", it is a simulator with a long log.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.bootstrap import build_services, preload
from core.llm.simulator.server import Simulator
from tests.unit.batches.conftest import settings_of

ROOT = Path(__file__).parents[3]


async def work(folder: Path) -> None:
    services = await build_services(settings_of(folder))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    services.batches.begin_working()
    await stopping.wait()
    await services.close()


async def simulate() -> None:
    simulator = Simulator(log_limit=1_000_000)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await simulator.start()
    print(json.dumps(simulator.base_urls), flush=True)
    await stopping.wait()
    await simulator.stop()


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """This module as a process of its own, ended with the block."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.unit.batches.workers", *arguments)
    made = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        yield made
    finally:
        if made.stdin is not None:
            made.stdin.close()
        if arguments[0] == "simulator":
            made.terminate()
        await made.wait()


@asynccontextmanager
async def simulator_process() -> AsyncIterator[str]:
    """The address of a simulator in a process of its own."""
    async with process("simulator") as made:
        assert made.stdout is not None
        yield json.loads(await made.stdout.readline())["openai"]


def serve(folder: Path) -> None:
    preload(settings_of(folder))
    import core.batches.service
    import core.llm.openai
    import core.questions.service  # noqa: F401

    for _line in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(work(folder))
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", pid, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "simulator":
        asyncio.run(simulate())
    else:
        serve(Path(sys.argv[1]))
