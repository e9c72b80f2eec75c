"""Checking datasets: rows a second beside a bare msgspec loop with the same rules in the same run, and memory.

MODELTRAIN_BENCH_MB (default 500) is the size of the files. There are two bare loops: the one that anybody would write first (types,
blank or not), and one with the same rules as the check has for such rows (rows that say the same, lengths). The check finds doubled
keys, too, and keeps an index.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.bench.table import Row, print_table

MEGABYTES = int(os.environ.get("MODELTRAIN_BENCH_MB", "500"))
#: A row of the file of the figures in the issue: 500 MB, 394,000 rows.
ROW_BYTES = 1269
ROUNDS = 3
TEXT = (
    "the loss of a model falls when its learning rate is low enough and the data are clean so that every step helps 模型 训练 数据 "
    "gradient answer question because therefore"
)

#: Every line into a type, the question and the answer blank or not: what one writes first.
FIRST = """
import sys, time, msgspec
class Row(msgspec.Struct):
    instruction: str
    output: str
    input: str | None = None
decode, rows, usable, began = msgspec.json.Decoder(Row).decode, 0, 0, time.perf_counter()
with open(sys.argv[1], "rb") as file:
    for line in file:
        try:
            row = decode(line)
        except msgspec.DecodeError:
            row = None
        rows += 1
        if row is not None and row.output.strip() and (row.instruction.strip() or (row.input or "").strip()):
            usable += 1
print(rows, usable, time.perf_counter() - began)
"""
#: The same rules as the check has for such rows: rows that say the same, too, and the lengths.
BARE = """
import sys, time, msgspec
class Row(msgspec.Struct):
    instruction: str
    output: str
    input: str | None = None
decode, rows, usable, began = msgspec.json.Decoder(Row).decode, 0, 0, time.perf_counter()
seen, twice, lengths = set(), 0, []
with open(sys.argv[1], "rb") as file:
    for line in file:
        try:
            row = decode(line)
        except msgspec.DecodeError:
            row = None
        rows += 1
        if row is not None and row.output.strip() and (row.instruction.strip() or (row.input or "").strip()):
            usable += 1
            said = hash((row.instruction, row.output, row.input))
            if said in seen:
                twice += 1
            seen.add(said)
            lengths.append(len(row.instruction) + len(row.output) + len(row.input or ""))
lengths.sort()
print(rows, usable, time.perf_counter() - began)
"""
PYDANTIC = """
import sys, time, pydantic
class Row(pydantic.BaseModel):
    instruction: str
    output: str
    input: str | None = None
read, rows, usable, began = Row.model_validate_json, 0, 0, time.perf_counter()
with open(sys.argv[1], "rb") as file:
    for line in file:
        try:
            row = read(line)
        except ValueError:
            row = None
        rows += 1
        if row is not None and row.output.strip() and (row.instruction.strip() or (row.input or "").strip()):
            usable += 1
print(rows, usable, time.perf_counter() - began)
"""


def write(lines: Path, array: Path, size: int) -> int:
    """The same rows as lines and as an array; how many."""
    make, words = random.Random(7), TEXT.split()
    texts = [" ".join(make.choices(words, k=60)) + "\n" for _number in range(2000)]
    rows = written = 0
    with lines.open("w", encoding="utf-8") as first, array.open("w", encoding="utf-8") as second:
        second.write("[\n")
        while written < size:
            said = "".join(make.choices(texts, k=3))[: ROW_BYTES - 160]
            row = json.dumps({"instruction": f"{rows} {said[:120]}", "input": "", "output": said}, ensure_ascii=False)
            first.write(row + "\n")
            second.write((",\n  " if rows else "  ") + row)
            written += len(row.encode()) + 1
            rows += 1
        second.write("\n]\n")
    return rows


def bare(code: str, path: Path) -> float:
    """Rows a second of a loop in a process of its own, reading and all, without its start."""
    found = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout.split()
    return int(found[0]) / float(found[2])


def check(path: Path, folder: Path) -> tuple[dict[str, Any], float, float]:
    """The summary, seconds from start to end of the process, and the most memory (MB) of it and what it started."""
    request = {"path": str(path), "out": str(folder)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "core.datasets.check_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak))
    watcher.start()
    answer, _none = process.communicate(json.dumps(request).encode())
    seconds = time.perf_counter() - began
    watcher.join()
    return json.loads(answer.splitlines()[-1])["summary"], seconds, peak[0]


def _watch(pid: int, peak: list[float]) -> None:
    """Private memory of a process and its children together, as long as it lives: what they share is counted once."""
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(each.memory_full_info().uss for each in family) / 1e6 + process.memory_full_info().shared / 1e6)
            time.sleep(0.02)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, array = folder / "rows.jsonl", folder / "rows.json"
        count = write(lines, array, MEGABYTES * 1_000_000)
        firsts, loops, ours, ratios, over_first, memory, pydantics = [], [], [], [], [], [], []
        for _round in range(ROUNDS):
            firsts.append(bare(FIRST, lines))
            loops.append(bare(BARE, lines))
            summary, seconds, peak = check(lines, folder)
            if (summary["rows"], summary["usable"]) != (count, count):
                raise AssertionError(summary)
            ours.append(count / seconds)
            ratios.append(ours[-1] / loops[-1])
            over_first.append(ours[-1] / firsts[-1])
            memory.append(peak)
            pydantics += [bare(PYDANTIC, lines)] if _has_pydantic() and not pydantics else []
        summary, seconds, peak = check(array, folder)
        if summary["usable"] != count:
            raise AssertionError(summary)
        rows = [
            Row(f"bare msgspec loop over {MEGABYTES} MB JSONL, {count:,} rows", firsts, "rows/s"),
            Row("bare msgspec loop with the same rules", loops, "rows/s"),
            *([Row("bare pydantic loop over the same", pydantics, "rows/s")] if pydantics else []),
            Row("check of it, its process's start included", ours, "rows/s"),
            Row("    as a ratio to the loop with the same rules, same round", ratios, "x", ">= 1.3 on two cores"),
            Row("    as a ratio to the first loop, same round", over_first, "x"),
            Row("    most memory, both processes", memory, "MB", "<= 80 MB"),
            Row(f"check of the same as a JSON array of {array.stat().st_size / 1e6:,.0f} MB", [count / seconds], "rows/s"),
            Row("    most memory", [peak], "MB", "<= 100 MB"),
            Row("    most memory of any process (of all rounds)", [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3], "MB"),
        ]
        print_table(rows)


def _has_pydantic() -> bool:
    try:
        import pydantic  # noqa: F401
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    main()
