"""What the service of batches takes and gives: frozen values, never rows.

A batch asks every question of one version of a question set of every configuration, `repetitions` times. Each of these is one **answer**,
with a row of its own from the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from core.errors import ModeltrainError
from core.llm.events import FinishReason, Usage

if TYPE_CHECKING:
    from core.questions.types import Question
    from core.scoring.types import Score

T = TypeVar("T")

#: `draft`: planned, never started. `pausing`: what is under way is still awaited. The last three are ends; cancelled ones never go on.
BatchState = Literal["draft", "running", "pausing", "paused", "completed", "cancelled", "failed"]
#: `asking`: a request is under way (or was, when the process died: then it is asked again, for nothing was answered).
AnswerState = Literal["waiting", "asking", "answered", "failed"]
#: `number`: in the order of the questions. `-` in front of it turns it around ("-score": the highest first; none is last).
AnswerSort = Literal["number", "-number", "score", "-score", "total", "-total", "ttft", "-ttft", "cost", "-cost", "stars", "-stars"]
#: Why a running batch waits, or why it was paused by the program; the sentence is tui's. See `Waiting`.
WaitReason = Literal[
    "turn",  # other batches are worked on; or no process works on batches now
    "rate_limited",  # the provider said 429: until `until`
    "slowed",  # it goes on, as fast as the provider that said 429 allows: `allowed`
    "provider_away",  # it cannot be reached or answers 5xx: tried again at `until`
    "database",  # what was answered cannot be written down (busy, full disk): it is kept in the journal
    "program_ended",  # the program ended, and is not to go on by itself (BatchSettings.resume)
    "person",  # somebody paused it
    "account_disabled",
]


@dataclass(frozen=True, slots=True)
class JudgeSetting:
    """A model that judges: it grades every answer whose scorer is "judge" and, with `pairs`, compares the answers of every two
    configurations to a question, each pair in both orders.

    `rubric`: what makes a good answer, in words; "" for the rubric of core/scoring. A question's own (option "rubric") comes first.
    """

    configuration_id: str
    rubric: str = ""
    pairs: bool = True


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """What is to be asked. `name` "" makes one up from the set's.

    `version`: of the question set; None for the one in force. `scorer`: for questions that name none; "" chooses by the expected answer.
    `concurrency`: requests in flight at one provider at most; the limiter may go below it, never above. `requests_per_minute`: at one
    provider at most, None for no limit but the provider's. `retries`: how often a request that certainly brought nothing is sent again
    (never for 429 and a provider that is away, which are waited for). `use_cache`: take an answer to exactly the same request that this
    owner has had already. `repetitions`: how often each question is asked, to see how answers vary.
    """

    set_id: str
    configuration_ids: tuple[str, ...]
    name: str = ""
    version: int | None = None
    scorer: str = ""
    judge: JudgeSetting | None = None
    concurrency: int = 16
    requests_per_minute: int | None = None
    retries: int = 3
    use_cache: bool = True
    repetitions: int = 1


@dataclass(frozen=True, slots=True)
class Span:
    """An estimate: at least and at most."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something to know before starting. `code` with `fields`, as errors have them; tui writes the sentence.

    judge_family (judge, model) · price_unknown (configuration) · no_expected (count) · long_question (number, tokens, limit) ·
    same_model (left, right) · scorer_unfit (count, scorer, rule) · variables_missing (count, name) · large (requests)
    """

    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigurationPlan:
    """What one configuration is asked. `cost`: None where the price is not known; of what is not in the cache. Tokens likewise.

    `measured`: the estimate of output tokens and seconds comes from this owner's earlier answers of the model, else from rules of thumb.
    """

    configuration_id: str
    name: str
    model: str
    requests: int
    from_cache: int
    input_tokens: Span
    output_tokens: Span
    cost: tuple[Span, str] | None
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a draft would ask and take. `requests`: in all, the judge's too; `from_cache` of them are answered already.

    Tokens, seconds and cost are those of the requests that are sent. `cost`: in one currency for all, None where any price is unknown.
    """

    name: str
    set_id: str
    set_name: str
    version: int
    questions: int
    requests: int
    judge_requests: int
    from_cache: int
    input_tokens: Span
    output_tokens: Span
    cost: tuple[Span, str] | None
    seconds: Span
    configurations: tuple[ConfigurationPlan, ...]
    warnings: tuple[PlanWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a batch does not go on just now, or was paused. `until`: when it tries again. `since`: from when it waits.

    `provider_id`, `configuration`: whose turn it would be, "" for all. `error`: what the provider said last. `allowed`: requests a second
    that the provider takes, as far as its 429s taught; None as long as it met no limit.
    """

    reason: WaitReason
    since: datetime | None = None
    until: datetime | None = None
    provider_id: str = ""
    configuration: str = ""
    error: ModeltrainError | None = None
    allowed: float | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationProgress:
    """How far a batch is with one configuration. `configuration_id`: of the batch, also when the configuration is gone.

    `score`: mean of the scored answers, 0 to 1. `gave_up`: why its remaining questions were not even asked (a wrong key, no such model).
    """

    configuration_id: str
    name: str
    model: str
    provider_id: str
    total: int
    answered: int
    failed: int
    cached: int
    scored: int
    score: float | None
    output_tokens: int
    cost: Decimal | None
    currency: str
    gave_up: ModeltrainError | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands. Counts are of answers; `total` = questions x configurations x repetitions.

    `score`: mean of all scored answers by their questions' weights, 0 to 1, None where nothing is scored. `rate`: answers a second lately
    (0.0 when not running), `time_left_s`: at that rate, None where it cannot be told. `judged` of `judge_total` verdicts are there,
    of `judge_model` ("" for no judge).
    `asking`: requests under way. `waiting_for`: why it does not go on, also when it was paused.
    """

    id: str
    name: str
    state: BatchState
    set_id: str
    set_name: str
    set_version: int
    questions: int
    total: int
    answered: int
    failed: int
    asking: int
    cached: int
    score: float | None
    configurations: tuple[ConfigurationProgress, ...]
    draft: BatchDraft
    rate: float
    time_left_s: float | None
    waiting_for: Waiting | None
    judge_total: int
    judged: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    judge_model: str = ""

    @property
    def open(self) -> int:
        """Answers that are neither there nor given up."""
        return self.total - self.answered - self.failed

    @property
    def ended(self) -> bool:
        return self.state in ("completed", "cancelled", "failed")

    @property
    def active(self) -> bool:
        return self.state in ("running", "pausing")


@dataclass(frozen=True, slots=True)
class Answer:
    """One question asked of one configuration. `content` and `reasoning` are raw: sanitise before drawing or printing.

    `repetition` counts from 1. `usage`, times (milliseconds) and `cost` are None where not known; of an answer from the cache the times
    are those of the request that brought it, and it cost nothing. `attempts`: requests sent. `stars`: 1 to 5, a person's.
    `error`: why it failed, or what the last attempt brought while it waits for another one.
    """

    id: str
    batch_id: str
    question: Question
    configuration_id: str
    configuration_name: str
    model: str
    repetition: int
    state: AnswerState
    content: str = ""
    reasoning: str = ""
    finish: FinishReason | None = None
    usage: Usage | None = None
    ttft_ms: int | None = None
    ttfa_ms: int | None = None
    total_ms: int | None = None
    cost: Decimal | None = None
    currency: str = ""
    error: ModeltrainError | None = None
    attempts: int = 0
    from_cache: bool = False
    score: Score | None = None
    stars: int | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge said of two answers to one question. `first`: with the left answer shown first; `second`: with the right one first.

    Each is "left", "right", "tie" or None (not asked, failed or not understood). `winner`: of both; where they disagree it is a tie.
    """

    id: str
    question_number: int
    type: str
    repetition: int
    left_configuration_id: str
    right_configuration_id: str
    left_length: int
    right_length: int
    first: Literal["left", "right", "tie"] | None
    second: Literal["left", "right", "tie"] | None
    winner: Literal["left", "right", "tie"] | None
    first_reason: str = ""
    second_reason: str = ""
    error: ModeltrainError | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and how many there are in all."""

    items: tuple[T, ...]
    total: int


@dataclass(frozen=True, slots=True)
class BatchUpdate:
    """What a watcher gets: the batch as it is now, and the answers that came since the last update (at most `NEWEST`, the newest last)."""

    batch: Batch
    newest: tuple[Answer, ...] = ()


#: How many new answers an update carries at most.
NEWEST = 20
