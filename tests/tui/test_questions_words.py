"""Everything that can be wrong in a file of questions is said in words, and every word is one of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from core.questions import rules
from tui.rules import BY_RULE
from tui.sentences_questions import _PROBLEMS, ORIGINS, problem_text

CORE = Path(rules.__file__).parent
#: Fields of every rule, so that each sentence can be filled.
FIELDS = {
    "field": "expected", "found": "“x\x1b[31m", "limit": 1000, "reason": "why", "option": "pattern", "expected": 3, "columns": "a, b",
    "names": "a", "line": 4,
}  # fmt: skip


def raised() -> set[str]:
    """The rules that the code of core raises."""
    source = "\n".join(path.read_text("utf-8") for path in CORE.glob("*.py"))
    return set(re.findall(r'(?:Wrong\(|Problem\([^,()]+, )"(\w+)"', source))


def test_every_rule_is_listed_and_has_a_sentence() -> None:
    listed = set(re.findall(r"^\| (\w+) \|", str(rules.__doc__), re.MULTILINE)) - {"rule"}
    assert raised() | {"unclosed_quote", "malformed_rest", "empty_file", "no_questions", "spreadsheet", "not_text"} == listed
    assert listed == set(_PROBLEMS)
    for rule in listed:
        said = problem_text(rule, FIELDS)
        assert "{" not in said
        assert "\x1b" not in said
        assert "not allowed here" not in said, rule


def test_what_a_form_may_say_has_words() -> None:
    of_a_form = {"question_missing", "wrong_type", "too_long", "broken_text", "bad_number", "bad_json", "unknown_scorer", "bad_option"}
    assert of_a_form | {"not_texts", "not_pairs"} <= set(BY_RULE)
    assert set(ORIGINS) == {"typed", "imported", "example", "edited", "restored"}


def test_what_is_not_known_is_said_all_the_same() -> None:
    assert problem_text("new_rule", {}) == "not allowed here (new_rule)"
    assert problem_text("too_long", {}) == "not allowed here (too_long)"
