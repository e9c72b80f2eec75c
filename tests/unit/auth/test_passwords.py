"""The rules of passwords, their strength, and their hashes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.auth.passwords import PASSWORD_MAX, Passwords, check_password, generate_password, problems_of, strength
from core.errors import InvalidInput, TooManyAttempts
from core.settings import AuthSettings

CHEAP = AuthSettings(bcrypt_cost=4)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


@pytest.fixture(autouse=True)
def _closed(passwords: Passwords) -> object:
    yield
    passwords.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hashing")]


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("passw0rd", ()),
        ("密码安全非常重要1", ()),
        ("пароль12", ()),
        ("passw０rd", ()),  # a full-width zero is a digit
        ("pass 1 word", ()),
        ("", ("too_short", "no_letter", "no_digit")),
        ("passw0r", ("too_short",)),
        ("password", ("no_digit",)),
        ("12345678", ("no_letter",)),
        ("１２３４５６７８", ("no_letter",)),
        ("passw0rd\n", ("control_characters",)),
        ("passw0rd\x00", ("control_characters",)),
        ("passw0rd\ud800", ("control_characters",)),
        ("a1" * (PASSWORD_MAX // 2), ()),
        ("a1" * (PASSWORD_MAX // 2) + "x", ("too_long",)),
        ("\ufdfa" * 100 + "1", ("too_long",)),  # one character that NFKC makes eighteen of
    ],
)
def test_the_rules(password: str, problems: tuple[str, ...]) -> None:
    assert problems_of(password) == problems
    assert strength(password).problems == problems
    if problems:
        assert strength(password).level == "weak"
        with pytest.raises(InvalidInput) as caught:
            check_password(password, field="new_password")
        assert (caught.value.field, caught.value.rule) == ("new_password", problems[0])
    else:
        check_password(password)


@pytest.mark.parametrize(
    ("password", "level"),
    [
        *((weak, "weak") for weak in ("password1", "P@ssw0rd1", "qwerty12345", "abcd1234", "aaaaaaa1", "abcabcabc1", "20240101a")),
        *((weak, "weak") for weak in ("zxcvbnm1", "Sunshine1", "iloveyou2024", "woaini1314", "Zhang@1990", "1qaz2wsx", "ann12345678")),
        *((middling, "medium") for middling in ("tr0ub4dor&3", "Jf83kd02ls", "lakeview5boat")),
        *((strong, "strong") for strong in ("xK9#mPq2vL", "g7Kd9sQm2xW4", "quiet lantern under 9 bridges", "中文密码很安全吗1")),
    ],
)
def test_strength(password: str, level: str) -> None:
    assert strength(password, hints=("ann@example.org", "Ann Lee")).level == level


def test_what_is_known_of_the_owner_makes_a_password_weaker() -> None:
    assert strength("kowalczyk1988x").score > strength("kowalczyk1988x", hints=("j.kowalczyk@example.org",)).score


def test_a_score_is_a_share() -> None:
    assert [strength("").score, strength("g7Kd9sQm2xW4zzzTTT#").score] == [0.0, 1.0]


@given(st.text(max_size=100))
def test_strength_copes_with_everything(password: str) -> None:
    found = strength(password, hints=(password,))
    assert 0.0 <= found.score <= 1.0
    assert found.level == "weak" or not found.problems


def test_generated_passwords_keep_the_rules_and_differ() -> None:
    made = {generate_password() for _ in range(200)}
    assert len(made) == 200
    assert all(problems_of(password) == () and strength(password).level == "strong" for password in made)
    assert not set("".join(made)) & set("0O1lI")


def test_chance_makes_no_poor_password(monkeypatch: pytest.MonkeyPatch) -> None:
    poor, good = "qeqEvykj77779nML", "tV4mXqK8zRw3HnYc"
    assert strength(poor).level == "medium" and not problems_of(poor)
    dice = iter("a" * 16 + poor + good)
    monkeypatch.setattr("core.auth.passwords.secrets.choice", lambda _alphabet: next(dice))
    assert generate_password() == good


async def test_a_hash_is_verified_and_holds_all_of_a_long_password(passwords: Passwords) -> None:
    long = "密码" * 60 + "1a"  # bcrypt alone looks at 72 bytes, 24 of these characters
    known = await passwords.hash(long)
    assert known.startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert (await passwords.verify(long, known)).right
    assert not (await passwords.verify(long[:-1] + "b", known)).right
    assert not (await passwords.verify(long, None)).right


async def test_the_same_password_from_another_keyboard(passwords: Passwords) -> None:
    known = await passwords.hash("caf\u00e9 number 1")
    assert (await passwords.verify("cafe\u0301 number 1", known)).right


@pytest.mark.parametrize("password", ["", "x" * 5000, "\ud800", "pass\x00word1", "\ufdfa" * PASSWORD_MAX])
async def test_what_can_be_no_password_is_wrong_and_takes_the_same_work(passwords: Passwords, password: str) -> None:
    known = await passwords.hash("-")  # what is hashed in its place
    before = passwords.verified
    assert not (await passwords.verify(password, known)).right
    assert passwords.verified == before + 1


async def test_an_unknown_account_takes_a_hash_of_the_cost_in_force() -> None:
    for cost in (4, 5):
        passwords = Passwords(AuthSettings(bcrypt_cost=cost))
        try:
            assert not (await passwords.verify("passw0rd", None)).right
            assert f",r={cost}$" in passwords._dummy
            dummies = {passwords._dummy for _ in range(3)}
            assert len(dummies) == 1, "made once"
        finally:
            passwords.close()


async def test_an_old_cost_is_brought_up_to_date(passwords: Passwords) -> None:
    dearer = Passwords(AuthSettings(bcrypt_cost=5))
    try:
        known = await passwords.hash("passw0rd")
        assert (await passwords.verify("passw0rd", known)).new_hash is None
        verdict = await dearer.verify("passw0rd", known)
        assert verdict.right
        assert verdict.new_hash is not None
        assert ",r=5$" in verdict.new_hash
        assert (await dearer.verify("passw0rd", verdict.new_hash)).new_hash is None
        assert (await dearer.verify("wrong1234", known)).new_hash is None
        assert verdict.new_hash not in repr(verdict)
    finally:
        dearer.close()


async def test_hashing_leaves_the_loop_free_and_its_queue_is_bounded(passwords: Passwords) -> None:
    known = await passwords.hash("passw0rd")
    tries = [asyncio.create_task(passwords.verify("passw0rd", known)) for _ in range(400)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    refused = [result for result in results if isinstance(result, TooManyAttempts)]
    assert len(refused) == 400 - 256
    assert all(error.fields["retry_after_s"] > 0 for error in refused)
    assert (await passwords.verify("passw0rd", known)).right, "the queue is free again"


async def test_a_caller_that_goes_away_leaves_the_queue_right() -> None:
    passwords = Passwords(replace(CHEAP, hashing_threads=1))  # so that what is asked last ends last
    known = await passwords.hash("passw0rd")
    tries = [asyncio.create_task(passwords.verify("passw0rd", known)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tries:
        task.cancel()
    await asyncio.gather(*tries, return_exceptions=True)
    assert (await passwords.verify("passw0rd", known)).right
    assert passwords._waiting == 0
    passwords.close()


FIRST_AT_ONCE = """
import asyncio
import subprocess
import sys
from core.auth.passwords import Passwords
from core.settings import AuthSettings

async def main():
    passwords = Passwords(AuthSettings(bcrypt_cost=4, hashing_threads=8))
    results = await asyncio.gather(*(passwords.verify("passw0rd", None) for _ in range(16)))
    print(len(results))
    passwords.close()

asyncio.run(main())
"""


def test_the_first_passwords_of_a_process_may_come_at_once() -> None:
    """passlib's lazy import fails when two threads begin it together."""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_AT_ONCE],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "16\n", "")
