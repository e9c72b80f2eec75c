"""Secrets at rest: AES-256-GCM under a data key, which is itself wrapped by the master key (an envelope).

An envelope is text: `v1:DATA_KEY_ID:BASE64URL(nonce, ciphertext and tag)`. What it belongs to (table, row, column: see `identity`)
and the id of its data key are associated data, so an envelope moved to another row, or renamed to another key, does not open. A
wrapped data key is nonce, ciphertext and tag; its id and the ids of the master key are associated data. Nonces are 96 random bits
(NIST SP 800-38D, 8.2.2).
"""

from __future__ import annotations

import base64
import binascii
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlmodel import Session

from storage.errors import Undecryptable
from storage.keyring import Keyring, MasterKey
from storage.tables.system import DataKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32
_KEYS = DataKey.__table__  # type: ignore[attr-defined]


def identity(table: str, row_id: str, column: str) -> str:
    """What a sealed value is bound to: "configurations/<id>/key"."""
    return f"{table}/{row_id}/{column}"


def data_key_of(envelope: str) -> str:
    """The id of the data key that `envelope` names, or "" if it is none of ours."""
    version, _, rest = envelope.partition(":")
    return rest.partition(":")[0] if version == VERSION else ""


def now_ms() -> int:
    return round(time.time() * 1000)


class SecretBox:
    """Seals and opens text for one row. Data keys are read through the db session it is on; opened ones are kept in memory."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
        now: Callable[[], int] = now_ms,
        session: Session | None = None,
        opened: dict[str, AESGCM] | None = None,
    ) -> None:
        self.keyring = keyring
        self._random = random_bytes
        self.now = now
        self._session = session
        self._opened: dict[str, AESGCM] = {} if opened is None else opened

    def on(self, session: Session) -> SecretBox:
        """The same box reading its data keys through `session`."""
        return SecretBox(self.keyring, random_bytes=self._random, now=self.now, session=session, opened=self._opened)

    def seal(self, plain: str, identity: str) -> str:
        """An envelope of `plain` that opens only with the same `identity`. Call it in a unit of work that writes. Raises KeyMissing."""
        key_id = self.active_data_key() or self.new_data_key()
        nonce = self._random(NONCE_BYTES)
        body = self._cipher(key_id).encrypt(nonce, plain.encode(), _bound(key_id, identity))
        return f"{VERSION}:{key_id}:{base64.urlsafe_b64encode(nonce + body).rstrip(b'=').decode()}"

    def open(self, envelope: str, identity: str) -> str:
        """What was sealed. Raises Undecryptable, or KeyMissing where the master key is not there."""
        from cryptography.exceptions import InvalidTag

        key_id = data_key_of(envelope)
        try:
            text = envelope.rpartition(":")[2]
            body = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return self._cipher(key_id).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], _bound(key_id, identity)).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise Undecryptable(identity=identity) from error

    def active_data_key(self) -> str | None:
        """The id of the data key that seals, locked against being rotated away before this transaction ends; None if there is none."""
        query = (
            select(_KEYS.c.id)
            .where(_KEYS.c.retired_at.is_(None))
            .order_by(_KEYS.c.created_at.desc(), _KEYS.c.id.desc())
            .limit(1)
            .with_for_update(read=True)
        )
        # Two looks: PostgreSQL leaves out a row that was retired while we waited for it, and only then sees the one that replaced it.
        return self._db.scalar(query) or self._db.scalar(query)

    def new_data_key(self) -> str:
        """Make a data key, wrapped by the current master key, and return its id. Raises KeyMissing."""
        key_id, secret = self._random(16).hex(), self._random(KEY_BYTES)
        master = self.keyring.current()
        row = {"id": key_id, "wrapped": self.wrap(secret, key_id, master), "master_key_id": master.id, "created_at": self.now()}
        self._db.execute(insert(_KEYS).values(**row))
        return key_id

    def wrap(self, secret: bytes, key_id: str, master: MasterKey) -> bytes:
        """The data key `secret` under the master key."""
        nonce = self._random(NONCE_BYTES)
        return nonce + _aesgcm(master.secret).encrypt(nonce, secret, _wrapping(key_id, master.id))

    def unwrap(self, key_id: str, wrapped: bytes, master_key_id: str) -> bytes:
        """The data key that was wrapped. Raises KeyMissing, or Undecryptable for a row that was changed."""
        from cryptography.exceptions import InvalidTag

        master = self.keyring.find(master_key_id)
        try:
            return _aesgcm(master.secret).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _wrapping(key_id, master.id))
        except (InvalidTag, ValueError) as error:
            raise Undecryptable(identity=identity("data_keys", key_id, "wrapped")) from error

    def _cipher(self, key_id: str) -> AESGCM:
        known = self._opened.get(key_id)
        if known is not None:
            return known
        row = self._db.execute(select(_KEYS.c.wrapped, _KEYS.c.master_key_id).where(_KEYS.c.id == key_id)).one_or_none()
        if row is None:
            raise Undecryptable(identity=identity("data_keys", key_id, "wrapped"))
        cipher = _aesgcm(self.unwrap(key_id, row.wrapped, row.master_key_id))
        self._opened[key_id] = cipher
        return cipher

    @property
    def _db(self) -> Session:
        if self._session is None:
            raise RuntimeError("this SecretBox is on no db session: use UnitOfWork.secrets")
        return self._session


def _aesgcm(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 40 ms to import, and most starts seal nothing

    return AESGCM(key)


def _bound(key_id: str, identity: str) -> bytes:
    return f"modeltrain/{VERSION}/secret\x00{key_id}\x00{identity}".encode()


def _wrapping(key_id: str, master_key_id: str) -> bytes:
    return f"modeltrain/{VERSION}/data-key\x00{key_id}\x00{master_key_id}".encode()
