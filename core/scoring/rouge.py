"""ROUGE-L: the longest common subsequence of words, or of characters where words are not set apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from core.scoring.text import UNSPACED, accepted
from core.scoring.types import Score

#: The longest text in characters, and how many tokens two texts may have that are equally long: the time grows with the square.
LONGEST: Final = 500_000
MOST_TOKENS: Final = 20_000
_ENGLISH = re.compile(r"[a-z0-9]+")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")
#: Each character of a script without spaces is a token; elsewhere letters and digits together (with their combining marks) are one.
_TOKEN = re.compile(rf"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern})[^\W_])(?:(?!{UNSPACED.pattern})[^\W_]|[\u0300-\u036f\u093e-\u094d])*")


def tokens(text: str, cut: str) -> list[str]:
    """The tokens of a text in lower case. `cut`: latin (what rouge-score does: a-z and 0-9, all else parts words) or words (letters and
    digits of any script, characters where words are not set apart by spaces).
    """
    return (_ENGLISH if cut == "latin" else _TOKEN).findall(text.lower())


def cut_for(expected: str) -> str:
    """How texts are cut that are compared with this one: as rouge-score does where nine of ten letters are Latin, or there are none."""
    return "latin" if expected.isascii() or len(_LATIN.findall(expected)) * 10 >= len(_LETTER.findall(expected)) * 9 else "words"


def rouge_l(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """ROUGE-L of the best of the accepted texts: F measure, or `measure` precision or recall. Details: precision, recall, f."""
    references = accepted(expected, settings)
    if not references:
        return Score(None, None, "rouge_l", problem="no_expected")
    longest = max(len(answer), *map(len, references))
    try:
        if longest > LONGEST:
            raise TooManyTokens
        best = max((measures(answer, one, settings["tokens"]) for one in references), key=lambda found: found["f"])
    except TooManyTokens:
        return Score(None, None, "rouge_l", {"limit": MOST_TOKENS, "characters": longest}, "too_long")
    value = best[settings["measure"]]
    passes = None if settings["pass_at"] is None else value >= settings["pass_at"]
    return Score(value, passes, "rouge_l", dict(best))


class TooManyTokens(ValueError):
    """The texts are too long to be compared."""


def measures(answer: str, expected: str, cut: str = "auto") -> dict[str, float]:
    """Precision, recall and their harmonic mean `f`. `cut`: as for `tokens`; auto lets `cut_for` say.

    Raises TooManyTokens.
    """
    from rapidfuzz.distance import LCSseq

    if cut == "auto":
        cut = cut_for(expected)
    found, wanted = tokens(answer, cut), tokens(expected, cut)
    if not found or not wanted:
        return {"precision": 0.0, "recall": 0.0, "f": 0.0}
    if len(found) * len(wanted) > MOST_TOKENS**2:
        raise TooManyTokens
    common = LCSseq.similarity(wanted, found)
    precision, recall = common / len(found), common / len(wanted)
    f = 2 * precision * recall / (precision + recall) if common else 0.0
    return {"precision": precision, "recall": recall, "f": f}
