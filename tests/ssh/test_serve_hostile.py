"""Clients that behave badly after they have signed in, and a crash: whoever else is on the same worker goes on typing."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import asyncssh
import pytest

from tests.ssh.served import LIMIT_S, Served
from tests.ssh.terminals import Client, terminal
from tests.ssh.test_link import MOST_WAITING
from tests.ssh.test_serve_faults import give
from tui.ssh.routing import ChannelRouter
from tui.ssh.terminal import TerminalSession

HOME = "Good to see you"
LONG = "sim-markdown@200x20000"


def session_of(served: Served, name: str) -> TerminalSession:
    """What the server has of somebody's terminal."""

    async def find() -> TerminalSession:
        (target,) = [
            cast(ChannelRouter, channel)._target
            for connection in served.context.connections
            if connection.live is not None and connection.live.principal.nickname == name
            for channel in connection.channels
        ]
        assert isinstance(target, TerminalSession)
        return target

    return served.call(find)


@dataclass
class Bad:
    """Somebody at a terminal, on a connection of their own."""

    served: Served
    connection: asyncssh.SSHClientConnection
    shown: Client


async def chat(shown: Client) -> None:
    await shown.until(HOME)
    shown.press("n")
    await shown.until("> Ask")


async def garbage(bad: Bad) -> None:
    """Bytes of no meaning, for as long as they leave the terminal there."""
    dice = random.Random(7)
    for _piece in range(20):
        if bad.shown.closed.is_set():
            break
        bad.shown.chan.write(
            dice.randbytes(10_000).replace(b"\x11", b"") + b"\x1b[99999999999;5u\x1b[<0;99999;99999M\x1b[200~\x1b]52;c;\x90"
        )
        await asyncio.sleep(0)


async def paste(bad: Bad) -> None:
    await chat(bad.shown)
    bad.shown.chan.write(b"\x1b[200~" + b"learning rate " * 750_000 + b"\x1b[201~")
    await bad.shown.until("[pasted 10500000 characters]", limit_s=LIMIT_S)


async def sizes(bad: Bad) -> None:
    for number in range(2000):
        bad.shown.chan.change_terminal_size(number % 300, number % 97)
    for size in ((0, 0), (1, 1), (2**32 - 1, 7), (500, 200), (1, 1)):
        bad.shown.chan.change_terminal_size(*size)
        await bad.shown.quiet(0.1)
    bad.shown.screen.resize(24, 80)
    bad.shown.chan.change_terminal_size(80, 24)
    await bad.shown.until(lambda text: HOME in text and "F1 help" in text.split("\n")[23])


async def deaf(bad: Bad) -> None:
    """An answer streams to a client that stops reading: next to nothing waits for it."""
    await chat(bad.shown)
    bad.shown.press("Tell me everything", "enter")
    await bad.shown.until("simulated")
    link = session_of(bad.served, "ann")._link
    bad.connection._transport.pause_reading()  # type: ignore[union-attr]
    most = 0
    for _look in range(60):
        most = max(most, link.waiting)
        await asyncio.sleep(0.02)
    bad.connection._transport.resume_reading()  # type: ignore[union-attr]
    assert most <= MOST_WAITING


async def crash(bad: Bad) -> None:
    """An error that nobody foresaw, with a secret in it."""
    await bad.shown.until(HOME)
    app = session_of(bad.served, "ann")._app
    assert app is not None

    def fail() -> None:
        key = "sk-very-secret"
        raise RuntimeError(key)

    bad.served.loop.call_soon_threadsafe(app.call_later, fail)
    text = await bad.shown.until("Press a key to leave.")
    data = bad.served.settings.data_dir
    recorded = (data / "crash.log").read_text()
    code = text[text.index("crash-") :][:12]
    assert code in recorded and "RuntimeError" in recorded and "fail" in recorded
    assert "secret" not in recorded + text and "RuntimeError" not in text and str(data) not in text
    bad.shown.press("q")
    await asyncio.wait_for(bad.shown.closed.wait(), LIMIT_S)
    assert bad.shown.chan.get_exit_status() == 1


@asynccontextmanager
async def at_a_terminal(served: Served, name: str) -> AsyncIterator[Bad]:
    async with await served.connect(name) as connection, terminal(connection, size=(100, 30)) as shown:
        yield Bad(served, connection, shown)


@pytest.mark.parametrize("behave", [garbage, paste, sizes, deaf, crash], ids=lambda behave: behave.__name__)
async def test_whatever_one_does_the_others_go_on(
    served: Served, behave: Callable[[Bad], Coroutine[Any, Any, None]], caplog: pytest.LogCaptureFixture
) -> None:
    served.call(lambda: give(served, "ann", LONG))
    with caplog.at_level(logging.INFO):
        async with at_a_terminal(served, "bob") as bystander, at_a_terminal(served, "ann") as bad:
            await chat(bystander.shown)
            behaving = asyncio.create_task(behave(bad))
            typed = ""
            while not behaving.done() or len(typed) < 5:
                typed += "abcdefghijklmnopqrstuvwxyz"[len(typed) % 26]
                bystander.shown.press(typed[-1])
                await bystander.shown.until(lambda text: typed[-20:] in text.replace("\n", "").replace(" ", ""))  # noqa: B023 - of this turn
                await asyncio.wait({behaving}, timeout=0.05)
            await behaving
            assert not bystander.shown.closed.is_set()
    assert "secret" not in caplog.text
    served.until(lambda reception: len(reception) == 0)
    async with at_a_terminal(served, "ann") as again:  # and so does whoever did it, with a fresh terminal
        await again.shown.until("Ctrl+P")
