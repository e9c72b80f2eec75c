"""One suite for all wire formats: what a proper answer becomes, in every framing and chunking."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from core.errors import InvalidInput
from core.llm.client import ModelClients
from core.llm.events import ReasoningDelta, TextDelta, Usage
from core.llm.request import Parameters, Turn
from tests.contract.asking import ask
from tests.contract.raw_server import RawServer, in_pieces, play
from tests.contract.wires import KEY, Wire, chat_model, question

PARTS = [("reasoning", "Hm, 你好 🙂. "), ("reasoning", "So."), ("text", "A kettle\u2028boils "), ("text", "wäter\u0085\x1b[31m.\n")]
TEXT = "A kettle\u2028boils wäter\u0085\x1b[31m.\n"
REASONING = "Hm, 你好 🙂. So."


async def test_an_answer_with_reasoning_and_exact_usage(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream(PARTS), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert outcome.error is None
    assert (outcome.reasoning, outcome.text, outcome.cut) == (REASONING, TEXT, False)
    assert outcome.usage == Usage(11, 7, None, exact=True)
    assert outcome.finish == "stop"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11])
async def test_the_chunking_of_the_network_does_not_matter(wire: Wire, clients: ModelClients, size: int) -> None:
    async with RawServer(play(in_pieces(wire.stream(PARTS), size), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.reasoning, outcome.text, outcome.finish) == (REASONING, TEXT, "stop")


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 4096])
async def test_every_line_end_ends_a_line(wire: Wire, clients: ModelClients, end: bytes, size: int) -> None:
    body = wire.stream(PARTS).replace(b"\n", end)
    async with RawServer(play(in_pieces(body, size), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.reasoning, outcome.text, outcome.finish) == (REASONING, TEXT, "stop")


async def test_a_byte_order_mark_blank_lines_and_a_missing_newline(wire: Wire, clients: ModelClients) -> None:
    body = "\ufeff\n\n".encode() + wire.stream(PARTS).rstrip(b"\n")
    async with RawServer(play(in_pieces(body, 2), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.reasoning, outcome.text, outcome.finish) == (REASONING, TEXT, "stop")


async def test_tags_in_the_content_are_reasoning_too(wire: Wire, clients: ModelClients) -> None:
    parts = [("text", character) for character in "<think>\nwhy `</think>`</think>\n\nso"]
    async with RawServer(play(wire.stream(parts), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.reasoning, outcome.text) == ("why `</think>`", "so")


async def test_an_open_tag_at_the_end_is_marked_cut(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream([("text", "<think>why")], finish="length"), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.reasoning, outcome.text, outcome.cut, outcome.finish) == ("why", "", True, "length")


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "tool_calls"])
async def test_finish_reasons(wire: Wire, clients: ModelClients, finish: str) -> None:
    async with RawServer(play(wire.stream([("text", "so")], finish=finish), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert outcome.finish == finish


async def test_usage_that_was_not_sent_is_an_estimate_and_marked(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream(PARTS, usage=None), content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert outcome.usage is not None
    assert not outcome.usage.exact
    assert outcome.usage.output_tokens > 5


async def test_without_streaming(wire: Wire, clients: ModelClients) -> None:
    parts = [("reasoning", REASONING), ("text", TEXT)]
    body = wire.document(parts, wire.words["length"], (11, 7))
    async with RawServer(play(in_pieces(body, 9), content_type="application/json")) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question(stream=False))
        assert server.asked[0].json["stream"] is False
    assert (outcome.reasoning, outcome.text, outcome.finish) == (REASONING, TEXT, "length")
    assert outcome.usage == Usage(11, 7, None, exact=True)


async def test_one_json_document_where_a_stream_was_asked_for_is_an_answer(wire: Wire, clients: ModelClients) -> None:
    body = wire.document([("text", "so")], wire.words["stop"], None)
    async with RawServer(play(body, content_type="application/json")) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert (outcome.text, outcome.finish) == ("so", "stop")


async def test_a_stream_where_one_document_was_asked_for_is_an_answer(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream(PARTS), content_type="text/plain")) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question(stream=False))
    assert (outcome.reasoning, outcome.text, outcome.finish) == (REASONING, TEXT, "stop")


async def test_deltas_come_as_they_are_sent(wire: Wire, clients: ModelClients) -> None:
    """The first token is there while the rest is not yet."""
    body = wire.stream([("text", "one"), ("text", "two")])
    first = body.index(b"one") + body[body.index(b"one") :].index(b"\n\n" if wire.name != "ollama" else b"\n") + 2
    async with RawServer(play([body[:first]], content_type=wire.content_type, stall=True)) as server:
        events = chat_model(clients, wire, server.url).stream(question())
        try:
            async with asyncio.timeout(60):
                assert await anext(events) == TextDelta("one")
        finally:
            await events.aclose()


async def test_closing_stops_the_request(wire: Wire, clients: ModelClients) -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            play(b"", content_type=wire.content_type).pieces[0] + wire.stream([("reasoning", "a")])[:-1].split(b'"done_reason"')[0]
        )
        while await reader.read(4096):
            pass
        ended.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    events = chat_model(clients, wire, endpoint).stream(question())
    assert await anext(events) == ReasoningDelta("a")
    await events.aclose()
    async with asyncio.timeout(60):
        await ended.wait()
    server.close()
    await server.wait_closed()


async def test_half_a_surrogate_pair_in_each_of_two_deltas(wire: Wire, clients: ModelClients) -> None:
    body = wire.stream([("text", "HIGH"), ("text", "LOW"), ("text", "NUL")])
    body = body.replace(b"HIGH", b"\\ud83d").replace(b"LOW", b"\\ude42").replace(b"NUL", b"a\\u0000b\\udc00")
    async with RawServer(play(body, content_type=wire.content_type)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
    assert outcome.text == "🙂a\ufffdb\ufffd"


async def test_a_compressed_answer(wire: Wire, clients: ModelClients) -> None:
    import gzip

    async with RawServer(
        play(in_pieces(gzip.compress(wire.stream(PARTS)), 50), content_type=wire.content_type, content_encoding="gzip")
    ) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question())
        assert server.asked[0].headers["accept-encoding"] == "identity"
    assert (outcome.text, outcome.finish) == (TEXT, "stop")


async def test_what_is_sent(wire: Wire, clients: ModelClients) -> None:
    parameters = Parameters(
        temperature=0.5, top_k=4, max_tokens=99, stop=("END",), extra={"top_p": 0.9, "stream": False, "metadata": {"a": 1}}
    )
    async with RawServer(play(wire.stream(PARTS), content_type=wire.content_type)) as server:
        await ask(chat_model(clients, wire, f"{server.url}/base"), question("the-model", parameters=parameters))
        asked = server.asked[0]
        host = server.url.removeprefix("http://")
    body = asked.json
    options = body.get("options", body)
    assert (asked.method, asked.path) == ("POST", f"/base{wire.chat_path}")
    assert asked.headers["host"] == host
    assert (body["model"], body["stream"], body["metadata"], body["top_p"]) == ("the-model", True, {"a": 1}, 0.9)
    assert (options["temperature"], options["top_k"]) == (0.5, 4)
    assert options.get("max_tokens", options.get("num_predict")) == 99
    assert options.get("stop", options.get("stop_sequences")) == ["END"]
    assert body["messages"][-1] == {"role": "user", "content": "What is a kettle?"}
    assert body.get("system", body["messages"][0].get("content")) == "Be brief."
    key = asked.headers.get("x-api-key", asked.headers.get("authorization", "").removeprefix("Bearer "))
    assert key == KEY


async def test_without_a_key_and_without_parameters_nothing_of_them_is_sent(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream(PARTS), content_type=wire.content_type)) as server:
        await ask(chat_model(clients, wire, server.url, key=None), question())
        asked = server.asked[0]
    assert not {"authorization", "x-api-key"} & set(asked.headers)
    assert set(asked.json) <= {"model", "messages", "stream", "stream_options", "system", "max_tokens"}


async def test_turns_without_text_are_left_out(wire: Wire, clients: ModelClients) -> None:
    from dataclasses import replace

    request = replace(question(), turns=(Turn("user", "a"), Turn("assistant", ""), Turn("user", "b")), system=None)
    async with RawServer(play(wire.stream(PARTS), content_type=wire.content_type)) as server:
        await ask(chat_model(clients, wire, server.url), request)
        assert [turn["content"] for turn in server.asked[0].json["messages"]] == ["a", "b"]


async def test_models_are_listed_by_name(wire: Wire, clients: ModelClients) -> None:
    body = wire.models(["qwen3-coder", "Bge-m3", "deepseek-r1"])
    async with RawServer(play(body, content_type="application/json")) as server:
        models = await chat_model(clients, wire, server.url).list_models()
        assert server.asked[0].path.partition("?")[0] == wire.models_path
    assert [(model.name, model.capabilities) for model in models] == [
        ("Bge-m3", ("embedding",)),
        ("deepseek-r1", ("chat", "reasoning")),
        ("qwen3-coder", ("chat", "code")),
    ]


async def test_a_connection_is_used_again_after_a_whole_answer(wire: Wire, clients: ModelClients) -> None:
    connections = 0
    body = wire.stream(PARTS)
    response = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
                writer.write(response)
                await writer.drain()
                writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    model = chat_model(clients, wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    outcomes = [await ask(model, question()) for _ in range(3)]
    assert [outcome.text for outcome in outcomes] == [TEXT] * 3
    assert connections == 1
    await clients.close()
    server.close()
    await server.wait_closed()


async def test_an_end_mark_ends_the_answer_although_the_connection_stays_open(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(play(wire.stream(PARTS), content_type=wire.content_type, stall=True)) as server:
        outcome = await ask(chat_model(clients, wire, server.url), question(silence_s=60))
    assert (outcome.text, outcome.finish) == (TEXT, "stop")


@pytest.mark.parametrize("endpoint", ["http://user:pw@host", "ftp://host", "simulator:", ""])
async def test_what_is_no_endpoint_is_refused_at_once(wire: Wire, clients: ModelClients, endpoint: str) -> None:
    with pytest.raises(InvalidInput):
        chat_model(clients, wire, endpoint)
