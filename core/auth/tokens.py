"""Tokens (A3). Access: a JWT (HS256) that says who and which session, for minutes. Refresh: a random value, for days, used once.

PyJWT alone accepts any `typ`, claims given twice, an `exp` that is text, and megabytes; so the form of a token is checked here before
PyJWT checks its signature, audience and issuer. A refresh token is not a JWT: nothing in it can be forged, and only its SHA-256 is stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from core.clock import Clock, Identifiers
from core.errors import SessionEnded
from core.persistence import Store
from storage.crypto import identity
from storage.errors import Undecryptable
from storage.unit_of_work import UnitOfWork

ISSUER: Final = "modeltrain"
ACCESS_AUDIENCE: Final = "modeltrain/access"
#: RFC 9068: an access token says in its header that it is one.
ACCESS_TYPE: Final = "at+jwt"
TOKEN_LIMIT: Final = 4096
KEY_BYTES: Final = 32
#: Seconds that a token may come from the future: clocks are set back a little now and then.
_LEEWAY_S: Final = 30

_HEADER: Final = {"alg": "HS256", "typ": ACCESS_TYPE}
_TEXT_CLAIMS: Final = ("iss", "aud", "sub", "sid", "jti")
_NUMBER_CLAIMS: Final = ("epoch", "iat", "exp")
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REFRESH = re.compile(r"mtr1\.([0-9a-f]{32})\.([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


class _Malformed(Exception):
    """The token is none of ours. What is wrong with it is nobody's business."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says. `epoch`: that of the session. `expires_at`: seconds since the Unix epoch."""

    user_id: str
    session_id: str
    epoch: int
    jti: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A new refresh token: `text` goes to its owner, `id` and `hash` to the database."""

    text: str = field(repr=False)
    id: str
    session_id: str
    hash: str


class AccessTokens:
    """Makes and reads access tokens under one key, which every process of the installation shares."""

    def __init__(self, store: Store, clock: Clock, ids: Identifiers, lifetime_s: int) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._lifetime_s = lifetime_s
        self._key = b""

    async def issue(self, user_id: str, session_id: str, epoch: int) -> str:
        import jwt  # 75 ms to import

        now = int(self._clock.wall())
        claims = {
            **{"iss": ISSUER, "aud": ACCESS_AUDIENCE, "sub": user_id, "sid": session_id, "epoch": epoch},
            **{"jti": self._ids.new(), "iat": now, "exp": now + self._lifetime_s},
        }
        return jwt.encode(claims, await self._signing_key(), algorithm="HS256", headers=_HEADER)

    async def read(self, token: str) -> AccessClaims:
        """What a genuine token says that has not expired. Raises SessionEnded (why: expired or revoked) for every other text."""
        try:
            _check_form(token)
            return self._within_time(_decode(token, await self._signing_key()))
        except _Malformed:
            raise SessionEnded(why="revoked") from None

    def _within_time(self, claims: dict[str, Any]) -> AccessClaims:
        """PyJWT reads the wall clock itself; ours is passed in."""
        now = self._clock.wall()
        if claims["iat"] > now + _LEEWAY_S or not 0 < claims["exp"] - claims["iat"] <= self._lifetime_s:
            raise _Malformed
        if claims["exp"] <= now:
            raise SessionEnded(why="expired")
        return AccessClaims(claims["sub"], claims["sid"], claims["epoch"], claims["jti"], claims["exp"])

    async def _signing_key(self) -> bytes:
        if not self._key:
            stored = await self._store.read(_stored_key)
            self._key = await self._store.write(self._make_key) if stored is None else stored
        return self._key

    def _make_key(self, uow: UnitOfWork) -> bytes:
        """A new random key, or the one that another process made a moment ago. One that cannot be opened any more is replaced:
        access tokens live for minutes, and are renewed by refresh tokens, which need no key.
        """
        name, now = "auth.key.access", self._clock.now_ms()
        fresh = uow.secrets.seal(base64.b64encode(self._ids.random_bytes(KEY_BYTES)).decode(), _identity(name))
        uow.settings.get_or_put(name, fresh, moment=now)
        known = _stored_key(uow)
        if known is None:
            uow.settings.put(name, fresh, moment=now)
            known = _stored_key(uow)
        if known is None:
            raise SessionEnded(why="revoked")
        return known


def _stored_key(uow: UnitOfWork) -> bytes | None:
    envelope = uow.settings.get("auth.key.access")
    if envelope is None:
        return None
    try:
        key = base64.b64decode(uow.secrets.open(envelope, _identity("auth.key.access")), validate=True)
    except (Undecryptable, ValueError):
        return None
    return key if len(key) >= KEY_BYTES else None


def _identity(name: str) -> str:
    return identity("app_settings", name, "value")


# The form of a JWT ---------------------------------------------------------------------------------------------------


def _check_form(token: str) -> None:
    """Raise _Malformed unless header and claims are exactly what we write: these names, once each, of these kinds."""
    if len(token) > TOKEN_LIMIT or not _JWT.fullmatch(token):
        raise _Malformed
    header, claims, signature = token.split(".")
    _decoded(signature)
    if _json_object(header) != _HEADER:
        raise _Malformed
    values = _json_object(claims)
    if set(values) != {*_TEXT_CLAIMS, *_NUMBER_CLAIMS}:
        raise _Malformed
    texts_are_texts = all(type(values[name]) is str for name in _TEXT_CLAIMS)
    numbers_are_whole = all(type(values[name]) is int and 0 <= values[name] < 2**53 for name in _NUMBER_CLAIMS)
    if not (texts_are_texts and numbers_are_whole and all(_IDENTIFIER.fullmatch(values[name]) for name in ("sub", "sid", "jti"))):
        raise _Malformed


def _json_object(part: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            raise _Malformed
        return values

    def never(_constant: str) -> Any:
        raise _Malformed

    try:
        value = json.loads(_decoded(part).decode(), object_pairs_hook=once, parse_constant=never)
    except (ValueError, RecursionError) as error:
        raise _Malformed from error
    if not isinstance(value, dict):
        raise _Malformed
    return value


def _decoded(part: str) -> bytes:
    """The bytes of a part. Only their one canonical spelling is taken: else there are four tokens to each signature."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error) as error:
        raise _Malformed from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise _Malformed
    return raw


def _decode(token: str, key: bytes) -> dict[str, Any]:
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            audience=ACCESS_AUDIENCE,
            issuer=ISSUER,
            options={
                "require": [*_TEXT_CLAIMS, *_NUMBER_CLAIMS],
                "enforce_minimum_key_length": True,
                "strict_aud": True,
                **{"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            },
        )
    except jwt.PyJWTError as error:
        raise _Malformed from error
    return claims


# Refresh tokens ------------------------------------------------------------------------------------------------------


def new_refresh_token(ids: Identifiers, session_id: str) -> RefreshToken:
    """A token of 256 random bits. It names its session, so that its holder knows whose it is; that proves nothing."""
    token_id = ids.new()
    text = f"mtr1.{session_id}.{token_id}.{ids.token(32)}"
    return RefreshToken(text, token_id, session_id, hash_refresh(text))


def parse_refresh(text: str) -> tuple[str, str] | None:
    """The session's and the token's id that a refresh token names, or None for any other text."""
    found = _REFRESH.fullmatch(text)
    return (found.group(1), found.group(2)) if found else None


def hash_refresh(text: str) -> str:
    """SHA-256, plain: the token is random enough that guessing from the hash is hopeless."""
    return hashlib.sha256(text.encode()).hexdigest()
