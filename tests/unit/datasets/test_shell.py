"""modeltrain dataset: what scripts rely on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.shell import QuickShell
from tests.unit.datasets.samples import BROKEN, RIGHT, alpaca, lines

KEYS = ["file", "line", "offset", "json_path", "rule", "message", "remedy"]


def test_check_needs_neither_account_nor_database(tmp_path: Path) -> None:
    shell = QuickShell(tmp_path / "data")
    good, bad = tmp_path / "good.json", tmp_path / "bad.jsonl"
    good.write_bytes(RIGHT["alpaca.json"])
    bad.write_bytes(lines(alpaca(1)) + b'{"instruction": "a\\u001b[2J", "output": 5}\n{"instruction": \n')
    clean = shell.run("dataset", "check", str(good), "--json")
    assert clean.status == 0 and clean.err == ""
    assert clean.json["summary"] | {"remarks": 0} == {
        "format": "alpaca", "rows": 2, "usable": 2, "problems": 0, "verdict": "usable", "remarks": 0,
    }  # fmt: skip
    found = shell.run("dataset", "check", str(bad), "--json")
    *problems, last = [json.loads(line) for line in found.out.splitlines()]
    assert found.status == 1
    assert [list(problem) for problem in problems] == [KEYS, KEYS]
    assert [(problem["rule"], problem["line"], problem["offset"], problem["json_path"]) for problem in problems] == [
        ("not_text", 2, 59, "$.output"),
        ("truncated", 3, bad.read_bytes().index(b'{"instruction": \n'), "$"),
    ]
    assert all(problem["file"] == str(bad) and problem["message"] and problem["remedy"] for problem in problems)
    assert (last["summary"]["rows"], last["summary"]["usable"], last["summary"]["problems"]) == (3, 1, 2)
    cut = shell.run("dataset", "check", str(bad), "--json", "--limit", "1").out.splitlines()
    assert len(cut) == 2 and json.loads(cut[1])["summary"]["cut"]
    told = shell.run("dataset", "check", str(bad))
    assert told.status == 1 and "bad.jsonl:2" in told.out and "\x1b" not in told.out
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("what", ["none.jsonl", "folder", "pipe.jsonl", "loop.jsonl"])
def test_what_cannot_be_read_ends_with_two(tmp_path: Path, what: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    outcome = QuickShell(tmp_path / "data").run("dataset", "check", str(tmp_path / what), "--json")
    assert outcome.status == 2
    assert json.loads(outcome.out.splitlines()[-1])["summary"]["verdict"] == "unusable"


def test_a_dataset_from_the_shell(tmp_path: Path) -> None:
    ann = QuickShell(tmp_path / "data").user("ann@example.org", "ann")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(BROKEN["numbers.jsonl"])
    added = ann.ok("dataset", "add", str(path), "--name", "numbers", "--json").json
    assert (added["verdict"], added["rows"], added["rules"]) == ("repairable", 3, {"not_text": 2})
    assert ann.run("dataset", "check", "numbers", "--json").status == 1
    mended = ann.ok("dataset", "repair", "numbers", "--json").json
    assert (mended["version"], mended["verdict"], mended["changes"]) == (2, "usable", {"not_text": 2})
    assert ann.run("dataset", "check", added["id"], "--json").status == 0
    assert "numbers" in ann.ok("dataset", "list").out
    shown = ann.ok("dataset", "show", "numbers", "--json").json
    assert [version["version"] for version in shown["all_versions"]] == [2, 1]
    rows = [json.loads(line) for line in ann.ok("dataset", "preview", "numbers", "--json").out.splitlines()]
    assert [row["value"]["output"] for row in rows] == ["It is 1", "5", "a\nb"]
    train, validation = ann.ok("dataset", "split", "numbers", "--validation", "1", "--json").json
    assert (train["rows"], validation["rows"]) == (2, 1)
    assert ann.ok("dataset", "dedupe", "numbers", "--json").json["version"] == 3
    assert ann.ok("dataset", "remove", "numbers", "--json").json["removed"] == 1
    refused = ann.run("dataset", "show", "numbers")
    assert refused.status == 2 and "numbers" in refused.err
    assert path.read_bytes() == BROKEN["numbers.jsonl"]
