"""TEMP"""

from __future__ import annotations

from core.datasets.types import Problem


def rule_title(rule: str) -> str:
    return rule.replace("_", " ")


def problem_sentence(problem: Problem) -> str:
    return f"{problem.rule.replace('_', ' ')}: {dict(problem.fields)}"


def rule_remedy(rule: str) -> str:
    return f"Do something about {rule}."
