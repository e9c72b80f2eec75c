"""Signing in over SSH: who somebody is follows only from what was shown last, and wholly."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import paramiko
import pyotp
import pytest

from core.auth.principal import Origin, Principal, operator
from core.errors import DatabaseBusy
from core.settings import Settings
from tests.shell import PASSWORD
from tests.ssh.raw_client import ASKED, FAILURE, SUCCESS, KeyPair, RawClient, raw_client
from tests.ssh.served import LIMIT_S, Served, serving_here
from tui.ssh.connection import Connection

WRONG = "not-the-password-7"


@pytest.fixture
def unguarded(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker that lets the same address guess as often as it likes."""
    auth = replace(served_settings.auth, attempts_a_minute=1000, failures_to_lock=1000)
    with serving_here(replace(served_settings, auth=auth), client_folder) as here:
        yield here


@pytest.fixture
def keys(served: Served, client_folder: Path) -> dict[str, KeyPair]:
    """A key of ann and one of bob, and one of nobody."""
    made = {name: KeyPair.make(client_folder, name) for name in ("ann", "bob", "nobody")}
    for name in ("ann", "bob"):
        add_key(served, name, made[name].public)
    return made


@pytest.fixture
def client(served: Served) -> Iterator[RawClient]:
    with raw_client(served) as made:
        yield made


def add_key(served: Served, name: str, public: str) -> None:
    async def work() -> None:
        accounts = served.context.services.accounts
        await accounts.add_ssh_key(await accounts.principal_for(operator("test"), f"{name}@example.org"), public)

    served.call(work)


def second_factor(served: Served, name: str) -> pyotp.TOTP:
    """Ask a code of `name` from now on."""

    async def work() -> pyotp.TOTP:
        accounts = served.context.services.accounts
        principal = await accounts.principal_for(operator("test"), f"{name}@example.org")
        enrolment = await accounts.begin_second_factor(principal, PASSWORD)
        totp = pyotp.TOTP(enrolment.secret)
        await accounts.confirm_second_factor(principal, totp.at(time.time() - 30))
        return totp

    return served.call(work)


def registration(served: Served, is_open: bool) -> None:
    async def work() -> None:
        accounts = served.context.services.accounts
        await accounts.set_registration(await accounts.principal_for(operator("test"), "ann@example.org"), is_open)

    served.call(work)


def people(served: Served) -> list[str]:
    """Who is signed in on the connections of the worker."""

    async def work() -> list[str]:
        lives = [connection.live for connection in served.context.connections]
        return sorted(live.principal.nickname if live is not None else "" for live in lives)

    return served.call(work)


def the_only_one(served: Served) -> str:
    """Who is signed in on the one connection, once it is known."""
    end = time.monotonic() + LIMIT_S
    while not (found := people(served)):
        assert time.monotonic() < end
    (name,) = found
    return name


def until_counted_as_shell(served: Served) -> None:
    """Wait until one connection counts as one for commands."""

    async def counted() -> bool:
        return any(connection.live is not None and connection.live.kind == "shell" for connection in served.context.connections)

    end = time.monotonic() + LIMIT_S
    while not served.call(counted):
        assert time.monotonic() < end


def sessions_of(served: Served, name: str) -> int:
    """The sessions of an account that have not ended."""

    async def work() -> int:
        accounts = served.context.services.accounts
        principal = await accounts.principal_for(operator("test"), f"{name}@example.org")

        def count(uow: object) -> int:
            rows = uow.sign_ins.active(principal.user_id, 0)  # type: ignore[attr-defined]
            return len(rows)

        return await served.context.services.store.read(count)

    return served.call(work)


def test_offering_somebodys_public_key_gives_nothing_of_theirs(served: Served, keys: dict[str, KeyPair], client: RawClient) -> None:
    """The hole that asyncssh leaves open: `validate_public_key` is called before the signature is looked at."""
    assert client.ask(client.offered("ann", keys["ann"].key)) == ASKED
    assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
    assert the_only_one(served) == "bob"


def test_a_key_offered_then_another_one_signed(served: Served, keys: dict[str, KeyPair], client: RawClient) -> None:
    assert client.ask(client.offered("ann", keys["ann"].key)) == ASKED
    assert client.ask(client.signed("bob", keys["bob"].key)) == SUCCESS
    assert the_only_one(served) == "bob"


def test_a_key_offered_then_answers_typed(served: Served, keys: dict[str, KeyPair], client: RawClient) -> None:
    client.send(client.interactive("bob"))
    assert client.question()[1] == "Password: "
    assert client.ask(client.offered("ann", keys["ann"].key)) == ASKED
    client.send(client.interactive("bob"))
    client.question()
    assert client.ask(client.response(PASSWORD)) == SUCCESS
    assert the_only_one(served) == "bob"


def test_a_key_needs_its_own_signature_and_its_own_name(served: Served, keys: dict[str, KeyPair], client: RawClient) -> None:
    ann, bob = keys["ann"].key, keys["bob"].key
    assert client.ask(client.signed("ann", ann, by=bob)) == FAILURE
    assert client.ask(client.signed("ann", bob)) == FAILURE
    assert client.ask(client.offered("bob", ann)) == FAILURE
    assert client.ask(client.offered("ann", keys["nobody"].key)) == FAILURE
    assert client.ask(client.offered("carol", ann)) == FAILURE
    assert people(served) == []
    assert client.ask(client.signed("ann", ann)) == SUCCESS
    assert the_only_one(served) == "ann"


def test_a_name_that_changes_after_the_password_was_asked(served: Served, client: RawClient) -> None:
    client.send(client.interactive("ann"))
    client.question()
    client.send(client.interactive("carol"))
    client.question()
    assert client.ask(client.response(PASSWORD)) == FAILURE
    client.send(client.interactive("bob"))
    client.question()
    assert client.ask(client.response(PASSWORD)) == SUCCESS
    assert the_only_one(served) == "bob"


@pytest.mark.parametrize("turned", [False, True])
def test_requests_sent_all_at_once(served: Served, keys: dict[str, KeyPair], client: RawClient, turned: bool) -> None:
    """A request overtakes the one before it; whatever that one would have found out counts for nothing."""
    crowd = [
        client.offered("ann", keys["ann"].key),
        client.password("bob", PASSWORD),
        client.offered("ann", keys["ann"].key),
        client.interactive("ann"),
    ]
    client.send(*(reversed(crowd) if turned else crowd), client.signed("bob", keys["bob"].key))
    while client.answer()[0] != SUCCESS:
        pass
    assert the_only_one(served) == "bob"
    client.send(client.signed("ann", keys["ann"].key), client.password("ann", PASSWORD))  # ignored: somebody is signed in
    channel = client.transport.open_session(timeout=LIMIT_S)
    channel.close()
    assert people(served) == ["bob"]


def test_a_sign_in_that_is_overtaken_leaves_no_session(served: Served, client: RawClient) -> None:
    for _turn in range(4):
        client.send(client.password("bob", PASSWORD), client.none("ann"))
    client.close()
    served.until(lambda reception: len(reception) == 0)
    end = time.monotonic() + LIMIT_S
    while sessions_of(served, "bob"):
        assert time.monotonic() < end
    assert people(served) == []


def test_a_code_is_asked_after_the_password(served: Served, client: RawClient) -> None:
    totp = second_factor(served, "bob")
    client.send(client.interactive("bob"))
    assert client.question() == ("", "Password: ")
    client.send(client.response(PASSWORD))
    instruction, prompt = client.question()
    assert "authenticator" in instruction
    assert prompt == "Code: "
    client.send(client.response("000000" if totp.now() != "000000" else "111111"))
    assert client.question()[1] == "Code: "
    assert client.ask(client.response(totp.now())) == SUCCESS
    assert the_only_one(served) == "bob"


def test_a_code_counts_for_whom_it_was_asked(served: Served, client: RawClient) -> None:
    totp = second_factor(served, "bob")
    client.send(client.interactive("bob"))
    client.question()
    client.send(client.response(PASSWORD))
    client.question()
    client.send(client.interactive("ann"), client.response(totp.now()))
    assert client.question()[1] == "Password: "
    assert client.answer()[0] == FAILURE
    client.send(client.interactive("bob"))
    assert client.question()[1] == "Password: "
    assert people(served) == []


def test_a_password_alone_says_what_is_missing_only_to_who_knows_it(served: Served) -> None:
    second_factor(served, "bob")
    for password, told in ((WRONG, False), (PASSWORD, True)):
        with raw_client(served) as client:
            assert client.ask(client.password("bob", password)) == FAILURE
            assert ["keyboard-interactive" in banner for banner in client.banners] == [True] * told


def test_the_server_asks_the_same_of_names_that_nobody_has(unguarded: Served) -> None:
    second_factor(unguarded, "bob")
    registration(unguarded, False)
    seen = []
    for name in ("ann", "bob", "nobody-at-all", "nobody@example.org", "register"):
        with raw_client(unguarded) as client:
            kinds = [client.ask(client.none(name))]
            client.send(client.interactive(name))
            question = client.question()
            kinds.append(client.ask(client.response(WRONG)))
            kinds.append(client.ask(client.password(name, WRONG)))
            seen.append((tuple(kinds), question))
    assert set(seen) == {((FAILURE, FAILURE, FAILURE), ("", "Password: "))}


def test_the_language_that_a_client_names_is_spoken(served: Served, client: RawClient) -> None:
    client.send(client.interactive("ann", "zh-CN"))
    client.question()
    assert client.ask(client.response(PASSWORD)) == SUCCESS
    the_only_one(served)

    async def spoken() -> set[str]:
        return {connection.locale.language for connection in served.context.connections}

    assert served.call(spoken) == {"zh_CN"}


def test_names_and_passwords_of_any_script(served: Served, client: RawClient) -> None:
    """asyncssh alone knows no character that is newer than 2002, and ends the connection over an emoji."""
    nickname, password = "安娜🎉", "Пароль🎉سلام-9a"

    async def add() -> None:
        accounts = served.context.services.accounts
        await accounts.add_user(operator("test"), "anna@example.org", nickname, password)

    served.call(add)
    assert client.ask(client.password(nickname, WRONG)) == FAILURE
    assert client.ask(client.password(nickname, password)) == SUCCESS
    assert the_only_one(served) == nickname


# Registration


def test_register_is_reached_without_a_password_where_it_is_open(served: Served) -> None:
    registration(served, False)
    with raw_client(served) as client:
        assert client.ask(client.none("register")) == FAILURE
    registration(served, True)
    with raw_client(served) as client:
        assert client.ask(client.none("bob")) == FAILURE
        assert client.ask(client.none("register")) == SUCCESS
        assert the_only_one(served) == ""
        for command in ("conversation list", "scp -f datasets/a"):
            channel = client.transport.open_session(timeout=LIMIT_S)
            channel.exec_command(command)
            assert channel.recv_exit_status() == 2
            assert b"registration" in channel.recv_stderr(1000)
        assert the_only_one(served) == ""


def test_people_register_over_ssh(served: Served) -> None:
    registration(served, True)
    with served.terminal("register", width=100, height=30) as terminal:
        terminal.until("E-mail")
        assert the_only_one(served) == ""
        for text in ("carol@example.org", "carol", PASSWORD, PASSWORD):
            terminal.write(text)
            terminal.press("tab")
        terminal.press("ctrl+s")
        terminal.until("Good to see you, carol.")
        assert the_only_one(served) == "carol"
        assert sessions_of(served, "carol") == 1
    served.until(lambda reception: len(reception) == 0)


# After the sign-in


def test_a_password_to_be_changed_is_changed_in_a_terminal(served: Served) -> None:
    async def reset() -> None:
        await served.context.services.accounts.set_password(operator("test"), "bob@example.org", PASSWORD, must_change=True)

    served.call(reset)
    refused = served.ssh("conversation", "list", name="bob")
    assert (refused.returncode, b"terminal first" in refused.stderr) == (2, True)
    assert refused.stdout == b""
    with served.terminal("bob", width=100, height=30) as terminal:
        terminal.until("New password")


def test_a_shell_without_a_terminal_is_told_what_to_do(served: Served) -> None:
    refused = served.ssh()
    assert (refused.returncode, b"-t" in refused.stderr) == (2, True)


def test_the_session_ends_in_the_database_with_the_connection(served: Served) -> None:
    with raw_client(served) as client:
        assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
        the_only_one(served)
        assert sessions_of(served, "bob") == 1
    served.until(lambda reception: len(reception) == 0)
    end = time.monotonic() + LIMIT_S
    while sessions_of(served, "bob"):
        assert time.monotonic() < end


def test_an_account_that_ended_between_offer_and_signature(served: Served, keys: dict[str, KeyPair], client: RawClient) -> None:
    """The authentication is complete, but there is no session: the channel says so, with a status, and the connection ends."""
    assert client.ask(client.offered("bob", keys["bob"].key)) == ASKED

    async def remove() -> None:
        accounts = served.context.services.accounts
        known = accounts.sign_in_with_key

        async def removed_just_before(name: str, key_data: bytes, *, origin: Origin) -> object:
            bob = await accounts.principal_for(operator("test"), "bob@example.org")
            for key in await accounts.ssh_keys(bob):
                await accounts.remove_ssh_key(bob, key.id)
            return await known(name, key_data, origin=origin)

        accounts.sign_in_with_key = removed_just_before  # type: ignore[method-assign, assignment]

    served.call(remove)
    assert client.ask(client.signed("bob", keys["bob"].key)) == SUCCESS
    channel = client.transport.open_session(timeout=LIMIT_S)
    channel.exec_command("conversation list")
    assert channel.recv_exit_status() == 2
    assert channel.recv_stderr(1000)
    assert people(served) == []


def test_a_database_that_fails_at_the_door_is_told_on_the_channel(served: Served, client: RawClient) -> None:
    async def busy(principal: Principal, kind: str) -> Principal:
        raise DatabaseBusy

    served.context.services.accounts.use_session = busy  # type: ignore[method-assign, assignment]
    assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
    channel = client.transport.open_session(timeout=LIMIT_S)
    channel.exec_command("scp -f nothing-there")
    assert channel.recv_exit_status() == 2
    assert b"busy" in channel.recv_stderr(1000)


def test_connections_for_commands_have_a_limit_of_their_own(served_settings: Settings, client_folder: Path) -> None:
    """The newest is refused; the terminal of the same account goes on."""
    one = replace(served_settings, auth=replace(served_settings.auth, shell_sessions_a_user=1, sessions_a_user=1))
    with (
        serving_here(one, client_folder) as served,
        raw_client(served) as first,
        raw_client(served) as second,
        served.terminal("bob", width=80, height=24) as terminal,
    ):
        terminal.until("Good to see you, bob.")
        channels = []
        for client in (first, second):
            assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
            channels.append(client.transport.open_session(timeout=LIMIT_S))
            channels[-1].exec_command("scp -f nothing-there")  # waits for its client
            until_counted_as_shell(served)
        assert channels[1].recv_exit_status() == 2
        assert b"ControlMaster" in channels[1].recv_stderr(1000)
        assert not channels[0].exit_status_ready()
        assert len(people(served)) == 3


def test_fifty_people_come_and_go_and_leave_nothing(served: Served) -> None:
    async def come_and_go() -> None:
        for _turn in range(50):
            async with await served.connect("bob") as connection:
                result = await connection.run("scp -f nothing-there", stdin=asyncssh.DEVNULL)
                assert result.exit_status == 1

    asyncio.run(come_and_go())
    served.until(lambda reception: len(reception) == 0)

    async def left() -> tuple[int, int, int]:
        await served.context.watch.look()
        gc.collect()
        connections = sum(isinstance(thing, Connection) for thing in gc.get_objects())
        tasks = len([task for task in asyncio.all_tasks() if "channel" in task.get_name() or "sign-in" in task.get_name()])
        return connections, len(served.context.watch), tasks

    assert served.call(left) == (0, 0, 0)
    assert sessions_of(served, "bob") == 0


def test_a_served_installation_may_ask_little(served_settings: Settings, client_folder: Path) -> None:
    """At most so many channels on one connection; one more is refused, and the others go on."""
    few = replace(served_settings, serve=replace(served_settings.serve, channels_a_connection=2))
    with serving_here(few, client_folder) as served, raw_client(served) as client:
        assert client.ask(client.password("bob", PASSWORD)) == SUCCESS
        first = client.transport.open_session(timeout=LIMIT_S)
        client.transport.open_session(timeout=LIMIT_S)
        with pytest.raises(paramiko.ChannelException):
            client.transport.open_session(timeout=LIMIT_S)
        first.exec_command("scp -f nothing-there")
        first.shutdown_write()
        assert first.recv_exit_status() == 1
