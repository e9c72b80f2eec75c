"""What a file is, from its first bytes and some of its rows: everything that a scan of it has to know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from core.datasets.exact import NOTHING, Flaw
from core.datasets.layouts import MESSAGES, Shape, shape_of
from core.datasets.reading import ENDINGS, LOOK, Look, csv_heading, json_line, lines, look
from core.datasets.scan import Plan, every_row
from core.datasets.types import Layout

#: Rows that are looked at to tell what all of them are, and bytes of them.
SAMPLE: Final = 400
_SAMPLE_BYTES: Final = 4 << 20
_WRAPPED = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"([^"\\]{1,60})"[ \t\r\n]*:[ \t\r\n]*(?=\[[ \t\r\n]*\{)')
_LISTS_IN_ROWS: Final = frozenset((*MESSAGES, "history", "chosen", "rejected", "tools", "images"))


@dataclass(frozen=True)
class Planned:
    """`flaws`: what is wrong with the file as such. `scan` is False where its rows cannot be told at all."""

    plan: Plan
    flaws: tuple[Flaw, ...]
    scan: bool = True


def plan_of(file: BinaryIO, path: str, size: int) -> Planned:
    """Look at an open file of `size` bytes."""
    file.seek(0)
    head = file.read(LOOK)
    seen, name = look(head, path), Path(path).name
    plan = Plan(seen.kind, Shape(Layout("unknown")), seen.encoding, seen.bom, size, several=seen.several)
    if not head.strip(b" \t\r\n\x00") or not size:
        return Planned(plan, (Flaw("empty_file"),), False)
    if seen.binary or seen.kind == "unknown":
        return Planned(plan, (Flaw("binary_file"),), False)
    if seen.kind == "parquet":
        return Planned(plan, ())
    flaws = _encoding_flaws(seen)
    if seen.encoding.startswith(("utf-16", "utf-32")) or (seen.encoding != "utf-8" and seen.kind == "json"):
        return Planned(plan, tuple(flaws), False)
    plan = _inside(plan, head, file)
    rows = list(_values(plan, file))
    plan = replace(plan, shape=_shape(plan, [*rows, *_further(plan, file)]))
    first = {key for row in rows if isinstance(row, dict) for key in row}
    plan = replace(plan, shape=replace(plan.shape, later=frozenset(plan.shape.types) - first if plan.kind == "jsonl" else frozenset()))
    if plan.wrapped:
        flaws.append(Flaw("wrapped_array", fields={"key": _wrapping(head)}))
    if ENDINGS.get(Path(name).suffix) not in _loaders(plan):
        flaws.append(Flaw("extension", fields={"found": Path(name).suffix[:20] or name[:20], "expected": seen.kind.upper()}))
    if plan.shape.layout.format == "unknown" and any(isinstance(row, dict) for row in rows):
        keys = ", ".join(list(dict.fromkeys(str(key) for row in rows if isinstance(row, dict) for key in row))[:12])
        flaws.append(Flaw("unknown_format", fields={"keys": keys[:200]}))
    elif plan.shape.layout.format == "unknown" and rows:
        flaws.append(Flaw("unknown_format", fields={"keys": ""}))
    if plan.shape.layout.formatting == "openai" and plan.shape.layout.format != "unknown":
        flaws.append(Flaw("openai_system"))
    return Planned(plan, tuple(flaws))


def _encoding_flaws(seen: Look) -> list[Flaw]:
    if seen.encoding != "utf-8":
        return [Flaw("encoding", fields={"encoding": seen.encoding})]
    if seen.bom:
        return [Flaw("bom" if seen.kind in ("json", "txt") else "bom_harmless")]
    return []


def _loaders(plan: Plan) -> tuple[str, ...]:
    return ("json", "jsonl") if plan.kind in ("json", "jsonl") else (plan.kind,)


def _wrapping(head: bytes) -> str:
    found = _WRAPPED.match(head)
    return found.group(1).decode("utf-8", "replace") if found else ""


def _inside(plan: Plan, head: bytes, file: BinaryIO) -> Plan:
    """The plan with where its rows begin."""
    if plan.kind == "csv":
        columns, start, line = csv_heading(file, plan.start, plan.end, plan.encoding)
        return replace(plan, columns=tuple(columns), start=start, line=line)
    if plan.kind == "jsonl" and plan.encoding == "utf-8" and (found := _WRAPPED.match(head, plan.start)):
        key = found.group(1).decode("utf-8", "replace").lower()
        first = head[plan.start :].lstrip().split(b"\n", 1)
        one_line = len(first) < 2 or not first[1].strip()
        if key not in _LISTS_IN_ROWS and (one_line or plan.several or len(first[0]) < 200):
            return replace(plan, kind="json", several=False, wrapped=True, start=found.end(), line=1 + head.count(b"\n", 0, found.end()))
    return plan


def _shape(plan: Plan, rows: list[Any]) -> Shape:
    if plan.kind == "txt":
        return Shape(Layout("text", columns={"prompt": "text"}), {}, len(rows))
    shape = shape_of(rows)
    if plan.kind != "csv":
        return shape
    if not plan.columns or shape.layout.format == "unknown":
        return Shape(Layout("unknown"), dict.fromkeys(plan.columns, "text"), len(rows))
    return replace(shape, types=dict.fromkeys(plan.columns, "text"))


def _further(plan: Plan, file: BinaryIO) -> list[Any]:
    """Parsed rows from the middle and near the end, where lines allow it."""
    rows: list[Any] = []
    if plan.kind == "jsonl" and not plan.several and plan.end - plan.start > 2 * _SAMPLE_BYTES:
        for place in (plan.end * 4 // 10, plan.end * 8 // 10, plan.end - LOOK):
            file.seek(place)
            file.readline(_SAMPLE_BYTES)
            for number, _offset, size, raw in lines(file, file.tell(), plan.end):
                rows += [found.value for found in json_line(raw, size, plan.encoding) if found.value is not NOTHING]
                if number >= 40 or size > 1 << 20:
                    break
    return rows


def _values(plan: Plan, file: BinaryIO) -> Iterator[Any]:
    count = 0
    for row in every_row(plan, file):
        if row.value is not NOTHING:
            count += 1
            yield row.value
        if count >= SAMPLE or row.offset - plan.start > _SAMPLE_BYTES or row.row > 2000:
            return
