"""Two at once: people and engines, processes that take over, databases and disks that are away in the middle of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.batches.asking import Outcome, failed_entry
from core.batches.assignments import Claimed
from core.batches.desk import Desk
from core.batches.engine import Engine
from core.batches.journal import Journal, entries, journals
from core.batches.judging import JudgeDesk
from core.batches.lane import Hands, Lane
from core.batches.limits import Limiter, Pace
from core.batches.saver import Saver
from core.batches.types import Batch, JudgeSetting
from core.batches.workshop import settle
from core.clock import Clock
from core.errors import ConnectionRefused, DatabaseBusy, DatabaseUnreachable
from core.llm.simulator.server import Simulator
from core.persistence import Store
from tests.unit.batches.conftest import LIMIT_S, Hall

SLOW = "sim-delay-100@max"


async def desk_of(hall: Hall, batch_id: str) -> Desk:
    """What the next process to take the batch over works with."""
    desk = await settle(hall.batches.crew.shop, batch_id)
    assert desk is not None
    return desk


def every(desk: Desk) -> list[str]:
    return [each[0] for each in desk.assignment.configurations]


async def until(what: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not what():  # noqa: ASYNC110  (the parts have no event for it)
            await asyncio.sleep(0.01)


async def test_who_lost_a_batch_does_not_put_back_what_the_next_one_asks(hall: Hall) -> None:
    batch = await hall.started(count=4)
    before = await desk_of(hall, batch.id)
    lost = await before.claim(every(before), 2)
    now = await desk_of(hall, batch.id)
    asked = await now.claim(every(now), 2)
    assert [item.id for item in asked.items] == [item.id for item in lost.items]
    await before.put_back(lost.items)
    assert (await hall.batches.batch(hall.ann, batch.id)).asking == 2
    assert {item.id for item in asked.items}.isdisjoint(item.id for item in (await now.claim(every(now), 4)).items)


async def judged(hall: Hall) -> tuple[Batch, JudgeDesk]:
    """A batch whose answers came and wait for their grades."""
    judge = await hall.model("sim-judge@max")
    draft = replace(await hall.draft(count=2, scorer="judge"), judge=JudgeSetting(judge, pairs=False))
    batch = await hall.batches.create(hall.ann, draft)
    await hall.batches.start(hall.ann, batch.id)
    desk = await desk_of(hall, batch.id)
    claimed = await desk.claim(every(desk), 2)
    await desk.save([Outcome(item, failed_entry(item, DatabaseBusy()) | {"state": "answered", "content": "4"}) for item in claimed.items])
    made = JudgeDesk(hall.services.store, hall.services.clock, desk.assignment)
    await made.prepare()
    return batch, made


async def test_who_lost_a_batch_leaves_its_judgements_alone_too(hall: Hall) -> None:
    batch, before = await judged(hall)
    lost = await before.claim(("judge",), 2)
    assert len(lost.items) == 2
    now = JudgeDesk(hall.services.store, hall.services.clock, (await desk_of(hall, batch.id)).assignment)
    assert len((await now.claim(("judge",), 2)).items) == 2
    await before.put_back(lost.items)
    await before.give_up("judge", DatabaseBusy())
    assert not (await now.claim(("judge",), 2)).items
    assert (await hall.services.store.read(lambda uow: uow.batches.judgements_left(batch.id))) == 2


class _Once(Store):
    """Goes away after its first write."""

    written = False

    async def write(self, work: Any) -> Any:
        if self.written:
            raise DatabaseUnreachable
        self.written = True
        return await super().write(work)


async def test_a_grade_and_the_score_that_it_is_are_saved_together(hall: Hall) -> None:
    batch, desk = await judged(hall)
    claimed = await desk.claim(("judge",), 2)
    said = failed_entry(claimed.items[0], DatabaseBusy()) | {
        "state": "answered",
        "attempts": 1,
        "content": '{"score": 4, "reason": "good"}',
    }
    going = JudgeDesk(_Once(hall.services.store._storage), hall.services.clock, desk.assignment)
    await going.save([Outcome(claimed.items[0], said)])
    assert [answer.score is not None and answer.score.value is not None for answer in await hall.answers(batch.id)].count(True) == 1


async def test_a_retry_outlives_a_kill_though_the_journal_knows_of_the_failure(hall: Hall) -> None:
    batch = await hall.started(count=1)
    desk = await desk_of(hall, batch.id)
    item = (await desk.claim(every(desk), 1)).items[0]
    item.attempts = 1
    failed = Outcome(item, failed_entry(item, ConnectionRefused()))
    journal = Journal(hall.settings.data_dir / "batches", batch.id, desk.assignment.epoch)
    journal.write(failed.entry)
    await desk.save([failed])
    journal.close(remove=False)
    assert (await hall.batches.retry_failed(hall.ann, batch.id)).failed == 0
    hall.work()
    ended = await hall.ended(batch.id)
    assert (ended.state, ended.answered, ended.failed) == ("completed", 1, 0)


async def test_a_failure_that_only_the_journal_knows_is_merged(hall: Hall) -> None:
    batch = await hall.started(count=1)
    desk = await desk_of(hall, batch.id)
    item = (await desk.claim(every(desk), 1)).items[0]
    item.attempts = 1
    journal = Journal(hall.settings.data_dir / "batches", batch.id, desk.assignment.epoch)
    journal.write(failed_entry(item, ConnectionRefused()))
    journal.close(remove=False)
    await desk_of(hall, batch.id)
    assert (await hall.batches.batch(hall.ann, batch.id)).failed == 1


async def test_what_comes_after_the_end_leaves_no_rate_and_no_waiting(hall: Hall) -> None:
    batch = await hall.started(count=2)
    desk = await desk_of(hall, batch.id)
    item = (await desk.claim(every(desk), 1)).items[0]
    await hall.batches.cancel(hall.ann, batch.id)
    await desk.save([Outcome(item, failed_entry(item, ConnectionRefused()))], rate=7.0, waiting='{"reason": "rate_limited"}')
    await desk.note(None, 7.0)
    left = await hall.batches.batch(hall.ann, batch.id)
    assert (left.state, left.failed, left.rate, left.waiting_for) == ("cancelled", 1, 0.0, None)


async def test_who_resumes_after_a_provider_was_away_gets_the_whole_patience_again(hall: Hall) -> None:
    away = Simulator(log_limit=100)
    await away.start()
    port = away.port
    model = await hall.model("sim-delay-1500@max", endpoint=away.base_urls["openai"])
    await away.stop()
    other = await hall.other(give_up_s=1.0)
    other.batches.begin_working()
    batch = await hall.batches.create(hall.ann, replace(await hall.draft(count=2), configuration_ids=(model,)))
    await other.batches.start(hall.ann, batch.id)
    await hall.until(batch.id, lambda now: now.state == "paused")
    await away.start(port=port)
    await asyncio.sleep(1.1)  # the patience of before is over
    await other.batches.resume(hall.ann, batch.id)
    first = await hall.until(batch.id, lambda now: now.asking > 0 or now.answered > 0 or not now.active)
    assert first.state == "running"
    lane = next(iter(other.batches.crew._engines.values()))._lanes[0]
    await until(lambda: lane.asking)
    assert not next(iter(other.batches.crew._engines.values()))._gave_up()
    await other.batches.cancel(hall.ann, batch.id)
    await away.stop()


async def test_a_process_that_cannot_keep_its_lease_sends_nothing_more(hall: Hall) -> None:
    """Another one may have the batch by now, and ask the same."""
    offset, away, gone = 0.0, False, False

    async def keep() -> bool:
        if away:
            raise DatabaseUnreachable
        return not gone

    shop = replace(hall.batches.crew.shop, clock=Clock(monotonic=lambda: time.monotonic() + offset))
    batch = await hall.started(SLOW, count=60, concurrency=2)
    engine = Engine(shop, batch.id, keep)
    working = asyncio.create_task(engine.run())
    await hall.until(batch.id, lambda now: now.answered >= 2)
    away, offset = True, 60.0
    await until(lambda: engine._lanes[0].asking == 0)
    assert (await hall.batches.batch(hall.ann, batch.id)).state == "running"
    away, gone = False, True
    engine.wake()
    await asyncio.wait_for(working, LIMIT_S)
    assert sum(hall.asked().values()) < 30


class _Broken:
    """Does not take what came, once."""

    def __init__(self) -> None:
        self.saved: list[Outcome] = []
        self.tries = 0

    async def save(self, outcomes: Sequence[Outcome], **_columns: Any) -> None:
        self.tries += 1
        if self.tries == 1:
            raise OverflowError("too large")
        self.saved += outcomes


async def test_a_saver_that_meets_a_bug_keeps_what_came(hall: Hall, tmp_path: Path) -> None:
    batch = await hall.started(count=1)
    desk = await desk_of(hall, batch.id)
    item = (await desk.claim(every(desk), 1)).items[0]
    sink, journal = _Broken(), Journal(tmp_path, batch.id, 1)
    saver = Saver(journal, sink, dict)
    running = asyncio.create_task(saver.run())
    saver.deliver(Outcome(item, failed_entry(item, ConnectionRefused())))
    await until(lambda: sink.tries >= 1)
    await until(lambda: saver.problem is not None or running.done())
    assert not running.done()
    await asyncio.wait_for(saver.settled(), LIMIT_S)
    await saver.finish()
    await asyncio.wait_for(running, LIMIT_S)
    assert ([each.item for each in sink.saved], saver.problem) == ([item], None)
    journal.close(remove=True)


class _Dry:
    """A source that never gives anything."""

    async def claim(self, configuration_ids: Sequence[str], count: int) -> Claimed:
        raise AssertionError

    async def put_back(self, items: Sequence[Any]) -> None: ...


async def test_a_lane_that_waits_for_room_stops_when_it_is_told_to() -> None:
    full = asyncio.Event()
    clock = Clock()

    async def room() -> None:
        await full.wait()

    async def give_up(_configuration_id: str, _error: Any) -> None: ...

    hands = Hands(
        source=_Dry(),
        deliver=lambda _outcome: None,
        room=room,
        may_send=lambda: True,
        give_up=give_up,
        monotonic=clock.monotonic,
        random=Random(1),
        retries=0,
        limit_bytes=100,
    )
    lane = Lane({}, Limiter(clock.monotonic, Random(1)), hands, concurrency=2, pace=Pace(None))
    running = asyncio.create_task(lane.run())
    await until(lambda: lane._claiming is not None)
    await asyncio.sleep(0)
    hands.stopping.set()
    lane.stop()
    done, _ = await asyncio.wait({running}, timeout=LIMIT_S / 6)
    full.set()
    assert done
    await running


async def test_a_batch_whose_rest_could_not_be_put_back_is_put_in_order_and_goes_on(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    really, failed = Desk.put_back, 0

    async def put_back(self: Desk, items: Sequence[Any]) -> None:
        nonlocal failed
        if items and not failed:
            failed += 1
            raise DatabaseBusy
        await really(self, items)

    monkeypatch.setattr(Desk, "put_back", put_back)
    hall.work()
    batch = await hall.started("sim-delay-400@max", count=12, concurrency=2)
    await hall.until(batch.id, lambda now: now.asking > 2)
    await hall.batches.pause(hall.ann, batch.id)
    engine = hall.batches.crew._engines[batch.id]
    await until(lambda: engine._hands is not None and engine._hands.stopping.is_set())
    await hall.batches.resume(hall.ann, batch.id)
    ended = await hall.ended(batch.id)
    assert (failed, ended.state, ended.answered) == (1, "completed", 12)
    assert set(hall.asked().values()) == {1}


async def test_no_engine_begins_while_a_batch_is_put_in_order(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the questions that it has begun to ask would be put back, and asked again."""
    inside, go = asyncio.Event(), asyncio.Event()
    really = settle

    async def slow(*arguments: Any) -> Any:
        inside.set()
        await go.wait()
        return await really(*arguments)

    monkeypatch.setattr("core.batches.crew.settle", slow)
    batch, crew = await hall.started(count=2), hall.batches.crew
    pausing = asyncio.create_task(hall.batches.pause(hall.ann, batch.id))
    await asyncio.wait_for(inside.wait(), LIMIT_S)
    await hall.batches.resume(hall.ann, batch.id)
    await crew._look()
    assert not crew._engines
    go.set()
    await pausing
    hall.work()
    assert (await hall.ended(batch.id)).answered == 2
    assert set(hall.asked().values()) == {1}


async def test_a_busy_database_at_the_start_resumes_nothing_that_is_to_wait_for_a_person(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    really = settle

    async def settled(*arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DatabaseBusy
        return await really(*arguments)

    monkeypatch.setattr("core.batches.crew.settle", settled)
    batch = await hall.started(count=2)
    other = await hall.other(resume=False)
    other.batches.begin_working()
    assert (await hall.ended(batch.id)).state == "paused"
    assert not hall.asked()


async def test_a_cancelled_batch_is_not_scored_to_its_end_first(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring may take minutes: meanwhile the lease is kept, and what people want is seen."""
    kept = 0
    really = hall.batches.crew.shop

    async def score_some(_self: Desk, limit: int = 50) -> bool:
        await asyncio.sleep(0)
        return limit > 0

    async def keep() -> bool:
        nonlocal kept
        kept += 1
        return True

    batch = await hall.started(count=1)
    monkeypatch.setattr(Desk, "score_some", score_some)
    working = asyncio.create_task(Engine(really, batch.id, keep).run())
    await hall.until(batch.id, lambda now: now.answered == 1)
    await hall.batches.cancel(hall.ann, batch.id)
    done, _ = await asyncio.wait({working}, timeout=LIMIT_S / 6)
    working.cancel()
    assert done
    assert kept


def test_a_journal_that_its_own_process_removed_meanwhile_holds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "b", 1)
    journal.write({"id": "1"})
    (path,) = journals(tmp_path, "b")
    journal.close(remove=True)
    assert not list(entries(path))
