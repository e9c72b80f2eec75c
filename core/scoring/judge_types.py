"""What a judge model is asked and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: An answer of a pair, or "tie"; None where the judge's text could not be read.
Winner = Literal["left", "right", "tie"]


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """One request to the judge. `kind`: a pair of answers or a grade for one. `swapped`: the right answer was shown first.

    `mark`: the word that the judge must repeat in its verdict; it is made from all texts, so no answer can contain it.
    `quoted`: the texts shown, so that a verdict quoted from an answer is not taken for the judge's own.
    """

    kind: Literal["pair", "grade"]
    system: str
    user: str
    mark: str
    swapped: bool = False
    low: int = 1
    high: int = 10
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one text of the judge says. `winner` is told in the order of the question (swapping undone); `grade` from low to high.

    `readable` False: neither is known. `reason`: the judge's words without its verdict, at most 2,000 characters.
    """

    kind: Literal["pair", "grade"]
    winner: Winner | None = None
    grade: float | None = None
    reason: str = ""

    @property
    def readable(self) -> bool:
        return self.winner is not None or self.grade is not None


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """Two answers judged in both orders. Disagreement is a tie, `flipped`. `winner` None: a text could not be read.

    `decided`: how many of the two texts named a winner; `first_shown`: in how many of them it was the answer shown first: 2 of 2 is a
    judge that looks at the place. `left_length`, `right_length` in characters.
    """

    winner: Winner | None
    flipped: bool
    first_shown: int
    left_length: int
    right_length: int
    reasons: tuple[str, str] = ("", "")
    decided: int = 2

    def to_json(self) -> dict[str, Any]:
        """As stored and exported."""
        return {
            "winner": self.winner,
            "flipped": self.flipped,
            "first_shown": self.first_shown,
            "left_length": self.left_length,
            "right_length": self.right_length,
            "reasons": list(self.reasons),
            "decided": self.decided,
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> PairVerdict:
        """What `to_json` gave."""
        first, second = stored["reasons"]
        values = {**stored, "reasons": (first, second)}
        return PairVerdict(**values)


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    """How far a judge can be trusted. Shares from 0 to 1 with 95 % intervals as (value, low, high); None where nothing to count.

    `flips`: pairs whose winner changed with the order; `flip_rate` of the readable ones. `first_rate`: share of decided verdicts for
    the answer shown first (0.5 is fair). `longer_rate`: share of decided pairs won by the longer answer (0.5 is fair).
    `length_correlation`: Spearman's rank correlation of grades with answers' lengths, within questions where several were graded, from
    -1 to 1. `same_family`: candidates that the judge is akin to. `warnings`: of flips (one pair in five or more), place (the first or the
    second is preferred, and that is no chance), length (likewise the longer), unreadable (one text in twenty or more), family.
    """

    pairs: int = 0
    grades: int = 0
    unreadable: int = 0
    flips: int = 0
    flip_rate: tuple[float, float, float] | None = None
    first_rate: tuple[float, float, float] | None = None
    longer_rate: tuple[float, float, float] | None = None
    length_correlation: float | None = None
    warnings: tuple[str, ...] = ()
    same_family: tuple[str, ...] = ()
