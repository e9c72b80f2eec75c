"""`modeltrain compare` as scripts use it: answers as they end, exit statuses, JSON, votes, the leaderboard, records."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.shell import COMMAND, PASSWORD, QuickShell, clean_environment
from tui.commands.root import run_command_line

MODELS = ("sim-chat@5000", "sim-chinese@5000", "sim-500", "sim-cut-3", "sim-hostile@5000", "sim-vision@5000")
#: The smallest PNG that there is: one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> QuickShell:
    """An account with a configuration for each of MODELS, called as its model."""
    data = tmp_path_factory.mktemp("compare") / "data"
    shell = QuickShell(data)
    variables = {"MODELTRAIN_PASSWORD": PASSWORD, "MODELTRAIN_AUTH__BCRYPT_COST": "4"}
    shell.ok("user", "add", "ann@example.org", "--nickname", "Ann", environment=variables)
    mine = QuickShell(data, "ann@example.org")
    for model in MODELS:
        mine.ok("config", "add", model, "--provider", "simulator", "--model", model)
    return mine


@pytest.fixture(scope="module")
def asked(ann: QuickShell) -> str:
    """The id of a comparison of two models, with a type."""
    done = ann.ok("compare", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "--type", "写作", "--json", "什么是过拟合？")
    return str(done.json["id"])


def test_answers_are_printed_whole_one_after_the_other(ann: QuickShell) -> None:
    done = ann.ok("compare", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "什么是过拟合？")
    headings = [line for line in done.out.splitlines() if line.startswith("── ")]
    assert sorted(line.split(" · ")[0] for line in headings) == ["── A sim-chat@5000", "── B sim-chinese@5000"]
    assert all(" out" in line and "$0.00" in line for line in headings)
    assert "你问的是：“什么是过拟合？”" in done.out
    assert "compare vote" in done.err and "compare vote" not in done.out


def test_the_object_for_scripts_has_everything(ann: QuickShell, asked: str) -> None:
    shown = ann.ok("compare", "show", asked, "--json").json
    assert (shown["mode"], shown["type"], shown["blind"], len(shown["rounds"])) == ("parallel", "写作", False, 1)
    first, second = shown["rounds"][0]["answers"]
    assert (first["label"], first["model"], first["finish"], first["error"]) == ("A", "sim-chat@5000", "stop", None)
    assert "过拟合" in first["answer"] and second["answer"]
    assert first["usage"]["output_tokens"] > 0 and first["usage"]["exact"] and first["total_ms"] >= first["ttft_ms"] >= 0


@pytest.mark.parametrize(("model", "status", "told"), [("sim-500", 4, "500"), ("sim-cut-3", 3, "")])
def test_a_failing_column_says_why_and_does_not_disturb_the_others(ann: QuickShell, model: str, status: int, told: str) -> None:
    done = ann.run("compare", "-c", "sim-chat@5000", "-c", model, "hello")
    assert done.status == status
    assert "You asked: “hello”" in done.out
    assert told in done.err


def test_one_after_the_other_for_a_single_gpu(ann: QuickShell) -> None:
    done = ann.ok("compare", "--sequential", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "hello", "there")
    assert [line.split()[1] for line in done.out.splitlines() if line.startswith("── ")] == ["A", "B"]
    assert "hello there" in done.out


def test_the_question_comes_from_a_file_or_standard_input(ann: QuickShell, tmp_path: Path) -> None:
    file = tmp_path / "question.txt"
    file.write_text("\ufeff从文件来的问题\n", encoding="utf-8")
    models = ("-c", "sim-chat@5000", "-c", "sim-chinese@5000", "--json")
    assert ann.ok("compare", *models, "--file", str(file)).json["rounds"][0]["question"] == "从文件来的问题"
    assert ann.ok("compare", *models, stdin="piped\nquestion\n").json["rounds"][0]["question"] == "piped\nquestion"


def test_an_image_goes_along_and_what_is_none_is_refused(ann: QuickShell, tmp_path: Path) -> None:
    picture, text = tmp_path / "dot.png", tmp_path / "dot.txt"
    picture.write_bytes(PNG)
    text.write_text("no image")
    models = ("-c", "sim-vision@5000", "-c", "sim-vision@5000", "What is it?", "--image")
    done = ann.ok("compare", *models, str(picture), "--json").json["rounds"][0]
    assert done["images"] == 1 and all("1x1" in answer["answer"] or "1 x 1" in answer["answer"] for answer in done["answers"])
    refused = ann.run("compare", *models, str(text))
    assert refused.status == 2 and "PNG" in refused.err
    assert ann.run("compare", *models, str(tmp_path / "nowhere.png")).status == 2


def test_what_a_model_sends_cannot_steer_the_terminal(ann: QuickShell) -> None:
    done = ann.ok("compare", "-c", "sim-hostile@5000", "-c", "sim-chat@5000", "hello")
    assert "\x1b" not in done.out and "\x07" not in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-c", "sim-chat@5000", "hello"), ""),
        (("-c", "sim-chat@5000", "-c", "nobody", "hello"), "nobody"),
        (("-c", "sim-chat@5000", "-c", "sim-500", ""), ""),
        (("show", "no-such-id"), ""),
        (("list", "--since", "yesterday"), "yesterday"),
        (("list", "--verdict", "great"), "great"),
    ],
)
def test_refusals_are_one_sentence_and_status_2(ann: QuickShell, arguments: tuple[str, ...], told: str) -> None:
    done = ann.run("compare", *arguments)
    assert done.status == 2
    assert told in done.err and "Traceback" not in done.err and "modeltrain came" not in done.err
    assert done.err.strip() and not done.out


def test_a_follow_up_goes_to_the_same_models(ann: QuickShell) -> None:
    first = ann.ok("compare", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "--json", "one").json
    second = ann.ok("compare", "--comparison", first["id"], "--json", "two").json
    assert (second["id"], [each["question"] for each in second["rounds"]]) == (first["id"], ["one", "two"])
    assert ann.run("compare", "--comparison", first["id"], "-c", "sim-500", "three").status == 2


def test_votes_make_a_leaderboard(ann: QuickShell, asked: str) -> None:
    judged = ann.ok("compare", "vote", asked, "b", "--stars", "A=2", "--stars", "B=5", "--note", "更清楚", "--json").json
    assert judged["verdict"]["winner"] == "B"
    assert judged["verdict"]["stars"] == {"A": 2, "B": 5}
    board = ann.ok("compare", "leaderboard", "--type", "写作", "--json").json
    assert board["votes"] == 1
    assert [(row["model"], row["wins"], row["rank"], row["enough"]) for row in board["models"]] == [
        ("sim-chinese@5000", 1, None, False),
        ("sim-chat@5000", 0, None, False),
    ]
    text = ann.ok("compare", "leaderboard")
    assert "├" in text.out and "too few votes to rank" in text.out and "Bradley-Terry" in text.err
    assert ann.ok("compare", "leaderboard", "--blind", "--json").json["models"] == []
    ann.ok("compare", "vote", asked, "--withdraw")
    assert ann.ok("compare", "show", asked, "--json").json["rounds"][0]["verdict"] is None


@pytest.mark.parametrize(
    "arguments", [("D",), ("A", "--stars", "A=9"), ("A", "--stars", "Z=1"), ("A", "--stars", "A"), ("A", "--round", "7")]
)
def test_a_vote_that_means_nothing_is_refused(ann: QuickShell, asked: str, arguments: tuple[str, ...]) -> None:
    done = ann.run("compare", "vote", asked, *arguments)
    assert done.status == 2 and done.err.strip()


def test_blind_names_are_told_by_the_vote_only(ann: QuickShell) -> None:
    done = ann.ok("compare", "--blind", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "--type", "blind", "hello")
    assert "sim-chat@5000" not in done.out + done.err and "sim-chinese@5000" not in done.out + done.err
    record = ann.ok("compare", "list", "--type", "blind", "--json").json[0]
    assert record["models"] is None
    for command in (("show", record["id"]), ("show", record["id"], "--json"), ("export", record["id"], "--format", "markdown"), ("list",)):
        hidden = ann.ok("compare", *command).out
        assert command == ("list",) or ("sim-chat@5000" not in hidden and "sim-chinese@5000" not in hidden)
    voted = ann.ok("compare", "vote", record["id"], "tie")
    assert "Tie" in voted.out and "sim-chat@5000" in voted.out and "sim-chinese@5000" in voted.out
    assert ann.ok("compare", "list", "--type", "blind", "--json").json[0]["models"] is not None


def test_records_are_listed_found_renamed_exported_and_deleted(ann: QuickShell, tmp_path: Path) -> None:
    begun = ann.run("compare", "-c", "sim-chat@5000", "-c", "sim-500", "--json", "a needle in the hay").json
    assert [each["id"] for each in ann.ok("compare", "list", "NEEDLE", "--json").json] == [begun["id"]]
    assert ann.ok("compare", "list", "needle", "--model", "sim-chinese@5000", "--json").json == []
    ann.ok("compare", "rename", begun["id"], "大海捞针")
    assert "大海捞针" in ann.ok("compare", "list", "大海").out
    file = tmp_path / "kept.md"
    ann.ok("compare", "export", begun["id"], "--format", "markdown", "-o", str(file))
    kept = file.read_text(encoding="utf-8")
    assert kept.startswith("# 大海捞针") and "## Question 1" in kept and "### B sim-500 (failed)" in kept
    assert json.loads(ann.ok("compare", "export", begun["id"]).out)["title"] == "大海捞针"
    assert ann.ok("compare", "delete", begun["id"], "--json").json == {"deleted": 1}
    assert ann.run("compare", "show", begun["id"]).status == 2


def test_similar_questions_are_listed_with_what_each_model_made_of_them(ann: QuickShell, asked: str) -> None:
    found = ann.ok("compare", "similar", "什么是过拟合", "--json").json
    assert asked in [each["comparison"] for each in found]
    assert all(each["similarity"] >= 0.9 for each in found)
    assert {answer["model"] for each in found for answer in each["answers"]} >= {"sim-chat@5000", "sim-chinese@5000"}
    assert asked in ann.ok("compare", "similar", asked).out
    assert ann.ok("compare", "similar", "quite another thing", "--json").json == []


def test_asking_again_is_a_new_comparison_of_the_same_questions(ann: QuickShell) -> None:
    first = ann.ok("compare", "-c", "sim-chat@5000", "-c", "sim-chinese@5000", "--json", "one").json["id"]
    ann.ok("compare", "--comparison", first, "two")
    again = ann.ok("compare", "again", first, "--json").json
    assert again["id"] != first
    assert [each["question"] for each in again["rounds"]] == ["one", "two"]
    assert all(answer["finish"] == "stop" for each in again["rounds"] for answer in each["answers"])


def test_ctrl_c_stops_the_answers_and_keeps_what_came(ann: QuickShell) -> None:
    for model in ("sim-chat@5x5000", "sim-chinese@4999"):
        ann.ok("config", "add", model, "--provider", "simulator", "--model", model)
    command = [str(COMMAND), *ann.options, "compare", "-c", "sim-chat@5x5000", "-c", "sim-chinese@4999", "--json", "hello"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(), text=True)
    try:
        _until_begun(ann)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, err
    slow, quick = json.loads(out)["rounds"][0]["answers"]
    assert (slow["state"], quick["state"]) == ("stopped", "complete")


def _until_begun(shell: QuickShell) -> None:
    """Wait until the quick one has answered and the slow one has begun. Asked of the database: commands would hold the process up."""
    wanted = "SELECT model, state FROM messages WHERE model IN ('sim-chat@5x5000', 'sim-chinese@4999') ORDER BY model"
    with closing(sqlite3.connect(f"file:{shell.data / 'modeltrain.db'}?mode=ro", uri=True)) as database:
        for _attempt in range(3000):
            if [state for _model, state in database.execute(wanted)] == ["generating", "complete"]:
                return
            time.sleep(0.02)
    raise AssertionError("it never began to answer")


@pytest.mark.parametrize(
    "arguments", [["compare", "--help"], ["compare", "ask", "--help"], ["compare", "vote", "--help"], ["compare", "leaderboard", "--help"]]
)
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(arguments) == 0
    assert "Usage: modeltrain compare" in capsys.readouterr().out
