"""A terminal over SSH: keys in, frames out, and whatever a client does harms nobody."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from core.auth.principal import Origin
from core.auth.sessions import LiveSession
from core.bootstrap import Services, build_services
from core.settings import Settings
from tests.ssh.terminals import Client, SmallConnection, SmallWorker, client, small_server, terminal
from tests.tui.world import EMAIL, PASSWORD
from tui import lean
from tui.ssh.driver import clamped
from tui.widgets.composer import Composer

pytestmark = pytest.mark.usefixtures("storage")
HOME = "Good to see you, Ann."
#: What every terminal must get back at the end.
RESTORED = ("\x1b[?2004l", "\x1b[?1002l", "\x1b[?1000l", "\x1b[?1006l", "\x1b[?1004l", "\x1b[?7h", "\x1b[?1049l", "\x1b[?25h")


@dataclass
class Served:
    worker: SmallWorker
    port: int
    services: Services


@asynccontextmanager
async def served(settings: Settings, **options: Any) -> AsyncIterator[Served]:
    """A small server; whoever comes is Ann."""
    lean.apply(several=True)
    services = await build_services(settings)
    try:
        signed_in = await services.accounts.create_first_admin(EMAIL, "Ann", PASSWORD, origin=Origin("shell"))
        live = await LiveSession.start(services.accounts, signed_in, kept=None)
        async with small_server(settings, services, lambda: SmallConnection(services, signed_in, live), **options) as (worker, port):
            yield Served(worker, port, services)
    finally:
        await services.close()


async def to_chat(shown: Client) -> None:
    await shown.until(HOME)
    shown.press("c")
    await shown.until("Enter send")


def restored(shown: Client) -> bool:
    sent = bytes(shown.received).decode()
    return all(sent.rfind(code) > sent.rfind(code[:-1] + ("h" if code[-1] == "l" else "l")) for code in RESTORED)


async def test_somebody_comes_types_and_leaves(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await to_chat(shown)
        await shown.quiet()
        before = len(shown.received)
        shown.press("x")
        await shown.until("x")
        await shown.quiet()
        assert len(shown.received) - before <= 120
        shown.press("ctrl+q")
        await asyncio.wait_for(shown.closed.wait(), 30)
        assert shown.chan.get_exit_status() == 0
        assert restored(shown)


async def test_several_terminals_on_one_connection(settings: Settings) -> None:
    async with (
        served(settings) as there,
        asyncssh.connect("127.0.0.1", there.port, known_hosts=None, username="ann", config=None) as connection,
        terminal(connection) as first,
        terminal(connection, size=(80, 24)) as second,
    ):
        await first.until(HOME)
        await second.until(HOME)
        first.press("ctrl+q")
        await asyncio.wait_for(first.closed.wait(), 30)
        second.press("s")
        await second.until("Changes take effect at once")


async def test_the_end_of_the_session_is_told(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        there.worker.connections[0].end("disabled")
        await asyncio.wait_for(shown.closed.wait(), 30)
        assert shown.chan.get_exit_status() == 0
        assert restored(shown)
        assert "disabled" in shown.text
        # The screen here has no second one to go back to, as the Linux console has none: nothing of the application may stay on it.
        assert HOME not in shown.text
        assert shown.screen.display[0].startswith("This session has ended.")


async def test_who_signs_out_is_not_told_why(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        app = there.worker.sessions[0]._app
        assert app is not None
        app.run_worker(app.sign_out())
        await asyncio.wait_for(shown.closed.wait(), 30)
        assert shown.chan.get_exit_status() == 0
        assert bytes(shown.received).endswith(b"\x1b[?1049l\x1b[?25h")


async def test_the_server_stops(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        await there.worker.sessions[0].drain("The server is stopping.")
        await asyncio.wait_for(shown.closed.wait(), 30)
        assert "The server is stopping." in shown.text
        assert restored(shown)


async def test_a_crash_is_one_persons_alone_and_says_no_more_than_a_code(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as broken, client(there.port) as other:
        await broken.until(HOME)
        await other.until(HOME)
        app = there.worker.sessions[0]._app
        assert app is not None

        def fail() -> None:
            secret = "sk-very-secret"
            raise RuntimeError(secret)

        app.call_later(fail)
        text = await broken.until("Press a key to leave.")
        assert "crash-" in text and str(settings.data_dir) not in text and "RuntimeError" not in text
        assert restored(broken)
        broken.press("q")
        await asyncio.wait_for(broken.closed.wait(), 30)
        assert broken.chan.get_exit_status() == 1
        log = (settings.data_dir / "crash.log").read_text()
        assert "RuntimeError" in log and "secret" not in log
        other.press("s")
        await other.until("Changes take effect at once")


@pytest.mark.parametrize(
    ("said", "drawn"),
    [((0, 0), (80, 24)), ((2**32 - 1, 2**32 - 1), (80, 24)), ((1, 1), (1, 1)), ((500, 200), (500, 200)), ((9999, 3), (500, 3))],
)
def test_any_size_is_clamped(said: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert clamped(*said) == drawn


async def test_every_size_and_a_storm_of_sizes_are_survived(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        before = len(shown.received)
        for number in range(2000):
            shown.chan.change_terminal_size(number % 300, number % 97)
        for size in ((0, 0), (1, 1), (2**32 - 1, 7), (500, 200)):
            shown.chan.change_terminal_size(*size)
            await shown.quiet(0.1)
        shown.screen.resize(24, 80)
        shown.chan.change_terminal_size(80, 24)
        await shown.until(lambda text: HOME in text and "F1 help" in text.split("\n")[23])
        assert len(shown.received) - before < 100_000


async def test_alt_and_escape_are_told_apart(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await to_chat(shown)
        shown.chan.write(b"\x1b")
        await shown.until(lambda text: "Enter send" not in text)
        shown.chan.write(b"\x1b8")
        await shown.until("Profile")


async def test_characters_that_come_in_pieces(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await to_chat(shown)
        for byte in "模型é".encode():
            shown.chan.write(bytes([byte]))
            await asyncio.sleep(0)
        shown.chan.write(b"\xff\xfeok")
        await shown.until(lambda text: "é" in text and "ok" in text)
        assert not shown.closed.is_set()


async def test_garbage_ends_nothing(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        # The same garbage each time, without Ctrl+Q and Ctrl+P: by chance they would leave, as they should.
        garbage = random.Random(20_000).randbytes(20_000).replace(b"\x11", b"").replace(b"\x10", b"")
        shown.chan.write(garbage + b"\x1b[99999999999;5u\x1b[<0;99999;99999M\x1b[200~\x1b[201~")
        await shown.quiet()
        assert not shown.closed.is_set()
        assert there.worker.sessions[0]._app is not None


async def test_a_large_paste_holds_nobody_up(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown, client(there.port) as other:
        await to_chat(shown)
        await to_chat(other)
        text = ("learning rate " * 75_000).encode() * 10  # 10.5 MB
        shown.chan.write(b"\x1b[200~" + text + b"\x1b[201~")
        for number in range(5):
            other.press(str(number))
            await other.until("01234"[: number + 1], limit_s=10)
        await until(
            lambda: "".join(composer.text for composer in _composers(there.worker, 0)).count("learning") > 100 or "MB" in shown.text
        )
        assert not shown.closed.is_set()


def _composers(worker: SmallWorker, number: int) -> list[Composer]:
    app = worker.sessions[number]._app
    return list(app.screen.query(Composer)) if app is not None else []


async def until(true: Any, limit_s: float = 60.0) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 - anything may make it true
            await asyncio.sleep(0.01)


async def test_who_does_nothing_costs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No byte, no timer, no task that wakes up: in no area, and after typing."""
    async with served(settings) as there, client(there.port) as shown:
        await to_chat(shown)
        shown.press("hello")
        for keys, seen in (((), "Enter send"), (("ctrl+g", "m"), "Simulator Markdown"), (("ctrl+g", "s"), "Changes take effect")):
            for key in keys:
                shown.press(key)
            await shown.until(seen)
            async with asyncio.timeout(60):
                while await _turns_in_a_second(shown, monkeypatch):
                    pass


async def _turns_in_a_second(shown: Client, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often anything but this test was woken, and how many bytes came."""
    loop, turns, before = asyncio.get_running_loop(), [0], len(shown.received)
    now = asyncio.current_task()

    def counted(schedule: Any) -> Any:
        def call(*arguments: Any, **context: Any) -> Any:
            turns[0] += asyncio.current_task() is not now
            return schedule(*arguments, **context)

        return call

    with monkeypatch.context() as patch:
        for name in ("call_at", "call_soon"):
            patch.setattr(loop, name, counted(getattr(loop, name)))
        await asyncio.sleep(1.0)
    return turns[0] - 1 + len(shown.received) - before  # one of them woke this test


async def test_nothing_of_a_session_stays_in_memory(settings: Settings) -> None:
    async with served(settings) as there:
        known: list[weakref.ref[Any]] = []
        async with client(there.port, size=(80, 24)) as shown:
            await to_chat(shown)  # what is made once for all is made
        await settled(there)
        tasks, files = len(asyncio.all_tasks()), open_files()
        # One object, task or file that stays is seen: a dozen sessions are enough for all ways to leave.
        for number in range(12):
            async with client(there.port, size=(80, 24)) as shown:
                await shown.until(lambda text: HOME in text or "Enter send" in text)  # where one left, one comes back
                if number % 5 == 0 and HOME in shown.text:
                    shown.press("c")
                    await shown.until("Enter send")
                app = there.worker.sessions[-1]._app
                assert app is not None
                known += [weakref.ref(app), weakref.ref(app.screen), weakref.ref(app._driver)]
                del app
                if number % 2:
                    shown.press("ctrl+q")
                    await asyncio.wait_for(shown.closed.wait(), 30)
        await settled(there)
        assert [ref() for ref in known if ref() is not None] == []
        assert len(asyncio.all_tasks()) <= tasks
        assert open_files() <= files


def open_files() -> int:
    """Files and sockets of this process, but the database's, of which every reading thread opens its own when it is first used."""
    count = 0
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += "modeltrain.db" not in str(file.readlink())
    return count


async def settled(there: Served) -> None:
    """Everybody has left, and what they left behind is collected."""
    tasks = [session._task for session in there.worker.sessions if session._task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=30)
    del tasks
    there.worker.sessions.clear()
    there.worker.connections.clear()
    for _turn in range(5):
        await asyncio.sleep(0.01)
        gc.collect()


async def test_f5_draws_the_whole_screen_again(settings: Settings) -> None:
    async with served(settings) as there, client(there.port) as shown:
        await shown.until(HOME)
        await shown.quiet()
        shown.screen.reset()
        shown.chan.write(b"\x1b[15~")
        await shown.until(lambda text: HOME in text and "F1 help" in text)
