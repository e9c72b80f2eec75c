"""The spawner: what it runs, what it refuses, whom it outlives, and what outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.auth.principal import Origin, Principal, Role
from core.settings import Settings, load_settings
from tests.ssh.odd_commands import odd_commands
from tui.ssh.spawner import DESCRIPTORS, Ended, Limits, Request, Running, SpawnerLink, start_spawner

LIMIT_S = 60.0
ANN = Principal("a" * 32, "ann", "ann@example.org", Role.USER, "5" * 32, Origin("ssh", "127.0.0.1"), served=True)
BOB = replace(ANN, user_id="b" * 32, nickname="bob", email="bob@example.org")
LIMITS = Limits(at_once=3, a_user=2, time_s=3600, grace_s=0.2, memory_bytes=512 * 1024**2)


@contextlib.contextmanager
def spawner(folder: Path, limits: Limits = LIMITS, **environment: str) -> Iterator[SpawnerLink]:
    """A spawner that knows odd commands; nothing of it is left afterwards."""
    with odd_commands():
        link = start_spawner(load_settings(folder, environment, served=True), limits)
    try:
        yield link
    finally:
        family = psutil.Process(link.pid).children()
        link.stop()
        link.close()
    assert not psutil.wait_procs(family, LIMIT_S)[1]


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpawnerLink]:
    """One for many tests."""
    with spawner(tmp_path_factory.mktemp("spawner")) as made:
        yield made


class Pipes:
    """The other ends of a command's descriptors."""

    def __init__(self) -> None:
        (self.to_read, self.stdin), (self.stdout, self.out), (self.stderr, self.err) = os.pipe(), os.pipe(), os.pipe()

    @property
    def theirs(self) -> tuple[int, int, int]:
        return self.to_read, self.out, self.err

    def handed_over(self) -> None:
        for descriptor in self.theirs:
            os.close(descriptor)

    async def line(self) -> str:
        """One line of standard output."""

        def read() -> bytes:
            line = b""
            while not line.endswith(b"\n") and (piece := os.read(self.stdout, 1)):
                line += piece
            return line

        return (await asyncio.wait_for(asyncio.to_thread(read), LIMIT_S)).decode()

    async def rest(self, descriptor: int) -> str:
        def read() -> bytes:
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()

        return (await asyncio.wait_for(asyncio.to_thread(read), LIMIT_S)).decode()

    def close(self) -> None:
        for descriptor in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@contextlib.asynccontextmanager
async def begun(link: SpawnerLink, *words: str, who: Principal = ANN, **more: Any) -> AsyncIterator[tuple[Running, Pipes]]:
    """A command that was handed over."""
    pipes = Pipes()
    running = await link.run(Request(words, who, "en", **more), pipes.theirs)
    pipes.handed_over()
    try:
        yield running, pipes
    finally:
        running.close()
        pipes.close()


async def run(link: SpawnerLink, *words: str, who: Principal = ANN, stdin: bytes = b"", **more: Any) -> tuple[Ended, str, str]:
    """A command to its end."""
    async with begun(link, *words, who=who, **more) as (running, pipes):
        os.write(pipes.stdin, stdin)
        os.close(pipes.stdin)
        out, err = await asyncio.gather(pipes.rest(pipes.stdout), pipes.rest(pipes.stderr))
        return await asyncio.wait_for(running.ended, LIMIT_S), out, err


async def test_a_command_runs_with_its_words_for_its_person(link: SpawnerLink) -> None:
    ended, out, err = await run(link, "odd", "who", who=BOB)
    assert ended == Ended(status=0)
    assert json.loads(out) == {"email": "bob@example.org", "served": True}
    assert err == ""
    ended, out, err = await run(link, "odd", "copy", stdin="模型\n".encode())
    assert (ended.status, out, err) == (0, "模型\n", "")
    ended, out, err = await run(link, "odd", "nothing; like|this", "$(touch /tmp/no)")
    assert ended.status == 2


async def test_a_command_knows_nothing_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELTRAIN_PASSWORD", "not for everybody")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with (tmp_path / "open").open("w") as secret, spawner(tmp_path, MODELTRAIN_MASTER_KEY="kkk") as link:
        assert secret.fileno() > 2
        ended, out, _err = await run(link, "odd", "self", environment={"LANG": "C.UTF-8", "TERM": "vt100"})
        command_line = psutil.Process(link.pid).cmdline()
    told = json.loads(out)
    assert ended.status == 0
    assert told["environment"] == {"LANG": "C.UTF-8", "TERM": "vt100", "TZ": "Asia/Shanghai"}
    assert told["leads"], "signals of the server's terminal must not reach it"
    others = {number: kind for number, kind in told["descriptors"].items() if not kind.endswith("/fd")}
    assert sorted(others) == ["0", "1", "2", "3"], "its three, and the socket that reports"
    assert told["descriptors"]["3"].startswith("socket:")
    assert "kkk" not in " ".join(command_line)


async def test_another_language_is_spoken_by_help_and_errors(link: SpawnerLink) -> None:
    pipes = Pipes()
    running = await link.run(Request(("conversation", "list", "--help"), ANN, "zh_CN"), pipes.theirs)
    pipes.handed_over()
    shown = await pipes.rest(pipes.stdout)
    assert (await running.ended).status == 0
    pipes.close()
    assert "对话" in shown
    _ended, shown, _err = await run(link, "conversation", "list", "--help")
    assert "List your conversations" in shown, "the next one speaks English again"


async def test_an_unforeseen_error_has_a_code_and_no_values(tmp_path: Path) -> None:
    with spawner(tmp_path) as link:
        ended, out, err = await run(link, "odd", "boom")
    assert (ended.status, out) == (1, "")
    assert "crash-" in err
    assert "Traceback" not in err and "sk-secret" not in err and str(tmp_path) not in err
    log = (tmp_path / "crash.log").read_text()
    assert "odd_commands.py" in log and "sk-secret" not in log


async def test_memory_is_limited(link: SpawnerLink) -> None:
    assert (await run(link, "odd", "eat", str(1024)))[0] == Ended(status=0)
    ended, _out, err = await run(link, "odd", "eat", str(2 * LIMITS.memory_bytes))
    assert ended.status == 1
    assert "Traceback" not in err


async def test_signals_reach_the_command_also_before_it_runs(link: SpawnerLink) -> None:
    async with begun(link, "odd", "wait") as (running, pipes):
        running.signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.ended, LIMIT_S) == Ended(signal=signal.SIGTERM)
        running.signal(signal.SIGTERM)  # too late is no error
    async with begun(link, "odd", "wait") as (running, pipes):
        assert await pipes.line() == "ready\n"
        running.signal(signal.SIGINT)
        assert (await asyncio.wait_for(running.ended, LIMIT_S)).status in (1, 130)


async def test_what_takes_too_long_is_ended_politely_and_then_firmly(tmp_path: Path) -> None:
    with spawner(tmp_path, replace(LIMITS, time_s=0.1)) as link:
        async with begun(link, "odd", "wait") as (running, _pipes):
            assert await asyncio.wait_for(running.ended, LIMIT_S) == Ended(signal=signal.SIGHUP, late=True)
    for time_s in (0.2, 2.0, 20.0):  # until it is deaf before its time is over
        with spawner(tmp_path, replace(LIMITS, time_s=time_s)) as link:
            async with begun(link, "odd", "deaf") as (running, pipes):
                was_deaf = await pipes.line() == "ready\n"
                ended = await asyncio.wait_for(running.ended, LIMIT_S)
        if was_deaf:
            break
    assert ended == Ended(signal=signal.SIGKILL, late=True)


async def test_a_command_that_nobody_waits_for_any_more_is_ended(link: SpawnerLink) -> None:
    async with begun(link, "odd", "deaf") as (running, pipes):
        assert await pipes.line() == "ready\n"
        child = psutil.Process(running.pid)
        running.close()
    assert not psutil.wait_procs([child], LIMIT_S)[1]


async def test_the_number_of_commands_is_limited_for_one_and_for_all(link: SpawnerLink) -> None:
    async with contextlib.AsyncExitStack() as stack:
        waiting = []
        for who in (ANN, ANN, BOB):
            waiting.append(await stack.enter_async_context(begun(link, "odd", "wait", who=who)))
            assert await waiting[-1][1].line() == "ready\n"
        assert (await run(link, "odd", "who"))[0] == Ended(refused="own", most=LIMITS.a_user)
        assert (await run(link, "odd", "who", who=BOB))[0] == Ended(refused="all", most=LIMITS.at_once)
        running, pipes = waiting[0]
        os.close(pipes.stdin)
        assert await asyncio.wait_for(running.ended, LIMIT_S) == Ended(status=0)
        assert (await run(link, "odd", "who", who=BOB))[0] == Ended(status=0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00",
        b"[" * 5000,
        b"{}",
        b"[1]",
        b'{"argv": 1, "principal": {}, "language": "", "environment": {}, "terminal": false}',
        Request(("odd", "who"), replace(ANN, user_id=""), "en").encode(),
        Request(("odd", "who"), replace(ANN, session_id=""), "en").encode(),
        Request(("odd", "who"), replace(ANN, served=False), "en").encode(),
    ],
)
async def test_a_bad_request_is_refused_and_survived(link: SpawnerLink, data: bytes) -> None:
    pid = link.pid
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipes = Pipes()
    await link._send(data or b" ", [*pipes.theirs, theirs.fileno()])
    theirs.close()
    pipes.handed_over()
    assert await asyncio.wait_for(Running(ours).ended, LIMIT_S) == Ended(refused="request")
    pipes.close()
    assert (await run(link, "odd", "who"))[0] == Ended(status=0)
    assert psutil.Process(pid).is_running()


@pytest.mark.parametrize("count", [0, 1, DESCRIPTORS - 1])
async def test_a_request_without_its_descriptors_is_survived(link: SpawnerLink, count: int) -> None:
    pipes = Pipes()
    await link._send(Request(("odd", "who"), ANN, "en").encode(), list(pipes.theirs)[:count])
    pipes.handed_over()
    assert await pipes.rest(pipes.stdout) == "", "and they are closed"
    pipes.close()
    assert (await run(link, "odd", "who"))[0] == Ended(status=0)


async def test_commands_leave_nothing_open_in_the_spawner(link: SpawnerLink) -> None:
    process = psutil.Process(link.pid)
    await run(link, "odd", "who")

    def left() -> int:
        """Open descriptors and children. The log, a file, is opened with the first line that there is to write."""
        return process.num_fds() - len(process.open_files()) + len(process.children())

    before = left()
    for _turn in range(5):
        assert (await run(link, "odd", "nothing"))[0].status == 2
        assert (await run(link, "odd", "who"))[0].status == 0
    # The status of a command is told just before the spawner lets go of what it had of it.
    async with asyncio.timeout(LIMIT_S):
        while left() > before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _reap(pid: int) -> None:
    """As the front desk does."""
    os.waitpid(pid, 0)


async def test_a_killed_spawner_is_replaced_and_commands_go_on(tmp_path: Path) -> None:
    with spawner(tmp_path) as link:
        async with begun(link, "odd", "wait") as (running, pipes):
            assert await pipes.line() == "ready\n"
            os.kill(link.pid, signal.SIGKILL)
            _reap(link.pid)
            waits = asyncio.ensure_future(run(link, "who", "comes", "too", "early"))
            await asyncio.sleep(0)
            with odd_commands():
                link.restart()
            assert (await waits)[0].status == 2, "its request waited for the next spawner"
            os.close(pipes.stdin)
            assert await asyncio.wait_for(running.ended, LIMIT_S) == Ended(status=0)
            assert await pipes.rest(pipes.stdout) == "done\n"
        assert (await run(link, "odd", "who"))[0] == Ended(status=0)


async def test_a_command_that_is_lost_with_its_spawner_is_said_to_be_lost(tmp_path: Path) -> None:
    with spawner(tmp_path) as link:
        async with begun(link, "odd", "wait") as (running, pipes):
            assert await pipes.line() == "ready\n"
            os.kill(link.pid, signal.SIGKILL)
            _reap(link.pid)
            running.signal(signal.SIGKILL)
            assert (await asyncio.wait_for(running.ended, LIMIT_S)).lost
        link.restart()


async def test_without_a_spawner_a_request_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.ssh.spawner._PATIENCE_S", 0.1)
    link = SpawnerLink(load_settings(tmp_path, {}, served=True), LIMITS)
    pipes = Pipes()
    with pytest.raises(TimeoutError):
        for _turn in range(1000):  # until the socket is full
            (await link.run(Request(("x",), ANN, "en"), pipes.theirs)).close()
    pipes.handed_over()
    pipes.close()
    link.close()


def test_the_spawner_and_its_commands_end_with_the_front_desk(tmp_path: Path, settings: Settings) -> None:
    script = (
        "import asyncio, sys, time\n"
        "from tests.ssh.odd_commands import odd_commands\n"
        "from tests.ssh.test_spawner import *\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "with odd_commands():\n"
        "    link = start_spawner(load_settings(folder, {}, served=True), LIMITS)\n"
        "async def work():\n"
        "    async with begun(link, 'odd', 'deaf') as (running, pipes):\n"
        "        await pipes.line()\n"
        "        print(link.pid, running.pid, flush=True)\n"
        "        signal.pause()\n"
        "asyncio.run(work())\n"
    )
    desk = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert desk.stdout is not None
    family = [psutil.Process(int(pid)) for pid in desk.stdout.readline().split()]
    assert len(family) == 2
    desk.kill()
    desk.wait()
    desk.stdout.close()
    assert not psutil.wait_procs(family, LIMIT_S)[1]
