"""What a check wrote, as plain values: its summary (also as kept in the database), its problems, its index."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.datasets.layouts import Shape
from core.datasets.rules import RULES
from core.datasets.scan import Plan
from core.datasets.types import CheckSummary, Histogram, Layout, Problem, RuleCount, Statistics

PROBLEMS, INDEX = "problems.jsonl", "index"


def summary_of(told: Mapping[str, Any]) -> CheckSummary:
    """A summary as the process tells it (core/datasets/check_process.py)."""
    statistics = told["statistics"]
    return CheckSummary(
        format=told["format"],
        file_kind=told["file_kind"],
        layout=layout_of(told["layout"]),
        rows=told["rows"],
        usable=told["usable"],
        problems=told["problems"],
        remarks=told["remarks"],
        verdict=told["verdict"],
        rules=tuple(RuleCount(rule, RULES[rule].level, count, RULES[rule].mechanical) for rule, count in told["rules"] if rule in RULES),
        statistics=None if statistics is None else Statistics(**statistics | {"lengths": histogram_of(statistics["lengths"])}),
        size=told["size"],
        seconds=told["seconds"],
        cut=told["cut"],
        changed=told["changed"],
        encoding=told["encoding"],
        duplicates_exact=told["duplicates_exact"],
    )


def histogram_of(values: Mapping[str, Any]) -> Histogram:
    return Histogram(**dict(values) | {"edges": tuple(values["edges"]), "counts": tuple(values["counts"])})


def layout_of(values: Mapping[str, Any]) -> Layout:
    return Layout(**values)


def read_summary(text: str) -> CheckSummary | None:
    """As kept in the database; None for "" and for what another version of this program wrote."""
    told = told_of(text)
    return summary_of(told) if told else None


def told_of(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text)) if text else {}
    except ValueError:
        return {}


def plan_of_summary(told: Mapping[str, Any]) -> Plan | None:
    """How the file is read, from a summary."""
    if not (record := told.get("plan")):
        return None
    shape = Shape(layout_of(told["layout"]), record["types"])
    values = {name: record[name] for name in ("kind", "encoding", "start", "end", "line", "several", "wrapped")}
    return Plan(shape=shape, columns=tuple(record["columns"]), **values)


def problems_in(folder: Path, file: str) -> Iterator[Problem]:
    """The kept problems by place; none where nothing is kept."""
    try:
        with (folder / PROBLEMS).open("rb") as lines:
            for line in lines:
                offset, number, row, (rule, path, fields) = msgspec.json.decode(line)
                if rule in RULES:
                    level = RULES[rule].level
                    yield Problem(file, rule, level, None if number < 0 else number, offset, None if row < 0 else row, path, fields)
    except FileNotFoundError:
        return


def place_before(folder: Path, row: int) -> tuple[int, int, int] | None:
    """Row, line and offset of the last entry of the index that is not behind `row`; None without an index."""
    entries = array("Q")
    try:
        data = (folder / INDEX).read_bytes()
    except FileNotFoundError:
        return None
    entries.frombytes(data[: len(data) // 24 * 24])
    if not entries:
        return None
    place = max(0, bisect_right(range(len(entries) // 3), row, key=lambda number: entries[3 * number]) - 1)
    return entries[3 * place], entries[3 * place + 1], entries[3 * place + 2]
