"""Guarding sign-in: counters as plain values, and over the database with many at once."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.auth import lines
from core.auth import passwords as passwords_module
from core.auth.counters import Counter, blame, count, forget, is_locked, may_open, take_back
from core.auth.counters import fail as failed
from core.auth.principal import Origin
from core.auth.throttle import Attempt, Throttle, counter_key, network_of
from core.auth.types import SignedIn
from core.errors import AccountDisabled, SignInRefused, TooManyAttempts
from core.settings import AuthSettings
from tests.unit.auth.house import LOCAL, NEW_PASSWORD, OPERATOR, PASSWORD, House, Time

LIMITS = AuthSettings()
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
MINUTE, LOCK = 60_000, 15 * 60_000
START = 1_700_000_000_000


def fail(counter: Counter, now: int) -> tuple[Counter, int]:
    counter, wait = count(counter, now, LIMITS)
    return (counter if wait else blame(counter, now, LIMITS)), wait


def test_five_failures_lock_for_fifteen_minutes() -> None:
    counter = Counter(START, updated_at=START)
    for step in range(5):
        counter, wait = fail(counter, START + step * MINUTE)
        assert wait == 0
    last = START + 4 * MINUTE
    assert counter.locked_until == last + LOCK
    counter, wait = fail(counter, last + LOCK - 1)
    assert wait == 1
    counter, wait = fail(counter, last + LOCK)
    assert (wait, counter.failures) == (0, 1)


def test_five_attempts_a_minute() -> None:
    patient = replace(LIMITS, failures_to_lock=100)
    counter, waits = Counter(START, updated_at=START), []
    for _ in range(7):
        counter, wait = count(counter, START + 1000, patient)
        waits.append(wait)
    assert waits == [0, 0, 0, 0, 0, 59_000, 59_000]
    assert counter.attempts == 7
    assert count(counter, START + MINUTE, patient)[1] == 0


def test_old_failures_are_forgotten() -> None:
    counter = Counter(START, failures=4, failed_at=START)
    assert count(counter, START + LOCK - 1, LIMITS)[0].failures == 4
    assert count(counter, START + LOCK, LIMITS)[0].failures == 0


def test_a_success_takes_its_own_try_back_and_no_other() -> None:
    counter = Counter(START, attempts=5, failures=5, locked_until=START + LOCK, updated_at=START)
    assert take_back(counter, LIMITS) == replace(counter, attempts=4, failures=4, locked_until=0)
    worse = replace(counter, failures=6)
    assert take_back(worse, LIMITS).locked_until == START + LOCK
    assert forget(counter) == Counter(START, updated_at=START)


def test_tries_under_way_lock_nobody_before_they_failed() -> None:
    counter = Counter(START, updated_at=START)
    for _ in range(5):
        counter, _wait = fail(counter, START)
    assert count(counter, START, LIMITS)[1] == LOCK
    assert may_open(counter, START, LIMITS) and not is_locked(counter, START, LIMITS)
    counter = failed(counter, START)
    assert may_open(counter, START, LIMITS), "four may still succeed"
    assert count(take_back(counter, LIMITS), START, LIMITS)[1] == 0
    for _ in range(4):
        counter = failed(counter, START)
    assert not may_open(counter, START, LIMITS) and is_locked(counter, START, LIMITS)


def test_a_clock_a_little_behind_takes_no_try_for_a_dead_one() -> None:
    counter = Counter(START, updated_at=START)
    for _ in range(5):
        counter, _wait = fail(counter, START + 5)
    assert may_open(counter, START + 1, LIMITS) and not is_locked(counter, START + 1, LIMITS)


def test_tries_that_are_never_settled_were_failures() -> None:
    counter = Counter(START, updated_at=START)
    for _ in range(5):
        counter, _wait = fail(counter, START)
    for now in (START + MINUTE, START - MINUTE - 1):  # the clock may be set back, too
        assert is_locked(counter, now, LIMITS) and not may_open(counter, now, LIMITS)


def test_a_success_forgets_no_try_that_is_under_way() -> None:
    counter = Counter(START, attempts=5, failures=5, locked_until=START + LOCK, updated_at=START, under_way=4)
    assert forget(counter) == replace(counter, attempts=3, failures=3, locked_until=0, under_way=3)


def test_right_sign_ins_do_not_keep_old_failures_alive() -> None:
    counter, now = Counter(START, failures=4, failed_at=START), START
    while now - START < LOCK:
        counter, wait = count(counter, now, LIMITS)
        assert wait == 0 and counter.failures == 4
        counter, now = take_back(blame(counter, now, LIMITS), LIMITS), now + MINUTE
    assert count(counter, now, LIMITS)[0].failures == 0


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.booleans()), max_size=60), st.integers(0, 2**40))
def test_no_clock_locks_for_longer_than_the_lock(steps: list[tuple[int, bool]], start: int) -> None:
    counter, now = Counter(start, updated_at=start), start
    for step, succeeds in steps:
        now = max(0, now + step)
        counter, wait = count(counter, now, LIMITS)
        assert 0 <= wait <= LOCK
        if not wait:
            counter = blame(counter, now, LIMITS)
            assert counter.failures <= LIMITS.failures_to_lock
            counter = forget(counter) if succeeds else counter
    # However the clock moved, whoever waits as long as was asked is let in.
    for _ in range(3):
        counter, wait = count(counter, now, LIMITS)
        if not wait:
            break
        now += wait
    assert wait == 0


@given(st.lists(st.integers(0, 5 * MINUTE), min_size=1, max_size=80))
def test_never_more_than_five_failures_without_a_lock(steps: list[int]) -> None:
    counter, now, admitted = Counter(START, updated_at=START), START, list[int]()
    for step in steps:
        now += step
        counter, wait = fail(counter, now)
        if not wait:
            admitted.append(now)
    for index in range(len(admitted) - 5):
        assert admitted[index + 5] - admitted[index + 4] >= LOCK or admitted[index + 5] - admitted[index] >= LOCK


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8:0:0:1::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("2001:DB8::1", "2001:db8::1", True),
    ],
)
def test_an_address_is_counted_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_what_is_counted_is_not_readable() -> None:
    assert "ann" not in counter_key("account", "ann@example.org")
    assert len(counter_key("register", "x")) <= 80


# Over the database ---------------------------------------------------------------------------------------------------


async def counter_of(house: House, key: str) -> Counter:
    def work(uow: object) -> Counter:
        row = uow.sign_ins.hold_counter(key, house.clock.now_ms())  # type: ignore[attr-defined]
        return Counter(row.window_started_at, row.attempts, row.failures, row.locked_until, row.updated_at)

    return await house.store.write(work)


async def test_fifty_parallel_failures_count_as_fifty_and_five_are_hashed(house: House) -> None:
    ann = await house.user("ann")
    before = house.accounts.passwords_verified
    results = await asyncio.gather(*(house.sign_in("ann", "wrong password 1") for _ in range(50)), return_exceptions=True)
    assert house.accounts.passwords_verified - before == 5
    assert sum(isinstance(result, SignInRefused) for result in results) == 5
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 45
    counter = await counter_of(house, Attempt.to_sign_in(ann.principal.user_id, LOCAL).account)
    assert (counter.attempts, counter.failures) == (50, 5)
    assert len(await house.audited("sign_in.failed")) == 5
    assert await house.audited("sign_in.locked")


async def test_the_right_password_waits_out_the_lock_too(house: House, time: Time) -> None:
    await house.user("ann")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await house.sign_in("ann", "wrong password 1")
        time.pass_(61)
    with pytest.raises(TooManyAttempts) as caught:
        await house.sign_in("ann")
    assert caught.value.fields == {"retry_after_s": 15 * 60 - 61}
    time.pass_(15 * 60 - 61)
    await house.sign_in("ann")


async def test_unknown_accounts_are_counted_just_so(house: House) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await house.sign_in("nobody", "wrong password 1")
    with pytest.raises(TooManyAttempts):
        await house.sign_in("nobody", "wrong password 1")


async def test_spelling_does_not_open_another_counter(house: House) -> None:
    for spelling in ("ann@example.org", "ANN@example.org", " ann@Example.Org", "ａｎｎ@example.org", "ann@example.org "):
        with pytest.raises(SignInRefused):
            await house.accounts.sign_in(spelling, "wrong password 1", origin=LOCAL)
    with pytest.raises(TooManyAttempts):
        await house.accounts.sign_in("Ann@Example.org", "wrong password 1", origin=LOCAL)


async def test_one_address_guesses_five_times_whatever_accounts_it_tries(house: House) -> None:
    await house.user("ann")
    for index in range(5):
        with pytest.raises(SignInRefused):
            await house.sign_in(f"user{index}", address="192.0.2.7")
    with pytest.raises(TooManyAttempts):
        await house.sign_in("ann", address="192.0.2.7")
    await house.sign_in("ann", address="192.0.2.8")
    await house.sign_in("ann")


async def test_a_locked_account_does_not_lock_the_address_of_its_owner(house: House, time: Time) -> None:
    await house.user("ann")
    await house.user("bob")
    for index in range(5):
        with pytest.raises(SignInRefused):
            await house.sign_in("ann", "wrong password 1", address=f"198.51.100.{index}")
    for _ in range(4):
        with pytest.raises(TooManyAttempts):
            await house.sign_in("ann", address="192.0.2.7")
    time.pass_(61)
    await house.sign_in("bob", address="192.0.2.7")


async def test_success_forgets_the_failures_of_the_account(house: House) -> None:
    await house.user("ann")
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignInRefused):
                await house.sign_in("ann", "wrong password 1")
        await house.sign_in("ann")


async def test_an_office_behind_one_address_signs_in(house: House) -> None:
    for index in range(12):
        await house.user(f"user{index}")
    for index in range(12):
        await house.sign_in(f"user{index}", address="192.0.2.7")
    counter = await counter_of(house, Attempt.to_sign_in("", Origin("ssh", "192.0.2.7")).address)
    assert (counter.attempts, counter.failures, counter.locked_until) == (0, 0, 0)


async def test_an_office_behind_one_address_signs_in_at_the_same_second(house: House) -> None:
    for index in range(40):
        await house.user(f"user{index}")
    other = house.neighbour()
    tries = [
        (house.accounts, other)[index % 2].sign_in(f"nick user{index}", PASSWORD, origin=Origin("ssh", "192.0.2.7")) for index in range(40)
    ]
    await asyncio.gather(*tries)
    counter = await counter_of(house, Attempt.to_sign_in("", Origin("ssh", "192.0.2.7")).address)
    assert (counter.attempts, counter.failures, counter.under_way, counter.locked_until) == (0, 0, 0, 0)


async def test_sixty_guesses_at_once_at_as_many_accounts_are_five(house: House) -> None:
    before = house.accounts.passwords_verified
    tries = [house.sign_in(f"user{index}", "wrong password 1", address="192.0.2.7") for index in range(60)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert house.accounts.passwords_verified - before == 5
    assert sum(isinstance(result, SignInRefused) for result in results) == 5
    refused = [result for result in results if isinstance(result, TooManyAttempts)]
    assert len(refused) == 55 and all(error.fields["retry_after_s"] > 14 * 60 for error in refused)
    assert len(await house.audited("sign_in.locked")) == 1


async def test_guesses_among_right_passwords_are_counted_all_the_same(house: House) -> None:
    await house.user("ann")
    passwords = [PASSWORD, "wrong password 1"] * 20
    patient = house.neighbour(attempts_a_minute=1000)
    tries = [patient.sign_in("nick ann", password, origin=Origin("ssh", "192.0.2.7")) for password in passwords]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, SignInRefused) for result in results) == 5, "the address forgets nothing"
    assert isinstance(results[0], SignedIn)


async def test_keys_are_taken_while_passwords_are_looked_at(house: House) -> None:
    ann, origin = (await house.user("ann")).principal, Origin("ssh", "192.0.2.7")
    await house.accounts.add_ssh_key(ann, KEY)
    data = base64.b64decode(KEY.split()[1])
    throttle, attempt = Throttle(house.store, LIMITS, house.clock, patience_s=0.1), Attempt.to_sign_in(ann.user_id, origin)
    for _ in range(5):
        await throttle.admit(attempt)
    assert await house.accounts.key_holder("nick ann", data)
    await house.accounts.sign_in_with_key("nick ann", data, origin=origin)
    with pytest.raises(TooManyAttempts):
        await throttle.admit(attempt)
    for _ in range(5):
        await house.store.write(lambda uow: throttle.failed(uow, attempt))
    assert await house.accounts.key_holder("nick ann", data)


async def test_waiting_has_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    throttle, attempt = Throttle(house.store, LIMITS, house.clock, patience_s=0.3), Attempt("", "address:x")
    for _ in range(5):
        await throttle.admit(attempt)
    monkeypatch.setattr(lines, "IN_A_LINE", 3)
    for error in await asyncio.gather(*(throttle.admit(attempt) for _ in range(6)), return_exceptions=True):
        assert isinstance(error, TooManyAttempts) and error.fields == {"retry_after_s": 5}
    assert len(throttle._lines) == 0
    assert (await counter_of(house, "address:x")).attempts == 5, "nothing was tried"


async def test_who_waits_goes_on_when_another_process_has_settled(house: House) -> None:
    one, other = (Throttle(house.store, LIMITS, house.clock) for _ in range(2))
    attempt = Attempt("", "address:x")
    for _ in range(5):
        await one.admit(attempt)
    waiting = asyncio.create_task(other.admit(attempt))
    while not len(other._lines):  # noqa: ASYNC110
        await asyncio.sleep(0)
    await house.store.write(lambda uow: one.succeeded(uow, attempt))
    await asyncio.wait_for(waiting, 30)


async def test_an_own_account_does_not_wash_an_address_clean(house: House) -> None:
    await house.user("eve")
    for index in range(4):
        with pytest.raises(SignInRefused):
            await house.sign_in(f"victim{index}", address="192.0.2.7")
        await house.sign_in("eve", address="192.0.2.7")
    with pytest.raises(SignInRefused):
        await house.sign_in("victim9", address="192.0.2.7")
    with pytest.raises(TooManyAttempts):
        await house.sign_in("eve", address="192.0.2.7")


async def test_a_clock_set_back_does_not_lock_for_years(house: House, time: Time) -> None:
    await house.user("ann")
    time.pass_(10**8)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await house.sign_in("ann", "wrong password 1")
    time.wall -= 10**8
    with pytest.raises(TooManyAttempts) as caught:
        await house.sign_in("ann")
    assert caught.value.fields["retry_after_s"] <= 15 * 60
    time.pass_(15 * 60)
    await house.sign_in("ann")


async def test_a_disabled_account_is_named_only_to_who_knows_its_password(house: House) -> None:
    await house.user("ann")
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    with pytest.raises(SignInRefused):
        await house.sign_in("ann", "wrong password 1")
    with pytest.raises(AccountDisabled):
        await house.sign_in("ann")


async def test_typing_the_password_again_is_guarded(house: House, time: Time) -> None:
    ann = (await house.user("ann")).principal
    for _ in range(5):
        with pytest.raises(Exception, match="wrong"):
            await house.accounts.confirm_password(ann, "wrong password 1")
    with pytest.raises(TooManyAttempts):
        await house.accounts.confirm_password(ann, PASSWORD)
    with pytest.raises(TooManyAttempts):
        await house.accounts.change_password(ann, PASSWORD, NEW_PASSWORD)
    with pytest.raises(TooManyAttempts):
        await house.accounts.change_email(ann, PASSWORD, "new@example.org")
    await house.sign_in("ann")
    time.pass_(15 * 60)
    await house.accounts.confirm_password(ann, PASSWORD)


async def test_registrations_from_one_address_are_five_a_minute(house: House, time: Time) -> None:
    await house.user("root", admin=True)
    origin = Origin("ssh", "192.0.2.7")
    for minute in range(2):
        for index in range(5):
            await house.accounts.register(f"u{minute}{index}@example.org", f"user {minute}{index}", PASSWORD, origin=origin)
        with pytest.raises(TooManyAttempts) as caught:
            await house.accounts.register("u9@example.org", "user 9", PASSWORD, origin=origin)
        assert caught.value.fields["retry_after_s"] <= 60
        time.pass_(60)


async def test_counters_are_tidied_away(house: House, time: Time) -> None:
    await house.user("ann")
    with pytest.raises(SignInRefused):
        await house.sign_in("nobody", "wrong password 1")
    time.pass_(2 * 24 * 3600)
    await house.sign_in("ann")
    key = Attempt.to_sign_in("nobody nobody@example.org", LOCAL).account
    assert (await counter_of(house, key)).updated_at == house.clock.now_ms(), "made anew"


async def test_a_try_that_found_no_thread_is_no_guess(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = (await house.user("ann")).principal
    monkeypatch.setattr(passwords_module, "_WAITING_MAX", 0)
    for _ in range(9):
        for call in (house.sign_in("ann", address="192.0.2.7"), house.accounts.confirm_password(ann, PASSWORD)):
            with pytest.raises(TooManyAttempts) as caught:
                await call
            assert caught.value.fields["retry_after_s"] < 60
    monkeypatch.undo()
    await house.sign_in("ann", address="192.0.2.7")
    await house.accounts.confirm_password(ann, PASSWORD)
