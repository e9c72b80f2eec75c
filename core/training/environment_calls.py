"""Questions to the training environment: a helper script in its interpreter, JSON in and out, bounded in time, output and number."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.errors import EnvironmentProblem
from core.training.environment_types import EnvironmentState
from core.training.environment_variables import base_environment

HELPERS: Final = Path(__file__).with_name("helpers")
#: At a time in one process: each takes a core and half a gigabyte for some seconds.
AT_A_TIME: Final = 2
#: What a helper may answer, and what is kept of what it said while working, in bytes.
ANSWER_LIMIT: Final = 64 << 20
NOISE_KEPT: Final = 16 << 10
_CHUNK: Final = 1 << 16


class Helpers:
    """Runs helpers; belongs to one event loop. `inherited`: this program's environment. `folder`: where the helpers are."""

    def __init__(self, inherited: Mapping[str, str] | None = None, folder: Path = HELPERS) -> None:
        self._folder = folder
        self._inherited = dict(os.environ if inherited is None else inherited)
        self._free = asyncio.Semaphore(AT_A_TIME)

    async def call(
        self,
        state: EnvironmentState,
        helper: str,
        arguments: Mapping[str, Any],
        *,
        timeout_s: float,
        gpus: bool = False,
        prefix: tuple[str, ...] = (),
    ) -> Any:
        """What the helper answers. `gpus`: it may see them. `prefix`: of its command, to confine it. It never asks a hub.

        Raises EnvironmentProblem(what=...): training_environment_missing; training_helper_failed (helper, rule, fields, message);
        training_helper_timeout (helper, after_s).
        """
        if state.python is None:
            raise EnvironmentProblem(what="training_environment_missing", path=str(state.folder))
        async with self._free:
            return await self._call(state.python, helper, arguments, timeout_s, gpus, prefix)

    async def _call(
        self, python: Path, helper: str, arguments: Mapping[str, Any], timeout_s: float, gpus: bool, prefix: tuple[str, ...]
    ) -> Any:
        variables = base_environment(self._inherited, python.parent, offline=True, cpu_threads=1)
        if gpus:
            del variables["CUDA_VISIBLE_DEVICES"]
        try:
            process = await asyncio.create_subprocess_exec(
                *prefix,
                str(python),
                "-I",
                str(self._folder / f"{helper}.py"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=variables,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise _failed(helper, "not_started", message=error.strerror or "") from error
        try:
            async with asyncio.timeout(timeout_s):
                answer, noise = await _talk(process, json.dumps(arguments).encode())
        except TimeoutError:
            raise EnvironmentProblem(what="training_helper_timeout", helper=helper, after_s=timeout_s) from None
        except _TooMuch:
            raise _failed(helper, "too_large") from None
        finally:
            await _end(process)
        return _read(helper, answer, noise, process.returncode)


class _TooMuch(Exception):
    """The answer is longer than ANSWER_LIMIT."""


async def _talk(process: asyncio.subprocess.Process, question: bytes) -> tuple[bytes, bytes]:
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    answer, noise = asyncio.ensure_future(_all(process.stdout)), asyncio.ensure_future(_tail(process.stderr))
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(question)
            await process.stdin.drain()
            process.stdin.close()
        text = await answer
        await process.wait()
        return text, await noise
    finally:
        answer.cancel()
        noise.cancel()
        await asyncio.gather(answer, noise, return_exceptions=True)


async def _all(stream: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := await stream.read(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > ANSWER_LIMIT:
            raise _TooMuch
    return b"".join(parts)


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_CHUNK):
        kept = (kept + chunk)[-NOISE_KEPT:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill whatever is left of its session, also where the caller was cancelled."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    transport = getattr(process, "_transport", None)
    if transport is None:
        return
    for descriptor in (0, 1, 2):
        # asyncio's wait() ends only when every pipe has; one that nobody reads any more never does.
        if (pipe := transport.get_pipe_transport(descriptor)) is not None:
            pipe.close()
    if process.returncode is None:
        await asyncio.shield(process.wait())
    transport.close()


def _read(helper: str, answer: bytes, noise: bytes, status: int | None) -> Any:
    try:
        reply = json.loads(answer)
    except ValueError:
        message = noise.decode(errors="replace").strip().rpartition("\n")[2]
        raise _failed(helper, "no_answer", message=message[:500], exit_status=status) from None
    if not isinstance(reply, dict) or ("ok" not in reply and "error" not in reply):
        raise _failed(helper, "no_answer", exit_status=status)
    if "error" in reply:
        fields = reply.get("fields") or {}
        raise _failed(helper, str(reply["error"]), message=str(fields.get("message", ""))[:500], detail=fields)
    return reply["ok"]


def _failed(helper: str, rule: str, **fields: Any) -> EnvironmentProblem:
    return EnvironmentProblem(what="training_helper_failed", helper=helper, rule=rule, **fields)
