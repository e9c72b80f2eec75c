"""What obliging models say when they are asked to judge answers: a verdict by words in common, so that judging can be tried."""

from __future__ import annotations

import re
from typing import Final

from core.llm.simulator.question import Question, tokens_of

_ASKED = re.compile(r"^You are an impartial judge\b.*^VERDICT (?P<mark>[0-9a-f]{6,64}): ", re.DOTALL | re.MULTILINE)
_SCALE = re.compile(r"a number from (\d{1,3}) \(the worst\) to (\d{1,3}) \(the best\)")
#: Shares of words in common that differ by less are a tie, and now and then go to the answer shown first: real judges do that.
_CLOSE: Final = 0.05
_BIASED: Final = "0"
_READ: Final = 20_000


def asks_for_verdict(question: Question) -> bool:
    """Whether the application wants answers judged."""
    return _ASKED.match(question.system[:_READ]) is not None


def verdict(question: Question) -> list[str]:
    """The tokens of reasons and a verdict: which answer has more words of the reference, or of the question where there is none."""
    found = _ASKED.match(question.system[:_READ])
    mark = found["mark"] if found else ""
    blocks = dict(re.findall(rf"^BEGIN ([A-Z ]+) {mark}\n(.*?)\nEND \1 {mark}$", question.text, re.DOTALL | re.MULTILINE))
    measure = "REFERENCE ANSWER" if "REFERENCE ANSWER" in blocks else "QUESTION"
    wanted = _words(blocks.get(measure, ""))
    said = "Simulated by modeltrain: no model has judged. Words in common with the " + measure.lower()
    if "ANSWER" in blocks:
        share, scale = _share(blocks["ANSWER"], wanted), _SCALE.search(question.system)
        low, high = (int(scale[1]), int(scale[2])) if scale else (1, 10)
        return tokens_of(f"{said}: {share:.0%}.\n\nVERDICT {mark}: {low + round(share * (high - low))}")
    first, second = (_share(blocks.get(name, ""), wanted) for name in ("ANSWER A", "ANSWER B"))
    side = "A" if first > second else "B"
    if abs(first - second) < _CLOSE:
        side = "A" if mark[:1] in _BIASED else "TIE"
    return tokens_of(f"{said}: {first:.0%} in answer A, {second:.0%} in answer B.\n\nVERDICT {mark}: {side}")


def _words(text: str) -> set[str]:
    return {word for token in tokens_of(text[:_READ].lower()) if (word := token.strip(" \t\n.,;:!?\"'()。，；：！？“”（）*`"))}


def _share(answer: str, wanted: set[str]) -> float:
    return len(_words(answer) & wanted) / len(wanted) if wanted else 0.0
