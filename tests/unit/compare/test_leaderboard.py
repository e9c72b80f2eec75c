"""The leaderboard: the same strengths as an independent solver, honest intervals, nothing infinite."""

from __future__ import annotations

from datetime import UTC, datetime

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compare.bradley_terry import LEAST_PRIOR, PRIOR, fit
from core.compare.leaderboard import ENOUGH_VOTES, LEVEL, POINTS, by_type, leaderboard
from core.compare.types import Outcome, Vote

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def vote(left: str, right: str, outcome: Outcome, round_id: object, kind: str = "") -> Vote:
    return Vote(str(round_id), left, right, outcome, kind, NOW)


def generated(models: int, duels: int, ties: float = 0.2, seed: int = 1) -> tuple[np.ndarray, list[tuple[int, int]], np.ndarray]:
    """A table of wins, the same for choix (where everything counts twice, as it knows no halves), and the true strengths."""
    draw = np.random.default_rng(seed)
    true = draw.normal(0, 1.2, models)
    wins, pairs = np.zeros((models, models)), []
    for _ in range(duels):
        i, j = draw.choice(models, 2, replace=False)
        if draw.random() < ties:
            wins[i, j] += 0.5
            wins[j, i] += 0.5
            pairs += [(i, j), (j, i)]
            continue
        if draw.random() > 1 / (1 + np.exp(true[j] - true[i])):
            i, j = j, i
        wins[i, j] += 1
        pairs += [(i, j)] * 2
    return wins, pairs, true


@pytest.mark.parametrize(("models", "duels", "prior"), [(3, 40, PRIOR), (8, 400, PRIOR), (12, 500, 3.0), (20, 400, 0.01)])
def test_strengths_agree_with_choix(models: int, duels: int, prior: float) -> None:
    wins, pairs, _true = generated(models, duels, seed=models)
    theirs = choix.opt_pairwise(models, pairs, alpha=2 * prior, method="BFGS", tol=1e-9)
    assert fit(wins, prior=prior) == pytest.approx(theirs, abs=1e-5)


def test_with_hardly_any_prior_strengths_agree_with_choix_by_another_method() -> None:
    wins, pairs, _true = generated(10, 800)
    theirs = choix.mm_pairwise(10, pairs, tol=1e-10)
    assert fit(wins, prior=LEAST_PRIOR) == pytest.approx(theirs - theirs.mean(), abs=1e-5)


def test_many_tables_at_once_give_what_each_gives_alone() -> None:
    tables = np.stack([generated(6, 50 * (1 + number), seed=number)[0] for number in range(5)])
    assert fit(tables) == pytest.approx(np.stack([fit(table) for table in tables]), abs=1e-6)


def test_a_model_that_won_a_million_times_and_never_lost_stays_finite() -> None:
    strengths = fit(np.array([[0, 1e6], [0, 0]]))
    assert np.isfinite(strengths).all() and strengths[0] > 5
    with pytest.raises(ValueError, match="prior"):
        fit(np.zeros((2, 2)), prior=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([0, 0.5, 1, 40, 5000])), max_size=20))
def test_strengths_are_where_the_slope_is_flat(duels: list[tuple[int, int, float]]) -> None:
    wins = np.zeros((5, 5))
    for i, j, times in duels:
        if i != j:
            wins[i, j] += times
    found = fit(wins)
    unexpected = wins / (1 + np.exp(found[:, None] - found[None, :]))
    slope = unexpected.sum(axis=0) - unexpected.sum(axis=1) + 2 * PRIOR * found
    assert np.abs(slope).max() < 1e-4 * max(1.0, wins.max()) ** 0.5
    assert found.sum() == pytest.approx(0, abs=1e-5)


def test_no_votes_no_leaderboard() -> None:
    assert leaderboard([]) == ()
    assert by_type([]) == {}


def test_a_few_votes_are_too_few_to_rank_and_say_so() -> None:
    first, second = leaderboard([vote("a", "b", "left", number) for number in range(3)])
    assert (first.model, first.wins, first.losses, first.ties, first.votes, first.unbeaten, first.winless) == ("a", 3, 0, 0, 3, True, False)
    assert (second.wins, second.losses, second.unbeaten, second.winless) == (0, 3, False, True)
    assert not first.enough and first.rank is None and second.rank is None
    # Every sample of three wins out of three is three wins: the bootstrap alone would be sure.
    assert first.high - first.low > 400 and first.low < second.high


def test_enough_votes_rank_and_overlapping_intervals_share_a_rank() -> None:
    close = [vote("a", "b", "left" if number % 2 else "right", number) for number in range(40)]
    clear = [vote("a", "c", "right" if number % 10 == 0 else "left", f"x{number}") for number in range(60)]
    board = {row.model: row for row in leaderboard(close + clear)}
    assert all(row.enough for row in board.values())
    assert board["a"].rank == board["b"].rank == 1
    assert board["c"].rank is not None and board["c"].rank > 1


@pytest.mark.parametrize("outcome", ["tie", "both_bad"])
def test_ties_and_both_bad_leave_models_equal(outcome: Outcome) -> None:
    left, right = leaderboard([vote("a", "b", outcome, number) for number in range(ENOUGH_VOTES)])
    assert left.rating == right.rating == pytest.approx(LEVEL)
    assert (left.ties, left.votes, left.enough, left.rank, right.rank) == (10, 10, True, 1, 1)
    assert not left.unbeaten and not left.winless


def test_ratings_are_strengths_in_points() -> None:
    wins, _pairs, _true = generated(3, 60, ties=0)
    votes = [vote(f"m{i}", f"m{j}", "left", f"{i}{j}{n}") for i in range(3) for j in range(3) for n in range(int(wins[i, j]))]
    board = {row.model: row.rating for row in leaderboard(votes, rounds=10)}
    assert [board[f"m{i}"] for i in range(3)] == pytest.approx([LEVEL + POINTS * strength for strength in fit(wins)], abs=1e-3)


def test_models_that_never_met_are_in_groups_of_their_own() -> None:
    votes = [vote("a", "b", "left", 1), vote("b", "c", "left", 2), vote("x", "y", "right", 3)]
    board = leaderboard(votes)
    assert [(row.model, row.group) for row in board] == [("a", 0), ("b", 0), ("c", 0), ("y", 1), ("x", 1)]
    assert sum(row.rating for row in board if row.group == 1) / 2 == pytest.approx(LEVEL)


def test_a_model_against_itself_is_no_vote() -> None:
    assert leaderboard([vote("a", "a", "left", 1)]) == ()


def test_a_round_of_three_is_one_vote_and_two_duels() -> None:
    board = {row.model: row for row in leaderboard([vote("a", "b", "left", 1), vote("a", "c", "left", 1)])}
    assert (board["a"].wins, board["a"].votes, board["b"].losses, board["b"].votes) == (2, 1, 1, 1)


def test_duels_of_one_round_are_drawn_together() -> None:
    """Where each round says the same thing twice, doubt must not shrink as if there were twice as many rounds."""
    together = leaderboard([vote(*pair, n) for n in range(40) for pair in _repeated(n)], seed=3)
    apart = leaderboard([vote(*pair, f"{n}-{at}") for n in range(40) for at, pair in enumerate(_repeated(n))], seed=3)
    assert together[0].high - together[0].low > 1.15 * (apart[0].high - apart[0].low)


def _repeated(number: int) -> list[tuple[str, str, Outcome]]:
    outcome: Outcome = "left" if number % 3 else "right"
    return [("a", "b", outcome)] * 3


def test_the_same_seed_gives_the_same_intervals_and_another_order_the_same_board() -> None:
    votes = [vote("a", "b", "left" if number % 3 else "right", number) for number in range(30)]
    assert leaderboard(votes, seed=5) == leaderboard(votes, seed=5)
    other = leaderboard(list(reversed(votes)), seed=5)
    assert [row.rating for row in other] == pytest.approx([row.rating for row in leaderboard(votes, seed=5)], abs=1e-3)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    inside = total = 0
    for seed in range(12):
        draw = np.random.default_rng(seed)
        true = draw.normal(0, 1, 6)
        votes = []
        for number in range(300):
            i, j = draw.choice(6, 2, replace=False)
            wins = draw.random() < 1 / (1 + np.exp(true[j] - true[i]))
            votes.append(vote(f"m{i}", f"m{j}", "left" if wins else "right", number))
        for row in leaderboard(votes, rounds=200, seed=seed):
            at = LEVEL + POINTS * (true[int(row.model[1:])] - true.mean())
            inside += row.low <= at <= row.high
            total += 1
    assert 0.9 <= inside / total <= 1.0


def test_each_type_of_question_has_a_leaderboard_of_its_own() -> None:
    votes = [vote("a", "b", "left", 1, "code"), vote("a", "b", "right", 2, "写作"), vote("a", "c", "left", 3)]
    boards = by_type(votes)
    assert list(boards) == ["", "code", "写作"]
    assert [row.model for row in boards["code"]] == ["a", "b"]
    assert [row.model for row in boards["写作"]] == ["b", "a"]
    assert {row.model for row in boards[""]} == {"a", "c"}
