"""A batch of 10,000 short questions, 64 in flight, against a bare httpx loop that sends the same requests in the same run; and 429 storms.

The simulator is another process. `storm`: it takes 10 requests in any second and refuses the others; counted by its own log.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx

from core.batches.types import BatchDraft
from core.bootstrap import build_services
from tests.bench.table import Row, print_table
from tests.unit.batches.conftest import Hall, add_people, settings_of
from tests.unit.batches.workers import simulator_process

QUESTIONS, IN_FLIGHT = 10_000, 64
STORM, ALLOWED = 400, 10
MODEL = "sim-echo@max"


@asynccontextmanager
async def hall(folder: Path) -> AsyncIterator[tuple[Hall, str]]:
    async with simulator_process() as endpoint:
        services = await build_services(settings_of(folder))
        try:
            yield Hall(services, None, *await add_people(services), services.settings), endpoint  # type: ignore[arg-type]
        finally:
            await services.close()


async def batch(made: Hall, endpoint: str, model: str, count: int, in_flight: int) -> tuple[float, str]:
    """Ask `count` questions; answers a second, and the batch's id."""
    draft = BatchDraft(
        set_id=await made.questions(count),
        configuration_ids=(await made.model(model, endpoint=endpoint),),
        scorer="contains",
        concurrency=in_flight,
        use_cache=False,
    )
    planned = await made.batches.create(made.ann, draft)
    began = time.perf_counter()
    await made.batches.start(made.ann, planned.id)
    async for update in made.batches.watch(made.ann, planned.id, 0.2):
        last = update.batch
    assert (last.state, last.answered) == ("completed", count), last
    return count / (time.perf_counter() - began), planned.id


async def bare(endpoint: str) -> float:
    """The same questions by a loop around httpx, which reads the bytes of the answers and makes nothing of them."""
    numbers = iter(range(1, QUESTIONS + 1))

    async def ask(client: httpx.AsyncClient) -> None:
        for number in numbers:
            body = {
                "model": MODEL,
                "messages": [{"role": "user", "content": f"Say number {number}"}],
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            async with client.stream("POST", f"{endpoint}/chat/completions", json=body) as response:
                async for _chunk in response.aiter_raw():
                    pass

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), trust_env=False, timeout=60) as client:
        began = time.perf_counter()
        await asyncio.gather(*(ask(client) for _ in range(IN_FLIGHT)))
        return QUESTIONS / (time.perf_counter() - began)


async def report_s(made: Hall, batch_id: str, form: str) -> float:
    from tui import batch_reports
    from tui.commands.train_reading import local_zone

    began = time.perf_counter()
    await made.batches.report(made.ann, batch_id, form, batch_reports.words(local_zone()), BytesIO())
    return time.perf_counter() - began


async def storm(made: Hall, endpoint: str) -> dict[str, float]:
    """What the simulator's log says of a batch that may ask 10 a second."""
    await batch(made, endpoint, f"sim-limited-{ALLOWED}@max", STORM, IN_FLIGHT)
    async with httpx.AsyncClient(timeout=60) as client:
        found: dict[str, Any] = json.loads((await client.get(endpoint.removesuffix("/v1") + "/simulator/requests")).content)
    records = [record for record in found["requests"] if record["model"].startswith("sim-limited")]
    taken = [datetime.fromisoformat(record["time"]).timestamp() for record in records if record["status"] == 200]
    return {"useful": 100 * len(taken) / len(records), "rate": 100 * (len(taken) - 1) / (taken[-1] - taken[0]) / ALLOWED}


async def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        async with hall(Path(folder)) as (made, endpoint):
            made.work()
            ours, batch_id = await batch(made, endpoint, MODEL, QUESTIONS, IN_FLIGHT)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            theirs = await bare(endpoint)
            again, _ = await batch(made, endpoint, MODEL, QUESTIONS, IN_FLIGHT)
            reports = {form: await report_s(made, batch_id, form) for form in ("xlsx", "html", "json")}
    with tempfile.TemporaryDirectory() as folder:
        async with hall(Path(folder)) as (made, endpoint):  # nothing is known of the provider yet
            made.work()
            stormed = await storm(made, endpoint)
    return [
        Row("batch: 10,000 questions, 64 in flight", (ours, again), "/s", ">= 250"),
        Row("a bare httpx loop", (theirs,), "/s"),
        Row("batch over bare loop", (ours / theirs, again / theirs), "", ">= 0.5"),
        Row("peak memory", (peak,), "MB", "<= 200"),
        *(Row(f"report of 10,000 answers, {form}", (seconds,), "s", "<= 10") for form, seconds in reports.items()),
        Row("429 storm: useful requests", (stormed["useful"],), "%", ">= 95"),
        Row("429 storm: of the allowed rate", (stormed["rate"],), "%", "90 to 100"),
    ]


def main() -> None:
    print_table(asyncio.run(measure()))


if __name__ == "__main__":
    main()
