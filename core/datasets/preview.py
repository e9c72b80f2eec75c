"""Rows of a file of any size, a page at a time: from the nearest place in the index, or from the start before a check. Blocks."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from core.datasets.arrays import ArrayReader
from core.datasets.exact import NOTHING
from core.datasets.planning import plan_of
from core.datasets.reading import Row, csv_rows, in_utf8, json_line, lines, open_file, text_lines
from core.datasets.records import place_before
from core.datasets.scan import Plan
from core.datasets.types import Preview, PreviewRow

#: Characters of a row's text that are shown, and bytes that one page may read beyond its start.
SHOWN: Final = 100_000
READ: Final = 64 << 20
#: Megabytes that are shown of a file whose encoding cannot be read line by line, before it is repaired.
REWRITTEN: Final = 16


def page(path: str, within: tuple[str, ...], plan: Plan | None, folder: Path | None, start: int, count: int, total: int | None) -> Preview:
    """`count` rows from row `start` on. `plan` and `folder`: of the check, None before one. Raises CannotRead."""
    with open_file(path, within=within) as file:
        size = os.fstat(file.fileno()).st_size
        if plan is None:
            plan = plan_of(file, path, size).plan
        if plan.encoding.startswith(("utf-16", "utf-32")) or (plan.kind == "json" and plan.encoding != "utf-8"):
            source, plan, folder = _beginning(file, plan, path)
        else:
            source, plan = file, replace(plan, end=size)
        rows = tuple(_shown(row) for row in rows_from(source, plan, folder, start, count))
    return Preview(rows, start, total)


def _beginning(file: Any, plan: Plan, path: str) -> tuple[Any, Plan, None]:
    """The beginning of a file whose encoding cannot be read line by line, in UTF-8."""
    text = b"".join(islice(in_utf8(file, plan.encoding), REWRITTEN))
    copy = io.BytesIO(text)
    return copy, plan_of(copy, path, len(text)).plan, None


def rows_from(file: Any, plan: Plan, folder: Path | None, start: int, count: int) -> list[Row]:
    """At most `count` rows from row `start` on, as far as READ bytes reach."""
    row, line, offset = (place_before(folder, start) if folder is not None else None) or (0, plan.line, plan.start)
    found: list[Row] = []
    for each in _reading(file, plan, row, line, offset):
        if each.row >= start:
            found.append(each)
        if len(found) >= count or each.offset - offset > READ:
            break
    return found


def _reading(file: Any, plan: Plan, row: int, line: int, offset: int) -> Iterator[Row]:
    end, encoding = plan.end, plan.encoding
    if plan.kind == "csv":
        yield from csv_rows(file, offset, end, columns=plan.columns, row=row, line=line, encoding=encoding)
    elif plan.kind == "jsonl" and not plan.several:
        for number, at, size, raw in lines(file, offset, end, line):
            for found in json_line(raw, size, encoding):
                yield Row(row, number, at + found.start, found.end - found.start, raw[found.start : found.end], found.value, found.flaws)
                row += 1
    elif plan.kind in ("json", "jsonl"):
        begun = offset > plan.start
        for element in ArrayReader(file, offset, end, line=line, inside=begun, bare=plan.several):
            for found in json_line(element.raw, element.size, "utf-8"):
                raw = element.raw[found.start : found.end]
                yield Row(row, element.line, element.offset + found.start, found.end - found.start, raw, found.value, found.flaws)
                row += 1
    else:
        yield from text_lines(file, offset, end, row=row, line=line, encoding=encoding if encoding != "unknown" else "utf-8")


def _shown(row: Row) -> PreviewRow:
    text = row.raw[: SHOWN * 4].decode("utf-8", "replace")
    value = None if row.value is NOTHING else row.value
    return PreviewRow(row.row, row.line, row.offset, row.size, text[:SHOWN], value, row.size > len(row.raw) or len(text) > SHOWN)


def sample(path: str, within: tuple[str, ...], plan: Plan, folder: Path, total: int, count: int) -> list[tuple[int, Any]]:
    """At most `count` rows with their numbers, parsed, spread evenly over a checked file."""
    with open_file(path, within=within) as file:
        if total <= count:
            rows = rows_from(file, plan, folder, 0, count)
        else:
            starts = [number * total // min(count, 50) for number in range(min(count, 50))]
            each = -(-count // len(starts))
            rows = [row for start in starts for row in rows_from(file, plan, folder, start, each)]
    return [(row.row, row.value) for row in rows if row.value is not NOTHING][:count]
