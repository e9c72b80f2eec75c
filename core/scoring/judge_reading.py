"""What a judge's text means, however messy: verdict lines with and without their mark, JSON, [[A]], bold, English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from core.scoring.judge_types import JudgePrompt, Verdict, Winner

#: Characters of a judge's text that are read, from its end; characters of the reason that are kept; lines in which words count.
_READ: Final = 20_000
_REASON: Final = 2_000
_LAST_LINES: Final = 3
_THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT_BEGIN = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_CITED = re.compile(r"[\"“「『`]([^\"”」』`\n]{1,200})[\"”」』`]")
_TIE = r"tie|draw|equal|both|neither|平局|平手|持平|一样好|不分上下|难分高下"
#: A letter is a capital ("a tie" is no A), and no letter or digit follows it.
_WHICH = rf"(?P<side>(?-i:[AB])|(?:an?\s+)?(?:{_TIE}))(?![A-Za-z0-9])"
_NOUN = r"(?:answer|assistant|response|model|option|one|回答|答案|助手|选项)"
_SIDE = rf"(?:{_NOUN}\s*)?[\[(（【「\"'“*_`\s]{{0,6}}{_WHICH}"
_LABEL = (
    r"(?:verdict|winner|better|best|judge?ment|decision|preference|choice|结论|裁决|判定|判决|胜者|胜出者?|获胜者?|更好的?|较好的?)"
    rf"\"?(?:\s*{_NOUN})?"
)
_WINS = r"(?:better|best|wins?|superior|stronger|preferred|更好|更佳|较好|胜出|获胜|更优|更强)"
_BARE = r"[\s*_`#>(（\[【\"']*"
_PAIR_FORMS = (
    re.compile(rf"\[\[\s*(?P<side>A|B|C|{_TIE})\s*\]\]", re.IGNORECASE),
    re.compile(rf"{_LABEL}\s*(?:is|are|是|为)?\s*[:：=]?\s*(?:the\s+)?{_SIDE}", re.IGNORECASE),
)
_PAIR_WORDS = (
    re.compile(rf"{_SIDE}\s*(?:is|was|would be)?\s*(?:clearly|slightly|much|the|a bit|overall)?\s*{_WINS}", re.IGNORECASE),
    re.compile(r"(?P<side>[AB])\s*[>≻]+\s*[AB](?![A-Za-z])"),
    re.compile(rf"^{_BARE}{_WHICH}[\s*_`.。!！)）\]】\"']*$", re.IGNORECASE | re.MULTILINE),
    re.compile(
        rf"(?:it'?s|is|结果[是为]?)\s*(?P<side>(?:an?\s+)?(?:{_TIE}))(?![A-Za-z])"
        r"|(?P<alike>(?:equally|both)\s+(?:good|bad|correct|wrong)|一样好|平局)",
        re.IGNORECASE,
    ),
)
_NUMBER = r"(?P<grade>-?\d{1,3}(?:\.\d{1,3})?)(?![\d.]*\d)(?:\s*(?:/|out of|／)\s*(?P<of>\d{1,3})(?!\d))?"
_LAX = r"[\s:：=是为\"'*_`\[(（【]{0,8}"
_GRADE_FORMS = (
    re.compile(rf"\[\[\s*{_NUMBER}\s*\]\]"),
    re.compile(rf"(?:overall|final|total|verdict|最终|总体|综合|总评?)[ \t\w]{{0,12}}?{_LAX}{_NUMBER}", re.IGNORECASE),
    re.compile(rf"(?:rating|score|grade|评分|得分|分数|打分|评级)(?:\s+of)?{_LAX}{_NUMBER}", re.IGNORECASE),
    re.compile(r"(?P<grade>\d{1,3}(?:\.\d{1,3})?)\s*(?:/|out of|／)\s*(?P<of>\d{1,3})(?!\d)", re.IGNORECASE),
    re.compile(r"(?P<grade>\d{1,3}(?:\.\d{1,3})?)\s*分(?![之钟])(?P<of>(?!))?"),
    re.compile(r"^[\s*_`#>(（\[【\"']*(?P<grade>\d{1,3}(?:\.\d{1,3})?)[\s*_`.。)）\]】\"']*$(?P<of>(?!))?", re.MULTILINE),
)


def parse_verdict(text: str, prompt: JudgePrompt) -> Verdict:
    """What a judge's text says, however messy it is; not `readable` where it says nothing or two things at once.

    The line with the prompt's mark counts before all else. Without one, what the text only cites from the answers is left out first, so
    that an answer cannot speak for the judge.
    """
    own = _own_words(text, prompt.mark)
    reason = _reason(own, prompt)
    if prompt.kind == "pair":
        side = _marked_side(own, prompt) or _side(_without_quotes(own, prompt))
        return Verdict("pair", winner=_winner(side, prompt.swapped), reason=reason)
    grade = _marked_grade(own, prompt)
    if grade is None:
        grade = _grade(_without_quotes(own, prompt), prompt)
    return Verdict("grade", grade=grade, reason=reason)


def _own_words(text: str, mark: str) -> str:
    """The text without what the model only thought, and without the material where it repeats it with its marks."""
    text = text[-_READ:]
    ends = list(_THOUGHT_END.finditer(text))
    text = text[ends[-1].end() :] if ends else text
    if thinks_on := _THOUGHT_BEGIN.search(text):
        text = text[: thinks_on.start()]
    kept, inside = [], False
    for line in text.splitlines():
        begins, ends_here = line.startswith("BEGIN ") and mark in line, line.startswith("END ") and mark in line
        inside = (inside or begins) and not ends_here
        if not (inside or ends_here):
            kept.append(line)
    return "\n".join(kept)


def _verdict_line(prompt: JudgePrompt, value: str) -> re.Pattern[str]:
    return re.compile(rf"VERDICT[\s*_`\[(<]*{re.escape(prompt.mark)}[\s*_`\])>]*[:：=]?[\s*_`\[(（\"']*{value}", re.IGNORECASE)


def _marked_side(text: str, prompt: JudgePrompt) -> str | None:
    found = list(_verdict_line(prompt, rf"(?:{_NOUN}\s*)?{_WHICH}").finditer(text))
    return _letter(found[-1]["side"]) if found else None


def _marked_grade(text: str, prompt: JudgePrompt) -> float | None:
    found = list(_verdict_line(prompt, _NUMBER).finditer(text))
    return _on_scale(found[-1], prompt) if found else None


def _without_quotes(text: str, prompt: JudgePrompt) -> str:
    """The text without lines, and without words in quotation marks, that stand in what was judged; nor lines with the mark: read before."""
    lines = {line.strip() for quoted in prompt.quoted for line in quoted.splitlines() if line.strip()}
    kept = "\n".join(line for line in text.splitlines() if line.strip() not in lines and prompt.mark not in line)
    return _CITED.sub(lambda cited: "" if any(cited[1] in quoted for quoted in prompt.quoted) else cited[0], kept)


def _side(text: str) -> str | None:
    for form in _PAIR_FORMS:
        # The last word on it counts: reasons weigh both sides before.
        if found := list(form.finditer(text)):
            return _letter(found[-1]["side"])
    end = "\n".join([line for line in text.splitlines() if line.strip()][-_LAST_LINES:])
    for form in _PAIR_WORDS:
        sides = {_letter(side) for side in _sides(form, end)}
        if sides:
            return sides.pop() if len(sides) == 1 else None
    return None


def _sides(form: re.Pattern[str], text: str) -> Iterable[str]:
    for found in form.finditer(text):
        groups = found.groupdict()
        yield groups.get("side") or groups.get("alike") or ""


def _letter(side: str) -> str:
    return side.upper() if side.upper() in ("A", "B") else "TIE"


def _winner(side: str | None, swapped: bool) -> Winner | None:
    if side is None or side == "TIE":
        return None if side is None else "tie"
    return "left" if (side == "A") is not swapped else "right"


def _grade(text: str, prompt: JudgePrompt) -> float | None:
    labelled: list[Callable[[], float | None]] = [lambda form=form: _last_grade(form, text, prompt) for form in _GRADE_FORMS[:3]]  # type: ignore[misc]
    for look in labelled:
        if (grade := look()) is not None:
            return grade
    for form in _GRADE_FORMS[3:]:
        grades = {grade for found in form.finditer(text) if (grade := _on_scale(found, prompt)) is not None}
        if grades:
            return grades.pop() if len(grades) == 1 else None
    return None


def _last_grade(form: re.Pattern[str], text: str, prompt: JudgePrompt) -> float | None:
    grades = [grade for found in form.finditer(text) if (grade := _on_scale(found, prompt)) is not None]
    return grades[-1] if grades else None


def _on_scale(found: re.Match[str], prompt: JudgePrompt) -> float | None:
    """The grade; one of another scale ("85/100") is brought to the prompt's. None for what is outside."""
    grade, of = float(found["grade"]), found.groupdict().get("of")
    if of and int(of) and int(of) != prompt.high:
        grade = grade / int(of) * prompt.high
        if 0 <= grade < prompt.low:
            grade = float(prompt.low)
    return grade if prompt.low <= grade <= prompt.high else None


def _reason(text: str, prompt: JudgePrompt) -> str:
    lines = [line for line in text.splitlines() if prompt.mark not in line]
    return "\n".join(lines).strip()[:_REASON]
