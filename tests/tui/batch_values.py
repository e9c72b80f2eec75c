"""Batches and answers as values, for tests of what is made of them in words and charts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.batches.types import Answer, Batch, BatchDraft, ConfigurationProgress
from core.llm.events import Usage
from core.questions.types import Question
from core.scoring.types import Score

MADE = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def progress(name: str, *, total: int = 100, answered: int = 0, failed: int = 0, **more: Any) -> ConfigurationProgress:
    base = ConfigurationProgress(
        f"id-{name}", name, f"{name}-7b", "simulator", total, answered, failed, 0, answered, 0.8 if answered else None, 0, None, ""
    )
    return replace(base, **more)


def batch(state: str = "running", *configurations: ConfigurationProgress, **more: Any) -> Batch:
    asked = configurations or (progress("left", answered=40, failed=2), progress("right", answered=30))
    base = Batch(
        id="batch-1", name="Nightly", state=state, set_id="set-1", set_name="算术", set_version=2, questions=100,  # type: ignore[arg-type]
        total=sum(each.total for each in asked), answered=sum(each.answered for each in asked), failed=sum(each.failed for each in asked),
        asking=0, cached=0, score=0.8, configurations=tuple(asked),
        draft=BatchDraft("set-1", tuple(each.configuration_id for each in asked)),
        rate=0.0, time_left_s=None, waiting_for=None, judge_total=0, judged=0, created_at=MADE, started_at=MADE, ended_at=None,
    )  # fmt: skip
    return replace(base, **more)


def answer(text: str = "It is 42.", *, expected: str | None = "42", score: Score | None = None, **more: Any) -> Answer:
    question = Question(text="What is six times seven?", expected=expected, type="math", id="q1", number=7)
    base = Answer(
        "answer-1", "batch-1", question, "id-left", "left", "left-7b", 1, "answered", content=text, finish="stop", usage=Usage(12, 5),
        ttft_ms=210, total_ms=1500, cost=Decimal("0.0012"), currency="USD", attempts=1, score=score,
    )  # fmt: skip
    return replace(base, **more)
