"""Who is best, as far as the votes tell: ratings by Bradley-Terry, intervals by bootstrap, and honesty where votes are few.

A rating is 1000 + 400 / ln(10) * strength: 400 points more means ten wins for each loss, as with Elo. "Both bad" counts as a tie.
Whole rounds are drawn again by the bootstrap, as the votes between three candidates of one round hang together. Where every drawn
sample says the same (three wins of three), the bootstrap knows no doubt at all: an interval is never narrower than what the model
itself says of so few votes (the normal approximation at the strengths found).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.compare.bradley_terry import Floats
    from core.compare.types import Vote

#: Rounds a model must have taken part in before it has a rank. Ten wins of ten still leave an interval of hundreds of points.
ENOUGH_VOTES = 10
LEVEL = 1000.0
POINTS = 400.0 / math.log(10.0)
#: Standard deviations to each side that hold 95 % of a normal distribution; and the same as percentiles of the bootstrap.
_SIDES = 1.959963984540054
_PERCENTILES = (2.5, 97.5)
#: Numbers held at once by the bootstrap: samples are drawn and fitted in lots (2 MB).
_AT_ONCE = 250_000

#: A duel: places of two models (the lower first), and the half wins of the first: 2 won, 1 tie, 0 lost.
Duel = tuple[int, int, int]
_HALF_WINS = {"left": 2, "right": 0}
#: The duels of one round.
Pattern = tuple[Duel, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One model of a leaderboard. `rating`, `low` and `high` (of 95 %) in points around 1000, the mean of its group.

    `wins`, `losses`, `ties` count duels (a round of three candidates has two or three), `votes` counts rounds. `enough`: whether there
    are votes enough for a rank; `rank`: 1 + how many ranked models of its group are better beyond doubt (their `low` above its `high`),
    None where not `enough`. `group`: 0, 1, ...: models of different groups never met, not even through others: their ratings say
    nothing of each other. `unbeaten`, `winless`: the rating is finite only because of the prior.
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
    """The best first within each group, the largest group first. `rounds`: samples that the bootstrap draws; `seed` makes it repeatable.

    A vote between two configurations of the same model says nothing about models: it is left out. () without any vote. 20 models and
    2,000 votes take 0.3 s: call it in a thread.
    """
    patterns, models = _patterns(votes)
    board: list[Ranked] = []
    for group, members in enumerate(_groups(patterns, len(models))):
        place = {old: new for new, old in enumerate(members)}
        inside: Counter[Pattern] = Counter()
        for pattern, times in patterns.items():
            duels = tuple((place[a], place[b], half) for a, b, half in pattern if a in place)
            if duels:
                inside[duels] += times
        board += _ranked(inside, [models[member] for member in members], group, rounds, seed)
    return tuple(board)


def by_type(votes: Iterable[Vote], *, rounds: int = 1000, seed: int = 0) -> Mapping[str, tuple[Ranked, ...]]:
    """A leaderboard for each type of question that was voted on, by name of the type ("": questions without a type)."""
    sorted_votes: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        sorted_votes[vote.type].append(vote)
    return {name: leaderboard(sorted_votes[name], rounds=rounds, seed=seed) for name in sorted(sorted_votes)}


def _patterns(votes: Iterable[Vote]) -> tuple[Counter[Pattern], list[str]]:
    """How often rounds of each kind were voted on, with models as places in a list of their names."""
    places: dict[str, int] = {}
    by_round: defaultdict[str, list[Duel]] = defaultdict(list)
    for vote in votes:
        if vote.left_model == vote.right_model:
            continue
        left, right = (places.setdefault(model, len(places)) for model in (vote.left_model, vote.right_model))
        half = _HALF_WINS.get(vote.outcome, 1)
        by_round[vote.round_id].append((left, right, half) if left < right else (right, left, 2 - half))
    return Counter(tuple(sorted(duels)) for duels in by_round.values()), list(places)


def _groups(patterns: Iterable[Pattern], models: int) -> list[list[int]]:
    """Places of models that are connected by votes, the largest group first."""
    group = list(range(models))

    def root(place: int) -> int:
        while group[place] != place:
            group[place] = group[group[place]]
            place = group[place]
        return place

    for pattern in patterns:
        for left, right, _ in pattern:
            group[root(left)] = root(right)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(models):
        members[root(place)].append(place)
    return sorted(members.values(), key=lambda places: (-len(places), places[0]))


def _ranked(patterns: Counter[Pattern], models: Sequence[str], group: int, rounds: int, seed: int) -> list[Ranked]:
    """The leaderboard of one group."""
    tallies = _tallies(patterns, len(models))
    ratings, lows, highs = _ratings(patterns, len(models), rounds, seed)
    rows = [
        Ranked(
            model=model,
            rating=ratings[place],
            low=lows[place],
            high=highs[place],
            wins=tally["wins"],
            losses=tally["losses"],
            ties=tally["ties"],
            votes=tally["votes"],
            enough=tally["votes"] >= ENOUGH_VOTES,
            group=group,
            unbeaten=not tally["losses"] and not tally["ties"],
            winless=not tally["wins"] and not tally["ties"],
        )
        for place, (model, tally) in enumerate(zip(models, tallies, strict=True))
    ]
    rows.sort(key=lambda row: (-row.rating, row.model))
    judged = [row for row in rows if row.enough]
    return [replace(row, rank=1 + sum(other.low > row.high for other in judged)) if row.enough else row for row in rows]


def _tallies(patterns: Counter[Pattern], models: int) -> list[Counter[str]]:
    """Wins, losses and ties in duels, and votes in rounds, of each model."""
    names = (("losses", "wins"), ("ties", "ties"), ("wins", "losses"))
    tallies: list[Counter[str]] = [Counter() for _ in range(models)]
    for pattern, times in patterns.items():
        for left, right, half in pattern:
            tallies[left][names[half][0]] += times
            tallies[right][names[half][1]] += times
        for place in {place for duel in pattern for place in duel[:2]}:
            tallies[place]["votes"] += times
    return tallies


def _ratings(patterns: Counter[Pattern], models: int, rounds: int, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Rating, low and high of each model, in points."""
    import numpy as np

    from core.compare.bradley_terry import PRIOR, covariance, fit

    times = np.array(list(patterns.values()), dtype=np.float64)
    tables = _Tables(list(patterns), models)
    wins = tables.of(times[None])[0]
    strengths = fit(wins)
    # The doubt about the common level of all is not one about the models: without votes each strength would have 1 / (2 * PRIOR) of it.
    variance = np.diag(covariance(wins, strengths)) - 1 / (2 * PRIOR * models)
    doubt = _SIDES * np.sqrt(np.maximum(variance, 0.0))
    low, high = strengths - doubt, strengths + doubt
    if rounds:
        drawn = _bootstrap(tables, times, rounds, seed)
        bounds = np.percentile(drawn, _PERCENTILES, axis=0)
        low, high = np.minimum(low, bounds[0]), np.maximum(high, bounds[1])
    return _points(strengths), _points(low), _points(high)


def _points(strengths: Floats) -> list[float]:
    return [LEVEL + POINTS * float(strength) for strength in strengths]


def _bootstrap(tables: _Tables, times: Floats, rounds: int, seed: int) -> Floats:
    """Strengths by `rounds` samples of as many rounds as there were, drawn from them; shape (rounds, models)."""
    import numpy as np

    from core.compare.bradley_terry import fit

    draw, total, shares = np.random.default_rng(seed), int(times.sum()), times / times.sum()
    at_once = max(1, _AT_ONCE // max(tables.models**2, len(times)))
    sizes = [min(at_once, rounds - start) for start in range(0, rounds, at_once)]
    return np.concatenate([fit(tables.of(draw.multinomial(total, shares, size=size))) for size in sizes])


class _Tables:
    """Makes tables of wins from how often each pattern came."""

    def __init__(self, patterns: Sequence[Pattern], models: int) -> None:
        import numpy as np

        self.models = models
        entries = sorted(
            (winner * models + loser, number, half / 2)
            for number, pattern in enumerate(patterns)
            for left, right, halves in pattern
            for winner, loser, half in ((left, right, halves), (right, left, 2 - halves))
            if half
        )
        cells = np.array([cell for cell, _, _ in entries])
        self._cells, self._starts = np.unique(cells, return_index=True)
        self._patterns = np.array([number for _, number, _ in entries])
        self._worth = np.array([worth for _, _, worth in entries])

    def of(self, counts: NDArray[Any]) -> Floats:
        """Tables of shape (k, models, models) from `counts` of shape (k, patterns)."""
        import numpy as np

        tables = np.zeros((len(counts), self.models**2))
        tables[:, self._cells] = np.add.reduceat(counts[:, self._patterns] * self._worth, self._starts, axis=1)
        return tables.reshape(len(counts), self.models, self.models)
