"""A worker: how it speaks SSH, what it does not do, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from tests.ssh.served import LIMIT_S, Served, need
from tests.terminal import Terminal


async def test_who_signs_in_is_counted(served: Served) -> None:
    async with await served.connect("ann"):
        served.until(lambda reception: len(reception) == 1 and reception.unauthenticated == 0)
    served.until(lambda reception: len(reception) == 0)


def test_ssh_shows_the_application(served: Served) -> None:
    with served.terminal("bob", width=80, height=24) as terminal:
        terminal.until("Good to see you, bob.")
        terminal.press("ctrl+q")
        terminal.until("Connection to 127.0.0.1 closed.")
        assert terminal.wait() == 0
        assert bytes(terminal.received).rfind(b"\x1b[?1049l") > bytes(terminal.received).rfind(b"\x1b[?1049h")


def test_the_time_zone_of_who_chose_none_is_called_the_servers(served: Served) -> None:
    with served.terminal("bob", width=100, height=30) as terminal:
        terminal.until("Good to see you, bob.")
        terminal.press("alt+8")
        screen = terminal.until("as the server")
        assert "this machine" not in screen


def test_a_key_signs_in_with_openssh(served: Served, client_folder: Path) -> None:
    need("ssh-keygen")
    key = client_folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    async def add() -> None:
        from core.auth.principal import operator

        ann = await served.context.services.accounts.principal_for(operator("test"), "ann@example.org")
        await served.context.services.accounts.add_ssh_key(ann, key.with_suffix(".pub").read_text())

    served.call(add)
    with served.terminal("ann", key=key, width=80, height=24) as terminal:
        terminal.until("Good to see you, ann.")


# The protocol ------------------------------------------------------------------------------------------------------------------


def test_ssh_audit_finds_no_fail(served: Served) -> None:
    """Every algorithm that is offered; ssh-audit prints what it thinks of each as JSON."""
    line = [sys.executable, "-m", "ssh_audit.ssh_audit", "--json", "--skip-rate-test", "-p", str(served.port), served.host]
    done = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    found = json.loads(done.stdout)
    noted = {kind: entry for kind in ("kex", "key", "enc", "mac") for entry in found[kind]}
    assert set(noted) == {"kex", "key", "enc", "mac"}
    fails = [entry["algorithm"] for kind in noted for entry in found[kind] if entry.get("notes", {}).get("fail")]
    assert fails == []
    assert [entry["algorithm"] for entry in found["key"]] == ["ssh-ed25519"]
    assert found["banner"]["raw"] == "SSH-2.0-modeltrain"


def test_nothing_is_said_before_the_sign_in(served: Served) -> None:
    """The first line names the product and no version; before a password there is no banner."""
    with served.raw() as raw:
        assert raw.makefile("rb").readline() == b"SSH-2.0-modeltrain\r\n"
    done = served.ssh("conversation", "list", password="wrong horse", before=["-v"])
    assert done.returncode == 255
    assert done.stderr.splitlines()[-1].startswith(b"ann@127.0.0.1: Permission denied"), "OpenSSH prints a banner before it"
    assert b"Remote protocol version 2.0, remote software version modeltrain" in done.stderr


@pytest.mark.parametrize(
    "option",
    [["-L", "0:127.0.0.1:22"], ["-R", "0:127.0.0.1:22"], ["-D", "0"], ["-L", "LOCAL:/run/x.sock"], ["-R", "/tmp/REMOTE:127.0.0.1:22"]],
    ids=["tcp", "remote-tcp", "socks", "unix", "remote-unix"],
)
def test_openssh_gets_no_forwarding(served: Served, client_folder: Path, option: list[str]) -> None:
    wanted = [part.replace("LOCAL", str(client_folder / "s")) for part in option]
    if wanted[0] in ("-L", "-D"):  # OpenSSH listens itself, and finds out when somebody comes
        free = socket.create_server(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        wanted = [part if part.startswith("/") or "/run/x" in part else part.replace("0", str(port), 1) for part in wanted]
        before = [*wanted, "-v"]
        with Terminal(
            ["ssh", *served.options(), *before, f"ann@{served.host}"], environment=served.environment(), width=100, height=30
        ) as terminal:
            terminal.until("Good to see you, ann.")
            family, where = (
                (socket.AF_UNIX, str(client_folder / "s")) if "/run/x.sock" in wanted[1] else (socket.AF_INET, ("127.0.0.1", port))
            )
            with socket.socket(family) as client:
                client.settimeout(LIMIT_S)
                client.connect(where)
                if wanted[0] == "-D":
                    client.sendall(b"\x05\x01\x00")
                    assert client.recv(2) == b"\x05\x00"
                    client.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16")
                    assert client.recv(10)[1:2] != b"\x00"
                else:
                    assert client.recv(100) == b""  # the way through was refused, and it is closed
        return
    done = served.ssh("-N", before=[*wanted, "-o", "ExitOnForwardFailure=yes"])
    assert done.returncode == 255
    assert b"remote port forwarding failed" in done.stderr


async def test_asyncssh_gets_no_forwarding(served: Served) -> None:
    async with await served.connect("ann") as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", served.port)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_unix_connection("/run/docker.sock")
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("", 0, "127.0.0.1", 1)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_path("/tmp/x", "/tmp/y")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_tun(asyncssh.SSHTunTapSession, 0)  # type: ignore[arg-type]


def test_no_agent_and_no_x11(served: Served) -> None:
    """Asked for both, the server grants neither, and the session works all the same."""
    with served.terminal("ann", width=80, height=24, before=["-A", "-X", "-o", "ForwardX11Timeout=5"]) as terminal:
        terminal.until("Good to see you, ann.")


async def test_compression_is_there_for_who_asks(served: Served) -> None:
    async with await served.connect("ann", compression_algs=["zlib@openssh.com"]) as connection:
        assert connection.get_extra_info("send_compression") == "zlib@openssh.com"
    async with await served.connect("ann") as connection:
        assert connection.get_extra_info("recv_compression") == "none"


# What clients may do wrong -----------------------------------------------------------------------------------------------------


def test_garbage_ends_its_own_connection_only(served: Served) -> None:
    with served.terminal("ann", width=80, height=24) as terminal:
        terminal.until("Good to see you, ann.")
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000, b"SSH-2.0-x\r\n" + b"\xff" * 40_000, b"SSH-1.5-old\r\n", b"x" * 70_000):
            with served.raw() as raw, contextlib.suppress(ConnectionError):
                raw.sendall(garbage)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
        terminal.press("alt+6")
        terminal.until("Simulator")
    served.until(lambda reception: len(reception) <= 1)


def test_who_never_signs_in_is_let_go(served_settings: object, served: Served) -> None:
    """login_s is 30 seconds; here the connection's own timer is what is looked at, so that nobody waits for it."""
    with served.raw() as raw:
        raw.makefile("rb").readline()
        served.until(lambda reception: reception.unauthenticated == 1)

        async def timer() -> float:
            (connection,) = served.worker._open.values()
            assert connection._login_timer is not None
            left = connection._login_timer.when() - asyncio.get_running_loop().time()
            connection._login_timer_callback()
            return left

        assert 0 < served.call(timer) <= 30
        served.until(lambda reception: len(reception) == 0)
        raw.settimeout(LIMIT_S)
        while raw.recv(4096):
            pass


# The end -----------------------------------------------------------------------------------------------------------------------


def test_people_are_told_that_the_server_stops(served: Served) -> None:
    with served.terminal("ann", width=80, height=24) as terminal:
        terminal.until("Good to see you, ann.")
        served.call(lambda: served.worker.drain(5.0))
        terminal.until("The server is stopping.")
        terminal.wait()
        assert bytes(terminal.received).rfind(b"\x1b[?1049l") > bytes(terminal.received).rfind(b"\x1b[?1049h")
    served.until(lambda reception: len(reception) == 0)
