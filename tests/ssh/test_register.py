"""`ssh register@HOST`: making an account, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import operator
from core.settings import Settings
from tests.acceptance.program import rows
from tests.shell import PASSWORD
from tests.ssh.served import Served, serving_here
from tests.terminal import Terminal
from tui.ssh import connection, routing


@pytest.fixture
def guarded(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker where an address may register twice a minute."""
    auth = replace(served_settings.auth, attempts_a_minute=2)
    with serving_here(replace(served_settings, auth=auth), client_folder) as here:
        yield here


def fill_in(terminal: Terminal, name: str) -> None:
    terminal.until("E-mail")
    for text in (f"{name}@example.org", name, PASSWORD, PASSWORD):
        terminal.write(text)
        terminal.press("tab")
    terminal.press("ctrl+s")


def test_where_somebody_registered_is_known(served: Served) -> None:
    with served.terminal("register", width=100, height=30) as terminal:
        fill_in(terminal, "carol")
        terminal.until("Good to see you, carol.")
    found = served.call(lambda: served.context.services.accounts.list_users(operator("test")))
    assert {profile.nickname: profile.last_sign_in_from for profile in found}["carol"] == "127.0.0.1"
    assert rows(served.settings.data_dir, "SELECT address FROM sessions WHERE kind = 'ssh'") == [("127.0.0.1",)]


def test_an_address_does_not_register_without_end(guarded: Served) -> None:
    for name in ("carol", "dora"):
        with guarded.terminal("register", width=100, height=30) as terminal:
            fill_in(terminal, name)
            terminal.until(f"Good to see you, {name}.")
    with guarded.terminal("register", width=100, height=30) as terminal:
        fill_in(terminal, "eve")
        terminal.until("Too many attempts")
    assert len(rows(guarded.settings.data_dir, "SELECT id FROM users")) == 4


def test_who_registers_takes_no_place_of_people_who_signed_in(served: Served) -> None:
    """Else the places of everybody could be taken, for a quarter of an hour, without any account."""
    with served.terminal("register", width=100, height=30) as terminal:
        terminal.until("E-mail")
        assert (len(served.desk.reception), served.desk.reception.unauthenticated) == (1, 1)
        fill_in(terminal, "carol")
        terminal.until("Good to see you, carol.")
        assert (len(served.desk.reception), served.desk.reception.unauthenticated) == (1, 0)
    served.until(lambda reception: len(reception) == 0)


def test_no_other_way_leads_on_from_the_registration(served: Served) -> None:
    """At a sign-in behind it, passwords could be guessed past every limit of the connection."""
    with served.terminal("register", width=100, height=30) as terminal:
        terminal.until("Make an account of your own.")
        terminal.press("f1", "esc", "alt+enter", "ctrl+p", "esc")
        terminal.write("\x1b1\x1b2")
        terminal.press("esc")
        assert terminal.wait() == 0
    served.until(lambda reception: len(reception) == 0)


def test_who_types_nothing_is_shown_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REGISTER_IDLE_S", 1.0)
    with served.terminal("register", width=100, height=30) as terminal:
        terminal.until("It was not used for too long.")
        terminal.wait()
    served.until(lambda reception: len(reception) == 0)


def test_few_register_at_a_time_from_one_address(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "REGISTERING", 1)
    with served.terminal("register", width=100, height=30) as first:
        first.until("E-mail")
        with served.terminal("register", width=100, height=30) as second:
            second.until("Too many attempts")
            assert second.wait() == 2
        with served.terminal("bob", width=100, height=30) as bob:
            bob.until("Good to see you, bob.")
    served.until(lambda reception: len(reception) == 0)
    with served.terminal("register", width=100, height=30) as third:
        third.until("E-mail")
