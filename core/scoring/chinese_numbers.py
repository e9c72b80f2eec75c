"""Chinese numerals as numbers: 一百二十三, 两千零五, 三点一四, 二〇二四, 四分之三, 百分之五十, 负五, 一万二, 壹佰."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_DIGITS: Final = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    **{character: value for value, character in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    **{character: value for value, character in enumerate("零壹貳參肆伍陸柒捌玖")},
    "两": 2, "兩": 2,
}  # fmt: skip
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_GROUPS: Final = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_ONE = "".join(sorted(set(_DIGITS)))
_ALL = _ONE + "".join(_UNITS) + "".join(_GROUPS)
#: Words that only look like numbers: 一般, 一些, 万一, 十分, 统一, ...
_NOT_BEFORE = "统唯万不同单逐惟专划之"
_NOT_AFTER = "般些样樣起定直下旦切致边邊面旁部贯如经再味向带律心方共"
#: "一" alone means a number at the end of a phrase or before what is counted, not inside words.
_NUMERAL = (
    rf"(?:(?<![{_NOT_BEFORE}])一(?![{_ALL}点點{_NOT_AFTER}])|十(?!分[^之])(?![{_ALL}点點足])|(?![一十](?![{_ALL}点點]))[{_ALL}]{{1,60}})"
)
CHINESE: Final = re.compile(
    rf"(?P<sign>[负負])?(?:(?P<percent>百分之)(?P<hundredth>[{_ALL}]{{1,60}}(?:[点點][{_ONE}]{{1,60}})?)"
    rf"|(?P<below>[{_ALL}]{{1,60}})分之(?P<above>[{_ALL}]{{1,60}})"
    rf"|(?P<whole>{_NUMERAL})(?:[点點](?P<decimals>[{_ONE}]{{1,60}}))?)"
)


def chinese_value(found: re.Match[str]) -> Fraction | None:
    """The value of a match of CHINESE; None where the characters make no number (千万 as "by all means", 十十)."""
    value: Fraction | None
    if found["percent"]:
        whole, _, decimals = re.sub("點", "点", found["hundredth"]).partition("点")
        value = _decimal(whole, decimals)
        value = None if value is None else value / 100
    elif found["below"]:
        below, above = _whole(found["below"]), _whole(found["above"])
        value = Fraction(above, below) if below and above is not None else None
    else:
        value = _decimal(found["whole"], found["decimals"] or "")
    return -value if value is not None and found["sign"] else value


def _decimal(whole: str, decimals: str) -> Fraction | None:
    value = _whole(whole)
    if value is None:
        return None
    tail = "".join(str(_DIGITS[character]) for character in decimals)
    return value + (Fraction(int(tail), 10 ** len(tail)) if tail else Fraction())


def _whole(text: str) -> int | None:
    if all(character in _DIGITS for character in text):
        return int("".join(str(_DIGITS[character]) for character in text))
    total, group, digit, unit = 0, 0, None, 0
    for at, character in enumerate(text):
        if character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
            if digit == 0:
                digit, unit = None, 0
        elif character in _UNITS:
            size = _UNITS[character]
            if digit is None and size != 10:
                return None
            group += (1 if digit is None else digit) * size
            digit, unit = None, size
        else:
            group += digit or 0
            if not group and not total:
                return None
            total = (total + group) * _GROUPS[character] if _GROUPS[character] > 10**4 else total + group * _GROUPS[character]
            group, digit, unit = 0, None, _GROUPS[character]
        if at and character not in _DIGITS and text[at - 1] == character:
            return None
    # 一万二 is 12,000: a digit right after a unit counts in the next smaller one.
    return total + group + (digit or 0) * (unit // 10 if unit > 10 else 1)
