"""The keys that guard stored secrets: where the master key comes from, and the command that replaces keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.audit import Actor, Audit
from core.auth.principal import Principal
from core.persistence import translated
from core.settings import CREDENTIAL, Settings
from storage.crypto import SecretBox
from storage.keyring import FileKeys, GivenKeys, Keyring, KeySource
from storage.rotation import KeyState, examine_keys, rotate_data_key, rotate_master_key
from storage.unit_of_work import Storage, UnitOfWork

MASTER_KEY_FILE = "master.key"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. `unreadable`: rows whose secret did not open (it was left as it is). `source`: where the master key is.

    `to_remove`: the master key was given from outside (environment, credential), and its old part can be removed there now.
    """

    data_keys_rewrapped: int
    secrets_resealed: int
    unreadable: tuple[str, ...]
    source: str
    to_remove: bool


def key_source(settings: Settings) -> KeySource:
    """Where the master key of this installation is kept. Reads nothing yet."""
    if settings.master_key:
        return GivenKeys("MODELTRAIN_MASTER_KEY", settings.master_key)
    named = settings.master_key_file
    if named is not None:
        # systemd guards a credential by its folder and access lists, which show as group bits in the mode.
        return FileKeys(named, own=False, strict=named.name != CREDENTIAL)
    return FileKeys(settings.data_dir / MASTER_KEY_FILE, own=True)


def make_box(settings: Settings) -> SecretBox:
    """What seals and opens secrets in this installation; for `Storage(url, box=...)`. Reads nothing yet."""
    return SecretBox(Keyring(key_source(settings)))


class Secrets:
    """Replaces keys. Every secret can be read at every moment, and a rotation that was cut off goes on where it was."""

    def __init__(self, storage: Storage, settings: Settings, audit: Audit) -> None:
        self._storage = storage
        self._source = key_source(settings)
        self._audit = audit

    async def state(self, principal: Principal) -> KeyState:
        """What is known of the keys, without one of them. Raises Forbidden, MasterKeyMissing."""
        principal.require_admin("secrets.show")
        return await asyncio.to_thread(translated(examine_keys), self._storage)

    async def rotate(
        self, principal: Principal, *, master: bool = True, data: bool = True, done: Callable[[str], None] = lambda step: None
    ) -> Rotation:
        """Replace the master key, the data key, or both. `done` hears of each step, in another thread (storage/rotation.py).

        Raises Forbidden, or MasterKeyMissing (reason no_new_key: the key is given from outside, and the new one is not before it).
        """
        principal.require_admin("secrets.rotate")
        return await asyncio.to_thread(self._rotate, principal, master, data, done)

    @translated
    def _rotate(self, principal: Principal, master: bool, data: bool, done: Callable[[str], None]) -> Rotation:
        rewrapped = rotate_master_key(self._storage, done) if master else 0
        rotated = rotate_data_key(self._storage, done) if data else None
        result = Rotation(
            data_keys_rewrapped=rewrapped,
            secrets_resealed=rotated.resealed if rotated else 0,
            unreadable=rotated.unreadable if rotated else (),
            source=self._source.name,
            to_remove=master and not self._source.own,
        )
        self._storage.write_now(lambda uow: self._note(uow, principal, master, result))
        return result

    def _note(self, uow: UnitOfWork, principal: Principal, master: bool, result: Rotation) -> None:
        resealed, unreadable = result.secrets_resealed, len(result.unreadable)
        self._audit.note(uow, Actor.of(principal), "secrets.rotated", master=master, resealed=resealed, unreadable=unreadable)
