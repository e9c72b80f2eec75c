"""Every word of a report is in the table of the interface, and every sentence fits its fields."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from pathlib import Path

import pytest

from core.batches.reports import numbers, tables
from core.batches.reports.findings import findings
from core.batches.reports.labels import LABELS, SENTENCES
from core.batches.reports.pictures import pictures
from core.scoring.judge_types import JudgeFigures
from tests.unit.reports.world import MODELS, answers, report, sample, words
from tui import batch_reports

FOLDER = Path(numbers.__file__).parent


def test_the_table_has_exactly_the_keys_of_the_reports() -> None:
    assert set(batch_reports.LABELS) == set(LABELS)
    assert len(set(LABELS)) == len(LABELS)
    assert set(batch_reports.SENTENCES) | set(batch_reports.COUNTED) == set(SENTENCES)


def test_every_key_that_is_said_is_known() -> None:
    said = {key for path in FOLDER.rglob("*.*") for key in re.findall(r'say\("(\w+)"', path.read_text(encoding="utf-8"))}
    assert len(said) > 30
    assert said <= set(LABELS) | set(SENTENCES)


@pytest.mark.parametrize("key", sorted(SENTENCES))
@pytest.mark.parametrize("count", [1, 2])
def test_sentences_take_their_fields_and_no_others(key: str, count: int) -> None:
    fields = {name: count if name == "count" else f"<{name}>" for name in SENTENCES[key]}
    text = batch_reports.say(key, **fields)
    assert "{" not in text
    named = batch_reports.COUNTED[key](count) if key in batch_reports.COUNTED else batch_reports.SENTENCES[key]
    assert {name for _text, name, _spec, _turn in string.Formatter().parse(named) if name} == set(SENTENCES[key])


def test_the_better_one_is_named_first_with_its_interval_and_test() -> None:
    said = [each.said(words().say) for each in findings(sample(200))]
    best = next(text for text in said if "hardly chance" in text)
    assert best.startswith("“qwen2.5-7b@local” scores ")
    assert re.search(r"95 % interval \+\d+\.\d to \+\d+\.\d, \d+ questions\)", best)
    assert "paired permutation test, p = " in best or "McNemar's exact test, p = " in best


def test_a_difference_that_may_be_chance_is_called_so() -> None:
    found = report(list(answers(40, [("a", "left one", 0.7), ("b", "right one", 0.69)])))
    said = [each.said(words().say) for each in findings(found)]
    assert any("That may be chance" in text for text in said)
    assert not any("hardly chance" in text for text in said)


def test_of_many_configurations_only_the_best_is_compared_in_sentences() -> None:
    models = [(f"c{index}", f"model {index}", 0.3 + index * 0.06) for index in range(6)]
    found = report(list(answers(40, models)))
    compared = [each for each in findings(found) if each.key in ("better", "may_differ")]
    assert len(found.statistics.paired) == 15
    assert len(compared) == 5


def test_what_is_missing_or_failed_or_doubtful_is_said() -> None:
    data = sample(60)
    judge = JudgeFigures(
        0, 30, 4, 0, length_correlation=0.71, warnings=("length", "unreadable", "family", "place"), first_rate=(0.7, 0.6, 0.8)
    )
    data = replace(data, batch=replace(data.batch, answered=data.batch.answered - 5), judge=judge)
    said = {each.key: each.said(words().say) for each in findings(data)}
    assert said["missing_answers"] == "5 answers of 180 are missing."
    assert "brought “" in said["errors"]
    assert "0.71" in said["judge_length_grades"]
    assert said["judge_unreadable"].startswith("4 verdicts")
    assert {"judge_family", "judge_place"} <= set(said)


def test_tables_have_mean_percentiles_errors_tokens_cost_and_intervals_by_model_and_type() -> None:
    found = {table.key: table for table in tables.tables(sample(60), words())}
    assert set(found) == {"score", "speed", "use", "by_type", "differences", "judge"}
    keys = {key: [column.key for column in table.columns] for key, table in found.items()}
    assert {"score", "low", "high", "error_rate"} <= set(keys["score"])
    assert {"total_time_mean", "total_time_p50", "total_time_p95", "total_time_p99", "ttft_p50"} <= set(keys["speed"])
    assert {"input_tokens", "output_tokens", "cost"} <= set(keys["use"])
    assert len(found["by_type"].rows) == 9
    for table in found.values():
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert [tables.text(column.kind, value) for column, value in zip(table.columns, table.rows[0], strict=True)]


def test_what_nobody_measured_is_left_out() -> None:
    bare = [replace(each, score=None, cost=None, total_ms=None, ttft_ms=None, usage=None, stars=None) for each in answers(12)]
    data = report(bare)
    keys = {table.key: [column.key for column in table.columns] for table in tables.tables(data, words())}
    assert "speed" not in keys and "cost" not in keys["use"] and "stars" not in keys["score"]
    assert "nothing_scored" in {each.key for each in findings(data)}
    assert {picture.key for picture in pictures(data, words())} <= {"chart_errors"}


def test_numbers() -> None:
    assert [numbers.seconds(value) for value in (0, 999.6, 1234, 9994, 9996, 59_940, 60_000, 3_725_000, None)] == [
        "0\u00a0ms", "1.00\u00a0s", "1.23\u00a0s", "9.99\u00a0s", "10.0\u00a0s", "59.9\u00a0s", "1:00", "1:02:05", "–",
    ]  # fmt: skip
    assert [numbers.points(value) for value in (0.031, -0.0312, 0.0004)] == ["+3.1", "−3.1", "0.0"]
    assert [numbers.chance(value) for value in (0.0001, 0.0341, 0.37)] == ["<\u00a00.001", "0.034", "0.37"]
    from decimal import Decimal

    assert [numbers.amount(Decimal(text)) for text in ("0", "12.3456", "0.00012345", "1234.5")] == ["0.00", "12.35", "0.000123", "1,234.50"]


def test_names_of_models_are_the_worlds() -> None:
    assert list(sample(3).names.values()) == [name for _key, name, _good in MODELS]
