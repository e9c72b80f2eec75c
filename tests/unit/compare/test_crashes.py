"""kill -9 in the middle of a comparison: nothing of it is lost, nothing goes on by itself, the rest is asked when somebody says so."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from core import errors
from core.chat.types import Message
from core.compare.types import Comparison, Mode, VerdictDraft
from tests.unit.compare.conftest import QUESTION, Table, states

ROOT = Path(__file__).parents[3]
SLOW, QUICK = "sim-markdown@400x20000", "sim-echo@max"


async def killed(table: Table, comparison: Comparison) -> None:
    """Let another process ask, and kill it when text has come and was saved."""
    arguments = [str(table.services.settings.data_dir), table.ann.email, comparison.id, QUESTION]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.compare.other_process", *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"asked\n"
            assert await process.stdout.readline() == b"grown\n"
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize("mode", ["parallel", "sequential"])
async def test_nothing_is_lost_when_the_program_is_killed(table: Table, mode: Mode) -> None:
    comparison = await table.compare(SLOW, QUICK, mode=mode)
    await killed(table, comparison)
    requests = len(table.simulator.requests)

    found = await table.get(comparison)
    (only,) = found.rounds
    assert (only.question, found.title) == (QUESTION, QUESTION)
    cut = only.answers[0].message
    assert cut is not None
    assert cut.state == "truncated" and isinstance(cut.error, errors.AnswerInterrupted)
    assert len(cut.content) > 100  # what came was saved as it came
    assert (await table.comparisons.records(table.ann, query="loss")).total == 1

    if mode == "parallel":
        assert states(only) == ["truncated", "complete"]
    else:
        assert states(only) == ["truncated", "waiting"] and found.waits and not found.asking
        assert len(table.simulator.requests) == requests  # looking asks nobody anything
        await table.comparisons.ask_rest(table.ann, comparison.id)
        await table.quiet()
        only = (await table.get(comparison)).rounds[0]
        assert states(only) == ["truncated", "complete"]
        assert len(table.simulator.requests) == requests + 1
    whole = await grown(table, comparison, cut)
    await table.comparisons.vote(table.ann, only.id, VerdictDraft(comparison.candidates[0].id))
    assert whole.content.startswith(cut.content) and len(whole.content) > len(cut.content)


async def grown(table: Table, comparison: Comparison, cut: Message) -> Message:
    """Let the answer that was cut off go on for a while, then stop it."""
    first = comparison.candidates[0]
    await table.comparisons.continue_answer(table.ann, comparison.id, first.id)
    async for update in table.comparisons.watch(table.ann, cut.id, interval_s=0.01):
        if len(update.text) and update.elapsed_ms > 100:
            break
    await table.comparisons.stop(table.ann, comparison.id, first.id)
    return await table.end_of(cut.id)
