"""What three columns that stream at once cost against one column of the same total rate, in a real terminal of 160x45.

`last token late` is the time from the moment the last token was there to the moment its characters left the program.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.columns_app import RATE, SECONDS
from tests.bench.table import Row, print_table
from tests.bench.transcript_app import END

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3


def in_terminal(columns: int) -> tuple[float, float, int]:
    """CPU seconds while the answers came, how late the last token was in seconds, bytes sent to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "160", "LINES": "45"}
        command = [sys.executable, "-m", "tests.bench.columns_app", str(columns), str(result)]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True)
        os.close(slave)
        seen: dict[int, float] = {}
        count, tail = 0, b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            count += len(data)
            tail = (tail + data)[-262144:]
            for index in range(columns):
                if index not in seen and f"{END}{index}".encode() in tail:
                    seen[index] = time.monotonic()
        os.close(master)
        process.wait(30)
        if len(seen) < columns:
            raise SystemExit("the last token never reached the terminal")
        told = json.loads(result.read_text())
        return told["cpu"], max(seen.values()) - told["last"], count


def main() -> None:
    cpu: dict[int, list[float]] = {1: [], 3: []}
    late: dict[int, list[float]] = {1: [], 3: []}
    sent: dict[int, list[float]] = {1: [], 3: []}
    for _round in range(ROUNDS):
        for columns in cpu:
            used, behind, count = in_terminal(columns)
            cpu[columns].append(used)
            late[columns].append(behind)
            sent[columns].append(count / 1024)
    ratios = [three / one for three, one in zip(cpu[3], cpu[1], strict=True)]
    print_table(
        [
            Row(f"one column, {RATE} tokens a second for {SECONDS} s: CPU", cpu[1], "s"),
            Row(f"three columns, {RATE // 3} tokens a second each: CPU", cpu[3], "s"),
            Row("three columns to one", ratios, "times", "<= 1.5"),
            Row("three columns: the last token is late by", late[3], "s", "<= 0.5"),
            Row("one column: sent to the terminal (before the frame diff)", sent[1], "KB"),
            Row("three columns: sent to the terminal (before the frame diff)", sent[3], "KB"),
        ]
    )


if __name__ == "__main__":
    main()
