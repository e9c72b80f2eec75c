"""What goes to a client over a slow line, to one that stops reading, and to one with several terminals on its connection."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_IGNORE

from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.ssh.slow_line import slow_line
from tests.ssh.terminals import Client, client, terminal
from tests.ssh.test_driver import HOME, Served, served, to_chat, until
from tui.ssh.link import Link
from tui.ssh.options import CIPHERS
from tui.ssh.pace import MOST, Pace
from tui.widgets.composer import Composer

#: Bytes that may wait for one terminal.
MOST_WAITING = 40 * 1024


def test_a_quick_line_is_never_called_slow() -> None:
    pace = Pace()
    pace.learn(0, 0.2)
    for _answer in range(50):
        pace.learn(6000, 0.21)
    assert not pace.slow
    assert pace.window == MOST


def test_a_slow_line_is_found_and_left() -> None:
    pace = Pace()
    pace.learn(100, 0.2)
    for _answer in range(10):
        pace.learn(4000, 0.2 + 4000 / 8000, since_s=0.5)
    assert pace.slow
    assert pace.rate is not None and 6000 < pace.rate < 10_000
    assert pace.window / pace.rate < 0.4, "no more on the way than it carries in that time"
    assert pace.frame / pace.rate < 0.2
    for _answer in range(60):
        pace.learn(4000, 0.204)
    assert not pace.slow


def test_one_late_answer_makes_no_line_slow() -> None:
    pace = Pace()
    pace.learn(0, 0.01)
    for number in range(40):
        pace.learn(5000, 3.0 if number % 9 == 4 else 0.015)
    assert not pace.slow


async def streaming(there: Served, shown: Client, model: str) -> None:
    """Somebody asks, and a long answer comes."""
    await shown.until(HOME)
    principal = there.worker.connections[0].live.principal  # type: ignore[union-attr]
    made = await there.services.configurations.create(principal, ConfigurationDraft("stream", "simulator", model))
    await there.services.configurations.set_default(principal, made.id)
    await to_chat(shown)
    shown.press("tell me", "enter")


@pytest.mark.usefixtures("storage")
async def test_keys_come_through_beside_an_answer_on_a_slow_line(settings: Settings) -> None:
    async with served(settings) as there, slow_line(there.port, bytes_s=8000, delay_s=0.1) as (_line, port), client(port) as shown:
        await streaming(there, shown, "sim-markdown@100x1500")
        link, app = there.worker.sessions[0]._link, there.worker.sessions[0]._app
        assert app is not None
        most = 0
        text = ""
        async with asyncio.timeout(60):
            while not app.saving or len(text) < 10:
                text += "abcdefghij"[len(text) % 10]
                shown.press(text[-1])
                while text[-40:] not in shown.text.replace("\n", ""):
                    most = max(most, link.waiting)
                    await asyncio.sleep(0.005)
        assert most <= MOST_WAITING
        assert app.frame.abilities.depth == "16"
        await shown.until("The link is slow")


@pytest.mark.usefixtures("storage")
async def test_a_client_that_stops_reading_costs_little_and_is_left_in_the_end(settings: Settings) -> None:
    async with served(settings) as there, slow_line(there.port, bytes_s=200_000, delay_s=0.0) as (line, port), client(port) as shown:
        await streaming(there, shown, "sim-markdown@400x4000")
        await shown.until("tell me")
        session = there.worker.sessions[0]
        link = session._link
        line.stopped = True
        link._stalled_s = 1.0
        most = 0
        async with asyncio.timeout(60):
            while not session._lost:
                most = max(most, link.waiting)
                await asyncio.sleep(0.02)
        assert 0 < most <= MOST_WAITING
        line.stopped = False


@pytest.mark.usefixtures("storage")
async def test_after_a_pause_one_fresh_frame_is_shown(settings: Settings) -> None:
    async with (
        served(settings) as there,
        asyncssh.connect("127.0.0.1", there.port, known_hosts=None, username="ann", config=None) as connection,
        terminal(connection) as first,
        terminal(connection, size=(80, 24)) as second,
    ):
        await to_chat(first)
        await second.until(lambda text: HOME in text or "Enter send" in text)
        await first.quiet()
        link = there.worker.sessions[0]._link
        assert link is there.worker.sessions[1]._link, "terminals of one connection wait together"
        before = [len(shown.received) for shown in (first, second)]
        link._pause()
        first.press("hello")
        await until(lambda: "hello" in _typed(there))
        await first.quiet(0.1)
        assert [len(shown.received) for shown in (first, second)] == before
        link._resume()
        await first.until("hello")
        assert len(first.received) - before[0] < 500


@pytest.mark.parametrize(("compression", "most"), [("zlib@openssh.com", 60), ("none", 120)])
@pytest.mark.usefixtures("storage")
async def test_a_key_is_one_packet(settings: Settings, monkeypatch: pytest.MonkeyPatch, compression: str, most: int) -> None:
    """Its bytes are those on the wire, with everything that encryption adds."""
    async with (
        served(settings, compression_algs=[compression]) as there,
        client(there.port, compression_algs=[compression]) as shown,
    ):
        await to_chat(shown)
        shown.press("q", "w")
        await shown.until("qw")
        await shown.quiet()
        connection = shown.chan.get_connection()
        sizes: list[int] = []
        packets: list[int] = []
        take, process = connection.data_received, connection.process_packet

        def data_received(data: bytes, datatype: int | None = None) -> None:
            sizes.append(len(data))
            take(data, datatype)

        def process_packet(kind: int, *rest: Any) -> Any:
            packets.append(kind)
            return process(kind, *rest)

        monkeypatch.setattr(connection, "data_received", data_received)
        monkeypatch.setattr(connection, "process_packet", process_packet)
        shown.press("e")
        await shown.until("qwe")
        assert 0 < sum(sizes) <= most
        assert MSG_IGNORE not in packets


def test_no_cipher_needs_an_empty_packet_before_each_other() -> None:
    assert all("gcm" in cipher or "ctr" in cipher or "poly1305" in cipher for cipher in CIPHERS)


def _typed(there: Served) -> str:
    app = there.worker.sessions[0]._app
    return app.screen.query_one(Composer).text if app is not None else ""


@pytest.mark.usefixtures("storage")
async def test_a_client_that_answers_no_questions_is_served_all_the_same(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.ssh.link._PATIENCE_S", 0.2)

    async with served(settings) as there, client(there.port) as shown:
        shown.chan.get_connection()._report_global_response = lambda _result: None  # it never says a word
        await streaming(there, shown, "sim-markdown@200x600")
        link: Link = there.worker.sessions[0]._link
        await until(lambda: not link._answers)
        before = len(shown.received)
        await until(lambda: len(shown.received) > before + 2000)
