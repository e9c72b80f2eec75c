"""What only Anthropic's format does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import errors
from core.llm.anthropic import AnthropicParser
from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.events import Usage
from core.llm.presets import preset
from core.llm.request import ChatRequest, Parameters, Turn
from tests.contract.asking import ask
from tests.contract.raw_server import RawServer, play
from tests.contract.wires import ANTHROPIC
from tests.unit.llm.parsing import Read


def block(kind: str, **fields: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}}


def test_only_text_and_thinking_are_shown() -> None:
    found = Read(
        AnthropicParser,
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        block("thinking_delta", thinking="why"),
        block("signature_delta", signature="AAAA"),
        {"type": "content_block_start", "content_block": {"type": "redacted_thinking", "data": "BBBB"}},
        {"type": "content_block_start", "content_block": {"type": "text", "text": "s"}},
        block("text_delta", text="o"),
        block("citations_delta", citation="x"),
        block("input_json_delta", partial_json="{"),
        {"type": "content_block_delta", "delta": None},
        {"type": "content_block_stop"},
        {"type": "something_new", "text": "x"},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )
    assert (found.reasoning, found.text, found.finish) == ("why", "so", "stop")
    assert found.usage == Usage(25, 9)
    assert found.parser.done


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", errors.ProviderFault),
        ("api_error", errors.ProviderFault),
        ("rate_limit_error", errors.RateLimited),
        ("authentication_error", errors.Unauthorized),
        ("permission_error", errors.AccessDenied),
        ("not_found_error", errors.ModelNotFound),
        ("invalid_request_error", errors.BadRequest),
    ],
)
def test_error_events(kind: str, error: type[errors.ProviderError]) -> None:
    found = Read(AnthropicParser, block("text_delta", text="so"), {"type": "error", "error": {"type": kind, "message": "no"}})
    assert found.text == "so"
    assert type(found.error) is error


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        (Parameters(), {"max_tokens": 8192}),
        (
            Parameters(max_tokens=5, temperature=1.5, top_p=0.5, top_k=3, seed=1, presence_penalty=1.0),
            {"max_tokens": 5, "temperature": 1.0, "top_k": 3},
        ),
        (Parameters(top_p=0.5, stop=("a",)), {"max_tokens": 8192, "top_p": 0.5, "stop_sequences": ["a"]}),
        (
            Parameters(temperature=0.5, stop=("a",), extra={"thinking": {"type": "enabled", "budget_tokens": 1000}}),
            {"max_tokens": 9192, "stop_sequences": ["a"], "thinking": {"type": "enabled", "budget_tokens": 1000}},
        ),
    ],
)
async def test_what_is_sent(parameters: Parameters, body: dict[str, Any]) -> None:
    clients = ModelClients()
    async with RawServer(play(ANTHROPIC.stream([("text", "so")]))) as server:
        model = clients.chat_model(preset("anthropic"), f"{server.url}/v1", "k", policy=EndpointPolicy())
        await ask(model, ChatRequest("m", (Turn("user", "a"),), parameters=parameters))
        asked = server.asked[0]
    await clients.close()
    assert (asked.path, asked.headers["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert {name: value for name, value in asked.json.items() if name not in ("model", "messages", "stream")} == body


async def test_models_over_several_pages() -> None:
    clients = ModelClients()
    first = {"data": [{"id": "claude-b", "display_name": "B"}], "has_more": True, "last_id": "claude-b&"}
    second = {"data": [{"id": "claude-a"}, None], "has_more": False}
    async with RawServer(*(play(json.dumps(page).encode()) for page in (first, second))) as server:
        found = await clients.chat_model(preset("anthropic"), server.url, "k", policy=EndpointPolicy()).list_models()
        assert [asked.path for asked in server.asked] == ["/v1/models?limit=1000", "/v1/models?limit=1000&after_id=claude-b%26"]
    await clients.close()
    assert [(model.name, model.display_name) for model in found] == [("claude-a", ""), ("claude-b", "B")]
