"""The clients that people have: OpenSSH, paramiko and PuTTY's plink, with the ways of signing in and the statuses of each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import paramiko
import pytest

from core.auth.principal import operator
from tests.shell import PASSWORD
from tests.ssh.served import LIMIT_S, Served, need

KINDS = {"ed25519": [], "rsa": ["-b", "3072"], "ecdsa": ["-b", "256"]}
#: A command that the server itself answers, so that no spawner is needed: status 1 and a sentence.
COPY = "scp -f datasets/nothing-there"


def made_by_ssh_keygen(served: Served, kind: str, name: str = "bob") -> Path:
    need("ssh-keygen")
    path = served.folder / f"id_{kind}"
    line = ["ssh-keygen", "-q", "-t", kind, *KINDS[kind], "-N", "", "-f", str(path), "-C", f"{name}'s key"]
    subprocess.run(line, check=True, capture_output=True, timeout=LIMIT_S)

    async def add() -> None:
        accounts = served.context.services.accounts
        principal = await accounts.principal_for(operator("test"), f"{name}@example.org")
        await accounts.add_ssh_key(principal, path.with_suffix(".pub").read_text())

    served.call(add)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_openssh_with_a_key(served: Served, kind: str) -> None:
    key = made_by_ssh_keygen(served, kind)
    assert served.ssh(COPY, name="bob", key=key).returncode == 1
    assert served.ssh(COPY, name="ann", key=key).returncode == 255


def test_openssh_with_a_password(served: Served) -> None:
    assert served.ssh(COPY, name="bob").returncode == 1
    refused = served.ssh(COPY, name="bob", password="wrong-one-77")
    assert (refused.returncode, b"Permission denied" in refused.stderr) == (255, True)


def test_openssh_that_is_asked(served: Served) -> None:
    asked = {"PreferredAuthentications": "keyboard-interactive"}
    assert served.ssh(COPY, name="bob@example.org", more=asked).returncode == 1
    refused = served.ssh(COPY, name="bob", password="wrong-one-77", more=asked)
    assert (refused.returncode, b"Permission denied" in refused.stderr) == (255, True)


def test_openssh_with_several_channels_on_one_connection(served: Served) -> None:
    path = served.folder / "mux"
    master = ["-M", "-S", str(path), "-o", "ControlPersist=60"]
    assert served.ssh(COPY, name="bob", before=master).returncode == 1
    try:
        for _turn in range(3):
            assert served.ssh(COPY, name="bob", password="", before=["-S", str(path)]).returncode == 1
        served.until(lambda reception: len(reception) == 1)
    finally:
        served.ssh(name="bob", before=["-S", str(path), "-O", "exit"])
    served.until(lambda reception: len(reception) == 0)


def test_paramiko(served: Served) -> None:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            served.host, served.port, "bob", PASSWORD, look_for_keys=False, allow_agent=False, timeout=LIMIT_S, auth_timeout=LIMIT_S
        )
        _stdin, stdout, _stderr = client.exec_command(COPY, timeout=LIMIT_S)
        stdout.channel.shutdown_write()
        assert stdout.channel.recv_exit_status() == 1
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        with pytest.raises(paramiko.AuthenticationException):
            client.connect(served.host, served.port, "bob", "wrong-one-77", look_for_keys=False, allow_agent=False, timeout=LIMIT_S)


def test_plink(served: Served) -> None:
    need("plink", "ssh-keygen")
    fingerprint = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=served.public_key, capture_output=True, text=True, check=True, timeout=LIMIT_S
    ).stdout.split()[1]
    line = ["plink", "-ssh", "-batch", "-P", str(served.port), "-hostkey", fingerprint, "-l", "bob", "-pw"]
    environment = served.environment()
    right = subprocess.run(
        [*line, PASSWORD, "127.0.0.1", COPY], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=LIMIT_S, check=False
    )
    assert right.returncode == 1, right.stderr
    wrong = subprocess.run(
        [*line, "wrong-one-77", "127.0.0.1", COPY],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=LIMIT_S,
        check=False,
    )
    assert wrong.returncode == 1
    assert b"denied" in wrong.stderr or b"password" in wrong.stderr.lower()
