"""Comparisons: list and search among 100,000, questions like one asked before, and what we add to the time to the first token.

The records are read through the service, from a database of the size that 100,000 comparisons make: two candidates each, with their
conversations and messages. The time to the first token is measured with 50 answers made at once, by the program as it stands
(a generation each, saved as it grows) and by a bare httpx client in the same process, round by round in turns; the simulator has a
process of its own. `asked to first token` counts from the call of the service, so it has the saving of the question in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.chat.sending import Moment, new_conversation, new_message
from core.compare import naming
from core.compare.similarity import prepared
from core.models.types import ConfigurationDraft
from core.settings import AuthSettings, ChatSettings, load_settings
from storage.tables import metadata
from storage.unit_of_work import UnitOfWork
from tests.bench.bench_chat import start_simulator
from tests.bench.table import Row, percentile, print_table

COMPARISONS = int(os.environ.get("MODELTRAIN_BENCH_COMPARISONS", "100000"))
PASSWORD = "correct horse 7 battery"
LOOKS, ROUNDS, PARALLEL = 7, 5, 50
#: First token after 300 ms, when all have asked; then 10 tokens at 50 a second.
MODEL = "sim-delay-300@50x10"
CHUNK = 5_000
WORDS = (
    *("why", "how", "what", "when", "does", "model", "loss", "learning", "rate", "data", "train", "answer", "question", "gradient"),
    *("batch", "token", "layer", "memory", "time", "python", "code", "write", "explain", "compare", "summarise", "translate", "error"),
    *("file", "list", "number", "city", "water", "light", "paper", "music", "river", "模型", "训练", "数据", "如何", "解释", "学习率"),
)


def questions() -> Iterator[str]:
    """Questions of 4 to 30 words; one in a thousand words is rare."""
    draw = random.Random(4)
    for number in range(COMPARISONS):
        words = draw.choices(WORDS, k=draw.randint(4, 30))
        if number % 1000 == 0:
            words.append(f"needle{number}")
        yield " ".join(words) + "?"


def fill(uow: UnitOfWork, owner: str, ids: Any) -> None:
    """Write what COMPARISONS comparisons leave behind, with plain inserts."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, question in enumerate(questions()):
        add(rows, owner, number, question, ids)
        if (number + 1) % CHUNK == 0:
            for table, values in rows.items():
                uow.session.connection().execute(insert(metadata.tables[table]), values)
            rows.clear()


def add(rows: dict[str, list[dict[str, Any]]], owner: str, number: int, question: str, ids: Any) -> None:
    comparison, round_id, at, compared = ids.new(), ids.new(), Moment(owner, "", 1_700_000_000_000 + number), prepared(question)
    title = naming.title_of(question)
    search, cut = naming.searched("", (prepared(title), compared))
    times = {"created_at": at.now_ms, "used_at": at.now_ms}
    texts = {"title": title, "title_source": "fallback", "mode": "parallel", "type": "", "judged": "", "winner": "", "asker": ""}
    state = {"blind": False, "revealed_at": None, "asker_alive_at": None, "listed": True, "round_count": 1}
    about = {"search": search, "search_cut": cut, **texts, **state, **times}
    rows.setdefault("comparisons", []).append({"id": comparison, "owner_id": owner, **about})
    asked = {"question": question, "compared": compared, "compared_length": len(compared), "asked_at": at.now_ms, "ordinal": 0}
    rows.setdefault("comparison_rounds", []).append({"id": round_id, "comparison_id": comparison, "owner_id": owner, **asked})
    for ordinal in range(2):
        conversation, candidate, asks, answers = (ids.new() for _ in range(4))
        rows.setdefault("conversations", []).append(new_conversation(conversation, at, kind="compare", leaf_id=answers, message_count=2))
        model = {"model": f"model-{(number + ordinal) % 40}", "configuration_id": None, "configuration_name": "one", "provider_id": "p"}
        place = {"id": candidate, "comparison_id": comparison, "owner_id": owner, "ordinal": ordinal, "conversation_id": conversation}
        rows.setdefault("comparison_candidates", []).append({**place, **model, "overrides": ""})
        rows.setdefault("messages", []).append(new_message(asks, conversation, at, role="user"))
        rows["messages"].append(new_message(answers, conversation, at, role="assistant", parent_id=asks, depth=1, model=model["model"]))
        rows.setdefault("message_parts", []).append({"message_id": answers, "ordinal": 0, "kind": "text", "content": question * 4})
        placed = {"round_id": round_id, "candidate_id": candidate, "state": "asked", "question_id": asks}
        rows.setdefault("comparison_answers", []).append(placed)


async def looks(services: Services, ann: Principal) -> list[Row]:
    """List, search and filter, each several times."""
    wanted: dict[str, dict[str, Any]] = {
        "first page": {},
        "page in the middle": {"offset": COMPARISONS // 2},
        "search: a rare word": {"query": f"NEEDLE{COMPARISONS // 2}"},
        "search: a frequent word": {"query": "gradient"},
        "search: two frequent words": {"query": "gradient paper"},
        "search: no such word": {"query": "nothinglikethis"},
        "search: Chinese": {"query": "学习率"},
        "filter: model": {"model": "model-7"},
        "filter: model and word": {"model": "model-7", "query": "gradient"},
    }
    found = []
    for name, arguments in wanted.items():
        times = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            await services.comparisons.records(ann, limit=50, **arguments)
            times.append((time.perf_counter() - began) * 1000)
        found.append(Row(f"{COMPARISONS:,} comparisons, {name}", times, "ms", "<= 50 ms"))
    times, alike = [], []
    for _ in range(LOOKS):
        began = time.perf_counter()
        await services.chat.conversations(ann)
        times.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        await services.comparisons.similar(ann, "why does the loss of this model rise when the learning rate is low")
        alike.append((time.perf_counter() - began) * 1000)
    return [*found, Row("the chat's list beside them", times, "ms"), Row("questions like one", alike, "ms")]


async def bare(url: str) -> list[float]:
    """ms to the first token of each of PARALLEL requests by plain httpx."""

    async def one(client: httpx.AsyncClient) -> float:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Why is the loss flat?"}], "stream": True}
        began = time.perf_counter()
        first = 0.0
        async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if first or not line.startswith("data: {"):
                    continue
                delta = json.loads(line[6:])["choices"]
                if delta and delta[0]["delta"].get("content"):
                    first = (time.perf_counter() - began) * 1000
        return first

    limits = httpx.Limits(max_connections=PARALLEL, max_keepalive_connections=PARALLEL)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        await client.get(f"{url}/models")
        return await asyncio.gather(*(one(client) for _ in range(PARALLEL)))


async def ours(services: Services, ann: Principal, configuration: str) -> tuple[list[float], list[float]]:
    """ms to the first token of each of PARALLEL candidates: from its request, and from the call of `ask`."""
    made = [await services.comparisons.create(ann, [configuration, configuration]) for _ in range(PARALLEL // 2)]

    async def one(comparison_id: str) -> list[tuple[float, float]]:
        began = time.perf_counter()
        asked = await services.comparisons.ask(ann, comparison_id, "Why is the loss flat?")
        return await asyncio.gather(*(watched(each.message.id, began) for each in asked.answers if each.message is not None))

    async def watched(answer_id: str, began: float) -> tuple[float, float]:
        seen = 0.0
        async for update in services.comparisons.watch(ann, answer_id, interval_s=0.1):
            if update.text and not seen:
                seen = (time.perf_counter() - began) * 1000
            last = update
        return float(last.ttft_ms or 0), seen

    found = [pair for pairs in await asyncio.gather(*(one(each.id) for each in made)) for pair in pairs]
    return [pair[0] for pair in found], [pair[1] for pair in found]


async def clients(services: Services, ann: Principal, configuration: str) -> list[float]:
    """ms to the first token of each of PARALLEL requests by our client alone, without saving anything."""
    from core.llm.events import TextDelta
    from core.llm.request import ChatRequest, Turn

    ready = await services.configurations.resolve(ann, configuration)

    async def one() -> float:
        began = time.perf_counter()
        first = 0.0
        async for event in ready.chat_model.stream(ChatRequest(ready.model, (Turn("user", "Why is the loss flat?"),))):
            if isinstance(event, TextDelta) and not first:
                first = (time.perf_counter() - began) * 1000
        return first

    return await asyncio.gather(*(one() for _ in range(PARALLEL)))


async def first_tokens(services: Services, ann: Principal) -> list[Row]:
    simulator, urls = await asyncio.to_thread(start_simulator)
    try:
        draft = ConfigurationDraft(name="delayed", provider_id="openai-compatible", model=MODEL, endpoint=urls["openai"])
        configuration = (await services.configurations.create(ann, draft)).id
        plain, alone, whole, extra, extra_whole, asked = [], [], [], [], [], []
        await ours(services, ann, configuration)
        for _ in range(ROUNDS):
            theirs = percentile(await bare(urls["openai"]), 0.95)
            client = percentile(await clients(services, ann, configuration), 0.95)
            requests, calls = await ours(services, ann, configuration)
            plain.append(theirs)
            alone.append(client)
            whole.append(percentile(requests, 0.95))
            extra.append(client - theirs)
            extra_whole.append(whole[-1] - theirs)
            asked.append(percentile(calls, 0.95))
    finally:
        simulator.terminate()
        await asyncio.to_thread(simulator.wait)
    return [
        Row(f"{PARALLEL} at once, first token p95, bare httpx", plain, "ms"),
        Row(f"{PARALLEL} at once, first token p95, our client", alone, "ms"),
        Row(f"{PARALLEL} at once, first token p95, {PARALLEL // 2} comparisons being saved", whole, "ms"),
        Row("our client over bare httpx, p95", extra, "ms", "<= 20 ms"),
        Row("whole comparisons over bare httpx, p95", extra_whole, "ms", "<= 20 ms"),
        Row("asked to first token, p95, with saving the question", asked, "ms"),
    ]


async def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(Path(folder), {})
        lean = replace(settings, chat=ChatSettings(model_titles=False), auth=AuthSettings(bcrypt_cost=4))
        services = await build_services(lean)
        try:
            await services.accounts.add_user(operator("bench"), "ann@example.org", "ann", PASSWORD)
            ann = await services.accounts.principal_for(operator("bench"), "ann@example.org")
            rows = await first_tokens(services, ann)
            await services.store.write(lambda uow: fill(uow, ann.user_id, services.ids))
            return [*rows, *await looks(services, ann)]
        finally:
            await services.close()


def main() -> None:
    print_table(asyncio.run(measure()))


if __name__ == "__main__":
    main()
