"""How accounts begin."""

from __future__ import annotations

import asyncio

import pytest

from core.auth.accounts import SignedIn
from core.auth.principal import Origin, Role
from core.auth.registration import NAMES_A_MINUTE
from core.errors import Conflict, Forbidden, InvalidInput, RegistrationClosed, TooManyAttempts
from tests.unit.auth.house import LOCAL, OPERATOR, PASSWORD, House


async def test_the_first_account_administers(house: House) -> None:
    assert await house.accounts.needs_first_admin()
    ann = await house.accounts.create_first_admin("Ann@Example.org", "Ann", PASSWORD, origin=LOCAL)
    assert ann.principal.role is Role.ADMIN
    assert ann.principal.email == "ann@example.org"
    assert (ann.previous_sign_in, ann.new_address, ann.must_change_password) == (None, False, False)
    assert not await house.accounts.needs_first_admin()
    with pytest.raises(Conflict) as caught:
        await house.accounts.create_first_admin("bob@example.org", "Bob", PASSWORD, origin=LOCAL)
    assert caught.value.fields == {"what": "first_admin"}
    assert [event["role"] for event in await house.audited("account.made")] == ["admin"]


@pytest.mark.parametrize("same_names", [True, False])
async def test_of_thirty_who_race_one_becomes_the_first_administrator(house: House, same_names: bool) -> None:
    neighbours = [house.neighbour() for _ in range(3)]

    def attempt(index: int) -> asyncio.Task[SignedIn]:
        name = "ann" if same_names else f"user{index}"
        made = neighbours[index % 3].create_first_admin(f"{name}@example.org", f"nick {name}", PASSWORD, origin=LOCAL)
        return asyncio.ensure_future(made)

    results = await asyncio.gather(*(attempt(index) for index in range(30)), return_exceptions=True)
    winners = [result for result in results if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(result, Conflict) and result.fields == {"what": "first_admin"} for result in results if result not in winners)
    assert len(await house.accounts.list_users(OPERATOR)) == 1


async def test_an_administrator_from_the_shell_is_the_first_one_too(house: House) -> None:
    await house.accounts.add_user(OPERATOR, "ann@example.org", "Ann", PASSWORD, admin=True)
    assert not await house.accounts.needs_first_admin()
    with pytest.raises(Conflict):
        await house.accounts.create_first_admin("bob@example.org", "Bob", PASSWORD, origin=LOCAL)


async def test_users_without_an_administrator_leave_the_wizard_open(house: House) -> None:
    await house.accounts.add_user(OPERATOR, "bob@example.org", "Bob", PASSWORD)
    assert await house.accounts.needs_first_admin()
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.create_first_admin("bob@example.org", "Bobby", PASSWORD, origin=LOCAL)
    assert (caught.value.field, caught.value.rule) == ("email", "taken")
    await house.accounts.create_first_admin("ann@example.org", "Ann", PASSWORD, origin=LOCAL)


async def test_nobody_registers_before_there_is_an_administrator(house: House) -> None:
    with pytest.raises(RegistrationClosed):
        await house.accounts.register("ann@example.org", "Ann", PASSWORD, origin=LOCAL)


async def test_registering(house: House) -> None:
    await house.user("root", admin=True)
    origin = Origin("ssh", "192.0.2.7")
    ann = await house.accounts.register("ann@example.org", "Ann", PASSWORD, origin=origin)
    assert ann.principal.role is Role.USER
    assert ann.principal.origin == origin
    assert ann.principal.served
    assert not ann.new_address, "the first sign-in is from nowhere new"
    assert (ann.access_token, ann.refresh_token) == ("", ""), "the connection is the proof"
    assert await house.accounts.recheck(ann.principal) == ann.principal


@pytest.mark.parametrize(
    ("email", "nickname", "password", "field", "rule"),
    [
        ("bob@example.org", "nick ann", PASSWORD, "nickname", "taken"),
        ("bob@example.org", "ＮＩＣＫ  Ann", PASSWORD, "nickname", "taken"),
        ("ANN@example.org", "Bob", PASSWORD, "email", "taken"),
        ("bob", "Bob", PASSWORD, "email", "not_an_email"),
        ("bob@example.org", "b", PASSWORD, "nickname", "too_short"),
        ("bob@example.org", "Bob", "short1", "password", "too_short"),
        ("bob@example.org", "Bob", "x" * 2000, "password", "too_long"),
    ],
)
async def test_what_is_refused(house: House, email: str, nickname: str, password: str, field: str, rule: str) -> None:
    await house.user("ann", admin=True)
    for create in (
        lambda: house.accounts.register(email, nickname, password, origin=LOCAL),
        lambda: house.accounts.add_user(OPERATOR, email, nickname, password),
    ):
        with pytest.raises(InvalidInput) as caught:
            await create()
        assert (caught.value.field, caught.value.rule) == (field, rule)
    assert len(await house.accounts.list_users(OPERATOR)) == 1


async def test_of_many_who_take_a_name_at_once_one_gets_it(house: House) -> None:
    await house.user("root", admin=True)
    accounts = [house.accounts, house.neighbour()]
    tries = [
        accounts[index % 2].register(f"a{index % 3}@example.org", "the same" if index % 2 else f"nick {index}", PASSWORD, origin=LOCAL)
        for index in range(12)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    for result in results:
        assert isinstance(result, SignedIn) or (isinstance(result, InvalidInput) and result.rule == "taken"), result
    made = [result.principal for result in results if isinstance(result, SignedIn)]
    assert len({who.email for who in made}) == len(made)
    assert len({who.nickname for who in made}) == len(made)


async def test_closing_registration(house: House) -> None:
    admin = (await house.user("root", admin=True)).principal
    ann = (await house.user("ann")).principal
    assert await house.accounts.registration_open()
    with pytest.raises(Forbidden):
        await house.accounts.set_registration(ann, False)
    await house.accounts.set_registration(admin, False)
    assert not await house.neighbour().registration_open()
    with pytest.raises(RegistrationClosed):
        await house.accounts.register("bob@example.org", "Bob", PASSWORD, origin=LOCAL)
    await house.accounts.set_registration(admin, True)
    await house.accounts.register("bob@example.org", "Bob", PASSWORD, origin=LOCAL)
    assert len(await house.audited("registration.closed")) == len(await house.audited("registration.opened")) == 1
    assert (await house.audited("registration.closed"))[0]["actor_id"] == admin.user_id


async def test_availability(house: House) -> None:
    admin = (await house.user("root", admin=True)).principal
    ann = (await house.user("ann")).principal
    available = house.accounts.availability
    assert await available("email", "bob@example.org") == "ok"
    assert await available("email", " ANN@example.org") == "taken"
    assert await available("email", "ann") == "not_an_email"
    assert await available("nickname", "Nick  Ann") == "taken"
    assert await available("nickname", "a") == "too_short"
    assert await available("nickname", "NICK ANN", principal=ann) == "ok", "one's own"
    assert await available("email", "ann@example.org", principal=ann) == "ok"
    assert await available("email", "root@example.org", principal=ann) == "taken"
    await house.accounts.set_registration(admin, False)
    with pytest.raises(RegistrationClosed):
        await available("email", "ann@example.org")
    assert await available("email", "root@example.org", principal=ann) == "taken"


async def test_registration_closed_while_a_password_is_being_hashed(house: House) -> None:
    admin = (await house.user("root", admin=True)).principal
    accounts = house.neighbour()
    make_hash = accounts._context.passwords.hash

    async def hash_slowly(password: str) -> str:
        made = await make_hash(password)
        await house.accounts.set_registration(admin, False)
        return made

    accounts._context.passwords.hash = hash_slowly  # type: ignore[method-assign]
    with pytest.raises(RegistrationClosed):
        await accounts.register("bob@example.org", "Bob", PASSWORD, origin=LOCAL)
    assert len(await house.accounts.list_users(OPERATOR)) == 1


async def test_an_address_tries_out_no_lists_of_names(house: House) -> None:
    """Whether a name is free tells who has an account."""
    await house.user("ann", admin=True)
    stranger, other = Origin("ssh", "192.0.2.1"), Origin("ssh", "192.0.2.2")
    for number in range(NAMES_A_MINUTE):
        assert await house.accounts.availability("email", f"name{number}@example.org", origin=stranger) == "ok"
    for accounts in (house.accounts, house.neighbour()):
        with pytest.raises(TooManyAttempts):
            await accounts.availability("nickname", "nick ann", origin=stranger)
    assert await house.accounts.availability("nickname", "nick ann", origin=other) == "taken"
    assert await house.accounts.availability("nickname", "nick ann", origin=LOCAL) == "taken"
    await house.accounts.register("bob@example.org", "bob", PASSWORD, origin=stranger)
