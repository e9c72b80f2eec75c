"""All scorers by name, and the one way to score an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.scoring.types import OptionProblem, QuestionLike, Score, ScorerInfo

SCORERS: Final[Mapping[str, ScorerInfo]] = {}


def score(answer: str, question: QuestionLike) -> Score:
    """How good an answer is. Never raises: what goes wrong is the Score's `problem`. May take seconds (patterns and long texts are
    bounded, see docs/scoring.md), holds no lock and touches nothing but its arguments: call it in a thread.

    `question.scorer` "" means `default_scorer`. For "judge" the Score says `needs_judge`: ask core/scoring/judge.py.
    """
    raise NotImplementedError


def default_scorer(expected: str | None, options: Mapping[str, Any] | None = None) -> str:
    """The scorer that fits what is expected: by the options it came with, then json for objects and lists, numeric for one number,
    contains for short texts, rouge_l for long ones, and none without an expected answer.
    """
    raise NotImplementedError


def validate(scorer: str, options: Mapping[str, Any]) -> tuple[OptionProblem, ...]:
    """What is wrong with a scorer's name and options; empty when they hold."""
    raise NotImplementedError
