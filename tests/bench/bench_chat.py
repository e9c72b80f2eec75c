"""The whole application while it answers and afterwards: a real program in a real PTY, a simulator in another process.

2,000 tokens of Markdown at 200 a second. CPU is that of the application alone, from the question to the finished answer; `last token
late` is from the moment the simulator sent the last token (its schedule) until the finished answer was on the screen. Then the
idle application is watched: its CPU, and the bytes it sends to the terminal.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path

from tests.bench.table import Row, print_table
from tests.shell import COMMAND, PASSWORD, Shell, clean_environment
from tests.terminal import Terminal

RATE, TOKENS = 200, 2000
RUNS = 3
IDLE_S = 10.0
#: Columns of the list of conversations beside the transcript, where titles change later.
LIST_COLUMNS = 30


def start_simulator() -> tuple[subprocess.Popen[str], dict[str, str]]:
    process = subprocess.Popen([str(COMMAND), "simulate", "--port", "0"], stdout=subprocess.PIPE, text=True, env=clean_environment())
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["base_urls"]


def asked_at(urls: dict[str, str], question: str) -> float:
    """When the simulator got the question, in seconds since the epoch."""
    with urllib.request.urlopen(f"{urls['ollama']}/simulator/requests") as response:
        records = json.load(response)["requests"]
    # The request for the title comes after the answer; it carries the question, too, so the first one counts.
    moment = next(record["time"] for record in records if question in record["last_user_text"])
    return datetime.fromisoformat(moment).timestamp()


def time_of_last_change(terminal: Terminal) -> float:
    """When the transcript last changed, in seconds since the epoch; returns once it has stood still for two seconds."""
    shown, changed = "", time.time()
    while time.time() - changed < (2.0 if shown else 30.0):
        terminal.pump(0.02)
        transcript = "\n".join(line[LIST_COLUMNS:] for line in terminal.lines[1:-3])
        if transcript != shown:
            shown, changed = transcript, time.time()
    return changed


def measure(terminal: Terminal, urls: dict[str, str], number: int) -> dict[str, float]:
    question = f"round {number}: tell me about training"
    terminal.press(question)
    terminal.until(question)
    before, bytes_before = terminal.cpu_seconds(), len(terminal.received)
    terminal.press("enter")
    seen = time_of_last_change(terminal)
    cpu, received = terminal.cpu_seconds() - before, len(terminal.received) - bytes_before
    terminal.until_quiet(1.0)
    idle_cpu, idle_bytes, began = terminal.cpu_seconds(), len(terminal.received), time.monotonic()
    terminal.pump(IDLE_S)
    share = (terminal.cpu_seconds() - idle_cpu) / (time.monotonic() - began) * 100
    late = seen - asked_at(urls, question) - TOKENS / RATE
    return {"cpu": cpu, "late": late, "bytes": received / 1024, "idle": share, "idle_bytes": len(terminal.received) - idle_bytes}


def main() -> None:
    simulator, urls = start_simulator()
    try:
        with tempfile.TemporaryDirectory() as folder:
            shell = Shell(Path(folder) / "data").user("ann@example.org", "ann", admin=True)
            model = f"sim-markdown@{RATE}x{TOKENS}"
            shell.ok(
                "config", "add", "bench", "--provider", "openai-compatible", "--endpoint", urls["openai"], "--model", model, "--default"
            )
            Shell(shell.data).ok("sign-in", shell.as_email, environment={"MODELTRAIN_PASSWORD": PASSWORD})
            with Terminal([str(COMMAND), "--data", str(shell.data)]) as terminal:
                terminal.until("Areas")  # home is there
                terminal.press("c")
                terminal.until("Enter send")
                results = []
                for number in range(RUNS):
                    results.append(measure(terminal, urls, number))
                    terminal.press("ctrl+n")
                    terminal.until_quiet()
    finally:
        simulator.terminate()
        simulator.wait(10)
        assert simulator.stdout is not None
        simulator.stdout.close()
    print_table(
        [
            Row(f"{TOKENS:,} tokens at {RATE}/s: CPU", [result["cpu"] for result in results], "s", "<= 2.0"),
            Row("last token late", [result["late"] for result in results], "s", "<= 0.2"),
            Row("bytes to the terminal", [result["bytes"] for result in results], "KB"),
            Row("idle after the reply: CPU", [result["idle"] for result in results], "%", "< 0.5"),
            Row(f"idle after the reply: bytes in {IDLE_S:.0f} s", [result["idle_bytes"] for result in results], "B", "0"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
