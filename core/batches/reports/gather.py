"""From a batch to its report: what the service knows, read page by page, and written by a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from core.batches.reports.types import ReportData, Words, Written
from core.clock import Clock

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.looking import Looking
    from core.batches.types import Answer, Batch, Judgement
    from core.scoring.judge_types import JudgeFigures, PairVerdict

T = TypeVar("T")
#: Answers that are read at a time: each may be a megabyte.
PAGE = 100


async def gather(batches: Looking, principal: Principal, batch_id: str) -> ReportData:
    """Everything that a report says. Raises NotFound. `answers` of what comes back is read from the database as it is asked for."""
    batch = await batches.batch(principal, batch_id)
    statistics = await batches.statistics(principal, batch.id)
    loop = asyncio.get_running_loop()

    def answers() -> Iterator[Answer]:
        first = 0
        while page := _from_thread(loop, batches.answers_in_order(principal, batch.id, first=first, limit=PAGE)):
            yield from map(_as_asked, page)
            first += len(page)

    judge = await _judged(batches, principal, batch, answers) if batch.draft.judge is not None else None
    return ReportData(batch, statistics, answers, Clock().now(), judge)


async def report(batches: Looking, principal: Principal, batch_id: str, form: str, words: Words, target: BinaryIO) -> Written:
    """Write it. Raises NotFound, InvalidInput("format", "unknown"), DiskFull, OSError."""
    from core.batches.reports.writing import write_report

    data = await gather(batches, principal, batch_id)
    return await asyncio.to_thread(write_report, data, form, words, target)


def _as_asked(answer: Answer) -> Answer:
    """With the question as the model got it: variables put in."""
    return replace(answer, question=answer.question.filled()) if answer.question.variables else answer


def _from_thread(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result()


async def _judged(batches: Looking, principal: Principal, batch: Batch, answers: Callable[[], Iterator[Answer]]) -> JudgeFigures:
    """How far the judge can be trusted: from all pairs that it compared, and from its grades."""
    from core.scoring.judge import judge_figures

    found: list[Judgement] = []
    while True:
        page = await batches.judgements(principal, batch.id, limit=PAGE, offset=len(found))
        found += page.items
        if not page.items or len(found) >= page.total:
            break
    judged, lost = await asyncio.to_thread(_grades, answers)
    pairs = [_pair(each) for each in found if each.first is not None or each.second is not None]
    models = [each.model for each in batch.configurations]
    return judge_figures(pairs, judged, unreadable=lost, judge=batch.judge_model, candidates=models)


def _pair(each: Judgement) -> PairVerdict:
    from core.scoring.judge import pair_of

    return pair_of(each.first, each.second, each.left_length, each.right_length, (each.first_reason, each.second_reason))


def _grades(answers: Callable[[], Iterator[Answer]]) -> tuple[list[tuple[str, int, float]], int]:
    """All grades as (question, length of the answer, value), and how many of the judge's texts could not be read."""
    found, lost = [], 0
    for answer in answers():
        score = answer.score
        if score is None or score.scorer != "judge":
            continue
        if score.value is not None:
            found.append((answer.question.id, len(answer.content), score.value))
        lost += score.problem == "unreadable_judge"
    return found, lost
