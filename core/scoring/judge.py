"""A model as judge: what it is asked, and what its text means. Pure; `Judge` sends the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from core.llm.request import ChatModel, Parameters
from core.scoring.judge_types import JudgeFigures, JudgePrompt, PairVerdict, Verdict
from core.scoring.types import Score

#: Sends one prompt to the judge's model and gives its text. Whoever makes it decides about limits, retries and what is remembered.
Ask = Callable[[JudgePrompt], Awaitable[str]]


def judge_prompts(
    question: str,
    answers: Sequence[str],
    rubric: str = "",
    *,
    expected: str | None = None,
    low: int = 1,
    high: int = 10,
) -> tuple[JudgePrompt, ...]:
    """What the judge is asked: one prompt for one answer (a grade from `low` to `high`), two for two answers, in both orders.

    The same arguments give the same prompts, so that they can be cached. Raises ValueError for any other number of answers.
    """
    raise NotImplementedError


def parse_verdict(text: str, prompt: JudgePrompt) -> Verdict:
    """What a judge's text says, however messy it is; not `readable` where it says nothing or two things at once."""
    raise NotImplementedError


def pair_verdict(first: Verdict, swapped: Verdict, left: str, right: str) -> PairVerdict:
    """Both orders as one verdict: what they agree on, else a tie."""
    raise NotImplementedError


def grade_score(verdict: Verdict, prompt: JudgePrompt, pass_at: float | None = None) -> Score:
    """The Score of a graded answer: its grade from 0 (the lowest) to 1 (the highest); details: grade, low, high, reason."""
    raise NotImplementedError


def pair_scores(verdicts: Iterable[tuple[str, str, PairVerdict]]) -> dict[str, Score]:
    """Scores of the answers to one question from all pairs of them, as (left key, right key, verdict): a win counts 1, a tie ½."""
    raise NotImplementedError


def judge_figures(
    pairs: Iterable[PairVerdict] = (),
    grades: Iterable[tuple[str, int, float]] = (),
    *,
    unreadable: int = 0,
    judge: str = "",
    candidates: Iterable[str] = (),
) -> JudgeFigures:
    """How far the judge can be trusted, from all its pairs and all grades as (question, length of the answer, value)."""
    raise NotImplementedError


def same_family(judge: str, candidate: str) -> bool:
    """Whether two models' names tell the same family ("gpt-4o" and "openai/gpt-5"): such a judge tends to prefer its own kind."""
    raise NotImplementedError


class Judge:
    """Grades and compares answers by asking `ask`. A text that cannot be read is asked for once more, with a reminder."""

    def __init__(self, ask: Ask, *, rubric: str = "", low: int = 1, high: int = 10, pass_at: float | None = None) -> None:
        self._ask = ask

    async def grade(self, question: str, answer: str, *, expected: str | None = None, rubric: str | None = None) -> Score:
        """The Score of one answer. Raises what `ask` raises (ProviderError)."""
        raise NotImplementedError

    async def compare(self, question: str, left: str, right: str, *, expected: str | None = None, rubric: str | None = None) -> PairVerdict:
        """Both orders, one after the other. Raises what `ask` raises."""
        raise NotImplementedError


def asking(model: ChatModel, name: str, parameters: Parameters | None = None, *, silence_s: float = 120.0) -> Ask:
    """An `Ask` that sends each prompt to a model of a provider, without limits or retries of its own."""
    raise NotImplementedError
