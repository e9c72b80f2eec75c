"""Batches to make reports of: of any size, always the same, in English and Chinese."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from core.batches.reports.types import ReportData, Words
from core.batches.types import Answer, Batch, BatchDraft, ConfigurationProgress
from core.errors import RateLimited
from core.llm.events import Usage
from core.questions.types import Question
from core.scoring.figures import AnswerFigures
from core.scoring.judge_types import JudgeFigures
from core.scoring.statistics import summarise
from core.scoring.types import Score
from tui.batch_reports import words as in_words

BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MODELS = (("c1", "qwen2.5-7b@local", 0.82), ("c2", "通义千问 · 长名字的配置", 0.74), ("c3", "gpt-small", 0.55))
TYPES = ("maths", "翻译", "")
_QUESTIONS = (
    "What is 17 × 23? Answer with the number only.",
    "把“今天下午三点开会”翻译成英文，注意礼貌用语，并说明为什么这样翻译更合适。",
    "Summarise the text in one sentence.\nIt has a second line — and a naïve café.",
)
_ANSWERS = (
    "391",
    "We will meet at three this afternoon. 这里用将来时，因为会议还没有开始；语气客气，适合发给同事。",
    "The text says that\n- batches run\n- nothing is asked twice\nand that is all. " + "It goes on for a while. " * 12,
)


def words(language: str = "en") -> Words:
    return in_words(timezone(timedelta(hours=8)), language)


def question(number: int) -> Question:
    kind = (number - 1) % 3
    return Question(
        text=_QUESTIONS[kind],
        expected=("391", None, "nothing is asked twice")[kind],
        type=TYPES[kind],
        scorer=("numeric", "", "contains")[kind],
        id=f"q{number}",
        number=number,
    )


def answer(number: int, key: str, name: str, good: float, luck: random.Random) -> Answer:
    asked = question(number)
    kind = (number - 1) % 3
    if luck.random() < 0.03:
        return Answer(
            f"{key}-{number}",
            "b1",
            asked,
            key,
            name,
            f"{key}-model",
            1,
            "failed",
            attempts=4,
            error=RateLimited(provider="local", status=429, retry_after_s=3.0),
        )
    value = (1.0 if luck.random() < good else 0.0) if kind != 1 else round(min(1.0, max(0.0, luck.gauss(good, 0.15))), 4)
    total = int(luck.lognormvariate(7.2, 0.6))
    return Answer(
        f"{key}-{number}",
        "b1",
        asked,
        key,
        name,
        f"{key}-model",
        1,
        "answered",
        content=_ANSWERS[kind],
        reasoning="先想一想。\nThen compute." if key == "c2" else "",
        finish="stop",
        usage=Usage(40 + kind, 120 + total // 40),
        ttft_ms=total // 5,
        ttfa_ms=total // 4,
        total_ms=total,
        cost=Decimal(total) / 1_000_000,
        currency="USD",
        attempts=1,
        from_cache=number % 50 == 0,
        score=Score(value, None if kind == 1 else value == 1.0, ("numeric", "chrf", "contains")[kind]),
        stars=5 if number % 40 == 0 else None,
        answered_at=BEGAN + timedelta(seconds=number),
    )


def answers(questions: int, models: Sequence[tuple[str, str, float]] = MODELS) -> Iterator[Answer]:
    luck = random.Random(7)
    for number in range(1, questions + 1):
        for key, name, good in models:
            yield answer(number, key, name, good, luck)


def figures(one: Answer) -> AnswerFigures:
    return AnswerFigures(
        question=one.question.id,
        key=one.configuration_id,
        name=one.configuration_name,
        state=one.state if one.state in ("answered", "failed") else "waiting",
        type=one.question.type,  # type: ignore[arg-type]
        scorer=one.score.scorer if one.score is not None else "",
        value=one.score.value if one.score is not None else None,
        passed=one.score.passed if one.score is not None else None,
        ttft_ms=one.ttft_ms,
        total_ms=one.total_ms,
        input_tokens=one.usage.input_tokens if one.usage is not None else None,
        output_tokens=one.usage.output_tokens if one.usage is not None else None,
        cost=one.cost,
        currency=one.currency or None,
        stars=one.stars,
    )


def report(found: Sequence[Answer], name: str = "三个模型 vs. one another", *, judge: JudgeFigures | None = None) -> ReportData:
    """A report of these answers."""
    keys = {one.configuration_id: (one.configuration_name, one.model) for one in found}
    answered, failed = ([one for one in found if one.state == state] for state in ("answered", "failed"))
    configurations = tuple(
        ConfigurationProgress(key, shown, model, "p1", len(found) // len(keys), 0, 0, 0, 0, None, 0, None, "")
        for key, (shown, model) in keys.items()
    )
    batch = Batch(
        id="b1",
        name=name,
        state="completed",
        set_id="s1",
        set_name="常识 and maths",
        set_version=3,
        questions=len({one.question.number for one in found}),
        total=len(found),
        answered=len(answered),
        failed=len(failed),
        asking=0,
        cached=sum(one.from_cache for one in found),
        score=0.7,
        configurations=configurations,
        draft=BatchDraft("s1", tuple(keys)),
        rate=0.0,
        time_left_s=None,
        waiting_for=None,
        judge_total=0,
        judged=0,
        created_at=BEGAN,
        started_at=BEGAN,
        ended_at=BEGAN + timedelta(minutes=7, seconds=12),
    )
    return ReportData(batch, summarise(map(figures, found)), lambda: iter(found), BEGAN + timedelta(hours=1), judge)


def sample(questions: int = 60) -> ReportData:
    """Three models, one of them clearly worse, some failed answers, three types."""
    judge = JudgeFigures(40, 0, 1, 9, (0.23, 0.12, 0.38), (0.61, 0.5, 0.71), (0.7, 0.55, 0.82), None, ("flips", "length"))
    return report(list(answers(questions)), judge=judge)
