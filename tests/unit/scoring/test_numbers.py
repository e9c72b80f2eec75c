"""Numbers in text, and the scorer that compares them."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.scoring.numbers import final_number, numbers_in
from core.scoring.scorers import score
from core.scoring.types import Scored


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("42", [42]),
        ("-5 and −5 and +5", [-5, -5, 5]),
        ("1,234,567.89", [Fraction("1234567.89")]),
        ("1, 2, 3", [1, 2, 3]),
        ("1,2,3", [1, 2, 3]),
        ("12\u202f345 and 12\u00a0345", [12345, 12345]),
        ("1 234 567", [1234567]),
        ("3 100-dollar notes", [3, 100]),
        ("10'000", [10000]),
        ("3.5e3 and 2E-2", [3500, Fraction("0.02")]),
        ("1.5×10^3, 2 x 10^{-2}", [1500, Fraction("0.02")]),
        ("12%, 12 % and 12 percent", [Fraction("0.12")] * 3),
        ("０.５％", [Fraction("0.005")]),
        ("3/4 and 1 1/2 and ½ and 1½", [Fraction(3, 4), Fraction(3, 2), Fraction(1, 2), Fraction(3, 2)]),
        ("\\frac{3}{4} and -\\dfrac{1}{2}", [Fraction(3, 4), Fraction(-1, 2)]),
        ("3.5 million, 2 thousand", [3_500_000, 2000]),
        ("3.5万, 100万亿, 5千克, 5千", [35_000, 10**14, 5, 5000]),
        ("$1,234.50, -$5, ¥100", [Fraction("1234.5"), -5, 100]),
        ("x=5, y = .5", [5, Fraction("0.5")]),
        ("10-5", [10, 5]),
        ("3+4=7", [3, 4, 7]),
        ("GPT-4, v2.0, H2O", []),
        ("3/4/2024", []),
        ("1/0", []),
        ("1e999999999", []),
        ("9" * 401, []),
        ("**1,000**", [1000]),
        ("\\boxed{1{,}000}", [1000]),
        ("3. 4.", [3, 4]),
    ],
)
def test_numbers_in_digits(text: str, values: list[Fraction | int]) -> None:
    assert [number.value for number in numbers_in(text)] == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("一百二十三", [123]),
        ("两千零五", [2005]),
        ("二〇二四", [2024]),
        ("一万二", [12000]),
        ("三千五", [3500]),
        ("一亿两千万", [120_000_000]),
        ("十", [10]),
        ("十二", [12]),
        ("二十", [20]),
        ("壹佰贰拾", [120]),
        ("三点一四", [Fraction("3.14")]),
        ("四分之三", [Fraction(3, 4)]),
        ("百分之五十", [Fraction(1, 2)]),
        ("百分之十二点五", [Fraction("0.125")]),
        ("负五", [-5]),
        ("一共有七个", [7]),
        ("一般来说十分简单", []),
        ("千万不要万一", []),
        ("答案是四十二。", [42]),
        ("第 3 步之后，共有 12 个，是一样的", [3, 12]),
    ],
)
def test_chinese_numerals(text: str, values: list[Fraction | int]) -> None:
    assert [number.value for number in numbers_in(text)] == values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("There are 3 apples. The answer is 42. That took 2 steps.", 42),
        ("3 + 4 makes 7", 7),
        ("#### 72\n(5 lines)", 72),
        ("so \\boxed{9} as 3*3 = 9, in 2 ways", 9),
        ("答案是四十二，用了 3 步", 42),
        ("Final answer: **7** (of 10)", 7),
        ("结果为 12 个，剩 5 个", 12),
        ("none", None),
    ],
)
def test_the_final_number_is_the_one_announced(text: str, value: int | None) -> None:
    found = final_number(numbers_in(text))
    assert (found.value if found else None) == value


@pytest.mark.parametrize(
    ("answer", "expected", "options", "ok"),
    [
        ("about 1,000 km", "1000", {}, True),
        ("0.30000000000000004", "0.3", {}, True),
        ("0.333", "1/3", {}, False),
        ("0.333", "1/3", {"tolerance": 0.001}, True),
        ("98", "100", {"tolerance": "2%"}, True),
        ("97.9", "100", {"tolerance": "2%"}, False),
        ("97.9", "100", {"relative_tolerance": 0.03}, True),
        ("102", "100", {"tolerance": 2}, True),
        ("50%", "0.5", {}, True),
        ("50", "50%", {}, True),
        ("0.5", "50%", {}, True),
        ("50", "50%", {"percent": "strict"}, False),
        ("51%", "50%", {"tolerance": 1}, True),
        ("52%", "50%", {"tolerance": 1}, False),
        ("first 5, then 7", "5", {}, False),
        ("first 5, then 7", "5", {"which": "first"}, True),
        ("first 5, then 7, then 9", "7", {"which": "any"}, True),
        ("3,14", "3,14", {"decimal_comma": True}, True),
        ("1.234,5", "1234.5", {"decimal_comma": True}, True),
        ("一百二十三", "123", {}, True),
        ("123", "一百二十三", {}, True),
        ("12345678901234567891", "12345678901234567890", {}, False),
        ("12345678901234", "12345678901235", {}, False),
        ("41", "42", {"alternatives": ["41"]}, True),
        ("no number", "42", {}, False),
    ],
)
def test_numeric(answer: str, expected: str, options: dict[str, Any], ok: bool) -> None:
    found = score(answer, Scored(expected, "numeric", options))
    assert found.problem is None
    assert found.passed is ok, found


def test_what_is_expected_must_be_a_number() -> None:
    assert score("42", Scored("forty-two", "numeric")).problem == "no_expected"


@given(st.integers(-(10**15), 10**15), st.sampled_from(["{}", "{:,}", "the answer is {}.", "答案是{}", "**{}**", "= {} km"]))
def test_integers_are_found_in_any_dress(value: int, dress: str) -> None:
    found = final_number(numbers_in(dress.format(value)))
    assert found is not None and found.value == value


@given(st.text(alphabet="0123456789.,/-+eE%一二三百千万亿点分之负½ \\frac{}^×", max_size=80))
def test_no_text_breaks_the_reading(text: str) -> None:
    numbers = numbers_in(text)
    assert [number.start for number in numbers] == sorted(number.start for number in numbers)
    assert all(isinstance(number.value, Fraction) for number in numbers)


@pytest.mark.parametrize("unit", ["9", "1,", "1 ", "1/", "½", "一", "十百", "\\frac{1", "1 1/2 ", "answer is ", "1e", "$", "-"])
def test_long_answers_are_read_in_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    began = time.monotonic()
    assert score(text + " the answer is 7", Scored("7", "numeric")).passed
    assert time.monotonic() - began < 30
