"""Starting the server: what it says, what stands in its way, the host key, the unit."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh
import pytest

from core.auth.principal import operator
from core.bootstrap import build_services
from core.errors import EnvironmentProblem, NotFound
from core.settings import ServeSettings, Settings, load_settings
from tests.shell import COMMAND, clean_environment
from tests.ssh.served import need
from tui.commands.root import run_command_line
from tui.commands.serve import announce, announcement, is_loopback, reached_at
from tui.ssh import host_key, surroundings, systemd
from tui.ssh.listening import PortLock, listen
from tui.ssh.start import Announcement, _prepare, in_child

# What it says ------------------------------------------------------------------------------------------------------------------

TOLD = Announcement("127.0.0.1", 8022, None, "SHA256:abc", "ssh-ed25519 AAAA", "/data/key", False, 2, True, True)


def said(settings: Settings, told: Announcement) -> str:
    return "\n".join(announcement(settings, told))


def test_people_are_told_how_to_sign_in(settings: Settings) -> None:
    text = said(settings, TOLD)
    assert "serves on 127.0.0.1, port 8022, with 2 workers." in text
    assert "ssh -p 8022 NAME@127.0.0.1" in text
    assert "SHA256:abc" in text
    assert "--host 0.0.0.0" in text
    assert "Nobody can sign in" not in text
    assert "with 1 worker." in said(settings, replace(TOLD, workers=1))


def test_whether_strangers_can_make_accounts_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    opened, closed = said(settings, TOLD), said(settings, replace(TOLD, registration=False))
    assert "Registration: open. Anybody who reaches the port can make an account:" in opened
    assert " ssh -p 8022 register@127.0.0.1\n" in opened
    assert "An administrator closes it: Settings," in opened
    assert "Registration: closed. Make accounts with: modeltrain user add" in closed
    assert "register@" not in closed and "closes it" not in closed
    for told in (TOLD, replace(TOLD, registration=False)):
        announce(settings, told, as_json=True)
        assert json.loads(capsys.readouterr().out)["registration"] is told.registration


def test_a_server_knows_at_its_start_whether_the_registration_is_open(settings: Settings) -> None:
    assert in_child(partial(_prepare, settings)) == (False, True), "open by default"

    async def close() -> None:
        services = await build_services(settings)
        try:
            await services.accounts.set_registration(operator("test"), False)
        finally:
            await services.close()

    asyncio.run(close())
    assert in_child(partial(_prepare, settings)) == (False, False)


def test_without_an_administrator_the_way_to_the_first_is_told(settings: Settings) -> None:
    text = said(settings, replace(TOLD, administered=False, host="0.0.0.0", host_key_made=True, health_port=9))
    assert f"modeltrain --data {settings.data_dir} user add EMAIL --nickname NAME --admin" in text
    assert f"NAME@{socket.gethostname()}" in text
    assert "Only this machine" not in text
    assert "Keep a copy of /data/key" in text
    assert "http://127.0.0.1:9/healthz" in text


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)]
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert reached_at("10.0.0.7") == "10.0.0.7"


# What stands in the way --------------------------------------------------------------------------------------------------------


def refused(data: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What `modeltrain serve` says that does not start, in this process."""
    capsys.readouterr()
    before = os.environ.copy()
    try:
        assert run_command_line(["--data", str(data), "serve", *options]) == 2
    finally:
        os.environ.clear()
        os.environ.update(before)
    return capsys.readouterr().err


def test_a_port_that_is_taken(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"Port {port} is taken.\nChoose another with --port" in refused(data_dir, capsys, "--port", str(port))
        assert not data_dir.exists(), "nothing is made before it is known that the server can start"
        assert f"Port {port} is taken" in refused(data_dir, capsys, "--port", "0", "--health-port", str(port))


def test_an_address_that_is_not_ours(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "This machine has no address 192.0.2.1.\nGive one of its own with --host." in refused(data_dir, capsys, "--host", "192.0.2.1")
    assert "has no address no.such.invalid" in refused(data_dir, capsys, "--host", "no.such.invalid")


def test_a_port_of_the_system(data_dir: Path) -> None:
    if os.geteuid() == 0 or int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        problem = _problem(PermissionError(13, "no"))
        assert problem == "port_forbidden"
        return
    with pytest.raises(EnvironmentProblem, match="port_forbidden"):
        listen("127.0.0.1", 80)


def _problem(error: OSError) -> str:
    from tui.ssh.listening import _problem as found

    return str(found(error, "127.0.0.1", 80).fields["what"])


def test_a_second_server_is_told_of_the_first(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lock = PortLock(data_dir, port)
        lock.take()
        text = refused(data_dir, capsys, "--port", str(port))
        assert f"modeltrain serves this data folder on port {port} already. It is process {os.getpid()}." in text
        lock.let_go()
        assert f"Port {port} is taken." in refused(data_dir, capsys, "--port", str(port))


def test_a_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file, not a folder" in refused(tmp_path / "file", capsys, "--port", "0")


def test_a_host_key_that_others_may_read(installed: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(installed, data_dir)
    key = data_dir / host_key.FILE
    host_key.load_or_make(data_dir)
    key.chmod(0o644)
    text = refused(data_dir, capsys, "--port", "0")
    assert f"The host key {key} can be read by other accounts" in text
    assert f"chmod 600 {key}" in text


def test_only_the_owner_of_the_folder(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "Only the owner of the data folder may do this." in refused(data_dir, capsys, "--port", "0")


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("MODELTRAIN_CONNECTIONS", "0", "Give a whole number from 1 to 100000"),
        ("MODELTRAIN_UNAUTHENTICATED", "many", "Give a whole number from 1 to"),
        ("MODELTRAIN_QUOTA", "1.5", "Give a whole number from 1 to"),
        ("MODELTRAIN_GRACE", "-1", "Give a number from 0 to 3600"),
        ("MODELTRAIN_LOG_LEVEL", "loud", "Give one of debug, info, warning, error"),
    ],
)
def test_settings_that_cannot_be(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    text = refused(data_dir, capsys)
    assert f"{variable} cannot be “{value}”." in text
    assert remedy in text


def test_settings_of_the_server(tmp_path: Path) -> None:
    chosen = load_settings(tmp_path, {"MODELTRAIN_CONNECTIONS": "9", "MODELTRAIN_QUOTA": "2", "MODELTRAIN_LOG_LEVEL": "debug"}).serve
    assert (chosen.connections, chosen.user_quota_bytes, chosen.log_level) == (9, 2 << 30, "DEBUG")
    assert load_settings(tmp_path, {}).serve == ServeSettings()


def test_several_addresses_share_a_free_port() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        for each in sockets:
            each.close()


# The host key ------------------------------------------------------------------------------------------------------------------


def test_the_host_key_is_made_once(tmp_path: Path) -> None:
    first = host_key.load_or_make(tmp_path)
    again = host_key.load_or_make(tmp_path)
    assert (first.made, again.made) == (True, False)
    assert first.fingerprint == again.fingerprint
    assert first.path.stat().st_mode & 0o777 == 0o600
    need("ssh-keygen")
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(first.path)], capture_output=True, text=True, check=True).stdout
    assert first.fingerprint in shown
    assert shown.strip().endswith("(ED25519)")
    assert [path.name for path in tmp_path.iterdir()] == [host_key.FILE]


def test_two_servers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    found: list[host_key.HostKey] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        found.append(host_key.load_or_make(tmp_path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({key.fingerprint for key in found}) == 1
    assert sum(key.made for key in found) == 1
    assert [path.name for path in tmp_path.iterdir()] == [host_key.FILE]


def test_a_damaged_host_key_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / host_key.FILE
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_private_key("openssh")
    locked = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh", passphrase="secret", rounds=50)
    for content in (b"", b"not a key", rsa, locked, b"x" * 100_000):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(EnvironmentProblem) as caught:
            host_key.load_or_make(tmp_path)
        assert caught.value.fields["what"] == "host_key_damaged"
        assert path.read_bytes() == content


def test_a_host_key_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / host_key.FILE, 0o600)
    with pytest.raises(EnvironmentProblem, match="host_key_damaged"):
        host_key.load_or_make(tmp_path)


# Surroundings ------------------------------------------------------------------------------------------------------------------


def test_nothing_of_the_terminal_reaches_a_worker() -> None:
    environment = {
        "TEXTUAL": "debug", "TEXTUAL_FPS": "1", "NO_COLOR": "1", "COLUMNS": "7", "LINES": "3", "COLORTERM": "truecolor", "TERM": "dumb",
        "TERM_PROGRAM": "x", "LANG": "de_DE", "LC_ALL": "zh_CN.GB2312", "LANGUAGE": "zh", "NOTIFY_SOCKET": "/x", "SSH_AUTH_SOCK": "/y",
        "MODELTRAIN_DATABASE_URL": "kept", "PATH": "/bin", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/z",
    }  # fmt: skip
    surroundings.scrub(environment)
    assert environment == {
        "MODELTRAIN_DATABASE_URL": "kept", "PATH": "/bin", "HOME": "/root", "CREDENTIALS_DIRECTORY": "/z", "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }  # fmt: skip


def test_the_child_tells_what_it_found() -> None:
    assert in_child(lambda: {"a": os.getpid() != os.getppid()}) == {"a": True}
    with pytest.raises(NotFound) as caught:
        in_child(lambda: (_ for _ in ()).throw(NotFound(kind="user", reference="x")))
    assert caught.value.fields == {"kind": "user", "reference": "x"}
    with pytest.raises(RuntimeError, match="could not be looked at"):
        in_child(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_the_unit_names_this_installation(tmp_path: Path) -> None:
    data = tmp_path / "a folder 100%"
    line = [str(COMMAND), "--data", str(data), "serve", "--port", "443", "--workers", "3", "--health-port", "9000", "--print-unit"]
    done = subprocess.run(line, capture_output=True, text=True, env=clean_environment(), check=True)
    text = done.stdout
    quoted = f'"{tmp_path}/a folder 100%%"'
    assert f"ExecStart={COMMAND} --data {quoted} serve --host 127.0.0.1 --port 443 --workers 3 --health-port 9000\n" in text
    assert f"ReadWritePaths={quoted}\n" in text
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text
    assert "Type=notify\n" in text
    assert not data.exists()
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "modeltrain.service"
        unit.write_text(text)
        checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        assert "Unknown" not in checked.stderr


def test_a_word_in_a_unit() -> None:
    text = systemd.unit(user="ann", command=["/opt/x y/modeltrain", "--data", '/a"$b'], data=Path('/a"$b'), port=8022, grace_s=10)
    assert 'ExecStart="/opt/x y/modeltrain" --data "/a\\"$$b"\n' in text
    assert "AmbientCapabilities=\n" in text
    assert "TimeoutStopSec=55\n" in text
