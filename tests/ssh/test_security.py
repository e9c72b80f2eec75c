"""What the server does not do for anybody: forwarding of whatever kind, believing what a client says of itself, falling over garbage."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncssh
import paramiko
import pytest

from tests.shell import PASSWORD
from tests.ssh.raw_client import FAILURE, SUCCESS, raw_client
from tests.ssh.served import LIMIT_S, Served
from tui.ssh.protocol import LARGEST_SIZE, terminal_size, terminal_type

COPY = "scp -f datasets/nothing-there"
STRICT = ["-o", "ExitOnForwardFailure=yes"]


@pytest.fixture
def target() -> Iterator[socket.socket]:
    """Something on this machine that nobody must reach through the server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        yield listening


def nobody_came(target: socket.socket) -> bool:
    with contextlib.suppress(TimeoutError):
        target.accept()[0].close()
        return False
    return True


# Forwarding


def test_openssh_is_forwarded_nowhere(served: Served, target: socket.socket) -> None:
    port = target.getsockname()[1]
    straight = served.ssh(name="bob", before=["-W", f"127.0.0.1:{port}"])
    assert (straight.returncode, b"forwarding failed" in straight.stderr) == (255, True)
    for wanted in (f"0:127.0.0.1:{port}", f"{served.folder}/there:127.0.0.1:{port}"):
        back = served.ssh(COPY, name="bob", before=["-R", wanted, *STRICT])
        assert (back.returncode, b"forwarding failed" in back.stderr) == (255, True)
    shown = served.ssh(COPY, name="bob", before=["-Y"])
    assert (shown.returncode, b"X11 forwarding request failed" in shown.stderr) == (1, True)
    assert not (served.folder / "there").exists()
    assert nobody_came(target)


@pytest.mark.parametrize("how", ["-L", "-D"])
def test_openssh_listens_in_vain(served: Served, target: socket.socket, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    there = f"127.0.0.1:{target.getsockname()[1]}"
    wanted = [how, f"127.0.0.1:{port}:{there}" if how == "-L" else f"127.0.0.1:{port}"]
    line = ["ssh", *served.options(), "-N", *wanted, "bob@127.0.0.1"]
    process = subprocess.Popen(line, env=served.environment(), stderr=subprocess.DEVNULL)
    try:
        with _connected(port) as through:
            if how == "-D":
                through.sendall(b"\5\1\0" + b"\5\1\0\1" + socket.inet_aton("127.0.0.1") + target.getsockname()[1].to_bytes(2, "big"))
                assert through.recv(2) == b"\5\0"
            assert through.recv(100) == b""
    finally:
        process.kill()
        process.wait(LIMIT_S)
    assert nobody_came(target)


def _connected(port: int) -> socket.socket:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_no_channel_but_a_session_is_opened(served: Served, target: socket.socket) -> None:
    with raw_client(served) as client:
        assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
        transport, there = client.transport, target.getsockname()
        for kind in ("direct-tcpip", "forwarded-tcpip"):
            with pytest.raises(paramiko.ChannelException):
                transport.open_channel(kind, there, ("127.0.0.1", 1), timeout=LIMIT_S)
        for kind in ("x11", "auth-agent@openssh.com", "something-new"):
            with pytest.raises(paramiko.ChannelException):
                transport.open_channel(kind, src_addr=("127.0.0.1", 1), timeout=LIMIT_S)
        with pytest.raises(paramiko.SSHException):
            transport.request_port_forward("127.0.0.1", 0)
        for request in ("streamlocal-forward@openssh.com", "tcpip-forward", "something-new"):
            assert transport.global_request(request, ("somewhere", 0) if request == "tcpip-forward" else ("somewhere",)) is None
        session = transport.open_session(timeout=LIMIT_S)
        session.request_forward_agent(lambda _channel: None)
        session.exec_command(COPY)
        session.shutdown_write()
        assert session.recv_exit_status() == 1
    assert nobody_came(target)


async def test_asyncssh_is_given_no_tunnel(served: Served) -> None:
    async with await served.connect("bob") as connection:
        refused: tuple[Callable[[], Any], ...] = (
            lambda: connection.open_unix_connection("/tmp/somewhere"),
            lambda: connection.start_unix_server(lambda *_peer: lambda *_streams: None, "/tmp/somewhere"),
            lambda: connection.open_tun(0),
            lambda: connection.open_tap(0),
        )
        for wanted in refused:
            with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ChannelListenError)):
                await wanted()


# What a client says of itself


async def test_only_variables_of_language_and_colour_are_taken(served: Served) -> None:
    sent = {"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", "TERM_PROGRAM": "kitty", "NO_COLOR": ""}
    bad = {"LD_PRELOAD": "/tmp/x.so", "PATH": "/tmp", "HOME": "/", "PYTHONPATH": "/tmp", "MODELTRAIN_DATA": "/", "LANGUAGE": "zh"}
    worse = {"LC_A": "\x1b]0;x\x07", "LC_B": "x" * 1000, "LC_C": "é"}
    many = {f"LC_{chr(65 + n // 26)}{chr(65 + n % 26)}": "x" for n in range(100)}
    async with await served.connect("bob") as connection:
        async with connection.create_process(COPY, env={**bad, **worse, **sent, **many}) as process:
            process.stdin.write_eof()
            await process.wait(check=False)
        seen = served.call(lambda: _environment(served))
        assert {name: seen[name] for name in sent} == sent
        assert len(seen) == 20
        assert not set(seen) & (bad.keys() | worse.keys())


async def _environment(served: Served) -> dict[str, str]:
    """What the newest channel has kept. The channel may have gone, so it is looked for among all that is in memory."""
    import gc

    from tui.ssh.protocol import Channel

    channels = [thing for thing in gc.get_objects() if isinstance(thing, Channel) and thing._env]
    return dict(channels[-1].environment)


@pytest.mark.parametrize(
    ("term", "taken"), [("xterm-256color", "xterm-256color"), ("", "dumb"), ("x\x1b[2J", "dumb"), ("a" * 65, "dumb"), ("../x", "dumb")]
)
def test_the_name_of_a_terminal_is_harmless(term: str, taken: str) -> None:
    assert terminal_type(term) == taken


def test_the_size_of_a_terminal_is_believable() -> None:
    assert terminal_size(0, 0) == (80, 24)
    assert terminal_size(132, 50) == (132, 50)
    assert terminal_size(2**32 - 1, 2**32 - 1) == LARGEST_SIZE


NASTY = [
    "\x1b[31mann\x1b]0;x\x07",
    "ann\nroot signed in from nowhere",
    "a" * 1000,
    "",
    " ",
    "ann\0bob",
    "🎉" * 200,
    "../../etc/passwd",
    "‮ann",
]


def test_nasty_names_are_refused_and_do_no_harm(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for name in NASTY:
            with raw_client(served) as client:
                assert client.ask(client.none(name)) == FAILURE
                client.send(client.interactive(name, "\x1b[31m" * 50))
                assert client.question() == ("", "Password: ")
        for length in (33_000, 100_000):
            assert served.ssh("\x1b[31m" + "x" * length, name="bob").returncode == 255
        assert served.ssh(COPY, name="bob").returncode == 1
    ours = [record for record in caplog.records if not record.name.startswith("paramiko")]
    assert all(record.levelno < logging.ERROR and record.exc_info is None for record in ours)
    assert not [record for record in ours if not record.getMessage().isprintable()]


# Bad protocol


def garbage() -> dict[str, bytes]:
    return {
        "nothing": b"",
        "random": os.urandom(5000),
        "version one": b"SSH-1.5-old\r\n",
        "half a banner": b"SSH-2.0-hal",
        "an endless banner": b"SSH-2.0-" + b"x" * 20_000,
        "no ASCII": b"SSH-2.0-\xff\xfe\x1b[31m\r\n",
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "banner, then random": b"SSH-2.0-x\r\n" + os.urandom(5000),
        "a packet of 2 GB": b"SSH-2.0-x\r\n\x7f\xff\xff\xff" + b"\0" * 100,
        "a packet without a length": b"SSH-2.0-x\r\n" + b"\0" * 64,
        "keys before the time": b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x15" + b"\0" * 10,
    }


def test_garbage_disturbs_nobody(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), raw_client(served) as bystander:
        assert bystander.ask(bystander.password("bob", PASSWORD)) == SUCCESS
        for sent in garbage().values():
            with served.raw() as connection, contextlib.suppress(OSError):
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(10_000):
                    pass
        served.until(lambda reception: len(reception) == 1)
        session = bystander.transport.open_session(timeout=LIMIT_S)
        session.exec_command(COPY)
        session.shutdown_write()
        assert session.recv_exit_status() == 1
    ours = [record for record in caplog.records if not record.name.startswith("paramiko")]
    assert not [record.getMessage() for record in ours if record.exc_info is not None or record.levelno >= logging.ERROR]


def test_who_breaks_off_in_the_middle_leaves_nothing(served: Served) -> None:
    for requests in (lambda client: [], lambda client: [client.interactive("bob")], lambda client: [client.password("bob", PASSWORD)]):
        with raw_client(served) as client:
            client.send(*requests(client))
            client.transport.sock.shutdown(socket.SHUT_RDWR)
    served.until(lambda reception: len(reception) == 0)

    async def left() -> int:
        await served.context.watch.look()
        return len(served.context.connections)

    assert served.call(left) == 0
