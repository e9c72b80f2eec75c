"""Experiments as CSV and JSON. In CSV a row is a step and a column a metric; a step that a metric does not have is an empty cell."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from core.swanlab.types import ExperimentDetail, Series


def as_csv(series: Sequence[Series]) -> str:
    """Values are written with all their digits; not-a-number as "nan", infinities as "inf" and "-inf"."""
    columns = [dict(zip(item.steps.tolist(), item.values.tolist(), strict=True)) for item in series]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", *(_cell(item.name) for item in series)])
    for step in sorted({step for column in columns for step in column}):
        writer.writerow([step, *(repr(column[step]) if step in column else "" for column in columns)])
    return text.getvalue().removesuffix("\n")


def _cell(text: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def as_json(detail: ExperimentDetail, series: Sequence[Series]) -> str:
    """{"experiment", "config", "metrics": {name: {"steps", "values", "last", "best", "best_step"}}}; what is no finite number is null."""
    item = detail.experiment
    figures = {metric.name: metric for metric in detail.metrics}
    metrics = {
        one.name: {
            "steps": one.steps.tolist(),
            "values": [finite(value) for value in one.values.tolist()],
            "last": finite(figures[one.name].last) if one.name in figures else None,
            "best": finite(figures[one.name].best) if one.name in figures else None,
            "best_step": figures[one.name].best_step if one.name in figures else None,
        }
        for one in series
    }
    kept: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "project": item.project_id,
        "state": item.state,
        "run": item.run_id or None,
        "created_at": item.created_at,
        "finished_at": item.finished_at,
    }
    return json.dumps({"experiment": kept, "config": dict(detail.config), "metrics": metrics}, ensure_ascii=False, allow_nan=False)


def finite(value: float | None) -> float | None:
    """`value` where JSON has a number for it."""
    return value if value is not None and math.isfinite(value) else None
