"""Whatever bytes come: the check ends with a verdict, points at rows, and what repair writes has no problem left."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets.arrays import ArrayReader
from core.datasets.exact import parse
from core.datasets.judge import judge
from core.datasets.layouts import info_entry, shape_of
from core.datasets.mending import mend
from core.datasets.rewrite_process import Refused, Rewriting
from core.datasets.rules import RULES
from tests.unit.datasets.conftest import checked
from tests.unit.datasets.samples import BROKEN, RIGHT

NAMES = st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.txt", "a"])
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.sampled_from(
    ["instruction", "input", "output", "system", "history", "conversations", "messages", "from", "value", "role", "content", "chosen",
     "rejected", "kto_tag", "text", "tools", "tool_calls", "x", "a b", "\u00e9", "\ud800", ""]
)  # fmt: skip
WORDS = st.sampled_from(
    ["human", "gpt", "user", "assistant", "system", "tool", "function_call", "a", "", " ", "\ud800", "[]", "{}", "NA", "5"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12)
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=6) | VALUES, min_size=1, max_size=8)


def _strict(value: Any) -> bool:
    """Whether there is JSON for it: neither NaN nor infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def judged(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        summary, problems = checked(path)
        assert 0 <= summary.usable <= summary.rows
        assert (summary.verdict == "usable") <= (summary.problems == 0)
        assert len(problems) == sum(each.count for each in summary.rules if each.rule != "duplicate_row") or summary.cut
        for problem in problems:
            assert 0 <= problem.offset <= len(content)
            assert problem.line is None or 1 <= problem.line <= content.count(b"\n") + 1
        if summary.verdict == "repairable":
            _repair(path, Path(folder))


def _repair(path: Path, out: Path) -> None:
    summary, problems = checked(path)
    without = sorted({problem.fields["key"] for problem in problems if problem.rule in ("column_type", "late_column")})
    try:
        done = Rewriting({"kind": "repair", "path": str(path), "out": str(out), "without": without}).run()
    except Refused as error:
        assert error.args[0] == "nothing_left", (error.args, summary)
        return
    made = (out / "first").rename(out / f"made.{done['kind']}")
    _after, left = checked(made)
    mechanical = [problem for problem in left if RULES[problem.rule].mechanical and problem.level != "remark"]
    assert not mechanical, (mechanical, made.read_bytes()[:400])


@SETTINGS
@given(NAMES, st.binary(max_size=300))
def test_any_bytes(name: str, content: bytes) -> None:
    judged(name, content)


@SETTINGS
@given(st.sampled_from([*RIGHT.items(), *BROKEN.items()]), st.data())
def test_damaged_files(file: tuple[str, bytes], data: st.DataObject) -> None:
    name, content = file
    place = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 20))
    judged(name, content[:place] + data.draw(st.binary(max_size=6)) + content[place + length :])


@SETTINGS
@given(ROWS, st.sampled_from(["a.jsonl", "a.json"]))
def test_any_rows(rows: list[Any], name: str) -> None:
    texts = [json.dumps(row) for row in rows]
    judged(name, ("\n".join(texts) if name.endswith("l") else f"[{', '.join(texts)}]").encode())


@SETTINGS
@given(ROWS)
def test_mended_rows_are_right_and_stay_so(rows: list[Any]) -> None:
    clean = [found.value for row in rows for found in parse(json.dumps(row).encode()) if found.value is not None and not found.flaws]
    shape = shape_of(clean)
    if shape.layout.format == "unknown":
        return
    for value in clean:
        mended, _rules = mend(value, shape)
        if mended is not None:
            assert all(RULES[flaw.rule].usable for flaw in judge(mended, shape))
            assert mend(mended, shape) == (mended, ())


@SETTINGS
@given(ROWS)
def test_an_entry_names_only_what_is_there(rows: list[Any]) -> None:
    shape = shape_of([found.value for row in rows for found in parse(json.dumps(row).encode())])
    entry = info_entry(shape.layout, "/a.jsonl")
    assert set(entry) <= {"file_name", "formatting", "ranking", "columns", "tags"}
    assert not entry.get("tags") or len(entry["tags"]) == 7
    keys = {key for row in rows if isinstance(row, dict) for key in json.loads(json.dumps(row))}
    made_up = {"text", "conversations", "conversations_"}
    assert {key for key in entry["columns"].values() if "\ud800" not in key} <= {key.replace("\ud800", "\ufffd") for key in keys} | made_up


@SETTINGS
@given(
    st.lists(VALUES.filter(_strict), max_size=6),
    st.integers(0, 3),
)
def test_an_array_is_taken_apart_as_it_was_put_together(values: list[Any], indent: int) -> None:
    content = json.dumps(values, indent=indent or None, ensure_ascii=True).encode()
    with tempfile.TemporaryFile() as file:
        file.write(content)
        reader = ArrayReader(file, 0, len(content))
        found = list(reader)
        if "\\ud800" not in content.decode():  # msgspec refuses half a character: such a row is told by the check
            assert [json.loads(element.raw) for element in found] == values
            assert reader.ended and not reader.loose
        for element in found:
            assert content[element.offset :].startswith(element.raw)
            assert content[: element.offset].count(b"\n") + 1 == element.line
