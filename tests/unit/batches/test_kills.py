"""`kill -9` at any moment: nothing that was answered is asked twice, and nothing is missing. The simulator's own log proves it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.batches.types import Batch, BatchDraft
from tests.unit.batches.conftest import LIMIT_S, Hall
from tests.unit.batches.workers import process, simulator_process

#: An answer that was handed over this long before a kill, or after it, may not have been read.
READING_S = 1.0


@dataclass
class Crowd:
    """Workers that are killed, and a simulator of its own process. `kills`: when."""

    hall: Hall
    maker: asyncio.subprocess.Process
    simulator: str
    kills: list[datetime] = field(default_factory=list)
    pid: int = 0

    async def batch(self, model: str, *, count: int, concurrency: int) -> Batch:
        """A batch that asks the simulator of the other process."""
        configuration_id = await self.hall.model(model, endpoint=self.simulator)
        set_id = await self.hall.questions(count)
        draft = BatchDraft(set_id=set_id, configuration_ids=(configuration_id,), scorer="contains", concurrency=concurrency)
        return await self.hall.batches.create(self.hall.ann, draft)

    async def begin(self) -> None:
        assert self.maker.stdin is not None
        self.maker.stdin.write(b"another\n")
        self.pid = int(await self._line())

    async def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)
        self.kills.append(datetime.now(UTC))
        assert (await self._line()).split() == ["gone", str(self.pid)]

    async def _line(self) -> str:
        assert self.maker.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            return (await self.maker.stdout.readline()).decode()

    async def log(self) -> list[dict[str, Any]]:
        """What the simulator was asked, in order."""
        async with httpx.AsyncClient(timeout=LIMIT_S) as client:
            found = (await client.get(self.simulator.removesuffix("/v1") + "/simulator/requests")).json()
        records = [record for record in found["requests"] if record["method"] == "POST"]
        assert found["total"] == len(found["requests"])  # nothing was forgotten
        return records

    async def nothing_twice(self, total: int) -> int:
        """Every question was answered, and none was asked again but those that were under way at a kill; how many these were."""
        asked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        last_of: dict[int, int] = {}
        for place, record in enumerate(await self.log()):
            record["place"] = place
            last_of[record["connection"]] = place
            asked[record["last_user_text"]].append(record)
        assert len(asked) == total
        again = 0
        for text, records in asked.items():
            assert records[-1]["finished"], text
            for record in records[:-1]:
                again += 1
                if not record["finished"]:
                    continue  # the worker died while the answer was being sent
                # Whole, and nobody read on: the worker died before it had it.
                assert last_of[record["connection"]] == record["place"], f"asked again after it was read: {text}"
                ended = datetime.fromisoformat(record["ended"])
                gap = min(abs((kill - ended).total_seconds()) for kill in self.kills)
                assert gap < READING_S, f"asked again {gap} s from a kill: {text}"
        return again


@pytest.fixture
async def crowd(hall: Hall) -> AsyncIterator[Crowd]:
    async with simulator_process() as endpoint, process(str(hall.settings.data_dir)) as maker:
        made = Crowd(hall, maker, endpoint)
        yield made
        if made.pid:
            await made.kill(signal.SIGTERM)


async def test_ten_kills_at_random_moments_lose_nothing_and_ask_nothing_twice(crowd: Crowd) -> None:
    hall, chance, total = crowd.hall, random.Random(20), 600
    batch = await crowd.batch("sim-delay-15@max", count=total, concurrency=12)
    await hall.batches.start(hall.ann, batch.id)
    for _kill in range(10):
        await crowd.begin()
        before = (await hall.batches.batch(hall.ann, batch.id)).answered
        wanted = min(total - 20, before + chance.randint(0, 50))
        await hall.until(batch.id, lambda now: now.answered >= wanted)  # noqa: B023  (called before the next turn)
        await asyncio.sleep(chance.uniform(0.0, 0.3))  # the moment is meant to be any
        await crowd.kill()
    await crowd.begin()
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered, ended.failed, ended.score) == ("completed", total, 0, 1.0)
    again = await crowd.nothing_twice(total)
    assert again <= 10 * 12  # one for each request under way, at most


async def test_a_kill_in_the_middle_of_a_batch(crowd: Crowd) -> None:
    hall = crowd.hall
    batch = await crowd.batch("sim-echo@max", count=1000, concurrency=16)
    await hall.batches.start(hall.ann, batch.id)
    await crowd.begin()
    await hall.until(batch.id, lambda now: now.answered >= 500)
    await crowd.kill()
    await crowd.begin()
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered, ended.score) == ("completed", 1000, 1.0)
    assert await crowd.nothing_twice(1000) <= 16
    assert not list((hall.settings.data_dir / "batches").iterdir())
