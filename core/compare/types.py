"""What comparisons take and give: frozen values, never rows. Times are aware datetimes, durations milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from core.llm.request import Parameters

if TYPE_CHECKING:
    from core.chat.types import Message
    from core.llm.images import ImageInfo

#: `parallel`: all candidates are asked at once. `sequential`: one after the other, for models that share one GPU.
Mode = Literal["parallel", "sequential"]
#: `waiting`: the question is saved and this candidate not asked yet. `skipped`: it never was, the person went on with another question.
AnswerState = Literal["waiting", "skipped", "generating", "complete", "stopped", "truncated", "failed"]
#: What a verdict says besides stars: the winner's candidate id, or one of these. None: there are stars or a note only.
TIE: Final = "tie"
BOTH_BAD: Final = "both_bad"
#: How a comparison was judged last, for lists. `stars`: by stars or a note only.
Judged = Literal["", "winner", "tie", "both_bad", "stars"]
#: For `Comparisons.records`: "" for all, `none` for those without a verdict, `given` for those with any.
VerdictFilter = Literal["", "none", "given", "winner", "tie", "both_bad", "stars"]
Outcome = Literal["left", "right", "tie", "both_bad"]

FEWEST, MOST = 2, 3
LABELS: Final = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One column. `configuration_id` None: the configuration is gone, `configuration_name` and `model` are what they were then.

    `overrides`: parameters that replace the configuration's own, where they are set; None for none. `ordinal` 0, 1, 2: in blind
    comparisons it was drawn by lot and says nothing of the order in which the configurations were chosen.
    """

    id: str
    ordinal: int
    configuration_id: str | None
    configuration_name: str
    model: str
    provider_id: str
    conversation_id: str
    overrides: Parameters | None = None

    @property
    def label(self) -> str:
        """A, B or C."""
        return LABELS[self.ordinal]


@dataclass(frozen=True, slots=True)
class CandidateAnswer:
    """What a candidate made of a question. `message` is None while `state` is waiting or skipped. To watch it: `message.id`."""

    candidate_id: str
    state: AnswerState
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class VerdictDraft:
    """What somebody thinks of a round. `winner`: a candidate's id, TIE, BOTH_BAD or None. `stars`: 1 to 5 by candidate id."""

    winner: str | None = None
    stars: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as given. `blind`: the names were hidden then."""

    round_id: str
    winner: str | None
    stars: Mapping[str, int]
    note: str
    blind: bool
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """One question and what each candidate answered, in the order of the candidates. `question` is raw: sanitise before drawing."""

    id: str
    ordinal: int
    question: str
    images: tuple[ImageInfo, ...]
    asked_at: datetime
    answers: tuple[CandidateAnswer, ...]
    verdict: Verdict | None = None

    @property
    def ended(self) -> bool:
        """Nothing of it is being made or waits for its turn."""
        return all(answer.state not in ("waiting", "generating") for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An open comparison. `earlier`: rounds before the first of `rounds` that were not read.

    `type`: the kind of question, as the person calls it ("" for none); the leaderboard is made per type. `revealed`: the names of a
    blind one were shown. `asking`: some process asks what waits, so `Comparisons.ask_rest` has nothing to do.
    """

    id: str
    title: str
    mode: Mode
    blind: bool
    candidates: tuple[Candidate, ...]
    rounds: tuple[Round, ...]
    type: str
    created_at: datetime
    used_at: datetime
    revealed: bool = False
    asking: bool = False
    earlier: int = 0

    @property
    def names_hidden(self) -> bool:
        """Whether whoever shows it must not tell which model is which."""
        return self.blind and not self.revealed

    @property
    def last_round(self) -> Round | None:
        return self.rounds[-1] if self.rounds else None

    @property
    def waits(self) -> bool:
        """Something waits that nobody asks: `Comparisons.ask_rest` goes on with it."""
        return not self.asking and any(answer.state == "waiting" for each in self.rounds for answer in each.answers)

    def candidate(self, candidate_id: str) -> Candidate | None:
        return next((each for each in self.candidates if each.id == candidate_id), None)


@dataclass(frozen=True, slots=True)
class ComparisonSummary:
    """One row of the records. `models` and `configurations` in the order of the columns; where `names_hidden`, do not show them.

    `judged`: the last verdict; `winner`: the label of its winner, "" without one. `generating`: something is being made.
    """

    id: str
    title: str
    mode: Mode
    blind: bool
    type: str
    models: tuple[str, ...]
    configurations: tuple[str, ...]
    rounds: int
    judged: Judged
    winner: str
    created_at: datetime
    used_at: datetime
    names_hidden: bool = False
    generating: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the records; `total` is the length of the whole."""

    items: tuple[ComparisonSummary, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Vote:
    """What a verdict says of two models that answered the same question: the leaderboard is made of these.

    A verdict over three candidates gives a vote for each pair that it says something of: the winner against each other; all pairs
    for a tie and for both bad; pairs without the winner by their stars, where both have some. Answers that failed are no basis.
    `type`: the type of the comparison. `round_id` is the same for votes of one verdict.
    """

    round_id: str
    left_model: str
    right_model: str
    outcome: Outcome
    type: str
    at: datetime
    blind: bool = False


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """An answer to a similar question. Durations in milliseconds; None where it was never told. `stars` 0: none given."""

    candidate_id: str
    label: str
    model: str
    configuration_name: str
    state: AnswerState
    ttft_ms: int | None
    total_ms: int | None
    output_tokens: int | None
    tokens_per_second: float | None
    cost: Decimal | None
    currency: str
    stars: int
    won: bool


@dataclass(frozen=True, slots=True)
class SimilarRound:
    """A question asked before that is like another one. `score`: 0.0 to 1.0, see core/compare/similarity.py.

    `answers` is () where names are hidden.
    """

    round_id: str
    comparison_id: str
    title: str
    question: str
    score: float
    asked_at: datetime
    answers: tuple[PastAnswer, ...]
