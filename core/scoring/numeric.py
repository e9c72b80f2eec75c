"""The scorer for numbers with a tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from core.scoring.matching import passed
from core.scoring.numbers import Number, final_number, numbers_in, plain_text
from core.scoring.options import tolerance
from core.scoring.text import accepted
from core.scoring.types import Score

#: Characters of an answer in which numbers are looked for: its end, or its beginning for "first".
LONGEST: Final = 100_000
#: What decimals lose when they are written down: 0.3333 is 1/3 only with a tolerance, but 0.30000000000000004 is 0.3.
_NOISE = Fraction(1, 10**12)


def numeric(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the number of the answer is as far from the expected one as `tolerance` allows, or less. Details: found, expected,
    difference (all as text or numbers; None where there is no number).

    `which`: final (announced by the text, else its last), first, last, or any number of the answer.
    """
    wanted = [number for one in accepted(expected, settings) if (number := _expected(one, settings)) is not None]
    if not wanted:
        return Score(None, None, "numeric", problem="no_expected")
    if len(answer) > LONGEST and settings["which"] == "any":
        return Score(None, None, "numeric", {"limit": LONGEST, "characters": len(answer)}, "too_long")
    part = answer[:LONGEST] if settings["which"] == "first" else answer[-LONGEST:]
    candidates = _candidates(numbers_in(part, decimal_comma=settings["decimal_comma"]), settings["which"])
    if not candidates:
        return passed("numeric", False, found=None, expected=plain(wanted[0].value), difference=None)
    allowed = tolerance(settings["tolerance"]) or (0.0, False)
    relative = Fraction(settings["relative_tolerance"])
    best = min(
        ((abs(value - one.value), value, one) for one in wanted for number in candidates for value in _meant(number, one, settings)),
        key=lambda triple: triple[0] - _room(triple[2], allowed, relative),
    )
    difference, value, one = best
    ok = difference <= _room(one, allowed, relative) + _noise(value, one.value)
    return passed("numeric", ok, found=plain(value), expected=plain(one.value), difference=plain(difference))


def _expected(text: str, settings: Mapping[str, Any]) -> Number | None:
    return final_number(numbers_in(text, decimal_comma=settings["decimal_comma"]))


def _candidates(numbers: list[Number], which: str) -> list[Number]:
    if which == "any":
        return numbers
    if which == "first":
        return numbers[:1]
    if which == "last":
        return numbers[-1:]
    final = final_number(numbers)
    return [] if final is None else [final]


def _meant(found: Number, wanted: Number, settings: Mapping[str, Any]) -> list[Fraction]:
    """The values that a number may stand for: where only one side writes the percent sign, the other may have left it out."""
    values = [found.value]
    if settings["percent"] == "either" and found.percent != wanted.percent:
        values.append(found.value / 100 if wanted.percent else found.value * 100)
    return values


def _room(wanted: Number, allowed: tuple[float, bool], relative: Fraction) -> Fraction:
    size, is_relative = allowed
    own = Fraction(size) * (abs(wanted.value) if is_relative else 1)
    if wanted.percent and not is_relative:
        own /= 100
    return max(own, relative * abs(wanted.value))


def _noise(found: Fraction, wanted: Fraction) -> Fraction:
    whole = found.denominator == wanted.denominator == 1
    return Fraction() if whole else _NOISE * abs(wanted)


def plain(value: Fraction) -> float | int | str:
    """A value that JSON can hold: an integer, a float, or the text of what no float can be."""
    if value.denominator == 1:
        return value.numerator if abs(value.numerator) < 2**53 else str(value.numerator)
    try:
        return float(value)
    except OverflowError:
        return str(value)


def is_number(text: str) -> bool:
    """Whether a text is one number and little else: "42", "1,000 km", "一百二十三", "3/4". At most one word of unit follows."""
    text = plain_text(text)
    numbers = numbers_in(text) if len(text) <= 60 else []
    if len(numbers) != 1:
        return False
    rest = text[: numbers[0].start] + " " + text[numbers[0].end :]
    return len(rest.split()) <= 1 and len(rest.strip()) <= 4
