"""Numbers in text, exactly: thousands separators, percent, fractions, powers of ten, number words of size, Chinese numerals."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.scoring.chinese_numbers import CHINESE, chinese_value

#: The most digits of a number and the largest power of ten that are taken for one: beyond, text is data and not a value.
_DIGITS, _POWER = 400, 400
#: What sets groups of three digits apart, next to the comma. A plain space does so from two groups on ("1 234 567"; not "3 100").
_SPACE = "\u00a0\u2009\u202f'’_"


@dataclass(frozen=True, slots=True)
class Number:
    """A number found. `value` has the percent taken in (12 % is 0.12). `marked`: the text says that this is the answer."""

    value: Fraction
    percent: bool
    start: int
    end: int
    marked: bool = False


_GROUPED = rf"\d{{1,3}}(?:,\d{{3}})++(?!\d)|\d{{1,3}}(?:[{_SPACE}]\d{{3}})++(?!\d)|\d{{1,3}}(?:[ ]\d{{3}}){{2,}}+(?!\d)"
_PLAIN = r"\d++"
#: Sign: not where it joins two numbers or words (10-5, GPT-4, 2024-11-21).
_SIGN = r"(?<![A-Za-z0-9_.)\]%])[-+−－](?=[ ]?(?:[$€£¥][ ]?)?[.\d])[ ]?"
_POWER_OF_TEN = r"(?:[eE][-+−]?\d{1,4}(?!\w)|[ ]?[×x*·][ ]?10(?:\^\{?[-+−]?\d{1,4}\}?|\*\*[-+−]?\d{1,4}))"
_SIZES: Final = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "千": 10**3, "万": 10**4, "萬": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "億": 10**8, "万亿": 10**12,
}  # fmt: skip
_SIZE = "|".join(sorted(_SIZES, key=len, reverse=True))
_ARABIC = re.compile(
    rf"(?P<sign>{_SIGN})?(?:[$€£¥][ ]?)?(?<![A-Za-z_\d.])(?<![A-Za-z]-)"
    rf"(?:(?P<whole>{_GROUPED}|{_PLAIN})(?P<decimals>\.\d++)?|(?P<bare>\.\d++))"
    rf"(?P<power>{_POWER_OF_TEN})?+(?![eE][-+−]?\d)"
    rf"(?:(?P<slash>[ ]?[/⁄][ ]?)(?P<below>\d+)(?![\d/⁄.]))?"
    rf"(?:[ ]?(?P<size>{_SIZE})(?![a-z])(?<!千(?=[克米瓦卡赫帕])))?"
    rf"(?P<percent>[ ]?(?:\\?%|％|percent\b|per cent\b|个百分点))?",
    re.IGNORECASE,
)
_MIXED = re.compile(r"(?<![\w.,/-])(?P<sign>[-−])?(?P<whole>\d{1,9})[ ]+(?P<above>\d{1,9})/(?P<below>\d{1,9})(?![\d/.])")
_LATEX = re.compile(r"(?P<sign>[-−][ ]?)?\\[dt]?frac[ ]?\{[ ]?(?P<above>-?\d{1,100})[ ]?\}[ ]?\{[ ]?(?P<below>\d{1,100})[ ]?\}")
_WIDE, _VULGAR = re.compile("[\uff01-\uff5e]+"), re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
_LOOKS = re.compile(r"\*\*|__(?=\S)|\\[,!;]|\{,\}")
_DATE = re.compile(r"(?<![\d/])\d{1,4}/\d{1,2}/\d{1,4}(?![\d/])")
_DECIMAL_COMMA = re.compile(r"(?<![\d,.])(\d+|\d{1,3}(?:[.\s]\d{3})+),(\d+)(?![\d,])")
#: What announces the final answer; what follows (or stands in the braces) is looked at first.
_MARKS = re.compile(
    r"\\boxed\s*\{|####\s*|\b(?:final\s+)?(?:answer|result|total)\b[^\d\n]{0,20}?(?:\bis\b|[:：=])"
    r"|(?:最终|正确)?(?:答案|结果|答)\s*(?:就?是|为|等于|[:：=])+",
    re.IGNORECASE,
)


def numbers_in(text: str, *, decimal_comma: bool = False) -> list[Number]:
    """All numbers of a text in their order. Chinese numerals count where the text writes no number in digits, and after a mark."""
    text = plain_text(text)
    if decimal_comma:
        text = _DECIMAL_COMMA.sub(lambda found: re.sub(r"[.\s]", "", found[1]) + "." + found[2], text)
    found = sorted(_digits(text), key=lambda number: number.start)
    marks = [mark.end() for mark in _MARKS.finditer(text)]
    if not found or marks:
        found = sorted([*found, *_numerals(text, () if not found else marks, found)], key=lambda number: number.start)
    return _with_marks(found, marks, text)


def final_number(numbers: list[Number]) -> Number | None:
    """The one that is meant as the answer: the last that the text announces, else the last."""
    marked = [number for number in numbers if number.marked]
    return marked[-1] if marked else numbers[-1] if numbers else None


def plain_text(text: str) -> str:
    """Full-width forms and ½ as ASCII, without the marks of emphasis and LaTeX's thin spaces; one character may become several."""
    if not text.isascii():
        text = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
        text = _VULGAR.sub(lambda found: " " + unicodedata.normalize("NFKC", found[0]).replace("⁄", "/"), text)
    return _LOOKS.sub(lambda found: "," if found[0] == "{,}" else "", text)


def _digits(text: str) -> Iterator[Number]:
    """Numbers written in digits; what one form has read is blanked for the next, dates for all."""
    text = _DATE.sub(_blank, text)
    for form in (_LATEX, _MIXED):
        for found in form.finditer(text):
            if int(found["below"]):
                value = (int(found["whole"]) if form is _MIXED else 0) + Fraction(int(found["above"]), int(found["below"]))
                yield Number(-value if found["sign"] else value, False, *found.span())
        text = form.sub(_blank, text)
    for found in _ARABIC.finditer(text):
        if (exact := _value(found)) is not None:
            yield Number(exact, found["percent"] is not None, *found.span())


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _value(found: re.Match[str]) -> Fraction | None:
    whole = re.sub(rf"[, {_SPACE}]", "", found["whole"] or "0")
    decimals = (found["decimals"] or found["bare"] or ".")[1:]
    if len(whole) + len(decimals) > _DIGITS or len(found["below"] or "") > _DIGITS:
        return None
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    if found["power"]:
        power = int(re.sub(r"^.*?(?:[eE]|10\^\{?|10\*\*)", "", found["power"]).rstrip("}").replace("−", "-"))
        if abs(power) > _POWER:
            return None
        value *= Fraction(10) ** power
    if found["below"]:
        if not int(found["below"]):
            return None
        value /= int(found["below"])
    if found["size"]:
        value *= _SIZES[found["size"].lower()]
    if found["percent"]:
        value /= 100
    return -value if found["sign"] and found["sign"].strip() in "-−－" else value


def _numerals(text: str, marks: list[int] | tuple[int, ...], digits: list[Number]) -> Iterator[Number]:
    """Chinese numerals: everywhere, or only right after the marks, outside of what was read as digits."""
    starts = [number.start for number in digits]
    for found in CHINESE.finditer(text):
        at = bisect_right(marks, found.start())
        if marks and not (at and found.start() - marks[at - 1] <= 6):
            continue
        before = bisect_right(starts, found.end() - 1)
        if before and digits[before - 1].end > found.start():
            continue
        value = chinese_value(found)
        if value is not None:
            yield Number(value, found["percent"] is not None, *found.span())


def _with_marks(numbers: list[Number], marks: list[int], text: str) -> list[Number]:
    """The first number after each mark, in the same line, is the one announced."""
    announced = set()
    at = 0
    for mark in marks:
        while at < len(numbers) and numbers[at].start < mark:
            at += 1
        if at < len(numbers) and numbers[at].start - mark <= 200 and "\n\n" not in text[mark : numbers[at].start]:
            announced.add(at)
    return [Number(number.value, number.percent, number.start, number.end, marked=at in announced) for at, number in enumerate(numbers)]
