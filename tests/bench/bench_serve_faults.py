"""A served team in trouble: everybody comes in the same second, the database is locked for ten seconds, a worker is killed.

Half of the people stream, the others type. Variables: BENCH_PEOPLE (40), BENCH_LOCKED_S (10).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from core.installation import DATABASE_FILE
from tests.acceptance.program import rows as stored
from tests.bench.load.crowd import Crowds
from tests.bench.load.town import READY_S, Town, town
from tests.bench.table import Row, percentile, print_table

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "40"))
LOCKED_S = float(os.environ.get("BENCH_LOCKED_S", "10"))
PAUSE_S = 0.5


def main() -> None:
    with town(PEOPLE, "sim-markdown@30x2000", "--workers", "2") as place, Crowds(2) as crowds:
        rows = come_at_once(place, crowds)
        crowds.do("open_chat")
        crowds.stream(PEOPLE // 2, 1000.0)
        rows += lock(place, crowds)
        rows += kill(place, crowds)
        crowds.do("leave")
    print_table(rows)


def come_at_once(place: Town, crowds: Crowds) -> list[Row]:
    came = crowds.connect(place.port, place.people, PEOPLE)["first_frame_s"]
    return [
        Row(f"{PEOPLE} sign in at once: in with a first frame", [len(came)], "", str(PEOPLE)),
        Row(f"{PEOPLE} sign in at once: first full frame", came, "s"),
    ]


def lock(place: Town, crowds: Crowds) -> list[Row]:
    """Somebody else holds the database while people type and read."""
    before = growth(place)
    with later(0.0, lambda: hold(place, LOCKED_S)):
        typed = crowds.do("type", seconds=LOCKED_S, pause_s=PAUSE_S)
    time.sleep(3)
    name = f"database locked for {LOCKED_S:.0f} s: "
    return [
        *_echo(name, typed),
        Row(f"{name}bytes a second of a stream meanwhile", typed["stream_bytes_s"], "B"),
        Row(f"{name}sessions dropped", [sum(crowds.do("dropped")["dropped"])], "", "0"),
        Row(f"{name}characters of answers saved afterwards", [growth(place) - before], "", "> 0"),
    ]


def kill(place: Town, crowds: Crowds) -> list[Row]:
    """kill -9 of one of the two workers; those of the other one go on, and all come back."""
    victim = workers(place)[0]
    asked = len(states(place))
    with later(2.0, lambda: os.kill(victim, signal.SIGKILL)):
        typed = crowds.do("type", seconds=8.0, pause_s=PAUSE_S)
    dropped, replaced_s = sum(crowds.do("dropped")["dropped"]), _replaced_s(place, 3)
    crowds.do("leave")
    back = crowds.connect(place.port, place.people, 8)["first_frame_s"]
    name = "a worker killed: "
    return [
        Row(f"{name}sessions dropped", [dropped], "", f"about {PEOPLE // 2}"),
        Row(f"{name}another one is ready after", [replaced_s], "s"),
        Row(f"{name}echo of a key, the others", typed["key_ms"], "ms"),
        Row(f"{name}all back, first full frame, 8 at a time", back, "s"),
        Row(f"{name}questions and answers before, and now", [asked, len(states(place))], "", "the same"),
        Row(f"{name}answers without an end after 15 s", [_left_open(place)], "", "0, or those that stream"),
    ]


def _echo(name: str, typed: dict[str, list[float]]) -> list[Row]:
    return [
        Row(f"{name}echo of a key", typed["key_ms"], "ms"),
        Row(f"{name}echo of a key, p95", [percentile(typed["key_ms"], 0.95)], "ms"),
        Row(f"{name}keys without an echo", [len(typed["failed"])], "", "0"),
    ]


def states(place: Town) -> list[str]:
    return [str(row[0]) for row in stored(place.data, "SELECT state FROM messages")]


def growth(place: Town) -> int:
    """Characters of all answers that are saved."""
    ((total,),) = stored(place.data, "SELECT coalesce(sum(length(content)), 0) FROM message_parts")
    return int(str(total))


def _left_open(place: Town) -> int:
    time.sleep(15)
    return sum(state not in ("complete", "truncated", "stopped", "error") for state in states(place))


def workers(place: Town) -> list[int]:
    """The process ids of the workers that are ready or were, in that order."""
    log = (place.data / "modeltrain.log").read_text(encoding="utf-8")
    return [int(found) for found in re.findall(r"worker \d+ \(process (\d+)\) is ready", log)]


def _replaced_s(place: Town, count: int) -> float:
    """Seconds from the death that the log tells to the sign of the one that came for it."""
    end = time.monotonic() + READY_S
    while len(workers(place)) < count and time.monotonic() < end:
        time.sleep(0.1)
    log = (place.data / "modeltrain.log").read_text(encoding="utf-8").splitlines()
    moments = [line[:19] for line in log if "is ready" in line or "SIGKILL" in line or "signal 9" in line]
    parsed = [time.mktime(time.strptime(moment, "%Y-%m-%d %H:%M:%S")) for moment in moments]
    return parsed[-1] - parsed[-2]


def hold(place: Town, seconds: float) -> None:
    with closing(sqlite3.connect(place.data / DATABASE_FILE, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")


@contextmanager
def later(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Do `work` in a thread after so many seconds; it is over at the end of the block."""
    timer = threading.Timer(seconds, work)
    timer.start()
    try:
        yield
    finally:
        with contextlib.suppress(RuntimeError):
            timer.join()


if __name__ == "__main__":
    main()
