"""Keys are replaced while everything stays readable, and a crash at any step loses nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from core.audit import Audit
from core.auth.principal import Principal, Role, operator
from core.clock import Clock, Identifiers
from core.errors import Forbidden, MasterKeyMissing
from core.secrets import Secrets, make_box
from core.settings import Settings
from storage.crypto import data_key_of, identity
from storage.errors import KeyMissing
from storage.keyring import new_master_key
from storage.rotation import SEALED, prepare_keys, rotate_data_key, rotate_master_key
from storage.tables import AppSetting, AuditEvent, Configuration, Provider, User, metadata
from storage.unit_of_work import Storage, UnitOfWork

#: A setting in JSON that looks as much like an envelope as JSON can.
PLAIN = '"v1:0123:abcd"'
Make = Callable[..., Storage]
SECRETS = {
    ("providers", "openai", "shared_key"): "sk-shared",
    ("configurations", "c1", "key"): "sk-one",
    ("configurations", "c2", "key"): "秘密",
    ("app_settings", "auth.key", "value"): "signing key",
}


def fill(uow: UnitOfWork) -> None:
    """A provider with a shared key, two configurations with a key and one without, a setting with a secret and one without."""
    sealed = {name: uow.secrets.seal(plain, identity(*name)) for name, plain in SECRETS.items()}
    uow.session.add(User(id="u", email="a@b.c", nickname="n", nickname_key="n", password_hash="x", role="user", created_at=1, updated_at=1))
    uow.session.flush()
    uow.session.add(Provider(id="openai", shared_key=sealed["providers", "openai", "shared_key"], updated_at=1))
    uow.session.add(AppSetting(name="auth.key", value=sealed["app_settings", "auth.key", "value"], updated_at=1))
    uow.session.add(AppSetting(name="title", value=PLAIN, updated_at=1))
    uow.session.add(Provider(id="ollama", shared_key=None, updated_at=1))
    for name in ("c1", "c2"):
        uow.session.add(
            Configuration(id=name, owner_id="u", name=name, key=sealed["configurations", name, "key"], created_at=1, updated_at=1)
        )
    uow.session.add(Configuration(id="c3", owner_id="u", name="c3", key="", created_at=1, updated_at=1))


def envelopes(storage: Storage) -> dict[tuple[str, str, str], str]:
    def work(uow: UnitOfWork) -> dict[tuple[str, str, str], str]:
        found = {}
        for name, row, column in SECRETS:
            table = metadata.tables[name]
            found[name, row, column] = uow.session.scalars(select(table.c[column]).where(next(iter(table.primary_key)) == row)).one()
        assert uow.session.get_one(AppSetting, "title").value == PLAIN
        return found

    return storage.read_now(work)


def readable(storage: Storage) -> bool:
    return (
        storage.read_now(lambda uow: {name: uow.secrets.open(text, identity(*name)) for name, text in envelopes(storage).items()})
        == SECRETS
    )


def fresh(storage: Storage, settings: Settings, make_storage: Make) -> Storage:
    """What a process that starts now sees."""
    opened = make_storage(storage.url, box=make_box(settings))
    prepare_keys(opened)
    return opened


def data_keys(storage: Storage) -> list[tuple[str, str]]:
    return storage.read_now(
        lambda uow: [(row[0], row[1]) for row in uow.session.execute(text("SELECT id, master_key_id FROM data_keys")).all()]
    )


def test_the_master_key_is_replaced(storage: Storage, settings: Settings, make_storage: Make) -> None:
    storage.write_now(fill)
    before, path = data_keys(storage), settings.data_dir / "master.key"
    old_text, running = path.read_text(), make_storage(storage.url, box=make_box(settings))
    assert rotate_master_key(storage) == 1
    after = data_keys(storage)
    assert [key for key, _ in after] == [key for key, _ in before] and after[0][1] != before[0][1]
    assert old_text.strip() not in path.read_text() and len(path.read_text().split()) == 1
    for each in (storage, running, fresh(storage, settings, make_storage)):
        assert readable(each)
    path.write_text(old_text)
    with pytest.raises(KeyMissing):
        fresh(storage, settings, make_storage)


def test_the_data_key_is_replaced(storage: Storage, settings: Settings, make_storage: Make) -> None:
    storage.write_now(fill)
    before, running = envelopes(storage), make_storage(storage.url, box=make_box(settings))
    assert readable(running)
    result = rotate_data_key(storage)
    assert (result.resealed, result.unreadable) == (4, ())
    after = envelopes(storage)
    assert all(data_key_of(after[name]) != data_key_of(before[name]) for name in SECRETS)
    assert [key for key, _ in data_keys(storage)] == [data_key_of(after["configurations", "c1", "key"])], "the old key is gone"
    for each in (storage, running, fresh(storage, settings, make_storage)):
        assert readable(each)
    running.write_now(lambda uow: uow.secrets.seal("new", "x"))


def test_what_does_not_open_is_kept_with_its_key(storage: Storage) -> None:
    storage.write_now(fill)
    moved = storage.write_now(lambda uow: uow.secrets.seal("x", "somewhere/else"))

    def break_one(uow: UnitOfWork) -> None:
        row = uow.session.get_one(Configuration, "c2")
        row.key = moved

    storage.write_now(break_one)
    result = rotate_data_key(storage)
    assert (result.resealed, result.unreadable) == (3, ("configurations/c2/key",))
    assert envelopes(storage)["configurations", "c2", "key"] == moved
    assert storage.read_now(lambda uow: uow.secrets.open(moved, "somewhere/else")) == "x"
    assert len(data_keys(storage)) == 2
    again = storage.write_now(lambda uow: data_key_of(uow.secrets.seal("y", "z")))
    assert again != data_key_of(moved), "a retired key seals nothing"


CRASH = """
import os, sys
from pathlib import Path
from core.secrets import make_box
from core.settings import load_settings
from storage.rotation import rotate_data_key, rotate_master_key
from storage.unit_of_work import Storage
settings = load_settings(Path(sys.argv[1]), {"MODELTRAIN_DATABASE_URL": sys.argv[2]})
storage = Storage(settings.database_url, box=make_box(settings))
rotate = {"master": rotate_master_key, "data": rotate_data_key}[sys.argv[3]]
rotate(storage, lambda step: os.kill(os.getpid(), 9) if step == sys.argv[4] else None)
"""
STEPS = [("master", "written"), ("master", "rewrapped"), ("master", "removed"), ("data", "resealed"), ("data", "committed")]


@pytest.mark.parametrize(("what", "step"), STEPS)
def test_a_crash_at_any_step(storage: Storage, settings: Settings, make_storage: Make, what: str, step: str) -> None:
    """The process is killed right after the step. Everything opens, then and after the rotation was run again to its end."""
    storage.write_now(fill)
    arguments = [sys.executable, "-c", CRASH, str(settings.data_dir), storage.url, what, step]
    killed = subprocess.run(arguments, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    path = settings.data_dir / "master.key"
    assert len(path.read_text().split()) == (2 if step in {"written", "rewrapped"} else 1)
    assert readable(fresh(storage, settings, make_storage))
    left = path.read_text().split()[0]
    again = fresh(storage, settings, make_storage)
    rotate_master_key(again)
    rotate_data_key(again)
    assert readable(fresh(storage, settings, make_storage)) and readable(storage)
    assert len(path.read_text().split()) == 1
    if step in {"written", "rewrapped"}:
        assert path.read_text().split() == [left], "the rotation that was cut off is finished, not begun anew"
    assert len(data_keys(storage)) == 1


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_master_key_from_outside(storage: Storage, settings: Settings, make_storage: Make) -> None:
    """With the key in the environment, somebody puts the new one before the old one, rotates, and takes the old one away."""
    old, new = (settings.data_dir / "master.key").read_text().strip(), new_master_key().text
    storage.write_now(fill)
    alone = make_storage(storage.url, box=make_box(replace(settings, master_key=old)))
    with pytest.raises(KeyMissing) as caught:
        rotate_master_key(alone)
    assert caught.value.fields["reason"] == "no_new_key"
    both = make_storage(storage.url, box=make_box(replace(settings, master_key=f"{new} {old}")))
    assert rotate_master_key(both) == 1
    assert readable(fresh(storage, replace(settings, master_key=new), make_storage))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_only_administrators_rotate(storage: Storage, settings: Settings) -> None:
    storage.write_now(fill)
    secrets = Secrets(storage, settings, Audit(Clock(), Identifiers()))
    with pytest.raises(Forbidden):
        await secrets.rotate(Principal(user_id="u", nickname="n", email="a@b.c", role=Role.USER))
    done: list[str] = []
    result = await secrets.rotate(operator("root"), done=done.append)
    assert (result.data_keys_rewrapped, result.secrets_resealed, result.unreadable, result.to_remove) == (1, 4, (), False)
    assert done == ["written", "rewrapped", "removed", "resealed", "committed"]
    assert readable(storage)
    audited = storage.read_now(
        lambda uow: [(row.action, row.actor_name) for row in uow.session.execute(select(AuditEvent.__table__)).all()]
    )  # type: ignore[attr-defined]
    assert audited == [("secrets.rotated", "root")]
    (settings.data_dir / "master.key").unlink()
    with pytest.raises(MasterKeyMissing):
        await secrets.rotate(operator("root"))


def test_two_rotations_at_once(storage: Storage, settings: Settings, make_storage: Make) -> None:
    storage.write_now(fill)
    arguments = [sys.executable, "-c", CRASH, str(settings.data_dir), storage.url, "master", "never"]
    both = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(each.communicate()[1], each.returncode) for each in both] == [("", 0)] * 3
    assert readable(fresh(storage, settings, make_storage))


def test_every_column_with_envelopes_is_known() -> None:
    """A column that sounds like a secret and is not re-sealed would be lost with the next rotation of the data key."""
    known = {f"{table.name}.{column}" for table, column in SEALED}
    innocent = {
        "sign_in_throttle.key",
        "ssh_keys.public_key",
        "users.nickname_key",
        "users.must_change_password",
        "batch_answers.request_key",
    }
    mixed = {"app_settings.value"}
    sounding = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(("key", "secret", "token", "password", "totp"))
    }
    assert sounding - innocent == known - mixed
