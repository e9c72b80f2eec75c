"""The processes that read and write datasets, run from the event loop: their progress as it comes, killed when nobody wants them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from core.errors import EnvironmentProblem

CHECK: Final = "core.datasets.check_process"
REWRITE: Final = "core.datasets.rewrite_process"
#: A summary names every column: more than this is no summary.
_LONGEST_LINE: Final = 8 << 20
#: Bytes done, bytes, rows, problems (or changes).
Progress = Callable[[int, int, int, int], None]


async def run_process(module: str, request: Mapping[str, Any], told: Progress) -> dict[str, Any]:
    """The last line that the process wrote, as a mapping. Cancelled, it is killed with all that it started.

    Raises EnvironmentProblem(what="dataset_process_failed") where it ended without an answer.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,
    )
    try:
        return await _talk(process, request, told)
    finally:
        await _end(process)


async def _talk(process: asyncio.subprocess.Process, request: Mapping[str, Any], told: Progress) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("pipes were asked for")
    with contextlib.suppress(ConnectionError):
        process.stdin.write(msgspec.json.encode(request))
        await process.stdin.drain()
    process.stdin.close()
    said = asyncio.ensure_future(process.stderr.read())
    answer: dict[str, Any] = {}
    try:
        async for line in process.stdout:
            found = msgspec.json.decode(line)
            if "progress" in found:
                told(*found["progress"])
            else:
                answer = found
        noise = await said
    finally:
        said.cancel()
    if not answer:
        lines = noise.decode("utf-8", "replace").strip().splitlines()
        raise EnvironmentProblem(what="dataset_process_failed", reason=lines[-1][:300] if lines else "")
    return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it is left. It leads a process group of its own."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(asyncio.ensure_future(process.wait()))
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
