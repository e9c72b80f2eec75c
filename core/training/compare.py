"""Several runs side by side: what they were made of where that differs, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.training.report import HIGHER_IS_BETTER, LOWER_IS_BETTER, ReportData

#: What every run ends with that says nothing about the model.
_COSTS_LESS = ("train_runtime", "eval_runtime")


@dataclass(frozen=True, slots=True)
class Difference:
    """An option that is not the same in all runs; `values` in the order of the runs, "" where it is not set."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the runs, in their order; None where a run has none. `best`: the index of the best, None where none is better."""

    name: str
    values: tuple[float | None, ...]
    best: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`differences`: of options and data; `figures`: last and best values of the curves, then what the trainer wrote at the end."""

    runs: tuple[ReportData, ...]
    differences: tuple[Difference, ...]
    figures: tuple[Figure, ...]


def compare(runs: Sequence[ReportData]) -> Comparison:
    """Compare runs as they are now. Pure."""
    return Comparison(tuple(runs), _differences(runs), _figures(runs))


def _differences(runs: Sequence[ReportData]) -> tuple[Difference, ...]:
    shown = [{name: _text(value) for name, value in each.options.items()} for each in runs]
    for each, options in zip(runs, shown, strict=True):
        if each.datasets:
            options["dataset"] = ", ".join(f"{name} ({entry['file']})" for name, entry in each.datasets.items())
    names = dict.fromkeys(name for options in shown for name in options)
    found = (Difference(name, tuple(options.get(name, "") for options in shown)) for name in names)
    return tuple(each for each in found if len(set(each.values)) > 1)


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _figures(runs: Sequence[ReportData]) -> tuple[Figure, ...]:
    last = [{one.name: one.last for one in each.measured} for each in runs]
    best = [{f"best {one.name}": one.best for one in each.measured if one.best is not None} for each in runs]
    tables: list[dict[str, float]] = [{**a, **b, **each.final} for a, b, each in zip(last, best, runs, strict=True)]
    for each, table in zip(runs, tables, strict=True):
        if each.seconds is not None:
            table["seconds"] = each.seconds
    names = dict.fromkeys(name for table in tables for name in table)
    return tuple(Figure(name, values, _best(name, values)) for name in names if (values := tuple(table.get(name) for table in tables)))


def _best(name: str, values: Sequence[float | None]) -> int | None:
    """The index of the best of at least two different values."""
    plain = name.removeprefix("best ")
    there = [(value, index) for index, value in enumerate(values) if value is not None and value == value]
    if len({value for value, _index in there}) < 2:
        return None
    if plain in LOWER_IS_BETTER or plain in _COSTS_LESS or plain == "seconds":
        return min(there)[1]
    return max(there, key=lambda each: (each[0], -each[1]))[1] if plain in HIGHER_IS_BETTER else None
