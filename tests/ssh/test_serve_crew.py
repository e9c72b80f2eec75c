"""Workers as the front desk keeps them: what hangs or dies again and again. Forked from the test itself."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from tests.ssh.served import LIMIT_S
from tui.ssh import handover
from tui.ssh.crew import Crew, Member
from tui.ssh.desk_link import DeskLink
from tui.ssh.front_desk import FrontDesk
from tui.ssh.journal import Journal, message_of
from tui.ssh.spawner import Limits, SpawnerLink
from tui.ssh.systemd import Notifier
from tui.ssh.worker_process import _expect_within, _watch_over


def wait_for_the_end(_number: int, line: socket.socket) -> int:
    """A worker that ends when it is told to, or when the front desk is gone."""
    line.setblocking(True)
    try:
        message, _ = handover.receive(line)
    except EOFError:
        return 3
    return 0 if message["do"] == "drain" else 4


@pytest.fixture
def crews() -> Iterator[Callable[..., Crew]]:
    made: list[Crew] = []

    def make(work: Callable[[int, socket.socket], int], *, size: int = 1, hang_s: float = 60.0) -> Crew:
        made.append(Crew(size, hang_s, work, lambda: None))
        return made[-1]

    yield make
    for crew in made:
        crew.tell_all("end")
        crew.kill_all()
        while crew.members:
            crew.reap()


def reaped(crew: Crew) -> None:
    """Wait until somebody has ended."""
    deadline = time.monotonic() + LIMIT_S
    while not crew.reap():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_workers_that_end_as_told_are_not_replaced(crews: Callable[..., Crew], caplog: pytest.LogCaptureFixture) -> None:
    crew = crews(wait_for_the_end, size=3)
    crew.start()
    with caplog.at_level(logging.INFO):
        crew.tell_all("drain")
        while crew.members:
            reaped(crew)
    assert crew.next_at() is None
    assert [record.levelname for record in caplog.records] == ["INFO"] * 3


def test_each_death_at_once_makes_the_pause_longer(crews: Callable[..., Crew], caplog: pytest.LogCaptureFixture) -> None:
    crew = crews(lambda _number, _line: 7)
    crew.start()
    pauses = []
    for _ in range(8):
        reaped(crew)
        due = crew.next_at()
        assert due is not None
        pauses.append(round(due - time.monotonic()))
        crew._vacancies[1].at = 0.0  # the pause is over
        assert len(crew.fill()) == 1
    assert pauses == [round(min(0.5 * 2**number, 30)) for number in range(8)]
    assert crew.restarts == 8
    assert "ended with status 7" in caplog.text


def test_one_that_lived_is_replaced_without_a_pause(crews: Callable[..., Crew], caplog: pytest.LogCaptureFixture) -> None:
    crew = crews(wait_for_the_end)
    (member,) = crew.start()
    member.born_at -= 3600
    os.kill(member.pid, signal.SIGKILL)
    reaped(crew)
    assert len(crew.fill()) == 1
    assert "was ended by SIGKILL after 3600 s; a new one starts in 0.0 s" in caplog.text


def test_one_that_gives_no_sign_of_life_is_killed(crews: Callable[..., Crew], caplog: pytest.LogCaptureFixture) -> None:
    crew = crews(wait_for_the_end, size=2)
    silent, _lively = crew.start()
    os.kill(silent.pid, signal.SIGSTOP)
    silent.heard_at -= 80
    crew.look_for_hung()
    reaped(crew)
    assert list(crew.members) == [2]
    assert "gave no sign of life for 80 s" in caplog.text


def test_a_front_desk_that_stood_still_blames_nobody(crews: Callable[..., Crew]) -> None:
    """The machine slept: nobody could be heard meanwhile."""
    crew = crews(wait_for_the_end)
    (member,) = crew.start()
    member.heard_at -= 80
    crew._looked_at -= 80
    crew.look_for_hung()
    assert not crew.reap()
    assert time.monotonic() - member.heard_at < LIMIT_S


def test_a_worker_without_a_front_desk_notices(crews: Callable[..., Crew], caplog: pytest.LogCaptureFixture) -> None:
    crew = crews(wait_for_the_end, size=2)
    for member in crew.start():
        member.line.shutdown(socket.SHUT_RDWR)
    while crew.members:
        reaped(crew)
    assert caplog.text.count("ended with status 3") == 2


def test_a_loop_that_hangs_says_where_and_ends(settings: Settings, storage: object) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            _watch_over(settings)
            _expect_within(0.2)
            hang_here_for_the_test()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    text = (settings.data_dir / "crash.log").read_text()
    assert "hang_here_for_the_test" in text


def hang_here_for_the_test() -> None:
    time.sleep(LIMIT_S)


# The line ----------------------------------------------------------------------------------------------------------------------


async def test_messages_wait_in_order_while_the_line_is_full(tmp_path: Path) -> None:
    import asyncio

    desk, worker = handover.pair()
    heard: list[int] = []
    everything = asyncio.Event()

    def read() -> None:
        while True:
            try:
                message, _ = handover.receive(desk)
            except BlockingIOError:
                return
            heard.append(message["number"])
            if len(heard) == 5000:
                everything.set()

    link = DeskLink(worker)
    gone = asyncio.Event()
    link.listen(lambda _socket, _number: None, lambda word, _message: gone.set() if word == "gone" else None)
    for number in range(5000):
        link.closed(number)
    asyncio.get_running_loop().add_reader(desk.fileno(), read)
    async with asyncio.timeout(LIMIT_S):
        await everything.wait()
    assert heard == list(range(5000))
    asyncio.get_running_loop().remove_reader(desk.fileno())
    desk.close()
    async with asyncio.timeout(LIMIT_S):
        await gone.wait()
    assert link.log({"is": "log"}) is False
    link.close()


async def test_a_connection_that_is_lost_on_its_way_ends_no_worker() -> None:
    """A process with as many open files as it may have gets the message without the socket."""
    import asyncio

    desk, worker = handover.pair()
    link, told, heard = DeskLink(worker), list[str](), asyncio.Event()

    def hear(word: str) -> None:
        told.append(word)
        heard.set()

    link.listen(lambda _socket, _number: hear("taken"), lambda word, _message: hear(word))
    handover.send(desk, {"do": "serve", "number": 7})
    handover.send(desk, {"do": "drop", "number": 8})
    async with asyncio.timeout(LIMIT_S):
        await heard.wait()
    assert told == ["drop"]
    assert handover.receive(desk)[0] == {"is": "closed", "number": 7}
    link.close()
    desk.close()


# What a worker says ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(settings: Settings, storage: object) -> Iterator[FrontDesk]:
    """A front desk that neither listens nor forks."""
    spawner = SpawnerLink(settings, Limits())
    desk = FrontDesk(
        settings, [], health_listeners=[], work=wait_for_the_end, workers=1, journal=Journal(settings.data_dir), spawner=spawner,
        notifier=Notifier({}), announce=lambda: None,
    )  # fmt: skip
    yield desk
    desk._journal.let_go()
    desk._close()


@pytest.fixture
def worker(desk: FrontDesk) -> Iterator[socket.socket]:
    """The line of the worker 1 to the front desk."""
    ours, theirs = handover.pair()
    now = time.monotonic()
    desk._crew.members[1] = Member(1, 0, ours, now, now)
    yield theirs
    theirs.close()
    ours.close()


def said_by(record: logging.LogRecord) -> bytes:
    return json.dumps(message_of(record)).encode()


ODD = [
    b"no JSON", b"\xff\xfe", b"{" * 20_000, b"[" * 30_000, b"null", b"7", b"[]", b"{}", b'{"is": "closed"}', b'{"is": "alive"}',
    b'{"is": ["log"]}', b'{"is": "closed", "number": [1]}', b'{"is": "log"}', b'{"is": "log", "at": "x", "level": 1, "name": 2, "text": 3}',
    b'{"is": "log", "at": 1e300, "level": "INFO", "name": "a", "text": "b"}',
    b'{"is": "log", "at": NaN, "level": "A", "name": "b", "text": ""}',
    b'{"is": "log", "at": 0, "level": "\\ud800", "name": "\\udfff", "text": "\\ud800"}',
    json.dumps({"is": "log", "text": "x" * 2 * handover.LONGEST}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_nothing_that_a_worker_says_ends_the_front_desk(desk: FrontDesk, worker: socket.socket, odd: bytes) -> None:
    member = desk._crew.members[1]
    worker.send(odd)
    handover.send(worker, {"is": "alive", "database": True})
    desk._hear(member)
    assert member.database is True


@pytest.mark.parametrize("text", ["\u5927" * 8000, "\U0001f600" * 20_000, "\x01" * 8000, "\ud800" * 8000])
def test_the_longest_line_of_any_script_reaches_the_log(desk: FrontDesk, worker: socket.socket, settings: Settings, text: str) -> None:
    worker.send(said_by(logging.LogRecord("tui.ssh.worker", logging.ERROR, __file__, 1, "%s the end", (text,), None)))
    desk._hear(desk._crew.members[1])
    assert (settings.data_dir / "modeltrain.log").read_text().endswith("the end\n")


def test_descriptors_from_a_worker_are_closed(desk: FrontDesk, worker: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            handover.send(worker, {"is": "alive", "database": True}, [theirs])
            worker.send(b"no message")
            socket.send_fds(worker, [b"no message"], [theirs.fileno()])
        desk._hear(desk._crew.members[1])
        ours.settimeout(LIMIT_S)
        assert ours.recv(1) == b""  # nobody holds the other end any more


def test_a_worker_speaks_of_its_own_connections_only(desk: FrontDesk, worker: socket.socket) -> None:
    reception = desk._reception
    own, foreign = reception.let_in("10.0.0.1", 1), reception.let_in("10.0.0.1", 2)
    for number in (own, foreign):
        handover.send(worker, {"is": "signed_in", "number": number})
    desk._hear(desk._crew.members[1])
    assert reception.unauthenticated == 1
    for number in (own, foreign, 99):
        handover.send(worker, {"is": "closed", "number": number})
    desk._hear(desk._crew.members[1])
    assert (len(reception), reception.worker_of(foreign)) == (1, 2)


def test_who_talks_without_end_lets_others_have_their_turn(desk: FrontDesk, worker: socket.socket) -> None:
    import threading

    over = threading.Event()

    def talk() -> None:
        while not over.is_set():
            try:
                handover.send(worker, {"is": "alive", "database": True})
            except BlockingIOError:
                continue

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        desk._hear(desk._crew.members[1])  # comes back
    finally:
        over.set()
        talker.join(LIMIT_S)
