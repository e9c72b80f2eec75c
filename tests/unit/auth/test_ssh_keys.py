"""SSH public keys: what is taken, what is refused and why, and whose they are."""

from __future__ import annotations

import asyncio
import base64
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from core.auth.ssh_keys import parse_public_key
from core.errors import Conflict, InvalidInput, NotFound
from tests.unit.auth.house import OPERATOR, House, Time

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@lab"
ED25519_FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def public_text(private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return private.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()


def packed(*fields: bytes) -> str:
    """The base64 of an SSH key blob of these fields (RFC 4251, string)."""
    return base64.b64encode(b"".join(struct.pack(">I", len(field)) + field for field in fields)).decode()


def new_key() -> str:
    return public_text(ed25519.Ed25519PrivateKey.generate())


def sk_ed25519() -> str:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return f"sk-ssh-ed25519@openssh.com {packed(b'sk-ssh-ed25519@openssh.com', raw, b'ssh:')}"


def sk_ecdsa() -> str:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(s.Encoding.X962, s.PublicFormat.UncompressedPoint)
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    return f"{kind.decode()} {packed(kind, b'nistp256', point, b'ssh:')}"


def test_a_fingerprint_is_that_of_openssh() -> None:
    key = parse_public_key(ED25519)
    assert (key.kind, key.fingerprint, key.comment) == ("ssh-ed25519", ED25519_FINGERPRINT, "ann@lab")
    assert key.text == ED25519.rpartition(" ")[0]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed")
@pytest.mark.parametrize("options", ["-t ed25519", "-t ecdsa -b 256", "-t rsa -b 2048"])
def test_keys_of_openssh_are_taken_with_the_fingerprint_it_shows(tmp_path: Path, options: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "注 释", "-f", str(tmp_path / "key"), *options.split()], check=True)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True).stdout
    key = parse_public_key((tmp_path / "key.pub").read_text())
    assert key.fingerprint == shown.split()[1]
    assert key.comment == "注 释"
    with pytest.raises(InvalidInput) as caught:
        parse_public_key((tmp_path / "key").read_text())
    assert caught.value.rule == "private_key"


@pytest.mark.parametrize(
    "text",
    [
        new_key(),
        f"  {new_key()}  \n",
        f"{new_key()} a comment with  blanks",
        public_text(ec.generate_private_key(ec.SECP256R1())),
        f"# my laptop\n\n{new_key()}\n",
        public_text(rsa.generate_private_key(65537, 2048)),
        sk_ed25519(),
    ],
)
def test_what_is_taken(text: str) -> None:
    key = parse_public_key(text)
    assert key.kind in text
    assert key.fingerprint.startswith("SHA256:")
    assert parse_public_key(key.text).fingerprint == key.fingerprint


PEM = "-----BEGIN {}-----\nMIIEow==\n-----END {}-----"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "required"),
        ("   \n", "required"),
        ("hello", "not_a_public_key"),
        ("hello world", "not_a_public_key"),
        ("ssh-ed25519", "not_a_public_key"),
        ("ssh-ed25519 AAAA", "not_a_public_key"),
        ("ssh-ed25519 !!!!", "not_a_public_key"),
        ("ssh-ed25519 é", "not_a_public_key"),
        (ED25519 + "\n" + new_key(), "several_keys"),
        (ED25519 + "\nand more", "not_a_public_key"),
        ("# only a remark", "not_a_public_key"),
        *((public_text(ec.generate_private_key(curve)), "unsupported_key") for curve in (ec.SECP384R1(), ec.SECP521R1())),
        (sk_ecdsa(), "unsupported_key"),
        (ED25519.replace("ssh-ed25519", "ssh-rsa", 1), "not_a_public_key"),
        (f"ssh-ed25519 {packed(b'ssh-ed25519', b'x' * 31)}", "not_a_public_key"),
        (f"ssh-ed25519 {packed(b'ssh-ed25519', b'x' * 32, b'more')}", "not_a_public_key"),
        (f"ecdsa-sha2-nistp256 {packed(b'ecdsa-sha2-nistp256', b'nistp256', b'x' * 65)}", "not_a_public_key"),
        (f"ssh-dss {packed(b'ssh-dss', b'x')}", "weak_key"),
        (public_text(rsa.generate_private_key(65537, 1024)), "weak_key"),
        (f"ssh-ed448 {packed(b'ssh-ed448', b'x')}", "unsupported_key"),
        (f"ssh-ed25519-cert-v01@openssh.com {packed(b'x')}", "unsupported_key"),
        (f"ssh-\x1b[31m {packed(b'x')}", "not_a_public_key"),
        (f'command="rm -rf /" {ED25519}', "key_options"),
        (f"no-pty,from=10.0.0.0/8 {ED25519}", "key_options"),
        (f"*.example.org {ED25519}", "key_options"),
        (PEM.format("RSA PRIVATE KEY", "RSA PRIVATE KEY"), "private_key"),
        (PEM.format("OPENSSH PRIVATE KEY", "OPENSSH PRIVATE KEY"), "private_key"),
        (PEM.format("ENCRYPTED PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "private_key"),
        ("my key:\n" + PEM.format("EC PRIVATE KEY", "EC PRIVATE KEY"), "private_key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none", "private_key"),
        ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "private_key"),
        (PEM.format("PUBLIC KEY", "PUBLIC KEY"), "not_a_public_key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "other_key_format"),
        ("ssh-ed25519 " + "A" * 20_000, "too_long"),
        ("\ud800 \ud800", "not_a_public_key"),
    ],
)
def test_what_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_public_key(text)
    assert (caught.value.field, caught.value.rule) == ("public_key", rule)
    assert "MIIEow" not in repr(caught.value.fields)


def test_a_weak_key_says_how_weak() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_public_key(public_text(rsa.generate_private_key(65537, 1024)))
    assert (caught.value.fields["bits"], caught.value.fields["min"]) == (1024, 2048)


@given(st.text(max_size=60), st.binary(max_size=80))
def test_nothing_pasted_crashes(kind: str, blob: bytes) -> None:
    for text in (kind, f"ssh-ed25519 {kind}", f"ssh-rsa {base64.b64encode(blob).decode()}", f"{kind} {base64.b64encode(blob).decode()}"):
        with pytest.raises(InvalidInput):
            parse_public_key(text)


async def test_adding_listing_removing(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    first = await house.accounts.add_ssh_key(ann, ED25519)
    assert (first.name, first.fingerprint, first.last_used_at) == ("ann@lab", ED25519_FINGERPRINT, None)
    time.pass_(1)
    second = await house.accounts.add_ssh_key(ann, new_key(), "lap\x1b[31mtop\u202e")
    assert second.name == "laptop"
    time.pass_(1)
    assert (await house.accounts.add_ssh_key(ann, new_key())).name == "ssh-ed25519"
    assert [key.id for key in await house.accounts.ssh_keys(ann)][:2] == [first.id, second.id]
    await house.accounts.remove_ssh_key(ann, first.id)
    assert first not in await house.accounts.ssh_keys(ann)
    with pytest.raises(NotFound):
        await house.accounts.remove_ssh_key(ann, first.id)
    assert (await house.audited("ssh_key.removed"))[0]["fingerprint"] == ED25519_FINGERPRINT
    assert len(await house.audited("ssh_key.added")) == 3


async def test_a_key_gets_another_name_from_its_owner_only(house: House) -> None:
    ann, bob = (await house.user("ann")).principal, (await house.user("bob")).principal
    key = await house.accounts.add_ssh_key(ann, ED25519)
    assert (await house.accounts.rename_ssh_key(ann, key.id, " work \x1b[31mlaptop\u202e ")).name == "work laptop"
    for reference in (key.id, "0" * 32, "\x00", "\ud800"):
        with pytest.raises(NotFound) as missing:
            await house.accounts.rename_ssh_key(bob, reference, "mine")
        assert missing.value.fields == {"kind": "ssh_key", "reference": reference}
    for name, rule in (("  ", "required"), ("\u202e", "required"), ("x" * 101, "too_long")):
        with pytest.raises(InvalidInput) as caught:
            await house.accounts.rename_ssh_key(ann, key.id, name)
        assert (caught.value.field, caught.value.rule) == ("name", rule)
    (kept,) = await house.accounts.ssh_keys(ann)
    assert (kept.name, kept.public_key) == ("work laptop", key.public_key)
    assert [entry["name"] for entry in await house.audited("ssh_key.renamed")] == ["work laptop"]


async def test_a_key_is_one_persons_and_whose_is_not_said(house: House) -> None:
    ann, bob = (await house.user("ann")).principal, (await house.user("bob")).principal
    key = await house.accounts.add_ssh_key(ann, ED25519)
    for who in (ann, bob):
        with pytest.raises(Conflict) as caught:
            await house.accounts.add_ssh_key(who, ED25519.rpartition(" ")[0] + " my own", "mine")
        assert caught.value.fields == {"what": "ssh_key"}
    for reference in (key.id, "0" * 32, "\x00", "\ud800"):
        with pytest.raises(NotFound) as missing:
            await house.accounts.remove_ssh_key(bob, reference)
        assert missing.value.fields == {"kind": "ssh_key", "reference": reference}
    assert await house.accounts.ssh_keys(bob) == ()
    assert len(await house.accounts.ssh_keys(ann)) == 1


async def test_of_many_who_add_a_key_at_once_one_gets_it(house: House) -> None:
    who = [(await house.user(name)).principal for name in ("ann", "bob", "eve")]
    results = await asyncio.gather(*(house.accounts.add_ssh_key(each, ED25519) for each in who * 3), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert all(result.fields == {"what": "ssh_key"} for result in results if isinstance(result, Conflict))


async def test_there_is_a_limit(house: House) -> None:
    ann = (await house.user("ann")).principal
    for _ in range(50):
        await house.accounts.add_ssh_key(ann, new_key())
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.add_ssh_key(ann, new_key())
    assert caught.value.rule == "too_many"


async def test_the_operator_has_no_keys(house: House) -> None:
    with pytest.raises(Exception, match="forbidden"):
        await house.accounts.add_ssh_key(OPERATOR, ED25519)
