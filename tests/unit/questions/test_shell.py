"""modeltrain questions, as a script uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shell import QuickShell


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> QuickShell:
    made = QuickShell(tmp_path_factory.mktemp("questions") / "data").user("ann@example.org", "ann", admin=True)
    assert isinstance(made, QuickShell)
    return made


def test_a_file_comes_in_and_goes_out(shell: QuickShell, tmp_path: Path) -> None:
    path = tmp_path / "地理.csv"
    path.write_bytes("问题,答案,类型\n法国的首都？,巴黎,地理\n1+1=?,2,\n".encode("gb18030"))
    told = shell.ok("questions", "import", str(path), "--tag", "测试", "--json").json
    assert (told["name"], told["tags"], told["count"], told["version"]) == ("地理", ["测试"], 2, 1)
    assert told["file"] | {"problems": []} == {
        "format": "csv", "encoding": "gb18030", "count": 2, "left_out": 0, "remarks": 0, "types": {"地理": 1, "": 1}, "problems": [],
    }  # fmt: skip
    assert [item["name"] for item in shell.ok("questions", "list", "地理", "--json").json] == ["地理"]
    shown = shell.ok("questions", "show", "地理")
    assert "法国的首都？\n  = 巴黎" in shown.out
    items = shell.ok("questions", "show", "地理", "--type", "地理", "--json").json
    assert (items["total"], items["items"][0]["expected"], items["items"][0]["line"]) == (1, "巴黎", 2)
    out = tmp_path / "out.jsonl"
    assert shell.ok("questions", "export", "地理", "-o", str(out), "--json").json["bytes"] == out.stat().st_size
    assert [json.loads(line)["question"] for line in out.read_text("utf-8").splitlines()] == ["法国的首都？", "1+1=?"]
    again = shell.run("questions", "export", "地理", "-o", str(out))
    assert again.status == 2
    assert "already" in again.err
    shell.ok("questions", "export", "地理", "-o", str(out), "--format", "txt", "--force")
    assert out.read_text("utf-8") == "法国的首都？\n1+1=?\n"
    assert shell.ok("questions", "export", "地理").out.count("\n") == 2


def test_a_file_with_problems_is_refused_line_by_line(shell: QuickShell, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "fine?"}\n{"question": "fine?"}\n{"question": "x", "scorer": "magic\\u001b[31m"}\nnonsense\n')
    checked = shell.run("questions", "import", str(path), "--check", "--json")
    assert checked.status == 2
    problems = checked.json["problems"]
    assert [(each["line"], each["rule"], each["left_out"]) for each in problems] == [
        (2, "duplicate", False), (3, "unknown_scorer", True), (4, "malformed", True),
    ]  # fmt: skip
    refused = shell.run("questions", "import", str(path))
    assert refused.status == 2
    assert "line 3: there is no scorer “magic”" in refused.out
    assert "\x1b" not in refused.out
    assert "--leave-out-bad" in refused.err
    error = json.loads(shell.run("questions", "import", str(path), "--json").err)["error"]
    assert error["code"] == "invalid_input.problems_in_file"
    assert "bad.jsonl" in error["message"]
    assert shell.ok("questions", "import", str(path), "--leave-out-bad", "--json").json["count"] == 2
    assert shell.ok("questions", "import", str(path.parent / "bad.jsonl"), "--into", "bad", "--leave-out-bad", "--json").json["unchanged"]


def test_standard_input_becomes_the_next_version(shell: QuickShell) -> None:
    shell.ok("questions", "import", "-", "--name", "piped", stdin="one?\ntwo?\n")
    done = shell.ok("questions", "import", "-", "--into", "piped", "--json", stdin="one?\nthree?\nfour?\n").json
    assert (done["version"], done["diff"]["added"], done["diff"]["removed"], done["diff"]["same"]) == (2, 2, 1, 1)
    assert "2 added, 1 removed, 1 the same" in shell.ok("questions", "show", "piped", "--since", "1").out
    versions = shell.ok("questions", "show", "piped", "--versions", "--json").json
    assert [(each["version"], each["count"], each["origin"]) for each in versions] == [(2, 3, "imported"), (1, 2, "imported")]
    assert shell.ok("questions", "export", "piped", "--version", "1", "--format", "txt").out == "one?\ntwo?\n"
    assert shell.ok("questions", "show", "piped", "--versions").out.startswith("VERSION")


def test_what_is_printed_acts_on_no_terminal_and_loses_nothing(shell: QuickShell) -> None:
    evil = json.dumps({"question": "a\x1b[31m\u202e\x9b b?"})
    shell.ok("questions", "import", "-", "--name", "evil", stdin=evil)
    out = shell.ok("questions", "export", "evil").out
    assert not set(out) & set("\x1b\u202e\x9b")
    assert json.loads(out) == json.loads(evil)
    assert "\x1b" in shell.ok("questions", "export", "evil", "--format", "txt").out  # a pipe of this machine gets what is there
    for command in (("show", "evil"), ("list",)):
        assert not set(shell.ok("questions", *command).out) & set("\x1b\u202e\x9b")


def test_examples_and_removal(shell: QuickShell) -> None:
    examples = shell.ok("questions", "examples", "--json").json
    assert {each["language"] for each in examples} == {"en", "zh"}
    made = shell.ok("questions", "examples", "reasoning-zh", "--json").json
    assert made["count"] == next(each["count"] for each in examples if each["id"] == "reasoning-zh")
    assert "算术与推理" in shell.ok("questions", "list").out
    assert shell.ok("questions", "remove", made["id"], "--json").json == {"removed": 1}
    for command in (
        ("show", made["id"]),
        ("remove", made["id"]),
        ("export", made["id"]),
        ("examples", "nothing"),
        ("import", "/nowhere/q.csv"),
    ):
        refused = shell.run("questions", *command)
        assert (refused.status, refused.out) == (2, "")
        assert refused.err.startswith("There is no ")
