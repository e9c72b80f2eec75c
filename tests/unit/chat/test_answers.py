"""Answers over every wire format: what a proper one looks like, and every fault: what came is kept and marked, the question is there."""

from __future__ import annotations

import pytest

from core import errors
from core.chat.types import Message
from core.settings import ChatSettings
from tests.unit.chat.conftest import PROTOCOLS, House, comparable

QUESTION = "Why is the loss flat? 损失为什么不变？"
#: model, state, finish, error, whether anything came
FAULTS = [
    ("sim-400", "failed", "error", errors.BadRequest, False),
    ("sim-401", "failed", "error", errors.Unauthorized, False),
    ("sim-403", "failed", "error", errors.AccessDenied, False),
    ("sim-404", "failed", "error", errors.ModelNotFound, False),
    ("sim-429-0", "failed", "error", errors.RateLimited, False),
    ("sim-500", "failed", "error", errors.ProviderFault, False),
    ("sim-502", "failed", "error", errors.ProviderFault, False),
    ("sim-error-in-200", "failed", "error", errors.ProviderFault, False),
    ("sim-error-in-200-stream", "failed", "error", errors.ProviderFault, False),
    ("sim-error-text", "failed", "error", errors.ProviderFault, False),
    ("sim-error-event-9@0", "failed", "error", errors.ProviderFault, True),
    ("sim-error-then-done-9@0", "failed", "error", errors.ProviderFault, True),
    ("sim-html", "failed", "error", errors.NotAStream, False),
    ("sim-empty", "failed", "error", errors.EmptyStream, False),
    ("sim-drop", "failed", "error", errors.ProviderError, False),
    ("sim-cut-9@0", "truncated", "truncated", errors.ProviderError, True),
    ("sim-reset-9@0", "truncated", "truncated", errors.ProviderError, True),
    ("sim-no-end-9@0", "truncated", "truncated", errors.StreamTruncated, True),
    ("sim-stall-9@0", "truncated", "truncated", errors.StreamStalled, True),
    ("sim-stall-head", "failed", "error", errors.StreamStalled, False),
    ("sim-length@0", "truncated", "length", None, True),
    ("sim-filter@0", "truncated", "content_filter", None, True),
]


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def stored(house: House, conversation_id: str) -> tuple[Message, ...]:
    return (await house.open(conversation_id)).messages


async def test_a_proper_answer(house: House, protocol: str) -> None:
    sent = await house.send("sim-reasoning@max", QUESTION, protocol=protocol)
    watched = await house.watch(sent.answer_id)
    message = watched.message
    assert (message.state, message.finish, message.error) == ("complete", "stop", None)
    assert (watched.text, watched.reasoning) == (message.content, message.reasoning)
    assert QUESTION in message.content
    assert message.reasoning
    assert message.usage is not None
    assert message.usage.exact
    assert message.usage.output_tokens > 10
    assert message.model == "sim-reasoning@max"
    assert message.ttft_ms is not None
    assert message.ttfa_ms is not None
    assert message.total_ms is not None
    assert 0 <= message.ttft_ms <= message.ttfa_ms <= message.total_ms
    assert message.reasoning_ms is not None
    question, answer = await stored(house, sent.conversation_id)
    assert (question.id, question.role, question.content, question.state) == (sent.question_id, "user", QUESTION, "complete")
    assert comparable(answer) == comparable(message)
    assert answer.parent_id == question.id


async def test_an_answer_in_one_piece(house: House, protocol: str) -> None:
    sent = await house.send("sim-reasoning@0", QUESTION, protocol=protocol, stream=False)
    message = (await house.watch(sent.answer_id)).message
    assert message.state == "complete"
    assert QUESTION in message.content
    assert message.reasoning
    assert house.simulator.requests[-1].stream is False


@pytest.mark.parametrize(("model", "state", "finish", "error", "came"), FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_a_fault(
    house: House, protocol: str, model: str, state: str, finish: str, error: type[errors.ModeltrainError] | None, came: bool
) -> None:
    configuration = await house.model(model, protocol, timeout_s=2.0 if "stall" in model else 60.0)
    sent = await house.chat.send(house.ann, None, QUESTION, configuration_id=configuration)
    watched = await house.watch(sent.answer_id)
    message = watched.message
    assert (message.state, message.finish) == (state, finish), message.error
    assert isinstance(message.error, error) if error is not None else message.error is None
    assert bool(message.content) is came
    assert (watched.text, watched.reasoning) == (message.content, message.reasoning)
    assert watched.last.error is None
    question, answer = await stored(house, sent.conversation_id)
    assert question.content == QUESTION
    assert comparable(answer) == comparable(message)


async def test_retrying_after_a_fault_works_and_keeps_the_failed_answer(house: House, protocol: str) -> None:
    sent = await house.send("sim-flaky-401@0", QUESTION, protocol=protocol)
    failed = (await house.watch(sent.answer_id)).message
    assert failed.state == "failed"
    again = await house.chat.retry(house.ann, sent.answer_id)
    assert (again.conversation_id, again.question_id) == (sent.conversation_id, sent.question_id)
    assert again.answer_id != sent.answer_id
    message = (await house.watch(again.answer_id)).message
    assert message.state == "complete"
    question, answer = await stored(house, sent.conversation_id)
    assert (question.id, answer.id) == (sent.question_id, again.answer_id)
    assert (await house.watch(sent.answer_id)).message.error is not None, "the failed one is still there"


async def test_what_cannot_be_reached_is_a_failed_answer(house: House) -> None:
    port = house.simulator.port
    configuration = await house.model("sim-chat@0")
    await house.simulator.stop()
    sent = await house.chat.send(house.ann, None, QUESTION, configuration_id=configuration)
    message = (await house.watch(sent.answer_id)).message
    assert message.state == "failed"
    assert isinstance(message.error, errors.ConnectionRefused), port


class TestSize:
    @pytest.fixture
    def chat_settings(self) -> ChatSettings:
        return ChatSettings(save_every_s=0.05, model_titles=False, answer_limit_bytes=100_000)

    async def test_an_endless_answer_is_cut_at_the_limit(self, house: House, protocol: str) -> None:
        watched = await house.ask("sim-flood-1", protocol=protocol)
        message = watched.message
        assert (message.state, message.finish) == ("truncated", "truncated")
        assert isinstance(message.error, errors.ResponseTooLarge)
        assert message.error.fields["limit"] == 100_000
        assert 99_000 < len(message.content.encode()) <= 100_000
        assert watched.text == message.content


@pytest.mark.parametrize("model", ["sim-hostile", "sim-wide", "sim-separators", "sim-split-utf8", "sim-markdown"])
async def test_every_character_is_kept_as_it_came(house: House, protocol: str, model: str) -> None:
    sent = await house.send(f"{model}@0", QUESTION, protocol=protocol)
    watched = await house.watch(sent.answer_id)
    assert watched.text == watched.message.content
    assert (await stored(house, sent.conversation_id))[1].content == watched.text
    assert "\x00" not in watched.text
    watched.text.encode()


async def test_reasoning_that_turns_out_so_is_moved(house: House) -> None:
    sent = await house.send("sim-no-opener@200x60", QUESTION)
    watched = await house.watch(sent.answer_id)
    assert any(update.reset for update in watched.updates[1:])
    assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)
    assert watched.reasoning
    assert "</think>" not in watched.text + watched.reasoning
    answer = (await stored(house, sent.conversation_id))[1]
    assert (answer.content, answer.reasoning) == (watched.text, watched.reasoning)


async def test_reasoning_without_an_answer_is_marked(house: House) -> None:
    message = (await house.ask("sim-unterminated@0")).message
    assert message.state == "truncated"
    assert message.reasoning_cut
    assert isinstance(message.error, errors.StreamTruncated)


async def test_usage_that_nobody_sent_is_estimated_and_says_so(house: House) -> None:
    message = (await house.ask("sim-no-usage@0")).message
    assert message.state == "complete"
    assert message.usage is not None
    assert not message.usage.exact
    assert message.usage.output_tokens > 10
