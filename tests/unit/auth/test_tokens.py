"""Access tokens: forty forgeries are refused, the genuine one is taken. Refresh tokens: only whole and unused ones are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from core.auth.accounts import SignedIn
from core.auth.tokens import hash_refresh, parse_refresh
from core.errors import SessionEnded
from storage.rotation import rotate_data_key
from tests.unit.auth.house import LOCAL, House, Time


def encode(value: Any) -> str:
    """A part of a JWT: JSON, or bytes and text as they are."""
    raw = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Forge:
    """What a forger has: a genuine token of his own, and for most of the forgeries below even the key."""

    genuine: str
    refresh: str
    key: bytes
    now: int

    @property
    def header(self) -> dict[str, Any]:
        return dict(jwt.get_unverified_header(self.genuine))

    @property
    def claims(self) -> dict[str, Any]:
        return dict(jwt.decode(self.genuine, options={"verify_signature": False}))

    def sign(self, header: Any, claims: Any, key: bytes | None = None, digest: str = "sha256") -> str:
        body = f"{encode(header)}.{encode(claims)}"
        signature = hmac.new(self.key if key is None else key, body.encode(), digest).digest()
        return f"{body}.{encode(signature)}"

    def claiming(self, **changes: Any) -> str:
        """Signed with the right key; None takes a claim away."""
        return self.sign(self.header, {name: value for name, value in {**self.claims, **changes}.items() if value is not None})

    def headed(self, **changes: Any) -> str:
        return self.sign({name: value for name, value in {**self.header, **changes}.items() if value is not None}, self.claims)

    def text_of_claims(self, text: str) -> str:
        return self.sign(self.header, text)


def twice(forge: Forge, name: str, value: Any) -> str:
    """Claims in which `name` comes a second time."""
    return forge.text_of_claims(json.dumps(forge.claims)[:-1] + f', "{name}": {json.dumps(value)}}}')


def with_parts(forge: Forge, change: Callable[[list[str]], list[str]]) -> str:
    return ".".join(change(forge.genuine.split(".")))


def other_last_bits(forge: Forge) -> str:
    """The same signature in another spelling: base64's last character has bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return forge.genuine[:-1] + alphabet[alphabet.index(forge.genuine[-1]) ^ 1]


OTHER_KEY = b"k" * 32
FORGERIES: dict[str, Callable[[Forge], str]] = {
    # no signature, or another
    "alg none": lambda f: f"{encode(f.header | {'alg': 'none'})}.{encode(f.claims)}.",
    "alg none with the old signature": lambda f: with_parts(f, lambda p: [encode(f.header | {"alg": "none"}), p[1], p[2]]),
    "alg None": lambda f: f"{encode(f.header | {'alg': 'None'})}.{encode(f.claims)}.",
    "alg missing": lambda f: f.headed(alg=None),
    "another key": lambda f: f.sign(f.header, f.claims, OTHER_KEY),
    "the empty key": lambda f: f.sign(f.header, f.claims, b""),
    "the public name as key": lambda f: f.sign(f.header, f.claims, b"modeltrain"),
    "HS512 with the right key": lambda f: f.sign(f.header | {"alg": "HS512"}, f.claims, digest="sha512"),
    "HS384 with the right key": lambda f: f.sign(f.header | {"alg": "HS384"}, f.claims, digest="sha384"),
    "RS256 said, HMAC made": lambda f: f.headed(alg="RS256"),
    "no signature": lambda f: with_parts(f, lambda p: [p[0], p[1], ""]),
    "half a signature": lambda f: f.genuine[:-20],
    "another claim under the old signature": lambda f: with_parts(f, lambda p: [p[0], encode(f.claims | {"exp": f.now + 90}), p[2]]),
    "the signature spelt otherwise": other_last_bits,
    # tricks with the header
    "kid": lambda f: f.headed(kid="../../dev/null"),
    "kid with SQL": lambda f: f.headed(kid="' UNION SELECT 'k' --"),
    "jku": lambda f: f.headed(jku="http://127.0.0.1/keys"),
    "jwk": lambda f: f.headed(jwk={"kty": "oct", "k": encode(OTHER_KEY)}),
    "crit": lambda f: f.headed(crit=["exp"]),
    "b64 false": lambda f: f.headed(b64=False, crit=["b64"]),
    "typ JWT": lambda f: f.headed(typ="JWT"),
    "typ missing": lambda f: f.headed(typ=None),
    "typ of a refresh token": lambda f: f.headed(typ="rt+jwt"),
    "header twice alg": lambda f: f.sign('{"alg": "none", "alg": "HS256", "typ": "at+jwt"}', f.claims),
    "header is a list": lambda f: f.sign([f.header], f.claims),
    # claims
    "another audience": lambda f: f.claiming(aud="modeltrain/refresh"),
    "a list of audiences": lambda f: f.claiming(aud=["modeltrain/access", "modeltrain/refresh"]),
    "no audience": lambda f: f.claiming(aud=None),
    "another issuer": lambda f: f.claiming(iss="somebody"),
    "no issuer": lambda f: f.claiming(iss=None),
    "exp as text": lambda f: f.claiming(exp=str(f.now + 600)),
    "exp as a fraction": lambda f: f.claiming(exp=f.now + 600.5),
    "exp true": lambda f: f.claiming(exp=True),
    "exp infinite": lambda f: f.text_of_claims(json.dumps(f.claims).replace(str(f.claims["exp"]), "Infinity")),
    "exp missing": lambda f: f.claiming(exp=None),
    "exp far away": lambda f: f.claiming(exp=f.now + 10 * 365 * 86400),
    "exp past": lambda f: f.claiming(iat=f.now - 1000, exp=f.now - 100),
    "iat in the future": lambda f: f.claiming(iat=f.now + 300, exp=f.now + 600),
    "iat missing": lambda f: f.claiming(iat=None),
    "jti missing": lambda f: f.claiming(jti=None),
    "sub missing": lambda f: f.claiming(sub=None),
    "sub of somebody else": lambda f: f.claiming(sub="0" * 32),
    "sub as a number": lambda f: f.claiming(sub=1),
    "sub with SQL": lambda f: f.claiming(sub="' OR 1=1 --"),
    "session missing": lambda f: f.claiming(sid=None),
    "unknown session": lambda f: f.claiming(sid="0" * 32),
    "epoch of another time": lambda f: f.claiming(epoch=f.claims["epoch"] + 1),
    "epoch missing": lambda f: f.claiming(epoch=None),
    "a role of one's own": lambda f: f.claiming(role="admin"),
    "exp twice": lambda f: twice(f, "exp", f.now + 600),
    "sub twice": lambda f: twice(f, "sub", f.claims["sub"]),
    "claims are a list": lambda f: f.sign(f.header, [f.claims]),
    "claims are no JSON": lambda f: f.text_of_claims("sub=me"),
    "claims are no UTF-8": lambda f: f.sign(f.header, b"\xff\xfe\x00"),
    "claims nested a thousand deep": lambda f: f.text_of_claims('{"a":' * 1000 + "1" + "}" * 1000),
    # form
    "two megabytes": lambda f: f.claiming(jti="0" * 2_000_000),
    "just over four kilobytes": lambda f: f.claiming(note="x" * 3000),
    "empty": lambda _f: "",
    "two parts": lambda f: with_parts(f, lambda p: p[:2]),
    "four parts": lambda f: with_parts(f, lambda p: [*p, p[2]]),
    "five parts, as if encrypted": lambda f: with_parts(f, lambda p: [*p, p[1], p[2]]),
    "blanks around": lambda f: f" {f.genuine}\n",
    "padding": lambda f: with_parts(f, lambda p: [p[0] + "=", p[1], p[2]]),
    "other alphabet of base64": lambda f: with_parts(f, lambda p: [p[0], p[1] + "/", p[2]]),
    "letters that look alike": lambda f: f.genuine.replace("e", "е"),
    "a NUL": lambda f: f.genuine + "\x00",
    "lone surrogate": lambda f: f.genuine + "\ud800",
    "a refresh token": lambda f: f.refresh,
}


@pytest.fixture
async def ann(house: House) -> SignedIn:
    return await house.user("ann")


@pytest.fixture
async def forge(house: House, ann: SignedIn) -> Forge:
    key = await house.accounts._context.tokens._signing_key()
    return Forge(ann.access_token, ann.refresh_token, key, int(house.time.wall))


def test_there_are_more_than_forty_forgeries() -> None:
    assert len(FORGERIES) >= 40


async def test_the_genuine_token_is_taken(house: House, forge: Forge, ann: SignedIn) -> None:
    assert await house.accounts.verify_access(forge.genuine) == ann.principal
    assert await house.accounts.verify_access(forge.sign(forge.header, forge.claims)) == ann.principal, "the forger has the right key"
    assert len(forge.key) == 32


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_refused(house: House, forge: Forge, name: str) -> None:
    forged = FORGERIES[name](forge)
    with warnings.catch_warnings(), pytest.raises(SessionEnded) as caught:
        warnings.simplefilter("error")
        await house.accounts.verify_access(forged)
    assert caught.value.fields["why"] in {"revoked", "expired"}
    assert forged[:20] not in repr(caught.value) or not forged


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forgery_is_a_refresh_token(house: House, forge: Forge, name: str) -> None:
    forged = FORGERIES[name](forge)
    if forged == forge.refresh:
        forged = forge.genuine
    with pytest.raises(SessionEnded):
        await house.accounts.resume(forged, origin=LOCAL)
    assert await house.accounts.verify_access(forge.genuine), "nobody is signed out by a stranger's guess"


async def test_an_access_token_lives_for_its_time(house: House, time: Time, ann: SignedIn) -> None:
    time.pass_(15 * 60 - 1)
    await house.accounts.verify_access(ann.access_token)
    time.pass_(1)
    with pytest.raises(SessionEnded) as caught:
        await house.accounts.verify_access(ann.access_token)
    assert caught.value.fields == {"why": "expired"}


async def test_all_processes_have_one_key_and_it_is_sealed(house: House, ann: SignedIn) -> None:
    assert await house.neighbour().verify_access(ann.access_token) == ann.principal
    key = await house.accounts._context.tokens._signing_key()
    stored = await house.store.read(lambda uow: uow.settings.get("auth.key.access"))
    assert stored is not None
    assert stored.startswith("v1:")
    assert base64.b64encode(key).decode() not in stored
    rotate_data_key(house.storage)
    assert await house.neighbour().verify_access(ann.access_token) == ann.principal, "sealed anew, the key is the same"


async def test_a_key_that_cannot_be_opened_is_replaced_and_sessions_go_on(house: House, ann: SignedIn) -> None:
    await house.store.write(lambda uow: uow.settings.put("auth.key.access", "v1:gone:AAAA", moment=1))
    neighbour = house.neighbour()
    with pytest.raises(SessionEnded):
        await neighbour.verify_access(ann.access_token)
    renewed = await neighbour.resume(ann.refresh_token, origin=LOCAL)
    assert await house.neighbour().verify_access(renewed.access_token) == ann.principal


# Refresh tokens ------------------------------------------------------------------------------------------------------


async def test_only_the_hash_of_a_refresh_token_is_stored(house: House, ann: SignedIn) -> None:
    named = parse_refresh(ann.refresh_token)
    assert named is not None
    row = await house.store.read(lambda uow: dict(uow.sign_ins.token(named[1], hash_refresh(ann.refresh_token))._mapping))  # type: ignore[union-attr]
    assert row["token_hash"] == hashlib.sha256(ann.refresh_token.encode()).hexdigest()
    secret = ann.refresh_token.rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    path = house.settings.data_dir
    assert all(secret.encode() not in file.read_bytes() for file in path.iterdir() if file.is_file())


async def test_rotation_and_reuse(house: House, ann: SignedIn) -> None:
    second = await house.accounts.resume(ann.refresh_token, origin=LOCAL)
    third = await house.accounts.resume(second.refresh_token, origin=LOCAL)
    assert len({ann.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert third.principal == ann.principal
    with pytest.raises(SessionEnded) as caught:
        await house.accounts.resume(ann.refresh_token, origin=LOCAL)
    assert caught.value.fields == {"why": "reused"}
    for token in (third.refresh_token, second.refresh_token):
        with pytest.raises(SessionEnded) as caught:
            await house.accounts.resume(token, origin=LOCAL)
        assert caught.value.fields == {"why": "reused"}
    for signed_in in (ann, second, third):
        with pytest.raises(SessionEnded):
            await house.accounts.verify_access(signed_in.access_token)
    assert (await house.audited("session.ended"))[0]["because"] == "reused"


async def test_reuse_ends_one_session_and_no_other(house: House, ann: SignedIn) -> None:
    other = await house.sign_in("ann")
    await house.accounts.resume(ann.refresh_token, origin=LOCAL)
    with pytest.raises(SessionEnded):
        await house.accounts.resume(ann.refresh_token, origin=LOCAL)
    assert await house.accounts.recheck(other.principal) == other.principal


@pytest.mark.parametrize("change", ["secret", "token", "session", "prefix", "more"])
async def test_a_changed_refresh_token_is_refused_and_ends_nothing(house: House, ann: SignedIn, change: str) -> None:
    prefix, session, token, secret = ann.refresh_token.split(".")
    other = await house.sign_in("ann")
    _, other_session, other_token, _ = other.refresh_token.split(".")
    forged = {
        "secret": f"{prefix}.{session}.{token}.{'A' * 43}",
        "token": f"{prefix}.{session}.{other_token}.{secret}",
        "session": f"{prefix}.{other_session}.{token}.{secret}",
        "prefix": f"mtr2.{session}.{token}.{secret}",
        "more": ann.refresh_token + "A",
    }[change]
    with pytest.raises(SessionEnded):
        await house.accounts.resume(forged, origin=LOCAL)
    for signed_in in (ann, other):
        await house.accounts.resume(signed_in.refresh_token, origin=LOCAL)


async def test_a_refresh_token_lives_for_its_time_and_each_use_renews_it(house: House, time: Time, ann: SignedIn) -> None:
    week = 7 * 24 * 3600
    signed_in = ann
    for _ in range(3):
        time.pass_(week - 1)
        signed_in = await house.accounts.resume(signed_in.refresh_token, origin=LOCAL)
    time.pass_(week)
    with pytest.raises(SessionEnded) as caught:
        await house.accounts.resume(signed_in.refresh_token, origin=LOCAL)
    assert caught.value.fields == {"why": "expired"}
