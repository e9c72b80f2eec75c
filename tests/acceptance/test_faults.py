"""What is wrong with an installation at the start: a sentence and a remedy in the shell and from the application, a status, nothing lost.

Faults of providers are in test_provider_faults.py, disks and locks in test_disks.py, kills and floods in test_kills.py; the storage's
own view of them in tests/storage/test_failures.py.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.installation import DATABASE_FILE
from storage.migrations import HEAD
from tests.acceptance.faults import Run
from tests.acceptance.safe import last_words, nothing_lost, refused
from tests.shell import COMMAND, Shell
from tests.terminal import Terminal

# At the start ------------------------------------------------------------------------------------------------------------------

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Start:
    """`damage` an installation and return the environment to start it in; then `says` and `remedy` are read."""

    damage: Callable[[Path], Environment | None]
    says: str
    remedy: str
    mend: Callable[[Path], object] | None = None


def sql(statement: str) -> Callable[[Path], None]:
    def run(data: Path) -> None:
        with closing(sqlite3.connect(data / DATABASE_FILE)) as database:
            database.execute(statement)
            database.commit()

    return run


def overwrite(first: int, last: int | None) -> Callable[[Path], None]:
    """Damage these bytes of the database, with a copy beside it."""

    def run(data: Path) -> None:
        sql("PRAGMA wal_checkpoint(TRUNCATE)")(data)
        file = data / DATABASE_FILE
        shutil.copy(file, data.parent / "intact.db")
        content = bytearray(file.read_bytes())
        content[first:last] = b"\xff" * len(content[first:last])
        file.write_bytes(content)

    return run


def restore(data: Path) -> None:
    shutil.copy(data.parent / "intact.db", data / DATABASE_FILE)


def put_key(text: str) -> Callable[[Path], None]:
    def run(data: Path) -> None:
        shutil.move(data / "master.key", data.parent / "kept.key")
        if text:
            (data / "master.key").write_text(text)
            (data / "master.key").chmod(0o600)

    return run


def put_key_back(data: Path) -> None:
    shutil.move(data.parent / "kept.key", data / "master.key")


def database(url: str) -> Callable[[Path], Environment]:
    return lambda _data: {"MODELTRAIN_DATABASE_URL": url}


def no_server(scheme: str) -> Callable[[Path], Environment]:
    def run(_data: Path) -> Environment:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            return {"MODELTRAIN_DATABASE_URL": f"{scheme}://ann:pa55word@127.0.0.1:{taken.getsockname()[1]}/modeltrain"}

    return run


STARTS = {
    "newer": Start(
        sql("UPDATE alembic_version SET version_num = '9999'"),
        "The database was made by a newer modeltrain. It is at revision 9999",
        "Update modeltrain",
        sql(f"UPDATE alembic_version SET version_num = '{HEAD}'"),
    ),
    "no database file": Start(overwrite(0, 100), "The database is damaged.", "restore a backup", restore),
    "torn pages": Start(overwrite(8192, None), "The database is damaged.", "restore a backup", restore),
    "no key": Start(put_key(""), "The master key is missing.", "Put the key back.", put_key_back),
    "another key": Start(
        put_key(base64.b64encode(bytes(32)).decode()),
        "is not the one that stored secrets were sealed under",
        "from your backup",
        put_key_back,
    ),
    "no such key": Start(put_key("this is no key"), "is no master key", "from your backup", put_key_back),
    "exposed key": Start(
        lambda data: (data / "master.key").chmod(0o644),
        "may read the master key",
        "chmod 0600",
        lambda data: (data / "master.key").chmod(0o600),
    ),
    "unknown database": Start(database("oracle://ann:pa55word@host/x"), "“oracle” is not known.", "Write postgresql://"),
    "no address": Start(database("anything"), "MODELTRAIN_DATABASE_URL is not an address of a database.", "Write postgresql://"),
    "no postgresql": Start(no_server("postgresql"), "The database server does not answer.", "Start it, or correct"),
    "no mysql": Start(no_server("mysql"), "The database server does not answer.", "Start it, or correct"),
    "bad setting": Start(lambda _data: {"MODELTRAIN_LOCK_WAIT": "soon"}, "MODELTRAIN_LOCK_WAIT cannot be “soon”.", "Give a number"),
}


@pytest.mark.parametrize("name", STARTS)
def test_what_is_wrong_at_the_start_is_said_and_mended(here: Run, data: Path, safe: tuple[Path, str], name: str) -> None:
    fault = STARTS[name]
    environment = dict(fault.damage(data) or {})
    outcome = here(data, "conversation", "list", "--json", environment=environment)
    error = json.loads(outcome.err)["error"]
    assert outcome.out == ""
    refused(outcome.status, f"{error['message']} {error['why']} {error['remedy']}", fault.says, fault.remedy)
    with Terminal([COMMAND, "--data", data], width=100, height=30, environment=environment) as terminal:
        status = terminal.wait()
        words = last_words(terminal) if name != "bad setting" else terminal.text
        refused(status, words, fault.says, fault.remedy)
    if fault.mend is not None:
        fault.mend(data)
        nothing_lost(data, safe[1])


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        outcome = Shell(place).run("conversation", "list")
        refused(outcome.status, outcome.err, f"{tmp_path / 'file'} is a file, not a folder.", "Move the file away")
        with Terminal([COMMAND, "--data", place], width=200) as terminal:
            status = terminal.wait()
            refused(status, last_words(terminal), f"{tmp_path / 'file'} is a file, not a folder.", "Move the file away")
    assert (tmp_path / "file").read_text() == "mine"
