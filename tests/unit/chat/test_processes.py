"""More than one process: killed in mid-answer, watched and stopped from elsewhere, gone without a word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from core import errors
from core.bootstrap import build_services
from core.chat import identity, polling, sending
from core.chat.identity import is_gone, this_process
from core.chat.types import Sent
from storage.repositories.messages import Part
from storage.unit_of_work import UnitOfWork
from tests.unit.chat.conftest import House, comparable

ROOT = Path(__file__).parents[3]
QUESTION = "a long story, please"
SLOW = "sim-markdown@400x20000"


class Other:
    """The other process, with the ids of what it asked."""

    def __init__(self, process: asyncio.subprocess.Process, sent: Sent) -> None:
        self.process = process
        self.sent = sent

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def last_word(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode().strip()


Start = Callable[[str], Awaitable[Other]]


@pytest.fixture
async def start(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Start another process that asks a model. Polling is faster here than it is at work."""
    monkeypatch.setattr(polling, "POLL_S", 0.05)
    started: list[asyncio.subprocess.Process] = []

    async def begin(model: str) -> Other:
        configuration = await house.model(model)
        arguments = [str(house.services.settings.data_dir), house.ann.email, configuration, QUESTION]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.unit.chat.other_process", *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        started.append(process)
        assert process.stdout is not None
        return Other(process, Sent(**json.loads(await process.stdout.readline())))

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_saved_survives_a_kill_and_so_does_the_question(house: House, start: Start) -> None:
    other = await start(SLOW)
    seen = await house.until(other.sent.answer_id, 400)
    with pytest.raises(errors.Conflict):
        await house.send("sim-echo@0", "me too", other.sent.conversation_id)
    await other.kill()
    view = await house.open(other.sent.conversation_id)
    question, answer = view.messages
    assert question.content == QUESTION
    assert (answer.state, answer.finish) == ("truncated", "truncated")
    assert isinstance(answer.error, errors.AnswerInterrupted)
    assert answer.content.startswith(seen.text)
    assert not view.summary.generating
    assert answer.can_continue
    more = await house.chat.continue_answer(house.ann, answer.id, configuration_id=await house.model("sim-echo@0"))
    assert (await house.watch(more.answer_id)).message.content.startswith(answer.content)


async def test_the_next_start_finds_it(house: House, start: Start) -> None:
    other = await start(SLOW)
    await house.until(other.sent.answer_id, 400)
    await other.kill()
    again = await build_services(house.services.settings)
    row = await again.store.read(lambda uow: uow.messages.find(house.ann.user_id, other.sent.answer_id).state)  # type: ignore[union-attr]
    await again.close()
    assert row == "truncated"


async def test_an_answer_made_elsewhere_is_watched_to_its_end(house: House, start: Start) -> None:
    other = await start("sim-reasoning@600x900")
    watched = await house.watch(other.sent.answer_id)
    assert len(watched.updates) > 3
    assert watched.updates[0].reset
    assert watched.message.state == "complete"
    assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)
    assert watched.reasoning
    assert await other.last_word() == "end complete"
    stored = (await house.open(other.sent.conversation_id)).messages[1]
    assert comparable(stored) == comparable(watched.message)


async def test_reasoning_that_is_moved_elsewhere_is_moved_here(house: House, start: Start) -> None:
    other = await start("sim-no-opener@300x150")
    watched = await house.watch(other.sent.answer_id)
    assert watched.message.reasoning
    assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)


async def test_a_kill_ends_the_watching(house: House, start: Start) -> None:
    other = await start(SLOW)
    watching = asyncio.create_task(house.watch(other.sent.answer_id))
    await house.until(other.sent.answer_id, 400)
    await other.kill()
    watched = await watching
    assert watched.message.state == "truncated"
    assert watched.text == watched.message.content


async def test_an_answer_made_elsewhere_is_stopped_from_here(house: House, start: Start) -> None:
    other = await start(SLOW)
    await house.until(other.sent.answer_id, 400)
    await house.chat.stop(house.ann, other.sent.answer_id)
    watched = await house.watch(other.sent.answer_id)
    assert watched.message.state == "stopped"
    assert await other.last_word() == "end stopped"


async def test_an_answer_made_elsewhere_is_stopped_when_its_conversation_is_deleted_here(house: House, start: Start) -> None:
    other = await start(SLOW)
    await house.until(other.sent.answer_id, 400)
    await house.chat.delete(house.ann, [other.sent.conversation_id])
    assert await other.last_word() == "end stopped"


async def test_stopping_what_nobody_makes_marks_it(house: House, start: Start) -> None:
    other = await start(SLOW)
    await house.until(other.sent.answer_id, 400)
    await other.kill()
    await house.chat.stop(house.ann, other.sent.answer_id)
    assert (await house.watch(other.sent.answer_id)).message.state == "truncated"


# Processes of other machines, by what they left in the database -----------------------------------------------------------


async def left_behind(house: House, generator: str, silent_s: float) -> Sent:
    """An answer that `generator` is making and last saved so many seconds ago."""
    ids = house.services.ids
    sent = Sent(ids.new(), ids.new(), ids.new())
    at = sending.Moment(house.ann.user_id, generator, house.services.clock.now_ms() - round(silent_s * 1000))

    def work(uow: UnitOfWork) -> None:
        uow.conversations.add(**sending.new_conversation(sent.conversation_id, at))
        row = sending.free_conversation(uow, at, sent.conversation_id)
        asked = sending.Asked(None, "m", "ollama")
        sending.add_question(uow, at, row, sent.question_id, sent.answer_id, QUESTION, asked, None)
        uow.messages.replace_parts(sent.answer_id, 0, [Part(0, "reasoning", "hm"), Part(1, "text", "half an ans")])

    await house.services.store.write(work)
    return sent


@pytest.mark.parametrize(("silent_s", "state"), [(0.0, "generating"), (25.0, "generating"), (31.0, "truncated")])
async def test_another_machine_is_gone_when_it_is_silent(house: House, silent_s: float, state: str) -> None:
    sent = await left_behind(house, "elsewhere/boot-1/4711/1.00", silent_s)
    answer = (await house.open(sent.conversation_id)).messages[1]
    assert (answer.state, answer.content, answer.reasoning) == (state, "half an ans", "hm")


async def test_a_new_question_may_follow_an_answer_that_nobody_makes(house: House) -> None:
    sent = await left_behind(house, "elsewhere/boot-1/4711/1.00", 31.0)
    assert (await house.ask("sim-echo@0", "next", sent.conversation_id)).message.state == "complete"
    assert [message.state for message in (await house.open(sent.conversation_id)).messages] == ["complete", "truncated"] + ["complete"] * 2


def test_who_is_gone() -> None:
    me = this_process()
    host, boot, pid, started = me.split("/")
    now = 1_000_000
    assert len(me) <= 160
    assert not is_gone(me, now, now)
    assert is_gone(me, now - 31_000, now), "it lives, but it has lost the answer"
    assert is_gone(f"{host}/{boot}/{pid}/1.00", now, now), "another process has got its number"
    assert is_gone(f"{host}/{boot}/{_unused_pid()}/{started}", now, now)
    assert not is_gone(f"{host}/other-boot/{_unused_pid()}/{started}", now, now), "another machine of that name, or another container"
    assert is_gone("", None, now)
    assert is_gone("nonsense", None, now)


def _unused_pid() -> int:
    return next(number for number in range(400_000, 500_000) if not psutil.pid_exists(number))


def test_a_dead_child_that_nobody_waited_for_is_gone() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, this_process().encode())
        os._exit(0)
    try:
        generator = os.read(read, 200).decode()
        psutil.Process(child)  # still in the table
        while psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            pass
        assert is_gone(generator, 0, 0)
    finally:
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)


def test_the_name_of_this_process_fits_its_column() -> None:
    assert identity.this_process() == identity.this_process()
