"""Signing in and out, and that a session ends at once by every path there is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.auth.accounts import SignedIn
from core.auth.principal import Origin, Principal, Role
from core.clock import from_ms
from core.errors import AccountDisabled, NotFound, SessionEnded, SignInRefused
from tests.unit.auth.house import LOCAL, NEW_PASSWORD, OPERATOR, PASSWORD, House, Time


async def ended_why(house: House, signed_in: SignedIn) -> str:
    """Why each of the three ways to use a sign-in is refused: all for the same reason."""
    reasons = set()
    for use in (
        lambda: house.accounts.verify_access(signed_in.access_token),
        lambda: house.accounts.recheck(signed_in.principal),
        lambda: house.accounts.resume(signed_in.refresh_token, origin=LOCAL),
    ):
        with pytest.raises(SessionEnded) as caught:
            await use()
        reasons.add(caught.value.fields["why"])
    assert len(reasons) == 1
    return str(reasons.pop())


async def test_signing_in(house: House, time: Time) -> None:
    await house.user("ann")
    before = house.clock.now_ms()
    time.pass_(3600)
    ann = await house.accounts.sign_in(" Ann@Example.org ", PASSWORD, origin=Origin("ssh", "192.0.2.7"))
    assert ann.principal.email == "ann@example.org"
    assert ann.principal.role is Role.USER
    assert ann.principal.served
    assert ann.previous_sign_in == from_ms(before)
    assert ann.previous_address == ""
    assert ann.new_address
    time.pass_(3600)
    again = await house.sign_in("ann")
    assert (again.previous_sign_in, again.previous_address, again.new_address) == (from_ms(before + 3600_000), "192.0.2.7", False)
    assert not again.principal.served


@pytest.mark.parametrize(
    ("email", "password"), [("ann@example.org", "wrong password 1"), ("nobody@example.org", PASSWORD), ("", ""), ("\ud800", "x")]
)
async def test_one_answer_for_unknown_and_wrong(house: House, email: str, password: str) -> None:
    await house.user("ann")
    before = house.accounts.passwords_verified
    with pytest.raises(SignInRefused) as caught:
        await house.accounts.sign_in(email, password, origin=LOCAL)
    assert caught.value.fields == {}
    assert house.accounts.passwords_verified == before + 1, "the same work for all"


async def test_the_same_work_for_a_disabled_account(house: House) -> None:
    await house.user("ann")
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    before = house.accounts.passwords_verified
    with pytest.raises(SignInRefused):
        await house.sign_in("ann", "wrong password 1")
    with pytest.raises(AccountDisabled):
        await house.sign_in("ann")
    assert house.accounts.passwords_verified == before + 2
    assert (await house.audited("sign_in.refused"))[0]["because"] == "disabled"


async def test_new_addresses_are_told_and_audited(house: House) -> None:
    await house.user("ann")
    assert (await house.sign_in("ann", address="192.0.2.7")).new_address
    assert not (await house.sign_in("ann", address="192.0.2.7")).new_address
    assert (await house.sign_in("ann", address="192.0.2.8")).new_address
    for _ in range(4):  # the sessions of an address may have ended long since
        await house.sign_in("ann")
    assert not (await house.sign_in("ann", address="192.0.2.7")).new_address
    flags = [(event["address"], event["new_address"]) for event in await house.audited("sign_in.succeeded")]
    assert flags.count(("192.0.2.7", True)) == flags.count(("192.0.2.8", True)) == 1


async def test_what_was_typed_is_audited_only_if_it_is_an_email(house: House) -> None:
    for typed in ("nobody@example.org", PASSWORD):
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in(typed, "x", origin=Origin("ssh", "192.0.2.7"))
    events = await house.audited("sign_in.failed")
    assert sorted(event["email"] for event in events) == ["", "nobody@example.org"]
    assert {event["address"] for event in events} == {"192.0.2.7"}


async def test_the_fourth_session_ends_the_oldest(house: House, time: Time) -> None:
    sessions = [await house.user("ann")]
    for _ in range(3):
        time.pass_(1)
        sessions.append(await house.sign_in("ann"))
    assert await ended_why(house, sessions[0]) == "too_many_sessions"
    for signed_in in sessions[1:]:
        await house.accounts.recheck(signed_in.principal)
    known = await house.accounts.sessions(sessions[3].principal)
    assert [session.id for session in known] == [signed_in.principal.session_id for signed_in in sessions[1:]]
    assert [session.current for session in known] == [False, False, True]
    assert known[0].kind == "local"


async def test_the_limit_of_sessions_is_a_setting(house: House, time: Time) -> None:
    await house.user("ann")
    accounts = house.neighbour(sessions_a_user=1)
    first = await accounts.sign_in("ann@example.org", PASSWORD, origin=LOCAL)
    time.pass_(1)
    await accounts.sign_in("ann@example.org", PASSWORD, origin=LOCAL)
    assert await ended_why(house, first) == "too_many_sessions"


async def test_sessions_opened_at_once_are_still_three(house: House) -> None:
    await house.user("ann")
    accounts = house.neighbour(attempts_a_minute=100, failures_to_lock=100)
    opened = await asyncio.gather(*(accounts.sign_in("ann@example.org", PASSWORD, origin=LOCAL) for _ in range(12)))
    assert len(await accounts.sessions(opened[-1].principal)) == 3


async def test_a_session_that_expired_makes_no_room_by_ending_others(house: House, time: Time) -> None:
    await house.user("ann")
    time.pass_(8 * 24 * 3600)
    kept = [await house.sign_in("ann") for _ in range(3)]
    for signed_in in kept:
        await house.accounts.recheck(signed_in.principal)


Ending = Callable[[House, SignedIn], Awaitable[object]]
ENDINGS: dict[str, tuple[Ending, str, bool]] = {
    # how, why it is said to be, whether it ends the other session too
    "sign out": (lambda h, s: h.accounts.sign_out(s.principal), "signed_out", False),
    "sign out everywhere": (lambda h, s: h.accounts.sign_out_everywhere(s.principal), "signed_out", True),
    "end this session": (lambda h, s: h.accounts.end_session(s.principal, s.principal.session_id), "signed_out", False),
    "change the password": (lambda h, s: h.accounts.change_password(s.principal, PASSWORD, NEW_PASSWORD), "password_changed", True),
    "change the password and stay": (
        lambda h, s: h.accounts.change_password_and_stay(s.principal, PASSWORD, NEW_PASSWORD),
        "password_changed",
        True,
    ),
    "password set": (lambda h, s: h.accounts.set_password(OPERATOR, s.principal.email, NEW_PASSWORD), "password_changed", True),
    "disable": (lambda h, s: h.accounts.set_disabled(OPERATOR, s.principal.email, True), "disabled", True),
    "use a refresh token twice": (lambda h, s: use_twice(h, s), "reused", False),
}


async def use_twice(house: House, signed_in: SignedIn) -> None:
    await house.accounts.resume(signed_in.refresh_token, origin=LOCAL)
    with pytest.raises(SessionEnded):
        await house.accounts.resume(signed_in.refresh_token, origin=LOCAL)


@pytest.mark.parametrize("name", ENDINGS)
async def test_a_session_ends_at_once_in_every_process(house: House, name: str) -> None:
    end, why, every = ENDINGS[name]
    await house.user("root", admin=True)
    bystander = await house.user("bob")
    this, other = await house.user("ann"), await house.sign_in("ann")
    neighbour = house.neighbour()
    await neighbour.verify_access(this.access_token)
    await end(house, this)
    with pytest.raises(SessionEnded):
        await neighbour.verify_access(this.access_token)
    assert await ended_why(house, this) == why
    if every:
        assert await ended_why(house, other) == why
    else:
        await house.accounts.recheck(other.principal)
    await neighbour.verify_access(bystander.access_token)


async def test_ending_another_session(house: House) -> None:
    ann, other, bob = await house.user("ann"), await house.sign_in("ann"), await house.user("bob")
    await house.accounts.end_session(ann.principal, other.principal.session_id)
    assert await ended_why(house, other) == "revoked"
    await house.accounts.recheck(ann.principal)
    for not_his in (bob.principal.session_id, "0" * 32, "", other.principal.session_id):
        with pytest.raises(NotFound) as caught:
            await house.accounts.end_session(ann.principal, not_his)
        assert caught.value.fields == {"kind": "session", "reference": not_his}
    await house.accounts.recheck(bob.principal)


async def test_signing_out_twice_is_no_error(house: House) -> None:
    ann = await house.user("ann")
    await house.accounts.sign_out(ann.principal)
    await house.accounts.sign_out(ann.principal)
    assert len(await house.audited("session.ended")) == 1


async def test_a_password_changed_while_the_old_one_is_being_hashed_keeps_the_old_one_out(house: House) -> None:
    """The hash in force is looked at again when the session is opened."""
    ann = await house.user("ann")
    accounts = house.neighbour()
    verify, looked = accounts._context.passwords.verify, list[str]()

    async def verify_slowly(password: str, known: str | None) -> object:
        verdict = await verify(password, known)
        looked.append(known or "")
        if len(looked) == 1:
            await house.accounts.change_password(ann.principal, PASSWORD, NEW_PASSWORD)
        return verdict

    accounts._context.passwords.verify = verify_slowly  # type: ignore[method-assign, assignment]
    with pytest.raises(SignInRefused):
        await accounts.sign_in("ann@example.org", PASSWORD, origin=LOCAL)
    assert len(set(looked)) == 2


async def test_the_same_password_at_once_while_its_hash_is_renewed(house: House) -> None:
    """Hashes of an older cost are made anew at the next sign-in: another one at that moment is as right."""
    await house.user("ann")
    for cost in (5, 4, 5):
        accounts = house.neighbour(bcrypt_cost=cost)
        opened = await asyncio.gather(*(accounts.sign_in("nick ann", PASSWORD, origin=LOCAL) for _ in range(3)))
        assert len({signed_in.principal.session_id for signed_in in opened}) == 3


async def test_a_recheck_brings_todays_role_and_name(house: House) -> None:
    ann = await house.user("ann")
    await house.accounts.set_role(OPERATOR, "ann@example.org", Role.ADMIN)
    await house.accounts.update_profile(ann.principal, nickname="Anna")
    fresh = await house.accounts.recheck(ann.principal)
    assert fresh == replace(ann.principal, role=Role.ADMIN, nickname="Anna")
    assert (await house.accounts.verify_access(ann.access_token)).is_admin
    assert (await house.accounts.resume(ann.refresh_token, origin=LOCAL)).principal.is_admin


async def test_a_principal_cannot_borrow_a_session(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    with pytest.raises(SessionEnded):
        await house.accounts.recheck(replace(ann.principal, session_id=bob.principal.session_id))


async def test_the_operator_needs_no_session(house: House) -> None:
    assert await house.accounts.recheck(OPERATOR) == OPERATOR


async def test_who_acts_by_as_is_rechecked_too(house: House) -> None:
    await house.user("ann")
    acting: Principal = await house.accounts.principal_for(OPERATOR, "ann@example.org")
    assert acting.session_id == ""
    assert await house.accounts.recheck(acting) == acting
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(SessionEnded) as caught:
        await house.accounts.recheck(acting)
    assert caught.value.fields == {"why": "disabled"}


async def test_an_account_enabled_again_has_none_of_its_old_sessions(house: House) -> None:
    ann = await house.user("ann")
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", False)
    assert await ended_why(house, ann) == "disabled"
    await house.sign_in("ann")


async def test_a_dearer_hash_replaces_the_old_one_at_sign_in(house: House) -> None:
    ann = (await house.user("ann")).principal
    dearer = house.neighbour(bcrypt_cost=5)
    await dearer.sign_in("ann@example.org", PASSWORD, origin=LOCAL)
    stored = await house.store.read(lambda uow: uow.users.get(ann.user_id).password_hash)  # type: ignore[union-attr]
    assert ",r=5$" in stored
    await dearer.sign_in("ann@example.org", PASSWORD, origin=LOCAL)
    await house.accounts.recheck(ann)


async def test_a_session_from_before_the_ends_of_all_is_over_however_it_came_about(house: House) -> None:
    """A second lock: whatever ends all sessions raises the account's epoch, and a session of an older one is refused."""
    ann = await house.user("ann")
    epoch = await house.store.read(lambda uow: uow.users.get(ann.principal.user_id).epoch)  # type: ignore[union-attr]
    await house.accounts.sign_out_everywhere(ann.principal)
    raised = await house.store.read(lambda uow: uow.users.get(ann.principal.user_id).epoch)  # type: ignore[union-attr]
    assert raised == epoch + 1
    again = await house.sign_in("ann")
    await house.store.write(lambda uow: uow.users.raise_epoch(ann.principal.user_id, 1))
    assert await ended_why(house, again) == "revoked"
