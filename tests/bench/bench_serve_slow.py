"""A link of 64 kbit/s with a round trip of 200 ms: keys typed while an answer streams at 100 tokens a second."""

from __future__ import annotations

import asyncio
import contextlib

from tests.bench.load.client import Client, count_wire_bytes
from tests.bench.load.link import SlowLink
from tests.bench.load.town import Town, town
from tests.bench.table import Row, percentile, print_table

SECONDS = 40.0


def main() -> None:
    count_wire_bytes()
    with town(2, "sim-markdown@100x6000", "--workers", "1") as place:
        rows = []
        for compressed in (False, True):
            rows += asyncio.run(measure(place, compressed=compressed))
    print_table(rows)


async def measure(place: Town, *, compressed: bool) -> list[Row]:
    name = "compressed, " if compressed else ""
    person = place.people[int(compressed)]
    async with SlowLink(place.port) as link:
        client = Client(link.port, person.nickname, person.key_file, compressed=compressed)
        await client.connect()
        await client.open_chat()
        await client.ask("tell me about training")
        await asyncio.sleep(2)
        before, queued = link.down.bytes, []
        client.key_ms.clear()
        watching = asyncio.create_task(watch(place, link, queued))
        await client.type_for(SECONDS, 1.0)
        watching.cancel()
        came = link.down.bytes - before
        client.connection.abort()
    return [
        Row(f"{name}first full frame", [client.first_frame_s * 1000], "ms"),
        Row(f"{name}echo of a key, p50", [percentile(client.key_ms, 0.5)], "ms"),
        Row(f"{name}echo of a key, p95", [percentile(client.key_ms, 0.95)], "ms", "<= 600"),
        Row(f"{name}waiting in the server's socket and on the link", [value / 1024 for value in queued], "KB", "<= 40 at most"),
        Row(f"{name}bytes a second", [came / SECONDS], "B"),
    ]


async def watch(place: Town, link: SlowLink, queued: list[float]) -> None:
    """Every 50 ms: bytes that the kernel holds for the link (both ends of the loopback connection) and that are on it."""
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            queued.append(link.down.waiting + in_kernel(place.port))
            await asyncio.sleep(0.05)


def in_kernel(port: int) -> int:
    """Bytes in the send and receive queues of the loopback connections of `port` (Linux, /proc/net/tcp)."""
    total = 0
    with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123  # not a file of ours
        for line in list(table)[1:]:
            columns = line.split()
            local, remote, state, queues = columns[1], columns[2], columns[3], columns[4]
            if state != "01":
                continue
            send, receive = (int(part, 16) for part in queues.split(":"))
            total += send if int(local.rpartition(":")[2], 16) == port else 0
            total += receive if int(remote.rpartition(":")[2], 16) == port else 0
    return total


if __name__ == "__main__":
    main()
