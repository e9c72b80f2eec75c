"""Transfers through the whole server: whose files, who may, and what happens to them when a session ends."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from core.auth.principal import Principal, operator
from core.files.names import PARTS
from tests.shell import PASSWORD
from tests.ssh.served import LIMIT_S, Served, ServeProcess, serve_process


def copy(served: Served | ServeProcess, *names: str | Path, options: tuple[str, ...] = (), password: str = PASSWORD) -> tuple[int, str]:
    """OpenSSH's scp: status and errors. "ann:" and "bob:" are their places on the server."""
    places = [str(name).replace("ann:", "ann@127.0.0.1:").replace("bob:", "bob@127.0.0.1:") for name in names]
    line = ["scp", *options, *served.options(), *places]
    done = subprocess.run(line, capture_output=True, text=True, env=served.environment(password), timeout=LIMIT_S, check=False)
    return done.returncode, done.stderr


def folder(served: Served, name: str) -> Path:
    async def find() -> Principal:
        return await served.context.services.accounts.principal_for(operator("test"), f"{name}@example.org")

    return served.context.services.files.folder(served.call(find))


def until(true: Callable[[], bool]) -> None:
    """Wait for what a process does to files by itself."""
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


@pytest.mark.parametrize("options", [(), ("-O",)], ids=["sftp", "rcp"])
def test_everybody_has_folders_of_their_own(served: Served, client_folder: Path, options: tuple[str, ...]) -> None:
    (client_folder / "train.jsonl").write_text('{"messages": []}\n' * 1000)
    assert copy(served, client_folder / "train.jsonl", "ann:datasets/", options=options) == (0, "")
    assert copy(served, "ann:datasets/train.jsonl", client_folder / "back", options=options) == (0, "")
    assert (client_folder / "back").read_bytes() == (client_folder / "train.jsonl").read_bytes()
    assert (folder(served, "ann") / "datasets" / "train.jsonl").exists()
    assert copy(served, "bob:datasets/train.jsonl", client_folder / "stolen", options=options)[0] == 1
    assert copy(served, client_folder / "train.jsonl", "ann:datasets/", options=options, password="wrong")[0] != 0
    assert not list((folder(served, "bob") / "datasets").iterdir())


async def test_a_transfer_ends_with_its_session(served: Served) -> None:
    async with await served.connect("bob") as connection:
        client = await connection.start_sftp_client()
        file = await client.open("datasets/big", "wb")
        await file.write(b"x" * 3_000_000)
        bob = await asyncio.to_thread(folder, served, "bob")
        accounts = served.context.services.accounts

        async def disable() -> None:
            await accounts.set_disabled(operator("test"), "bob@example.org", True)

        await asyncio.to_thread(served.call, disable)
        async with asyncio.timeout(LIMIT_S):
            await connection.wait_closed()
        with pytest.raises((asyncssh.Error, OSError)):
            await file.write(b"more")
    await asyncio.to_thread(until, lambda: not list((bob / PARTS).iterdir()))
    assert [(path.name, path.stat().st_size) for path in (bob / "datasets").iterdir()] == [("big.part", 3_000_000)]


async def test_a_password_for_one_sign_in_copies_nothing(served: Served, client_folder: Path) -> None:
    password = "for 1 sign-in only"

    async def renew() -> None:
        await served.context.services.accounts.set_password(operator("test"), "bob@example.org", password)

    await asyncio.to_thread(served.call, renew)
    (client_folder / "f").write_text("x")
    for options in ((), ("-O",)):
        status, errors = await asyncio.to_thread(copy, served, client_folder / "f", "bob:datasets/f", options=options, password=password)
        assert status != 0 and "Your password must be changed" in errors


def test_the_examples_of_the_page_work_as_written(served: Served, client_folder: Path) -> None:
    """Every shell block of docs/files.md, one after the other, with the host and port of the test behind the names of the page."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    programs = client_folder / "bin"
    programs.mkdir()
    more = {"HostName": "127.0.0.1", "HostKeyAlias": f"[127.0.0.1]:{served.port}", "ControlMaster": "no"}
    for name in ("scp", "sftp"):
        line = shlex.join([str(shutil.which(name)), *served.options(more=more)])
        (programs / name).write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        (programs / name).chmod(0o700)
    (client_folder / "train.jsonl").write_text("{}\n")
    (client_folder / "corpus").mkdir()
    (client_folder / "corpus" / "a.txt").write_text("a")
    (client_folder / "big.jsonl").write_bytes(b"x" * 3_000_000)
    (folder(served, "ann") / "datasets" / "big.jsonl.part").write_bytes(b"x" * 1_000_000)
    environment = served.environment() | {"PATH": f"{programs}:{served.environment()['PATH']}"}
    for block in blocks:
        done = subprocess.run(
            ["sh", "-e"], input=block, capture_output=True, text=True, env=environment, cwd=client_folder, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
        assert "Failure" not in done.stderr and "denied" not in done.stderr, done.stderr
    assert len(blocks) == 4
    assert (client_folder / "copy.jsonl").read_text() == "{}\n" and (client_folder / "corpus-copy" / "a.txt").read_text() == "a"
    datasets = folder(served, "ann") / "datasets"
    assert sorted(str(path.relative_to(datasets)) for path in datasets.rglob("*")) == ["2026", "2026/train.jsonl", "big.jsonl"]
    assert (datasets / "big.jsonl").stat().st_size == 3_000_000


def test_stars_without_end_hold_nobody_up(served: Served) -> None:
    """`**` of asyncssh's patterns means folders of any depth: many of them would be tried in more ways than there is time."""
    own = folder(served, "ann")
    deep = own.joinpath("exports", *(["d"] * 20))
    deep.mkdir(parents=True)
    (deep.parents[16] / "x").touch()
    beginning = time.monotonic()
    done = served.ssh("scp", "-f", "/exports/" + "**/" * 3 + "**" + "/**" * 26 + "/y", stdin=b"\0", limit_s=LIMIT_S)
    assert b"/y" in done.stdout
    # A pattern finds what it finds in a shell: one star, one level.
    found = served.ssh("scp", "-f", "/exports/**/d/*/x", stdin=b"\0" * 3)
    assert b"C0600 0 x" in found.stdout
    assert time.monotonic() - beginning < LIMIT_S


async def test_rsync_is_told_what_to_do(served: Served) -> None:
    async with await served.connect() as connection:
        done = await connection.run("rsync --server -logDtpre.iLsfxC . datasets")
        assert done.exit_status == 1 and "scp -r" in str(done.stderr)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="netconf")


def test_a_worker_that_is_killed_leaves_nothing_behind(peopled: Path, client_folder: Path) -> None:
    """`kill -9` in mid-upload: what it had taken is removed by the worker that takes its place."""
    with serve_process(peopled, client_folder, "--workers", "1") as server:

        async def upload() -> None:
            async with await server.connect() as connection:
                client = await connection.start_sftp_client()
                file = await client.open("datasets/f", "wb")
                await file.write(b"x" * 2_000_000)
                parts = list((peopled / "users").glob(f"*/{PARTS}/*"))
                assert len(parts) == 1
                for worker in server.workers:
                    worker.kill()
                await connection.wait_closed()
                await asyncio.to_thread(until, lambda: not parts[0].exists())

        asyncio.run(upload())
        (client_folder / "f").write_text("whole")
        assert copy(server, client_folder / "f", "ann:datasets/f") == (0, "")
    assert [path.name for path in (peopled / "users").glob("*/datasets/*")] == ["f"]
