"""The watch over the sessions of a worker: what another process does to a session or an account is seen within seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.auth.principal import Principal, Role, operator
from core.bootstrap import Services, build_services
from core.errors import DatabaseBusy, SessionEnded
from tests.shell import PASSWORD
from tests.ssh.raw_client import SUCCESS, RawClient, raw_client
from tests.ssh.served import LIMIT_S, Served
from tui.ssh.connection import Connection

#: The watch asks once a second, and a connection without channels is cut at once; the rest is for a busy machine.
SOON_S = 30.0
BOB = "bob@example.org"


@pytest.fixture
def bob(served: Served) -> Iterator[RawClient]:
    """Bob, signed in."""
    with raw_client(served) as client:
        assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
        until(lambda: principal_of(served) is not None)
        yield client


def until(true: Callable[[], bool]) -> float:
    """Wait until `true()`; how many seconds that took."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < LIMIT_S, "it never became true"
        time.sleep(0.02)
    return time.monotonic() - begin


def only(served: Served) -> Connection | None:
    connections = tuple(served.context.connections)
    return connections[0] if connections else None


def principal_of(served: Served) -> Principal | None:
    async def work() -> Principal | None:
        connection = only(served)
        return connection.live.principal if connection is not None and connection.live is not None else None

    return served.call(work)


def elsewhere(served: Served, work: Callable[[Services], Any]) -> Any:
    """Do `work` in other services on the same database, as another process would."""

    async def run() -> Any:
        services = await build_services(served.settings)
        try:
            return await work(services)
        finally:
            await services.close()

    return served.call(run)


async def _disable(services: Services, _session: str) -> None:
    await services.accounts.set_disabled(operator("test"), BOB, True)


async def _reset(services: Services, _session: str) -> None:
    await services.accounts.set_password(operator("test"), BOB, "another-one-9", must_change=False)


async def _everywhere(services: Services, _session: str) -> None:
    await services.accounts.sign_out_everywhere(await services.accounts.principal_for(operator("test"), BOB))


async def _one(services: Services, session: str) -> None:
    await services.accounts.end_session(await services.accounts.principal_for(operator("test"), BOB), session)


@pytest.mark.parametrize("end", [_disable, _reset, _everywhere, _one])
def test_a_session_that_is_ended_elsewhere_ends_here(served: Served, bob: RawClient, end: Callable[..., Any]) -> None:
    principal = principal_of(served)
    assert principal is not None
    elsewhere(served, lambda services: end(services, principal.session_id))
    assert until(lambda: not bob.transport.is_active()) < SOON_S
    served.until(lambda reception: len(reception) == 0)


def test_a_change_of_the_account_is_seen_in_place(served: Served, bob: RawClient) -> None:
    async def promote(services: Services) -> None:
        await services.accounts.set_role(operator("test"), BOB, Role.ADMIN)
        await services.accounts.update_profile(await services.accounts.principal_for(operator("test"), BOB), nickname="bobby")

    elsewhere(served, promote)
    until(lambda: (now := principal_of(served)) is not None and (now.role, now.nickname) == (Role.ADMIN, "bobby"))

    async def demote(services: Services) -> None:
        await services.accounts.set_role(operator("test"), BOB, Role.USER)

    elsewhere(served, demote)
    until(lambda: (now := principal_of(served)) is not None and now.role is Role.USER)
    assert bob.transport.is_active()


def test_a_terminal_says_why_its_session_ended(served: Served) -> None:
    with served.terminal("bob", width=80, height=24) as terminal:
        terminal.until("Good to see you, bob.")
        elsewhere(served, lambda services: _disable(services, ""))
        terminal.until("Ask an administrator to enable it.")


def test_a_changed_password_keeps_this_connection_and_ends_the_others(served: Served, bob: RawClient) -> None:
    async def change() -> str:
        connection = only(served)
        assert connection is not None and connection.live is not None
        before = connection.live.principal.session_id
        await connection.live.count_as("ssh")
        await connection.live.change_password(PASSWORD, "another-one-9")
        await served.context.watch.look()
        assert (await connection.live.recheck()).session_id != before
        return before

    with raw_client(served) as other:
        connection_before = principal_of(served)
        assert connection_before is not None
        assert other.ask(other.password("ann", PASSWORD)) == SUCCESS  # somebody else stays
        other.close()
        until(lambda: len(served.context.connections) == 1)
    served.call(change)
    assert bob.transport.is_active()


def test_signing_out_ends_every_channel_of_the_connection(served: Served, bob: RawClient) -> None:
    heard: list[str] = []

    async def sign_out() -> None:
        connection = only(served)
        assert connection is not None and connection.live is not None
        connection.on_ended(lambda reason: heard.append(reason.fields["why"]))
        await connection.live.sign_out()
        with pytest.raises(SessionEnded):
            await connection.live.recheck()

    served.call(sign_out)
    until(lambda: not bob.transport.is_active())
    assert heard == ["signed_out"]


def test_a_database_that_is_busy_ends_nobodys_session(served: Served, bob: RawClient, caplog: pytest.LogCaptureFixture) -> None:
    accounts = served.context.services.accounts
    known = accounts.recheck_many
    asked = []

    async def busy(principals: Any) -> Any:
        asked.append(len(principals))
        raise DatabaseBusy

    with caplog.at_level(logging.WARNING, logger="tui.ssh.watch"):
        accounts.recheck_many = busy  # type: ignore[method-assign]
        for _turn in range(3):
            served.call(served.context.watch.look)
        assert bob.transport.is_active()
        accounts.recheck_many = known  # type: ignore[method-assign]
        served.call(served.context.watch.look)
    assert len(asked) >= 3
    assert [record.message for record in caplog.records] == [
        "the sessions cannot be watched for now: database_busy",
        "the sessions are watched again",
    ]
    assert principal_of(served) is not None


def test_nothing_is_asked_where_nobody_is_signed_in(served: Served) -> None:
    asked = []

    async def counted(principals: Any) -> Any:
        asked.append(principals)
        return {}

    served.context.services.accounts.recheck_many = counted  # type: ignore[method-assign]
    served.call(served.context.watch.look)
    assert asked == []
    assert not [name for name in served.context.services.supervisor.running if "watch" in name]


def test_a_session_whose_end_could_not_be_told_is_ended_later(served: Served) -> None:
    accounts = served.context.services.accounts
    known = accounts.close_session

    async def busy(principal: Any) -> None:
        raise DatabaseBusy

    accounts.close_session = busy  # type: ignore[method-assign]
    with raw_client(served) as client:
        assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
        until(lambda: principal_of(served) is not None)
        principal = principal_of(served)
    served.until(lambda reception: len(reception) == 0)
    served.call(served.context.watch.look)
    assert principal is not None
    assert isinstance(served.call(lambda: accounts.recheck(principal)), Principal)
    accounts.close_session = known  # type: ignore[method-assign]
    served.call(served.context.watch.look)
    with pytest.raises(SessionEnded):
        served.call(lambda: accounts.recheck(principal))
