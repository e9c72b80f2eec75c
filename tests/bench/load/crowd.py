"""Many clients in a process of its own, told what to do line by line, so that their cost is not the server's.

`python -m tests.bench.load.crowd` reads JSON commands from standard input and answers each with one line of JSON. See `Crowd`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.bench.load.client import Client, count_wire_bytes
from tests.bench.load.town import Person

QUESTION = "tell me about training"


class Crowd:
    """The commands; each is a method that takes what the JSON object has and returns what is answered."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.streaming: list[Client] = []
        self._askers: list[asyncio.Task[None]] = []

    async def connect(self, port: int, people: Sequence[Sequence[str]], at_once: int, compressed: bool = False) -> dict[str, Any]:
        """Sign in everybody, `at_once` at a time."""
        gate = asyncio.Semaphore(at_once)
        clients = [Client(port, *person, compressed=compressed) for person in people]

        async def one(client: Client) -> None:
            async with gate:
                await client.connect()

        await asyncio.gather(*(one(client) for client in clients))
        self.clients += clients
        return {
            "first_frame_s": [client.first_frame_s for client in clients],
            "first_frame_bytes": [client.first_frame_bytes for client in clients],
            "sign_in_wire": [client.signed_in_wire for client in clients],
            "first_frame_wire": [client.wire_bytes - client.signed_in_wire for client in clients],
        }

    async def open_chat(self) -> dict[str, Any]:
        for client in self.clients:
            await client.open_chat()
        return {}

    async def stream(self, count: int, again_s: float) -> dict[str, Any]:
        """The first `count` ask, and again every `again_s` seconds."""

        async def keep_asking(client: Client, delay: float) -> None:
            await asyncio.sleep(delay)
            while not client.screen.closed.is_set():
                await client.ask(QUESTION)
                await asyncio.sleep(again_s)

        self.streaming = self.clients[:count]
        for number, client in enumerate(self.streaming):
            self._askers.append(asyncio.create_task(keep_asking(client, number * 0.2)))
        await asyncio.sleep(len(self.streaming) * 0.2 + 2)
        return {}

    async def stop_streams(self) -> dict[str, Any]:
        for task in self._askers:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._askers.clear()
        return {}

    async def type(self, seconds: float, pause_s: float) -> dict[str, Any]:
        """Everybody whose answer does not stream types; streams are only counted."""
        quiet = [client for client in self.clients if client not in self.streaming]
        before = {client: (client.screen.bytes, client.wire_bytes) for client in self.streaming}
        began = time.perf_counter()
        marks = [(len(client.key_ms), client.wire_bytes) for client in quiet]

        async def later(client: Client, delay: float) -> None:
            await asyncio.sleep(delay)
            await client.type_for(seconds, pause_s)

        results = await asyncio.gather(
            *(later(client, pause_s * number / max(1, len(quiet))) for number, client in enumerate(quiet)),
            *([asyncio.sleep(seconds)] if not quiet else []),
            return_exceptions=True,
        )
        took = time.perf_counter() - began
        return {
            "key_ms": [value for client, (mark, _wire) in zip(quiet, marks, strict=True) for value in client.key_ms[mark:]],
            "key_bytes": [value for client, (mark, _wire) in zip(quiet, marks, strict=True) for value in client.key_bytes[mark:]],
            "key_wire": [
                (client.wire_bytes - wire) / max(1, len(client.key_ms) - mark) for client, (mark, wire) in zip(quiet, marks, strict=True)
            ],
            "stream_bytes_s": [(client.screen.bytes - seen) / took for client, (seen, _wire) in before.items()],
            "stream_wire_s": [(client.wire_bytes - wire) / took for client, (_seen, wire) in before.items()],
            "failed": [repr(result) for result in results if isinstance(result, BaseException)],
        }

    async def idle(self, seconds: float) -> dict[str, Any]:
        before = [client.screen.bytes for client in self.clients]
        await asyncio.sleep(seconds)
        return {"bytes": [client.screen.bytes - seen for client, seen in zip(self.clients, before, strict=True)]}

    async def dropped(self) -> dict[str, Any]:
        return {"dropped": sum(client.screen.closed.is_set() for client in self.clients), "clients": len(self.clients)}

    async def leave(self) -> dict[str, Any]:
        await self.stop_streams()
        await asyncio.gather(*(client.leave() for client in self.clients), return_exceptions=True)
        self.clients.clear()
        return {}


async def serve() -> None:
    """Read commands until the end of the input."""
    count_wire_bytes()
    crowd = Crowd()
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        name = command.pop("do")
        try:
            answer = await getattr(crowd, name)(**command)
        except Exception as error:
            answer = {"error": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


class Crowds:
    """Several such processes, each with its part of the people. Use it as a context manager."""

    def __init__(self, count: int) -> None:
        self._processes = [
            subprocess.Popen([sys.executable, "-m", "tests.bench.load.crowd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _number in range(count)
        ]

    def __enter__(self) -> Crowds:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
            process.stdout.close()

    def connect(self, port: int, people: Sequence[Person], at_once: int, *, compressed: bool = False) -> dict[str, list[Any]]:
        """Everybody signs in, `at_once` at a time in all."""
        share = len(self._processes)
        commands = [
            {
                "port": port,
                "people": [(person.nickname, person.key_file) for person in people[number::share]],
                "at_once": max(1, at_once // share),
                "compressed": compressed,
            }
            for number in range(share)
        ]
        return self._all("connect", commands)

    def stream(self, count: int, again_s: float) -> dict[str, list[Any]]:
        share = len(self._processes)
        parts = [count // share + (number < count % share) for number in range(share)]
        return self._all("stream", [{"count": part, "again_s": again_s} for part in parts])

    def do(self, name: str, **values: Any) -> dict[str, list[Any]]:
        """All of them do the same at the same time; lists of results are joined, numbers are collected in lists."""
        return self._all(name, [values] * len(self._processes))

    def _all(self, name: str, commands: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
        for process, command in zip(self._processes, commands, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"do": name, **command}) + "\n")
            process.stdin.flush()
        joined: dict[str, list[Any]] = {}
        for process in self._processes:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']}")
            for key, value in answer.items():
                joined.setdefault(key, []).extend(value if isinstance(value, list) else [value])
        return joined


if __name__ == "__main__":
    asyncio.run(serve())
