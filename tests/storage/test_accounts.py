"""Accounts on every kind of database, with two processes' worth of connections racing each other."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator

import pytest
from pyotp import TOTP

from core.auth.accounts import Accounts, SignedIn
from core.auth.names import check_nickname
from core.auth.principal import Origin, Principal, Role
from core.auth.throttle import Attempt
from core.errors import (
    CodeRefused,
    Conflict,
    InvalidInput,
    NotFound,
    SecondFactorNeeded,
    SessionEnded,
    SignInRefused,
    TooManyAttempts,
    TooManySessions,
)
from core.secrets import make_box
from core.settings import Settings
from storage.unit_of_work import Storage, UnitOfWork
from tests.unit.auth.house import LOCAL, OPERATOR, PASSWORD, House

SSH = Origin("ssh", "192.0.2.7")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.fixture
def house(storage: Storage, settings: Settings) -> Iterator[House]:
    made = House(storage, settings)
    yield made
    made.close()


@pytest.fixture
def two(house: House, settings: Settings, database_url: str, make_storage: Callable[..., Storage]) -> Iterator[tuple[Accounts, Accounts]]:
    """The accounts of two processes: each has a database connection pool, threads and caches of its own."""
    second = House(make_storage(database_url, reader_threads=8, box=make_box(settings)), settings, house.time)
    yield house.accounts, second.accounts
    second.close()


async def test_of_thirty_who_race_one_becomes_the_first_administrator(house: House, two: tuple[Accounts, Accounts]) -> None:
    tries = [two[index % 2].create_first_admin(f"u{index}@example.org", f"nick {index}", PASSWORD, origin=LOCAL) for index in range(30)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, SignedIn) for result in results) == 1
    lost = [result for result in results if not isinstance(result, SignedIn)]
    assert all(isinstance(result, Conflict) and result.fields == {"what": "first_admin"} for result in lost), lost
    assert len(await house.accounts.list_users(OPERATOR)) == 1


async def test_fifty_parallel_failures_count_as_fifty_and_five_are_hashed(house: House, two: tuple[Accounts, Accounts]) -> None:
    """By e-mail and by nickname in turn: they are guesses at one password."""
    ann = await house.user("ann")
    before = sum(accounts.passwords_verified for accounts in two)
    origin = Origin("ssh", "192.0.2.7")
    names = ("ann@example.org", "nick ann", "NICK  Ann")
    tries = [two[index % 2].sign_in(names[index % 3], "wrong password 1", origin=origin) for index in range(50)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(accounts.passwords_verified for accounts in two) - before == 5
    assert sum(isinstance(result, SignInRefused) for result in results) == 5
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 45
    attempt = Attempt.to_sign_in(ann.principal.user_id, origin)

    def counted(uow: UnitOfWork) -> list[tuple[int, int]]:
        rows = [uow.sign_ins.hold_counter(key, 0) for key in attempt.keys]
        return [(row.attempts, row.failures) for row in rows]

    assert await house.store.write(counted) == [(50, 5), (50, 5)]


async def test_an_office_signs_in_at_once_through_two_processes(house: House, two: tuple[Accounts, Accounts]) -> None:
    for index in range(24):
        await house.user(f"u{index}")
    await asyncio.gather(*(two[index % 2].sign_in(f"nick u{index}", PASSWORD, origin=SSH) for index in range(24)))
    right = [two[index % 2].sign_in("nick u1", PASSWORD, origin=SSH) for index in range(12)]
    assert len({signed_in.principal.session_id for signed_in in await asyncio.gather(*right)}) == 12


async def test_many_addresses_and_accounts_at_once_neither_wait_for_ever_nor_miscount(house: House, two: tuple[Accounts, Accounts]) -> None:
    """Every try holds two counters, the account's first; crosswise they would be a deadlock."""
    tries = [
        two[index % 2].sign_in(f"u{index % 3}@example.org", "wrong password 1", origin=Origin("ssh", f"192.0.2.{index % 4}"))
        for index in range(36)
    ]
    results = await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), 60)
    assert {type(result) for result in results} == {SignInRefused, TooManyAttempts}
    assert sum(isinstance(result, SignInRefused) for result in results) <= 15


async def test_of_many_who_use_a_refresh_token_at_once_at_most_one_gets_on(house: House, two: tuple[Accounts, Accounts]) -> None:
    for name in ("ann", "bob", "eve"):
        signed_in = await house.user(name)
        tries = [two[index % 2].resume(signed_in.refresh_token, origin=LOCAL) for index in range(12)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, SignedIn) for result in results) <= 1
        ended = [result for result in results if not isinstance(result, SignedIn)]
        assert all(isinstance(result, SessionEnded) and result.fields == {"why": "reused"} for result in ended), ended
        for result in results:
            if isinstance(result, SignedIn):
                with pytest.raises(SessionEnded):
                    await house.accounts.resume(result.refresh_token, origin=LOCAL)
        with pytest.raises(SessionEnded):
            await house.accounts.recheck(signed_in.principal)


async def test_administrators_who_put_each_other_out_at_once_leave_one(house: House, two: tuple[Accounts, Accounts]) -> None:
    names = [f"a{index}" for index in range(6)]
    for name in names:
        await house.user(name, admin=True)
    changes = [two[index % 2].set_role(OPERATOR, f"{name}@example.org", Role.USER) for index, name in enumerate(names)]
    changes += [two[index % 2].set_disabled(OPERATOR, f"{name}@example.org", True) for index, name in enumerate(reversed(names))]
    results = await asyncio.gather(*changes, return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, Conflict) and result.fields == {"what": "last_admin"} for result in failed), failed
    left = [profile for profile in await house.accounts.list_users(OPERATOR) if profile.role is Role.ADMIN and not profile.disabled]
    assert len(left) == 1


async def test_of_many_who_take_a_name_at_once_one_gets_it(house: House, two: tuple[Accounts, Accounts]) -> None:
    await house.user("root", admin=True)
    tries = [two[index % 2].register("ann@example.org", f"nick {index}", PASSWORD, origin=LOCAL) for index in range(6)]
    tries += [two[index % 2].register(f"bob{index}@example.org", "the SAME", PASSWORD, origin=LOCAL) for index in range(6)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [sum(isinstance(result, SignedIn) for result in half) for half in (results[:6], results[6:])] == [1, 1]
    for field, half in (("email", results[:6]), ("nickname", results[6:])):
        for result in half:
            assert isinstance(result, SignedIn) or (isinstance(result, InvalidInput) and (result.field, result.rule) == (field, "taken")), (
                result
            )


async def test_of_many_who_add_a_key_at_once_one_gets_it(house: House, two: tuple[Accounts, Accounts]) -> None:
    who = [(await house.user(name)).principal for name in ("ann", "bob")]
    results = await asyncio.gather(*(two[index % 2].add_ssh_key(who[index % 2], KEY) for index in range(8)), return_exceptions=True)
    lost = [result for result in results if isinstance(result, BaseException)]
    assert len(lost) == 7
    assert all(isinstance(result, Conflict) and result.fields == {"what": "ssh_key"} for result in lost), lost


async def test_sessions_opened_at_once_are_three(house: House, two: tuple[Accounts, Accounts]) -> None:
    ann = await house.user("ann")
    many = [house.neighbour(attempts_a_minute=100, failures_to_lock=100) for _ in range(2)]
    opened = await asyncio.gather(*(many[index % 2].sign_in("ann@example.org", PASSWORD, origin=LOCAL) for index in range(10)))
    assert len(await two[1].sessions(ann.principal)) == 3
    over_ssh = await asyncio.gather(*(many[index % 2].sign_in("nick ann", PASSWORD, origin=SSH) for index in range(6)))
    assert sum(signed_in.new_address for signed_in in over_ssh) == 1
    states = await two[0].recheck_many([signed_in.principal for signed_in in opened])
    assert [state.fields["why"] for state in states.values() if isinstance(state, SessionEnded)] == ["too_many_sessions"] * 7


async def test_connections_that_become_terminals_at_once_are_three(house: House, two: tuple[Accounts, Accounts]) -> None:
    """Signed in uncounted, in two processes; then all say at once what they are."""
    await house.user("ann")
    many = [(await two[index % 2].sign_in("nick ann", PASSWORD, origin=SSH)).principal for index in range(8)]
    used = await asyncio.gather(*(two[index % 2].use_session(who, "ssh") for index, who in enumerate(many)), return_exceptions=True)
    assert all(isinstance(result, Principal | SessionEnded) for result in used), used
    for accounts in two:
        states = await accounts.recheck_many(many)
        assert sum(isinstance(state, Principal) for state in states.values()) == 3
    assert len(await house.accounts.sessions(next(state for state in states.values() if isinstance(state, Principal)))) == 3


async def test_commands_at_once_are_as_many_as_allowed(house: House, two: tuple[Accounts, Accounts]) -> None:
    await house.user("ann")
    many = [house.neighbour(shell_sessions_a_user=5) for _ in range(2)]
    who = [(await many[index % 2].sign_in("nick ann", PASSWORD, origin=SSH)).principal for index in range(9)]
    used = await asyncio.gather(*(many[index % 2].use_session(each, "shell") for index, each in enumerate(who)), return_exceptions=True)
    assert sum(isinstance(result, Principal) for result in used) == 5
    assert sum(isinstance(result, TooManySessions) for result in used) == 4


async def test_an_end_in_one_process_is_seen_by_the_next_look_of_another(house: House, two: tuple[Accounts, Accounts]) -> None:
    here, elsewhere = two
    await house.user("root", admin=True)
    people = [(await house.user(name)).principal for name in ("ann", "bob", "eve", "dan")]
    over_ssh = [(await here.sign_in(who.email, PASSWORD, origin=SSH)).principal for who in people]
    assert list((await here.recheck_many(over_ssh)).values()) == over_ssh
    await asyncio.gather(
        elsewhere.set_disabled(OPERATOR, "ann@example.org", True),
        elsewhere.set_password(OPERATOR, "bob@example.org", PASSWORD + "2"),
        elsewhere.sign_out_everywhere(people[2]),
        elsewhere.set_role(OPERATOR, "dan@example.org", Role.ADMIN),
    )
    *ended, dan = (await here.recheck_many(over_ssh)).values()
    assert [state.fields["why"] for state in ended if isinstance(state, SessionEnded)] == ["disabled", "password_changed", "signed_out"]
    assert isinstance(dan, Principal) and dan.is_admin


async def test_ended_sessions_are_removed_and_their_address_stays_known(house: House, two: tuple[Accounts, Accounts]) -> None:
    ann = (await house.user("ann")).principal

    def rows(uow: UnitOfWork) -> int:
        return int(uow.session.connection().exec_driver_sql("SELECT count(*) FROM sessions").scalar_one())

    async def command(accounts: Accounts) -> bool:
        signed_in = await accounts.sign_in("nick ann", PASSWORD, origin=SSH)
        await accounts.close_session(signed_in.principal)
        return signed_in.new_address

    first = await command(two[0])
    for _ in range(60):
        assert not await command(two[0])
    lost = (await two[0].sign_in("nick ann", PASSWORD, origin=SSH)).principal
    assert (first, await house.store.read(rows)) == (True, 63)
    house.time.pass_(12 * 3600)
    assert not await command(two[0])
    assert await house.store.read(rows) == 64, "why they ended may still be asked"
    house.time.pass_(13 * 3600)
    assert await asyncio.gather(*(command(two[index % 2]) for index in range(4))) == [False] * 4
    assert await house.store.read(rows) == 1 + 1 + 1 + 4, "those that have not ended, and the newest"
    await two[0].recheck(ann)
    house.time.pass_(6.5 * 24 * 3600)
    await command(two[0])
    await two[0].recheck(lost)
    house.time.pass_(31 * 24 * 3600)
    assert not await command(two[0])
    assert await house.store.read(rows) == 1
    house.time.pass_(401 * 24 * 3600)
    assert await command(two[0]), "forgotten"


async def test_leases_of_many_sessions_are_prolonged_in_one_write(house: House, two: tuple[Accounts, Accounts]) -> None:
    here, elsewhere = two
    ann = (await house.user("ann")).principal
    many = [(await here.sign_in("nick ann", PASSWORD, origin=SSH)).principal for _ in range(4)]
    await elsewhere.close_session(many[0])
    house.time.pass_(200)
    await here.recheck_many(many)
    await here.settled()
    house.time.pass_(200)
    assert {session.id for session in await elsewhere.sessions(ann)} == {ann.session_id, *(who.session_id for who in many[1:])}
    house.time.pass_(200)
    assert [session.id for session in await elsewhere.sessions(ann)] == [ann.session_id]


async def test_of_many_who_answer_with_one_code_at_once_one_gets_in(house: House, two: tuple[Accounts, Accounts]) -> None:
    """Each process has its own challenge; the code is used up in the database."""
    ann = (await house.user("ann")).principal
    enrolment = await house.accounts.begin_second_factor(ann, PASSWORD)
    app = TOTP(enrolment.secret)
    recovery = await house.accounts.confirm_second_factor(ann, app.at(house.time.wall))
    house.time.pass_(60)
    for code in (app.at(house.time.wall), recovery[0]):
        many = [house.neighbour(attempts_a_minute=100, failures_to_lock=100) for _ in range(6)]
        challenges = []
        for accounts in many:
            with pytest.raises(SecondFactorNeeded) as caught:
                await accounts.sign_in("nick ann", PASSWORD, origin=SSH)
            challenges.append(caught.value.challenge)
        tries = [accounts.answer_challenge(text, code, origin=SSH) for accounts, text in zip(many, challenges, strict=True)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, SignedIn) for result in results) == 1
        assert sum(isinstance(result, CodeRefused) for result in results) == 5
    assert (await two[1].second_factor(ann)).recovery_codes_left == 9


async def test_of_many_who_set_a_factor_up_at_once_one_is_left(house: House, two: tuple[Accounts, Accounts]) -> None:
    ann = (await house.user("ann")).principal
    begun = await asyncio.gather(*(two[index % 2].begin_second_factor(ann, PASSWORD) for index in range(4)))
    codes = [TOTP(each.secret).at(house.time.wall) for each in begun]
    results = await asyncio.gather(
        *(two[index % 2].confirm_second_factor(ann, code) for index, code in enumerate(codes)), return_exceptions=True
    )
    assert sum(isinstance(result, tuple) for result in results) == 1
    assert (await house.accounts.second_factor(ann)).recovery_codes_left == 10


async def test_a_key_removed_in_one_process_opens_nothing_in_another(house: House, two: tuple[Accounts, Accounts]) -> None:
    ann = (await house.user("ann")).principal
    key = await house.accounts.add_ssh_key(ann, KEY)
    blob = base64.b64decode(KEY.split()[1])
    assert await two[0].key_holder("nick ann", blob)
    assert (await two[1].sign_in_with_key("nick ann", blob, origin=SSH)).principal.user_id == ann.user_id
    await two[1].remove_ssh_key(ann, key.id)
    assert not await two[0].key_holder("nick ann", blob)
    with pytest.raises(SignInRefused):
        await two[0].sign_in_with_key("nick ann", blob, origin=SSH)


async def test_processes_that_start_at_once_have_one_signing_key(house: House, two: tuple[Accounts, Accounts]) -> None:
    fresh = [house.neighbour() for _ in range(6)]
    for accounts in fresh:
        await accounts.add_user(OPERATOR, f"u{id(accounts)}@example.org", f"nick {id(accounts)}", PASSWORD)
    signed_in = await asyncio.gather(*(accounts.sign_in(f"u{id(accounts)}@example.org", PASSWORD, origin=LOCAL) for accounts in fresh))
    for accounts in (*fresh, *two):
        for each in signed_in:
            assert await accounts.verify_access(each.access_token) == each.principal


async def test_preferences_changed_at_once_are_all_kept(house: House, two: tuple[Accounts, Accounts]) -> None:
    ann = (await house.user("ann")).principal
    await asyncio.gather(*(two[index % 2].update_profile(ann, preferences={f"p{index}": index}) for index in range(8)))
    assert (await house.accounts.profile(ann)).preferences == {f"p{index}": index for index in range(8)}


async def test_a_session_ended_elsewhere_is_ended_here(house: House, two: tuple[Accounts, Accounts]) -> None:
    here, elsewhere = two
    ann = await house.user("ann")
    await elsewhere.verify_access(ann.access_token)
    await elsewhere.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(SessionEnded):
        await here.verify_access(ann.access_token)
    with pytest.raises(SessionEnded):
        await here.resume(ann.refresh_token, origin=LOCAL)


LONGEST = ("👨‍👩‍👧‍👦" * 25, "\u3300" * 50, "安" * 50, "ß" * 50, "Ω\u0301\u0301\u0301" * 50)


@pytest.mark.parametrize("nickname", LONGEST)
async def test_the_longest_names_are_kept_whole(house: House, nickname: str) -> None:
    email = "é" * 32 + "@" + "例" * 60 + "." + "b" * 60 + "." + "c" * 60 + ".org"
    made = await house.accounts.add_user(OPERATOR, email, nickname, PASSWORD)
    assert (made.email, made.nickname) == (email, check_nickname(nickname))
    assert (await house.accounts.sign_in(email, PASSWORD, origin=Origin("ssh", "2001:db8::1"))).principal.nickname == made.nickname


@pytest.mark.parametrize(("one", "other"), [("ann", "änn"), ("resume", "résumé"), ("ann1", "ann１x"), ("anna", "ann а")])
async def test_names_that_only_a_collation_confuses_are_two(house: House, one: str, other: str) -> None:
    """MySQL's default collations would take accents for nothing."""
    for name in (one, other):
        await house.accounts.add_user(OPERATOR, f"{name.replace(' ', '')}@example.org", name, PASSWORD)
    assert len(await house.accounts.list_users(OPERATOR)) == 2


@pytest.mark.parametrize("hostile", ["\x00", "\ud800", "' OR '1'='1", "x" * 100_000, "💥", "%", "\\"])
async def test_hostile_text_is_nobody(house: House, hostile: str) -> None:
    ann = (await house.user("ann")).principal
    with pytest.raises(SignInRefused):
        await house.accounts.sign_in(hostile, PASSWORD, origin=LOCAL)
    with pytest.raises(SignInRefused):
        await house.accounts.sign_in("ann@example.org", hostile, origin=LOCAL)
    for missing in (
        house.accounts.set_role(OPERATOR, hostile, Role.ADMIN),
        house.accounts.end_session(ann, hostile),
        house.accounts.remove_ssh_key(ann, hostile),
    ):
        with pytest.raises(NotFound):
            await missing
    for refused in (house.accounts.resume(hostile, origin=LOCAL), house.accounts.verify_access(hostile)):
        with pytest.raises(SessionEnded):
            await refused
