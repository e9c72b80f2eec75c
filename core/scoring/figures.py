"""What the statistics of a batch take and give. Shares are from 0 to 1, times in milliseconds, intervals of 95 % unless asked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

#: waiting: not asked yet, or in doubt · answered · failed: asked, and no answer came
AnswerState = Literal["waiting", "answered", "failed"]


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """One answer of a batch, as far as statistics need it.

    `key`: the configuration (statistics are per key, `name` is shown). `question`: what makes answers of several keys a pair.
    `value`, `passed`: of its Score. `corpus`: the `corpus` of its Score's details, for BLEU and chrF over all answers.
    `length`: characters of the answer.
    """

    question: str
    key: str
    name: str
    state: AnswerState = "answered"
    type: str = ""
    scorer: str = ""
    value: float | None = None
    passed: bool | None = None
    weight: float = 1.0
    ttft_ms: float | None = None
    total_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    currency: str | None = None
    stars: int | None = None
    length: int | None = None
    corpus: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A share or a mean from 0 to 1 with its confidence interval. `count`: values it rests on.

    `method`: wilson (passes), bootstrap (graded values), wilson_bound (too few or too equal graded values for a bootstrap: as wide as
    passes would have it, never too narrow).
    """

    value: float
    low: float
    high: float
    count: int
    method: Literal["wilson", "bootstrap", "wilson_bound"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How values lie: `count` of them, percentiles interpolated linearly."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One configuration, over all its answers or those of one type.

    `total` answers = `answered` + `failed` + `missing`. `score`: weighted mean of the values, a question counting once however often
    it was repeated. `passes`: share of passed among those that pass or fail. `error_rate`: failed of answered and failed.
    `unscored`: answered, but without a value. `cost` by currency, of the answers whose cost is known (`costed`).
    `corpus`: BLEU and chrF as sacrebleu gives them for all answers as one corpus, from 0 to 1, by name: "bleu/13a", "bleu/zh", "chrf".
    `tokens_per_s`: output tokens of all answers over the time they took after the first token.
    """

    key: str
    name: str
    total: int
    answered: int
    failed: int
    missing: int
    unscored: int
    score: Interval | None
    passes: Interval | None
    error_rate: Interval | None
    ttft_ms: Spread | None
    total_ms: Spread | None
    input_tokens: int
    output_tokens: int
    output_tokens_each: Spread | None
    tokens_per_s: float | None
    cost: Mapping[str, Decimal]
    costed: int
    stars: float | None
    starred: int
    corpus: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """All configurations over the questions of one type; `type` "" for questions without one. `questions`: how many."""

    type: str
    questions: int
    models: tuple[Figures, ...]


#: left, right: it is better, and that could hardly be chance · chance: the difference could be chance · same: no question was answered
#: differently · too_few: fewer than six questions differ, no test can tell
Conclusion = Literal["left", "right", "chance", "same", "too_few"]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two configurations over the `questions` that both were scored on (those of weight 0 left out).

    `test`: mcnemar (exact; passes) or permutation (graded, weighted or repeated values). `difference`: the left score minus the right
    one; `low`, `high`: its interval (paired bootstrap). `left_better`, `right_better`, `equal`: questions. `p`: how often chance alone
    would make a difference at least as large; `p_adjusted`: by Holm for all pairs of this table, what `conclusion` rests on.
    `left_only`, `right_only`: questions on which only one was scored; they are not part of the test.
    """

    left: str
    right: str
    test: Literal["mcnemar", "permutation"]
    questions: int
    left_score: float
    right_score: float
    difference: float
    low: float
    high: float
    left_better: int
    right_better: int
    equal: int
    left_only: int
    right_only: int
    p: float
    p_adjusted: float
    conclusion: Conclusion


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything that a report says in numbers. `models` in the order in which their keys first came; so is `paired`, left first.

    `confidence`: of all intervals; `alpha` = 1 - confidence: below it a difference is called one. `seed`: same answers, same numbers.
    """

    questions: int
    models: tuple[Figures, ...]
    types: tuple[TypeFigures, ...]
    paired: tuple[PairedTest, ...]
    confidence: float
    rounds: int
    seed: int

    def of(self, key: str) -> Figures | None:
        """The figures of one configuration."""
        return next((figures for figures in self.models if figures.key == key), None)
