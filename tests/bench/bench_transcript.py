"""How dear the transcript is: an answer streamed into a real application in a real terminal, and a conversation of 10,000 messages.

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
from typing import Any

from tests.bench.table import Row, percentile, print_table
from tests.bench.transcript_app import END, RATE, TOKENS

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3


def _in_terminal(kind: str) -> tuple[dict[str, Any], float, float, int]:
    """Run the program in a PTY of 120x40. Returns its result, when END was seen, when the last byte came, bytes received."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        master, slave = pty.openpty()
        os.set_blocking(master, True)
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "120", "LINES": "40"}
        command = [sys.executable, "-m", "tests.bench.transcript_app", kind, str(result)]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True)
        os.close(slave)
        seen, count, tail = 0.0, 0, b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            count += len(data)
            tail = (tail + data)[-131072:]
            if not seen and END.encode() in tail:
                seen = time.monotonic()
        os.close(master)
        process.wait(30)
        return json.loads(result.read_text()), seen, time.monotonic(), count


def main() -> None:
    rows: dict[str, list[float]] = {"cpu": [], "late": [], "idle": [], "bytes": [], "open": [], "page": [], "page95": []}
    for _round in range(ROUNDS):
        result, seen, _end, count = _in_terminal("stream")
        rows["cpu"].append(result["cpu"])
        if not seen:
            raise SystemExit("the last token never reached the terminal")
        rows["late"].append(seen - result["last"])
        rows["idle"].append(result["idle"] * 100)
        rows["bytes"].append(count / 1024)
        result, _seen, _end, _count = _in_terminal("open")
        rows["open"].append(result["opened_ms"])
        rows["page"].append(percentile(result["pages_ms"], 0.5))
        rows["page95"].append(percentile(result["pages_ms"], 0.95))
    print_table(
        [
            Row(f"{TOKENS:,} tokens of Markdown at {RATE} a second: CPU of the whole process", rows["cpu"], "s", "<= 2.0"),
            Row("the last token is late by", rows["late"], "s", "<= 0.2"),
            Row("idle after it: CPU", rows["idle"], "%", "< 0.5"),
            Row("sent to the terminal (before the frame diff)", rows["bytes"], "KB"),
            Row("opening 10,000 messages", rows["open"], "ms", "<= 150"),
            Row("scrolling a page in it, median", rows["page"], "ms", "<= 16"),
            Row("scrolling a page in it, 95 %", rows["page95"], "ms"),
        ]
    )


if __name__ == "__main__":
    main()
