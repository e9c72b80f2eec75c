"""The accents of OpenAI's format."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core import errors
from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.events import Usage
from core.llm.openai import OpenAIParser
from core.llm.presets import preset
from core.llm.request import ChatRequest, Parameters, Turn
from tests.contract.asking import ask
from tests.contract.raw_server import RawServer, play
from tests.contract.wires import OPENAI
from tests.unit.llm.parsing import Read


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


def read(*chunks: Any) -> Read:
    return Read(OpenAIParser, *chunks)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_every_name_of_the_reasoning_field(field: str) -> None:
    assert read(delta(**{field: "why"}), delta(content="so")).reasoning == "why"


def test_reasoning_and_answer_in_one_delta() -> None:
    found = read(delta(reasoning_content="why", content="so"))
    assert (found.reasoning, found.text) == ("why", "so")


def test_one_thought_in_two_fields_is_thought_once() -> None:
    found = read(delta(reasoning="why", reasoning_content="why", reasoning_details=[{"type": "reasoning.text", "text": "why"}]))
    assert found.reasoning == "why"


def test_reasoning_details() -> None:
    details = [
        {"type": "reasoning.text", "text": "one "},
        {"type": "reasoning.summary", "summary": "two"},
        {"type": "reasoning.encrypted", "data": "AAAA"},
        None,
    ]
    assert read(delta(reasoning=None, reasoning_details=details)).reasoning == "one two"


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [None]},
        {"choices": {"delta": {"content": "no"}}},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None, "reasoning": None, "role": "assistant"}}]},
        {"choices": [{"delta": {"content": ""}, "finish_reason": ""}]},
        {"choices": [{"delta": {"content": 5}}]},
        {"choices": [{"delta": {"content": [None, 5, {"type": "image"}]}}]},
        {"choices": [{"delta": {"tool_calls": [{}]}}]},
        {"choices": [{"index": 1, "delta": {"content": "another choice"}, "finish_reason": "length"}]},
        {"error": None, "choices": []},
        {"usage": None},
        {"usage": {"prompt_tokens": None}},
        {"usage": {"prompt_tokens": float("nan"), "completion_tokens": -1}},
        {"usage": [1]},
        [],
        None,
        5,
        '"text"',
    ],
)
def test_chunks_that_say_nothing(chunk: Any) -> None:
    found = read(delta(content="so"), chunk)
    assert (found.error, found.text, found.reasoning, found.finish) == (None, "so", "", None)
    assert found.usage is not None
    assert not found.usage.exact


def test_content_in_parts() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "why"}]}
    found = read(delta(content=[thought, {"type": "text", "text": "so "}, "what"]), delta(content={"type": "text", "text": "?"}))
    assert (found.reasoning, found.text) == ("why", "so what?")


def test_a_refusal_is_the_answer() -> None:
    assert read(delta(content=None, refusal="I will not.")).text == "I will not."


def test_a_message_instead_of_a_delta_and_plain_text() -> None:
    assert read({"choices": [{"message": {"content": "a"}}]}, {"choices": [{"text": "b"}]}).text == "ab"


def test_reasoning_tokens_are_counted() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    assert read(delta(content="so"), {"choices": [], "usage": usage}).usage == Usage(1, 9, 4)


def test_the_last_of_several_usages_counts() -> None:
    first, last = {"prompt_tokens": 1, "completion_tokens": 1}, {"prompt_tokens": 1, "completion_tokens": 2.0}
    assert read(delta(content="so"), {"usage": first}, {"usage": last}, {"usage": None}).usage == Usage(1, 2)


@pytest.mark.parametrize("zeros", [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 3}])
def test_half_a_usage_is_an_estimate(zeros: dict[str, int]) -> None:
    usage = read(delta(content="a longer answer"), {"usage": zeros}).usage
    assert usage is not None
    assert not usage.exact
    assert usage.output_tokens > 2


@pytest.mark.parametrize("data", ["[DONE]", "  [DONE]  "])
def test_done_ends_the_answer_without_a_finish_reason(data: str) -> None:
    assert read(delta(content="so"), data).parser.done


@pytest.mark.parametrize(
    ("chunk", "kind", "message"),
    [
        ({"error": "no"}, errors.ProviderFault, "no"),
        ({"error": {"message": "no"}}, errors.ProviderFault, "no"),
        ({"error": {"message": "no", "code": 429}}, errors.RateLimited, "no"),
        ({"error": {"message": "no", "code": "401"}}, errors.Unauthorized, "no"),
        ({"error": {"message": "no", "type": "rate_limit_error"}}, errors.RateLimited, "no"),
        ({"error": {"message": "no", "type": "invalid_request_error"}}, errors.BadRequest, "no"),
        ({"error": {"message": "no", "code": 502}}, errors.ProviderFault, "no"),
        ({"object": "error", "message": "no", "code": 400}, errors.BadRequest, "no"),
        ({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "no", "code": 503}}]}, errors.ProviderFault, "no"),
        ({"choices": [{"delta": {}, "finish_reason": "network_error"}]}, errors.ProviderFault, "network_error"),
        (
            {"choices": [{"delta": {}, "finish_reason": "insufficient_system_resource"}]},
            errors.ProviderFault,
            "insufficient_system_resource",
        ),
    ],
)
def test_errors_inside_a_stream(chunk: Any, kind: type[errors.ProviderError], message: str) -> None:
    found = read(delta(content="so"), chunk, "[DONE]")
    assert found.text == "so"
    assert type(found.error) is kind
    assert found.error.fields["message"] == message


def test_an_event_that_is_named_error() -> None:
    found = read(delta(content="so"))
    with pytest.raises(errors.ProviderFault) as caught:
        found.parser.event("error", '{"message": "no"}')
    assert caught.value.fields["message"] == "no"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("function_call", "tool_calls"),
        ("sensitive", "content_filter"),
    ],
)
def test_words_for_the_end(word: str, reason: str) -> None:
    assert read({"choices": [{"delta": {}, "finish_reason": word}]}).finish == reason
    assert read({"choices": [{"delta": {}, "finish_reason": {"type": word}}]}).finish == reason


class TestTheUsageOption:
    """Asked for; where a server refuses it, left out for that endpoint from then on."""

    @pytest.fixture
    async def clients(self) -> AsyncIterator[ModelClients]:
        made = ModelClients()
        yield made
        await made.close()

    async def test_a_server_that_refuses_it_is_remembered(self, clients: ModelClients) -> None:
        refused = play(b'{"error": "Unrecognized request argument: stream_options"}', status="400 Bad Request")
        async with RawServer(refused, play(OPENAI.stream([("text", "so")]))) as server:
            model = clients.chat_model(preset("openai-compatible"), server.url, None, policy=EndpointPolicy())
            for _ in range(2):
                outcome = await ask(model, ChatRequest("m", (Turn("user", "a"),)))
                assert outcome.text == "so"
            assert ["stream_options" in asked.json for asked in server.asked] == [True, False, False]

    async def test_another_400_is_the_answer_and_is_not_remembered(self, clients: ModelClients) -> None:
        async with RawServer(play(b'{"error": "bad model"}', status="400 Bad Request")) as server:
            model = clients.chat_model(preset("openai-compatible"), server.url, None, policy=EndpointPolicy())
            for _ in range(2):
                outcome = await ask(model, ChatRequest("m", (Turn("user", "a"),)))
                assert type(outcome.problem) is errors.BadRequest
            assert ["stream_options" in asked.json for asked in server.asked] == [True, False, True, False]

    async def test_a_server_that_took_it_is_not_asked_twice(self, clients: ModelClients) -> None:
        plays = [play(OPENAI.stream([("text", "so")])), play(b'{"error": "too long"}', status="400 Bad Request")]
        async with RawServer(*plays) as server:
            model = clients.chat_model(preset("openai-compatible"), server.url, None, policy=EndpointPolicy())
            await ask(model, ChatRequest("m", (Turn("user", "a"),)))
            outcome = await ask(model, ChatRequest("m", (Turn("user", "a"),)))
            assert type(outcome.problem) is errors.BadRequest
            assert len(server.asked) == 2

    async def test_profiles_name_the_token_limit_and_what_is_left_out(self, clients: ModelClients) -> None:
        async with RawServer(play(OPENAI.stream([("text", "so")]))) as server:
            model = clients.chat_model(preset("openai"), server.url, "sk-x", policy=EndpointPolicy())
            await ask(model, ChatRequest("m", (Turn("user", "a"),), parameters=Parameters(max_tokens=5, top_k=3, seed=1)))
            body = server.asked[0].json
        assert (body["max_completion_tokens"], body["seed"]) == (5, 1)
        assert not {"max_tokens", "top_k"} & set(body)


async def test_models_in_every_accent() -> None:
    rows = [
        {"id": "qwen", "max_model_len": 32768},
        {
            "id": "a/b",
            "name": "B",
            "context_length": 1000,
            "architecture": {"input_modalities": ["text", "image"]},
            "supported_parameters": ["reasoning"],
        },
        {"id": "gguf", "meta": {"n_ctx_train": 4096, "size": 17}},
        "bare",
        {"id": ""},
        None,
    ]

    clients = ModelClients()
    async with RawServer(play(json.dumps(rows).encode())) as server:
        found = await clients.chat_model(preset("openrouter"), server.url, "k", policy=EndpointPolicy()).list_models()
    await clients.close()
    assert [(model.name, model.context_length) for model in found] == [("a/b", 1000), ("bare", None), ("gguf", 4096), ("qwen", 32768)]
    assert found[0].capabilities == ("chat", "vision", "reasoning")
    assert (found[0].display_name, found[2].size_bytes) == ("B", 17)
