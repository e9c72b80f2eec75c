"""Scores and statistics: microseconds for one answer by each scorer, seconds for the statistics of 10,000 questions by five models."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from typing import Any

from core.scoring.figures import AnswerFigures
from core.scoring.scorers import score
from core.scoring.statistics import summarise
from core.scoring.types import Scored
from tests.bench.table import Row, print_table

ROUNDS, ANSWERS = 5, 200
QUESTIONS, MODELS = 10_000, 5
ANSWER = "The learning rate reached its floor at 0.0001, so the loss stays flat. 学习率已经到达下限，所以损失不再下降。\n" * 6
EXPECTED = ANSWER[:200]
SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^x"}}}
SCORERS: dict[str, Scored] = {
    "contains": Scored("floor", "contains"),
    "numeric": Scored("0.0001", "numeric"),
    "regex": Scored(None, "regex", {"pattern": r"floor at (\d\.\d+)"}),
    "json_schema": Scored(None, "json_schema", {"schema": SCHEMA}),
    "bleu": Scored(EXPECTED, "bleu"),
    "chrf": Scored(EXPECTED, "chrf"),
    "rouge_l": Scored(EXPECTED, "rouge_l"),
}


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_by_one(question: Scored) -> None:
    for _ in range(ANSWERS):
        score(ANSWER, question)


def rows(graded: bool) -> list[AnswerFigures]:
    luck = random.Random(3)
    return [
        AnswerFigures(
            f"q{at:05}",
            f"k{model}",
            f"model {model}",
            type=f"type {at % 5}",
            value=min(1.0, max(0.0, luck.gauss(0.6, 0.2))) if graded else float(luck.random() < 0.6),
            passed=None,
            ttft_ms=luck.lognormvariate(5, 0.5),
            total_ms=luck.lognormvariate(7, 0.5),
            input_tokens=40,
            output_tokens=200,
        )
        for at in range(QUESTIONS)
        for model in range(MODELS)
    ]


def main() -> None:
    found = []
    for name, question in SCORERS.items():
        score(ANSWER, question)
        times = [timed(lambda question=question: one_by_one(question)) / ANSWERS * 1e6 for _ in range(ROUNDS)]  # type: ignore[misc]
        found.append(Row(f"{name}, an answer of {len(ANSWER)} characters", times, "us", "<= 4,000"))
    for name, graded in (("passes", False), ("grades", True)):
        made = rows(graded)
        times = [timed(lambda made=made: summarise(made)) for _ in range(ROUNDS)]  # type: ignore[misc]
        found.append(Row(f"statistics of {QUESTIONS:,} {name} by {MODELS} models", times, "s", "<= 2"))
    found.append(Row("memory of all this", [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024], "MB", "<= 200"))
    print_table(found)
