"""SSH keys and second factors from the shell."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from pyotp import TOTP

from core.auth.principal import Origin, operator
from core.bootstrap import build_services
from core.settings import AuthSettings, Settings, load_settings
from tests.acceptance.faults import Run
from tests.shell import COMMAND, PASSWORD, Outcome, clean_environment
from tests.terminal import Terminal

ANN, BOB = "ann@example.org", "bob@example.org"


def public(private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, comment: str = "") -> str:
    return f"{private.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()} {comment}".strip()


def new_key(comment: str = "") -> str:
    return public(ed25519.Ed25519PrivateKey.generate(), comment)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with ann, its administrator, and bob, made once. Copy it."""
    data = tmp_path_factory.mktemp("keys") / "data"

    async def make() -> None:
        services = await build_services(cheap(data))
        for email, admin in ((ANN, True), (BOB, False)):
            await services.accounts.add_user(operator("root"), email, email.partition("@")[0], PASSWORD, admin=admin)
        await services.close()

    asyncio.run(make())
    return data


@pytest.fixture
def people(installation: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installation, tmp_path / "people"))


def cheap(data: Path) -> Settings:
    return replace(load_settings(data, {}), auth=AuthSettings(bcrypt_cost=4))


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input be `text`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def refused(outcome: Outcome, code: str) -> str:
    assert outcome.status == 2
    assert code in outcome.err, outcome.err
    return outcome.err


def test_a_key_is_added_listed_and_removed_by_every_name_it_has(here: Run, people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = people.parent / "id.pub"
    file.write_text(new_key("bob@laptop") + "\n")
    told = here(people, "user", "key", "add", BOB, str(file))
    assert (told.status, told.err) == (0, "")
    assert "bob@laptop" in told.out and "SHA256:" in told.out
    for arguments in (["-"], []):
        give(monkeypatch, new_key())
        assert here(people, "user", "key", "add", BOB, *arguments, "--name", "desk").status == 0
    listed = here(people, "user", "key", "list", BOB, "--json").json
    assert [key["name"] for key in listed] == ["bob@laptop", "desk", "desk"]
    assert listed[0]["last_used_at"] is None
    table = here(people, "user", "key", "list", BOB).out
    assert "never" in table and listed[0]["fingerprint"] in table
    refused(here(people, "user", "key", "remove", BOB, "desk", "--json"), "several_named")
    for wanted in (listed[1]["fingerprint"], listed[2]["id"], "bob@laptop"):
        assert here(people, "user", "key", "remove", BOB, wanted).status == 0
    refused(here(people, "user", "key", "remove", BOB, "bob@laptop", "--json"), "not_found")
    assert "no SSH key yet" in here(people, "user", "key", "list", BOB).err


def test_others_look_after_their_own_only(here: Run, people: Path) -> None:
    file = people.parent / "id.pub"
    file.write_text(new_key("mine"))
    as_bob = ("--as", BOB)
    assert here(people, *as_bob, "user", "key", "add", BOB, str(file)).status == 0
    for command in (("list", ANN), ("add", ANN, str(file)), ("remove", ANN, "mine"), ("list", "nobody@example.org")):
        refused(here(people, *as_bob, "user", "key", *command, "--json"), "forbidden")
    refused(here(people, *as_bob, "user", "second-factor", "off", ANN, "--json"), "forbidden")
    refused(here(people, "user", "key", "list", "nobody@example.org", "--json"), "not_found")
    told = here(people, "--as", ANN, "user", "key", "list", BOB)
    assert "mine" in told.out


def pem() -> str:
    private = ed25519.Ed25519PrivateKey.generate()
    return private.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "rule", "says"),
    [
        (pem(), "private_key", "keep it to yourself"),
        (f"{new_key()}\n{new_key()}\n", "several_keys", "one at a time"),
        (f'no-pty,command="x y" {new_key()}', "key_options", "options"),
        (public(rsa.generate_private_key(65537, 1024)), "weak_key", "1024"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "weak_key", "ed25519"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "other_key_format", "ssh-keygen -i"),
        ("hello there", "not_a_public_key", "OpenSSH"),
        ("", "required", "Something"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_and_never_shown(here: Run, people: Path, text: str, rule: str, says: str) -> None:
    file = people.parent / "key"
    file.write_text(text)
    told = here(people, "user", "key", "add", BOB, str(file))
    assert told.status == 2
    assert says in told.err
    for line in text.splitlines():
        assert len(line) < 20 or line not in told.err + told.out
    assert rule in here(people, "user", "key", "add", BOB, str(file), "--json").err
    log = people / "modeltrain.log"
    assert not log.exists() or "PRIVATE" not in log.read_text()


def test_a_key_is_one_accounts(here: Run, people: Path) -> None:
    file = people.parent / "id.pub"
    file.write_text(new_key())
    assert here(people, "user", "key", "add", BOB, str(file)).status == 0
    refused(here(people, "user", "key", "add", ANN, str(file), "--json"), "conflict.ssh_key")


async def with_second_factor(data: Path) -> tuple[TOTP, tuple[str, ...]]:
    """Bob has one from now on."""
    services = await build_services(cheap(data))
    try:
        bob = (await services.accounts.sign_in("bob", PASSWORD, origin=Origin("local"))).principal
        enrolment = await services.accounts.begin_second_factor(bob, PASSWORD)
        app = TOTP(enrolment.secret)
        return app, await services.accounts.confirm_second_factor(bob, app.at(time.time() - 30))
    finally:
        await services.close()


def test_signing_in_with_a_code(here: Run, people: Path) -> None:
    app, recovery = asyncio.run(with_second_factor(people))
    secret = {"MODELTRAIN_PASSWORD": PASSWORD}

    def sign_in(name: str, code: str = "") -> Outcome:
        return here(people, "sign-in", name, "--json", environment=secret | ({"MODELTRAIN_CODE": code} if code else {}))

    refused(sign_in("bob"), "environment.no_code")
    refused(sign_in("bob", "no code"), "code_refused")
    assert sign_in("Bob", app.now()).json["email"] == BOB
    assert sign_in(BOB, recovery[0]).json["email"] == BOB
    refused(sign_in(BOB, recovery[0]), "code_refused")
    assert here(people, "user", "second-factor", "off", BOB).out == f"{BOB} signs in with the password alone now.\n"
    assert here(people, "user", "second-factor", "off", BOB, "--json").json == {"email": BOB, "removed": False}
    assert "no second factor" in here(people, "user", "second-factor", "off", BOB).out
    assert sign_in("bob").json["email"] == BOB


def test_the_code_is_asked_for_on_a_terminal_again_while_it_is_wrong(people: Path) -> None:
    _, recovery = asyncio.run(with_second_factor(people))
    environment = clean_environment() | {"MODELTRAIN_PASSWORD": PASSWORD}
    with Terminal([str(COMMAND), "--data", str(people), "sign-in", "bob"], environment=environment) as terminal:
        terminal.until("Code from your authenticator app")
        terminal.write("not the code\n")
        terminal.until("The code is wrong")
        terminal.until(lambda screen: screen.count("Code from your") == 2)
        terminal.write(recovery[0] + "\n")
        screen = terminal.until("Signed in as bob")
        assert recovery[0] not in screen
        assert terminal.wait() == 0
