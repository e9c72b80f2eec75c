"""A link of 64 kbit/s with a round trip of 200 ms: keys typed while an answer streams at 100 tokens a second.

Once with a modem that holds 4 KB before the server's machine has to wait, once with one that takes whatever comes (which makes every
byte too many wait there), in two sizes of the terminal, with compression and without. Variables: BENCH_SECONDS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from tests.bench.load.client import Client, count_wire_bytes
from tests.bench.load.link import SlowLink, slow_link
from tests.bench.load.town import Person, Town, town
from tests.bench.table import Row, percentile, print_table

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
SMALL, LARGE = 4096, 1 << 20
#: Size of the terminal, bytes that the link holds, whether the client asks for compression.
CASES = (((120, 40), SMALL, False), ((120, 40), LARGE, False), ((80, 24), LARGE, False), ((120, 40), LARGE, True))


def main() -> None:
    count_wire_bytes()
    with town(len(CASES), "sim-markdown@100x6000", "--workers", "1") as place:
        rows = []
        for number, (size, room, compressed) in enumerate(CASES):
            rows += asyncio.run(measure(place, place.people[number], size, room, compressed=compressed))
    print_table(rows)


async def measure(place: Town, person: Person, size: tuple[int, int], room: int, *, compressed: bool) -> list[Row]:
    name = f"{size[0]}x{size[1]}, {'4 KB in the modem' if room == SMALL else 'all in the modem'}{', compressed' if compressed else ''}: "
    async with slow_link(place.port, room=room) as link:
        client = Client(link.port, person.nickname, person.key_file, compressed=compressed, size=size)
        await client.connect()
        await client.open_chat()
        await client.ask("tell me about training")
        await asyncio.sleep(2)
        before = link.down.bytes
        queued: list[float] = []
        client.key_ms.clear()
        watching = asyncio.create_task(watch(place.port, link, queued))
        await client.type_for(SECONDS, 1.0)
        watching.cancel()
        came = link.down.bytes - before
        client.connection.abort()
    return [
        Row(f"{name}first full frame", [client.first_frame_s * 1000], "ms"),
        Row(f"{name}echo of a key", client.key_ms, "ms"),
        Row(f"{name}echo of a key, p95", [percentile(client.key_ms, 0.95)], "ms", "<= 600"),
        Row(f"{name}waiting in sockets and modem", [value / 1024 for value in queued], "KB", "<= 40 at most"),
        Row(f"{name}bytes a second", [came / SECONDS], "B"),
    ]


async def watch(port: int, link: SlowLink, queued: list[float]) -> None:
    """Every 50 ms: bytes that the kernel holds for the link (both ends of the loopback connection) and that are on it."""
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            queued.append(link.down.waiting + in_kernel(port, link.far_port))
            await asyncio.sleep(0.05)


def in_kernel(port: int, far_port: int) -> int:
    """Bytes in the send and receive queues of both ends of the loopback connection between the ports (Linux, /proc/net/tcp)."""
    total = 0
    with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123  # not a file of ours
        for line in list(table)[1:]:
            columns = line.split()
            ends = tuple(int(end.rpartition(":")[2], 16) for end in columns[1:3])
            send, receive = (int(part, 16) for part in columns[4].split(":"))
            total += send if ends == (port, far_port) else receive if ends == (far_port, port) else 0
    return total


if __name__ == "__main__":
    main()
