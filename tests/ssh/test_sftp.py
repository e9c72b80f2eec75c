"""Transfers with real programs: OpenSSH's sftp and scp (both protocols), pscp, psftp, paramiko and asyncssh, over SSH on loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import stat
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import psutil
import pytest
import pytest_asyncio
from asyncssh.constants import FXP_EXTENDED, FXP_INIT, FXP_OPEN, FXP_READ

from core.auth.principal import Principal, Role
from core.files import service
from core.files.names import FOLDERS, PARTS
from core.files.service import UserFiles
from tests.ssh.served import need
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
        need("scp", "sftp")
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
    assert status == 1 and "datasets/none" in errors
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
    refused = ("mkdir x", "rmdir datasets", "rename datasets y", "rm datasets", "put f f", "put f .parts/f", "get .ledger g", "ls .parts")
    for command in refused:
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
    refused = ("chown 0 exports/f", "chgrp 0 exports/f", "ln -s f exports/l", "ln exports/f exports/l", "rmdir exports", "rm exports/*x")
    for command in refused:
        assert (await place.sftp(command + "\n"))[0] == 1, command
    assert stat.S_IMODE(place.of("ann", "exports", "f").stat().st_mode) == 0o600


async def test_who_removes_a_folder_as_a_file_reads_how_to_remove_it(place: Place) -> None:
    status, _out, errors = await place.sftp("mkdir datasets/d\nrm datasets/d\n")
    assert status == 1
    assert "This is a folder, not a file. Empty it, then remove it with rmdir." in errors
    assert place.of("ann", "datasets", "d").is_dir()


async def test_two_people_do_not_see_each_other(place: Place) -> None:
    (place.folder / "f").write_bytes(b"of bob")
    assert (await place.sftp("put f datasets/secret\n", name="bob"))[0] == 0
    anns, bobs = place.of("ann"), place.of("bob", "datasets", "secret")
    ways = [
        f"../{'b' * 32}/datasets/secret", str(bobs), f"datasets/../../{'b' * 32}/datasets/secret", "datasets/secret", "/etc/passwd",
        "datasets/..;/..;/secret", "datasets/%2e%2e/secret", "datasets/..\\..\\secret", "~bob/datasets/secret", "datasets/link/secret",
        "datasets/link", "datasets/file",
    ]  # fmt: skip
    (anns / "datasets" / "link").symlink_to(bobs.parent)
    (anns / "datasets" / "file").symlink_to(bobs)
    async with place.connect() as connection, connection.start_sftp_client() as client:
        for way in ways:
            for act in (client.open(way, "rb"), client.open(way, "r+b"), client.stat(way), client.remove(way), client.readlink(way)):
                with pytest.raises(asyncssh.SFTPError):
                    await act
        assert await client.listdir("datasets") == []
        for act in (client.symlink("/etc", "datasets/l"), client.link("datasets/f", "datasets/l"), client.chown("datasets", 0, 0)):
            with pytest.raises(asyncssh.SFTPError):
                await act
    for way in ways:
        assert (await place.scp("-O", f"ann:{way}", place.folder / "got"))[0] == 1
    assert not (place.folder / "got").exists()
    assert bobs.read_bytes() == b"of bob"


async def test_an_upload_that_breaks_off_leaves_the_old_file(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tui.ssh.sftp_log")
    place.of("ann", "datasets", "a").write_bytes(b"old")
    async with place.connect() as connection:
        client = await connection.start_sftp_client()
        big, small = await client.open("datasets/a", "wb"), await client.open("datasets/b", "wb")
        await big.write(b"x" * 2_000_000)
        await small.write(b"x" * 1000)
        assert await client.listdir("datasets") == ["a"]
        assert len(list(place.of("ann", PARTS).iterdir())) == 2
        connection.abort()
    await place.idle()
    assert sorted(path.name for path in place.of("ann", "datasets").iterdir()) == ["a", "a.part"]
    assert place.of("ann", "datasets", "a").read_bytes() == b"old"
    assert not list(place.of("ann", PARTS).iterdir())
    assert "ann of the lab (" in caplog.text and "in datasets: 2 files, 2 not whole, 2001000 bytes" in caplog.text
    assert "\x1b" not in caplog.text
    # What was kept is gone on with by OpenSSH's own means.
    (place.folder / "a").write_bytes(b"x" * 3_000_000)
    steps = "reput a datasets/a.part\nrm datasets/a\nrename datasets/a.part datasets/a\nreget datasets/a back\n"
    status, _out, errors = await place.sftp(steps)
    assert status == 0, errors
    assert (place.folder / "back").read_bytes() == b"x" * 3_000_000


async def test_scp_that_is_killed_leaves_nothing(place: Place) -> None:
    """The old protocol: the client says how much comes, sends less, and is gone."""
    async with place.connect() as connection:
        writer, reader, _errors = await connection.open_session("scp -t datasets/a", encoding=None)
        assert await reader.readexactly(1) == b"\0"
        writer.write(b"C0644 5000 a\n")
        assert await reader.readexactly(1) == b"\0"
        writer.write(b"x" * 4000)
        writer.write_eof()
        await reader.read()
        assert writer.channel.get_exit_status() in (1, None)
    async with place.connect() as connection:
        writer, reader, _errors = await connection.open_session("scp -t datasets/a", encoding=None)
        writer.write(b"C0644 5 a\n12345\x01it went wrong here\n")  # the client could not read its own file
        writer.write_eof()
        assert (await reader.read()).startswith(b"\0\0")
        assert writer.channel.get_exit_status() == 1
    await place.idle()
    assert not list(place.of("ann", "datasets").iterdir()) and not list(place.of("ann", PARTS).iterdir())


@pytest.mark.parametrize("protocol", [(), ("-O",)], ids=["sftp", "rcp"])
async def test_a_quota_that_is_reached_is_said(place: Place, protocol: tuple[str, ...]) -> None:
    with (place.folder / "big").open("wb") as file:
        file.truncate(QUOTA + 1)
    status, _out, errors = await place.scp(*protocol, place.folder / "big", "ann:datasets")
    assert status != 0
    assert "Your files may not take more than 64 MB" in errors
    await place.idle()
    assert not list(place.of("ann", "datasets").iterdir()) and not list(place.of("ann", PARTS).iterdir())
    async with place.connect() as connection, connection.start_sftp_client() as client:
        with pytest.raises(asyncssh.SFTPFailure, match="may not take more"):
            async with client.open("datasets/x", "wb") as file_:
                await file_.write(b"x", QUOTA)
        space = await client.statvfs("/")
        assert space.blocks * space.frsize == QUOTA == space.bavail * space.frsize


async def test_four_uploads_at_once_share_a_quota(place: Place) -> None:
    """Each a little over a quarter: three fit, one is refused, and all that stays is whole."""
    source = place.folder / "part"
    source.write_bytes(b"x" * (QUOTA // 4 + 1))
    done = await asyncio.gather(*(place.scp(source, f"ann:datasets/{number}") for number in range(4)))
    await place.idle()
    stored = list(place.of("ann", "datasets").iterdir())
    whole = [path for path in stored if path.suffix != ".part"]
    assert sum(status == 0 for status, *_ in done) == len(whole) <= 3
    assert all(path.stat().st_size == QUOTA // 4 + 1 for path in whole)
    assert sum(path.stat().st_size for path in stored) <= QUOTA
    assert not list(place.of("ann", PARTS).iterdir())


@pytest.mark.skipif(shutil.which("pscp") is None, reason="PuTTY's tools are not installed")
@pytest.mark.parametrize("protocol", ["-sftp", "-scp"])
async def test_putty_copies_too(place: Place, protocol: str) -> None:
    (place.folder / "f").write_bytes(b"12345" * 1000)
    fingerprint = place.host_key.get_fingerprint()
    options = ["-batch", "-P", str(place.port), "-pw", PASSWORD, "-hostkey", fingerprint]
    status, _out, errors = await place.run("pscp", *options, protocol, place.folder / "f", "ann@127.0.0.1:datasets/f")
    assert status == 0, errors
    status, _out, errors = await place.run("pscp", *options, protocol, "ann@127.0.0.1:datasets/f", place.folder / "back")
    assert status == 0, errors
    assert (place.folder / "back").read_bytes() == b"12345" * 1000
    assert (await place.run("pscp", *options, protocol, place.folder / "f", "ann@127.0.0.1:f"))[0] == 1
    steps = "ls\ncd images\nput f\nren f g\ndel g\nmkdir d\nrmdir d\nquit\n"
    status, out, _errors = await place.run("psftp", *options, "ann@127.0.0.1", text=steps)
    assert status == 0 and "datasets" in out and not list(place.of("ann", "images").iterdir())


async def test_paramiko_copies_too(place: Place) -> None:
    def work() -> list[str]:
        transport = paramiko.Transport(("127.0.0.1", place.port))
        try:
            transport.connect(username="ann", password=PASSWORD)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            (place.folder / "f").write_bytes(b"x" * 300_000)
            client.put(str(place.folder / "f"), "datasets/f")
            client.get("/datasets/f", str(place.folder / "back"))
            with client.open("datasets/g", "w") as file:
                file.write("text")
            with client.open("datasets/g", "a") as file:
                file.write(" and more")
            with client.open("datasets/g") as file:
                assert file.read() == b"text and more"
            with pytest.raises(OSError):
                client.open("datasets/g", "x")
            client.utime("datasets/g", (1, 2))
            client.chmod("datasets/g", 0o4777)
            found = client.stat("datasets/g")
            assert (found.st_mtime, found.st_mode, found.st_uid) == (2, stat.S_IFREG | 0o600, None)
            assert client.normalize("datasets/../images/.") == "/images"
            client.posix_rename("datasets/g", "datasets/f")
            client.chdir("datasets")
            return list(client.listdir())
        finally:
            transport.close()

    assert await asyncio.to_thread(work) == ["f"]
    assert (place.folder / "back").read_bytes() == b"x" * 300_000


async def test_nothing_but_transfers(place: Place) -> None:
    async with place.connect() as connection:
        for command in ("rsync --server -logDtpre.iLsfxC . datasets", "/usr/lib/openssh/sftp-server"):
            done = await connection.run(command)
            assert done.exit_status == 1 and "Only sftp and scp" in str(done.stderr)
        for command in ("scp -x", "scp -t", "scp -t a b", 'scp -t "', "scp -t -f a"):
            done = await connection.run(command)
            assert done.exit_status == 1 and "This form of scp" in str(done.stderr), command
        for request in ({"subsystem": "netconf"}, {"command": "id"}, {"command": "scp"}, {}):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.create_process(**request)


async def test_open_files_are_bounded(place: Place) -> None:
    place.of("ann", "datasets", "f").write_bytes(b"x")
    async with place.connect() as connection, connection.start_sftp_client() as client:
        opened = [await client.open("datasets/f", "rb") for _ in range(MOST_HANDLES)]
        with pytest.raises(asyncssh.SFTPFailure, match="Too many"):
            await client.open("datasets/f", "rb")
        await opened.pop().close()
        opened.append(await client.open("datasets/f", "rb"))
    await place.idle()
    assert not [file for file in psutil.Process().open_files() if "/users/" in file.path]


async def test_open_files_of_an_account_are_bounded_over_all_its_connections(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one account could take all descriptors of the process, and with them everybody's connections."""
    monkeypatch.setattr(service, "MOST_OPEN", 10)
    place.of("ann", "datasets", "f").write_bytes(b"x")
    async with place.connect() as one, place.connect() as other, one.start_sftp_client() as first, other.start_sftp_client() as second:
        for client in (first, second):
            [await client.open("datasets/f", "rb") for _ in range(5)]
        for name, mode in (("f", "rb"), ("g", "wb")):
            with pytest.raises(asyncssh.SFTPFailure, match="Too many"):
                await second.open(f"datasets/{name}", mode)
        async with place.connect("bob") as his, his.start_sftp_client() as client:
            async with client.open("datasets/g", "wb") as file:
                await file.write("his own")
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.open("datasets/f", "rb")
    await place.idle()
    assert not place.files._held


async def test_many_names_are_listed_whole_and_strange_ones_left_out(place: Place) -> None:
    names = [f"{number:04}-文件" for number in range(700)]
    for name in [*names, "bad\nname", "\u202egpj.exe"]:
        place.of("ann", "datasets", name).write_bytes(b"")
    (place.of("ann", "datasets") / os.fsdecode(b"\xff")).write_bytes(b"")
    async with place.connect() as connection, connection.start_sftp_client() as client:
        found = await client.readdir("datasets")
        assert [str(entry.filename) for entry in found] == [*names, "\u202egpj.exe"]
        assert "\u202e" not in str(found[-1].longname)
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.listdir("datasets/none")


async def test_the_loop_stays_free_while_files_are_moved(place: Place) -> None:
    """The disk is touched in the threads of the files only, never in the thread of the loop."""
    seen: set[str] = set()
    here = threading.get_ident()  # every piece of work begins with opening the account's root

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.scandir", "os.truncate"} and threading.get_ident() == here:
            path = arguments[0]
            if isinstance(path, str | Path) and "/users/" in str(path):
                seen.add(event)

    sys.addaudithook(watch)
    (place.folder / "f").write_bytes(b"x" * 1_000_000)
    assert (await place.scp(place.folder / "f", "ann:datasets/f"))[0] == 0
    assert (await place.scp("-O", "ann:datasets/f", place.folder / "g"))[0] == 0
    here = -1  # a hook stays for ever
    assert seen == set()


def packet(kind: int, *parts: bytes | int) -> bytes:
    """A packet of the protocol: numbers have four bytes, texts their length before them."""
    body = bytes([kind]) + b"".join(
        part.to_bytes(4, "big") if isinstance(part, int) else len(part).to_bytes(4, "big") + part for part in parts
    )
    return len(body).to_bytes(4, "big") + body


async def test_a_client_that_never_reads_holds_no_memory(place: Place) -> None:
    """It asks for 500 times 255 KB: the server goes on only as far as its answers are fetched."""
    with place.of("ann", "datasets", "big").open("wb") as file:
        file.truncate(10_000_000)
    async with place.connect() as connection:
        asking = await connection.open_session(subsystem="sftp", encoding=None, window=64 * 1024)
        asking[0].write(packet(FXP_INIT, 3) + packet(FXP_OPEN, 1, b"datasets/big", asyncssh.FXF_READ, 0))
        asking[0].write(b"".join(packet(FXP_READ, number, b"\0\0\0\0", 0, 0, 255 * 1024) for number in range(2, 502)))
        async with asyncio.timeout(60):
            while not place.sessions or not place.sessions[0]._write_paused:  # noqa: ASYNC110 - asyncssh has no event for it
                await asyncio.sleep(0.01)
        async with connection.start_sftp_client() as client:  # others go on
            for _ in range(50):
                assert await client.exists("datasets/big")
        channel = place.sessions[0]._chan
        assert channel is not None and channel.get_write_buffer_size() < 2_000_000


async def test_nonsense_ends_its_own_channel_only(place: Place) -> None:
    nonsense = (
        b"\xff" * 100, b"\0\0\0\x05\x01\0\0\0\x03" + b"\x7f\xff\xff\xff", packet(FXP_OPEN, 1, b"x", 0, 0), packet(FXP_INIT, 3, 99),
        packet(FXP_INIT, 3) + packet(FXP_READ, 1, b"none", 0, 0, 1) + packet(250, 2) + packet(FXP_OPEN, 3, b"\xff" * 9000, 2, 0),
        packet(FXP_INIT, 3) + packet(FXP_EXTENDED, 1, b"ranges@asyncssh.com", b"x") + packet(FXP_EXTENDED, 2, b"hardlink@openssh.com"),
    )  # fmt: skip
    async with place.connect() as connection, connection.start_sftp_client() as client:
        for bytes_ in nonsense:
            writer, reader, _errors = await connection.open_session(subsystem="sftp", encoding=None)
            writer.write(bytes_)
            writer.write_eof()
            async with asyncio.timeout(30):
                await reader.read()
                await writer.channel.wait_closed()
        assert await client.listdir("/") == list(FOLDERS)
