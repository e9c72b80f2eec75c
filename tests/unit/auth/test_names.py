"""E-mail addresses and nicknames: what is taken, what is refused and why, and what counts as the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.auth.names import check_email, check_nickname, count_characters, fold_email, nickname_key
from core.errors import InvalidInput
from core.sanitise import sanitise


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann.Lee+lab@Example.ORG ", "ann.lee+lab@example.org"),
        ("o'brien@a-b.co.uk", "o'brien@a-b.co.uk"),
        ("安娜@例子.中国", "安娜@例子.中国"),
        ("ａｎｎ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ann@example.org"),  # full width, as Chinese keyboards give it
        ("x@xn--fiqs8s.xn--fiqs8s", "x@xn--fiqs8s.xn--fiqs8s"),
        ("_@a.b2", "_@a.b2"),
    ],
)
def test_an_email_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert check_email(typed) == stored
    assert fold_email(typed) == stored


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("", "required"),
        ("   ", "required"),
        ("ann", "not_an_email"),
        ("ann@", "not_an_email"),
        ("@example.org", "not_an_email"),
        ("ann@host", "not_an_email"),
        ("a b@example.org", "not_an_email"),
        ("ann@exa mple.org", "not_an_email"),
        (".ann@example.org", "not_an_email"),
        ("ann.@example.org", "not_an_email"),
        ("a..n@example.org", "not_an_email"),
        ("ann@-example.org", "not_an_email"),
        ("ann@example-.org", "not_an_email"),
        ("ann@example..org", "not_an_email"),
        ("ann@example.org.", "not_an_email"),
        ("ann@127.0.0.1", "not_an_email"),
        ("ann@[127.0.0.1]", "not_an_email"),
        ('"ann"@example.org', "not_an_email"),
        ("ann@bob@example.org", "not_an_email"),
        ("ann\x1b[31m@example.org", "not_an_email"),
        ("ann\u202e@example.org", "not_an_email"),
        ("ann\n@example.org", "not_an_email"),
        ("\ud800@example.org", "not_an_email"),
        ("a" * 65 + "@example.org", "not_an_email"),
        ("ann@" + "b" * 64 + ".org", "not_an_email"),
        ("ann@" + "b." * 130 + "org", "too_long"),
    ],
)
def test_what_is_no_email_is_refused(typed: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_email(typed)
    assert (caught.value.field, caught.value.rule) == ("email", rule)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann", "ann"),
        ("  Ann   Lee ", "Ann Lee"),
        ("安娜", "安娜"),
        ("Ольга", "Ольга"),
        ("علی‌رضا", "علی‌رضا"),  # a zero-width non-joiner belongs into this name
        ("क्षितिज", "क्षितिज"),
        ("e\u0301mile", "\u00e9mile"),
        ("👩‍💻 ann", "👩‍💻 ann"),
        ("🇨🇳🇫🇷", "🇨🇳🇫🇷"),
        ("x" * 50, "x" * 50),
        ("👨‍👩‍👧‍👦" * 25, "👨‍👩‍👧‍👦" * 25),
    ],
)
def test_a_nickname_is_kept_as_typed(typed: str, stored: str) -> None:
    assert check_nickname(typed) == stored


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("", "required"),
        (" \u3000 ", "required"),
        ("a", "too_short"),
        ("👩‍💻", "too_short"),
        ("x" * 51, "too_long"),
        ("é" * 51, "too_long"),
        ("x" * 100_000, "too_long"),
        ("a\u0301" + "b" * 50, "too_long"),
        ("ann\nlee", "control_characters"),
        ("ann\tlee", "control_characters"),
        ("ann\x1b[31m", "control_characters"),
        ("ann\u202elee", "control_characters"),
        ("ann\u200blee", "control_characters"),
        ("ann\u200dlee", "control_characters"),  # joins nothing between Latin letters
        ("\u200d安娜", "control_characters"),
        ("ann\u2028lee", "control_characters"),
        ("ann\ufeff", "control_characters"),
        ("ann\U000e0041", "control_characters"),
        ("\ud83d\ude00x", "control_characters"),
        ("ann\ue000", "control_characters"),
        ("\u3164\u3164", "control_characters"),
        ("\u2800\u2800", "control_characters"),
        ("a" + "\u0301" * 30, "control_characters"),
        ("\u0301ann", "control_characters"),
        ("--", "no_letter"),
        ("ann@example.org", "looks_like_email"),
        ("ANN＠example．org", "looks_like_email"),
        ("Register", "taken"),
        ("ｒｅｇｉｓｔｅｒ", "taken"),
    ],
)
def test_what_is_no_nickname_is_refused(typed: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_nickname(typed)
    assert (caught.value.field, caught.value.rule) == ("nickname", rule)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "ann"),
        ("ＡＮＮ", "ann"),
        ("straße", "STRASSE"),
        ("é1", "e\u03011"),
        ("علی‌رضا", "علیرضا"),
        ("❤️x", "❤x"),
        ("a  b", "a b"),
        ("ﬁn", "fin"),
    ],
)
def test_nicknames_that_people_confuse_have_one_key(one: str, other: str) -> None:
    assert nickname_key(one) == nickname_key(other)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(("", 0), ("abc", 3), ("安娜", 2), ("e\u0301", 1), ("क्षि", 2), ("👨‍👩‍👧‍👦", 1), ("🇨🇳", 1), ("🇨🇳🇫🇷", 2), ("👍🏽", 1)),
        *(("한국", 2), ("\u1112\u1161\u11ab", 1), ("\u1112\u1161\u11ab\u1100\u116e\u11a8", 2), ("\ud55c\u11ab", 1), ("❤️", 1), ("ก็", 1)),
    ],
)
def test_characters_are_counted_as_people_see_them(text: str, count: int) -> None:
    assert count_characters(text) == count


@given(st.text(max_size=80))
def test_a_nickname_that_is_taken_is_safe_to_show_and_stays_the_same(text: str) -> None:
    try:
        nickname = check_nickname(text)
    except InvalidInput:
        return
    assert sanitise(nickname) == nickname
    assert check_nickname(nickname) == nickname
    assert "\n" not in nickname
    assert len(nickname) <= 200
    assert len(nickname_key(nickname)) <= 600
    assert nickname_key(nickname) == nickname_key(unicodedata.normalize("NFD", nickname))
    assert nickname_key(nickname)


@given(st.text(max_size=300))
def test_an_email_that_is_taken_stays_the_same(text: str) -> None:
    try:
        email = check_email(text)
    except InvalidInput:
        return
    assert check_email(email) == email
    assert email == email.strip()
    assert sanitise(email) == email
