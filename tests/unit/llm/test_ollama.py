"""What only Ollama does."""

from __future__ import annotations

import json

from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.events import Usage
from core.llm.ollama import OllamaParser
from core.llm.presets import preset
from core.llm.request import ChatRequest, Parameters, Turn
from tests.contract.asking import ask
from tests.contract.raw_server import RawServer, play
from tests.contract.wires import OLLAMA
from tests.unit.llm.parsing import Read


def test_thinking_content_and_counts() -> None:
    found = Read(
        OllamaParser,
        {"message": {"role": "assistant", "thinking": "why", "content": "so"}, "done": False},
        {"message": None, "done": False},
        [],
        {"message": {"content": ""}, "done": True, "done_reason": "length", "prompt_eval_count": 3, "eval_count": 4, "eval_duration": 9},
        {"message": {"content": "after the end"}},
        lines=True,
    )
    assert (found.reasoning, found.text, found.finish, found.usage) == ("why", "so", "length", Usage(3, 4))


def test_a_question_from_the_cache_is_not_counted_and_then_estimated() -> None:
    found = Read(OllamaParser, {"message": {"content": "so"}}, {"done": True, "eval_count": 4}, lines=True)
    assert found.usage is not None
    assert (found.usage.output_tokens, found.usage.exact, found.finish) == (4, False, "stop")


async def test_options_and_extra_parameters_have_their_places() -> None:
    clients = ModelClients()
    parameters = Parameters(
        0.1, 0.2, 3, 4, 0.5, 0.6, 7, ("END",), {"think": "high", "keep_alive": "5m", "options": {"num_ctx": 8192, "seed": 8}}
    )
    async with RawServer(play(OLLAMA.stream([("text", "so")]), content_type=OLLAMA.content_type)) as server:
        model = clients.chat_model(preset("ollama"), f"{server.url}/v1", None, policy=EndpointPolicy())
        await ask(model, ChatRequest("m", (Turn("user", "a"),), parameters=parameters))
        body, path = server.asked[0].json, server.asked[0].path
    await clients.close()
    assert path == "/api/chat"
    assert (body["think"], body["keep_alive"]) == ("high", "5m")
    assert body["options"] == {
        "temperature": 0.1, "top_p": 0.2, "top_k": 3, "num_predict": 4, "presence_penalty": 0.5, "frequency_penalty": 0.6,
        "seed": 8, "stop": ["END"], "num_ctx": 8192,
    }  # fmt: skip


async def test_models_with_what_show_says_of_them() -> None:
    clients = ModelClients()
    listed = {"models": [{"name": "llava", "size": 9, "details": {"parameter_size": "7B"}}, {"name": "bge", "details": None}, {}, 5]}
    shown = {"capabilities": ["completion", "vision", "tools"], "model_info": {"general.name": "x", "llama.context_length": 4096}}
    plays = [play(json.dumps(value).encode()) for value in (listed, {"capabilities": ["embedding"]}, shown)]
    async with RawServer(*plays) as server:
        found = await clients.chat_model(preset("ollama"), server.url, None, policy=EndpointPolicy()).list_models()
        assert [(asked.path, asked.body and asked.json["model"]) for asked in server.asked] == [
            ("/api/tags", b""),
            ("/api/show", "bge"),
            ("/api/show", "llava"),
        ]
    await clients.close()
    assert [(model.name, model.capabilities) for model in found] == [("bge", ("embedding",)), ("llava", ("chat", "vision"))]
    assert (found[1].size_bytes, found[1].parameters, found[1].context_length) == (9, "7B", 4096)


async def test_a_server_without_show_is_asked_once() -> None:
    clients = ModelClients()
    plays = [play(OLLAMA.models(["a", "b", "c"])), play(b"", status="404 Not Found")]
    async with RawServer(*plays) as server:
        found = await clients.chat_model(preset("ollama"), server.url, None, policy=EndpointPolicy()).list_models()
        assert len(server.asked) == 2
    await clients.close()
    assert [model.name for model in found] == ["a", "b", "c"]
