"""`modeltrain model` as a person and a script use it, over a small server in place of LLaMA-Factory's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shell import Outcome, QuickShell, Shell
from tests.unit.inference.house import SmallEnvironment, write_model
from tests.unit.training.test_environment import make_environment


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    write_model(tmp_path / "models" / "org" / "tiny", dtype="F16")
    environment = tmp_path / "env"
    make_environment(environment)
    SmallEnvironment(environment).write_server()
    return {"MODELTRAIN_MODEL_FOLDERS": str(tmp_path / "models"), "MODELTRAIN_TRAINING_ENV": str(environment)}


@pytest.fixture
def ann(tmp_path: Path) -> Shell:
    return QuickShell(tmp_path / "data").user("ann@example.org", "ann", admin=True)


def run(shell: Shell, places: dict[str, str], *arguments: str) -> Outcome:
    return shell.run("model", *arguments, environment=places)


def test_a_model_is_listed_served_asked_and_stopped(ann: Shell, places: dict[str, str]) -> None:
    (listed,) = run(ann, places, "list", "--json").json
    assert (listed["name"], listed["kind"], listed["parameters"], listed["precision"]) == ("tiny", "base", 32, "F16")
    assert listed["server"] is None
    served = run(ann, places, "serve", "tiny", "--json")
    assert served.status == 0, served
    service = served.json
    assert (service["state"], service["with"]) == ("ready", "api")
    try:
        assert run(ann, places, "show", listed["id"], "--json").json["server"]["id"] == service["id"]
        answer = ann.run("chat", "-c", "tiny", "--json", "Who are you?", environment=places)
        assert answer.json["answer"] == "I am tiny", answer
        assert "tiny" in run(ann, places, "list", "--servers").out
    finally:
        stopped = run(ann, places, "stop", "tiny", "--json")
    assert stopped.json["state"] == "stopped"
    again = run(ann, places, "stop", "tiny")
    assert (again.status, again.out) == (2, "")
    assert "has no server" in again.err


def test_what_is_refused_is_said_in_a_sentence_with_status_2(ann: Shell, places: dict[str, str]) -> None:
    for arguments, words in (
        (("show", "nothing"), "There is no model “nothing” here."),
        (("serve", "tiny", "--with", "vllm"), "vllm is not in the training environment."),
        (("serve", "tiny", "--with", "magic"), "with"),
        (("serve", "tiny", "--port", "80"), "port"),
        (("merge", "tiny"), "is no adapter"),
        (("delete", "tiny", "--yes"), "Your role does not allow this."),
        (("delete", "tiny"), "--yes"),
    ):
        refused = run(ann, places, *arguments)
        assert (refused.status, refused.out) == (2, ""), (arguments, refused)
        assert words in refused.err, (arguments, refused.err)
    broken = run(ann, places, "serve", "tiny", "--with", "vllm", "--json")
    assert (broken.status, json.loads(broken.out or broken.err)["error"]["code"]) == (2, "conflict.backend_missing")


def test_a_server_that_does_not_start_says_why(ann: Shell, places: dict[str, str]) -> None:
    failed = run(ann, places, "serve", "tiny", "--template", "NEVER")
    assert failed.status == 1
    assert "There is no template “NEVER”." in failed.err
    assert "Template NEVER does not exist" in failed.err, "the line that proves it"
    told = run(ann, places, "list", "--servers", "--json").json[0]["failure"]
    assert told["rule"] == "unknown_template"


def test_a_note_is_kept(ann: Shell, places: dict[str, str]) -> None:
    assert run(ann, places, "note", "tiny", "quick").status == 0
    assert run(ann, places, "show", "tiny", "--json").json["note"] == "quick"
