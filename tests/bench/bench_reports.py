"""Reports of 10,000 answers, read from the database and written in every form: seconds, and memory of the program and of its printer.

The batch is made through the service; its answers are put in by one statement a row, since asking is bench_batches' business. Each form is
written by a process of its own, so that no form pays for what another one left behind.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, update

from core.auth.principal import Principal, operator
from core.batches.types import BatchDraft
from core.bootstrap import Services, build_services
from core.models.types import ConfigurationDraft
from core.questions.types import QuestionDraft
from core.settings import AuthSettings, load_settings
from storage.tables.batches import BatchAnswer, BatchConfiguration
from storage.unit_of_work import UnitOfWork
from tests.bench.table import Row, print_table

ANSWERS = int(os.environ.get("MODELTRAIN_BENCH_ANSWERS", "10000"))
PASSWORD = "correct horse 7 battery"
FORMS = ("xlsx", "html", "pdf", "csv", "json", "junit")
ROUNDS = 3
#: About 800 characters, a third of them Chinese, as answers are.
TEXT = "The learning rate reached its floor, so the loss stays flat. 学习率已经到达下限，所以损失不再下降；请检查数据是否重复。\n" * 7


def fill(uow: UnitOfWork, batch_id: str) -> None:
    """Answers of a batch, as if they had come."""
    luck = random.Random(5)
    rows: list[dict[str, Any]] = []
    for ordinal in range(ANSWERS):
        total, failed = int(luck.lognormvariate(7, 0.6)), luck.random() < 0.02
        good = luck.random() < 0.7 + 0.1 * (ordinal % 2)
        rows.append(
            {"b_ordinal": ordinal, "state": "failed" if failed else "answered", "content": "" if failed else TEXT[: 200 + total % 700],
             "error": '{"code": "rate_limited", "fields": {}}' if failed else "", "attempts": 1, "ttft_ms": total // 5, "total_ms": total,
             "input_tokens": 40, "output_tokens": 200, "cost": "0.0002", "currency": "USD", "scorer": "contains",
             "score": None if failed else float(good), "passed": None if failed else good}
        )  # fmt: skip
    table: Any = BatchAnswer.__table__  # type: ignore[attr-defined]
    uow.session.connection().execute(update(table).where(table.c.batch_id == batch_id, table.c.ordinal == bindparam("b_ordinal")), rows)
    configurations: Any = BatchConfiguration.__table__  # type: ignore[attr-defined]
    uow.session.connection().execute(update(configurations).where(configurations.c.batch_id == batch_id).values(answered=ANSWERS // 2))


async def opened(folder: Path) -> tuple[Services, Principal]:
    settings = replace(load_settings(data_dir=folder), auth=AuthSettings(bcrypt_cost=4))
    services = await build_services(settings)
    me = operator("bench")
    if not await services.accounts.list_users(me):
        await services.accounts.add_user(me, "ann@example.org", "ann", PASSWORD)
    return services, await services.accounts.principal_for(me, "ann@example.org")


async def prepare(folder: Path) -> str:
    services, ann = await opened(folder)
    try:
        types = ("maths", "翻译", "code")
        drafts = [QuestionDraft(text=f"{n}: why? 为什么？", expected="floor", type=types[n % 3]) for n in range(ANSWERS // 2)]
        questions = await services.questions.create(ann, "bench", drafts)
        ids = []
        for name in ("one", "二号"):
            draft = ConfigurationDraft(name=name, provider_id="openai-compatible", model=f"sim-{name}", endpoint="http://127.0.0.1:1")
            ids.append((await services.configurations.create(ann, draft)).id)
        batch = await services.batches.create(ann, BatchDraft(set_id=questions.id, configuration_ids=tuple(ids), scorer="contains"))
        await services.batches._store.write(lambda uow: fill(uow, batch.id))
        return batch.id
    finally:
        await services.close()


def one(folder: str, batch_id: str, form: str) -> None:
    """In a process of its own: write the report, print seconds, bytes, and MB of this process and of the largest it started."""

    async def write() -> tuple[float, int]:
        from tui.batch_reports import words

        services, ann = await opened(Path(folder))
        try:
            started = time.perf_counter()
            with (Path(folder) / f"report.{form}").open("wb") as file:
                written = await services.batches.report(ann, batch_id, form, words(None), file)
            return time.perf_counter() - started, written.size
        finally:
            await services.close()

    seconds, size = asyncio.run(write())
    memory = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sys.stdout.write(f"{seconds} {size} {memory[0]} {memory[1]}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        batch_id = asyncio.run(prepare(Path(folder)))
        rows = []
        for form in FORMS:
            code = f"from tests.bench.bench_reports import one; one({folder!r}, {batch_id!r}, {form!r})"
            found = []
            for _ in range(ROUNDS):
                done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                found.append([float(each) for each in done.stdout.split()])
            rows.append(Row(f"report of {ANSWERS:,} answers, {form}", [each[0] for each in found], "s", "<= 10"))
            rows.append(
                Row(
                    f"  its memory{', program and printer apart' if form == 'pdf' else ''}",
                    [max(each[2:]) for each in found],
                    "MB",
                    "<= 200",
                )
            )
            rows.append(Row("  its size", [each[1] / 1e6 for each in found], "MB"))
        print_table(rows)


if __name__ == "__main__":
    main()
