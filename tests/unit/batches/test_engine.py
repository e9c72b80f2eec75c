"""What goes wrong while a batch is worked on: providers, clocks, disks, processes."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
from dataclasses import asdict, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from core.batches.crew import BatchLease, lease_name
from core.batches.journal import Journal, entries, journals
from core.batches.types import BatchDraft
from core.clock import Clock
from core.leases import this_process
from core.llm.simulator.server import Simulator
from core.models.types import ConfigurationDraft
from core.questions.types import QuestionDraft
from tests.unit.batches.conftest import LIMIT_S, Hall
from tui.batch_reports import words

SLOW = "sim-delay-100@max"


async def test_a_provider_that_goes_away_is_waited_for_and_nothing_fails(hall: Hall) -> None:
    going = Simulator(log_limit=10_000)
    await going.start()
    port = going.port
    model = await hall.model(SLOW, endpoint=going.base_urls["openai"])
    draft = replace(await hall.draft(count=30, concurrency=4), configuration_ids=(model,))
    batch = await hall.batches.create(hall.ann, draft)
    hall.work()
    await hall.batches.start(hall.ann, batch.id)
    await hall.until(batch.id, lambda now: now.answered >= 2)
    await going.stop()
    away = await hall.until(batch.id, lambda now: now.waiting_for is not None and now.waiting_for.reason == "provider_away")
    assert away.state == "running"
    assert away.failed <= 4  # cut off in the midst: nobody knows whether these were answered
    assert away.waiting_for is not None
    assert away.waiting_for.error is not None
    assert away.waiting_for.until is not None
    await going.start(port=port)
    ended = await hall.ended(batch.id)
    await going.stop()
    assert (ended.state, ended.answered + ended.failed, ended.failed) == ("completed", 30, away.failed)


async def test_a_provider_that_stays_away_pauses_the_batch_and_says_why(hall: Hall) -> None:
    model = await hall.model("sim-echo@max", endpoint="http://127.0.0.1:9/v1")
    other = await hall.other(give_up_s=0.5)
    other.batches.begin_working()
    batch = await hall.batches.create(hall.ann, replace(await hall.draft(count=5), configuration_ids=(model,)))
    await hall.batches.start(hall.ann, batch.id)
    paused = await hall.until(batch.id, lambda now: now.state == "paused")
    assert paused.waiting_for is not None
    assert paused.waiting_for.reason == "provider_away"
    assert paused.waiting_for.error is not None
    assert paused.waiting_for.error.code == "connection_refused"
    assert (paused.answered, paused.failed, paused.asking) == (0, 0, 0)


async def test_429_for_ever_pauses_the_batch_too(hall: Hall) -> None:
    other = await hall.other(give_up_s=0.5)
    other.batches.begin_working()
    batch = await hall.started("sim-429-1@max", count=20)
    paused = await hall.until(batch.id, lambda now: now.state == "paused")
    assert paused.waiting_for is not None
    assert paused.waiting_for.reason == "rate_limited"
    assert (paused.failed, paused.open) == (0, 20)
    assert sum(hall.asked().values()) <= 10


async def test_a_command_that_waits_for_one_batch_works_on_no_other(hall: Hall) -> None:
    first, second = [await hall.started(count=3) for _ in range(2)]
    command = await hall.other()
    command.batches.begin_working(only=second.id)
    assert (await hall.ended(second.id)).answered == 3
    assert (await hall.batches.batch(hall.ann, first.id)).answered == 0
    hall.work()
    assert (await hall.ended(first.id)).answered == 3


async def test_a_batch_goes_on_where_another_process_left_it(hall: Hall) -> None:
    """The first program ends properly in mid-batch: requests under way get a moment, the rest waits for the next one."""
    first = await hall.other()
    first.batches.begin_working()
    batch = await hall.started(SLOW, count=30, concurrency=4)
    await hall.until(batch.id, lambda now: now.answered >= 3)
    await first.close()
    hall.others.remove(first)
    left = await hall.batches.batch(hall.ann, batch.id)
    assert (left.state, left.asking) == ("running", 0)
    assert left.answered == sum(hall.asked().values())
    hall.work()
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered) == ("completed", 30)
    assert set(hall.asked().values()) == {1}


async def test_a_program_that_is_not_to_go_on_by_itself_asks_a_person(hall: Hall) -> None:
    batch = await hall.started(count=3)
    other = await hall.other(resume=False)
    other.batches.begin_working()
    paused = await hall.until(batch.id, lambda now: now.state == "paused")
    assert paused.waiting_for is not None
    assert paused.waiting_for.reason == "program_ended"
    assert not hall.asked()
    await other.batches.resume(hall.ann, batch.id)
    assert (await hall.ended(batch.id)).state == "completed"


async def test_only_one_of_two_processes_works_on_a_batch(hall: Hall) -> None:
    for services in (hall.services, await hall.other(), await hall.other()):
        services.batches.begin_working()
    batches = [await hall.started(SLOW, count=12, concurrency=2, use_cache=False) for _ in range(3)]
    for batch in batches:
        assert (await hall.ended(batch.id)).answered == 12
    assert set(hall.asked().values()) == {3}


async def test_whoever_starts_many_batches_keeps_nobody_else_waiting(hall: Hall) -> None:
    """Ann's never end; bob's has its turn beside as many of hers as one person may have."""
    made = ConfigurationDraft(
        name="bob's", provider_id="openai-compatible", model="sim-echo@max", endpoint=hall.simulator.base_urls["openai"]
    )
    configuration = await hall.services.configurations.create(hall.bob, made)
    questions = await hall.services.questions.create(hall.bob, "bob's", [QuestionDraft(text="Say bob")])
    other = await hall.other(at_once_a_user=2)
    hers = [await hall.started("sim-stall-head@max", count=1) for _ in range(4)]
    his = await hall.batches.create(hall.bob, BatchDraft(set_id=questions.id, configuration_ids=(configuration.id,)))
    await hall.batches.start(hall.bob, his.id)
    other.batches.begin_working()
    async with asyncio.timeout(LIMIT_S):
        async for update in hall.batches.watch(hall.bob, his.id, 0.02):
            his = update.batch
    assert his.state == "completed"
    for batch in hers[:2]:
        await hall.until(batch.id, lambda now: now.asking == 1)
    assert [(await hall.batches.batch(hall.ann, batch.id)).asking for batch in hers] == [1, 1, 0, 0]
    await hall.batches.cancel(hall.ann, hers[0].id)
    await hall.until(hers[2].id, lambda now: now.asking == 1)


async def test_setting_the_clock_changes_nothing(hall: Hall) -> None:
    """An hour forth and a day back, while two processes are there: nobody takes the batch away, times stay what they are."""
    offset = 0.0
    import time

    clock = Clock(wall=lambda: time.time() + offset)
    one, two = await hall.other(clock=clock), await hall.other(clock=clock)
    one.batches.begin_working()
    batch = await hall.started(SLOW, count=60, concurrency=4)
    await hall.until(batch.id, lambda now: now.answered >= 2)
    two.batches.begin_working()
    for offset in (3600.0, -86_400.0):  # noqa: B007  (the clock reads it)
        before = (await hall.batches.batch(hall.ann, batch.id)).answered
        wanted = before + 12
        await hall.until(batch.id, lambda now: now.answered >= wanted)  # noqa: B023  (called before the next turn)
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered) == ("completed", 60)
    assert set(hall.asked().values()) == {1}
    assert all(80 <= (answer.total_ms or 0) < 30_000 for answer in await hall.answers(batch.id))


async def test_a_lease_is_taken_from_the_dead_at_once_and_from_the_silent_after_a_while(hall: Hall) -> None:
    now = 0.0
    clock = Clock(monotonic=lambda: now)
    shop = replace(hall.batches.crew.shop, clock=clock)
    gone = asdict(this_process()) | {"pid": 2**22 - 1}
    far = asdict(this_process()) | {"machine": "elsewhere"}
    moment = clock.now_ms()

    def hold(name: str, process: dict[str, Any], until: int) -> Any:
        text = json.dumps(process)
        return lambda uow: uow.leases.take(lease_name(name), "somebody", process=text, moment=moment, until=until)

    await hall.services.store.write(hold("a", gone, moment + 20_000))
    assert await BatchLease(shop, "a", "me").take()
    await hall.services.store.write(hold("b", far, moment + 20_000))
    assert not await BatchLease(shop, "b", "me").take()
    await hall.services.store.write(hold("c", far, moment - 1))
    lease = BatchLease(shop, "c", "me")
    assert not await lease.take()  # the clock may just have been set
    now = 24.0
    assert not await lease.take()  # or that of its holder is behind, who renews it at half of the time
    now = 26.0
    assert await lease.take()
    assert await lease.take()


async def test_a_disabled_account_asks_nothing(hall: Hall) -> None:
    await hall.services.accounts.add_user(hall.admin, "eve@example.org", "eve", "correct horse 7 battery", admin=True)
    batch = await hall.started(count=3)
    await hall.services.accounts.set_disabled(hall.admin, "ann@example.org", True)
    hall.work()
    paused = await hall.until(batch.id, lambda now: now.state == "paused")
    assert paused.waiting_for is not None
    assert paused.waiting_for.reason == "account_disabled"
    assert not hall.asked()


async def test_a_full_disk_stops_asking_and_loses_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    full = True
    really = Journal.write

    def write(self: Journal, entry: dict[str, Any]) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        really(self, entry)

    monkeypatch.setattr(Journal, "write", write)
    hall.work()
    batch = await hall.started(SLOW, count=12, concurrency=2)
    await hall.until(batch.id, lambda now: now.answered >= 2)
    full = False
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered) == ("completed", 12)
    assert set(hall.asked().values()) == {1}


async def test_what_a_journal_holds_is_merged_and_not_asked_again(hall: Hall) -> None:
    """As after a kill: the answer is in the journal, the row still says that it is being asked."""
    batch = await hall.started(count=4)
    first, second, third, _ = await hall.answers(batch.id)
    folder = hall.settings.data_dir / "batches"
    journal = Journal(folder, batch.id, 7)
    common = {
        "reasoning": "", "finish": "stop", "input_tokens": 3, "output_tokens": 2, "reasoning_tokens": None, "usage_exact": True,
        "ttft_ms": 1, "ttfa_ms": 1, "total_ms": 2, "error": "", "attempts": 1, "from_cache": False,
    }  # fmt: skip
    for answer in (first, second):
        journal.write({"id": answer.id, "state": "answered", "content": f"kept {answer.question.number}", **common})
    os.write(journal._file, json.dumps({"id": third.id, "state": "answered", "content": "half"}).encode()[:40])
    journal.close(remove=False)
    assert len(list(entries(journal.path))) == 2
    hall.work()
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered) == ("completed", 4)
    assert set(hall.asked()) == {"Say number 3", "Say number 4"}
    assert [answer.content for answer in await hall.answers(batch.id)][:2] == ["kept 1", "kept 2"]
    assert not journals(folder, batch.id)


def test_a_line_that_was_torn_spoils_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "b", 1)
    journal.write({"id": "1"})
    os.write(journal._file, b'{"id": "2", "con')
    journal._torn = True
    journal.write({"id": "3", "content": "\ud800 lone, and \x00"})
    journal.sync()
    journal.close(remove=False)
    assert [entry["id"] for entry in entries(journal.path)] == ["1", "3"]
    assert [path.name for path in journals(tmp_path, "b")] == ["b.1.jsonl"]
    Journal(tmp_path, "b", 12).close(remove=False)
    assert [path.name for path in journals(tmp_path, "b")] == ["b.1.jsonl", "b.12.jsonl"]


async def test_closing_in_the_midst_of_everything_leaves_no_task(hall: Hall) -> None:
    other = await hall.other()
    other.batches.begin_working()
    batch = await hall.started("sim-stall-head@max", count=6, concurrency=3)
    await hall.until(batch.id, lambda now: now.asking > 0)
    await other.close()
    hall.others.remove(other)
    assert not [task for task in asyncio.all_tasks() if "batch" in task.get_name()]
    left = await hall.batches.batch(hall.ann, batch.id)
    assert (left.state, left.answered, left.asking) == ("running", 0, 0)


async def test_what_is_written_down_is_for_its_owner_only_and_has_no_key(hall: Hall) -> None:
    """A provider repeats the key in what it refuses with; another question is under way, so that the journal is there to be read."""
    key, let_go = "sk-never-to-be-written-77", asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")))
        if b"number 2" in await reader.readexactly(length):
            await let_go.wait()
        assert key.encode() in head
        body = json.dumps({"error": {"message": f"Incorrect API key provided: {key}", "code": key, "type": key}}).encode()
        writer.write(
            b"HTTP/1.1 400 No\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        made = ConfigurationDraft("m", "openai-compatible", "m", endpoint=f"http://127.0.0.1:{port}/v1", key=key)
        model = (await hall.services.configurations.create(hall.ann, made)).id
        hall.work()
        batch = await hall.batches.create(hall.ann, replace(await hall.draft(count=2), configuration_ids=(model,)))
        await hall.batches.start(hall.ann, batch.id)
        await hall.until(batch.id, lambda now: now.failed == 1)
        (journal,) = journals(hall.settings.data_dir / "batches", batch.id)
        assert (journal.parent.stat().st_mode & 0o777, journal.stat().st_mode & 0o777) == (0o700, 0o600)
        written = journal.read_bytes()
        assert b"Incorrect API key" in written
        let_go.set()
        await hall.ended(batch.id)
    report = io.BytesIO()
    await hall.batches.report(hall.ann, batch.id, "json", words(UTC), report)
    kept = [written, report.getvalue(), *(path.read_bytes() for path in hall.settings.data_dir.rglob("*") if path.is_file())]
    assert not [each for each in kept if key.encode() in each]
