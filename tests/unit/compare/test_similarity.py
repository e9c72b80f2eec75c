"""How alike two questions are, by their characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.similarity import LIMIT, prepared, similar, similarity


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("What is machine learning?", "  what is MACHINE\nlearning "),
        ("什么是机器学习？", "什么是机器学习?"),
        ("什么是 GPU 加速", "什么是GPU加速"),
        ("Ｗｈａｔ　ｉｓ　１＋１", "what is 1+1"),
        ("caf\u00e9", "cafe\u0301"),
        ("", " \n"),
        ("?!", "?!"),
    ],
)
def test_what_people_do_not_see_as_a_difference_is_none(left: str, right: str) -> None:
    assert similarity(left, right) == 1.0


@pytest.mark.parametrize(
    ("left", "right"), [("What is C?", "What is C++?"), ("2+3", "2-3"), ("50%", "50"), ("可以吗", "不可以吗"), ("हिन्दी", "हनद"), ("?", "!")]
)
def test_what_makes_another_question_is_a_difference(left: str, right: str) -> None:
    assert similarity(left, right) < 1.0


def test_it_is_the_share_of_characters_that_stay() -> None:
    # "abcd" to "abxd": one out, one in, of eight.
    assert similarity("abcd", "abxd") == pytest.approx(1 - 2 / 8)
    assert similarity("请问什么是机器学习", "什么是机器学习") == pytest.approx(1 - 2 / 16)
    assert similarity("abc", "xyz") == 0.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_it_is_symmetric_and_within_bounds(left: str, right: str) -> None:
    score = similarity(left, right)
    assert 0.0 <= score <= 1.0
    assert score == similarity(right, left)
    assert similarity(left, left) == 1.0


@given(st.text(max_size=60))
def test_what_is_prepared_is_prepared(text: str) -> None:
    once = prepared(text)
    assert once == once.strip() and "\n" not in once
    assert prepared(once) == once or len(prepared(once)) <= len(once)


def test_similar_ones_are_found_the_most_similar_first() -> None:
    asked = {
        "same": "How do I read a file in Python?",
        "near": "how do I read a file in python3",
        "far": "How do I write a socket in Rust?",
        "none": "",
        "chinese": "如何用 Python 读取文件？",
    }
    among = [(key, prepared(text)) for key, text in asked.items()]
    found = similar("How do I read a file in Python", among)
    assert [(match.key, match.score) for match in found] == [("same", 1.0), ("near", pytest.approx(1 - 1 / 61, abs=0.01))]
    assert [match.key for match in similar("如何用Python读取文件", among)] == ["chinese"]
    assert {match.key for match in similar("How do I", among, at_least=0.0)} == set(asked)
    assert similar("???", among) == ()


def test_of_very_long_questions_the_beginning_is_compared() -> None:
    long = "字" * LIMIT
    assert len(prepared(long * 3)) == LIMIT
    assert similarity(long, long + "尾巴" * 1000) == 1.0
    assert similarity("x" + long, long + "y") > 0.999
