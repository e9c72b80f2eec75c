"""Accounts of others: who may, and that somebody is always left to administer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.auth.principal import Role
from core.errors import AccountDisabled, Conflict, Forbidden, InvalidInput, NotFound
from core.events import AccountChanged
from tests.unit.auth.house import NEW_PASSWORD, OPERATOR, PASSWORD, House, Time

LAST = {"what": "last_admin"}


async def test_only_administrators_may(house: House) -> None:
    ann = (await house.user("ann")).principal
    root = (await house.user("root", admin=True)).principal
    calls: list[Any] = [
        lambda who: house.accounts.add_user(who, "new@example.org", "new", PASSWORD),
        lambda who: house.accounts.list_users(who),
        lambda who: house.accounts.set_role(who, "ann@example.org", Role.USER),
        lambda who: house.accounts.set_disabled(who, "ann@example.org", False),
        lambda who: house.accounts.set_password(who, "ann@example.org", NEW_PASSWORD),
        lambda who: house.accounts.set_registration(who, True),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            await call(ann)
        await call(root)


async def test_adding_and_listing(house: House, time: Time) -> None:
    root = (await house.user("root", admin=True)).principal
    time.pass_(1)
    made = await house.accounts.add_user(root, "Bob@example.org", "Bob", PASSWORD, must_change=True)
    assert (made.email, made.role, made.must_change_password, made.last_sign_in_at) == ("bob@example.org", Role.USER, True, None)
    assert [profile.email for profile in await house.accounts.list_users(root)] == ["root@example.org", "bob@example.org"]
    assert (await house.audited("account.made"))[0]["actor_id"] == root.user_id


async def test_roles(house: House) -> None:
    root = (await house.user("root", admin=True)).principal
    ann = (await house.user("ann")).principal
    heard = house.listen(ann)
    assert (await house.accounts.set_role(root, "ANN@example.org", Role.ADMIN)).role is Role.ADMIN
    assert heard == [AccountChanged(ann.user_id)]
    assert (await house.accounts.set_role(root, "ann@example.org", Role.USER)).role is Role.USER
    with pytest.raises(InvalidInput):
        await house.accounts.set_role(root, "ann@example.org", "emperor")  # type: ignore[arg-type]
    changes = [(event["before"], event["after"]) for event in await house.audited("account.role_changed")]
    assert changes == [("admin", "user"), ("user", "admin")]


async def test_the_last_administrator_stays(house: House) -> None:
    root = (await house.user("root", admin=True)).principal
    for who in (root, OPERATOR):
        with pytest.raises(Conflict) as caught:
            await house.accounts.set_role(who, "root@example.org", Role.USER)
        assert caught.value.fields == LAST
        with pytest.raises(Conflict) as caught:
            await house.accounts.set_disabled(who, "root@example.org", True)
        assert caught.value.fields == LAST
    await house.accounts.recheck(root)


async def test_a_disabled_administrator_does_not_count(house: House) -> None:
    await house.user("root", admin=True)
    await house.user("ann", admin=True)
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(Conflict):
        await house.accounts.set_disabled(OPERATOR, "root@example.org", True)
    await house.accounts.set_role(OPERATOR, "ann@example.org", Role.USER)
    with pytest.raises(Conflict):
        await house.accounts.set_role(OPERATOR, "root@example.org", Role.USER)


async def test_administrators_who_demote_each_other_at_once_leave_one(house: House) -> None:
    names = ["a1", "a2", "a3", "a4"]
    for name in names:
        await house.user(name, admin=True)
    accounts = [house.accounts, house.neighbour()]
    changes = [accounts[index % 2].set_role(OPERATOR, f"{name}@example.org", Role.USER) for index, name in enumerate(names)]
    changes += [accounts[index % 2].set_disabled(OPERATOR, f"{name}@example.org", True) for index, name in enumerate(names)]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert all(not isinstance(result, BaseException) or (isinstance(result, Conflict) and result.fields == LAST) for result in results)
    left = [profile for profile in await house.accounts.list_users(OPERATOR) if profile.role is Role.ADMIN and not profile.disabled]
    assert len(left) == 1


async def test_disabling_twice_is_one_event(house: House) -> None:
    await house.user("ann")
    for _ in range(2):
        assert (await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)).disabled
    for _ in range(2):
        assert not (await house.accounts.set_disabled(OPERATOR, "ann@example.org", False)).disabled
    assert len(await house.audited("account.disabled")) == len(await house.audited("account.enabled")) == 1


@pytest.mark.parametrize("email", ["nobody@example.org", "", "\x00", "\ud800", "' OR 1=1 --"])
async def test_unknown_accounts(house: House, email: str) -> None:
    await house.user("ann")
    calls: list[Any] = [
        lambda: house.accounts.set_role(OPERATOR, email, Role.ADMIN),
        lambda: house.accounts.set_disabled(OPERATOR, email, True),
        lambda: house.accounts.set_password(OPERATOR, email, NEW_PASSWORD),
        lambda: house.accounts.principal_for(OPERATOR, email),
    ]
    for call in calls:
        with pytest.raises(NotFound) as caught:
            await call()
        assert caught.value.fields["kind"] == "user"


async def test_acting_for_somebody_is_the_operators_alone(house: House) -> None:
    root, ann = (await house.user("root", admin=True)).principal, (await house.user("ann")).principal
    acting = await house.accounts.principal_for(OPERATOR, "ANN@example.org")
    assert acting == replace(ann, session_id="", origin=OPERATOR.origin)
    for who in (root, ann, acting):
        with pytest.raises(Forbidden):
            await house.accounts.principal_for(who, "ann@example.org")
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(AccountDisabled):
        await house.accounts.principal_for(OPERATOR, "ann@example.org")
