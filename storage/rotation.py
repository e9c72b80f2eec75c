"""Replacing keys while everything stays readable: the master key (data keys are wrapped anew) and the data key (secrets are sealed anew).

Master key, each step whole or not at all:
1. the key file becomes "new key, old key": whoever reads it can unwrap with either;
2. one transaction wraps every data key under the new one;
3. the key file becomes "new key".
A crash between the steps leaves two keys in the file, and the next rotation goes on from there instead of making a third.
Data key: one transaction makes a new one, seals every secret under it and removes the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table, delete, select, update
from sqlmodel import Session

from storage.crypto import SecretBox, data_key_of, identity
from storage.errors import KeyMissing, Undecryptable
from storage.keyring import MasterKey, new_master_key
from storage.tables import AppSetting, Configuration, DataKey, Provider, SecondFactor, Service
from storage.unit_of_work import Storage, UnitOfWork

_KEYS: Table = DataKey.__table__  # type: ignore[attr-defined]
#: Every column that holds envelopes. Whoever adds one adds it here; tests/storage/test_rotation.py compares with the tables.
SEALED: tuple[tuple[Table, str], ...] = (
    (Provider.__table__, "shared_key"),  # type: ignore[attr-defined]
    (Configuration.__table__, "key"),  # type: ignore[attr-defined]
    (SecondFactor.__table__, "secret"),  # type: ignore[attr-defined]
    (Service.__table__, "key"),  # type: ignore[attr-defined]
    (AppSetting.__table__, "value"),  # type: ignore[attr-defined]
)
#: Its other values are JSON, which never looks like an envelope.
_MIXED: Table = AppSetting.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Rotated:
    """`rewrapped` data keys, `resealed` secrets; `unreadable` rows were left as they are, with their data key."""

    rewrapped: int = 0
    resealed: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """`source`: where the master key is; `master_key_id`: a fingerprint of the current one; `unfinished`: a rotation was cut off.

    `own`: the program made the master key and may replace it; else somebody gives it (environment, file, credential).
    `unreadable`: rows whose secret does not open.
    """

    source: str
    own: bool
    master_key_id: str
    unfinished: bool
    data_keys: int
    secrets: int
    unreadable: tuple[str, ...]


def prepare_keys(storage: Storage) -> None:
    """Make sure that there is a master key, the right one, and a data key: both are made where neither is there.

    Raises KeyMissing: a master key is never made anew while something is sealed under a lost one.
    """
    box = _box(storage)
    source = box.keyring.source
    ids = storage.read_now(lambda uow: _master_ids(uow.session))
    if ids:
        for key_id in ids:
            box.keyring.find(key_id)
        return
    with source.turn():
        if not source.read():
            if not source.own or storage.read_now(lambda uow: _master_ids(uow.session)):
                raise KeyMissing(source=source.name, reason="missing")
            source.write((new_master_key(),), new=True)
        storage.write_now(lambda uow: uow.secrets.active_data_key() or uow.secrets.new_data_key())


def examine_keys(storage: Storage) -> KeyState:
    """Whether every data key and every secret opens. Changes nothing. Raises KeyMissing."""
    keyring = _box(storage).keyring
    current = keyring.current()

    def work(uow: UnitOfWork) -> tuple[int, int, list[str]]:
        rows = uow.session.execute(select(_KEYS.c.id, _KEYS.c.wrapped, _KEYS.c.master_key_id)).all()
        for row in rows:
            keyring.find(row.master_key_id)
        count, unreadable = 0, []
        for table, row_id, column, envelope in _envelopes(uow.session, lock=False):
            count += 1
            try:
                uow.secrets.open(envelope, identity(table.name, row_id, column.name))
            except Undecryptable:
                unreadable.append(identity(table.name, row_id, column.name))
        return len(rows), count, unreadable

    data_keys, secrets, unreadable = storage.read_now(work)
    source = keyring.source
    several = len(keyring.refresh()) > 1
    return KeyState(source.name, source.own, current.id, several and source.own, data_keys, secrets, tuple(unreadable))


def rotate_master_key(storage: Storage, done: Callable[[str], None] = lambda step: None) -> int:
    """Replace the master key and return how many data keys were wrapped anew. `done` hears of each step: written, rewrapped, removed.

    A source that is not ours (an environment variable) must hold the new key before the old one; there nothing is made or removed.
    Raises KeyMissing (reason no_new_key) where it holds only one.
    """
    box = _box(storage)
    source = box.keyring.source
    with source.turn():
        keys = box.keyring.refresh()
        if not keys:
            raise KeyMissing(source=source.name, reason="missing")
        if len(keys) == 1:
            if not source.own:
                raise KeyMissing(source=source.name, reason="no_new_key")
            keys = (new_master_key(), *keys)
            source.write(keys)
        done("written")
        count = storage.write_now(lambda uow: _rewrap(uow, keys[0]))
        done("rewrapped")
        if source.own:
            source.write(keys[:1])
        box.keyring.refresh()
        done("removed")
    return count


def rotate_data_key(storage: Storage, done: Callable[[str], None] = lambda step: None) -> Rotated:
    """Make a new data key and seal every secret under it, in one transaction. `done` hears: resealed (inside it), committed."""

    def work(uow: UnitOfWork) -> Rotated:
        result = _reseal_all(uow)
        done("resealed")
        return result

    with _box(storage).keyring.source.turn():
        result = storage.write_now(work)
    done("committed")
    return result


def _box(storage: Storage) -> SecretBox:
    if storage.box is None:
        raise RuntimeError("this Storage was made without a SecretBox")
    return storage.box


def _master_ids(session: Session) -> list[str]:
    return list(session.scalars(select(_KEYS.c.master_key_id).distinct()))


def _rewrap(uow: UnitOfWork, master: MasterKey) -> int:
    box, count = uow.secrets, 0
    for row in uow.session.execute(select(_KEYS).with_for_update()).all():
        if row.master_key_id == master.id:
            continue
        secret = box.unwrap(row.id, row.wrapped, row.master_key_id)
        values = {"wrapped": box.wrap(secret, row.id, master), "master_key_id": master.id}
        uow.session.execute(update(_KEYS).where(_KEYS.c.id == row.id).values(**values))
        count += 1
    return count


def _reseal_all(uow: UnitOfWork) -> Rotated:
    session, box = uow.session, uow.secrets
    old = list(session.scalars(select(_KEYS.c.id).with_for_update()))
    session.execute(update(_KEYS).where(_KEYS.c.retired_at.is_(None)).values(retired_at=box.now()))
    box.new_data_key()
    resealed, unreadable, needed = 0, [], set()
    for table, row_id, column, envelope in _envelopes(session, lock=True):
        bound_to = identity(table.name, row_id, column.name)
        try:
            fresh = box.seal(box.open(envelope, bound_to), bound_to)
        except Undecryptable:
            unreadable.append(bound_to)
            needed.add(data_key_of(envelope))
            continue
        session.execute(update(table).where(_key_of(table) == row_id).values({column: fresh}))
        resealed += 1
    session.execute(delete(_KEYS).where(_KEYS.c.id.in_([key for key in old if key not in needed])))
    return Rotated(resealed=resealed, unreadable=tuple(unreadable))


def _envelopes(session: Session, *, lock: bool) -> Iterator[tuple[Table, str, Column[str], str]]:
    for table, name in SEALED:
        column = table.c[name]
        query = select(_key_of(table), column).where(column.is_not(None), column != "")
        for row_id, envelope in session.execute(query.with_for_update() if lock else query).all():
            if table is not _MIXED or data_key_of(envelope):
                yield table, row_id, column, envelope


def _key_of(table: Table) -> Column[str]:
    return next(iter(table.primary_key.columns))
