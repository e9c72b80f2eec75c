"""Two hundred people signed in over SSH, fifty of them with an answer that streams at 30 tokens a second.

The server is a real `modeltrain serve` with two workers, the model a simulator in a process of its own, the people real SSH clients
in two more processes: only the server's processes are counted. Variables: BENCH_PEOPLE, BENCH_STREAMS, BENCH_MINUTES.
"""

from __future__ import annotations

import os
import sys
import time

from tests.bench.load.crowd import Crowds
from tests.bench.load.town import Town, town
from tests.bench.table import Row, percentile, print_table

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "200"))
STREAMS = int(os.environ.get("BENCH_STREAMS", "50"))
MINUTES = float(os.environ.get("BENCH_MINUTES", "0.75"))
AT_ONCE = 8
#: Seconds from one key of a person to the next.
KEY_EVERY_S = 1.0
TOKENS, RATE = 2000, 30
IDLE_S = 20.0


def main() -> None:
    with town(PEOPLE + 8, f"sim-markdown@{RATE}x{TOKENS}", "--workers", "2") as place, Crowds(2) as crowds:
        print_table(measure(place, crowds))


def measure(place: Town, crowds: Crowds) -> list[Row]:
    people = place.people
    crowds.connect(place.port, people[PEOPLE : PEOPLE + 2], 2)  # the first ones fill caches
    crowds.do("leave")
    empty = place.memory_mb()
    entered = crowds.connect(place.port, people[:PEOPLE], AT_ONCE)
    say("everybody is in")
    crowds.do("open_chat")
    rows = idle(place, crowds)
    crowds.stream(STREAMS, TOKENS / RATE + 3)
    say("answers stream")
    rows = load(place, crowds) + rows
    dropped = sum(crowds.do("dropped")["dropped"])
    full = place.memory_mb()
    each = place.each_mb()
    crowds.do("leave")
    say("everybody has left")
    compressed = with_compression(place, crowds)
    frame = [value * 1000 for value in entered["first_frame_s"]]
    return [
        Row("server without people: memory (PSS)", [empty], "MB"),
        Row(f"{PEOPLE} people, {STREAMS} streams: memory (PSS)", [full], "MB", "<= 400"),
        Row("of it: front desk, spawner, workers", each, "MB"),
        Row("after all have left: memory (PSS)", [place.memory_mb()], "MB"),
        Row("dropped sessions", [dropped], "", "0"),
        Row(f"first full frame, p95, {AT_ONCE} at a time", [percentile(frame, 0.95)], "ms", "<= 1000"),
        Row("first full frame", frame, "ms"),
        Row("first frame on the channel", entered["first_frame_bytes"], "B", "<= 12288"),
        *rows,
        *compressed,
    ]


def idle(place: Town, crowds: Crowds) -> list[Row]:
    time.sleep(5)
    before, began = place.cpu_s(), time.monotonic()
    received = crowds.do("idle", seconds=IDLE_S)["bytes"]
    share = (place.cpu_s() - before) / (time.monotonic() - began) * 100
    return [
        Row("idle: CPU of a session", [share / PEOPLE], "%", "< 0.005"),
        Row("idle: CPU of the server", [share], "%"),
        Row(f"idle: bytes in {IDLE_S:.0f} s", received, "B", "0"),
    ]


def load(place: Town, crowds: Crowds) -> list[Row]:
    memory, rounds, cores = [], [], []
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        before, began = place.cpu_s(), time.monotonic()
        rounds.append(crowds.do("type", seconds=min(45.0, MINUTES * 60), pause_s=KEY_EVERY_S))
        cores.append((place.cpu_s() - before) / (time.monotonic() - began))
        memory.append(place.memory_mb())
    keys = [value for each in rounds for value in each["key_ms"]]
    failed = [reason for each in rounds for reason in each["failed"]]
    for reason in failed[:5]:
        say(reason)
    return [
        Row("CPU of the server", cores, "core", "<= 1.0"),
        Row("echo of a key, p50", [percentile(keys, 0.5)], "ms", "<= 8"),
        Row("echo of a key, p95", [percentile(keys, 0.95)], "ms", "<= 25"),
        Row("echo of a key, p99", [percentile(keys, 0.99)], "ms", "<= 60"),
        Row("keys typed, and those never seen", [len(keys), len(failed)], ""),
        Row("a key on the channel", [value for each in rounds for value in each["key_bytes"]], "B", "<= 120"),
        Row("a stream on the channel, a second", [value for each in rounds for value in each["stream_bytes_s"]], "B", "<= 8192"),
        Row("a stream on the wire, a second", [value for each in rounds for value in each["stream_wire_s"]], "B"),
        Row("memory (PSS) in the course of it", memory, "MB", "no growth"),
    ]


def with_compression(place: Town, crowds: Crowds) -> list[Row]:
    """Eight people whose clients ask for compression, one half of them streaming; bytes as they come over the wire."""
    entered = crowds.connect(place.port, place.people[PEOPLE : PEOPLE + 8], 2, compressed=True)
    crowds.do("open_chat")
    crowds.stream(4, 1000.0)
    typed = crowds.do("type", seconds=15.0, pause_s=1.0)
    crowds.do("leave")
    return [
        Row("compressed: key exchange and sign-in on the wire", entered["sign_in_wire"], "B"),
        Row("compressed: first frame on the wire", entered["first_frame_wire"], "B", "<= 2560"),
        Row("compressed: a key on the wire", typed["key_wire"], "B", "<= 60"),
        Row("compressed: a stream on the wire, a second", typed["stream_wire_s"], "B", "<= 1024"),
    ]


def say(text: str) -> None:
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
