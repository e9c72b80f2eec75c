"""Connections: keep-alive, limits, time-outs, the client's leaving, and what a careless client sends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from core.llm.simulator.http import IDLE_S, LINGER_S, REQUEST_S
from core.llm.simulator.server import Simulator
from tests.unit.simulator.support import Asker, ManualTime, body_of, read, until, url_of


async def raw_exchange(simulator: Simulator, data: bytes) -> bytes:
    """Everything the simulator says to `data` until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(data)
    async with asyncio.timeout(60):
        said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


def chat_request(name: str = "sim-echo@0", *, headers: str = "", version: str = "1.1") -> bytes:
    body = json.dumps(body_of(name, "hi")).encode()
    return f"POST /v1/chat/completions HTTP/{version}\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_one_connection_serves_many_requests(asker: Asker) -> None:
    for _time in range(5):
        assert (await asker.post("sim-echo@0")).status_code == 200
    assert asker.simulator.connections == 1


async def test_pipelined_requests_are_answered_in_order(simulator: Simulator) -> None:
    said = await raw_exchange(
        simulator, chat_request("sim-echo@0x1") + chat_request("sim-401") + chat_request(headers="Connection: close\r\n")
    )
    assert re.findall(rb"HTTP/1\.1 \d+", said) == [b"HTTP/1.1 200", b"HTTP/1.1 401", b"HTTP/1.1 200"]
    assert said.count(b"Connection: close") == 1


async def test_an_old_client_gets_its_stream_without_chunks(simulator: Simulator) -> None:
    said = await raw_exchange(simulator, chat_request(version="1.0"))
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert read("openai", body).text == "hi"


async def test_bodies_in_chunks_and_expect_continue(asker: Asker) -> None:
    data = json.dumps(body_of("sim-echo@0", "hi")).encode()

    async def halves() -> AsyncIterator[bytes]:
        yield data[:20]
        yield data[20:]

    response = await asker.http.post(url_of(asker.simulator, "openai"), content=halves())
    assert read("openai", response.content).text == "hi"
    request = chat_request(headers="Expect: 100-continue\r\nConnection: close\r\n")
    head, body = request.split(b"\r\n\r\n", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", asker.simulator.port)
    writer.write(head + b"\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert b"200 OK" in await reader.read()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("PUT", "/api/chat", 405),
        ("GET", "/anthropic/v1/messages", 405),
        ("GET", "/v1/embeddings", 404),
        ("POST", "/api/generate", 404),
        ("GET", "/anthropic/v1/complete", 404),
        ("GET", "/favicon.ico", 404),
    ],
)
async def test_other_paths_and_methods(asker: Asker, method: str, path: str, status: int) -> None:
    response = await asker.http.request(method, asker.simulator.base_urls["ollama"] + path)
    assert response.status_code == status
    assert ("allow" in response.headers) == (status == 405)
    error = response.json()["error"]
    assert isinstance(error, str) == path.startswith("/api")
    assert ("type" in response.json()) == path.startswith("/anthropic")


async def test_the_root_says_what_this_is(asker: Asker) -> None:
    assert (await asker.http.get(asker.simulator.base_urls["ollama"] + "/")).text.startswith("modeltrain simulator")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""])
async def test_names_of_other_machines_are_refused(asker: Asker, host: str) -> None:
    response = await asker.http.get(asker.simulator.base_urls["openai"] + "/models", headers={"Host": host})
    assert response.status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:5", "127.0.0.1", "127.8.8.8:90", "[::1]:80", "[::1]"])
async def test_names_of_loopback_are_known(asker: Asker, host: str) -> None:
    response = await asker.http.get(asker.simulator.base_urls["openai"] + "/models", headers={"Host": host})
    assert response.status_code == 200


async def test_too_large_a_body_is_refused_before_and_while_it_comes() -> None:
    simulator = Simulator(body_limit=1000)
    await simulator.start()
    asker = Asker(simulator)
    for form in ("openai", "ollama", "anthropic"):
        response = await asker.post("sim-echo@0", "x" * 5_000_000, form=form)
        assert response.status_code == 413
        assert response.json()["error"]
        assert response.headers["connection"] == "close"

    async def pieces() -> AsyncIterator[bytes]:
        for _piece in range(2000):
            yield b"x" * 500

    response = await asker.http.post(url_of(simulator, "anthropic"), content=pieces())
    assert (response.status_code, response.json()["error"]["type"]) == (413, "request_too_large")
    await asker.http.aclose()
    await simulator.stop()


@pytest.mark.parametrize("data", [b"\r\n\r\n\r\nnonsense\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nNo colon\r\n\r\n"])
async def test_garbage_gets_400_and_the_end(simulator: Simulator, data: bytes) -> None:
    said = await raw_exchange(simulator, data)
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    await until(lambda: simulator.connections == 0)


class TestTimeOuts:
    async def start(self, timed: Asker, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", timed.simulator.port)
        writer.write(data)
        await until(lambda: timed.simulator.connections == 1)
        for _turn in range(20):
            await asyncio.sleep(0)
        return reader, writer

    @pytest.mark.parametrize("data", [b"POST /api/chat HT", chat_request()[:-5]])
    async def test_a_request_that_does_not_come_whole(self, timed: Asker, time: ManualTime, data: bytes) -> None:
        reader, writer = await self.start(timed, data)
        time.now += REQUEST_S - 1
        timed.simulator.end_slow_clients()
        assert timed.simulator.connections == 1
        time.now += 1
        timed.simulator.end_slow_clients()
        assert (await reader.read()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        time.now += LINGER_S  # and a client that never closes
        timed.simulator.end_slow_clients()
        await until(lambda: timed.simulator.connections == 0)
        writer.close()
        await writer.wait_closed()

    async def test_an_idle_connection(self, timed: Asker, time: ManualTime) -> None:
        reader, writer = await self.start(timed, chat_request())
        await reader.readuntil(b"\r\n0\r\n\r\n")
        time.now += IDLE_S
        await until(lambda: timed.simulator.requests[-1].finished)
        timed.simulator.end_slow_clients()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    async def test_an_answer_may_take_as_long_as_it_takes(self, timed: Asker, time: ManualTime) -> None:
        reader, writer = await self.start(timed, chat_request("sim-stall@0"))
        time.now += 10 * IDLE_S
        timed.simulator.end_slow_clients()
        assert timed.simulator.connections == 1
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()


class TestLeaving:
    async def test_a_client_that_leaves_stops_the_answer(self, timed: Asker, time: ManualTime, form: str) -> None:
        async with timed.stream("sim-chat@10x1000", form=form) as response:
            stream = response.aiter_raw()
            await time.asleep()
            for _token in range(3):
                await time.advance(0.1)
                await anext(stream)
                await time.asleep()
        record = timed.simulator.requests[-1]
        await until(lambda: record.disconnected)
        assert (record.tokens_sent, record.finished) == (3, False)
        await time.advance(50)
        assert record.tokens_sent == 3
        assert timed.simulator.connections == 0

    async def test_a_client_that_leaves_while_a_body_is_made(self, timed: Asker, time: ManualTime) -> None:
        asking = asyncio.create_task(timed.post("sim-chat@1x1000", stream=False))
        await time.asleep()
        asking.cancel()
        await asyncio.wait([asking])
        await until(lambda: timed.simulator.requests[-1].disconnected)

    async def test_an_answer_read_to_its_end_was_not_left(self, asker: Asker) -> None:
        await asker.ask("sim-chat@0")
        await asker.http.aclose()
        await until(lambda: asker.simulator.connections == 0)
        record = asker.simulator.requests[-1]
        assert (record.finished, record.disconnected) == (True, False)


class TestLifeCycle:
    async def test_stop_ends_what_is_going_on(self) -> None:
        simulator = Simulator()
        await simulator.start()
        asker = Asker(simulator)
        asking = [asyncio.create_task(asker.post(name)) for name in ("sim-stall-head", "sim-chat@1x100", "sim-flood@0")]
        await until(lambda: simulator.request_count == 3)
        await simulator.stop()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, httpx.TransportError) for result in results)
        assert simulator.connections == 0
        await simulator.stop()
        await asker.http.aclose()
        with pytest.raises(RuntimeError):
            _ = simulator.port

    async def test_it_can_start_again(self) -> None:
        simulator = Simulator()
        for _time in range(2):
            await simulator.start()
            asker = Asker(simulator)
            assert (await asker.post("sim-echo@0")).status_code == 200
            await asker.http.aclose()
            await simulator.stop()

    async def test_many_streams_at_once(self, asker: Asker) -> None:
        asker.http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=60, trust_env=False, verify=False)
        answers = await asyncio.gather(*(asker.ask("sim-chat@200x20", f"question {number}") for number in range(100)))
        assert {len(answer.deltas) for answer in answers} == {20}
        assert len({answer.text for answer in answers}) > 90
