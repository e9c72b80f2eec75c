"""modeltrain secrets: what an administrator of the installation sees and does."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.installation import prepare
from core.settings import Settings
from storage.keyring import new_master_key
from storage.tables import Provider
from storage.unit_of_work import UnitOfWork
from tests.shell import Shell

IDENTITY = "providers/openai/shared_key"


def fill(uow: UnitOfWork) -> None:
    uow.session.add(Provider(id="openai", shared_key=uow.secrets.seal("sk-1", IDENTITY), updated_at=1))


def opened(settings: Settings) -> str:
    storage = prepare(settings)
    try:
        return storage.read_now(lambda uow: uow.secrets.open(uow.session.get_one(Provider, "openai").shared_key or "", IDENTITY))
    finally:
        storage.close()


@pytest.fixture
def shell(settings: Settings) -> Shell:
    storage = prepare(settings)
    storage.write_now(fill)
    storage.close()
    return Shell(settings.data_dir)


def test_show_and_rotate(shell: Shell, settings: Settings) -> None:
    before = shell.run("secrets", "show", "--json").json
    assert before["source"] == str(settings.data_dir / "master.key")
    rotated = shell.run("secrets", "rotate", "--json")
    assert rotated.status == 0, rotated.err
    assert rotated.json["unreadable"] == [] and rotated.json["secrets_resealed"] >= 1
    after = shell.run("secrets", "show", "--json").json
    assert after["master_key_id"] != before["master_key_id"] and after["data_keys"] == 1
    assert opened(settings) == "sk-1"
    audit = shell.run("secrets", "rotate", "--master-only")
    assert audit.status == 0 and "The old master key is gone." in audit.out
    assert opened(settings) == "sk-1"


def test_no_key_is_ever_printed(shell: Shell, settings: Settings) -> None:
    key = (settings.data_dir / "master.key").read_text().strip()
    for command in (("show",), ("show", "--json"), ("rotate",), ("rotate", "--json")):
        done = shell.run("secrets", *command)
        fresh = (settings.data_dir / "master.key").read_text().strip()
        assert key not in done.out + done.err and fresh not in done.out + done.err


def test_a_key_from_the_environment(settings: Settings) -> None:
    """Only somebody who gives the new key before the old one can rotate it; then the old one may go."""
    shell, old, new = Shell(settings.data_dir), new_master_key().text, new_master_key().text
    assert shell.run("secrets", "show", environment={"MODELTRAIN_MASTER_KEY": old}).status == 0
    alone = shell.run("secrets", "rotate", environment={"MODELTRAIN_MASTER_KEY": old})
    assert alone.status == 2 and "openssl rand -base64 32" in alone.err
    both = shell.run("secrets", "rotate", environment={"MODELTRAIN_MASTER_KEY": f"{new} {old}"})
    assert both.status == 0 and "remove the old key" in both.out
    assert shell.run("secrets", "show", environment={"MODELTRAIN_MASTER_KEY": new}).status == 0
    gone = shell.run("secrets", "show", environment={"MODELTRAIN_MASTER_KEY": old})
    assert gone.status == 2 and old not in gone.err


def test_both_at_once_is_refused(shell: Shell) -> None:
    assert shell.run("secrets", "rotate", "--master-only", "--data-only").status == 2


@pytest.mark.parametrize("arguments", [("secrets", "show"), ("conversation", "list"), ("user", "list")])
def test_without_its_master_key_nothing_starts(shell: Shell, settings: Settings, arguments: tuple[str, ...]) -> None:
    (settings.data_dir / "master.key").unlink()
    done = shell.run(*arguments)
    assert done.status == 2 and "master key is missing" in done.err
    assert not (settings.data_dir / "master.key").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = Shell(tmp_path / "file" / "data").run("secrets", "show")
    assert done.status == 2 and f"{tmp_path / 'file'} is a file, not a folder." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
