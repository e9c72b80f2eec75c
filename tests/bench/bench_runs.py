"""Runs found again: a hundred run, the application is killed with -9, and a new one starts. How long until it knows each of them?

Each run has its shim and a program (a sleep: a trainer costs the same to find). Counted from the start of the new process, with the
interpreter, the imports and the opening of the database, until every run was looked at and is written down as it stands.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.settings import Settings, TrainingSettings, load_settings
from tests.bench.table import Row, print_table

RUNS, ROUNDS = 100, 5
ENDED = 10
ROOT = Path(__file__).resolve().parents[2]


def settings_of(folder: Path) -> Settings:
    return replace(load_settings(folder, {}), training=TrainingSettings(runs_a_user=RUNS))


async def begin(folder: Path) -> None:
    """The first application: starts a hundred runs, says so, and lives until it is killed."""
    from core.installation import prepare
    from tests.unit.training.yard import Gpus, add_people, make_yard

    settings = settings_of(folder)
    storage = prepare(settings)
    add_people(storage)
    yard = make_yard(storage, settings, Gpus(RUNS), alone=True)
    for _ in range(RUNS):
        await yard.start(max_steps=1_000_000, step_s=3600, gpus=1)
    await yard.turn()
    os.write(1, b"begun\n")
    await asyncio.sleep(3600)


async def find(folder: Path, born: float) -> None:
    """The next one: a turn over everything, then what it knows."""
    from core.bootstrap import build_services
    from core.training.types import RunState

    services = await build_services(settings_of(folder))
    await services.runs.scheduler.turn()
    states = await services.store.read(lambda uow: uow.runs.counts("ann"))
    os.write(1, f"{time.time() - born:.4f} {states.get(RunState.RUNNING, 0)} {states.get(RunState.FAILED, 0)}\n".encode())
    await services.close()


def child(call: str, **options: object) -> subprocess.Popen[bytes]:
    code = f"import asyncio, time; from pathlib import Path; from tests.bench.bench_runs import begin, find; asyncio.run({call})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload,no-any-return]


def found(folder: Path) -> tuple[float, int, int]:
    """(seconds, runs known to run, runs known to have ended) of a new application, which is killed at its end."""
    process = child(f"find(Path({str(folder)!r}), {time.time()!r})")
    seconds, running, failed = process.stdout.readline().split()  # type: ignore[union-attr]
    process.send_signal(signal.SIGKILL)
    process.wait()
    return float(seconds), int(running), int(failed)


def kill_some(folder: Path, count: int) -> float:
    """End programs while no application lives; seconds until that is known, because the last process of each looks after the queue."""
    from core.processes import look
    from storage.unit_of_work import Storage

    for job in sorted((folder / "runs").glob("*/1"))[:count]:
        state = look(job)
        assert state.child is not None
        os.kill(state.child.pid, signal.SIGKILL)
    began, storage = time.monotonic(), Storage(settings_of(folder).database_url)
    wait(lambda: storage.read_now(lambda uow: uow.runs.counts("ann")).get("failed", 0) == count)
    storage.close()
    return time.monotonic() - began


def wait(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        try:
            first = child(f"begin(Path({str(folder)!r}))")
            assert first.stdout is not None and first.stdout.readline() == b"begun\n"
            first.send_signal(signal.SIGKILL)
            first.wait()
            rounds = [found(folder) for _ in range(ROUNDS)]
            alone = kill_some(folder, ENDED)
            rest = found(folder)
        finally:
            clean_up(folder)
    print_table(
        [
            Row("kill -9 and restart: every run known again", [seconds for seconds, _running, _failed in rounds], "s", "2"),
            Row("runs found again", [running for _seconds, running, _failed in rounds], "", f"{RUNS} of {RUNS}"),
            Row(f"{ENDED} end while no application lives: all settled by their shims", [alone], "s"),
            Row("known to have ended, to run", [rest[2], rest[1]], "", f"{ENDED} and {RUNS - ENDED}"),
        ]
    )


def clean_up(folder: Path) -> None:
    from tests.unit.training.yard import sweep

    asyncio.run(sweep(folder))


if __name__ == "__main__":
    main()
