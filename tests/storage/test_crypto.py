"""Secrets at rest: they open in their own row under the right key, and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.installation import prepare
from core.secrets import make_box
from core.settings import Settings, load_settings
from storage.crypto import SecretBox, identity
from storage.errors import KeyMissing, Undecryptable
from storage.keyring import FileKeys, GivenKeys, Keyring, new_master_key, parse_keys
from storage.rotation import prepare_keys
from storage.unit_of_work import Storage

ROW = identity("configurations", "c1", "key")
Make = Callable[..., Storage]


def seal(storage: Storage, plain: str, row: str = ROW) -> str:
    return storage.write_now(lambda uow: uow.secrets.seal(plain, row))


def unseal(storage: Storage, envelope: str, row: str = ROW) -> str:
    return storage.read_now(lambda uow: uow.secrets.open(envelope, row))


def test_there_and_back(storage: Storage) -> None:
    envelope = seal(storage, "sk-123")
    assert unseal(storage, envelope) == "sk-123"
    assert "sk-123" not in envelope
    assert seal(storage, "sk-123") != envelope, "the same secret never looks the same"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=st.text(max_size=300), row=st.text(max_size=80))
def test_any_text_in_any_row(storage: Storage, plain: str, row: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in plain + row):
        return
    assert unseal(storage, seal(storage, plain, row), row) == plain


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("other", ["configurations/c2/key", "providers/c1/key", "configurations/c1/note", "configurations/c1/key/", ""])
def test_a_moved_secret_does_not_open(storage: Storage, other: str) -> None:
    envelope = seal(storage, "sk-123")
    with pytest.raises(Undecryptable) as caught:
        unseal(storage, envelope, other)
    assert caught.value.fields == {"identity": other}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_no_bit_can_be_changed(storage: Storage) -> None:
    envelope = seal(storage, "a")
    head, _, body = envelope.rpartition(":")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(Undecryptable):
            unseal(storage, f"{head}:{base64.urlsafe_b64encode(changed).decode().rstrip('=')}")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("envelope", ["", "v1", "v1::", "v1:unknown:AAAA", "v2:a:b", "plain text", "v1:x:\N{SNOWMAN}", "gAAAAABm" * 10])
def test_nonsense_is_refused(storage: Storage, envelope: str) -> None:
    with pytest.raises(Undecryptable):
        unseal(storage, envelope)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_another_data_keys_name_does_not_help(storage: Storage) -> None:
    """Both data keys exist; the envelope says the wrong one."""
    envelope = seal(storage, "a")
    other = storage.write_now(lambda uow: uow.secrets.new_data_key())
    version, _, body = envelope.split(":")
    with pytest.raises(Undecryptable):
        unseal(storage, f"{version}:{other}:{body}")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_swapped_data_key_does_not_open(storage: Storage, settings: Settings, make_storage: Make) -> None:
    """Somebody who can write to the database puts another data key's bytes in the row."""
    envelope = seal(storage, "a")
    storage.write_now(lambda uow: uow.secrets.new_data_key())
    storage.write_now(
        lambda uow: (
            uow.session.execute(text("UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys ORDER BY created_at DESC LIMIT 1)"))
            and None
        )
    )
    fresh = make_storage(settings.database_url, box=make_box(settings))
    keys = fresh.read_now(lambda uow: uow.session.scalars(text("SELECT count(DISTINCT wrapped) FROM data_keys")).one())
    assert keys == 1
    with pytest.raises(Undecryptable):
        unseal(fresh, envelope) and unseal(fresh, seal(fresh, "b"))


def test_the_keys_survive_a_restart(storage: Storage, settings: Settings, make_storage: Make) -> None:
    envelope = seal(storage, "sk-123")
    again = make_storage(storage.url, box=make_box(settings))
    prepare_keys(again)
    assert unseal(again, envelope) == "sk-123"


# The master key -------------------------------------------------------------------------------------------------------


def problem(settings: Settings) -> KeyMissing:
    storage = Storage(settings.database_url, box=make_box(settings))
    try:
        with pytest.raises(KeyMissing) as caught:
            prepare_keys(storage)
        return caught.value
    finally:
        storage.close()


@pytest.fixture
def ready(settings: Settings) -> Settings:
    prepare(settings).close()
    return settings


def test_a_lost_master_key_is_never_made_anew(ready: Settings) -> None:
    path = ready.data_dir / "master.key"
    path.rename(path.with_suffix(".away"))
    assert problem(ready).fields == {"source": str(path), "reason": "missing"}
    assert not path.exists()


def test_another_master_key_is_told(ready: Settings) -> None:
    path = ready.data_dir / "master.key"
    path.write_text(new_master_key().text)
    assert problem(ready).fields == {"source": str(path), "reason": "wrong"}


@pytest.mark.parametrize("content", ["", "hello", "AAAA", "A" * 44, "\N{SNOWMAN}", f"{new_master_key().text} short"])
def test_a_malformed_master_key_is_told(ready: Settings, content: str) -> None:
    (ready.data_dir / "master.key").write_text(content, encoding="utf-8")
    found = problem(ready)
    assert found.fields["reason"] == "malformed"
    assert not content or content not in str(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_master_key_that_others_may_read_is_refused(ready: Settings, mode: int) -> None:
    path = ready.data_dir / "master.key"
    path.chmod(mode)
    assert problem(ready).fields == {"source": str(path), "reason": "exposed", "mode": f"{mode:04o}"}


def test_a_key_from_the_environment(settings: Settings) -> None:
    given = replace(settings, master_key=new_master_key().text)
    storage = prepare(given)
    envelope = seal(storage, "a")
    assert unseal(storage, envelope) == "a"
    storage.close()
    assert not (settings.data_dir / "master.key").exists()
    found = problem(replace(settings, master_key=new_master_key().text))
    assert found.fields == {"source": "MODELTRAIN_MASTER_KEY", "reason": "wrong"}


def test_a_key_from_a_file_elsewhere(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    named = load_settings(settings.data_dir, {"MODELTRAIN_MASTER_KEY_FILE": str(path)})
    with pytest.raises(Exception) as caught:
        prepare(named)
    assert getattr(caught.value, "fields", {}) == {"source": str(path), "reason": "missing"}
    assert not path.exists(), "a key that somebody keeps elsewhere is theirs to make"
    path.touch(0o600)
    path.write_text(f"{new_master_key().text}\n")
    prepare(named).close()


def test_a_systemd_credential(settings: Settings, tmp_path: Path) -> None:
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load_settings(settings.data_dir, environment).master_key_file is None
    credential = tmp_path / "modeltrain-master-key"
    credential.write_text(new_master_key().text)
    credential.chmod(0o440)  # as systemd shows its access lists
    found = load_settings(settings.data_dir, environment)
    assert found.master_key_file == credential
    prepare(found).close()
    assert not (settings.data_dir / "master.key").exists()


def test_keys_are_read_however_they_are_written() -> None:
    key = new_master_key()
    plain = key.text.rstrip("=")
    for written in (key.text, plain, plain.replace("+", "-").replace("/", "_"), f"  {key.text}\n\n"):
        assert parse_keys(written, "test") == (key,)


def test_a_key_shows_nothing_of_itself() -> None:
    key = new_master_key()
    assert key.text not in repr(key)
    assert repr(key.secret) not in repr(key)
    assert key.id not in key.secret.hex()


def test_a_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    source, first, second = FileKeys(path, own=True), new_master_key(), new_master_key()
    source.write((first,), new=True)
    keyring = Keyring(source)
    assert keyring.find(first.id) == first
    source.write((second, first))
    assert keyring.find(second.id) == second
    assert keyring.current() == second
    with pytest.raises(FileExistsError):
        source.write((first,), new=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key"]


def test_a_given_key_cannot_be_written() -> None:
    with pytest.raises(NotImplementedError):
        GivenKeys("X", new_master_key().text).write((new_master_key(),))


def test_a_box_on_no_session_says_so() -> None:
    with pytest.raises(RuntimeError):
        SecretBox(Keyring(GivenKeys("X", new_master_key().text))).seal("a", "b")
