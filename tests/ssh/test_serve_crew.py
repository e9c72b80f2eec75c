"""Workers as the front desk keeps them: what hangs or dies again and again. Forked from the test itself."""

from __future__ import annotations

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
from tui.ssh.crew import Crew
from tui.ssh.desk_link import DeskLink
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
