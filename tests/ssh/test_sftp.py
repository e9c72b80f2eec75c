"""Transfers with real programs: OpenSSH's sftp and scp (both protocols), pscp, psftp, paramiko and asyncssh, over SSH on loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import stat
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
import pytest_asyncio

from core.auth.principal import Principal, Role
from core.files.names import FOLDERS, PARTS
from core.files.service import UserFiles
from tui.ssh.sftp_session import MOST_HANDLES, TransferSession

PASSWORD = "of no account"
QUOTA = 64 * 1024 * 1024
PEOPLE = {
    "ann": Principal("a" * 32, "ann\x1b[31m of the lab", "ann@example.org", Role.USER),
    "bob": Principal("b" * 32, "bob", "bob@example.org", Role.USER),
}


class Door(asyncssh.SSHServer):
    """Lets anybody in by the key of the test; who it is, the user name says."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._name = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._place.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._name = username
        return username in PEOPLE

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data == self._place.key.public_data

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD

    def session_requested(self) -> TransferSession:
        session = TransferSession(self._place.files, PEOPLE[self._name])
        self._place.sessions.append(session)
        return session


@dataclass
class Place:
    """A server with people's files, and how to reach it."""

    files: UserFiles
    folder: Path
    key: asyncssh.SSHKey
    host_key: asyncssh.SSHKey
    port: int
    connections: list[asyncssh.SSHServerConnection]
    sessions: list[TransferSession]

    @property
    def key_file(self) -> Path:
        return self.folder / "key"

    def of(self, name: str, *parts: str) -> Path:
        """Where a file of `name` is on the server."""
        return self.files.folder(PEOPLE[name]).joinpath(*parts)

    def options(self) -> list[str]:
        known = self.folder / "known_hosts"
        return [
            "-F", "/dev/null", "-q", "-i", str(self.key_file), "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
        ]  # fmt: skip

    async def run(self, *command: str | Path, text: str = "") -> tuple[int, str, str]:
        """Exit status, output and errors of a program."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment, cwd=self.folder,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                out, errors = await process.communicate(text.encode())
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return process.returncode, out.decode(), errors.decode()

    async def sftp(self, text: str, *, name: str = "ann") -> tuple[int, str, str]:
        """A batch of OpenSSH's sftp."""
        return await self.run("sftp", *self.options(), "-P", str(self.port), "-b", "-", f"{name}@127.0.0.1", text=text)

    async def scp(self, *arguments: str | Path) -> tuple[int, str, str]:
        """OpenSSH's scp; "ann:" becomes ann's place on the server."""
        names = [str(one) for one in arguments]
        names = [f"{name.split(':', 1)[0]}@127.0.0.1:{name.split(':', 1)[1]}" if name[:4] in ("ann:", "bob:") else name for name in names]
        return await self.run("scp", *self.options(), "-P", str(self.port), *names)

    def connect(self, name: str = "ann") -> Any:
        return asyncssh.connect(
            "127.0.0.1", self.port, username=name, client_keys=[self.key], known_hosts=([self.host_key.convert_to_public()], [], []),
            config=None, agent_path=None,
        )  # fmt: skip

    async def idle(self) -> None:
        """Wait until the server has no connection left."""
        async with asyncio.timeout(30):
            for connection in self.connections:
                await connection.wait_closed()
            for session in self.sessions:
                await session.over.wait()


@pytest.fixture(scope="module")
def keys() -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
    return asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")


@pytest_asyncio.fixture
async def place(tmp_path: Path, keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey]) -> AsyncIterator[Place]:
    folder = tmp_path / "client"
    folder.mkdir()
    (tmp_path / "data").mkdir()
    key, host_key = keys
    files = UserFiles(tmp_path / "data", QUOTA, reserve=0)
    found = Place(files, folder, key, host_key, 0, [], [])
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: Door(found), server_host_keys=[host_key], encoding=None, line_editor=False
    )
    found.port = server.sockets[0].getsockname()[1]
    found.key_file.write_bytes(key.export_private_key())
    found.key_file.chmod(0o600)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{found.port} {host_key.export_public_key().decode()}")
    yield found
    server.close()
    for connection in found.connections:
        connection.abort()
    await server.wait_closed()
    await found.idle()
    await asyncio.to_thread(files.close)


@pytest.mark.parametrize("protocol", [(), ("-O",)], ids=["sftp", "rcp"])
async def test_scp_copies_files_and_folders_both_ways(place: Place, protocol: tuple[str, ...]) -> None:
    content = os.urandom(3_000_000)
    (place.folder / "a b.jsonl").write_bytes(content)
    tree = place.folder / "tree"
    (tree / "inner").mkdir(parents=True)
    for number in range(20):
        (tree / "inner" / f"文件-{number}").write_bytes(b"x" * number)
    target = "ann:datasets/a b.jsonl" if not protocol else "ann:datasets/a\\ b.jsonl"
    assert await place.scp(*protocol, place.folder / "a b.jsonl", target) == (0, "", "")
    assert place.of("ann", "datasets", "a b.jsonl").read_bytes() == content
    assert stat.S_IMODE(place.of("ann", "datasets", "a b.jsonl").stat().st_mode) == 0o600
    assert await place.scp(*protocol, "-r", "-p", tree, "ann:datasets") == (0, "", "")
    assert place.of("ann", "datasets", "tree", "inner", "文件-7").read_bytes() == b"x" * 7
    assert stat.S_IMODE(place.of("ann", "datasets", "tree").stat().st_mode) == 0o700
    assert int(place.of("ann", "datasets", "tree", "inner", "文件-7").stat().st_mtime) == int((tree / "inner" / "文件-7").stat().st_mtime)
    assert await place.scp(*protocol, "-r", "ann:datasets/tree", place.folder / "back") == (0, "", "")
    assert sorted(path.name for path in (place.folder / "back" / "inner").iterdir()) == sorted(p.name for p in (tree / "inner").iterdir())
    assert await place.scp(*protocol, target, place.folder / "again") == (0, "", "")
    assert (place.folder / "again").read_bytes() == content
    status, _out, errors = await place.scp(*protocol, "ann:datasets/none", place.folder / "x")
    assert status == 1 and errors
    status, _out, errors = await place.scp(*protocol, place.folder / "a b.jsonl", "ann:")
    assert status == 1 and "datasets, images or exports" in errors


async def test_the_root_shows_three_folders_and_stays_so(place: Place) -> None:
    (place.folder / "f").write_bytes(b"1")
    status, out, errors = await place.sftp("pwd\nls -la\nput f images/f\nls -l images\ndf\n")
    assert status == 0, errors
    assert "/\n" in out.splitlines(keepends=True)[1].replace("Remote working directory: ", "")
    listed = [line for line in out.splitlines() if line.startswith(("d", "-r"))]
    assert [line.split()[-1] for line in listed[:3]] == sorted(FOLDERS)
    assert all("ann_of_the_lab" in line and "\x1b" not in line and "root" not in line for line in listed)
    assert listed[3].startswith("-rw-------") and listed[3].split()[1] == "1" and listed[3].endswith(" f")
    for command in ("mkdir x", "rmdir datasets", "rename datasets y", "rm datasets", "put f f", "put f .parts/f", "get .ledger g", "ls .parts"):
        status, _out, errors = await place.sftp(command + "\n")
        assert status == 1, command
    assert sorted(path.name for path in place.of("ann").iterdir()) == sorted([*FOLDERS, ".ledger", PARTS])


async def test_every_change_inside_a_folder(place: Place) -> None:
    (place.folder / "f").write_bytes(b"12345")
    steps = (
        "mkdir datasets/d", "put f datasets/d/f", "rename datasets/d/f datasets/d/g", "chmod 777 datasets/d/g", "get datasets/d/g back",
        "put f datasets/d/h", "rm datasets/d/g", "rm datasets/d/h", "rmdir datasets/d", "cd exports", "put f", "cp f copy",
    )  # fmt: skip
    status, _out, errors = await place.sftp("\n".join(steps) + "\n")
    assert status == 0, errors
    assert (place.folder / "back").read_bytes() == b"12345"
    assert sorted(path.name for path in place.of("ann", "exports").iterdir()) == ["copy", "f"]
    assert place.of("ann", "exports", "copy").read_bytes() == b"12345"
    for command in ("chown 0 exports/f", "chgrp 0 exports/f", "ln -s f exports/l", "ln exports/f exports/l", "rmdir exports", "rm exports/*x"):
        assert (await place.sftp(command + "\n"))[0] == 1, command
    assert stat.S_IMODE(place.of("ann", "exports", "f").stat().st_mode) == 0o600
