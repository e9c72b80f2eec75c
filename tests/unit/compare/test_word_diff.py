"""The word diff: nothing lost, the right words marked, in time that grows with the texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.word_diff import WordDiff, word_diff


def shown(left: str, right: str) -> list[str | tuple[str, str]]:
    """Same pieces as text, changed ones as (left, right)."""
    diff = word_diff(left, right)
    assert_whole(diff, left, right)
    return [
        left[p.left_start : p.left_end]
        if p.kind == "same"
        else (left[p.left_start : p.left_end], right[p.right_start : p.right_end])
        for p in diff.pieces
    ]  # fmt: skip


def assert_whole(diff: WordDiff, left: str, right: str) -> None:
    """The pieces cover both texts without gaps, same and changed by turns, and what is called the same is."""
    a = b = 0
    before = ""
    for piece in diff.pieces:
        assert (piece.left_start, piece.right_start) == (a, b)
        assert piece.kind != before
        assert piece.left_end > a or piece.right_end > b
        if piece.kind == "same":
            assert left[a : piece.left_end] == right[b : piece.right_end]
        a, b, before = piece.left_end, piece.right_end, piece.kind
    assert (a, b) == (len(left), len(right))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", []),
        ("the same", "the same", ["the same"]),
        ("", "new", [("", "new")]),
        ("old", "", [("old", "")]),
        ("The quick brown fox jumps", "The slow brown fox jumps", ["The ", ("quick", "slow"), " brown fox jumps"]),
        ("learning rate 0.01 is fine", "learning rate 0.05 is fine", ["learning rate 0.", ("01", "05"), " is fine"]),
        ("机器学习是一个分支", "机器学习只是一个分支", ["机器学习", ("", "只"), "是一个分支"]),
        ("用GPU训练模型", "用CPU训练模型", ["用", ("GPU", "CPU"), "训练模型"]),
        ("one two", "three four", [("one two", "three four")]),
    ],
)
def test_words_that_differ_are_marked(left: str, right: str, expected: list[str | tuple[str, str]]) -> None:
    assert shown(left, right) == expected


def test_blanks_and_chance_letters_between_changes_are_no_islands() -> None:
    assert shown("alpha beta, gamma", "one two, three") == [("alpha beta, gamma", "one two, three")]
    left, right = "苹果香蕉葡萄的橘子柠檬西瓜", "汽车飞机轮船的火车地铁单车"
    assert shown(left, right) == [(left, right)]


def test_changes_on_each_side() -> None:
    diff = word_diff("a b c d", "a x c d e")
    assert diff.changed_left() == ((2, 3),)
    assert diff.changed_right() == ((2, 3), (7, 9))
    assert 0.5 < diff.alike < 1.0
    assert word_diff("same", "same").alike == word_diff("", "").alike == 1.0
    assert word_diff("a", "b").alike == 0.0


@given(st.text(alphabet="ab 机器\n,.", max_size=60), st.text(alphabet="ab 机器\n,.", max_size=60))
def test_nothing_is_lost(left: str, right: str) -> None:
    diff = word_diff(left, right)
    assert_whole(diff, left, right)
    assert 0.0 <= diff.alike <= 1.0


@given(st.text(max_size=50))
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert word_diff(text, text).changed_left() == ()


def _texts(kind: str) -> tuple[str, str]:
    draw = random.Random(4)
    han = [chr(0x4E00 + number) for number in range(2500)]
    if kind == "edited":
        before = draw.choices(han, k=199_000)
        after = list(before)
        for _ in range(500):
            after[draw.randrange(len(after))] = "改"
        return "".join(before), "".join(after)
    if kind == "unrelated":
        return "".join(draw.choices(han, k=200_000)), "".join(draw.choices(han, k=200_000))
    return {"periodic": ("ab " * 66_000, "ba " * 66_000), "one letter": ("的" * 200_000, "的" * 199_999 + "地")}[kind]


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("edited", 0.99, 1.0), ("unrelated", 0.0, 0.1), ("periodic", 0, 1), ("one letter", 0.99, 1)]
)
def test_two_hundred_thousand_characters_are_compared(kind: str, least: float, most: float) -> None:
    """A method that takes the square of the length would be at it for hours."""
    left, right = _texts(kind)
    diff = word_diff(left, right)
    assert_whole(diff, left, right)
    assert least <= diff.alike <= most
    assert not diff.cut


def test_what_is_longer_than_the_limit_is_not_compared_and_said_so() -> None:
    diff = word_diff("word " * 100, "word " * 90, limit=100)
    assert diff.cut
    assert diff.pieces[-1].left_end == diff.pieces[-1].right_end == 100
