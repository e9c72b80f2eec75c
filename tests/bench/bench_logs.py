"""How quick the log view is with a log of a gigabyte, and how far behind it is when 10,000 lines come each second.

The view runs in a process of its own in a real terminal. `lag` is from the moment a line was written to the moment it left the program:
every line carries the time it was written at; only lines that are shown can be seen, so it is that of the newest of each frame, and of what
was written between two frames the oldest counts. BENCH_LOG_MB sets the size, BENCH_FOLLOW_S how long is followed.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.table import Row, percentile, print_table

ROOT = Path(__file__).resolve().parents[2]
SIZE_MB = int(os.environ.get("BENCH_LOG_MB", "1000"))
FOLLOW_S = float(os.environ.get("BENCH_FOLLOW_S", "15"))
RATE, ROUNDS = 10_000, 3
LINE = b"[INFO|2026-01-01 12:00:00] trainer.py:123 >> step %07d {'loss': '0.8213', 'grad_norm': '1.23', 'learning_rate': '4.1e-05'}\n"
STAMP = re.compile(rb"at (\d{10,}\.\d{4})")


def make_log(path: Path) -> None:
    """A log of SIZE_MB with one word at its very end that is nowhere else."""
    size, number = 0, 0
    with path.open("wb") as file:
        while size < SIZE_MB * 1_000_000:
            size += file.write(b"".join(LINE % (number + index) for index in range(10_000)))
            number += 10_000
        file.write(b"the needle in the haystack\n")


class Terminal:
    """The program in a PTY of 120x40. `seen`: (when, stamp) of every stamp that came out of it."""

    def __init__(self, kind: str, log: Path, result: Path, *more: str) -> None:
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "120", "LINES": "40"}
        command = [sys.executable, "-m", "tests.bench.log_app", kind, str(log), str(result), *more]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True)
        os.close(slave)
        self.master, self.bytes, self.seen = master, 0, list[tuple[float, float]]()

    def read(self) -> None:
        """Until it ends."""
        tail = b""
        while True:
            if not select.select([self.master], [], [], 120)[0]:
                raise SystemExit("the program says nothing any more")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            now = time.time()
            self.bytes += len(data)
            tail = tail[-200:] + data
            self.seen += [(now, float(stamp)) for stamp in STAMP.findall(tail)]
        os.close(self.master)
        self.process.wait(30)


def opening(log: Path, folder: Path) -> list[dict[str, Any]]:
    results = []
    for _round in range(ROUNDS):
        result = folder / "open.json"
        Terminal("open", log, result).read()
        results.append(json.loads(result.read_text()))
    return results


def following(folder: Path) -> tuple[list[float], float, float]:
    """Lags in ms, CPU in percent, KB a second to the terminal."""
    log, result, ended = folder / "growing.txt", folder / "follow.json", threading.Event()
    log.write_bytes(LINE % 0 * 1000)

    def write() -> None:
        began, written = time.monotonic(), 0
        with log.open("ab", buffering=0) as file:
            while not ended.is_set():
                due = int((time.monotonic() - began) * RATE)
                if due > written:
                    stamp = time.time()
                    file.write(b"".join(b"line %08d at %.4f, as a trainer writes it\n" % (number, stamp) for number in range(written, due)))
                    written = due
                ended.wait(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        terminal = Terminal("follow", log, result, str(FOLLOW_S))
        terminal.read()
    finally:
        ended.set()
        writer.join()
    return lags(terminal.seen), json.loads(result.read_text())["cpu"], terminal.bytes / 1024 / (FOLLOW_S + 1)


def lags(seen: list[tuple[float, float]]) -> list[float]:
    """For every moment, in steps of 5 ms, how long a line written then took to be on the screen, or to be passed over by newer ones."""
    newest, frames = 0.0, []
    for when, stamp in seen:
        if stamp > newest:
            newest = stamp
            frames.append((when, stamp))
    found, index = [], 0
    moment = frames[len(frames) // 10][1]  # the first ones are the start of the program
    while moment < frames[-1][1]:
        while frames[index][1] < moment:
            index += 1
        found.append((frames[index][0] - moment) * 1000)
        moment += 0.005
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="modeltrain-bench-") as name:
        folder = Path(name)
        log = folder / "large.txt"
        make_log(log)
        opened = opening(log, folder)
        log.unlink()
        lag, cpu, rate = following(folder)
    print_table(
        [
            Row(f"open a log of {SIZE_MB:,} MB: first screen", [each["first"] for each in opened], "ms", "<= 15"),
            Row("go to its end", [each["end"] for each in opened], "ms", "<= 15"),
            Row("find a word at its end", [each["word"] for each in opened], "s", "<= 1.0"),
            Row("memory for it (the program itself left out)", [each["added"] for each in opened], "MB", "<= 60"),
            Row("memory of the whole program", [each["memory"] for each in opened], "MB"),
            Row(f"follow {RATE:,} lines a second: lag p50", [percentile(lag, 0.5)], "ms"),
            Row("follow: lag p95", [percentile(lag, 0.95)], "ms", "<= 150"),
            Row("follow: CPU", [cpu], "%", "<= 5"),
            Row("follow: sent to the terminal, a second", [rate], "KB"),
        ]
    )


if __name__ == "__main__":
    main()
