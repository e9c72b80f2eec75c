"""How alike two questions are, by their characters: nothing is known here of what they mean.

similarity = 1 - d / (a + b): d is the least number of characters to take out and put in to make one of the other, a and b are their
lengths (rapidfuzz's normalised Indel similarity). Before, both are made alike in what people do not see as a difference: width and
composition (NFKC), case, and blanks; punctuation counts as a blank. Chinese, Japanese and Korean are compared character by character
like everything else, so word order and every character count. Of texts longer than `LIMIT` characters the first `LIMIT` are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

#: From here on two questions are taken for the same one.
SAME = 0.9
#: Characters of a question that are compared.
LIMIT = 10_000
#: Punctuation of Latin, Chinese and Japanese. Signs that make another question of it stay (C and C++, 2+3 and 2-3, 50% and 50).
_SEPARATORS = re.compile(r"[\s!\"'(),.:;?@\[\\\]_`{}¡§¶·¿«»\u2000-\u2043\u2045-\u206f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe1f]+")

#: Blanks beside Chinese and Japanese writing mean nothing: some people put them between it and Latin words.
_BESIDE_HAN = re.compile("(?<=[{0}]) | (?=[{0}])".format("\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"))


@dataclass(frozen=True, slots=True)
class Match:
    """`key`: what the caller gave with a text; `score`: 0.0 to 1.0."""

    key: str
    score: float


def prepared(question: str) -> str:
    """`question` as it is compared; worth keeping beside it in the database. "" for one of punctuation only."""
    plain = unicodedata.normalize("NFKC", question[: 2 * LIMIT]).casefold()
    return _BESIDE_HAN.sub("", " ".join(_SEPARATORS.sub(" ", plain).split()))[:LIMIT]


def similarity(left: str, right: str) -> float:
    """0.0 (nothing in common) to 1.0 (the same but for width, case, blanks and punctuation). Symmetric."""
    from rapidfuzz.distance import Indel

    first, second = prepared(left), prepared(right)
    if not first and not second:
        return float(left.split() == right.split())
    return Indel.normalized_similarity(first, second)


def similar(question: str, among: Iterable[tuple[str, str]], *, at_least: float = SAME) -> tuple[Match, ...]:
    """Of `among` (key, text as `prepared` gave it) those at least so similar to `question` (not prepared), the most similar first.

    A question of punctuation only is like no other. 100,000 questions of a hundred characters take about 50 ms: call it in a thread.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    wanted, texts = prepared(question), dict(among)
    if not wanted:
        return ()
    found = process.extract(wanted, texts, scorer=Indel.normalized_similarity, processor=None, limit=None, score_cutoff=at_least)
    return tuple(Match(key, score) for _, score, key in found if score >= at_least)
