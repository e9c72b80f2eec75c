"""modeltrain batch: from a file of questions to an exit status, locally and for people who are served."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from core.auth.principal import Origin, Principal
from core.bootstrap import build_services
from core.models.types import SIMULATOR, ConfigurationDraft
from core.settings import AuthSettings, Settings, load_settings
from tests.shell import COMMAND, QuickShell, clean_environment
from tui.commands.common import Served
from tui.commands.files import use_files_of
from tui.commands.root import run_command_line

QUESTIONS = (
    {"question": "42", "expected": "42", "type": "math"},
    {"question": "The capital of France is Paris", "expected": "Paris", "type": "facts"},
    {"question": "北京是中国的首都", "expected": "北京", "type": "facts"},
    {"question": "blue", "expected": "green", "type": "facts"},
)
EMAIL = "ann@example.org"


async def furnish(settings: Settings) -> Principal:
    services = await build_services(settings)
    try:
        signed_in = await services.accounts.create_first_admin(EMAIL, "ann", "correct horse 7 battery", origin=Origin("shell"))
        for name, model in (("Echo", "sim-echo@max"), ("Refusing", "sim-400"), ("Slow", "sim-echo@20")):
            await services.configurations.create(signed_in.principal, ConfigurationDraft(name, SIMULATOR, model))
        return signed_in.principal
    finally:
        await services.close()


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickShell]:
    """The shell of one account for all tests here; name what you make after your test."""
    folder = tmp_path_factory.mktemp("batch-commands")
    asyncio.run(furnish(replace(load_settings(folder, {}), auth=AuthSettings(bcrypt_cost=4))))
    yield QuickShell(folder, EMAIL)


def write(path: Path, questions: Any = QUESTIONS) -> str:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in questions), encoding="utf-8")
    return str(path)


def test_a_plan_says_what_it_will_take_and_asks_nothing(ann: QuickShell, tmp_path: Path) -> None:
    file = write(tmp_path / "planned.jsonl")
    planned = ann.ok("batch", "plan", file, "-c", "Echo", "-c", "Refusing", "--json").json
    assert (planned["questions"], planned["requests"], planned["judge_requests"]) == (4, 8, 0)
    assert planned["input_tokens"]["low"] > 0 and planned["seconds"]["high"] >= planned["seconds"]["low"]
    said = ann.ok("batch", "plan", file, "-c", "Echo")
    assert "4 of “planned”, version 1" in said.out and "version 1" in said.err, "the same file makes no second version"
    assert ann.ok("batch", "list", "planned", "--json").json == []


def test_the_exit_status_says_whether_the_threshold_holds(ann: QuickShell, tmp_path: Path) -> None:
    file, report = write(tmp_path / "threshold.jsonl"), tmp_path / "out.xml"
    held = ann.run("batch", "run", file, "-c", "Echo", "--fail-under", "0.75", "--junit", str(report), "--json")
    assert held.status == 0, held.err
    found = held.json
    assert {name: found[name] for name in ("state", "total", "answered", "failed", "score")} == {
        "state": "completed", "total": 4, "answered": 4, "failed": 0, "score": 0.75,
    }  # fmt: skip
    suites = ElementTree.parse(report).getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("4", "1")
    below = ann.run("batch", "run", file, "-c", "Echo", "--fail-under", "0.8")
    assert below.status == 1 and "The score 75.0 % is below 80.0 %." in below.err
    assert ann.run("batch", "status", found["id"], "--fail-under", "0.8").status == 1
    assert ann.run("batch", "status", found["id"], "--fail-under", "0.7", "--json").json["id"] == found["id"]
    assert ann.run("batch", "status", found["id"][:12]).status == 0


def test_missing_answers_are_status_4_and_are_asked_again_by_retry(ann: QuickShell, tmp_path: Path) -> None:
    made = ann.run("batch", "run", write(tmp_path / "missing.jsonl"), "-c", "Echo", "-c", "Refusing", "--name", "missing one", "--json")
    assert made.status == 4 and "4 answers are missing." in made.err and "modeltrain batch retry" in made.err
    assert (made.json["answered"], made.json["failed"]) == (4, 4)
    again = ann.run("batch", "retry", "missing one", "--json")
    assert again.status == 4 and (again.json["answered"], again.json["failed"]) == (4, 4)
    none_failed = ann.run("batch", "retry", "missing one", "-c", "Echo")
    assert none_failed.status == 2 and "No answer failed." in none_failed.err
    failed = ann.ok("batch", "answers", "missing one", "--state", "failed", "--json").json
    assert {each["configuration"] for each in failed} == {"Refusing"} and failed[0]["error"]["code"].startswith("bad_request")
    one = ann.ok("batch", "answers", "missing one", "-n", "3", "-c", "Echo")
    assert "北京是中国的首都" in one.out and "100.0 %" in one.out and "Refusing" not in one.out
    best = ann.ok("batch", "answers", "missing one", "-c", "Echo", "--sort", "-score", "--type", "facts", "--json").json
    assert [each["score"] for each in best] == [1.0, 1.0, 0.0]


def test_reports_go_to_files_and_standard_output(ann: QuickShell, tmp_path: Path) -> None:
    made = ann.ok("batch", "run", write(tmp_path / "reported.jsonl"), "-c", "Echo", "--name", "reported one", "--json").json
    for name, begins in (("a.xlsx", b"PK"), ("b.html", b"<!"), ("c.csv", b"\xef\xbb\xbfnumber,"), ("d.json", b"{"), ("e.xml", b"<?xml")):
        target = tmp_path / name
        said = ann.ok("batch", "report", "reported one", "-o", str(target))
        assert target.read_bytes().startswith(begins) and str(target) in said.err
    assert json.loads(ann.ok("batch", "report", made["id"]).out)["batch"]["id"] == made["id"]
    refused = ann.run("batch", "report", made["id"], "--format", "docx")
    assert refused.status == 2 and "docx" in refused.err
    nowhere = ann.run("batch", "report", made["id"], "-o", str(tmp_path / "no" / "such.csv"))
    assert nowhere.status == 2 and not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "no-such-batch"), "There is no batch “no-such-batch”."),
        (("run", "{missing}", "-c", "Echo"), "There is no file"),
        (("plan", "{file}"), "Something must be here."),
        (("plan", "{file}", "-c", "Nobody"), "There is no configuration “Nobody”."),
        (("plan", "{file}", "-c", "Echo", "--scorer", "magic"), "magic"),
        (("status", "ffffffffffff"), "There is no batch"),
        (("list", "--state", "odd"), "draft, running"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(ann: QuickShell, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    names = {"file": write(tmp_path / "refused.jsonl"), "missing": str(tmp_path / "missing.csv")}
    outcome = ann.run("batch", *(each.format(**names) for each in arguments))
    assert outcome.status == 2 and said.lower() in outcome.err.lower() and not outcome.out, outcome


def test_a_file_with_bad_lines_is_refused_until_they_may_be_left_out(ann: QuickShell, tmp_path: Path) -> None:
    file = tmp_path / "bad lines.jsonl"
    file.write_text('{"question": "42", "expected": "42"}\n{"question": \n', encoding="utf-8")
    assert ann.run("batch", "plan", str(file), "-c", "Echo").status == 2
    planned = ann.ok("batch", "plan", str(file), "-c", "Echo", "--leave-out-bad", "--json")
    assert planned.json["questions"] == 1 and "1 place of the file was left out." in planned.err


def test_ctrl_c_pauses_and_resume_asks_only_what_is_missing(ann: QuickShell, tmp_path: Path) -> None:
    file = write(
        tmp_path / "paused.jsonl", [{"question": f"question number {number} of many", "expected": str(number)} for number in range(8)]
    )
    command = [str(COMMAND), *ann.options, "batch", "run", file, "-c", "Slow", "--concurrency", "1", "--name", "paused one"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if "/8" in line and "%" in line:
                break  # it is being worked on
        process.send_signal(signal.SIGINT)
        rest, out = process.stderr.read(), process.stdout.read() if process.stdout is not None else ""
        assert process.wait(60) == 130, rest
    assert "Go on with: modeltrain batch resume" in rest and "paused" in out
    paused = ann.ok("batch", "status", "paused one", "--json").json
    assert paused["state"] == "paused" and paused["answered"] < 8
    done = ann.ok("batch", "resume", "paused one", "--fail-under", "1", "--json").json
    assert (done["state"], done["answered"], done["score"]) == ("completed", 8, 1.0)
    asked = ann.ok("batch", "answers", "paused one", "--json").json
    assert all(each["attempts"] == 1 for each in asked), "nothing was asked twice"


def test_pause_cancel_and_remove_say_what_became_of_it(ann: QuickShell, tmp_path: Path) -> None:
    ann.ok("batch", "run", write(tmp_path / "removed.jsonl"), "-c", "Echo", "--name", "removed one")
    paused = ann.run("batch", "pause", "removed one")
    assert paused.status == 2 and "in this state" in paused.err
    assert ann.ok("batch", "remove", "removed one").out == "1 batch is removed.\n"
    assert ann.run("batch", "status", "removed one").status == 2


def test_who_is_served_names_only_own_files(ann: QuickShell, tmp_path: Path) -> None:
    settings = load_settings(ann.data, {}, served=True)
    principal = asyncio.run(_served(settings))
    own = ann.data / "users" / principal.user_id
    (own / "datasets").mkdir(parents=True, exist_ok=True)
    write(own / "datasets" / "mine.jsonl")
    outside = write(tmp_path / "outside.jsonl")

    def run(*arguments: str) -> tuple[int, str, str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err):
            status = run_command_line(["batch", *arguments], served=Served(settings, principal))
        return status, *(stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[return-value]

    try:
        status, out, err = run("run", "datasets/mine.jsonl", "-c", "Echo", "--junit", "exports/out.xml", "--json")
        assert status == 0 and json.loads(out)["answered"] == 4, err
        assert (own / "exports" / "out.xml").read_bytes().startswith(b"<?xml")
        assert run("plan", outside, "-c", "Echo")[0] == 2
        assert run("report", "mine", "-o", str(tmp_path / "stolen.json"))[0] == 2
        assert not (tmp_path / "stolen.json").exists()
    finally:
        use_files_of(None)


async def _served(settings: Settings) -> Principal:
    services = await build_services(settings)
    try:
        signed_in = await services.accounts.sign_in(EMAIL, "correct horse 7 battery", origin=Origin("ssh"))
        return replace(signed_in.principal, served=True)
    finally:
        await services.close()
