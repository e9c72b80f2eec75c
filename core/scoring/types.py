"""What scorers take and give: frozen, plain values that pickle and that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

#: "none": the answer is kept and not scored. "judge": a model is asked (core/scoring/judge.py), never by `score`.
ScorerName = Literal["none", "exact", "contains", "choice", "regex", "numeric", "json", "json_schema", "bleu", "chrf", "rouge_l", "judge"]

#: Why an answer has no score: sentences are written by the screens.
#: no_expected: nothing to compare with · options: they do not hold (details: option, rule) · too_long: the text is longer than this
#: scorer takes (details: limit, characters) · took_too_long: stopped (details: seconds) · unreadable_judge: the judge's verdict could
#: not be read · needs_judge: `score` was asked for what a model has to judge · broke: the scorer failed (details: error)
ScoreProblem = Literal["no_expected", "options", "too_long", "took_too_long", "unreadable_judge", "needs_judge", "broke"]


class QuestionLike(Protocol):
    """What of a question a scorer needs: a Question of core/questions is one, and so is `Scored`."""

    @property
    def expected(self) -> str | None: ...

    @property
    def scorer(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Scored:
    """A question as a scorer sees it. `scorer` "" means the default for what is expected."""

    expected: str | None
    scorer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """How good an answer is: `value` from 0 to 1; None with `problem` where there is none, and for the scorer "none".

    `passed`: for the scorers that pass or fail, and for the others where the option `pass_at` says from which value on; else None.
    `details`: plain values (JSON) that tell why, by scorer; docs/scoring.md lists them.
    """

    value: float | None
    passed: bool | None
    scorer: str
    details: Mapping[str, Any] = field(default_factory=dict)
    problem: ScoreProblem | None = None

    def to_json(self) -> dict[str, Any]:
        """As stored and exported."""
        return {
            "value": self.value,
            "passed": self.passed,
            "scorer": self.scorer,
            "details": dict(self.details),
            "problem": self.problem,
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Score:
        """What `to_json` gave."""
        return Score(stored["value"], stored["passed"], stored["scorer"], dict(stored["details"]), stored["problem"])


#: flag: true or false · number · tolerance: a number, or text such as "2%" · whole: an integer · text · choice: one of `choices` ·
#: texts: one text or a list of them · pattern: a regular expression · schema: a JSON schema, as an object or as text
OptionKind = Literal["flag", "number", "tolerance", "whole", "text", "choice", "texts", "pattern", "schema"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a scorer. `low` and `high` bound a number, both included. `required`: without it there is nothing to score by."""

    name: str
    kind: OptionKind
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """A scorer as it is offered. `graded`: gives values between 0 and 1, not only 0 or 1. `asks_model`: costs requests."""

    name: ScorerName
    needs_expected: bool
    options: tuple[Option, ...] = ()
    graded: bool = False
    asks_model: bool = False


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """What is wrong with an option. `rule`: unknown_scorer, unknown_option, required, wrong_type, not_a_choice, out_of_range, too_long,
    not_a_pattern, not_a_schema. `fields`: plain values for the sentence.
    """

    option: str
    rule: str
    fields: Mapping[str, Any] = field(default_factory=dict)
