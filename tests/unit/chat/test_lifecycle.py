"""The life of an answer: stopped, retried, continued, watched by many, one at a time, and what the model is shown."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from core import errors
from core.chat import context
from core.chat.types import Sent
from core.events import ConversationChanged, Event
from core.llm.request import Turn
from storage.unit_of_work import UnitOfWork
from tests.unit.chat.conftest import House, comparable

SLOW = "sim-markdown@400x4000"


async def turns(house: House, sent: Sent) -> tuple[Turn, ...]:
    """What a question to this answer's question would show the model."""

    def work(uow: UnitOfWork) -> tuple[Turn, ...]:
        return context.branch_turns(uow, sent.conversation_id, sent.question_id)

    return await house.services.store.read(work)


async def test_stopping_keeps_what_came(house: House) -> None:
    sent = await house.send(SLOW)
    await house.until(sent.answer_id, 200)
    await house.chat.stop(house.ann, sent.answer_id)
    watched = await house.watch(sent.answer_id)
    assert (watched.message.state, watched.message.finish, watched.message.error) == ("stopped", "stopped", None)
    assert len(watched.text) >= 200
    assert watched.message.usage is not None
    assert not watched.message.usage.exact
    answer = (await house.open(sent.conversation_id)).messages[1]
    assert comparable(answer) == comparable(watched.message)
    await house.chat.stop(house.ann, sent.answer_id)  # once more does nothing


async def test_stopping_before_anything_came(house: House) -> None:
    sent = await house.send("sim-stall-head")
    await house.chat.stop(house.ann, sent.answer_id)
    message = (await house.watch(sent.answer_id)).message
    assert (message.state, message.content, message.ttft_ms, message.usage) == ("stopped", "", None, None)


async def test_nothing_of_an_answer_stays_in_memory(house: House) -> None:
    """Without the collector of circles: a served process runs that hardly ever, and a question may hold a long conversation."""
    gc.collect()
    gc.disable()
    try:
        sent = await house.send(SLOW)
        await house.until(sent.answer_id, 50)
        generation = weakref.ref(house.chat._answering.find(house.ann.user_id, sent.answer_id))
        assert generation() is not None
        await house.chat.stop(house.ann, sent.answer_id)
        await house.watch(sent.answer_id)
        await house.services.supervisor.until_done("answer")
        await asyncio.sleep(0)  # the loop lets go of the last task
        assert generation() is None
    finally:
        gc.enable()


async def test_leaving_the_screen_does_not_end_the_answer(house: House) -> None:
    sent = await house.send("sim-markdown@2000x1000")
    await house.until(sent.answer_id, 50)  # and leaves
    message = (await house.watch(sent.answer_id)).message
    assert message.state == "complete"


async def test_closing_the_program_stops_the_answer_and_saves_it(house: House) -> None:
    sent = await house.send(SLOW)
    seen = await house.until(sent.answer_id, 200)
    await house.services.supervisor.close()
    answer = (await house.open(sent.conversation_id)).messages[1]
    assert answer.state == "stopped"
    assert answer.content.startswith(seen.text)
    assert house.services.supervisor.running == ()


async def test_several_watchers_see_the_same_and_the_first_update_has_everything(house: House) -> None:
    sent = await house.send("sim-reasoning@2000x600")
    early = asyncio.create_task(house.watch(sent.answer_id))
    await house.until(sent.answer_id, 300)
    late = await house.watch(sent.answer_id, interval_s=0.05)
    first = await early
    assert late.updates[0].reset
    assert len(late.updates[0].text) + len(late.updates[0].reasoning) >= 300
    assert (first.text, first.reasoning) == (late.text, late.reasoning) == (late.message.content, late.message.reasoning)
    again = await house.watch(sent.answer_id)
    assert len(again.updates) == 1
    assert (again.text, again.reasoning) == (late.text, late.reasoning)


async def test_updates_are_coalesced(house: House) -> None:
    sent = await house.send("sim-markdown@1000x1000")
    watched = await house.watch(sent.answer_id, interval_s=0.2)
    assert watched.message.usage is not None
    assert watched.message.usage.output_tokens >= 900
    assert watched.message.total_ms is not None
    assert len(watched.updates) <= watched.message.total_ms / 200 + 4


async def test_one_answer_at_a_time(house: House) -> None:
    sent = await house.send(SLOW)
    with pytest.raises(errors.Conflict) as refused:
        await house.send("sim-echo@0", "second", sent.conversation_id)
    assert refused.value.fields["what"] == "generating"
    with pytest.raises(errors.Conflict):
        await house.chat.retry(house.ann, sent.answer_id)
    assert (await house.open(sent.conversation_id)).summary.message_count == 2, "the refused question left nothing"
    other = await house.ask("sim-echo@0", "meanwhile, elsewhere")
    assert other.message.state == "complete"
    await house.chat.stop(house.ann, sent.answer_id)
    await house.watch(sent.answer_id)
    assert (await house.ask("sim-echo@0", "second", sent.conversation_id)).message.state == "complete"


async def test_a_conversation_goes_on_along_its_branch(house: House) -> None:
    sent = await house.send("sim-echo@0", "one")
    await house.watch(sent.answer_id)
    for text in ("two", "three"):
        await house.ask("sim-echo@0", text, sent.conversation_id)
    view = await house.open(sent.conversation_id)
    assert [message.content for message in view.messages if message.role == "user"] == ["one", "two", "three"]
    assert [message.parent_id for message in view.messages[1:]] == [message.id for message in view.messages[:-1]]
    assert house.simulator.requests[-1].message_count == 5
    assert view.summary.message_count == 6


async def test_reasoning_and_failed_answers_are_not_sent_back(house: House) -> None:
    sent = await house.send("sim-reasoning@0", "one")
    first = (await house.watch(sent.answer_id)).message
    assert first.reasoning
    await house.ask("sim-500", "two", sent.conversation_id)
    last = await house.send("sim-cut-9@0", "four", sent.conversation_id)
    cut = (await house.watch(last.answer_id)).message
    final = await house.send("sim-echo@0", "five", sent.conversation_id)
    await house.watch(final.answer_id)
    assert await turns(house, final) == (
        Turn("user", "one"),
        Turn("assistant", first.content),
        Turn("user", "two\n\nfour"),
        Turn("assistant", cut.content),
        Turn("user", "five"),
    )
    assert house.simulator.requests[-1].message_count == 5


async def test_the_system_prompt_is_the_conversations_or_the_configurations(house: House) -> None:
    configuration = await house.model("sim-echo@0", system="You are terse.")
    sent = await house.chat.send(house.ann, None, "one", configuration_id=configuration)
    await house.watch(sent.answer_id)
    assert house.simulator.requests[-1].system == "You are terse."
    sent = await house.chat.send(house.ann, sent.conversation_id, "two", system="You are kind.")
    await house.watch(sent.answer_id)
    assert house.simulator.requests[-1].system == "You are kind."
    assert (await house.open(sent.conversation_id)).system_prompt == "You are kind."
    await house.chat.set_system_prompt(house.ann, sent.conversation_id, "")
    await house.watch((await house.chat.send(house.ann, sent.conversation_id, "three")).answer_id)
    assert house.simulator.requests[-1].system == "You are terse."


async def test_the_model_is_switched_in_mid_conversation(house: House) -> None:
    sent = await house.send("sim-echo@0", "one")
    await house.watch(sent.answer_id)
    await house.ask("sim-chat@0", "two", sent.conversation_id)
    view = await house.open(sent.conversation_id)
    assert [message.model for message in view.messages if message.role == "assistant"] == ["sim-echo@0", "sim-chat@0"]
    assert view.summary.model == "sim-chat@0"
    sent = await house.chat.send(house.ann, sent.conversation_id, "three")
    assert (await house.watch(sent.answer_id)).message.model == "sim-chat@0", "the conversation remembers"


class TestRetry:
    async def test_siblings_are_kept_and_the_newest_is_in_sight(self, house: House) -> None:
        sent = await house.send("sim-echo@0", "one")
        old = (await house.watch(sent.answer_id)).message
        other = await house.model("sim-chat@0")
        again = await house.chat.retry(house.ann, sent.answer_id, configuration_id=other)
        new = (await house.watch(again.answer_id)).message
        assert new.parent_id == old.parent_id
        assert new.model == "sim-chat@0"
        view = await house.open(sent.conversation_id)
        assert [message.id for message in view.messages] == [sent.question_id, again.answer_id]
        assert view.summary.message_count == 3
        assert (await house.watch(sent.answer_id)).message.content == old.content

    async def test_in_the_middle_makes_a_branch(self, house: House) -> None:
        sent = await house.send("sim-echo@0", "one")
        await house.watch(sent.answer_id)
        await house.ask("sim-echo@0", "two", sent.conversation_id)
        again = await house.chat.retry(house.ann, sent.answer_id)
        await house.watch(again.answer_id)
        view = await house.open(sent.conversation_id)
        assert [message.id for message in view.messages] == [sent.question_id, again.answer_id]
        assert house.simulator.requests[-1].message_count == 1

    async def test_a_question_cannot_be_retried(self, house: House) -> None:
        sent = await house.send("sim-echo@0", "one")
        await house.watch(sent.answer_id)
        for method in (house.chat.retry, house.chat.continue_answer):
            with pytest.raises(errors.NotFound):
                await method(house.ann, sent.question_id)


class TestContinue:
    async def test_the_answer_grows_in_place(self, house: House) -> None:
        sent = await house.send("sim-cut-9@0", "one")
        cut = (await house.watch(sent.answer_id)).message
        assert cut.can_continue
        whole = await house.model("sim-echo@0")
        sent_again = await house.chat.continue_answer(house.ann, sent.answer_id, configuration_id=whole)
        assert sent_again == sent
        watched = await house.watch(sent.answer_id)
        message = watched.message
        assert (message.state, message.finish, message.error) == ("complete", "stop", None)
        assert message.content.startswith(cut.content)
        assert len(message.content) > len(cut.content)
        assert watched.text == message.content
        assert message.ttft_ms == cut.ttft_ms
        assert message.total_ms is not None
        assert cut.total_ms is not None
        assert message.total_ms >= cut.total_ms
        assert message.usage is not None
        assert cut.usage is not None
        assert message.usage.output_tokens > cut.usage.output_tokens
        assert house.simulator.requests[-1].message_count == 3, "question, what came, and the wish to go on"
        assert house.simulator.requests[-1].last_user_text == context.CONTINUE
        view = await house.open(sent.conversation_id)
        assert len(view.messages) == 2
        assert comparable(view.messages[1]) == comparable(message)

    async def test_reasoning_of_both_parts_is_kept(self, house: House) -> None:
        sent = await house.send("sim-reasoning@1000x4000", "one")
        await house.until(sent.answer_id, 20, answer_only=True)
        await house.chat.stop(house.ann, sent.answer_id)
        stopped = (await house.watch(sent.answer_id)).message
        assert (stopped.state, bool(stopped.content), bool(stopped.reasoning)) == ("stopped", True, True)
        more = await house.model("sim-reasoning@0")
        await house.chat.continue_answer(house.ann, sent.answer_id, configuration_id=more)
        watched = await house.watch(sent.answer_id)
        assert watched.message.state == "complete"
        assert watched.message.content.startswith(stopped.content)
        assert watched.message.reasoning.startswith(stopped.reasoning)
        assert len(watched.message.reasoning) > len(stopped.reasoning)
        assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)

    async def test_regrouped_reasoning_leaves_the_beginning_alone(self, house: House) -> None:
        sent = await house.send("sim-cut-9@0", "one")
        cut = (await house.watch(sent.answer_id)).message
        more = await house.model("sim-no-opener@0")
        await house.chat.continue_answer(house.ann, sent.answer_id, configuration_id=more)
        watched = await house.watch(sent.answer_id)
        assert watched.message.content.startswith(cut.content)
        assert watched.message.reasoning
        assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)
        stored = (await house.open(sent.conversation_id)).messages[1]
        assert (stored.content, stored.reasoning) == (watched.text, watched.reasoning)

    async def test_a_continuation_that_fails_leaves_the_answer_as_it_was(self, house: House) -> None:
        sent = await house.send("sim-cut-9@0", "one")
        cut = (await house.watch(sent.answer_id)).message
        refused = await house.model("sim-401")
        await house.chat.continue_answer(house.ann, sent.answer_id, configuration_id=refused)
        message = (await house.watch(sent.answer_id)).message
        assert (message.state, message.content) == ("truncated", cut.content)
        assert isinstance(message.error, errors.Unauthorized)
        assert message.can_continue

    async def test_an_answer_without_text_is_asked_again(self, house: House) -> None:
        sent = await house.send("sim-flaky-500@0", "one")
        assert (await house.watch(sent.answer_id)).message.content == ""
        again = await house.chat.continue_answer(house.ann, sent.answer_id)
        assert again.answer_id != sent.answer_id
        assert (await house.watch(again.answer_id)).message.state == "complete"

    async def test_a_complete_answer_has_nothing_to_continue(self, house: House) -> None:
        sent = await house.send("sim-echo@0", "one")
        await house.watch(sent.answer_id)
        with pytest.raises(errors.Conflict) as refused:
            await house.chat.continue_answer(house.ann, sent.answer_id)
        assert refused.value.fields["what"] == "nothing_to_continue"


async def test_a_question_that_cannot_be_sent_saves_nothing(house: House) -> None:
    with pytest.raises(errors.InvalidInput):
        await house.send("sim-echo@0", " \n\t ")
    with pytest.raises(errors.InvalidInput):
        await house.send("sim-echo@0", "x" * 2_000_001)
    with pytest.raises(errors.NotFound):
        await house.chat.send(house.ann, None, "hello", configuration_id="0" * 32)
    with pytest.raises(errors.NotFound):
        await house.chat.send(house.ann, "0" * 32, "hello")
    assert (await house.chat.conversations(house.ann)).total == 0


async def test_odd_characters_are_made_storable_at_the_door(house: House) -> None:
    sent = await house.send("sim-echo@0", "a\x00b \ud83d\ude00 \ud800 \x1b[31m", system="s\x00\udfff")
    await house.watch(sent.answer_id)
    view = await house.open(sent.conversation_id)
    assert view.messages[0].content == "a\ufffdb \U0001f600 \ufffd \x1b[31m"
    assert view.system_prompt == "s\ufffd\ufffd"
    await house.chat.rename(house.ann, sent.conversation_id, "t\x00\ud800\x1b[31mx")
    await house.chat.save_draft(house.ann, sent.conversation_id, "d\x00\ud800")
    assert await house.chat.draft(house.ann, sent.conversation_id) == "d\ufffd\ufffd"
    await house.chat.conversations(house.ann, query="\x00\ud800")


async def test_who_listens_hears_of_every_change(house: House) -> None:
    heard: list[Event] = []
    await house.model("sim-echo@0")
    stop = house.services.events.subscribe(house.ann.user_id, heard.append)
    sent = await house.send("sim-echo@0", "one")
    await house.watch(sent.answer_id)
    await house.chat.rename(house.ann, sent.conversation_id, "Named")
    stop()
    assert len(heard) >= 3
    assert set(heard) == {ConversationChanged(house.ann.user_id, sent.conversation_id)}
