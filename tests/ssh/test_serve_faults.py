"""What goes wrong while people are there: the server stops or a worker is killed in mid-answer, the database is held, a crowd comes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from core.auth.principal import Principal, operator
from core.chat.types import Sent
from core.installation import DATABASE_FILE
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.acceptance.program import rows
from tests.shell import PASSWORD
from tests.ssh.served import LIMIT_S, Served, ServeProcess, serve_process, serving_here

ANSWERS = """
    SELECT m.state, p.content FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id AND p.kind = 'text'
    WHERE m.role = 'assistant' ORDER BY m.id
"""


async def ask(served: Served, model: str) -> tuple[Principal, Sent]:
    """Bob asks a model of the simulator; the first words of the answer have come."""
    services = served.context.services
    bob = await services.accounts.principal_for(operator("test"), "bob@example.org")
    made = await services.configurations.create(bob, ConfigurationDraft(name=model, provider_id="simulator", model=model))
    sent = await services.chat.send(bob, None, "What is a loss?", configuration_id=made.id)
    async for update in services.chat.watch(bob, sent.answer_id):
        if update.text:
            break
    return bob, sent


async def give(served: Served, name: str, model: str) -> None:
    """A model of the simulator is the default of somebody."""
    services = served.context.services
    principal = await services.accounts.principal_for(operator("test"), f"{name}@example.org")
    made = await services.configurations.create(principal, ConfigurationDraft(name=model, provider_id="simulator", model=model))
    await services.configurations.set_default(principal, made.id)


def stored(data: Path) -> list[tuple[str, str]]:
    """(state, text) of every answer."""
    return [(str(state), str(text or "")) for state, text in rows(data, ANSWERS)]


# Stopping ----------------------------------------------------------------------------------------------------------------------


def test_an_answer_may_finish_when_the_server_stops(served: Served) -> None:
    with served.terminal("bob", width=80, height=24) as terminal:
        terminal.until("Good to see you, bob.")
        served.call(lambda: ask(served, "sim-markdown@60x60"))
        stopping = asyncio.run_coroutine_threadsafe(served.worker.drain(LIMIT_S), served.loop)
        terminal.until("The server stops in a moment.")
        terminal.until("The server is stopping.")
        stopping.result(LIMIT_S)
    ((state, text),) = stored(served.settings.data_dir)
    assert state == "complete"
    assert len(text) > 100


def test_an_answer_that_takes_too_long_is_kept_as_far_as_it_came(served: Served) -> None:
    served.call(lambda: ask(served, "sim-markdown@40x20000"))
    served.call(lambda: served.worker.drain(0.2))
    ((state, text),) = stored(served.settings.data_dir)
    assert state == "truncated"
    assert text


def test_in_a_hurry_nobody_waits_for_answers(served: Served) -> None:
    served.call(lambda: ask(served, "sim-markdown@40x20000"))

    async def hurried() -> float:
        hurry = asyncio.Event()
        stopping = asyncio.create_task(served.worker.drain(10_000, hurry))
        await served.context.draining.wait()
        hurry.set()
        began = time.monotonic()
        await stopping
        return time.monotonic() - began

    assert served.call(hurried) < LIMIT_S
    assert stored(served.settings.data_dir)[0][0] == "truncated"


def command(served: Served, *words: str) -> subprocess.Popen[bytes]:
    """`ssh bob@host WORDS`, under way."""
    line = ["ssh", "-n", *served.options(), f"bob@{served.host}", *words]
    return subprocess.Popen(line, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=served.environment())


@pytest.mark.parametrize(
    ("model", "grace_s", "state"), [("sim-markdown@60x60", LIMIT_S, "complete"), ("sim-markdown@40x20000", 0.1, "stopped")]
)
def test_a_command_may_finish_when_the_server_stops(served_with_commands: Served, model: str, grace_s: float, state: str) -> None:
    """Within the grace; then it is told to end, and keeps what came of its answer."""
    served = served_with_commands
    served.call(lambda: give(served, "bob", model))
    with command(served, "chat", "Tell") as asked:
        assert asked.stdout is not None
        first = asked.stdout.read(1)
        served.call(lambda: served.worker.drain(grace_s))
        rest, errors = asked.communicate(timeout=LIMIT_S)
    ((found, text),) = stored(served.settings.data_dir)
    assert found == state
    assert (asked.returncode == 0) is (state == "complete")
    assert (b"The server is stopping" in errors) is (state != "complete")
    if state == "complete":
        assert (first + rest).decode().strip() == text.strip()
    else:
        assert text


def test_a_killed_worker_leaves_its_answers_as_far_as_they_came(serve: ServeProcess) -> None:
    """kill -9 in mid-answer; the next worker finds the answer, and the person reads on at the next sign-in."""
    with serve.terminal("bob", width=100, height=30) as terminal:
        terminal.until("Good to see you, bob.")
        terminal.press("n")
        terminal.until("> Ask")
        terminal.press("Tell me everything about losses.", "enter")
        deadline = time.monotonic() + LIMIT_S
        while not any(text for _, text in stored(serve.data)):
            assert time.monotonic() < deadline
            terminal.pump(0.1)
        (worker,) = re.findall(r"worker (\d) tui.ssh.worker: bob signed in", serve.log())
        os.kill(serve.health()["worker_pids"][int(worker) - 1], signal.SIGKILL)
        ((_, before),) = stored(serve.data)
        terminal.wait(LIMIT_S)
    with serve.terminal("bob", width=100, height=30) as terminal:
        terminal.until("Ctrl+P")
        terminal.press("alt+1")
        terminal.until("The answer broke off. modeltrain ended while")
    ((state, after),) = stored(serve.data)
    assert state == "truncated"
    assert after == before


# The database ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker that waits for a held database for half a second."""
    with serving_here(replace(served_settings, lock_wait_s=0.5), client_folder) as here:
        yield here


async def test_a_held_database_is_said_and_ends_nobodys_session(impatient: Served) -> None:
    async with await impatient.connect("ann") as ann:
        with contextlib.closing(sqlite3.connect(impatient.settings.data_dir / DATABASE_FILE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(asyncssh.DisconnectError) as refused:
                await impatient.connect("bob")
            assert "The database is busy" in str(refused.value)
            impatient.call(lambda: impatient.context.watch.look())
            other.execute("ROLLBACK")
        async with await impatient.connect("bob"):
            impatient.until(lambda reception: reception.unauthenticated == 0 and len(reception) == 2)
        impatient.call(lambda: impatient.context.watch.look())
        assert not ann.is_closed()


# Crowds ------------------------------------------------------------------------------------------------------------------------


def test_forty_people_sign_in_at_the_same_second(served_settings: Settings, client_folder: Path) -> None:
    with serving_here(served_settings, client_folder) as served:
        names = [f"p{number}" for number in range(40)]

        async def settle() -> None:
            for name in names:
                await served.context.services.accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)

        async def come() -> int:
            # From forty addresses: of one, five attempts a minute that do not succeed are enough to close it.
            coming = [served.connect(name, login_timeout=LIMIT_S, local_addr=(f"127.0.2.{at + 1}", 0)) for at, name in enumerate(names)]
            connections = await asyncio.gather(*coming)
            there = sum(not connection.is_closed() for connection in connections)
            for connection in connections:
                connection.close()
            await asyncio.gather(*(connection.wait_closed() for connection in connections))
            return there

        served.call(settle)
        assert asyncio.run(come()) == 40
        served.until(lambda reception: len(reception) == 0)


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many open files in this process as a thousand connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine does not allow a thousand connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_half_open_connections(peopled: Path, client_folder: Path) -> None:
    """From ten addresses; who is honest gets in while they are held open, from an eleventh."""
    with serve_process(peopled, client_folder, "--workers", "1") as serve, contextlib.ExitStack() as stack:
        held: list[socket.socket] = []
        for number in range(1000):
            held.append(stack.enter_context(serve.raw(source=f"127.0.1.{number % 10 + 1}")))
        assert serve.health()["unauthenticated"] <= 64
        with serve.terminal("ann", width=80, height=24) as ann:
            ann.until("Good to see you, ann.")
            state = serve.health()
        assert state["signed_in"] == 1
        assert state["turned_away"] >= 1000 - 64
