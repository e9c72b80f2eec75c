"""`modeltrain serve` on a database server: two workers that share people, answers, and what is known of sessions."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import operator
from core.bootstrap import build_services
from core.models.types import ConfigurationDraft
from core.settings import AuthSettings, Settings, load_settings
from tests.ssh.served import LIMIT_S, ServeProcess, serve_process, settle
from tests.storage.servers import Server
from tests.terminal import Terminal


@pytest.fixture(params=["postgresql", "mariadb"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variable that names an empty database of each server."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return {"MODELTRAIN_DATABASE_URL": server.new_database()}


@pytest.fixture
def there(data_dir: Path, client_folder: Path, environment: dict[str, str]) -> Iterator[ServeProcess]:
    """The server, with ann and bob, whose model writes for a long time."""
    settings = replace(load_settings(data_dir, environment), auth=AuthSettings(bcrypt_cost=4))
    asyncio.run(_people(settings))
    with serve_process(data_dir, client_folder, "--workers", "2", environment=environment) as process:
        yield process


async def _people(settings: Settings) -> None:
    await settle(settings)
    services = await build_services(settings)
    bob = await services.accounts.principal_for(operator("test"), "bob@example.org")
    draft = ConfigurationDraft(name="long", provider_id="simulator", model="sim-markdown@60x20000")
    await services.configurations.set_default(bob, (await services.configurations.create(bob, draft)).id)
    await services.close()


def the_worker_of(serve: ServeProcess, name: str) -> int:
    """The process that serves the terminal of somebody."""
    number = re.findall(rf"worker (\d+) tui.ssh.worker: {name} signed in", serve.log())[0]  # with the terminal; commands come later
    return int(serve.health()["worker_pids"][int(number) - 1])


def answer(serve: ServeProcess) -> tuple[str, int]:
    """State and length of bob's last answer, asked by a command of his."""
    listed = json.loads(serve.ssh("conversation", "list", "--json", name="bob").stdout)
    shown = json.loads(serve.ssh("conversation", "show", listed[0]["id"], "--json", name="bob").stdout)
    return shown["messages"][-1]["state"], len(shown["messages"][-1]["content"])


def in_chat(terminal: Terminal) -> None:
    terminal.until("Good to see you, bob.")
    terminal.press("n")
    terminal.until("> Ask")


def test_served_from_a_database_server(there: ServeProcess) -> None:
    with there.terminal("ann", width=80, height=24) as ann, there.terminal("bob", width=100, height=30) as bob:
        ann.until("Good to see you, ann.")
        in_chat(bob)
        bob.press("Tell me everything", "enter")
        deadline = time.monotonic() + LIMIT_S
        while answer(there)[1] < 200:  # saved while it grows, and seen by another process
            assert time.monotonic() < deadline
            bob.pump(0.2)
        lost, kept = the_worker_of(there, "bob"), the_worker_of(there, "ann")
        assert lost != kept
        os.kill(lost, signal.SIGKILL)
        bob.wait(LIMIT_S)
        ann.press("s")
        ann.until("Changes take effect at once")  # she noticed nothing
        with there.terminal("bob", width=100, height=30) as again:
            again.until("Ctrl+P")
            again.press("alt+1")
            again.until("The answer broke off. modeltrain ended while")
        state, length = answer(there)
        assert (state, length >= 200) == ("truncated", True)
        assert ann.process.poll() is None
    assert there.stop() == 0
