"""The process that writes a dataset anew: `python -I -m core.datasets.rewrite_process`, a request as JSON on its standard input.

Request: {"kind": "repair" | "deduplicate" | "split", "path", "within", "out": folder, "without": [columns], "validation": share or
number, "seed", "parquet": command}. It writes `first` (and `second`, the validation rows) into `out`: JSON lines, or lines of text for
a text. Standard output: {"progress": [bytes done, bytes, rows, changed]}, last {"done": {"kind", "rows": [..], "changes": {rule: count}}}
or {"refused": [rule, fields]}. It ends by itself when its parent is gone.
"""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from core.datasets.exact import NOTHING
from core.datasets.judge import judge
from core.datasets.mending import mend
from core.datasets.planning import Planned, plan_of
from core.datasets.reading import CannotRead, Row, in_utf8, open_file
from core.datasets.rules import RULES
from core.datasets.scan import FLAGS, NULL_WORDS, every_row, is_number
from core.datasets.typed import FastWay
from core.datasets.types import Layout

_EVERY_S: Final = 0.15
#: From so many rows on, equal hashes are found by sorting numbers in one block of memory.
_MANY: Final = 500_000
#: How often what was repaired is repaired again where its kind changed by that.
_TIMES: Final = 3
#: Columns that a row need not have.
_MAY_BE_EMPTY: Final = ("query", "system", "tools", "history")


class Gone(Exception):
    """Nobody waits for the result any more."""


class Refused(Exception):
    """`args`: rule and fields."""


def main() -> None:
    request = msgspec.json.decode(sys.stdin.buffer.read())
    try:
        answer: dict[str, Any] = {"done": Rewriting(request).run()}
    except CannotRead as error:
        answer = {"refused": [error.rule, error.fields]}
    except Refused as error:
        answer = {"refused": list(error.args)}
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        answer = {"refused": ["disk_full", {}]}
    _say(answer)


def _say(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


class Rewriting:
    """One request."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request, self._out = request, Path(request["out"])
        self._parent, self._next, self._passes = os.getppid(), 0.0, 1 if request["kind"] == "repair" else 2
        self._changes: Counter[str] = Counter()
        self._done = 0

    def run(self) -> dict[str, Any]:
        with open_file(self._request["path"], within=self._request.get("within", ())) as original, self._readable(original) as file:
            size = os.fstat(file.fileno()).st_size
            planned = plan_of(file, self._request["path"], size)
            if not planned.scan or planned.plan.shape.layout.format == "unknown":
                raise Refused("unknown_format", {})
            for flaw in planned.flaws:
                if self._request["kind"] == "repair" and RULES[flaw.rule].repair == "file":
                    self._changes[flaw.rule] += 1
            rows = {"repair": self._repair, "deduplicate": self._deduplicate, "split": self._split}[self._request["kind"]](planned, file)
        if not rows[0]:
            raise Refused("nothing_left", {})
        if self._request["kind"] == "repair":
            rows = self._until_steady(planned, rows)
        kind = "txt" if planned.plan.kind == "txt" else "jsonl"
        return {"kind": kind, "rows": rows, "changes": dict(self._changes)}

    def _until_steady(self, planned: Planned, rows: list[int]) -> list[int]:
        """Rows that were left out may have made the rest look like something else: repair that, too."""
        for _again in range(_TIMES):
            path = self._out / "first"
            with open_file(str(path)) as file:
                now = plan_of(file, f"first.{'txt' if planned.plan.kind == 'txt' else 'jsonl'}", path.stat().st_size)
                if not now.scan or now.plan.shape.layout in (planned.plan.shape.layout, Layout("unknown")):
                    return rows
                rows = self._repair(now, file)
            if not rows[0]:
                raise Refused("nothing_left", {})
            planned = now
        return rows

    # Reading ---------------------------------------------------------------------------------------------------------

    def _readable(self, file: BinaryIO) -> BinaryIO:
        """The file itself, or a copy in UTF-8 of one whose encoding cannot be read line by line; rows of a Parquet file as JSON lines."""
        head = plan_of(file, self._request["path"], os.fstat(file.fileno()).st_size)
        if head.plan.kind == "parquet":
            return self._from_parquet()
        if head.scan or head.plan.encoding == "utf-8":
            return os.fdopen(os.dup(file.fileno()), "rb")
        self._changes["encoding"] += 1
        copy = self._out / f"utf8{Path(self._request['path']).suffix}"
        with copy.open("wb") as target:
            for piece in in_utf8(file, head.plan.encoding):
                self._alive()
                target.write(piece)
        return open_file(str(copy))

    def _from_parquet(self) -> BinaryIO:
        if not self._request.get("parquet"):
            raise Refused("needs_environment", {})
        copy = self._out / "rows.jsonl"
        with copy.open("wb") as target:
            done = subprocess.run(  # noqa: S603 - our own helper
                [*self._request["parquet"], self._request["path"]],
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode:
            raise Refused("parquet_unreadable", {})
        return open_file(str(copy))

    def _rows(self, planned: Planned, file: BinaryIO, number: int) -> Iterator[Row]:
        """Every row with a value; `number`: which pass this is."""
        plan, columns = planned.plan, planned.plan.shape.layout.columns
        tag = columns.get("kto_tag") if plan.kind == "csv" else None
        for row in every_row(plan, file):
            self._tell((number * plan.end + row.offset) // self._passes, plan.end)
            if tag is not None and isinstance(row.value, dict):
                word = row.value.get(tag)
                row.value[tag] = FLAGS.get(word, word) if isinstance(word, str) else word
            yield row

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self._alive()
            _say({"progress": [done, total, self._done, sum(self._changes.values())]})

    def _alive(self) -> None:
        if os.getppid() != self._parent:
            raise Gone

    # Writing ---------------------------------------------------------------------------------------------------------

    def _repair(self, planned: Planned, file: BinaryIO) -> list[int]:
        shape = planned.plan.shape
        without = frozenset(self._request.get("without", ())) - set(shape.layout.columns.values())
        filled = self._filled(shape.layout.columns)
        if planned.plan.kind == "csv":
            shape = replace(shape, types=dict.fromkeys(planned.plan.columns, "text") | _tag_type(shape.layout.columns))
        kept, numbers = 0, dict.fromkeys(_text_columns(planned), True)
        with (self._out / "next").open("wb") as target:
            for row in self._rows(planned, file, 0):
                self._cells(row.value, numbers)
                changed = [flaw.rule for flaw in row.flaws if RULES[flaw.rule].repair == "mends"]
                lost = next((flaw.rule for flaw in row.flaws if RULES[flaw.rule].repair == "drops"), "")
                if row.value is NOTHING or lost:
                    self._changes[lost or "malformed"] += 1
                    continue
                for key, nothing in filled.items():
                    if isinstance(row.value, dict) and row.value.get(key) is None:
                        row.value[key] = nothing
                        changed.append("late_column")
                value, rules = mend(row.value, shape, without=without)
                self._changes.update([*changed, *rules])
                if value is not None and not (planned.plan.kind == "txt" and not str(value).strip()):
                    target.write(_written(value, row, planned, as_it_is=not changed and not rules))
                    kept += 1
                    self._done = kept
        self._changes.update(["csv_number_column"] * sum(numbers.values()))
        (self._out / "next").replace(self._out / "first")
        return [kept]

    def _filled(self, columns: Mapping[str, str]) -> dict[str, Any]:
        """What stands for nothing in columns that come late and are trained on: every row gets them."""
        late = set(self._request.get("without", ()))
        return {key: [] if column == "history" else "" for column, key in columns.items() if key in late and column in _MAY_BE_EMPTY}

    def _cells(self, value: Any, numbers: dict[str, bool]) -> None:
        """Count what LLaMA-Factory's loader would take for nothing or for numbers, and what stays text in the file that is written."""
        for key in numbers:
            if isinstance(value, dict) and isinstance(cell := value.get(key), str) and cell:
                self._changes.update(["csv_null_word"] * (cell in NULL_WORDS))
                numbers[key] = numbers[key] and is_number(cell)

    def _deduplicate(self, planned: Planned, file: BinaryIO) -> list[int]:
        way = FastWay(planned.plan.shape)
        hashes = array("q", (_hash(row, way) for row in self._rows(planned, file, 0)))
        twice = _twice(hashes)
        seen: set[int] = set()
        kept = 0
        with (self._out / "first").open("wb") as target:
            for row, hashed in zip(self._rows(planned, file, 1), hashes, strict=False):
                if hashed in twice:
                    if hashed in seen:
                        self._changes["duplicate_row"] += 1
                        continue
                    seen.add(hashed)
                target.write(_written(row.value, row, planned, as_it_is=True))
                kept += 1
                self._done = kept
        return [kept]

    def _split(self, planned: Planned, file: BinaryIO) -> list[int]:
        total = sum(1 for row in self._rows(planned, file, 0) if row.value is not NOTHING)
        wanted = self._request["validation"]
        count = round(total * wanted) if wanted < 1 else int(wanted)
        count = max(1, count)
        if count >= total:
            raise Refused("too_few_rows", {"rows": total, "wanted": count})
        chosen = set(random.Random(self._request["seed"]).sample(range(total), count))  # noqa: S311 - the same each time, nothing secret
        number, written = 0, [0, 0]
        with (self._out / "first").open("wb") as train, (self._out / "second").open("wb") as validation:
            for row in self._rows(planned, file, 1):
                if row.value is NOTHING:
                    self._changes["malformed"] += 1
                    continue
                side = number in chosen
                (validation if side else train).write(_written(row.value, row, planned, as_it_is=True))
                written[side] += 1
                number += 1
                self._done = number
        return written


def _text_columns(planned: Planned) -> list[str]:
    """Keys of a table that hold texts to train on; none of other files."""
    columns = planned.plan.shape.layout.columns
    return [key for column, key in columns.items() if column != "kto_tag"] if planned.plan.kind == "csv" else []


def _tag_type(columns: Any) -> dict[str, str]:
    return {columns["kto_tag"]: "boolean"} if "kto_tag" in columns else {}


def _written(value: Any, row: Row, planned: Planned, *, as_it_is: bool) -> bytes:
    """A row as a line."""
    plan = planned.plan
    if plan.kind == "txt":
        return (str(value) if isinstance(value, str) else row.raw.decode("utf-8", "replace")).encode() + b"\n"
    if as_it_is and plan.kind == "jsonl" and plan.encoding == "utf-8" and not plan.several and not row.flaws:
        return row.raw.strip() + b"\n"
    return (_json(value) if value is not NOTHING else row.raw.replace(b"\n", b" ").strip()) + b"\n"


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (OverflowError, TypeError, ValueError):  # a number that is longer than 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _hash(row: Row, way: FastWay) -> int:
    if row.value is not NOTHING and not row.flaws and not judge(row.value, way.shape):
        return way.figures_of(row.value)[2]
    return hash(row.raw)


def _twice(hashes: array[int]) -> set[int]:
    """Those that are there more than once."""
    if len(hashes) < _MANY:
        seen: set[int] = set()
        return {each for each in hashes if each in seen or seen.add(each)}  # type: ignore[func-returns-value]
    import numpy as np

    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64))
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())


if __name__ == "__main__":
    try:
        main()
    except Gone:
        sys.exit(3)
