"""Asking two or three models at once or one after the other; retry, stop, switch; nothing of it is seen by the chat."""

from __future__ import annotations

import itertools

import pytest

from core import errors
from core.compare.types import Comparison, VerdictDraft
from core.errors import Conflict, InvalidInput, NotFound
from core.llm.request import Parameters
from tests.unit.compare.conftest import QUESTION, Table, states

ECHO, FAST, THINKING = "sim-echo@max", "sim-chat@max", "sim-reasoning@max"
SLOW = "sim-markdown@400x20000"


async def test_every_candidate_answers_in_its_own_conversation(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST, THINKING)
    first = await table.ask(comparison, "one")
    second = await table.ask(comparison, "two")
    assert states(first) == states(second) == ["complete"] * 3
    assert [each.message.content for each in second.answers[:1] if each.message] == ["two"]
    assert second.answers[2].message is not None and second.answers[2].message.reasoning
    found = await table.get(comparison)
    assert (found.title, [each.question for each in found.rounds], found.earlier) == ("one", ["one", "two"], 0)
    assert [each.label for each in found.candidates] == ["A", "B", "C"]
    assert len({each.conversation_id for each in found.candidates}) == 3
    contexts = [record.message_count for record in table.simulator.requests if record.last_user_text == "two"]
    assert contexts == [3, 3, 3]  # the first question and its own answer are before the second


async def test_the_chat_knows_nothing_of_it(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST)
    asked = await table.ask(comparison)
    chat, ann = table.services.chat, table.ann
    conversation = comparison.candidates[0].conversation_id
    answer = asked.answers[0].message
    assert answer is not None
    assert (await chat.conversations(ann)).total == (await chat.conversations(ann, trash=True)).total == 0
    assert (await chat.conversations(ann, query="loss")).total == (await chat.unread(ann)).total == 0
    for attempt in (
        chat.open(ann, conversation),
        chat.export(ann, conversation),
        chat.delete(ann, [conversation]),
        chat.purge(ann, [conversation]),
        chat.rename(ann, conversation, "mine"),
        chat.share(ann, conversation, "bob"),
        chat.copy(ann, conversation),
        chat.send(ann, conversation, "more"),
        chat.retry(ann, answer.id),
        chat.save_draft(ann, conversation, "x"),
    ):
        with pytest.raises(NotFound):
            await attempt
    configuration = comparison.candidates[0].configuration_id or ""
    assert (await table.services.configurations.used_by(ann, configuration)).conversations == 0
    sent = await chat.send(ann, None, QUESTION, configuration_id=configuration)
    await table.quiet()
    with pytest.raises(NotFound):
        [update async for update in table.comparisons.watch(ann, sent.answer_id)]


async def test_one_after_the_other(table: Table) -> None:
    comparison = await table.compare("sim-chat@400x40", "sim-500", ECHO, mode="sequential")
    begun = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    assert states(begun) == ["generating", "waiting", "waiting"]
    assert (await table.get(comparison)).asking
    await table.quiet()
    found = await table.get(comparison)
    assert [states(each) for each in found.rounds] == [["complete", "failed", "complete"]]
    assert not found.asking and not found.waits
    records = [record for record in table.simulator.requests if record.path.endswith("completions")]
    assert [record.model for record in records] == ["sim-chat@400x40", "sim-500", ECHO]
    messages = [each.message for each in found.rounds[0].answers]
    for before, after in itertools.pairwise(messages):
        assert before is not None and after is not None and before.finished_at is not None
        assert before.finished_at <= after.created_at


async def test_stopped_turns_wait_until_somebody_asks_the_rest(table: Table) -> None:
    comparison = await table.compare(SLOW, ECHO, FAST, mode="sequential")
    await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    await table.comparisons.stop(table.ann, comparison.id)
    await table.quiet()
    found = await table.get(comparison)
    assert states(found.rounds[0]) == ["stopped", "waiting", "waiting"] and found.waits
    with pytest.raises(Conflict):
        await table.comparisons.continue_answer(table.ann, comparison.id, comparison.candidates[1].id)  # it was not even asked
    with pytest.raises(Conflict):
        await table.comparisons.vote(table.ann, found.rounds[0].id, VerdictDraft(winner="tie"))
    await table.comparisons.ask_rest(table.ann, comparison.id)
    await table.quiet()
    assert states((await table.get(comparison)).rounds[0]) == ["stopped", "complete", "complete"]
    await table.comparisons.ask_rest(table.ann, comparison.id)  # nothing waits: nothing happens
    assert len([record for record in table.simulator.requests if record.model == ECHO]) == 1


async def test_nobody_ends_the_turns_of_another(table: Table) -> None:
    comparison = await table.compare(SLOW, ECHO, mode="sequential")
    await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    for attempt in (table.comparisons.stop, table.comparisons.ask_rest, table.comparisons.get):
        with pytest.raises(NotFound):
            await attempt(table.bob, comparison.id)
    assert (await table.get(comparison)).asking
    await table.comparisons.stop(table.ann, comparison.id, comparison.candidates[0].id)
    await table.quiet()
    assert states((await table.get(comparison)).rounds[0]) == ["stopped", "complete"]


async def test_questions_one_right_after_the_other_are_all_answered(table: Table) -> None:
    """The task of the question before is just ending when the next one is asked: it must not take the new turns along."""
    comparison = await table.compare(ECHO, FAST, mode="sequential")
    for number in range(8):
        begun = await table.comparisons.ask(table.ann, comparison.id, f"question {number}")
        await table.until(comparison, lambda found: states(found.rounds[-1]) == ["complete"] * 2)
        assert begun.ordinal == number
    await table.quiet()
    found = await table.get(comparison)
    assert [states(each) for each in found.rounds] == [["complete"] * 2] * 8 and not found.asking


async def test_stopping_one_passes_its_turn_on(table: Table) -> None:
    comparison = await table.compare(SLOW, ECHO, mode="sequential")
    begun = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    await table.comparisons.stop(table.ann, comparison.id, comparison.candidates[0].id)
    await table.ended(begun)
    await table.quiet()
    assert states((await table.get(comparison)).rounds[0]) == ["stopped", "complete"]


async def test_another_question_skips_what_waited(table: Table) -> None:
    comparison = await table.compare(SLOW, ECHO, mode="sequential")
    await table.comparisons.ask(table.ann, comparison.id, "one")
    with pytest.raises(Conflict):
        await table.comparisons.ask(table.ann, comparison.id, "two")  # the first is being answered
    assert (await table.get(comparison)).asking  # what was refused has not taken the turns away
    await table.comparisons.stop(table.ann, comparison.id)
    await table.quiet()
    await table.comparisons.set_mode(table.ann, comparison.id, "parallel")
    await table.comparisons.ask(table.ann, comparison.id, "two")
    await table.comparisons.stop(table.ann, comparison.id, comparison.candidates[0].id)
    await table.quiet()
    found = await table.get(comparison)
    assert states(found.rounds[0]) == ["stopped", "skipped"]
    assert found.rounds[1].answers[1].message is not None and found.rounds[1].answers[1].message.content == "two"


async def test_retry_shows_the_new_answer_and_keeps_the_old(table: Table) -> None:
    comparison = await table.compare("sim-flaky-401", ECHO)
    failed = await table.ask(comparison)
    assert states(failed) == ["failed", "complete"]
    again = await table.comparisons.retry(table.ann, comparison.id, comparison.candidates[0].id)
    await table.ended(again)
    found = (await table.get(comparison)).rounds[0]
    assert states(found) == ["complete", "complete"] and found.id == failed.id
    assert found.answers[0].message is not None and failed.answers[0].message is not None
    assert found.answers[0].message.id != failed.answers[0].message.id
    assert found.answers[1] == failed.answers[1]
    await table.quiet()
    assert [record.model for record in table.simulator.requests].count("sim-flaky-401") == 2  # no model is asked for titles


async def test_one_that_waits_can_be_asked_at_once(table: Table) -> None:
    comparison = await table.compare(SLOW, ECHO, FAST, mode="sequential")
    await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    last = comparison.candidates[2].id
    with pytest.raises(Conflict):
        await table.comparisons.retry(table.ann, comparison.id, last)  # one at a time
    await table.comparisons.stop(table.ann, comparison.id)
    await table.quiet()
    await table.ended(await table.comparisons.retry(table.ann, comparison.id, last))
    assert states((await table.get(comparison)).rounds[0]) == ["stopped", "waiting", "complete"]
    await table.comparisons.ask_rest(table.ann, comparison.id)
    await table.quiet()
    assert states((await table.get(comparison)).rounds[0]) == ["stopped", "complete", "complete"]


async def test_a_candidate_asks_another_model_from_now_on(table: Table) -> None:
    comparison = await table.compare("sim-404", ECHO)
    await table.ask(comparison)
    other = await table.model(FAST)
    await table.ended(await table.comparisons.retry(table.ann, comparison.id, comparison.candidates[0].id, configuration_id=other))
    found = await table.get(comparison)
    assert (found.candidates[0].model, found.candidates[0].configuration_id) == (FAST, other)
    assert states(found.rounds[0]) == ["complete", "complete"]
    assert found.rounds[0].answers[0].message is not None and found.rounds[0].answers[0].message.model == FAST


async def test_parameters_of_a_candidate_replace_those_of_its_configuration(table: Table) -> None:
    own = Parameters(temperature=0.25, top_p=0.5, extra={"user": "ann"})
    configuration = await table.model(ECHO, parameters=own)
    instead = [Parameters(temperature=1.5, extra={"tier": "low"}), None]
    comparison = await table.comparisons.create(table.ann, [configuration, configuration], overrides=instead)
    await table.ask(comparison)
    sent = [record.parameters for record in table.simulator.requests if record.model == ECHO]
    assert sorted((each["temperature"], each["top_p"], each["user"], each.get("tier")) for each in sent) == [
        (0.25, 0.5, "ann", None),
        (1.5, 0.5, "ann", "low"),
    ]
    changed = await table.comparisons.set_candidate(table.ann, comparison.id, comparison.candidates[0].id, overrides=Parameters(seed=7))
    assert changed.candidates[0].overrides == Parameters(seed=7)
    with pytest.raises(InvalidInput):
        await table.comparisons.set_candidate(table.ann, comparison.id, comparison.candidates[0].id, overrides=Parameters(temperature=-1))


async def test_an_answer_that_broke_off_is_continued_in_place(table: Table) -> None:
    comparison = await table.compare("sim-cut-5@max", ECHO)
    broken = await table.ask(comparison)
    assert states(broken) == ["truncated", "complete"]
    await table.ended(await table.comparisons.continue_answer(table.ann, comparison.id, comparison.candidates[0].id))
    found = (await table.get(comparison)).rounds[0]
    before, after = broken.answers[0].message, found.answers[0].message
    assert before is not None and after is not None
    assert before.id == after.id and after.content.startswith(before.content) and len(after.content) > len(before.content)
    with pytest.raises(Conflict):
        await table.comparisons.continue_answer(table.ann, comparison.id, comparison.candidates[1].id)


async def test_what_cannot_be_compared_is_refused(table: Table) -> None:
    one = await table.model(ECHO)
    for ids, rule in (([one], "too_few"), ([one] * 4, "too_many"), ([], "too_few")):
        with pytest.raises(InvalidInput) as refused:
            await table.comparisons.create(table.ann, ids)
        assert (refused.value.field, refused.value.rule) == ("configurations", rule)
    with pytest.raises(NotFound):
        await table.comparisons.create(table.ann, [one, "0" * 32])
    with pytest.raises(NotFound):
        await table.comparisons.create(table.bob, [one, one])
    comparison = await table.compare(ECHO, ECHO)
    with pytest.raises(InvalidInput):
        await table.comparisons.ask(table.ann, comparison.id, "  ")
    with pytest.raises(Conflict):
        await table.comparisons.retry(table.ann, comparison.id, comparison.candidates[0].id)
    assert (await table.get(comparison)).rounds == ()


async def test_a_configuration_that_is_gone_fails_its_own_column_only(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST)
    await table.services.configurations.delete(table.ann, [comparison.candidates[0].configuration_id or ""])
    found = await table.ask(comparison)
    assert states(found) == ["failed", "complete"]
    assert found.answers[0].message is not None and isinstance(found.answers[0].message.error, NotFound)
    assert [each.configuration_id is None for each in (await table.get(comparison)).candidates] == [True, False]
    with pytest.raises(NotFound):
        await table.comparisons.run_again(table.ann, comparison.id)


async def test_going_on_with_one_as_a_conversation(table: Table) -> None:
    comparison = await table.compare(ECHO, "sim-chinese@max")
    await table.ask(comparison, "one")
    await table.ask(comparison, "two")
    conversation = await table.comparisons.as_conversation(table.ann, comparison.id, comparison.candidates[0].id)
    view = await table.services.chat.open(table.ann, conversation)
    assert [message.content for message in view.messages] == ["one", "one", "two", "two"]
    assert (await table.services.chat.conversations(table.ann)).total == 1
    sent = await table.services.chat.send(table.ann, conversation, "three")
    await table.quiet()
    assert [message.content for message in (await table.services.chat.open(table.ann, conversation)).messages][-1] == "three"
    assert len((await table.get(comparison)).rounds) == 2  # the comparison stays as it was
    await table.services.chat.purge(table.ann, [sent.conversation_id])
    assert states((await table.get(comparison)).rounds[1]) == ["complete", "complete"]
    empty = await table.compare(ECHO, FAST)
    with pytest.raises(Conflict):
        await table.comparisons.as_conversation(table.ann, empty.id, empty.candidates[0].id)


async def test_the_same_questions_are_asked_again(table: Table) -> None:
    comparison: Comparison = await table.compare(ECHO, FAST, type="code", mode="sequential")
    for question in ("one", "two"):
        await table.ask(comparison, question)
    again = await table.comparisons.run_again(table.ann, comparison.id)
    await table.quiet()
    found = await table.get(again)
    assert again.id != comparison.id
    assert [(each.question, states(each)) for each in found.rounds] == [("one", ["complete"] * 2), ("two", ["complete"] * 2)]
    assert (found.type, found.mode, found.title) == ("code", "sequential", "one")


async def test_deleting_ends_what_is_being_made(table: Table) -> None:
    comparison = await table.compare(SLOW, SLOW)
    await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    assert await table.comparisons.delete(table.ann, [comparison.id]) == 1
    await table.quiet()
    with pytest.raises(NotFound):
        await table.get(comparison)
    assert await table.services.store.read(lambda uow: len(uow.messages.all_generating())) == 0
    with pytest.raises(errors.NotFound):
        await table.comparisons.delete(table.ann, [comparison.id])
