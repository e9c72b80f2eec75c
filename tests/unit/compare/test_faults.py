"""One candidate in trouble disturbs no other: every fault beside one that works, all failing, questions without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core import errors
from core.compare import turns
from core.errors import DatabaseBusy, ModeltrainError
from tests.unit.compare.conftest import QUESTION, Table, states

FAST, THINKING = "sim-chat@maxx20", "sim-reasoning@maxx40"


@pytest.mark.parametrize(
    ("model", "state", "error"),
    [
        ("sim-500", "failed", errors.ProviderFault),
        ("sim-html", "failed", errors.NotAStream),
        ("sim-cut-3@max", "truncated", errors.StreamTruncated),
        ("sim-error-event-3@max", "failed", errors.ProviderFault),
        ("sim-length@max", "truncated", None),
    ],
)
async def test_a_column_that_fails_says_why_and_the_others_answer(
    table: Table, model: str, state: str, error: type[ModeltrainError] | None
) -> None:
    comparison = await table.compare(FAST, model, THINKING)
    found = await table.ask(comparison)
    assert states(found) == ["complete", state, "complete"]
    message = found.answers[1].message
    assert message is not None
    assert type(message.error) is (error or type(None))
    again = await table.ask(comparison, "and now?")
    assert states(again) == ["complete", state, "complete"]


@pytest.mark.parametrize("model", ["sim-stall-3@max", "sim-stall-head", "sim-429-3600"])
async def test_a_column_that_does_not_end_is_stopped_alone(table: Table, model: str) -> None:
    """Stalls, and 429 for ever: our client waits as long as it is told to, the others are through."""
    comparison = await table.compare(model, FAST, THINKING)
    asked = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    stuck = comparison.candidates[0]
    others = await table.ended(asked, but=[stuck])
    assert [message.state for message in others.values()] == ["complete", "complete"]
    await table.comparisons.stop(table.ann, comparison.id, stuck.id)
    await table.quiet()
    found = (await table.get(comparison)).rounds[0]
    assert found.answers[0].state in ("stopped", "failed")
    assert states(found)[1:] == ["complete", "complete"]
    assert states(await table.ask(await table.compare(FAST, FAST))) == ["complete", "complete"]


async def test_a_stalled_column_times_out_by_itself(table: Table) -> None:
    stalling = await table.model("sim-stall-3@max", timeout_s=1.0)
    comparison = await table.comparisons.create(table.ann, [stalling, await table.model(FAST)])
    found = await table.ask(comparison)
    assert states(found) == ["truncated", "complete"]
    assert found.answers[0].message is not None and isinstance(found.answers[0].message.error, errors.StreamStalled)


async def test_ten_megabytes_beside_two_that_answer(table: Table) -> None:
    comparison = await table.compare("sim-flood-10", FAST, THINKING)
    asked = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    flooded = comparison.candidates[0]
    others = await table.ended(asked, but=[flooded])
    assert [message.state for message in others.values()] == ["complete", "complete"]
    whole = await table.ended(asked)
    limit = table.services.settings.chat.answer_limit_bytes
    assert 9_000_000 < len(whole[flooded.id].content.encode()) <= limit or whole[flooded.id].state == "truncated"
    assert (await table.comparisons.records(table.ann)).total == 1


async def test_all_of_them_fail(table: Table) -> None:
    comparison = await table.compare("sim-500", "sim-401", "sim-empty")
    found = await table.ask(comparison)
    assert states(found) == ["failed"] * 3
    assert all(each.message is not None and each.message.error is not None for each in found.answers)
    page = await table.comparisons.records(table.ann)
    assert page.items[0].rounds == 1 and not page.items[0].generating
    sequential = await table.compare("sim-500", "sim-401", "sim-empty", mode="sequential")
    assert states(await table.ask(sequential)) == ["failed"] * 3


async def test_a_question_of_200_000_characters(table: Table) -> None:
    question = "héllo 世界 " * 20_000 + "needle"
    comparison = await table.compare("sim-echo@max", "sim-chat@max")
    async with asyncio.timeout(30):
        found = await table.ask(comparison, question)
    assert found.question == question
    assert found.answers[0].message is not None and found.answers[0].message.content.split() == question.split()
    sent = [record for record in table.simulator.requests if record.model == "sim-chat@max"]
    assert len(sent) == 1
    assert (await table.comparisons.records(table.ann, query="HÉLLO")).total == 1


async def test_a_closed_program_keeps_what_came(table: Table) -> None:
    comparison = await table.compare("sim-markdown@400x20000", FAST)
    asked = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    await table.ended(asked, but=[comparison.candidates[0]])
    await table.services.supervisor.close()
    found = (await table.get(comparison)).rounds[0]
    assert states(found) == ["stopped", "complete"]


async def test_a_database_that_is_busy_for_a_moment_does_not_end_the_turns(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    really, tries = turns._sign_of_life, 0

    def busy(*arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise DatabaseBusy
        return really(*arguments)

    monkeypatch.setattr(turns, "_sign_of_life", busy)
    comparison = await table.compare("sim-echo@max", FAST, mode="sequential")
    assert states(await table.ask(comparison)) == ["complete"] * 2
    assert tries > 2
