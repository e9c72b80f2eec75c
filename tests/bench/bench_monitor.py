"""What it costs to watch a live run over SSH: CPU of the server for each viewer, and bytes.

The server runs in a process of its own, the viewers are real SSH clients in this one. The run writes two lines of its log, two states of a
progress bar and one line of metrics a second, on top of 2,000 steps that are there already. BENCH_VIEWERS, BENCH_WATCH_S.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncssh

from tests.bench.table import Row, print_table
from tests.tui.test_monitor import LINE

VIEWERS = int(os.environ.get("BENCH_VIEWERS", "8"))
WATCH_S = float(os.environ.get("BENCH_WATCH_S", "20"))


class Viewer(asyncssh.SSHClientSession[bytes]):
    """Counts what comes."""

    def __init__(self) -> None:
        self.bytes = 0

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.bytes += len(data)


def furnish(folder: Path) -> None:
    """The run as it is when the first viewer comes."""
    (folder / "output").mkdir(parents=True)
    (folder / "log.txt").write_text("".join(f"[INFO|2026-01-01 12:00:00] line {number}\n" for number in range(20_000)))
    with (folder / "output" / "trainer_log.jsonl").open("w") as file:
        for step in range(1, 2001):
            file.write(LINE.format(step=step, loss=round(2 + 5 / step, 4), epoch=round(step / 1000, 4), seconds=step % 60))


async def train(folder: Path) -> None:
    """Write as a trainer does."""
    step = 2000
    with (folder / "log.txt").open("ab", buffering=0) as log, (folder / "output" / "trainer_log.jsonl").open("a") as metrics:
        while True:
            step += 1
            for half in range(2):
                log.write(b"\r %d%%|####      | %d/9000 [00:08<01:14,  1.01s/it]" % (step // 90, step))
                await asyncio.sleep(0.5)
                log.write(b"\n[INFO|2026-01-01 12:00:00] trainer.py:123 >> step %d.%d, grad_norm 1.23\n" % (step, half))
            metrics.write(LINE.format(step=step, loss=round(2 + 5 / step, 4), epoch=round(step / 1000, 4), seconds=step % 60))
            metrics.flush()


class Server:
    """The program, asked for its CPU seconds."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.monitor_app", str(folder / "data"), str(folder / "run")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        while line and not line.strip().isdigit():
            line = self.process.stdout.readline()  # a module of Textual prints when it is imported
        self.port = int(line)

    async def ask(self, what: str) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(await asyncio.to_thread(self.process.stdout.readline))

    async def share(self) -> float:
        """CPU in percent of one core over WATCH_S."""
        before, began = await self.ask("cpu"), time.monotonic()
        await asyncio.sleep(WATCH_S)
        return (await self.ask("cpu") - before) / (time.monotonic() - began) * 100

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


async def measure(folder: Path) -> list[Row]:
    furnish(folder / "run")
    server, viewers = await asyncio.to_thread(Server, folder), list[Viewer]()
    training = asyncio.create_task(train(folder / "run"))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        stack.callback(training.cancel)
        for _number in range(VIEWERS):
            connection = await stack.enter_async_context(
                asyncssh.connect("127.0.0.1", server.port, known_hosts=None, username="ann", config=None)
            )
            _channel, viewer = await connection.create_session(Viewer, term_type="xterm-256color", term_size=(120, 40), encoding=None)
            viewers.append(viewer)
        await asyncio.sleep(5)
        idle = await server.share()
        before = [viewer.bytes for viewer in viewers]
        await server.ask("watch")
        await asyncio.sleep(8)
        opened = [viewer.bytes - was for viewer, was in zip(viewers, before, strict=True)]
        marks = [viewer.bytes for viewer in viewers]
        busy = await server.share()
        sent = [(viewer.bytes - mark) / WATCH_S for viewer, mark in zip(viewers, marks, strict=True)]
    return [
        Row("a viewer of a live run over SSH: CPU", [(busy - idle) / VIEWERS], "%", "<= 1"),
        Row(f"the server with {VIEWERS} viewers, and without: CPU", [busy, idle], "%"),
        Row("sent to a viewer, a second", sent, "B"),
        Row("sent in the first seconds, with the first frame", opened, "B"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="modeltrain-bench-") as folder:
        print_table(asyncio.run(measure(Path(folder))))


if __name__ == "__main__":
    main()
