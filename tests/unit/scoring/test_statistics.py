"""Statistics of batches: against scipy where it knows the answer, against counting where nothing else does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.scoring.figures import AnswerFigures, PairedTest, Statistics
from core.scoring.intervals import paired_bound
from core.scoring.resampling import bootstrap, permutation
from core.scoring.statistics import holm, mcnemar, score_interval, summarise, weighted_score, wilson

SHARE = st.floats(0, 1, allow_subnormal=False)


def rows_of(values: Mapping[str, Sequence[float | None]], **more: Any) -> list[AnswerFigures]:
    """One row for each configuration and question."""
    return [
        AnswerFigures(f"q{at:05}", key, f"model {key}", value=value, **more) for key, of in values.items() for at, value in enumerate(of)
    ]


def pair_of(left: Sequence[float | None], right: Sequence[float | None], **more: Any) -> PairedTest:
    (test,) = summarise(rows_of({"left": left, "right": right}), **more).paired
    return test


# Intervals and tests ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(successes: int, failures: int, confidence: float) -> None:
    count = successes + failures
    low, high = wilson(successes, count, confidence=confidence)
    if not count:
        assert (low, high) == (0, 1)
        return
    theirs = stats.binomtest(successes, count).proportion_ci(confidence, method="wilson")
    assert (low, high) == (pytest.approx(theirs.low, abs=1e-9), pytest.approx(theirs.high, abs=1e-9))


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(left: int, right: int) -> None:
    theirs = stats.binomtest(left, left + right).pvalue if left + right else 1.0
    assert mcnemar(left, right) == pytest.approx(theirs, rel=1e-9)


def test_mcnemar_holds_for_very_many_questions() -> None:
    assert mcnemar(5_000, 5_000) == 1
    assert mcnemar(20_000, 19_000) == pytest.approx(stats.binomtest(20_000, 39_000).pvalue, rel=1e-6)


@given(st.lists(SHARE, max_size=8))
def test_holm_is_the_step_down_of_the_book(values: list[float]) -> None:
    found = holm(values)
    assert len(found) == len(values)
    for value, adjusted in zip(values, found, strict=True):
        # The largest over all that are at most as large, of each times how many are at least as large.
        order = sorted(values)
        last = max(at for at, one in enumerate(order) if one == value)
        assert adjusted == pytest.approx(min(1, max((len(order) - at) * order[at] for at in range(last + 1))))
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))


def test_the_bound_of_a_paired_difference_is_bonett_and_prices() -> None:
    # Their formula, worked by hand for 12 and 4 of 50: 13/52 - 5/52 = 0.1538, half width 1.95996 * sqrt((18/52 - (8/52)^2) / 52).
    low, high = paired_bound(12, 4, 50)
    half = 1.959964 * math.sqrt((18 / 52 - (8 / 52) ** 2) / 52)
    assert (low, high) == (pytest.approx(8 / 52 - half, abs=1e-6), pytest.approx(8 / 52 + half, abs=1e-6))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_few_differences_are_tried_with_all_signs(values: list[int]) -> None:
    (found,) = permutation(np.array(values, float)[:, None], np.ones(len(values)), rounds=10, seed=1)
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    assert found == pytest.approx(sum(one >= abs(sum(values)) for one in sums) / len(sums))


def test_drawn_signs_are_scipys_permutation_test() -> None:
    lots = np.random.default_rng(5)
    columns = lots.normal([0.0, 0.12, 0.4], 1.0, size=(60, 3))
    found = permutation(columns, np.ones(60), rounds=20_000, seed=2)
    for column, p in enumerate(found):
        theirs = stats.permutation_test(
            (columns[:, column],), lambda values, axis: values.mean(axis=axis), permutation_type="samples", n_resamples=20_000, rng=3
        )
        assert p == pytest.approx(theirs.pvalue, abs=0.015)


def test_a_missing_difference_changes_nothing() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, size=(40, 1))
    more = np.vstack([values, [[np.nan]] * 5])
    assert permutation(values, np.ones(40), rounds=5_000, seed=1)[0] == pytest.approx(
        permutation(more, np.ones(45), rounds=5_000, seed=1)[0], abs=0.02
    )


def test_the_bootstrap_is_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).uniform(size=(400, 1))
    ((low,), (high,)) = bootstrap(values, np.ones(400), confidence=0.95, rounds=4_000, seed=1)
    half = 1.96 * values.std(ddof=1) / 20
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=half / 5)


@pytest.mark.parametrize("make", [lambda random: float(random.random() < 0.8), lambda random: random.betavariate(2, 1)])
def test_intervals_cover_the_truth_as_often_as_they_say(make: Callable[[Random], float]) -> None:
    truth = 0.8 if make(Random(0)) in (0.0, 1.0) else 2 / 3
    covered = 0
    for seed in range(200):
        random = Random(seed)
        found = score_interval(rows_of({"a": [make(random) for _ in range(60)]}), rounds=400, seed=seed)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 180 <= covered <= 199


# Figures ------------------------------------------------------------------------------------------------------------------


def test_figures_of_answers_failures_and_what_is_missing() -> None:
    row = AnswerFigures("q1", "a", "m", value=1.0, passed=True, ttft_ms=100, total_ms=1100, input_tokens=10, output_tokens=50)
    rows = [
        replace(row, cost=Decimal("0.1"), currency="USD", stars=5),
        replace(row, question="q2", value=0.0, passed=False, ttft_ms=300, total_ms=2300, cost=Decimal("0.25"), currency="USD", stars=2),
        replace(row, question="q3", value=None, passed=None, output_tokens=None, cost=Decimal(2), currency="CNY"),
        AnswerFigures("q4", "a", "m", state="failed"),
        AnswerFigures("q5", "a", "m", state="waiting"),
    ]
    found = summarise(rows).of("a")
    assert found is not None
    assert (found.total, found.answered, found.failed, found.missing, found.unscored) == (5, 3, 1, 1, 1)
    assert found.score is not None and (found.score.value, found.score.count, found.score.method) == (0.5, 2, "wilson")
    assert found.error_rate is not None and found.error_rate.value == 0.25
    assert found.cost == {"USD": Decimal("0.35"), "CNY": Decimal(2)} and found.costed == 3
    assert (found.stars, found.starred) == (3.5, 2)
    assert found.tokens_per_s == pytest.approx(100 / 3)
    assert found.ttft_ms is not None and (found.ttft_ms.count, found.ttft_ms.p50, found.ttft_ms.high) == (3, 100, 300)
    assert (found.input_tokens, found.output_tokens) == (30, 100)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_percentiles_are_numpys(values: list[float]) -> None:
    rows = [AnswerFigures(f"q{at}", "a", "m", total_ms=value) for at, value in enumerate(values)]
    found = summarise(rows, rounds=1).models[0].total_ms
    assert found is not None
    assert (found.p50, found.p95, found.p99) == pytest.approx(tuple(np.percentile(values, (50, 95, 99))))
    assert found.low <= found.p50 <= found.p95 <= found.p99 <= found.high
    assert found.mean == pytest.approx(math.fsum(values) / len(values))


def test_weights_count() -> None:
    rows = [AnswerFigures("q1", "a", "m", value=1.0, weight=3), AnswerFigures("q2", "a", "m", value=0.0)]
    found = summarise(rows).models[0].score
    assert found is not None and found.value == weighted_score(rows) == 0.75
    # Weights of 3 and 1 are worth 16 / 10 questions, not two.
    assert (found.low, found.high) == pytest.approx(wilson(1.2, 1.6))
    assert weighted_score([]) is None
    assert weighted_score([replace(rows[0], weight=0)]) is None


def test_questions_without_weight_count_nowhere() -> None:
    random = Random(4)
    graded = {key: [random.random() for _ in range(40)] for key in "ab"}
    found = summarise(rows_of(graded, weight=0.0), rounds=20)
    assert all(figures.score is None for figures in found.models)
    assert (found.paired[0].questions, found.paired[0].conclusion, found.paired[0].p) == (0, "too_few", 1)


def test_a_repeated_question_counts_once() -> None:
    once = rows_of({"a": [1.0, 0.0, 1.0, 1.0]})
    thrice = [row for row in once for _ in range(3)]
    found, repeated = (summarise(rows).models[0].score for rows in (once, thrice))
    assert found is not None and repeated is not None
    assert (found.value, found.low, found.high) == (repeated.value, repeated.low, repeated.high)


def test_types_stand_for_themselves() -> None:
    rows = rows_of({"a": [1.0] * 4, "b": [0.0] * 4}, type="maths") + [
        replace(row, question=f"{row.question}x") for row in rows_of({"a": [0.0] * 2}, type="code")
    ]
    found = summarise(rows)
    assert [(each.type, each.questions) for each in found.types] == [("code", 2), ("maths", 4)]
    code, maths = found.types
    assert [figures.score and figures.score.value for figures in maths.models] == [1, 0]
    assert [(figures.key, figures.total) for figures in code.models] == [("a", 2), ("b", 0)]
    assert code.models[1].score is None and code.models[1].error_rate is None


def test_too_few_or_too_equal_graded_values_get_a_wide_interval() -> None:
    for values in ([0.9] * 50, [0.9, 0.8, 1.0]):
        found = summarise(rows_of({"a": list(values)})).models[0].score
        assert found is not None and found.method == "wilson_bound"
        assert found.low < found.value < found.high
    found = summarise(rows_of({"a": [at / 40 for at in range(40)]})).models[0].score
    assert found is not None and found.method == "bootstrap"


def test_nothing_at_all() -> None:
    assert summarise([]) == Statistics(0, (), (), (), 0.95, 1000, 0)
    assert score_interval([]) is None
    (figures,) = summarise([AnswerFigures("q", "a", "m", state="waiting")]).models
    assert (figures.score, figures.error_rate, figures.ttft_ms, figures.missing) == (None, None, None, 1)


@given(st.permutations(list(range(60))), st.integers(0, 5))
def test_the_order_of_answers_does_not_matter(order: list[int], seed: int) -> None:
    random = Random(7)
    rows = rows_of({"a": [random.random() for _ in range(30)], "b": [random.random() for _ in range(30)]})
    shuffled = [rows[at] for at in order]
    first, second = summarise(rows, rounds=20, seed=seed), summarise(shuffled, rounds=20, seed=seed)
    assert {figures.key: figures for figures in first.models} == {figures.key: figures for figures in second.models}
    assert first.paired[0].p == second.paired[0].p


# Paired tests -------------------------------------------------------------------------------------------------------------


def test_passes_are_compared_by_mcnemar() -> None:
    found = pair_of([1.0] * 20 + [0.0] * 10, [1.0] * 8 + [0.0] * 22)
    assert (found.test, found.questions, found.left_better, found.right_better, found.equal) == ("mcnemar", 30, 12, 0, 18)
    assert found.p == pytest.approx(stats.binomtest(12, 12).pvalue)
    assert found.difference == pytest.approx(0.4)
    assert found.low < 0.4 < found.high
    assert found.conclusion == "left"


def test_graded_values_are_compared_by_permutation() -> None:
    random = Random(1)
    right: list[float | None] = [random.random() * 0.8 for _ in range(60)]
    left: list[float | None] = [min(1.0, (value or 0) + random.uniform(-0.1, 0.3)) for value in right]
    found = pair_of(left, right)
    assert (found.test, found.conclusion) == ("permutation", "left")
    assert 0 < found.low < found.difference < found.high
    mirrored = pair_of(right, left)
    assert (mirrored.conclusion, mirrored.p) == ("right", found.p)
    assert mirrored.difference == pytest.approx(-found.difference)


@pytest.mark.parametrize(
    ("left", "right", "conclusion"),
    [
        ([1.0] * 30, [1.0] * 30, "same"),
        ([1.0] * 30, [0.0] * 5 + [1.0] * 25, "too_few"),
        ([1.0] * 30, [0.0] * 6 + [1.0] * 24, "left"),
        ([1.0, 0.0] * 15, [0.0, 1.0] * 15, "chance"),
        ([1.0] * 30, [None] * 30, "too_few"),
        ([0.5, None, 0.25], [None, 0.5, 0.75], "too_few"),
    ],
)
def test_what_is_concluded(left: list[float | None], right: list[float | None], conclusion: str) -> None:
    assert pair_of(left, right).conclusion == conclusion


def test_only_questions_of_both_count_and_the_others_are_told() -> None:
    found = pair_of([1.0, None, 0.0, 1.0], [1.0, 1.0, None, 0.0])
    assert (found.questions, found.left_only, found.right_only) == (2, 1, 1)
    assert (found.left_score, found.right_score) == (1.0, 0.5)


def test_many_pairs_are_held_to_more() -> None:
    better = [1.0] * 7 + [0.0] * 33
    worse = [0.0] * 40
    assert pair_of(list(better), list(worse)).conclusion == "left"
    values: dict[str, list[float | None]] = {f"k{at}": list(worse) for at in range(4)}
    found = summarise(rows_of({"best": list(better), **values})).paired
    assert len(found) == 10
    assert {test.conclusion for test in found} == {"chance", "same"}
    assert all(test.p_adjusted >= test.p for test in found)


def test_chance_alone_is_seldom_called_a_difference() -> None:
    called = 0
    for seed in range(200):
        random = Random(seed)
        values: dict[str, list[float | None]] = {key: [float(random.random() < 0.6) for _ in range(60)] for key in "abc"}
        called += any(test.conclusion in ("left", "right") for test in summarise(rows_of(values), rounds=1).paired)
    assert called <= 20


def test_a_great_batch_is_summed_up_with_the_right_numbers() -> None:
    random = Random(2)
    rows = [
        AnswerFigures(
            f"q{at}", key, key, type=f"t{at % 3}", value=min(1.0, max(0.0, random.gauss(0.5 + bonus, 0.2))), total_ms=random.random()
        )
        for key, bonus in (("a", 0.0), ("b", 0.0), ("c", 0.05))
        for at in range(2_000)
    ]
    found = summarise(rows, rounds=200)
    assert [test.conclusion for test in found.paired] == ["chance", "right", "right"]
    for figures in found.models:
        assert figures.score is not None and figures.score.high - figures.score.low == pytest.approx(4 * 0.2 / math.sqrt(2_000), rel=0.2)
