"""Batches from the plan to the end, and what people do with them."""

from __future__ import annotations

from tests.unit.batches.conftest import Hall


async def test_a_batch_asks_every_question_of_every_configuration_once(hall: Hall) -> None:
    hall.work()
    batch = await hall.ended((await hall.started("sim-echo@max", "sim-chat@max", count=5)).id)
    assert (batch.state, batch.total, batch.answered, batch.failed, batch.open) == ("completed", 10, 10, 0, 0)
    answers = await hall.answers(batch.id)
    assert [answer.question.number for answer in answers] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert all(answer.state == "answered" and answer.usage and answer.ttft_ms is not None for answer in answers)
    assert set(hall.asked().values()) == {2}
    assert batch.score is not None
