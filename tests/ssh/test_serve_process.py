"""`modeltrain serve` as processes: starting, stopping, dying workers, limits, health, the log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.ssh.served import LIMIT_S, ServeProcess, serve_process

GREETING = "Good to see you"


@pytest.fixture(scope="module")
def shared(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server for the tests that leave it as it was."""
    data, clients = (tmp_path_factory.mktemp("shared") / name for name in ("data", "clients"))
    shutil.copytree(settled, data)
    clients.mkdir()
    with serve_process(data, clients, "--workers", "2") as process:
        yield process


def until(true: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until `true()`: for what another process does, that gives no event."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, f"never so: {what}"
        time.sleep(0.05)


def descriptors(serve: ServeProcess) -> int:
    """Open files of the front desk and all workers."""
    processes = [psutil.Process(serve.process.pid), *map(psutil.Process, serve.health()["worker_pids"])]
    return sum(process.num_fds() for process in processes)


def test_start_and_stop(serve: ServeProcess) -> None:
    """Somebody is there when it stops: his terminal is left clean, the status is 0, nothing is left running."""
    family = psutil.Process(serve.process.pid).children(recursive=True)
    assert len(family) == 3, "two workers and the spawner of commands"
    with serve.terminal("ann", width=80, height=24) as terminal:
        terminal.until(GREETING)
        state = serve.health()
        assert (state["status"], state["signed_in"], state["workers_ready"]) == (200, 1, 2)
        assert serve.stop() == 0
        terminal.until("The server is stopping.")
        terminal.wait()
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    log = serve.log()
    assert re.search(r"INFO worker \d tui.ssh.worker: ann signed in from 127.0.0.1", log)
    assert re.search(r"INFO worker \d tui.ssh.worker: ann at 127.0.0.1 left after \d+ s", log)
    assert re.search(r"host key SHA256:\S+, up to \d+ open files", log)
    assert "ERROR" not in log
    assert "WARNING" not in log
    assert oct((serve.data / "modeltrain.log").stat().st_mode & 0o777) == "0o600"


def test_a_dying_front_desk_takes_everybody_along(serve: ServeProcess) -> None:
    family = psutil.Process(serve.process.pid).children(recursive=True)
    with serve.terminal("ann", width=80, height=24) as terminal:
        terminal.until(GREETING)
        serve.process.kill()
        serve.process.wait(LIMIT_S)
        terminal.wait(LIMIT_S)
    psutil.wait_procs(family, timeout=LIMIT_S)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert "the front desk is gone" in serve.log()


# On one server, one after another ----------------------------------------------------------------------------------------------


def test_nothing_leaks_over_many_connections(shared: ServeProcess) -> None:
    def come_and_go(times: int) -> None:
        for _ in range(times):
            with shared.raw() as raw:
                raw.recv(100)

    def nobody_left() -> bool:
        return bool(shared.health()["connections"] == 0)

    come_and_go(10)
    until(nobody_left, "nobody left")
    before = descriptors(shared)
    come_and_go(200)
    until(nobody_left, "nobody left")
    until(lambda: descriptors(shared) <= before, "as many open files as before")
    zombies = [child for child in psutil.Process(shared.process.pid).children() if child.status() == psutil.STATUS_ZOMBIE]
    assert zombies == []


def test_health(shared: ServeProcess) -> None:
    port = shared.announced["health_port"]

    def ask(request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as client:
            with contextlib.suppress(OSError):  # the server may have closed it before everything was said
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                return client.makefile("rb").read()
        return b""

    until(lambda: shared.health()["database"], "the database looked at")
    answer = ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    state = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert state["ok"]
    assert (state["workers"], state["workers_ready"], state["connections"]) == (2, 2, 0)
    assert ask(b"HEAD /healthz HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")
    assert ask(b"POST /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    assert ask(b"GET /etc/passwd HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    for hostile in (b"", b"\r\n\r\n", b"\x00" * 100_000, b"GET " + b"/" * 100_000, b"GET /healthz\r\n\r\n", b"\xff\xfe HTTP/1.1 \r\n\r\n"):
        assert ask(hostile)[:13] in (b"HTTP/1.1 400 ", b""), hostile[:20]
    with contextlib.ExitStack() as stack:
        for _ in range(40):  # who says nothing is let go, and does not stand in anybody's way
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))
        assert shared.health()["ok"]


def test_a_killed_worker_is_replaced_and_the_others_notice_nothing(shared: ServeProcess) -> None:
    with shared.terminal("ann", width=80, height=24) as ann, shared.terminal("bob", width=80, height=24) as bob:
        ann.until(GREETING)
        bob.until(GREETING)
        where = {name: int(worker) for worker, name in re.findall(r"worker (\d) tui.ssh.worker: (\w+) signed in", shared.log())}
        assert where["ann"] != where["bob"], "each has the least loaded worker"
        pids = shared.health()["worker_pids"]
        os.kill(pids[where["ann"] - 1], signal.SIGKILL)
        ann.wait(LIMIT_S)
        until(lambda: set(shared.health()["worker_pids"]) - set(pids), "a new worker")
        until(lambda: shared.health()["workers_ready"] == 2, "two workers again")
        state = shared.health()
        assert (state["connections"], state["signed_in"]) == (1, 1)
        bob.press("alt+6")
        bob.until("Simulator")
    assert re.search(rf"ERROR front desk tui.ssh.crew: worker {where['ann']} \(process \d+\) was ended by SIGKILL", shared.log())
    with shared.terminal("ann", width=80, height=24) as again:
        again.until("Ctrl+P")


def test_health_is_answered_while_no_worker_lives(shared: ServeProcess) -> None:
    """Workers that die at once again and again are forked later and later; people wait in the queue, and the health tells."""
    until(lambda: shared.health()["workers_ready"] == 2, "two workers")
    pids = shared.health()["worker_pids"]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    seen = set()
    deadline = time.monotonic() + LIMIT_S
    while len(seen) < 2 and time.monotonic() < deadline:
        state = shared.health()
        seen.add((state["status"], state["workers_ready"] > 0 and bool(state["database"])))
    assert seen == {(503, False), (200, True)}
    with shared.terminal("bob", width=80, height=24) as bob:
        bob.until("Ctrl+P")  # where he was when the link was lost
    assert re.search(r"a new one starts in 0\.5 s", shared.log())


def test_a_worker_that_is_asked_to_end_is_replaced(shared: ServeProcess) -> None:
    until(lambda: shared.health()["workers_ready"] == 2, "two workers")
    pids = shared.health()["worker_pids"]
    with shared.terminal("bob", width=80, height=24) as bob:
        bob.until("Ctrl+P")
        (worker,) = re.findall(r"worker (\d) tui.ssh.worker: bob signed in", shared.log())[-1:]
        os.kill(pids[int(worker) - 1], signal.SIGTERM)
        bob.until("The server is stopping.")
        bob.wait(LIMIT_S)
    until(lambda: pids[int(worker) - 1] not in shared.health()["worker_pids"], "the old one gone")
    until(lambda: shared.health()["workers_ready"] == 2, "two workers again")
    until(lambda: shared.health()["connections"] == 0, "nobody left")


def test_the_log_is_opened_anew(shared: ServeProcess) -> None:
    path = shared.data / "modeltrain.log"
    path.rename(path.with_name("moved.log"))
    shared.process.send_signal(signal.SIGHUP)
    until(path.exists, "a new log")
    until(lambda: "the log was opened anew" in shared.log(), "said in it")


# Servers of their own ----------------------------------------------------------------------------------------------------------


def test_limits_and_systemd(peopled: Path, client_folder: Path) -> None:
    """From one address and from many: each has its share of those who have not signed in, and the largest crowd makes room."""
    limits = {"MODELTRAIN_UNAUTHENTICATED": "12", "MODELTRAIN_UNAUTHENTICATED_AN_ADDRESS": "5"}
    path = client_folder / "notify"
    with contextlib.ExitStack() as stack:
        systemd = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        systemd.bind(str(path))
        systemd.settimeout(LIMIT_S)
        environment = limits | {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "4000000"}
        serve = stack.enter_context(serve_process(peopled, client_folder, "--workers", "1", environment=environment))
        heard = b""
        while b"READY=1" not in heard or b"WATCHDOG=1" not in heard:
            heard += systemd.recv(1000) + b"\n"
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            for _ in range(10):
                stack.enter_context(serve.raw(source=source))
        until(lambda: serve.health()["turned_away"] >= 30 - 12, "the others turned away")
        assert serve.health()["unauthenticated"] == 12
        with serve.terminal("ann", width=80, height=24) as ann:
            ann.until(GREETING)
            assert serve.health()["signed_in"] == 1
            with contextlib.ExitStack() as honest:
                for _ in range(3):
                    assert honest.enter_context(serve.raw()).recv(100) == b"SSH-2.0-modeltrain\r\n"
                with serve.raw() as one_more:
                    assert one_more.makefile("rb").read() == b"Too many connections, try again in a minute\r\n"
        assert serve.stop() == 0
        while b"STOPPING=1" not in heard:
            heard += systemd.recv(1000) + b"\n"
        log = serve.log()
    for reason in ("unauthenticated", "unauthenticated_an_address"):
        assert re.search(rf"turned away: .*\d+ by the limit {reason}\b", log), reason


def test_a_second_signal_ends_it_at_once(serve: ServeProcess) -> None:
    serve.process.send_signal(signal.SIGINT)
    assert serve.stop(signal.SIGTERM) == 0
    assert "SIGTERM again: stopping at once" in serve.log() or "the server has stopped" in serve.log()
