"""The scorer for multiple choice: which letter an answer chooses, however much it says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from core.scoring.matching import passed
from core.scoring.text import accepted
from core.scoring.types import Score

_LETTERS: Final = "A-J"
#: Characters of an answer in which the choice is looked for: its beginning and its end.
_PART: Final = 20_000
_EXPECTED = re.compile(rf"[(（\[【]?([{_LETTERS}])[)）\]】.、:：]?", re.IGNORECASE)
#: Words between an announcement and its letter, and what may stand around the letter. A letter ends where no Latin letter goes on.
_OPEN, _END = r"[\s(（\[【“\"'‘$]*", r"(?![A-Za-z0-9'’])"
_ANNOUNCED = re.compile(
    rf"\\boxed\s*\{{\s*(?:\\text\s*\{{\s*)?([{_LETTERS}])\s*\}}"
    rf"|(?i:\b(?:answer|choice|option|choose|chose|select|pick)\b)"
    rf"(?:[ ]*(?i:is|are|would be|should be|:|：|=|option|choice|the)){{0,4}}{_OPEN}([{_LETTERS}]){_END}"
    rf"|(?:答案|选项|应选|故选|选择|正确的?是|选)(?:应该|应当|就|为|是|[:：=\s]){{0,4}}{_OPEN}([{_LETTERS}]){_END}"
)
_FIRST = re.compile(rf"\s*[(（\[【]?([{_LETTERS}])(?:\s*$|[)）\]】.、:：,，]|\s*[-–—]\s|\n)")
#: On its own line, in brackets, or the last thing said.
_ALONE = re.compile(
    rf"(?:^|\n)\s*[(（]?([{_LETTERS}])[)）.。]?\s*(?:$|\n)|[(（]([{_LETTERS}])[)）]|(?<![A-Za-z0-9])([{_LETTERS}])[.。]?\s*$"
)


def is_letter(text: str) -> bool:
    """Whether a text is one letter of a choice: "B", "(c)", "D."."""
    return _EXPECTED.fullmatch(text.strip()) is not None


def chosen(answer: str) -> str | None:
    """The letter that an answer chooses, as a capital; None where it does not say or says several things at once.

    What it announces last counts ("the answer is B", "故选C"), else the letter it begins with, else the last that stands alone.
    """
    text = answer if len(answer) <= 2 * _PART else answer[:_PART] + "\n" + answer[-_PART:]
    text = text.replace("*", "").replace("`", "")
    if len(text.strip()) <= 4 and (whole := _EXPECTED.fullmatch(text.strip())):
        return whole[1].upper()
    if announced := _letters(_ANNOUNCED, text):
        return announced[-1]
    if first := _FIRST.match(text):
        return first[1]
    alone = _letters(_ALONE, text)
    return alone[-1] if alone else None


def _letters(form: re.Pattern[str], text: str) -> list[str]:
    return [next(group for group in found.groups() if group) for found in form.finditer(text)]


def choice(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the answer chooses the expected letter. Details: found (None where no choice could be read)."""
    wanted = {letter[1].upper() for one in accepted(expected, settings) if (letter := _EXPECTED.fullmatch(one.strip()))}
    if not wanted:
        return Score(None, None, "choice", problem="no_expected")
    found = chosen(answer)
    return passed("choice", found in wanted, found=found)
