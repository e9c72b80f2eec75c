"""The schedule of answers, against a time that moves by hand."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.unit.simulator.support import Asker, ManualTime


async def lines_until(stream: object, count: int) -> list[str]:
    """The contents of the next `count` lines of an Ollama stream."""
    found = []
    while len(found) < count:
        found.append(await anext(stream))  # type: ignore[call-overload]
    return found


async def test_each_token_comes_when_it_is_due(timed: Asker, time: ManualTime) -> None:
    async with timed.stream("sim-chat@20x10", form="ollama") as response:
        lines = response.aiter_lines()
        for number in range(1, 11):
            await time.asleep()
            assert timed.simulator.requests[-1].tokens_sent == number - 1
            await time.advance(0.05)
            assert json.loads(await anext(lines))["done"] is False
        end = json.loads(await anext(lines))
    assert end["done"] is True
    assert end["total_duration"] == pytest.approx(0.5e9, abs=1000)
    assert time.slept == pytest.approx([0.05] * 10)


async def test_a_late_loop_catches_up_and_ends_on_time(timed: Asker, time: ManualTime) -> None:
    async with timed.stream("sim-chat@100x100", form="ollama") as response:
        lines = response.aiter_lines()
        await time.asleep()
        await time.advance(0.505)  # as if the loop had been busy for half a second
        await lines_until(lines, 50)
        await time.asleep()
        assert timed.simulator.requests[-1].tokens_sent == 50
        assert time.slept[-1] == pytest.approx(0.005)
        await time.run(0.495)
        rest = await lines_until(lines, 51)
    assert json.loads(rest[-1])["total_duration"] == pytest.approx(1e9, abs=1000)


async def test_thousands_of_tokens_do_not_drift(timed: Asker, time: ManualTime) -> None:
    async with timed.stream("sim-echo@333x2000", form="ollama") as response:
        await time.run(2000 / 333)
        last = [json.loads(line) async for line in response.aiter_lines()][-1]
    assert last["eval_count"] == 2000
    assert last["total_duration"] == pytest.approx(2000 / 333 * 1e9, rel=1e-6)


async def test_one_body_takes_the_time_of_all_its_tokens(timed: Asker, time: ManualTime) -> None:
    asking = asyncio.create_task(timed.post("sim-chat@50x100", form="openai", stream=False))
    await time.asleep()
    assert time.slept == [2.0]
    await time.advance(2.0)
    assert (await asking).json()["usage"]["completion_tokens"] == 100


async def test_as_fast_as_possible_never_sleeps(timed: Asker, time: ManualTime) -> None:
    answer = await timed.ask("sim-markdown@0x5000")
    assert len(answer.deltas) == 5000
    assert time.slept == []


async def test_the_head_leaves_before_the_first_token(timed: Asker, time: ManualTime) -> None:
    async with timed.stream("sim-chat@1x3", form="anthropic") as response:
        assert response.status_code == 200
        raw = response.aiter_raw()
        assert (await anext(raw)).startswith(b"event: message_start\n")
        await time.asleep()
        assert timed.simulator.requests[-1].tokens_sent == 0


async def test_a_delayed_answer_waits_for_its_first_token(timed: Asker, time: ManualTime) -> None:
    asking = asyncio.create_task(timed.post("sim-delay-1500@0x3"))
    await time.asleep()
    assert time.slept == [1.5]
    await time.advance(1.5)
    assert (await asking).status_code == 200
