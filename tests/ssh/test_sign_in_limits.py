"""How often somebody may try on one connection, and what trying costs the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from core.settings import Settings
from tests.shell import PASSWORD
from tests.ssh.raw_client import ASKED, FAILURE, KeyPair, RawClient, raw_client
from tests.ssh.served import LIMIT_S, Served, serving_here
from tui.ssh.signing_in import GUESSES, KEYS, NAMES

WRONG = "not-the-password-7"


@pytest.fixture
def unguarded(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker that lets the same address guess as often as it likes: only the limits of a connection are left."""
    auth = replace(served_settings.auth, attempts_a_minute=100_000, failures_to_lock=100_000)
    with serving_here(replace(served_settings, auth=auth), client_folder) as here:
        yield here


def tries(client: RawClient, request: Callable[[int], paramiko.Message]) -> int:
    """How many of 300 requests are answered."""
    for count in range(300):
        try:
            if client.ask(request(count)) not in (FAILURE, ASKED):
                raise AssertionError("it was let in")
        except (EOFError, OSError):
            return count
    return 300


def hashed(served: Served) -> int:
    return served.context.services.accounts.passwords_verified


def test_three_hundred_guesses_on_one_connection(unguarded: Served) -> None:
    with raw_client(unguarded) as client:
        assert tries(client, lambda _count: client.password("ann", WRONG)) == GUESSES
    assert hashed(unguarded) == GUESSES


def test_three_hundred_guesses_for_as_many_names(unguarded: Served) -> None:
    with raw_client(unguarded) as client:
        assert tries(client, lambda count: client.password(f"name-{count}", WRONG)) == GUESSES
    with raw_client(unguarded) as client:
        assert tries(client, lambda count: client.none(f"name-{count}")) == NAMES


def test_three_hundred_guesses_all_at_once(unguarded: Served) -> None:
    with raw_client(unguarded) as client:
        try:
            client.send(*(client.password("ann", WRONG) for _count in range(300)))
            while True:
                client.answer()
        except (EOFError, OSError):
            pass
    unguarded.until(lambda reception: len(reception) == 0)
    assert hashed(unguarded) <= GUESSES


def test_guesses_by_asking_are_guesses_too(unguarded: Served) -> None:
    guesses = 0
    with raw_client(unguarded) as client, pytest.raises((EOFError, OSError)):
        for _count in range(300):
            client.send(client.interactive("ann"))
            client.question()
            assert client.ask(client.response(WRONG)) == FAILURE
            guesses += 1
    assert guesses == GUESSES


def test_keys_are_not_tried_for_ever(unguarded: Served, client_folder: Path) -> None:
    key = KeyPair.make(client_folder, "nobody").key
    with raw_client(unguarded) as client:
        assert tries(client, lambda _count: client.offered("ann", key)) == KEYS


def test_a_locked_account_is_told_so_before_anything_is_hashed(served: Served) -> None:
    limit = served.settings.auth.failures_to_lock
    for _count in range(limit):
        with raw_client(served) as client:
            assert client.ask(client.password("bob", WRONG)) == FAILURE
    before = hashed(served)
    refused = served.ssh("conversation", "list", name="bob", password=PASSWORD)
    assert refused.returncode == 255
    assert b"minutes" in refused.stderr
    assert hashed(served) == before


def test_an_empty_password_is_no_guess(served: Served) -> None:
    before = hashed(served)
    with raw_client(served) as client:
        assert client.ask(client.password("bob", "")) == FAILURE
    assert hashed(served) == before


def test_who_never_signs_in_is_shown_out(served_settings: Settings, client_folder: Path) -> None:
    short = replace(served_settings, serve=replace(served_settings.serve, login_s=0.5))
    with serving_here(short, client_folder) as served:
        with served.raw() as silent:
            assert silent.recv(1000).startswith(b"SSH-2.0-")
            assert silent.recv(1000) == b""
        with raw_client(served) as client:
            client.transport.join(LIMIT_S)
            assert not client.transport.is_active()
