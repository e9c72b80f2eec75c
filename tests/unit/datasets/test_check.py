"""What a check finds: every rule by a file that breaks it, with line, offset and path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.datasets.rules import RULES
from tests.unit.datasets.conftest import checked, repaired
from tests.unit.datasets.samples import BROKEN, CHAT, RIGHT, alpaca, lines, spoken, talk

GOOD = lines(alpaca(1), alpaca(2))
#: (content, rule, line, JSON path): the second line is wrong, or the file as such.
CASES: list[tuple[str, bytes, str, int | None, str]] = [
    ("a.jsonl", GOOD + b'{"instruction": "a", oops}\n', "malformed", 3, "$"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "outp', "truncated", 3, "$"),
    ("a.jsonl", lines(alpaca(1, output="é"), alpaca(2, output="数据")) + b'{"instruction": "\xff", "output": "b"}\n', "not_utf8", 3, "$"),
    ("a.jsonl", GOOD + b'{"instruction": "a\x01", "output": "b"}\n', "control_character", 3, "$"),
    ("a.jsonl", GOOD + b"{'instruction': 'a', 'output': 'b'}\n", "single_quotes", 3, "$"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "output": "b",}\n', "trailing_comma", 3, "$"),
    ("a.jsonl", GOOD + b'{"instruction": "a\\udc00", "output": "b"}\n', "lone_surrogate", 3, "$.instruction"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "output": "b", "x": Infinity}\n', "not_a_number", 3, "$.x"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "output": "b", "output": "c"}\n', "duplicate_key", 3, "$.output"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "input": null, "input": "x", "output": "b"}\n', "duplicate_key", 3, "$.input"),
    ("a.jsonl", GOOD + b'{"instruction": "a", "output": "b", "x": ' + b"[" * 90 + b"]" * 90 + b"}\n", "nested_too_deeply", 3, "$"),
    ("a.jsonl", GOOD + b"[" * 9000 + b"\n", "nested_too_deeply", 3, "$"),
    ("a.jsonl", GOOD + b"17\n", "not_an_object", 3, "$"),
    ("a.jsonl", GOOD + b"null\n", "not_an_object", 3, "$"),
    ("a.jsonl", GOOD + lines(alpaca(3, instruction={"a": 1})), "not_text", 3, "$.instruction"),
    ("a.jsonl", GOOD + lines(alpaca(3, output=5)), "not_text", 3, "$.output"),
    ("a.jsonl", GOOD + lines(alpaca(3, output=" \n")), "empty_output", 3, "$.output"),
    ("a.jsonl", GOOD + lines({"instruction": "a", "input": ""}), "missing_output", 3, "$.output"),
    ("a.jsonl", GOOD + lines(alpaca(3, instruction="")), "empty_prompt", 3, "$.instruction"),
    ("a.jsonl", GOOD + lines({"prompt": "a", "output": "b"}), "wrong_key", 3, "$.prompt"),
    ("a.jsonl", GOOD + lines({"conversations": talk(*CHAT)}), "other_format", 3, "$"),
    ("a.jsonl", lines(alpaca(1, m=1), alpaca(2, m=2), alpaca(3, m="x")), "column_type", 3, "$.m"),
    ("a.jsonl", lines(alpaca(1, history=[]), alpaca(2, history=[]), alpaca(3, history=[["a"]])), "history_shape", 3, "$.history[0]"),
    ("a.jsonl", lines(alpaca(1, tools="[]"), alpaca(2, tools="[]"), alpaca(3, tools="nope")), "tools_not_json", 3, "$.tools"),
    ("a.jsonl", lines(alpaca(1, tools="[]"), alpaca(2, tools="[]"), alpaca(3, tools=[])), "tools_not_text", 3, "$.tools"),
    ("a.jsonl", lines({"text": "a"}, {"text": "b"}, {"text": " "}), "empty_text", 3, "$.text"),
    ("a.json", b"[" + GOOD.replace(b"}\n{", b"},\n{") + b",]", "trailing_comma", 3, "$"),
    ("a.json", b"[" + GOOD.replace(b"}\n{", b"},\n{") + b",\n{", "truncated", 4, "$"),
    ("a.json", b"\xef\xbb\xbf[" + GOOD.replace(b"}\n{", b"},\n{") + b"]", "bom", 1, "$"),
    ("a.json", b'{"rows": [' + GOOD.replace(b"}\n{", b"},\n{") + b"]}", "wrapped_array", 1, "$"),
    ("a.ndjson", GOOD, "extension", 1, "$"),
    ("a.jsonl", b"", "empty_file", 1, "$"),
    ("a.json", b"[]", "empty_file", 1, "$"),
    ("a.bin", b"\x7fELF\x00\x00\x00\x01" * 40, "binary_file", 1, "$"),
    ("a.jsonl", lines({"a": 1}, {"b": 2}), "unknown_format", 1, "$"),
    ("a.jsonl", GOOD.decode().encode("utf-16"), "encoding", 1, "$"),
    ("a.csv", b"instruction,output\na,b\nc,d\ne,f,g\n", "csv_extra_cells", 4, "$"),
    ("a.csv", b"instruction,output\na,b\nc,d\ne\n", "csv_missing_cells", 4, "$"),
    ("a.csv", b'instruction,output\na,b\nc,d\n"e,f\n', "csv_unclosed_quote", 4, "$"),
    ("a.csv", b"instruction,output\na,b\nc,d\ne,null\n", "csv_null_word", 4, "$.output"),
    ("a.csv", b"instruction,output\na,1\nc,2\n", "csv_number_column", 1, "$.output"),
    ("a.txt", b"\xef\xbb\xbfone\ntwo\n", "bom", 1, "$"),
    ("a.txt", b"one\n\nthree\n", "blank_line", 2, "$"),
    ("a.jsonl", b"\xef\xbb\xbf" + GOOD, "bom_harmless", 1, "$"),
]
TALKS: list[tuple[list[object] | object, str, str]] = [
    ([], "no_messages", "$.conversations"),
    (None, "no_messages", "$.conversations"),
    ("hello", "messages_not_list", "$.conversations"),
    (["hello", "you"], "message_not_object", "$.conversations[0]"),
    (talk(("human", "q"), ("nobody", "a")), "unknown_role", "$.conversations[1].from"),
    (talk(("human", "q"), ("human", "q")), "role_order", "$.conversations[1]"),
    (talk(("gpt", "a"), ("human", "q")), "role_order", "$.conversations[0]"),
    (talk(*CHAT[:3]), "turn_count", "$.conversations"),
    (talk(CHAT[0], ("system", "s"), CHAT[1]), "system_not_first", "$.conversations[1]"),
    (talk(("human", "q"), ("gpt", "")), "empty_output", "$.conversations[1].value"),
    (talk(("human", " "), ("gpt", "a")), "empty_prompt", "$.conversations[0].value"),
    ([{"from": "human", "value": "q"}, {"from": "gpt", "value": 7}], "not_text", "$.conversations[1].value"),
    ([{"from": "human", "value": "q"}, {"from": "gpt", "value": None}], "missing_content", "$.conversations[1].value"),
    ([{"from": "human", "value": "q"}, {"from": "gpt"}], "missing_content", "$.conversations[1]"),
    ([{"from": "human", "value": "q"}, {"value": "a"}], "missing_role", "$.conversations[1]"),
    ([{"from": "human", "content": "q"}, {"from": "gpt", "value": "a"}], "wrong_key", "$.conversations[0].content"),
    (talk(("human", "q"), ("function_call", "no JSON")), "function_call_not_json", "$.conversations[1].value"),
]
PAIRS: list[tuple[dict[str, object], str, str]] = [
    ({"rejected": "no"}, "missing_chosen", "$.chosen"),
    ({"chosen": "yes", "rejected": ""}, "missing_rejected", "$.rejected"),
    ({"chosen": "yes", "rejected": "yes"}, "same_pair", "$.rejected"),
    ({"chosen": {"role": "assistant", "content": "yes"}, "rejected": "no"}, "pair_as_messages", "$.chosen"),
]


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "content", "rule", "line", "path"), CASES, ids=[f"{case[2]}-{n}" for n, case in enumerate(CASES)])
def test_a_broken_rule_is_found_where_it_is(tmp_path: Path, name: str, content: bytes, rule: str, line: int | None, path: str) -> None:
    summary, problems = checked(write(tmp_path, name, content))
    found = [problem for problem in problems if problem.rule == rule]
    assert found, [problem.rule for problem in problems]
    assert (found[0].line, found[0].json_path) == (line, path)
    assert {each.rule: each.count for each in summary.rules}[rule] == len(found)
    if found[0].row is not None and name.endswith("jsonl"):
        assert content[: found[0].offset].count(b"\n") + 1 == line
        assert found[0].offset == 0 or content[found[0].offset - 1 : found[0].offset] == b"\n"


@pytest.mark.parametrize(("messages", "rule", "path"), TALKS, ids=[f"{case[1]}-{n}" for n, case in enumerate(TALKS)])
def test_conversations_are_told_as_llamafactory_would_take_them(tmp_path: Path, messages: object, rule: str, path: str) -> None:
    good = {"conversations": talk(*CHAT)}
    summary, problems = checked(write(tmp_path, "a.jsonl", lines(good, good, {"conversations": messages})))
    assert (problems[0].rule, problems[0].line, problems[0].json_path) == (rule, 3, path)
    assert (summary.rows, summary.usable) == (3, 2)


@pytest.mark.parametrize(("row", "rule", "path"), PAIRS)
def test_pairs(tmp_path: Path, row: dict[str, object], rule: str, path: str) -> None:
    good = {"instruction": "q", "chosen": "yes", "rejected": "no"}
    summary, problems = checked(write(tmp_path, "a.jsonl", lines(good, good, good, {"instruction": "q"} | row)))
    assert (problems[0].rule, problems[0].json_path, summary.usable, summary.format) == (rule, path, 3, "preference")


def test_ratings(tmp_path: Path) -> None:
    summary, problems = checked(write(tmp_path, "a.jsonl", lines(*(alpaca(n, kto_tag=True) for n in range(3)), alpaca(4, kto_tag="true"))))
    assert summary.format == "kto"
    assert [problem.rule for problem in problems if problem.level != "remark"] == ["kto_tag_not_boolean"]
    assert "one_sided_kto" in {each.rule for each in summary.rules}


def test_a_tool_call_needs_its_shape(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in RIGHT["calls.jsonl"].splitlines()]
    wrong = json.loads(json.dumps(rows[0]))
    wrong["messages"][1]["tool_calls"] = [{"name": "clock"}]
    summary, problems = checked(write(tmp_path, "a.jsonl", lines(*rows, wrong)))
    assert [problem.rule for problem in problems if problem.level == "row"] == ["tool_calls_shape"]
    assert summary.layout.formatting == "openai"
    assert "openai_system" in {each.rule for each in summary.rules}


@pytest.mark.parametrize("name", RIGHT)
def test_right_files_have_no_problem(tmp_path: Path, name: str) -> None:
    summary, problems = checked(write(tmp_path, name, RIGHT[name]))
    assert (summary.problems, summary.verdict) == (0, "usable"), problems
    assert summary.usable == summary.rows > 0


@pytest.mark.parametrize("name", BROKEN)
def test_repair_leaves_no_problem(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, BROKEN[name])
    before, _problems = checked(path)
    assert before.problems and before.verdict == "repairable", before
    made, done = repaired(path)
    after, left = checked(made)
    assert (after.problems, after.verdict) == (0, "usable"), left
    assert after.usable >= before.usable
    assert done["changes"], "what was changed is counted"
    assert path.read_bytes() == BROKEN[name], "the file itself stays as it is"


def test_every_rule_is_broken_by_a_test() -> None:
    broken = {case[2] for case in CASES} | {case[1] for case in TALKS} | {case[1] for case in PAIRS}
    elsewhere = {
        "kto_tag_not_boolean", "missing_kto_tag", "one_sided_kto", "tool_calls_shape", "openai_system", "duplicate_row", "row_too_long",
        "file_changed", "late_column", "unreadable", "not_a_regular_file", "outside_folder", "needs_environment", "parquet_unreadable",
        "no_usable_rows",
    }  # fmt: skip
    assert set(RULES) == broken | elsewhere


def test_a_key_that_comes_late_is_named_once(tmp_path: Path) -> None:
    filler = lines(alpaca(1, output="x" * 10_000))
    count = (11 << 20) // len(filler)
    path = write(tmp_path, "a.jsonl", filler * count + lines(alpaca(2, extra="a"), alpaca(3, extra="b")))
    summary, problems = checked(path)
    late = [problem for problem in problems if problem.rule == "late_column"]
    assert [(problem.line, problem.json_path) for problem in late] == [(count + 1, "$.extra")]
    made, _done = repaired(path)
    assert checked(made)[0].problems == 0
    assert summary.usable == count + 2


def test_a_system_prompt_that_comes_late_is_kept_by_repair(tmp_path: Path) -> None:
    filler = lines(alpaca(1, output="x" * 10_000))
    count = (11 << 20) // len(filler)
    path = write(tmp_path, "a.jsonl", filler * count + lines(*(alpaca(n, system="Be kind.") for n in range(2 * count))))
    summary, problems = checked(path)
    assert [(problem.rule, problem.line, problem.json_path) for problem in problems if problem.level != "remark"] == [
        ("late_column", count + 1, "$.system")
    ]
    made, done = repaired(path)
    after, _left = checked(made)
    assert (after.problems, after.usable, after.layout.columns["system"]) == (0, summary.rows, "system")
    assert after.statistics is not None and after.statistics.with_system == 2 * count
    assert json.loads(made.read_bytes().split(b"\n", 1)[0])["system"] == ""
    assert done["changes"]["late_column"] == count


def test_one_very_long_line_is_passed_over_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(lines(alpaca(1)) + b'{"instruction": "' + b"a" * 30_000_000 + b'", "output": "b"}\n' + lines(alpaca(2)))
    summary, problems = checked(path)
    assert [(problem.rule, problem.line) for problem in problems] == [("row_too_long", 2)]
    assert (summary.rows, summary.usable) == (3, 2)
    array = tmp_path / "a.json"
    array.write_bytes(b"[" + path.read_bytes().strip().replace(b"}\n{", b"},\n{") + b"]")
    summary, problems = checked(array)
    assert [(problem.rule, problem.line) for problem in problems] == [("row_too_long", 2)]
    assert (summary.rows, summary.usable) == (3, 2)


def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    outside = write(tmp_path, "outside.jsonl", GOOD)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.jsonl").symlink_to(outside)
    (tmp_path / "circle.jsonl").symlink_to(tmp_path / "circle.jsonl")
    for path, within, rule in [
        (tmp_path / "pipe.jsonl", (), "not_a_regular_file"),
        (Path("/dev/zero"), (), "not_a_regular_file"),
        (tmp_path, (), "not_a_regular_file"),
        (tmp_path / "none.jsonl", (), "unreadable"),
        (tmp_path / "circle.jsonl", (), "unreadable"),
        (inside / "link.jsonl", (str(inside),), "outside_folder"),
    ]:
        summary, problems = checked(path, within=within)
        assert [problem.rule for problem in problems] == [rule], path
        assert summary.verdict == "unusable"


def test_parquet_says_what_it_needs(tmp_path: Path) -> None:
    path = write(tmp_path, "a.parquet", b"PAR1 nothing PAR1")
    assert [problem.rule for problem in checked(path)[1]] == ["needs_environment"]
    assert [problem.rule for problem in checked(path, parquet=["/bin/false"])[1]] == ["parquet_unreadable"]


def test_duplicates_are_counted_and_are_no_problem(tmp_path: Path) -> None:
    odd = b'{"instruction": "Say 1", "output": "It is 1", "input": ""}\n'  # another order of keys
    summary, _problems = checked(write(tmp_path, "a.jsonl", GOOD * 3 + odd))
    assert summary.statistics is not None
    assert (summary.statistics.duplicates, summary.problems, summary.verdict) == (5, 0, "usable")


def test_statistics(tmp_path: Path) -> None:
    rows = lines(*({"conversations": talk(("system", "s"), *CHAT)} for _n in range(10)), {"conversations": talk(*CHAT[:2])})
    summary, _problems = checked(write(tmp_path, "a.jsonl", rows))
    statistics = summary.statistics
    assert statistics is not None
    assert (statistics.rows, statistics.turns, statistics.most_turns, statistics.with_system) == (11, 52, 5, 10)
    assert sum(statistics.lengths.counts) == statistics.lengths.total == 11
    assert statistics.characters == sum(sum(len(turn["value"]) for turn in json.loads(line)["conversations"]) for line in rows.splitlines())


def test_openai_messages_are_loaded_without_the_formatting_that_adds_words(tmp_path: Path) -> None:
    summary, _problems = checked(write(tmp_path, "a.jsonl", lines({"messages": spoken(("user", "q"), ("assistant", "a"))})))
    assert (summary.format, summary.layout.formatting) == ("openai", "sharegpt")
    assert summary.layout.tags["user_tag"] == "user" and len(summary.layout.tags) == 7
