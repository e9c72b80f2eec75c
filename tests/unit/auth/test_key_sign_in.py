"""Signing in by nickname and by public key."""

from __future__ import annotations

import base64

import pytest
from pyotp import TOTP

from core.auth.principal import Origin
from core.clock import from_ms
from core.errors import AccountDisabled, Conflict, Forbidden, NotFound, SignInRefused, TooManyAttempts
from tests.unit.auth.house import LOCAL, OPERATOR, PASSWORD, House, Time
from tests.unit.auth.test_ssh_keys import new_key

SSH = Origin("ssh", "192.0.2.7")


def blob(text: str) -> bytes:
    return base64.b64decode(text.split()[1])


@pytest.mark.parametrize("name", ["nick ann", "  NICK   Ann ", "ｎｉｃｋ ann", "ANN@example.org"])
async def test_every_name_of_an_account_signs_in(house: House, name: str) -> None:
    ann = (await house.user("ann")).principal
    assert (await house.accounts.sign_in(name, PASSWORD, origin=LOCAL)).principal.user_id == ann.user_id


async def test_nobody_signs_in_by_an_id_or_part_of_a_name(house: House) -> None:
    ann = (await house.user("ann")).principal
    for name in (ann.user_id, "nick", "ann", "nick\x00ann", "nick ann\ufffd"):
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in(name, PASSWORD, origin=LOCAL)


async def test_guesses_by_e_mail_and_by_nickname_are_counted_together(house: House, time: Time) -> None:
    await house.user("ann")
    for name in ("ann@example.org", "nick ann", "Nick Ann", "ANN@example.org", "nick  ann"):
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in(name, "wrong password 1", origin=LOCAL)
    for name in ("ann@example.org", "nick ann"):
        with pytest.raises(TooManyAttempts):
            await house.accounts.sign_in(name, PASSWORD, origin=LOCAL)


async def test_a_name_that_is_somebodys_id_locks_nobody(house: House) -> None:
    ann = (await house.user("ann")).principal
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in(ann.user_id, "wrong password 1", origin=LOCAL)
    with pytest.raises(TooManyAttempts):
        await house.accounts.sign_in(ann.user_id, "wrong password 1", origin=LOCAL)
    await house.sign_in("ann")


async def test_unknown_nicknames_cost_the_same_work_and_are_not_written_down(house: House) -> None:
    await house.user("ann")
    before = house.accounts.passwords_verified
    with pytest.raises(SignInRefused):
        await house.accounts.sign_in("my password 1", "x", origin=SSH)
    assert house.accounts.passwords_verified == before + 1
    assert (await house.audited("sign_in.failed"))[0]["email"] == ""


async def test_a_key_signs_in_and_is_marked_as_used(house: House, time: Time) -> None:
    ann, key = (await house.user("ann")).principal, new_key()
    added = await house.accounts.add_ssh_key(ann, key)
    assert await house.accounts.key_holder("nick ann", blob(key))
    assert (await house.accounts.ssh_keys(ann))[0].last_used_at is None, "being asked about it is no use"
    time.pass_(60)
    signed_in = await house.accounts.sign_in_with_key("ann@example.org", blob(key), origin=SSH)
    assert (signed_in.principal.user_id, signed_in.principal.origin, signed_in.principal.served) == (ann.user_id, SSH, True)
    assert (await house.accounts.ssh_keys(ann))[0].last_used_at == from_ms(house.clock.now_ms())
    event = (await house.audited("sign_in.succeeded"))[0]
    assert (event["method"], event["fingerprint"]) == ("key", added.fingerprint)


async def test_a_key_is_enough_where_there_is_a_second_factor(house: House, time: Time) -> None:
    ann, key = (await house.user("ann")).principal, new_key()
    await house.accounts.add_ssh_key(ann, key)
    enrolment = await house.accounts.begin_second_factor(ann, PASSWORD)
    await house.accounts.confirm_second_factor(ann, TOTP(enrolment.secret).at(time.wall))
    assert (await house.accounts.sign_in_with_key("nick ann", blob(key), origin=SSH)).principal.user_id == ann.user_id


async def test_somebody_elses_key_is_no_key_of_mine(house: House) -> None:
    ann, key = (await house.user("ann")).principal, new_key()
    await house.user("bob")
    await house.accounts.add_ssh_key(ann, key)
    for name in ("bob@example.org", "nick bob", "nobody", ""):
        assert not await house.accounts.key_holder(name, blob(key))
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in_with_key(name, blob(key), origin=SSH)
    for other in (b"", b"\x00" * 64, blob(new_key()), blob(key)[:-1], blob(key) + b"\x00"):
        assert not await house.accounts.key_holder("nick ann", other)


async def test_a_key_that_was_removed_or_whose_account_is_disabled_is_none(house: House) -> None:
    ann, key = (await house.user("ann")).principal, new_key()
    added = await house.accounts.add_ssh_key(ann, key)
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    assert not await house.accounts.key_holder("nick ann", blob(key))
    with pytest.raises(AccountDisabled):
        await house.accounts.sign_in_with_key("nick ann", blob(key), origin=SSH)
    assert (await house.audited("sign_in.refused"))[0]["because"] == "disabled"
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", False)
    await house.accounts.remove_ssh_key(OPERATOR, added.id, email="ann@example.org")
    with pytest.raises(SignInRefused):
        await house.accounts.sign_in_with_key("nick ann", blob(key), origin=SSH)


async def test_who_types_wrong_passwords_keeps_nobodys_key_out(house: House) -> None:
    for name in ("ann", "bob"):
        await house.user(name)
    ann, key = (await house.sign_in("ann")).principal, new_key()
    await house.accounts.add_ssh_key(ann, key)
    for name, address in (("ann", "192.0.2.9"), ("bob", SSH.address)):
        for _ in range(5):
            with pytest.raises(SignInRefused):
                await house.sign_in(name, "wrong password 1", address=address)
    for name in ("ann", "bob"):
        with pytest.raises(TooManyAttempts):
            await house.accounts.sign_in(f"nick {name}", PASSWORD, origin=SSH)
    assert await house.accounts.key_holder("nick ann", blob(key))
    assert (await house.accounts.sign_in_with_key("nick ann", blob(key), origin=SSH)).principal.user_id == ann.user_id
    with pytest.raises(TooManyAttempts):
        await house.accounts.sign_in("nick ann", PASSWORD, origin=SSH)


async def test_signing_in_by_key_wins_no_tries_for_who_guesses_the_password(house: House) -> None:
    ann, key = (await house.user("ann")).principal, new_key()
    await house.accounts.add_ssh_key(ann, key)
    for _ in range(4):
        with pytest.raises(SignInRefused):
            await house.sign_in("ann", "wrong password 1", address="192.0.2.9")
    await house.accounts.sign_in_with_key("nick ann", blob(key), origin=SSH)
    with pytest.raises(SignInRefused):
        await house.sign_in("ann", "wrong password 1", address="192.0.2.9")
    with pytest.raises(TooManyAttempts):
        await house.sign_in("ann")


async def test_administrators_look_after_keys_of_others_and_nobody_else_does(house: House) -> None:
    ann, bob, root = [(await house.user(name, admin=name == "root")).principal for name in ("ann", "bob", "root")]
    for who in (OPERATOR, root, ann):
        added = await house.accounts.add_ssh_key(who, new_key(), "laptop", email="ann@example.org")
        assert added.id in {key.id for key in await house.accounts.ssh_keys(ann)}
    assert await house.accounts.ssh_keys(ann, "ann@example.org") == await house.accounts.ssh_keys(OPERATOR, " Ann@example.org")
    for email in ("ann@example.org", "nobody@example.org"):
        with pytest.raises(Forbidden):
            await house.accounts.ssh_keys(bob, email)
        with pytest.raises(Forbidden):
            await house.accounts.add_ssh_key(bob, new_key(), email=email)
        with pytest.raises(Forbidden):
            await house.accounts.remove_ssh_key(bob, added.id, email=email)
    with pytest.raises(NotFound):
        await house.accounts.ssh_keys(root, "nobody@example.org")
    with pytest.raises(Forbidden):
        await house.accounts.ssh_keys(OPERATOR)  # the operator is nobody in particular
    with pytest.raises(Conflict):
        await house.accounts.add_ssh_key(root, added.public_key, email="bob@example.org")
    await house.accounts.remove_ssh_key(root, added.id, email="ann@example.org")
    assert added.id not in {key.id for key in await house.accounts.ssh_keys(ann)}
