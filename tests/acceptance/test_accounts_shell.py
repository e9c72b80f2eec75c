"""Accounts from the shell: adding people, the kept session, passwords from everywhere but an argument."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.shell import COMMAND, PASSWORD, Outcome, Shell, clean_environment
from tests.terminal import Terminal

NEW = "staple 8 in a box"
ANN, BOB = "ann@example.org", "bob@example.org"


def sign_in(shell: Shell, email: str = ANN, password: str = PASSWORD) -> Outcome:
    return shell.run("sign-in", email, "--json", environment={"MODELTRAIN_PASSWORD": password})


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with ann, its administrator, and bob, made once; nobody is signed in. Copy it."""
    shell = Shell(tmp_path_factory.mktemp("two") / "data")
    shell.user(ANN, "ann", admin=True)
    shell.user(BOB, "bob")
    return shell.data


@pytest.fixture
def shell(installation: Path, tmp_path: Path) -> Shell:
    """An installation of its own with ann and bob."""
    return Shell(Path(shutil.copytree(installation, tmp_path / "data")))


def test_before_there_is_an_account(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "data")
    assert shell.ok("user", "list", "--json").json == []
    outcome = shell.run("sign-in", ANN, "--json")
    assert outcome.status == 2
    assert json.loads(outcome.err)["error"]["code"] == "environment.no_account"
    assert "modeltrain user add" in outcome.err


def test_a_kept_session(shell: Shell) -> None:
    assert shell.run("config", "list").status == 2, "nobody is signed in"
    told = sign_in(shell).json
    assert (told["email"], told["role"], told["previous_sign_in_at"]) == (ANN, "admin", None)
    kept = shell.data / "session.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_text()
    shell.ok("config", "list")
    assert kept.read_text() != before, "rotated"
    assert sign_in(shell, BOB).json["email"] == BOB
    assert shell.ok("sign-out", "--json").json == {"signed_out": BOB}
    assert not kept.exists()
    assert shell.run("config", "list").status == 2
    assert shell.ok("sign-out", "--json").json == {"signed_out": None}


def test_an_old_token_put_back_ends_the_session(shell: Shell) -> None:
    sign_in(shell)
    kept = shell.data / "session.json"
    stolen = kept.read_text()
    shell.ok("config", "list")
    mine = kept.read_text()
    kept.write_text(stolen)
    assert "session_ended" in shell.run("config", "list", "--json").err
    kept.write_text(mine)
    assert shell.run("config", "list").status == 2, "the whole family has ended"


def test_commands_at_the_same_time_share_the_kept_session(shell: Shell) -> None:
    sign_in(shell)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: shell.run("config", "list"), range(6)))
    assert [outcome.status for outcome in outcomes] == [0] * 6, outcomes


def test_disabling_ends_the_kept_session(shell: Shell) -> None:
    sign_in(shell, BOB)
    assert shell.ok("user", "disable", BOB, "--json").json["disabled"] is True
    assert shell.run("config", "list").status == 2
    assert "account_disabled" in sign_in(shell, BOB).err
    assert "sign_in_refused" in sign_in(shell, BOB, "wrong password 1").err
    shell.ok("user", "enable", BOB)
    assert sign_in(shell, BOB).status == 0


def test_a_random_password_is_shown_once_and_changed_at_sign_in(shell: Shell) -> None:
    random = shell.ok("user", "passwd", BOB, "--random").out.strip()
    assert re.fullmatch(r"[A-Za-z0-9]{16}", random)
    refused = shell.run("sign-in", BOB, environment={"MODELTRAIN_PASSWORD": random, "MODELTRAIN_NEW_PASSWORD": "short"})
    assert refused.status == 2
    assert not (shell.data / "session.json").exists()
    shell.ok("sign-in", BOB, environment={"MODELTRAIN_PASSWORD": random, "MODELTRAIN_NEW_PASSWORD": NEW})
    shell.ok("config", "list")
    assert "sign_in_refused" in sign_in(shell, BOB, random).err
    assert sign_in(shell, BOB, NEW).status == 0


def test_a_session_kept_without_the_new_password_is_no_use(shell: Shell) -> None:
    """As the application leaves it, if one goes away when it asks for the new password."""
    sign_in(shell, BOB)
    with sqlite3.connect(shell.data / "modeltrain.db") as database:
        database.execute("UPDATE users SET must_change_password = 1 WHERE email = ?", (BOB,))
    database.close()
    outcome = shell.run("config", "list", "--json")
    assert (outcome.status, json.loads(outcome.err)["error"]["code"]) == (2, "environment.new_password_needed")


def test_changing_ones_own_password_stays_signed_in(shell: Shell) -> None:
    sign_in(shell, BOB)
    wrong = shell.run("user", "passwd", "--json", environment={"MODELTRAIN_OLD_PASSWORD": "wrong password 1", "MODELTRAIN_PASSWORD": NEW})
    assert json.loads(wrong.err)["error"]["code"] == "invalid_input.wrong"
    shell.ok("user", "passwd", environment={"MODELTRAIN_OLD_PASSWORD": PASSWORD, "MODELTRAIN_PASSWORD": NEW})
    shell.ok("config", "list")
    assert sign_in(shell, BOB).status == 2
    assert sign_in(shell, BOB, NEW).status == 0


def test_roles_and_the_last_administrator(shell: Shell) -> None:
    for refused in (("role", ANN, "user"), ("disable", ANN)):
        assert json.loads(shell.run("user", *refused, "--json").err)["error"]["code"] == "conflict.last_admin"
    assert shell.ok("user", "role", BOB, "admin", "--json").json["role"] == "admin"
    shell.ok("user", "role", ANN, "user")
    assert shell.run("user", "role", BOB, "emperor").status == 2
    assert shell.run("user", "role", "nobody@example.org", "user").status == 2
    as_ann = Shell(shell.data, ANN)
    assert json.loads(as_ann.run("user", "list", "--json").err)["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("email", "nickname", "code"),
    [
        (ANN, "another", "invalid_input.taken"),
        ("new@example.org", "ANN", "invalid_input.taken"),
        ("new", "another", "invalid_input.not_an_email"),
        ("new@example.org", "x", "invalid_input.too_short"),
        ("new@example.org", "\x1b[31mred", "invalid_input.control_characters"),
    ],
)
def test_what_is_refused_is_refused_before_a_password_is_asked_for(shell: Shell, email: str, nickname: str, code: str) -> None:
    outcome = shell.run("user", "add", email, "--nickname", nickname, "--json")
    assert outcome.status == 2
    assert json.loads(outcome.err)["error"]["code"] == code
    assert "\x1b" not in outcome.err


def test_a_password_file_may_be_standard_input(shell: Shell) -> None:
    shell_outcome = shell.run("sign-in", BOB, "--password-file", "-", stdin=f"{PASSWORD}\n")
    assert shell_outcome.status == 0, shell_outcome.err
    missing = shell.run("sign-in", BOB, "--password-file", str(shell.data / "none"), "--json")
    assert json.loads(missing.err)["error"]["code"] == "environment.file_not_readable"


def test_no_output_holds_a_password(shell: Shell) -> None:
    outcomes = [
        sign_in(shell),
        sign_in(shell, password="wrong password 1"),
        shell.run("user", "list", "--json"),
        shell.run("user", "passwd", BOB, environment={"MODELTRAIN_PASSWORD": NEW}),
        shell.run("user", "passwd", BOB, environment={"MODELTRAIN_PASSWORD": "x" * 5000}),
    ]
    for outcome in outcomes:
        for secret in (PASSWORD, NEW, "wrong password 1", "xxxxxxxxxx", "$bcrypt"):
            assert secret not in outcome.out + outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a PTY")
def test_prompts_are_hidden_and_ask_twice(tmp_path: Path) -> None:
    command = [str(COMMAND), "--data", str(tmp_path / "data"), "user", "add", ANN, "--nickname", "ann", "--admin"]
    with Terminal(command, environment=clean_environment()) as terminal:
        terminal.until("Password of the new account:")
        terminal.write("short1\n")
        screen = terminal.until("At least 8 characters.")
        assert "Once more:" not in screen
        assert terminal.wait() == 2
    for second, told in ((NEW, "The two passwords are not the same."), (PASSWORD, "administrator now")):
        with Terminal(command, environment=clean_environment()) as terminal:
            terminal.until("Password of the new account:")
            terminal.write(PASSWORD + "\n")
            terminal.until("Once more:")
            terminal.write(second + "\n")
            screen = terminal.until(told)
            assert PASSWORD not in screen
            assert terminal.wait() == (0 if second == PASSWORD else 2)
    with Terminal([str(COMMAND), "--data", str(tmp_path / "data"), "sign-in"], environment=clean_environment()) as terminal:
        terminal.until("E-mail or nickname:")
        terminal.write(ANN + "\n")
        terminal.until("Password:")
        terminal.write(PASSWORD + "\n")
        screen = terminal.until("Signed in as ann")
        assert PASSWORD not in screen
        assert terminal.wait() == 0
