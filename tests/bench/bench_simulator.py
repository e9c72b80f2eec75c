"""What the simulator costs: short requests a second, the CPU of many slow streams, and whether the last token is on time.

The simulator runs as `modeltrain simulate` in a process of its own, whose CPU and memory are read from the system; the client here
reads bytes and parses nothing, so that the requests a second are the server's limit and not the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

from tests.bench.table import Row, print_table

ROUNDS = 5
REQUESTS = 2_000
CONNECTIONS = 20
STREAMS, RATE, SECONDS = 50, 30, 4
END = b"0\r\n\r\n"


@dataclass
class Server:
    """A simulator in another process."""

    port: int
    process: psutil.Process

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def memory_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tui.cli", "simulate", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Server(json.loads(await process.stdout.readline())["port"], psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.wait()


def request(name: str) -> bytes:
    """A streamed question in the OpenAI-compatible format, as bytes."""
    body = json.dumps(
        {"model": name, "stream": True, "messages": [{"role": "user", "content": "What is a token, and why does it matter?"}]}
    )
    return f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    """Send `data` and read its answer to the end; how many bytes it had."""
    writer.write(data)
    count, tail = 0, b""
    while not tail.endswith(END):
        chunk = await reader.read(262_144)
        if not chunk:
            raise ConnectionError("the simulator ended the connection")
        count += len(chunk)
        tail = (tail + chunk)[-len(END) :]
    return count


async def ask_often(port: int, data: bytes, times: int) -> None:
    """`times` answers over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _time in range(times):
        await ask(reader, writer, data)
    writer.close()
    await writer.wait_closed()


async def short_requests(server: Server) -> tuple[float, float]:
    """Requests a second, and CPU microseconds of the server for each."""
    data, cpu, started = request("sim-chat@0x20"), server.cpu, time.perf_counter()
    await asyncio.gather(*(ask_often(server.port, data, REQUESTS // CONNECTIONS) for _connection in range(CONNECTIONS)))
    return REQUESTS / (time.perf_counter() - started), (server.cpu - cpu) / REQUESTS * 1e6


async def slow_streams(server: Server, count: int, rate: int) -> tuple[float, float]:
    """Percent of a core while `count` streams run, and by how many milliseconds the last of them ended late."""
    data, cpu, started = request(f"sim-markdown@{rate}x{rate * SECONDS}"), server.cpu, time.perf_counter()
    await asyncio.gather(*(ask_often(server.port, data, 1) for _stream in range(count)))
    took = time.perf_counter() - started
    return (server.cpu - cpu) / took * 100, (took - SECONDS) * 1000


async def flood(server: Server) -> tuple[float, float]:
    """Megabytes a second of the 100 MB answer, and the server's memory behind it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    started = time.perf_counter()
    size = await ask(reader, writer, request("sim-flood@0"))
    took = time.perf_counter() - started
    writer.close()
    await writer.wait_closed()
    return size / 1e6 / took, server.memory_mb


async def measure() -> list[Row]:
    async with serving() as server:
        await short_requests(server)  # loads the texts and warms the caches
        short = [await short_requests(server) for _round in range(ROUNDS)]
        many = [await slow_streams(server, STREAMS, RATE) for _round in range(ROUNDS)]
        one = [await slow_streams(server, 1, 200) for _round in range(ROUNDS)]
        floods = [await flood(server) for _round in range(ROUNDS)]
    return [
        Row("short requests of 20 tokens", [rate for rate, _cpu in short], "/s", ">= 500"),
        Row("CPU of one short request", [cpu for _rate, cpu in short], "us"),
        Row(f"{STREAMS} streams at {RATE} tokens/s, of one core", [share for share, _late in many], "%", "<= 10"),
        Row(f"{STREAMS} streams at {RATE} tokens/s, last token late", [late for _share, late in many], "ms"),
        Row("1 stream at 200 tokens/s, of one core", [share for share, _late in one], "%"),
        Row("1 stream at 200 tokens/s, last token late", [late for _share, late in one], "ms"),
        Row("a flood of 100 MB", [speed for speed, _memory in floods], "MB/s"),
        Row("memory behind it", [memory for _speed, memory in floods], "MB"),
    ]


def main() -> None:
    print_table(asyncio.run(measure()))


if __name__ == "__main__":
    main()
