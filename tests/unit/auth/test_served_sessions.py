"""Sessions over SSH: counted once it is known what they are, asked after many at once, gone with their worker."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from core.auth.accounts import Accounts, SignedIn
from core.auth.principal import Origin, Principal, Role
from core.errors import NotFound, SessionEnded, TooManySessions
from storage.repositories.sign_ins import SignInRepository
from tests.unit.auth.house import NEW_PASSWORD, OPERATOR, PASSWORD, House, Time

SSH = Origin("ssh", "192.0.2.7")


async def connect(house: House, count: int, accounts: Accounts | None = None) -> list[Principal]:
    """So many connections of ann's, signed in one second after another."""
    made = []
    for _ in range(count):
        made.append((await (accounts or house.accounts).sign_in("ann@example.org", PASSWORD, origin=SSH)).principal)
        house.time.pass_(1)
    return made


async def reasons(house: House, principals: Sequence[Principal]) -> list[str]:
    """Why each of the sessions ended; "" for those that go on."""
    states = await house.accounts.recheck_many(principals)
    found = [states[principal.session_id] for principal in principals]
    return [str(state.fields["why"]) if isinstance(state, SessionEnded) else "" for state in found]


async def test_a_connection_counts_when_it_says_what_it_is(house: House) -> None:
    local = await house.user("ann")
    connections = await connect(house, 5)
    assert await reasons(house, connections) == [""] * 5
    await house.accounts.recheck(local.principal)
    for principal in connections[:3]:
        used = await house.accounts.use_session(principal, "ssh")
        assert (used.session_id, used.origin, used.served) == (principal.session_id, SSH, True)
    assert await reasons(house, connections) == [""] * 5
    with pytest.raises(SessionEnded) as caught:  # it was the oldest terminal
        await house.accounts.recheck(local.principal)
    assert caught.value.fields == {"why": "too_many_sessions"}
    await house.accounts.use_session(connections[4], "ssh")
    assert await reasons(house, connections) == ["too_many_sessions", "", "", "", ""]


async def test_a_connection_that_waited_ends_others_and_not_itself(house: House) -> None:
    await house.user("ann")
    waited, *others = await connect(house, 4)
    for principal in (*others, waited):
        await house.accounts.use_session(principal, "ssh")
    assert await reasons(house, [waited, *others]) == ["", "too_many_sessions", "", ""]


async def test_commands_have_a_limit_of_their_own_and_end_no_terminal(house: House) -> None:
    await house.user("ann")
    accounts = house.neighbour(shell_sessions_a_user=4)
    terminals, commands = await connect(house, 3), await connect(house, 5)
    for principal in terminals:
        await accounts.use_session(principal, "ssh")
    for principal in commands[:4]:
        assert (await accounts.use_session(principal, "shell")).origin == Origin("shell", "192.0.2.7")
    with pytest.raises(TooManySessions) as caught:
        await accounts.use_session(commands[4], "shell")
    assert caught.value.fields == {"limit": 4}
    assert await reasons(house, [*terminals, *commands]) == [""] * 8
    await accounts.close_session(commands[0])
    await accounts.use_session(commands[4], "shell")
    kinds = [session.kind for session in await accounts.sessions(terminals[0])]
    assert kinds.count("shell") == 4


async def test_a_connection_is_counted_once_and_a_terminal_beats_commands(house: House) -> None:
    await house.user("ann")
    accounts = house.neighbour(sessions_a_user=2, shell_sessions_a_user=1)
    one, two, three = await connect(house, 3, accounts)
    for _ in range(3):
        await accounts.use_session(one, "ssh")
    assert (await accounts.use_session(one, "shell")).origin.kind == "ssh", "commands beside a terminal are part of it"
    await accounts.use_session(two, "shell")
    assert (await accounts.use_session(two, "ssh")).origin.kind == "ssh"
    await accounts.use_session(three, "shell")  # the second no longer counts as one
    assert await reasons(house, [one, two, three]) == ["", "", ""]


async def test_a_session_that_ended_cannot_be_used(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    (gone,) = await connect(house, 1)
    await house.accounts.close_session(gone)
    await house.accounts.close_session(gone)
    for principal in (gone, Principal(bob.principal.user_id, "bob", "", Role.USER, ann.principal.session_id)):
        with pytest.raises(SessionEnded):
            await house.accounts.use_session(principal, "ssh")
    assert (await house.accounts.use_session(ann.principal, "ssh")).origin.kind == "local"


async def test_every_end_reaches_all_who_ask(house: House) -> None:
    await house.user("root", admin=True)
    people = {name: (await house.user(name)).principal for name in ("ann", "bob", "eve", "dan", "fay", "gus")}
    over_ssh = [(await house.sign_in(name, address="192.0.2.7")).principal for name in people]
    assert await reasons(house, over_ssh) == [""] * 6
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    await house.accounts.change_password(people["bob"], PASSWORD, NEW_PASSWORD)
    await house.accounts.sign_out_everywhere(people["eve"])
    await house.accounts.end_session(people["dan"], over_ssh[3].session_id)
    await house.accounts.set_role(OPERATOR, "fay@example.org", Role.ADMIN)
    await house.accounts.update_profile(people["gus"], nickname="Augustus")
    states = list((await house.accounts.recheck_many(over_ssh)).values())
    assert [state.fields["why"] for state in states if isinstance(state, SessionEnded)] == [
        "disabled", "password_changed", "signed_out", "revoked",
    ]  # fmt: skip
    assert await reasons(house, over_ssh) == ["disabled", "password_changed", "signed_out", "revoked", "", ""]
    fay, gus = states[4:]
    assert isinstance(fay, Principal) and fay.is_admin and fay.origin == SSH and fay.served
    assert isinstance(gus, Principal) and gus.nickname == "Augustus"
    await house.accounts.set_role(OPERATOR, "fay@example.org", Role.USER)
    again = (await house.accounts.recheck_many([fay]))[fay.session_id]
    assert isinstance(again, Principal) and not again.is_admin


async def test_while_nothing_changes_a_look_is_one_sum(house: House, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[int]()
    look = SignInRepository.with_accounts

    def counted(self: SignInRepository, session_ids: Sequence[str]) -> Any:
        looked.append(len(session_ids))
        return look(self, session_ids)

    monkeypatch.setattr(SignInRepository, "with_accounts", counted)
    root, ann, bob = (await house.user("root", admin=True)).principal, await house.user("ann"), (await house.user("bob")).principal
    watched = await connect(house, 3)
    for _ in range(8):
        assert await reasons(house, watched) == [""] * 3
        time.pass_(1)
    assert looked == [3]
    await house.accounts.update_profile(bob, nickname="Bobby")  # nobody whom we serve
    await house.accounts.update_profile(ann.principal, theme="dark")
    assert await reasons(house, watched) == [""] * 3 and looked == [3]
    time.pass_(3)
    assert await reasons(house, watched) == [""] * 3 and looked == [3, 3], "seldom all the same"
    assert await reasons(house, watched[:2]) == [""] * 2 and looked == [3, 3, 2], "other people"
    await house.accounts.close_session(watched[0])
    time.wall -= 60  # no clock hides it
    assert await reasons(house, watched[:2]) == ["signed_out", ""]
    assert await reasons(house, watched[:2]) == ["signed_out", ""]
    assert root.is_admin and len(looked) == 4


async def test_borrowed_and_unknown_sessions_are_over(house: House) -> None:
    ann, bob = (await house.user("ann")).principal, (await house.user("bob")).principal
    borrowed = Principal(bob.user_id, bob.nickname, bob.email, bob.role, ann.session_id)
    unknown = Principal(bob.user_id, bob.nickname, bob.email, bob.role, "0" * 32)
    assert await reasons(house, [borrowed, unknown]) == ["revoked", "revoked"]
    assert await house.accounts.recheck_many([]) == {}


async def test_more_sessions_than_one_query_takes(house: House) -> None:
    ann = (await house.user("ann")).principal
    ghosts = [Principal(ann.user_id, "", "", Role.USER, f"{index:032x}") for index in range(1203)]
    states = await house.accounts.recheck_many([*ghosts, ann])
    assert len(states) == 1204
    assert [state for state in states.values() if isinstance(state, Principal)] == [ann]


async def leased(house: House, principal: Principal) -> int:
    """How many seconds the session still counts."""
    row = await house.store.read(lambda uow: uow.sign_ins.with_account(principal.session_id).expires_at)  # type: ignore[union-attr]
    return int((row - house.clock.now_ms()) // 1000)


async def test_the_sessions_of_a_dead_worker_count_no_more_after_minutes(house: House, time: Time) -> None:
    await house.user("ann")
    dead, alive = await connect(house, 2)
    for principal in (dead, alive):
        await house.accounts.use_session(principal, "ssh")
    for _ in range(10):
        time.pass_(60)
        assert await reasons(house, [alive]) == [""]
        await house.accounts.settled()
    listed = {session.id for session in await house.accounts.sessions(alive)}
    assert alive.session_id in listed and dead.session_id not in listed
    for principal in await connect(house, 2):
        await house.accounts.use_session(principal, "ssh")
    assert await reasons(house, [alive]) == [""], "the dead one made room"


async def test_leases_are_written_seldom_and_together(house: House, time: Time) -> None:
    await house.user("ann")
    connections = await connect(house, 3)
    written = 0
    before = await leased(house, connections[0])
    for _ in range(600):
        time.pass_(1)
        await house.accounts.recheck_many(connections)
        await house.accounts.settled()
        left = await leased(house, connections[0])
        written += left > before
        before = left
        assert left > 60
    assert written == 4, "every two minutes"
    assert len({await leased(house, principal) for principal in connections}) == 1


async def test_a_clock_that_jumps_ends_nobody(house: House, time: Time) -> None:
    await house.user("ann")
    (ann,) = await connect(house, 1)
    for jump in (7 * 24 * 3600.0, -14 * 24 * 3600.0):
        time.wall += jump
        time.monotonic += 60
        assert await reasons(house, [ann]) == [""]
        await house.accounts.settled()
        assert 299 <= await leased(house, ann) <= 300
        await house.accounts.recheck(ann)


async def test_a_busy_database_keeps_nobody_from_learning_of_an_end(house: House, time: Time) -> None:
    """Reading goes on while somebody else holds the database for writing; the leases are written later."""
    await house.user("ann")
    ann, gone = await connect(house, 2)
    await house.accounts.close_session(gone)
    time.pass_(200)
    other = sqlite3.connect(house.settings.database_file or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await asyncio.wait_for(reasons(house, [ann, gone]), 5) == ["", "signed_out"]
    assert await leased(house, ann) < 110
    other.execute("ROLLBACK")
    other.close()
    await house.accounts.settled()
    assert await leased(house, ann) == 300


async def test_no_token_of_a_session_over_ssh_is_made(house: House) -> None:
    await house.user("ann")
    signed_in: SignedIn = await house.sign_in("ann", address="192.0.2.7")
    assert (signed_in.access_token, signed_in.refresh_token) == ("", "")
    stayed = await house.accounts.change_password_and_stay(signed_in.principal, PASSWORD, NEW_PASSWORD)
    assert (stayed.access_token, stayed.principal.origin, stayed.principal.served) == ("", SSH, True)
    assert await reasons(house, [signed_in.principal, stayed.principal]) == ["password_changed", ""]
    with pytest.raises(NotFound):
        await house.accounts.end_session(stayed.principal, signed_in.principal.session_id)
