"""`python -m core.runs_turn`: one turn of the scheduler in a process of its own, so that the queue goes on when nobody is there.

Run by the shim of a run that ended, with the settings in the environment. Ends when nothing is left to do at once. Where many runs end
together, one such process works and one waits; the others end at once, because who waits will see what they would have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from core.errors import ModeltrainError
from core.settings import load_settings

#: Seconds at most: for processes that a run left behind, and memory that a driver clears.
PATIENCE_S = 60.0


async def turns() -> None:
    """Turns until every run that ended is settled and whoever can start has started; less if another process does it."""
    from core.bootstrap import build_services

    services = await build_services(load_settings())
    try:
        scheduler = services.runs.scheduler
        deadline = services.clock.monotonic() + PATIENCE_S
        while await scheduler.turn() and await scheduler.unsettled() and services.clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    finally:
        await services.runs.scheduler.close()
        await services.close()


@contextlib.contextmanager
def in_line(folder: Path) -> Iterator[bool]:
    """Hold the turn of this machine, after whoever has it; False at once where somebody waits for it already."""
    with (folder / ".next.lock").open("a") as following, (folder / ".turn.lock").open("a") as turn:
        try:
            fcntl.flock(following, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(following, fcntl.LOCK_UN)
        yield True


def main() -> int:
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING)
    try:
        with in_line(load_settings().data_dir / "runs") as ours:
            if ours:
                asyncio.run(turns())
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except ModeltrainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
