"""Who is best, as far as the votes tell: ratings by Bradley-Terry, intervals by bootstrap, and honesty where votes are few.

A rating is 1000 + 400 / ln(10) * strength: 400 points more means ten wins for each loss, as with Elo. "Both bad" counts as a tie.
Whole rounds are drawn again by the bootstrap, as the votes between three candidates of one round hang together. Where every drawn
sample says the same (three wins of three), the bootstrap knows no doubt at all: an interval is never narrower than what the model
itself says of so few votes (the normal approximation at the strengths found).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.compare.types import Vote

#: Rounds a model must have taken part in before it has a rank. Ten wins of ten still leave an interval of hundreds of points.
ENOUGH_VOTES = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """One model of a leaderboard. `rating`, `low` and `high` (of 95 %) in points around 1000, the mean of its group.

    `wins`, `losses`, `ties` count duels (a round of three candidates has two or three), `votes` counts rounds. `enough`: whether there
    are votes enough for a rank; `rank`: 1 + how many models of its group are better beyond doubt (their `low` above its `high`), None
    where not `enough`. `group`: 0, 1, ...: models of different groups never met, not even through others: their ratings say nothing of
    each other. `unbeaten`, `winless`: the rating is finite only because of the prior.
    """

    model: str
    rating: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int
    votes: int
    enough: bool
    rank: int | None = None
    group: int = 0
    unbeaten: bool = False
    winless: bool = False


def leaderboard(votes: Iterable[Vote], *, rounds: int = 1000, seed: int = 0) -> tuple[Ranked, ...]:
    """The best first within each group, the largest group first. `rounds`: how many samples the bootstrap draws; `seed` makes it repeatable.

    A vote between two configurations of the same model says nothing about models: it is left out. () without any vote. May take 1 s
    for dozens of models: call it in a thread.
    """
    raise NotImplementedError


def by_type(votes: Iterable[Vote], *, rounds: int = 1000, seed: int = 0) -> Mapping[str, tuple[Ranked, ...]]:
    """A leaderboard for each type of question that was voted on, by name of the type ("": questions without a type)."""
    raise NotImplementedError
