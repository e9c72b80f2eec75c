"""Every problem of an option, and every problem of a score, is said in words."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import core.scoring
from core.scoring.scorers import SCORERS, score
from core.scoring.types import Scored, ScoreProblem
from tui.batch_words import SCORE_PROBLEMS, score_words, scorer_word
from tui.sentences_questions import problem_text
from tui.sentences_scoring import option_rule


def rules_in_code() -> set[str]:
    """The second argument of every OptionProblem that core makes."""
    found = set()
    for path in Path(core.scoring.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "OptionProblem" and len(node.args) > 1:
                rule = node.args[1]
                assert isinstance(rule, ast.Constant), path
                found.add(str(rule.value))
    return found


def test_every_rule_has_words() -> None:
    rules = rules_in_code()
    assert {"unknown_option", "wrong_type", "not_a_pattern", "out_of_range"} <= rules
    assert all(option_rule(rule) for rule in rules)
    assert option_rule("something else") == ""


def test_every_problem_and_every_scorer_has_words() -> None:
    assert set(get_args(ScoreProblem)) == set(SCORE_PROBLEMS)
    assert all(scorer_word(name) != name for name in SCORERS)


def test_an_option_that_does_not_hold_is_named_with_its_reason() -> None:
    said = score_words(score("an answer", Scored("42", "numeric", {"tolerance": "much"})))
    assert "tolerance" in said and option_rule("wrong_type") in said
    said = problem_text("bad_option", {"option": "pattern", "reason": "not_a_pattern"})
    assert "pattern" in said and option_rule("not_a_pattern") in said
