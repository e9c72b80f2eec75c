"""The second factor: setting up, signing in with codes, what wrong and used ones do, recovery codes, and turning it off."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP, parse_uri

from core.auth.accounts import SignedIn
from core.auth.challenges import LIFETIME_S, TRIES, Challenges
from core.auth.one_time import RECOVERY_CODES, new_recovery_code, read_code, uri_of
from core.auth.principal import Origin, Principal
from core.errors import (
    AccountDisabled,
    ChallengeEnded,
    CodeRefused,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SecondFactorNeeded,
    SecretUnreadable,
    SignInRefused,
    TooManyAttempts,
)
from storage.unit_of_work import UnitOfWork
from tests.unit.auth.house import NEW_PASSWORD, OPERATOR, PASSWORD, House, Time

SSH = Origin("ssh", "192.0.2.7")


async def set_up(house: House, principal: Principal) -> tuple[TOTP, tuple[str, ...]]:
    """A second factor that is on; its app, and the recovery codes. The code of this moment is used."""
    enrolment = await house.accounts.begin_second_factor(principal, PASSWORD)
    app = TOTP(enrolment.secret)
    return app, await house.accounts.confirm_second_factor(principal, app.at(house.time.wall))


async def challenged(house: House, name: str = "ann@example.org", origin: Origin = SSH) -> str:
    with pytest.raises(SecondFactorNeeded) as caught:
        await house.accounts.sign_in(name, PASSWORD, origin=origin)
    return caught.value.challenge


async def answer(house: House, code: str, name: str = "ann@example.org", origin: Origin = SSH) -> SignedIn:
    return await house.accounts.answer_challenge(await challenged(house, name, origin), code, origin=origin)


async def test_setting_up_and_signing_in(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    heard = house.listen(ann)
    assert not (await house.accounts.second_factor(ann)).enabled
    app, codes = await set_up(house, ann)
    state = await house.accounts.second_factor(ann)
    assert (state.enabled, state.recovery_codes_left) == (True, RECOVERY_CODES)
    assert state.since == house.clock.now()
    assert len(set(codes)) == RECOVERY_CODES and all(re.fullmatch(r"[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}", code) for code in codes)
    assert heard
    time.pass_(30)
    signed_in = await answer(house, app.at(time.wall))
    assert signed_in.principal.user_id == ann.user_id
    assert next(event["method"] for event in await house.audited("sign_in.succeeded")) == "one_time_code"
    await house.accounts.recheck(ann)  # the sessions before it go on


async def test_until_it_is_confirmed_it_asks_for_nothing(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    first = await house.accounts.begin_second_factor(ann, PASSWORD)
    await house.sign_in("ann")
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.confirm_second_factor(ann, "000000" if TOTP(first.secret).at(time.wall) != "000000" else "111111")
    assert (caught.value.field, caught.value.rule) == ("code", "wrong_code")
    second = await house.accounts.begin_second_factor(ann, PASSWORD)
    assert second.secret != first.secret
    time.pass_(31 * 60)
    with pytest.raises(NotFound):
        await house.accounts.confirm_second_factor(ann, TOTP(second.secret).at(time.wall))
    assert not (await house.accounts.second_factor(ann)).enabled
    with pytest.raises(InvalidInput):
        await house.accounts.begin_second_factor(ann, "wrong password 1")


async def test_a_second_one_does_not_replace_the_first(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    with pytest.raises(Conflict):
        await house.accounts.begin_second_factor(ann, PASSWORD)
    time.pass_(30)
    with pytest.raises(Conflict):
        await house.accounts.confirm_second_factor(ann, app.at(time.wall))


async def test_a_code_is_good_once_and_its_neighbours_in_time_too(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    with pytest.raises(CodeRefused):
        await answer(house, app.at(time.wall))  # it confirmed the set-up
    time.pass_(300)
    await answer(house, app.at(time.wall, counter_offset=1))  # the clock of the telephone is ahead
    for offset in (1, 0, -1, -2):
        with pytest.raises(CodeRefused):
            await answer(house, app.at(time.wall, counter_offset=offset))
    time.pass_(16 * 60)
    await answer(house, app.at(time.wall, counter_offset=-1))


async def test_a_clock_that_went_back_locks_nobody_out(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    time.wall -= 3 * 24 * 3600
    await answer(house, app.at(time.wall))
    with pytest.raises(CodeRefused):
        await answer(house, app.at(time.wall))


async def test_a_recovery_code_is_good_once_however_it_is_typed(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    _, codes = await set_up(house, ann)
    await answer(house, f" {codes[0].upper().replace('-', ' ')} ")
    assert (await house.accounts.second_factor(ann)).recovery_codes_left == RECOVERY_CODES - 1
    with pytest.raises(CodeRefused):
        await answer(house, codes[0])
    await answer(house, codes[1].replace("-", ""))
    assert [event["left"] for event in await house.audited("second_factor.code_used")] == [8, 9]
    renewed = await house.accounts.renew_recovery_codes(ann, PASSWORD)
    with pytest.raises(CodeRefused):
        await answer(house, codes[2])
    await answer(house, renewed[0])
    with pytest.raises(InvalidInput):
        await house.accounts.renew_recovery_codes(ann, "wrong password 1")


async def test_codes_are_guesses_and_five_lock_whatever_name_is_typed(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    time.pass_(3600)
    challenge = await challenged(house)
    right = app.at(time.wall)
    wrong = next(code for code in ("000000", "111111", "222222") if code not in {app.at(time.wall, counter_offset=o) for o in (-1, 0, 1)})
    for left in (4, 3):
        with pytest.raises(CodeRefused) as caught:
            await house.accounts.answer_challenge(challenge, wrong, origin=SSH)
        assert caught.value.fields == {"tries_left": left}
    other = await challenged(house, "nick ann", Origin("ssh", "192.0.2.8"))
    for _ in range(3):
        with pytest.raises(CodeRefused):
            await house.accounts.answer_challenge(other, wrong, origin=Origin("ssh", "192.0.2.8"))
    with pytest.raises(TooManyAttempts):
        await house.accounts.answer_challenge(challenge, right, origin=SSH)
    with pytest.raises(TooManyAttempts):
        await house.accounts.sign_in("ann@example.org", PASSWORD, origin=Origin("ssh", "192.0.2.9"))
    assert await house.audited("sign_in.locked")
    time.pass_(15 * 60)
    await answer(house, app.at(time.wall))


async def test_the_right_password_takes_no_failure_back(house: House, time: Time) -> None:
    """Else whoever knows the password could guess codes for ever, four at a time."""
    ann = (await house.user("ann")).principal
    await set_up(house, ann)
    time.pass_(3600)
    accounts = house.neighbour(attempts_a_minute=1000)
    refused = 0
    with pytest.raises(TooManyAttempts):
        for _ in range(10):
            with pytest.raises(SecondFactorNeeded) as caught:
                await accounts.sign_in("ann@example.org", PASSWORD, origin=SSH)
            with pytest.raises(CodeRefused):
                await accounts.answer_challenge(caught.value.challenge, "not a code", origin=SSH)
            refused += 1
    assert refused == 5


async def test_many_at_one_address_sign_in_with_codes(house: House, time: Time) -> None:
    apps = {}
    for index in range(8):
        name = f"user{index}"
        apps[name] = (await set_up(house, (await house.user(name)).principal))[0]
    time.pass_(30)
    for name, app in apps.items():
        await answer(house, app.at(time.wall), f"{name}@example.org")


async def test_a_challenge_lives_two_minutes_and_five_tries_at_one_address(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    time.pass_(3600)
    late = await challenged(house)
    time.pass_(LIFETIME_S)
    elsewhere = await challenged(house)
    for challenge, origin in ((late, SSH), (elsewhere, Origin("ssh", "192.0.2.8")), ("", SSH), ("x" * 43, SSH)):
        with pytest.raises(ChallengeEnded):
            await house.accounts.answer_challenge(challenge, app.at(time.wall), origin=origin)
    await house.accounts.answer_challenge(elsewhere, app.at(time.wall), origin=SSH)
    with pytest.raises(ChallengeEnded):
        await house.accounts.answer_challenge(elsewhere, app.at(time.wall), origin=SSH)
    with pytest.raises(ChallengeEnded):
        await house.neighbour().answer_challenge(await challenged(house), app.at(time.wall), origin=SSH)


async def test_of_too_many_challenges_the_oldest_end(house: House) -> None:
    challenges = Challenges(house.clock, house.ids)
    texts = [challenges.open("u", "h", SSH) for _ in range(1001)]
    with pytest.raises(ChallengeEnded):
        challenges.find(texts[0], SSH)
    assert [challenges.take_try(texts[-1]) for _ in range(TRIES)] == [4, 3, 2, 1, 0]
    with pytest.raises(ChallengeEnded):
        challenges.take_try(texts[-1])


async def test_what_changes_meanwhile_ends_the_sign_in(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    app, _ = await set_up(house, ann)
    time.pass_(3600)
    changed = await challenged(house)
    await house.accounts.set_password(OPERATOR, "ann@example.org", NEW_PASSWORD)
    with pytest.raises(ChallengeEnded):
        await house.accounts.answer_challenge(changed, app.at(time.wall), origin=SSH)
    with pytest.raises(SecondFactorNeeded) as caught:  # a new password takes no factor away
        await house.accounts.sign_in("ann@example.org", NEW_PASSWORD, origin=SSH)
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(AccountDisabled):
        await house.accounts.answer_challenge(caught.value.challenge, app.at(time.wall), origin=SSH)
    with pytest.raises(AccountDisabled):
        await house.accounts.sign_in("ann@example.org", NEW_PASSWORD, origin=SSH)


async def test_turning_off_asks_for_the_password(house: House) -> None:
    ann = (await house.user("ann")).principal
    _, codes = await set_up(house, ann)
    with pytest.raises(InvalidInput):
        await house.accounts.end_second_factor(ann, "wrong password 1")
    challenge = await challenged(house)
    await house.accounts.end_second_factor(ann, PASSWORD)
    with pytest.raises(ChallengeEnded):
        await house.accounts.answer_challenge(challenge, codes[0], origin=SSH)
    await house.sign_in("ann")
    await house.accounts.end_second_factor(ann, PASSWORD)
    assert len(await house.audited("second_factor.disabled")) == 1
    with pytest.raises(NotFound):
        await house.accounts.renew_recovery_codes(ann, PASSWORD)


async def test_an_administrator_takes_a_lost_one_away_and_nothing_else(house: House) -> None:
    ann, bob = (await house.user("ann")).principal, (await house.user("bob")).principal
    await set_up(house, ann)
    with pytest.raises(Forbidden):
        await house.accounts.reset_second_factor(bob, "ann@example.org")
    with pytest.raises(NotFound):
        await house.accounts.reset_second_factor(OPERATOR, "nobody@example.org")
    assert await house.accounts.reset_second_factor(OPERATOR, "Ann@example.org")
    assert not await house.accounts.reset_second_factor(OPERATOR, "ann@example.org")
    await house.accounts.recheck(ann)
    await house.sign_in("ann")
    assert [event["actor_name"] for event in await house.audited("second_factor.disabled")] == ["root"]


async def test_a_wrong_password_tells_nothing_of_the_factor(house: House) -> None:
    ann = (await house.user("ann")).principal
    await set_up(house, ann)
    before = house.accounts.passwords_verified
    with pytest.raises(SignInRefused) as caught:
        await house.sign_in("ann", "wrong password 1")
    assert caught.value.fields == {}
    assert house.accounts.passwords_verified == before + 1


async def test_secrets_and_challenges_are_in_no_text(house: House) -> None:
    ann = (await house.user("ann")).principal
    enrolment = await house.accounts.begin_second_factor(ann, PASSWORD)
    assert enrolment.secret not in repr(enrolment)
    codes = await house.accounts.confirm_second_factor(ann, TOTP(enrolment.secret).at(house.time.wall))
    error = SecondFactorNeeded(await challenged(house))
    assert error.challenge not in f"{error} {error!r} {error.fields}"
    assert pickle.loads(pickle.dumps(error)).challenge == error.challenge
    everything = (house.settings.data_dir / "modeltrain.db").read_bytes()
    wal = house.settings.data_dir / "modeltrain.db-wal"
    everything += wal.read_bytes() if wal.exists() else b""
    for secret in (enrolment.secret, *codes, *(code.replace("-", "") for code in codes)):
        assert secret.encode() not in everything


async def test_a_factor_moved_to_another_row_does_not_open(house: House) -> None:
    ann, bob = (await house.user("ann")).principal, (await house.user("bob")).principal
    app, _ = await set_up(house, ann)
    await set_up(house, bob)

    def swap(uow: UnitOfWork) -> None:
        row = uow.second_factors.of(ann.user_id)
        assert row is not None
        uow.second_factors.remove(bob.user_id)
        uow.second_factors.add(**{**row._mapping, "user_id": bob.user_id})

    await house.store.write(swap)
    house.time.pass_(60)
    challenge = await challenged(house, "bob@example.org")
    with pytest.raises(SecretUnreadable):
        await house.accounts.answer_challenge(challenge, app.at(house.time.wall), origin=SSH)


@pytest.mark.parametrize("email", ["ann@example.org", "a" * 60 + "@" + "b" * 60 + ".org", "安@例.org", "a+b%c&d@example.org"])
def test_the_uri_is_short_and_read_by_apps(email: str) -> None:
    uri = uri_of("A" * 32, email)
    assert len(uri) <= 106, "a QR code of version 5 with correction L"
    read = parse_uri(uri)
    assert (read.secret, read.issuer) == ("A" * 32, "modeltrain")
    assert email.startswith(read.name)


@given(st.binary(min_size=8, max_size=8))
def test_recovery_codes_are_read_as_they_were_written(data: bytes) -> None:
    code = new_recovery_code(lambda size: data)
    assert read_code(code.upper()) == ("", code.replace("-", ""))


@given(st.text(max_size=200))
def test_whatever_is_typed_is_one_code_or_none(text: str) -> None:
    one_time, recovery = read_code(text)
    assert not (one_time and recovery)
    assert not one_time or re.fullmatch(r"[0-9]{6}", one_time)
    assert not recovery or re.fullmatch(r"[a-z2-7]{12}", recovery)


@pytest.mark.parametrize("typed", ["123 456", "123-456", " 123456\n", "１２３４５６"])
def test_one_time_codes_are_read_as_apps_show_them(typed: str) -> None:
    assert read_code(typed) == ("123456", "")
