"""Many people of one office, behind one address, and many guesses, all in the same second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from core.auth.principal import operator
from core.settings import ServeSettings, Settings
from tests.shell import PASSWORD
from tests.ssh.served import LIMIT_S, Served, serving_here
from tui.ssh.reception import Reception

GREETING = "Good to see you"
WRONG = "not-the-password-7"
OFFICE = [f"clerk{number}" for number in range(40)]


async def hire(served: Served) -> None:
    """An account for each of the office."""
    accounts = served.context.services.accounts
    for name in OFFICE:
        await accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)


async def together(
    tries: Sequence[Callable[[], Awaitable[asyncssh.SSHClientConnection]]],
) -> list[asyncssh.SSHClientConnection | BaseException]:
    """The connections of all, or why there are none; they are closed again."""
    made = await asyncio.gather(*(each() for each in tries), return_exceptions=True)
    for connection in made:
        if isinstance(connection, asyncssh.SSHClientConnection):
            connection.close()
            await connection.wait_closed()
    return made


def test_forty_people_of_one_office_sign_in_in_the_same_second(served: Served) -> None:
    served.call(lambda: hire(served))
    made = asyncio.run(together([lambda name=name: served.connect(name, login_timeout=LIMIT_S) for name in OFFICE]))  # type: ignore[misc]
    assert [error for error in made if isinstance(error, BaseException)] == []
    assert asyncio.run(together([lambda: served.connect("bob")]))[0] is not None


def test_the_door_lets_an_office_in() -> None:
    reception = Reception(ServeSettings())
    for _ in OFFICE:
        assert reception.refusal("192.0.2.7") is None
        reception.let_in("192.0.2.7", 1)
    assert reception.refusal("192.0.2.8") is None


def test_of_sixty_guesses_at_once_five_are_looked_at(served: Served) -> None:
    accounts = served.context.services.accounts
    before = accounts.passwords_verified
    guesses = [lambda name=name: served.connect(name, WRONG, login_timeout=LIMIT_S) for name in (*OFFICE, *["bob"] * 20)]
    made = asyncio.run(together(guesses))
    assert all(isinstance(error, asyncssh.Error) for error in made)
    assert accounts.passwords_verified - before == 5


@pytest.fixture
def dearer(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker for which the hashes that are kept are too cheap: the next sign-in makes them anew."""
    with serving_here(replace(served_settings, auth=replace(served_settings.auth, bcrypt_cost=11)), client_folder) as here:
        yield here


def test_three_terminals_of_one_account_at_the_same_moment(dearer: Served) -> None:
    for name in ("ann", "bob", "ann"):
        with ExitStack() as stack:
            terminals = [stack.enter_context(dearer.terminal(name, width=80, height=24)) for _ in range(3)]
            for terminal in terminals:
                terminal.until(GREETING)
