"""Scorers that pass or fail by the text itself: exact, contains, regex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.scoring.options import pattern_problem
from core.scoring.text import UNSPACED, accepted, normalised, texts
from core.scoring.types import Score

#: Seconds that one pattern may look at one answer, and the longest text it is shown: backtracking takes memory with its length.
PATTERN_S: Final = 1.0
LONGEST_PATTERN_TEXT: Final = 500_000
_SHOWN = 200


def passed(scorer: str, ok: bool, **details: Any) -> Score:
    """A Score that is 1 or 0."""
    return Score(1.0 if ok else 0.0, ok, scorer, details)


def exact(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the whole answer is what is expected, but for what the settings overlook. Details: matched."""
    wanted = accepted(expected, settings)
    if not wanted:
        return Score(None, None, "exact", problem="no_expected")
    found = normalised(answer, settings)
    matched = next((one for one in wanted if normalised(one, settings) == found), None)
    return passed("exact", matched is not None, matched=matched)


def contains(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when one of the accepted texts is in the answer, all of `all_of` and none of `none_of`. Details: matched, missing,
    forbidden.
    """
    wanted, needed, forbidden = accepted(expected, settings), texts(settings["all_of"]), texts(settings["none_of"])
    if not (wanted or needed or forbidden):
        return Score(None, None, "contains", problem="no_expected")
    text = normalised(answer, settings)

    def found(one: str) -> bool:
        return _is_in(normalised(one, settings), text, whole=settings["whole_words"])

    matched = next((one for one in wanted if found(one)), None)
    missing, there = [one for one in needed if not found(one)], [one for one in forbidden if found(one)]
    ok = (matched is not None or not wanted) and not missing and not there
    return passed("contains", ok, matched=matched, missing=missing, forbidden=there)


def _is_in(wanted: str, text: str, *, whole: bool) -> bool:
    """Whether it is there; as whole words where it begins and ends with what words are made of ("cat" is not in "category")."""
    if not wanted:
        return False
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not whole or (_border(text[at - 1 : at], wanted[0]) and _border(text[end : end + 1], wanted[-1])):
            return True
        at = text.find(wanted, at + 1)
    return False


def _border(outside: str, edge: str) -> bool:
    """Whether a word can end between two neighbours. Scripts without spaces between words have a border everywhere."""
    return not outside or not _of_word(outside) or not _of_word(edge)


def _of_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and not UNSPACED.match(character)


def pattern(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the pattern is found: the option `pattern`, or what is expected. Details: found (the text), group, reason.

    With a pattern that has a group, and something expected, the last find's first group must be one of the accepted texts.
    """
    import regex

    source = settings["pattern"] if settings["pattern"] is not None else expected
    if not source:
        return Score(None, None, "regex", problem="no_expected")
    if problem := pattern_problem(source):
        return Score(None, None, "regex", {"option": problem.option, "rule": problem.rule, **problem.fields}, "options")
    if len(answer) > LONGEST_PATTERN_TEXT:
        return Score(None, None, "regex", {"limit": LONGEST_PATTERN_TEXT, "characters": len(answer)}, "too_long")
    extracts = settings["pattern"] is not None and bool(accepted(expected, settings)) and bool(regex.compile(source).groups)
    try:
        match = _found(source, answer, settings, last=extracts)
    except TimeoutError:
        return Score(None, None, "regex", {"seconds": PATTERN_S}, "took_too_long")
    except MemoryError:
        return Score(None, None, "regex", {"error": "MemoryError"}, "broke")
    if match is None:
        return passed("regex", False, found=None)
    if not extracts:
        return passed("regex", True, found=str(match.group())[:_SHOWN])
    group = next((one for one in match.groups() if one is not None), "")
    overlooks = {"ignore_case": settings["ignore_case"], "ignore_width": True}
    ok = normalised(group, overlooks) in [normalised(one, overlooks) for one in accepted(expected, settings)]
    return passed("regex", ok, found=str(match.group())[:_SHOWN], group=str(group)[:_SHOWN])


def _found(source: str, answer: str, settings: Mapping[str, Any], *, last: bool) -> Any:
    """The first or the last match, or the one that is the whole answer; None for none. Raises TimeoutError, MemoryError."""
    import regex

    flags = regex.IGNORECASE if settings["ignore_case"] else 0
    flags |= (regex.MULTILINE if settings["multiline"] else 0) | (regex.DOTALL if settings["dotall"] else 0)
    compiled = regex.compile(source, flags)
    if settings["whole"]:
        return compiled.fullmatch(answer, timeout=PATTERN_S, concurrent=True)
    if last:
        return _last(compiled.finditer(answer, timeout=PATTERN_S, concurrent=True))
    return compiled.search(answer, timeout=PATTERN_S, concurrent=True)


def _last(matches: Any) -> Any:
    last = None
    for last in matches:  # noqa: B007 - the last one is wanted
        pass
    return last
