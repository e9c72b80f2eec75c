"""The process that checks a file: `python -I -m core.datasets.check_process`, a request as JSON on its standard input.

Request: {"path", "out": folder or "", "within": [folders], "processes": 0 for as many as there are cores, "parquet": command or []}.
Standard output, JSON lines: {"progress": [bytes done, bytes, rows, problems]} a few times a second, last {"summary": ...} with what
core/datasets/records.py reads. `out` gets `problems.jsonl` (sorted by place) and `index` (rows, lines, offsets). It ends by itself
when its parent is gone; a second process for the second half of a large file of lines ends with it.
"""

from __future__ import annotations

import gc
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from core.datasets.exact import Flaw
from core.datasets.planning import Planned, plan_of
from core.datasets.reading import CannotRead, in_utf8, open_file, places_in
from core.datasets.rules import RULES
from core.datasets.scan import LOADED_AT_ONCE, Plan, Scan
from core.datasets.tally import Tally

#: Smaller files are read by one process: a second one costs more than it brings.
WORTH_TWO: Final = 16 << 20
_EVERY_S: Final = 0.15
_SHARED = struct.Struct("<QQQ")


class Gone(Exception):
    """Nobody waits for the result any more."""


def main() -> None:
    gc.disable()  # rows hold no circles, and there are very many
    request = msgspec.json.decode(sys.stdin.buffer.read())
    _say({"summary": check(request, _Progress())})


def _say(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


class _Progress:
    """Says how far both halves are, not too often. `shared`: what the second half writes."""

    def __init__(self) -> None:
        self._parent, self._next, self.total = os.getppid(), 0.0, 0
        self.shared = mmap.mmap(-1, _SHARED.size)

    def __call__(self, done: int, tally: Tally) -> None:
        if os.getppid() != self._parent:
            raise Gone
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        more, rows, problems = _SHARED.unpack(self.shared[:])
        _say({"progress": [done + more, self.total, tally.rows + rows, tally.wrong + problems]})


def check(request: dict[str, Any], progress: Callable[[int, Tally], None]) -> dict[str, Any]:
    """The summary of one file. Writes into `out` if there is one."""
    began = time.monotonic()
    path = request["path"]
    try:
        with open_file(path, within=request.get("within", ())) as file:
            before = os.fstat(file.fileno())
            if isinstance(progress, _Progress):
                progress.total = before.st_size
            planned = plan_of(file, path, before.st_size)
            if planned.plan.kind == "parquet":
                return _parquet(request, progress, before, began)
            if planned.scan:
                tally = _scanned(planned, file, request, progress)
            elif any(flaw.rule == "encoding" for flaw in planned.flaws):
                planned, tally = _rewritten(planned, file, request, progress)
            else:
                tally = Tally()
            after = os.fstat(file.fileno())
            changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    except CannotRead as error:
        tally = Tally()
        tally.flaw(Flaw(error.rule, fields=error.fields), line=None, offset=0, row=None)
        return _summary(None, tally, None, request, began)
    return _finish(planned, tally, before, request, began, changed=changed)


def _finish(
    planned: Planned, tally: Tally, info: os.stat_result, request: dict[str, Any], began: float, *, changed: bool
) -> dict[str, Any]:
    for flaw in planned.flaws:
        tally.flaw(flaw, line=1, offset=0, row=None)
    for key, (line, row, offset) in tally.late.items():
        if key not in tally.early:
            tally.flaw(Flaw("late_column", f"$.{key}", {"key": key[:80], "within": LOADED_AT_ONCE}), line=line, offset=offset, row=row)
    layout = planned.plan.shape.layout
    for column in sorted(name for name, numbers in tally.numbers.items() if numbers):
        if column in ("prompt", "query", "response", "chosen", "rejected", "system"):
            tally.flaw(
                Flaw("csv_number_column", f"$.{layout.columns[column]}", {"key": layout.columns[column]}), line=1, offset=0, row=None
            )
            tally.usable = 0
    if layout.format == "kto" and tally.usable and tally.good_tags in (0, tally.usable):
        tally.flaw(Flaw("one_sided_kto"), line=None, offset=0, row=None)
    if tally.rows and not tally.usable and not tally.wrong:
        tally.flaw(Flaw("no_usable_rows"), line=None, offset=0, row=None)
    if not tally.rows and planned.scan:
        tally.flaw(Flaw("empty_file"), line=1, offset=0, row=None)
    if changed:
        tally.flaw(Flaw("file_changed"), line=None, offset=0, row=None)
    return _summary(planned.plan, tally, info, request, began, changed=changed)


def _rewritten(planned: Planned, file: BinaryIO, request: dict[str, Any], progress: Callable[[int, Tally], None]) -> tuple[Planned, Tally]:
    """The rows of a file whose encoding cannot be read line by line, from a copy in UTF-8. Places are those in the file itself."""
    encoding = planned.plan.encoding
    with tempfile.TemporaryDirectory(dir=request.get("out") or None) as folder:
        path = Path(folder) / Path(request["path"]).name
        with path.open("wb") as target:
            for piece in in_utf8(file, encoding):
                progress(0, Tally())
                target.write(piece)
        with open_file(str(path)) as copy:
            again = plan_of(copy, str(path), path.stat().st_size)
            tally = Scan(again.plan, progress).run(copy, again.plan.start, again.plan.end) if again.scan else Tally()
            moved = places_in(copy, encoding, sorted({offset for offset, *_rest in tally.problems}))
    tally.problems = [(moved[offset], line, row, rest) for offset, line, row, rest in tally.problems]
    del tally.index[:]
    plan = replace(again.plan, encoding=encoding, start=0, end=planned.plan.end)
    return Planned(plan, (*planned.flaws, *(flaw for flaw in again.flaws if not flaw.rule.startswith("bom"))), again.scan), tally


# Two halves ----------------------------------------------------------------------------------------------------------


def _scanned(planned: Planned, file: BinaryIO, request: dict[str, Any], progress: Callable[[int, Tally], None]) -> Tally:
    plan = planned.plan
    cores = request.get("processes") or len(os.sched_getaffinity(0))
    if plan.kind != "jsonl" or plan.several or cores < 2 or plan.end - plan.start < WORTH_TWO or not isinstance(progress, _Progress):
        return Scan(plan, progress).run(file, plan.start, plan.end)
    middle = _line_after(file, plan.start + (plan.end - plan.start) // 2, plan.end)
    with tempfile.TemporaryFile(dir=request.get("out") or None) as result:
        child = os.fork()
        if not child:
            _second_half(plan, request, middle, result, progress.shared)
        try:
            tally = Scan(plan, progress).run(file, plan.start, middle)
        finally:
            _pid, status = os.waitpid(child, 0)
        if status:
            raise RuntimeError(f"the second half ended with {status}")
        result.seek(0)
        tally.merge(Tally.unpack(result.read()))
    return tally


def _line_after(file: BinaryIO, offset: int, end: int) -> int:
    """Where the first line after `offset` begins."""
    file.seek(offset)
    while piece := file.readline(1 << 18):
        if piece.endswith(b"\n"):
            return file.tell()
    return end


def _second_half(plan: Plan, request: dict[str, Any], middle: int, result: BinaryIO, shared: mmap.mmap) -> None:
    """In the forked process: scan, write the tally, end without cleaning up what is the parent's."""
    status, parent = 1, os.getppid()
    try:

        def told(done: int, tally: Tally) -> None:
            shared[:] = _SHARED.pack(done, tally.rows, tally.wrong)
            if os.getppid() != parent:
                raise Gone

        with open_file(request["path"], within=request.get("within", ())) as file:
            result.write(Scan(replace(plan, line=1), told).run(file, middle, plan.end).pack())
            result.flush()
        status = 0
    finally:
        os._exit(status)


# What is told --------------------------------------------------------------------------------------------------------


def _summary(
    plan: Plan | None, tally: Tally, info: os.stat_result | None, request: dict[str, Any], began: float, *, changed: bool = False
) -> dict[str, Any]:
    duplicates = tally.duplicates()
    if duplicates:
        tally.counts["duplicate_row"] = duplicates
    if request.get("out"):
        _write(Path(request["out"]), tally)
    lengths = tally.histogram()
    remarks = sum(count for rule, count in tally.counts.items() if RULES[rule].level == "remark")
    return {
        "format": plan.shape.layout.format if plan else "unknown",
        "file_kind": plan.kind if plan else "unknown",
        "layout": asdict(plan.shape.layout) if plan else {"format": "unknown"},
        "plan": _plan_record(plan) if plan else None,
        "rows": tally.rows,
        "usable": tally.usable,
        "problems": tally.wrong,
        "remarks": remarks,
        "verdict": verdict(tally, plan),
        "rules": [[rule, count] for rule, count in sorted(tally.counts.items(), key=lambda each: -each[1])],
        "statistics": None if lengths is None else {
            "rows": tally.usable, "characters": tally.characters, "turns": tally.turns, "most_turns": tally.most_turns,
            "lengths": asdict(lengths), "duplicates": duplicates, "with_system": tally.with_system, "with_tools": tally.with_tools,
            "with_images": tally.with_images,
        },
        "size": info.st_size if info else 0,
        "mtime_ns": info.st_mtime_ns if info else 0,
        "seconds": round(time.monotonic() - began, 3),
        "cut": sum(tally.kept.values()) < sum(count for rule, count in tally.counts.items() if rule != "duplicate_row"),
        "changed": changed,
        "encoding": plan.encoding if plan else "",
        "duplicates_exact": not tally.hash_shift,
    }  # fmt: skip


def verdict(tally: Tally, plan: Plan | None) -> str:
    """usable, repairable or unusable."""
    if (
        plan is None
        or plan.shape.layout.format == "unknown"
        or any(not RULES[rule].mechanical and RULES[rule].level == "file" for rule in tally.counts)
    ):
        return "unusable"
    if not tally.wrong:
        return "usable" if tally.usable else "unusable"
    # Another encoding alone makes no row usable: those that are can be counted already.
    told = (rule for rule in tally.counts if RULES[rule].level != "remark" and rule != "encoding")
    mends = any(RULES[rule].repair in ("mends", "file") for rule in told)
    return "repairable" if tally.usable or mends else "unusable"


def _plan_record(plan: Plan) -> dict[str, Any]:
    record = {name: getattr(plan, name) for name in ("kind", "encoding", "start", "end", "line", "several", "columns", "wrapped")}
    return record | {"types": dict(plan.shape.types)}


def _write(out: Path, tally: Tally) -> None:
    """The kept problems by place, and the index."""
    tally.problems.sort(key=lambda each: (each[0], each[2]))
    with (out / "problems.jsonl").open("wb") as file:
        for offset, line, row, rest in tally.problems:
            file.write(b"[%d,%d,%d,%s]\n" % (offset, line, row, rest))
    (out / "index").write_bytes(tally.index.tobytes())


def _parquet(request: dict[str, Any], progress: Callable[[int, Tally], None], info: os.stat_result, began: float) -> dict[str, Any]:
    """Rows of a Parquet file, read by the training environment's Python and checked as lines of JSON without places."""
    tally = Tally()
    if not request.get("parquet"):
        tally.flaw(Flaw("needs_environment"), line=None, offset=0, row=None)
        return _summary(None, tally, info, request, began)
    with tempfile.NamedTemporaryFile(dir=request.get("out") or None, suffix=".jsonl") as rows:
        done = subprocess.run(  # noqa: S603 - our own helper
            [*request["parquet"], request["path"]], stdin=subprocess.DEVNULL, stdout=rows, stderr=subprocess.PIPE, check=False
        )
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            tally.flaw(Flaw("parquet_unreadable", fields={"reason": (reason or [""])[0][:200]}), line=None, offset=0, row=None)
            return _summary(None, tally, info, request, began)
        with open_file(rows.name) as file:
            planned = plan_of(file, rows.name, os.fstat(file.fileno()).st_size)
            tally = Scan(planned.plan, progress).run(file, planned.plan.start, planned.plan.end) if planned.scan else Tally()
    tally.problems = [(0, -1, row, rest) for _offset, _line, row, rest in tally.problems]
    del tally.index[:]
    kept = Planned(replace(planned.plan, kind="parquet"), planned.flaws, planned.scan)
    return _finish(kept, tally, info, request, began, changed=False)


if __name__ == "__main__":
    try:
        main()
    except Gone:
        sys.exit(3)
