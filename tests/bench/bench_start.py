"""How heavy the start is: `modeltrain --version`, and the application up to its first full frame, in a real PTY.

A bare Textual application (one line, two inputs) is measured in the same run, to compare with.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, print_table
from tests.terminal import Terminal

RUNS = 5
COMMAND = Path(sys.executable).with_name("modeltrain")
BARE = """
from textual.app import App
from textual.widgets import Input, Static
class Bare(App):
    def compose(self):
        yield Static("bare frame"); yield Input(); yield Input()
Bare().run()
"""


def child_cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def first_frame(command: list[str], wanted: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of `command` when its screen first shows `wanted`."""
    with Terminal(command) as terminal:
        terminal.until(wanted)
        status = Path(f"/proc/{terminal.process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return terminal.cpu_seconds(), peak / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "data")
        first_frame([str(COMMAND), "--data", data], "@")  # makes the database, so that the measured starts are the usual kind
        version = [child_cpu([str(COMMAND), "--version"]) for _ in range(RUNS)]
        frames = [first_frame([str(COMMAND), "--data", data], "@") for _ in range(RUNS)]
        bare = [first_frame([sys.executable, "-c", BARE], "bare frame") for _ in range(RUNS)]
    print_table(
        [
            Row("modeltrain --version, CPU", version, "s", "<= 0.25"),
            Row("first full frame, CPU", [cpu for cpu, _ in frames], "s", "<= 0.8"),
            Row("first full frame, peak memory", [peak for _, peak in frames], "MB", "<= 90"),
            Row("bare Textual application, CPU", [cpu for cpu, _ in bare], "s"),
            Row("bare Textual application, peak memory", [peak for _, peak in bare], "MB"),
        ]
    )


if __name__ == "__main__":
    main()
