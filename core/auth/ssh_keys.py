"""SSH public keys: reading what people paste, and the keys of an account."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from core.audit import Actor
from core.auth.context import AuthContext, is_identifier
from core.auth.names import fold_email
from core.auth.principal import Principal
from core.auth.types import SshKeyInfo
from core.clock import from_ms, from_ms_or_none
from core.errors import Conflict, InvalidInput, NotFound
from core.sanitise import one_line
from storage.unit_of_work import UnitOfWork

RSA_BITS_MIN: Final = 2048
KEYS_MAX: Final = 50
NAME_LIMIT: Final = 100
_TEXT_LIMIT: Final = 16 * 1024
#: Those whose signatures the server takes (tui/ssh/options.py); any other key would be stored for nothing.
_KINDS: Final = frozenset({"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"})
_KIND = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa|webauthn)-[A-Za-z0-9@.-]{1,60}")
#: Files that hold the secret half: PEM of every kind, OpenSSH's own, PuTTY's, and SSH.com's.
_PRIVATE = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|SSH2 ENCRYPTED", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that was read. `text`: its kind and base64, without comment or options; `comment` sanitised."""

    kind: str
    text: str
    fingerprint: str
    comment: str


def parse_public_key(text: str) -> PublicKey:
    """The OpenSSH public key in `text`: one line as in a .pub file. Raises InvalidInput (field public_key).

    Rules: required, too_long (max), private_key, several_keys, key_options, other_key_format, not_a_public_key, unsupported_key (kind),
    weak_key (bits or kind, min).
    """
    text = text.strip()
    if not text:
        raise InvalidInput("public_key", "required")
    if _PRIVATE.search(text[: 2 * _TEXT_LIMIT]):
        raise InvalidInput("public_key", "private_key")
    if len(text) > _TEXT_LIMIT:
        raise InvalidInput("public_key", "too_long", max=_TEXT_LIMIT)
    words = _only_line(text).split(None, 2)
    if len(words) < 2:
        raise InvalidInput("public_key", "not_a_public_key")
    if not _KIND.fullmatch(words[0]) and any(word in _KINDS for word in text.split()[1:]):
        raise InvalidInput("public_key", "key_options")
    kind, blob = words[0], _blob(words[1])
    if kind == "ssh-dss":
        raise InvalidInput("public_key", "weak_key", kind=kind)
    if kind not in _KINDS:
        known = _KIND.fullmatch(kind)
        raise InvalidInput("public_key", "unsupported_key", kind=kind) if known else InvalidInput("public_key", "not_a_public_key")
    encoded = base64.b64encode(blob).decode()
    _check_strength(_load(kind, encoded))
    return PublicKey(kind, f"{kind} {encoded}", fingerprint_of(blob), one_line(words[2] if len(words) > 2 else "", NAME_LIMIT))


def _only_line(text: str) -> str:
    """The line of the key, without blank lines and comments around it."""
    if text.startswith("---- BEGIN SSH2 PUBLIC KEY"):
        raise InvalidInput("public_key", "other_key_format")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > 1:
        all_keys = all(any(_KIND.fullmatch(word) for word in line.split()) for line in lines)
        raise InvalidInput("public_key", "several_keys" if all_keys else "not_a_public_key")
    return lines[0] if lines else ""


def fingerprint_of(blob: bytes) -> str:
    """The fingerprint of a key in SSH's wire format, as ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()


def key_data_of(text: str) -> bytes:
    """The wire format of a stored key (PublicKey.text)."""
    return base64.b64decode(text.partition(" ")[2])


def _blob(word: str) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("public_key", "not_a_public_key") from None


def _load(kind: str, encoded: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        return load_ssh_public_key(f"{kind} {encoded}".encode())
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        raise InvalidInput("public_key", "not_a_public_key") from None


def _check_strength(key: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS_MIN:
        raise InvalidInput("public_key", "weak_key", bits=key.key_size, min=RSA_BITS_MIN)


class SshKeys:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def _owner(self, principal: Principal, email: str | None, action: str) -> str:
        """Whose keys are meant: one's own, or for administrators those of `email`. Raises Forbidden, NotFound."""
        if email is None:
            return principal.require_user(action)
        folded = fold_email(email)
        user_id = await self._context.store.read(lambda uow: str(row.id) if (row := uow.users.by_email(folded)) else "")
        if not user_id or user_id != principal.user_id:
            principal.require_admin(action)
        if not user_id:
            raise NotFound(kind="user", reference=email[:254])
        return user_id

    async def listed(self, principal: Principal, email: str | None) -> tuple[SshKeyInfo, ...]:
        user_id = await self._owner(principal, email, "ssh_key.list")
        return await self._context.store.read(lambda uow: tuple(_info(row) for row in uow.ssh_keys.of(user_id)))

    async def add(self, principal: Principal, text: str, name: str, email: str | None) -> SshKeyInfo:
        context, user_id = self._context, await self._owner(principal, email, "ssh_key.add")
        key = parse_public_key(text)
        shown = one_line(name, NAME_LIMIT) or key.comment or key.kind

        def work(uow: UnitOfWork) -> SshKeyInfo:
            if uow.users.lock(user_id) is None:
                raise NotFound(kind="user", reference=user_id)
            if uow.ssh_keys.by_fingerprint(key.fingerprint) is not None:
                raise Conflict(what="ssh_key")  # whose it is stays untold
            if uow.ssh_keys.count_of(user_id) >= KEYS_MAX:
                raise InvalidInput("public_key", "too_many", max=KEYS_MAX)
            key_id, now = context.ids.new(), context.clock.now_ms()
            uow.ssh_keys.add(
                **{"id": key_id, "user_id": user_id, "name": shown, "kind": key.kind, "public_key": key.text},
                **{"fingerprint": key.fingerprint, "created_at": now},
            )
            context.audit.note(uow, Actor.of(principal), "ssh_key.added", ("ssh_key", key_id), fingerprint=key.fingerprint, name=shown)
            return SshKeyInfo(key_id, shown, key.kind, key.fingerprint, key.text, from_ms(now), None)

        try:
            return await context.store.write(work)
        except Conflict as error:
            raise Conflict(what="ssh_key") from error

    async def rename(self, principal: Principal, key_id: str, name: str) -> SshKeyInfo:
        context, user_id, shown = self._context, principal.require_user("ssh_key.rename"), one_line(name)
        if not shown:
            raise InvalidInput("name", "required")
        if len(shown) > NAME_LIMIT:
            raise InvalidInput("name", "too_long", max=NAME_LIMIT)

        def work(uow: UnitOfWork) -> SshKeyInfo | None:
            row = uow.ssh_keys.rename(user_id, key_id, shown)
            if row is None:
                return None
            context.audit.note(uow, Actor.of(principal), "ssh_key.renamed", ("ssh_key", key_id), fingerprint=row.fingerprint, name=shown)
            return _info(row)

        renamed = await context.store.write(work) if is_identifier(key_id) else None
        if renamed is None:
            raise NotFound(kind="ssh_key", reference=key_id)
        return renamed

    async def remove(self, principal: Principal, key_id: str, email: str | None) -> None:
        context, user_id = self._context, await self._owner(principal, email, "ssh_key.remove")

        def work(uow: UnitOfWork) -> bool:
            fingerprint = uow.ssh_keys.remove(user_id, key_id)
            if fingerprint is not None:
                context.audit.note(uow, Actor.of(principal), "ssh_key.removed", ("ssh_key", key_id), fingerprint=fingerprint)
            return fingerprint is not None

        if not is_identifier(key_id) or not await context.store.write(work):
            raise NotFound(kind="ssh_key", reference=key_id)


def _info(row: Any) -> SshKeyInfo:
    moments = from_ms(row.created_at), from_ms_or_none(row.last_used_at)
    return SshKeyInfo(row.id, row.name, row.kind, row.fingerprint, row.public_key, *moments)
