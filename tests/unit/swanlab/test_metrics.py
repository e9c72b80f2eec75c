"""The metric files of SwanLab, read as they grow."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.swanlab.metrics import CHUNK, MetricReader, direction, summarise
from tests.unit.swanlab.directories import write_curve


def lines(*points: tuple[object, object]) -> str:
    return "".join(json.dumps({"index": step, "data": value}) + "\n" for step, value in points)


def read(folder: Path) -> tuple[list[int], list[float], int]:
    series = MetricReader("loss", folder).read()
    return series.steps.tolist(), series.values.tolist(), series.broken


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write_curve(tmp_path, [(step, float(step)) for step in range(1, 10_501)])
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "1000.log", "by name, 10000.log would come second"
    steps, values, broken = read(tmp_path)
    assert steps == list(range(1, 10_501))
    assert values == [float(step) for step in steps]
    assert broken == 0


def test_only_what_was_added_is_read(tmp_path: Path) -> None:
    file = tmp_path / "1000.log"
    file.write_text(lines((1, 3.0), (2, 2.0)))
    reader = MetricReader("loss", tmp_path)
    first = reader.read()
    assert reader.read() is first, "nothing was added"
    with file.open("a") as writer:
        writer.write(lines((3, 1.0)) + '{"index": 4, "da')
        writer.flush()
        assert reader.read().steps.tolist() == [1, 2, 3], "a line that is being written is not there yet"
        writer.write('ta": 0.5}\n')
    assert reader.read().values.tolist() == [3.0, 2.0, 1.0, 0.5]
    (tmp_path / "2000.log").write_text(lines((1001, 0.25)))
    assert reader.read().steps.tolist() == [1, 2, 3, 4, 1001]


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "1000.log"
    file.write_text(lines((1, 3.0), (2, 2.0)))
    reader = MetricReader("loss", tmp_path)
    reader.read()
    (tmp_path / "new").write_text(lines((1, 3.0), (2, 9.0)))  # a step that is logged twice: swanlab/deprecated/local.py
    (tmp_path / "new").replace(file)
    assert reader.read().values.tolist() == [3.0, 9.0]
    file.write_text(lines((7, 1.0), (8, 1.5), (9, 2.0)))  # in place, longer than before
    assert reader.read().steps.tolist() == [7, 8, 9]


def test_deleted_files_leave_less_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / "1000.log"
    file.write_text(lines((1, 3.0)))
    reader = MetricReader("loss", tmp_path)
    reader.read()
    file.unlink()
    assert len(reader.read().steps) == 0
    tmp_path.rmdir()
    assert len(reader.read().steps) == 0


def test_numbers_that_are_no_json_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "1000.log").write_text(lines((1, 1.0), (2, math.nan), (3, math.inf), (4, -math.inf), (5, 7)))
    steps, values, broken = read(tmp_path)
    assert steps == [1, 2, 3, 4, 5]
    assert math.isnan(values[1])
    assert values[2:] == [math.inf, -math.inf, 7.0]
    assert broken == 0


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        '{"index": 2}',
        '{"index": "2", "data": 1}',
        '{"index": 2, "data": "high"}',
        '{"index": 2.5, "data": 1}',
        '{"index": true, "data": 1}',
        '{"index": 2, "data": ["picture.png"]}',
        "[1, 2]",
        "null",
        '{"index": 99999999999999999999, "data": 1}',
        "[" * 20_000,
        "\udcff\udcfe",
        '{"index": 2, "data": 1',
    ],
)
def test_broken_lines_are_counted_and_the_others_read(tmp_path: Path, line: str) -> None:
    text = lines((1, 1.0)) + line + "\n" + lines((3, 3.0))
    (tmp_path / "1000.log").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read(tmp_path) == ([1, 3], [1.0, 3.0], 1)


def test_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1000.log").write_text(lines((1, 1.0)) + "x" * (3 * CHUNK) + "\n" + lines((2, 2.0)))
    assert read(tmp_path) == ([1, 2], [1.0, 2.0], 1)


def test_of_a_step_that_is_there_twice_the_later_counts(tmp_path: Path) -> None:
    (tmp_path / "1000.log").write_text(lines((5, 5.0), (1, 1.0), (2, 2.0), (1, 9.0)))
    assert read(tmp_path) == ([1, 2, 5], [9.0, 2.0, 5.0], 0)


def test_links_and_other_files_are_no_metrics(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    (tmp_path / "secret").write_text(lines((1, 1.0)))
    (folder / "1000.log").symlink_to(tmp_path / "secret")
    (folder / "_summary.json").write_text("{}")
    (folder / "x.log").write_text(lines((1, 1.0)))
    os.mkfifo(folder / "2000.log")
    assert read(folder) == ([], [], 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(allow_nan=False)), max_size=60))
def test_whatever_the_order_steps_grow_and_the_last_counts(points: list[tuple[int, float]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "1000.log").write_text(lines(*points))
        steps, values, _broken = read(Path(folder))
    assert dict(zip(steps, values, strict=True)) == dict(points)
    assert steps == sorted(set(steps))


def test_figures(tmp_path: Path) -> None:
    (tmp_path / "1000.log").write_text(lines((1, 3.0), (2, math.nan), (3, 1.0), (4, 1.0), (5, 2.0), (6, -math.inf)))
    found = summarise(MetricReader("train/loss", tmp_path).read())
    assert (found.count, found.last, found.last_step) == (6, -math.inf, 6)
    assert (found.best, found.best_step) == (1.0, 3), "not a number and infinities are no best, of equal ones the first is"
    assert (found.lowest, found.highest) == (1.0, 3.0)
    none = summarise(MetricReader("train/learning_rate", tmp_path).read())
    assert none.best is None
    empty = summarise(MetricReader("train/loss", tmp_path / "nothing").read())
    assert (empty.count, empty.last, empty.best, empty.lowest) == (0, None, None, None)


@pytest.mark.parametrize(
    ("name", "towards"),
    [
        ("train/loss", -1),
        ("eval_loss", -1),
        ("eval/rewards/accuracies", 1),
        ("rewards/margins", 1),
        ("train/learning_rate", 0),
        ("glossary", 0),
    ],
)
def test_which_way_is_better_is_told_from_the_name(name: str, towards: int) -> None:
    assert direction(name) == towards
