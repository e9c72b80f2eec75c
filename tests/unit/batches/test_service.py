"""Batches from the plan to the end, and what people do with them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from core.batches.types import BatchDraft, JudgeSetting
from core.errors import Conflict, InvalidInput, ModelNotFound, ModeltrainError, NotFound, StreamTruncated
from core.events import BatchesChanged, Event
from core.questions.types import QuestionDraft
from tests.unit.batches.conftest import Hall

SLOW = "sim-delay-100@max"


async def test_a_batch_asks_every_question_of_every_configuration_once(hall: Hall) -> None:
    hall.work()
    batch = await hall.ended((await hall.started("sim-echo@max", "sim-chat@max", count=5)).id)
    assert (batch.state, batch.total, batch.answered, batch.failed, batch.open) == ("completed", 10, 10, 0, 0)
    answers = await hall.answers(batch.id)
    assert [answer.question.number for answer in answers] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert all(answer.state == "answered" and answer.usage and answer.ttft_ms is not None for answer in answers)
    assert set(hall.asked().values()) == {2}
    assert batch.score == 1.0
    assert all(answer.score and answer.score.passed for answer in answers)
    assert [each.answered for each in batch.configurations] == [5, 5]
    assert (await hall.batches.answers_in_order(hall.ann, batch.id, first=3, limit=2))[0] == answers[3]


async def test_a_plan_asks_nothing_and_says_what_it_would(hall: Hall) -> None:
    set_id = await hall.set_of(
        [QuestionDraft("One {{what}}", expected="x"), QuestionDraft("Two", weight=2.0), QuestionDraft("Three", scorer="regex")]
    )
    plan = await hall.batches.plan(hall.ann, await hall.draft("sim-chat@max", "sim-echo@max", set_id=set_id, scorer="exact"))
    assert (plan.questions, plan.requests, plan.from_cache) == (3, 6, 0)
    assert 0 < plan.input_tokens.low < plan.input_tokens.high
    assert 0 < plan.seconds.low < plan.seconds.high
    assert {warning.code for warning in plan.warnings} >= {"no_expected", "variables_missing", "price_unknown"}
    assert not hall.asked()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"configuration_ids": ()}, "configuration"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 100_000}, "concurrency"),
        ({"retries": -1}, "retries"),
        ({"repetitions": 21}, "repetitions"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"scorer": "magic"}, "scorer"),
        ({"scorer": "judge"}, "judge"),
        ({"name": "n" * 201}, "name"),
    ],
)
async def test_drafts_that_cannot_be_are_refused(hall: Hall, changes: dict[str, object], field: str) -> None:
    draft = replace(await hall.draft(), **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput) as caught:
        await hall.batches.create(hall.ann, draft)
    assert caught.value.field == field
    assert not (await hall.batches.batches(hall.ann)).total


async def test_a_draft_names_only_ones_own(hall: Hall) -> None:
    draft = await hall.draft()
    with pytest.raises(NotFound):
        await hall.batches.plan(hall.bob, draft)
    with pytest.raises(NotFound):
        await hall.batches.create(hall.ann, replace(draft, configuration_ids=("0" * 32,)))


async def test_pause_waits_for_what_is_under_way_and_resume_asks_the_rest(hall: Hall) -> None:
    hall.work()
    started = await hall.started(SLOW, count=60, concurrency=4)
    await hall.until(started.id, lambda now: now.answered >= 4)
    told = await hall.batches.pause(hall.ann, started.id)
    assert told.state in ("pausing", "paused")
    paused = await hall.until(started.id, lambda now: now.state == "paused")
    assert paused.waiting_for is not None
    assert paused.waiting_for.reason == "person"
    assert paused.asking == 0
    assert 4 <= paused.answered < 60
    assert sum(hall.asked().values()) == paused.answered  # what was under way was awaited, not thrown away
    assert not any(record.disconnected for record in hall.simulator.requests)
    await hall.batches.resume(hall.ann, started.id)
    ended = await hall.ended(started.id)
    assert (ended.state, ended.answered) == ("completed", 60)
    assert set(hall.asked().values()) == {1}


async def test_two_people_pause_the_same_batch(hall: Hall) -> None:
    """In two processes, at once; then both resume it."""
    other = await hall.other()
    hall.work()
    started = await hall.started(SLOW, count=40, concurrency=4)
    await hall.until(started.id, lambda now: now.answered >= 1)
    await asyncio.gather(*(services.batches.pause(hall.ann, started.id) for services in (hall.services, other) for _ in range(3)))
    assert (await hall.until(started.id, lambda now: now.state == "paused")).answered < 40
    await asyncio.gather(*(services.batches.resume(hall.ann, started.id) for services in (hall.services, other) for _ in range(3)))
    assert (await hall.ended(started.id)).state == "completed"
    assert set(hall.asked().values()) == {1}


async def test_what_nobody_works_on_is_paused_at_once(hall: Hall) -> None:
    started = await hall.started(count=3)
    assert started.state == "running"
    assert started.waiting_for is not None
    assert started.waiting_for.reason == "turn"
    assert (await hall.batches.pause(hall.ann, started.id)).state == "paused"


async def test_cancelling_ends_requests_and_keeps_what_came(hall: Hall) -> None:
    hall.work()
    started = await hall.started("sim-stall-head@max", SLOW, count=20, concurrency=3)
    await hall.until(started.id, lambda now: now.asking > 0)
    assert (await hall.batches.cancel(hall.ann, started.id)).state == "cancelled"
    await hall.services.supervisor.until_done(f"batch {started.id}")
    ended = await hall.batches.batch(hall.ann, started.id)
    assert (ended.state, ended.asking) == ("cancelled", 0)
    assert ended.ended_at is not None
    for change in (hall.batches.resume, hall.batches.pause, hall.batches.start, hall.batches.cancel, hall.batches.retry_failed):
        with pytest.raises(Conflict):
            await change(hall.ann, started.id)


async def test_failed_ones_are_asked_again_and_nothing_else(hall: Hall) -> None:
    hall.work()
    ended = await hall.ended((await hall.started("sim-flaky-cut@max", "sim-echo@max", count=4)).id)
    assert (ended.state, ended.answered, ended.failed) == ("completed", 4, 4)
    failed = await hall.answers(ended.id, state="failed")
    assert all(isinstance(answer.error, StreamTruncated) and answer.attempts == 1 for answer in failed)
    asked = sum(hall.asked().values())
    await hall.batches.retry_failed(hall.ann, ended.id)
    again = await hall.until(ended.id, lambda now: now.answered == 8)
    assert again.failed == 0
    assert sum(hall.asked().values()) == asked + 4
    assert (await hall.ended(ended.id)).state == "completed"
    with pytest.raises(Conflict):
        await hall.batches.retry_failed(hall.ann, ended.id)


async def test_a_model_that_is_not_there_is_given_up_and_the_others_go_on(hall: Hall) -> None:
    hall.work()
    ended = await hall.ended((await hall.started("sim-404@max", "sim-echo@max", count=40, concurrency=2)).id)
    assert (ended.state, ended.answered, ended.failed) == ("completed", 40, 40)
    assert isinstance(ended.configurations[0].gave_up, ModelNotFound)
    assert sum(1 for record in hall.simulator.requests if record.model == "sim-404@max") <= 6
    alone = await hall.ended((await hall.started("sim-401@max", count=5)).id)
    assert (alone.state, alone.failed) == ("failed", 5)


async def test_errors_of_a_server_are_tried_again_so_often_and_no_more(hall: Hall) -> None:
    hall.work()
    ended = await hall.ended((await hall.started("sim-flaky@max", count=3, retries=1)).id)
    assert (ended.answered, ended.failed) == (3, 0)
    assert set(hall.asked().values()) == {2}
    assert {answer.attempts for answer in await hall.answers(ended.id)} == {2}
    none = await hall.ended((await hall.started("sim-flaky-500@max", "sim-echo@max", count=3, retries=0)).id)
    assert (none.answered, none.failed) == (3, 3)


async def test_the_cache_gives_what_was_answered_to_exactly_the_same_request(hall: Hall) -> None:
    hall.work()
    draft = await hall.draft(count=6)
    first = await hall.batches.create(hall.ann, draft)
    await hall.batches.start(hall.ann, first.id)
    await hall.ended(first.id)
    assert (await hall.batches.plan(hall.ann, draft)).from_cache == 6
    for use_cache, asked in ((True, 1), (False, 2)):
        again = await hall.batches.create(hall.ann, replace(draft, use_cache=use_cache, scorer="exact"))
        await hall.batches.start(hall.ann, again.id)
        ended = await hall.ended(again.id)
        assert (ended.answered, ended.cached) == (6, 6 if use_cache else 0)
        assert set(hall.asked().values()) == {asked}
        answers = await hall.answers(again.id)
        assert all(answer.from_cache is use_cache and answer.score and answer.score.scorer == "exact" for answer in answers)
    warmer = replace(draft, configuration_ids=(await hall.model("sim-echo@max", temperature=0.5),))
    assert (await hall.batches.plan(hall.ann, warmer)).from_cache == 0
    assert (await hall.batches.plan(hall.ann, replace(draft, repetitions=2))).from_cache == 6


async def test_nobody_gets_anothers_answers_from_the_cache(hall: Hall) -> None:
    hall.work()
    await hall.ended((await hall.started(count=3)).id)
    theirs = replace(hall, ann=hall.bob, bob=hall.ann)
    draft = await theirs.draft(count=3)
    assert (await hall.batches.plan(hall.bob, draft)).from_cache == 0
    ended = await theirs.ended((await theirs.started(count=3)).id)
    assert (ended.answered, ended.cached) == (3, 0)


async def test_a_judge_compares_in_both_orders_and_grades(hall: Hall) -> None:
    hall.work()
    judge = await hall.model("sim-chat@max", seed=1)
    set_id = await hall.set_of([QuestionDraft("One", scorer="judge"), QuestionDraft("Two", expected="Two")])
    draft = replace(await hall.draft("sim-echo@max", "sim-markdown@maxx20", set_id=set_id), judge=JudgeSetting(judge, "Short is good."))
    plan = await hall.batches.plan(hall.ann, draft)
    assert plan.judge_requests == 2 * 2 + 2  # one pair of each question in both orders, one grade of each answer to the first
    made = await hall.batches.create(hall.ann, draft)
    await hall.batches.start(hall.ann, made.id)
    ended = await hall.ended(made.id)
    assert (ended.state, ended.answered, ended.judged, ended.judge_total) == ("completed", 4, 6, 6)
    page = await hall.batches.judgements(hall.ann, made.id)
    assert (page.total, [each.question_number for each in page.items]) == (2, [1, 2])
    prompts = {
        record.system + record.last_user_text
        for record in hall.simulator.requests
        if "Short is good." in record.system + record.last_user_text
    }
    assert len(prompts) == 6  # all different: both orders of two pairs, and two grades
    graded = [answer for answer in await hall.answers(made.id) if answer.question.number == 1]
    assert {answer.score.scorer for answer in graded if answer.score} == {"judge"}


async def test_repetitions_weights_and_requests_a_minute(hall: Hall) -> None:
    hall.work()
    set_id = await hall.set_of([QuestionDraft("yes", expected="yes", weight=3.0), QuestionDraft("yes!", expected="no")])
    ended = await hall.ended((await hall.started(set_id=set_id, repetitions=2, requests_per_minute=6000)).id)
    assert (ended.total, ended.answered) == (4, 4)
    assert ended.score == pytest.approx(0.75)
    assert [answer.repetition for answer in await hall.answers(ended.id)] == [1, 2, 1, 2]


async def test_lists_search_and_sort(hall: Hall) -> None:
    hall.work()
    first = await hall.ended((await hall.started("sim-echo@max", count=12, name="Alpha")).id)
    await hall.batches.create(hall.ann, await hall.draft("sim-chat@max", name="Beta"))
    assert [batch.name for batch in (await hall.batches.batches(hall.ann)).items] == ["Beta", "Alpha"]
    assert [batch.name for batch in (await hall.batches.batches(hall.ann, query="echo")).items] == ["Alpha"]
    assert [batch.name for batch in (await hall.batches.batches(hall.ann, states=("draft",))).items] == ["Beta"]
    assert (await hall.batches.batches(hall.bob)).total == 0
    assert (await hall.batches.batch(hall.ann, "Alpha")).id == first.id
    assert (await hall.batches.batch(hall.ann, first.id[:12])).id == first.id
    page = await hall.batches.answers(hall.ann, first.id, query="NUMBER 12", limit=5)
    assert (page.total, page.items[0].question.number) == (1, 12)
    slowest = await hall.answers(first.id, sort="-total")
    assert [answer.total_ms for answer in slowest] == sorted((answer.total_ms or 0 for answer in slowest), reverse=True)
    assert len((await hall.batches.answers(hall.ann, first.id, limit=3, offset=10)).items) == 2
    with pytest.raises(InvalidInput):
        await hall.batches.answers(hall.ann, first.id, sort="colour")  # type: ignore[arg-type]


async def test_stars_names_and_deletion(hall: Hall) -> None:
    hall.work()
    heard: list[Event] = []
    hall.services.events.subscribe(hall.ann.user_id, heard.append)
    draft = await hall.batches.create(hall.ann, await hall.draft(count=2))
    waiting = (await hall.answers(draft.id))[0]
    with pytest.raises(Conflict):
        await hall.batches.rate(hall.ann, waiting.id, 3)
    await hall.batches.start(hall.ann, draft.id)
    await hall.ended(draft.id)
    assert (await hall.batches.rate(hall.ann, waiting.id, 4)).stars == 4
    assert (await hall.batches.rate(hall.ann, waiting.id, None)).stars is None
    with pytest.raises(InvalidInput):
        await hall.batches.rate(hall.ann, waiting.id, 6)
    assert (await hall.batches.rename(hall.ann, draft.id, " Mine ")).name == "Mine"
    with pytest.raises(InvalidInput):
        await hall.batches.rename(hall.ann, draft.id, " ")
    await hall.batches.delete(hall.ann, draft.id)
    with pytest.raises(NotFound):
        await hall.batches.batch(hall.ann, draft.id)
    assert any(isinstance(event, BatchesChanged) for event in heard)


async def test_one_that_runs_is_not_deleted(hall: Hall) -> None:
    started = await hall.started(count=2)
    with pytest.raises(Conflict):
        await hall.batches.delete(hall.ann, started.id)


async def test_watching_tells_what_came_and_ends_with_it(hall: Hall) -> None:
    hall.work()
    started = await hall.started(SLOW, count=8, concurrency=2)
    updates = [update async for update in hall.batches.watch(hall.ann, started.id, 0.05)]
    assert updates[-1].batch.state == "completed"
    assert len(updates) > 2
    assert {answer.question.number for update in updates for answer in update.newest} == set(range(1, 9))
    assert [update.batch.answered for update in updates] == sorted(update.batch.answered for update in updates)


async def test_statistics_are_of_every_configuration(hall: Hall) -> None:
    hall.work()
    ended = await hall.ended((await hall.started("sim-echo@max", "sim-chinese@max", count=8)).id)
    found = await hall.batches.statistics(hall.ann, ended.id)
    assert [figures.answered for figures in found.models] == [8, 8]
    assert found.models[0].score is not None
    assert found.models[0].score.value == 1.0
    assert len(found.paired) == 1


async def test_a_changed_configuration_keeps_the_batch_as_it_was_made(hall: Hall) -> None:
    """The model and the parameters are those of the plan; where the address has changed, nothing is sent to the new one."""
    made = await hall.batches.create(hall.ann, await hall.draft("sim-echo@max", count=2, use_cache=False))
    configuration = await hall.services.configurations.get(hall.ann, made.draft.configuration_ids[0])
    changed = replace(configuration.draft(), model="sim-chat@max")
    await hall.services.configurations.update(hall.ann, configuration.id, changed, expected_version=configuration.version)
    hall.work()
    await hall.batches.start(hall.ann, made.id)
    ended = await hall.ended(made.id)
    assert {record.model for record in hall.simulator.requests if record.method == "POST"} == {"sim-echo@max"}
    await hall.services.configurations.delete(hall.ann, [configuration.id])
    again = await hall.batches.create(hall.ann, await hall.draft("sim-echo@max", count=2, use_cache=False))
    await hall.services.configurations.delete(hall.ann, [again.draft.configuration_ids[0]])
    await hall.batches.start(hall.ann, again.id)
    gone = await hall.ended(again.id)
    assert (ended.answered, gone.state, gone.failed) == (2, "failed", 2)
    assert isinstance(gone.configurations[0].gave_up, ModeltrainError)


async def test_a_long_question_and_a_flood_are_borne(hall: Hall) -> None:
    hall.work()
    set_id = await hall.set_of([QuestionDraft("word " * 40_000)])
    ended = await hall.ended((await hall.started("sim-echo@maxx50", "sim-flood-3@max", "sim-length@max", set_id=set_id, scorer="none")).id)
    echo, flood, cut = await hall.answers(ended.id)
    assert echo.state == "answered"
    assert flood.error is not None
    assert (flood.state, flood.error.code) == ("failed", "response_too_large")
    assert 900_000 < len(flood.content) <= 1_200_000
    assert (cut.state, cut.finish) == ("answered", "length")
    assert all(answer.cost in (None, Decimal(0)) for answer in (echo, flood, cut))


async def test_a_draft_can_be_made_of_what_a_batch_kept(hall: Hall) -> None:
    draft = await hall.draft("sim-echo@max", count=2, retries=5, name="Kept")
    made = await hall.batches.create(hall.ann, draft)
    assert isinstance(made.draft, BatchDraft)
    assert (made.draft.retries, made.draft.name, made.draft.version) == (5, "Kept", 1)
