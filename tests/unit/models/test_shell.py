"""modeltrain config and provider, as scripts use them: exit statuses, JSON, keys that are never arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.models.conftest import KEY, PASSWORD
from tui.commands.root import run_command_line


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def shell(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`modeltrain ARGUMENTS` in this process, as the owner of the data folder; `who` for whom."""
    monkeypatch.setenv("MODELTRAIN_DATA", str(data_dir))
    monkeypatch.delenv("MODELTRAIN_API_KEY", raising=False)

    def run(*arguments: str, who: str = "") -> Outcome:
        capsys.readouterr()
        status = run_command_line([*(["--as", f"{who}@example.org"] if who else []), *arguments])
        return Outcome(status, *capsys.readouterr())

    monkeypatch.setenv("MODELTRAIN_PASSWORD", PASSWORD)
    for name, flag in (("ann", ["--admin"]), ("bob", [])):
        assert run("user", "add", f"{name}@example.org", "--nickname", name, *flag).status == 0
    return run


@pytest.fixture
def config(shell: Run) -> Run:
    return lambda *arguments, who="ann": shell("config", *arguments, who=who)


def test_every_option_is_kept(config: Run) -> None:
    options = [
        *("--provider", "simulator", "--model", "sim-chat@0", "--temperature", "0.2", "--top-p", "0.9", "--top-k", "40"),
        *("--max-tokens", "50", "--presence-penalty", "-1", "--frequency-penalty", "0.5", "--seed", "7", "--stop", "END", "--stop", "\n"),
        *("--extra", '{"min_p": 0.05}', "--system", "Be brief.", "--note", "mine", "--timeout", "45"),
    ]
    assert config("add", "main", *options).status == 0
    shown = config("show", "main", "--json").json
    assert shown["parameters"] == {
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 50,
        "presence_penalty": -1,
        "frequency_penalty": 0.5,
        "seed": 7,
        "stop": ["END", "\n"],
        "extra": {"min_p": 0.05},
    }
    assert (shown["provider"], shown["endpoint"], shown["model"], shown["system_prompt"]) == (
        "simulator",
        "simulator:",
        "sim-chat@0",
        "Be brief.",
    )
    assert (shown["note"], shown["timeout_s"], shown["default"], shown["conversations"]) == ("mine", 45, True, 0)
    for word in ("main", "sim-chat@0", "Be brief.", "45 seconds", "min_p"):
        assert word in config("show", "main").out


def test_a_temperature_that_will_be_lowered_is_said(config: Run) -> None:
    made = config("add", "hot", "--provider", "anthropic", "--model", "m", "--temperature", "1.5", "--json")
    assert (made.status, made.json["parameters"]["temperature"]) == (0, 1.5)
    assert "a temperature of at most 1, so that is sent" in made.err
    assert "temperature" not in config("add", "warm", "--provider", "anthropic", "--model", "m", "--temperature", "1").err


def test_what_cannot_stay_is_said_and_not_saved(config: Run) -> None:
    right = ["--provider", "simulator", "--model", "sim-chat"]
    for wrong, said in (
        (["--temperature", "9"], "temperature"),
        (["--temperature", "warm"], "Not a number"),
        (["--top-k", "1.5"], "whole number"),
        (["--extra", "[1]"], "JSON object"),
        (["--extra", '{"stream": 1}'], "stream"),
        (["--timeout", ""], "timeout"),
        (["--timeout", "0"], "From 1 to 3600"),
        (["--endpoint", "ftp://x"], "http://"),
        (["--provider", "nobody"], "nobody"),
        (["--model", ""], "model"),
    ):
        outcome = config("add", "bad", *right, *wrong)
        assert outcome.status == 2, wrong
        assert said in outcome.err
        assert outcome.out == ""
    assert config("add", "good", *right).status == 0
    assert "taken" in config("add", "good", *right).err
    assert [entry["name"] for entry in config("list", "--json").json] == ["good"]


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (["--provider", "simulator", "--model", "sim-chat@0"], 0, None),
        (["--provider", "simulator", "--model", "sim-401"], 4, "unauthorized"),
        (["--provider", "simulator", "--model", "sim-cut@0x50"], 4, "stream_truncated"),
        (["--provider", "openai-compatible", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m"], 5, "connection_refused"),
        (["--provider", "openai", "--model", "gpt-4o"], 2, "invalid_input.key_needed"),
    ],
)
def test_the_exit_status_of_a_test(config: Run, options: list[str], status: int, code: str | None) -> None:
    assert config("add", "it", *options).status == 0
    outcome = config("test", "it", "--json")
    assert outcome.status == status
    result = outcome.json
    assert result["ok"] is (status == 0)
    if code is None:
        assert result["error"] is None
        assert result["usage"]["output_tokens"] > 0
    else:
        assert result["error"]["code"] == code
        assert result["error"]["message"]
    plain = config("test", "it")
    assert plain.status == status
    assert "Traceback" not in plain.err


def test_hostile_answers_and_names_reach_no_terminal(config: Run) -> None:
    assert config("add", "a\x1b]0;evil\x07b\x9b", "--provider", "simulator", "--model", "sim-hostile@0", "--note", "\x1b[2J").status == 0
    for command in (["test", "ab"], ["test", "ab", "--json"], ["list"], ["list", "--json"], ["show", "ab"], ["show", "ab", "--json"]):
        outcome = config(*command)
        assert outcome.status == 0
        assert not set(outcome.out + outcome.err) & set("\x1b\x07\x9b\x9d\u202e")


def test_keys_come_from_a_file_or_the_environment_and_are_never_shown(
    config: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    openai = ["--provider", "openai", "--model", "gpt-4o"]
    outcomes = [config("add", "filed", *openai, "--key-file", str(file))]
    keyless = config("add", "keyless", *openai)
    assert "config key" in keyless.err
    monkeypatch.setenv("MODELTRAIN_API_KEY", KEY)
    outcomes += [config("add", "named", *openai), config("add", "simulated", "--provider", "simulator", "--model", "sim-chat")]
    assert all(outcome.status == 0 for outcome in outcomes)
    listed = {entry["name"]: (entry["has_key"], entry["key_hint"], entry["key_missing"]) for entry in config("list", "--json").json}
    assert listed == {
        "filed": (True, "sk-…ab12", False),
        "keyless": (False, "", True),
        "named": (True, "sk-…ab12", False),
        "simulated": (False, "", False),
    }
    assert config("key", "keyless").status == 0
    assert config("key", "filed", "--remove").status == 0
    outcomes += [config("list"), config("show", "keyless"), config("show", "named", "--json")]
    assert KEY not in "".join(outcome.out + outcome.err for outcome in outcomes)
    assert config("add", "argument", *openai, "--key", KEY).status == 2
    monkeypatch.delenv("MODELTRAIN_API_KEY")
    refused = config("key", "filed")
    assert (refused.status, "--key-file" in refused.err) == (2, True)
    assert config("add", "none", *openai, "--key-file", str(tmp_path / "missing")).status == 2


def test_defaults_and_removal(config: Run) -> None:
    for name in ("one", "two", "three"):
        assert config("add", name, "--provider", "simulator", "--model", "sim-chat").status == 0
    assert config("add", "four", "--provider", "simulator", "--model", "sim-chat", "--default").status == 0
    assert [entry["name"] for entry in config("list", "--json").json if entry["default"]] == ["four"]
    assert config("default", "two").status == 0
    assert config("remove", "one", "nobody").status == 2
    assert len(config("list", "--json").json) == 4
    removed = config("remove", "one", "two", "--json").json
    assert removed == {"deleted": 2, "conversations": 0, "was_default": True}
    assert {entry["name"] for entry in config("list", "three", "--json").json} == {"three"}
    assert config("list", "--sort", "colour").status == 2


def test_other_peoples_configurations_do_not_exist(config: Run) -> None:
    made = config("add", "mine", "--provider", "simulator", "--model", "sim-chat@0", "--json").json
    for command in ("show", "test", "remove", "default", "models", "key"):
        theirs, nobodys = config(command, made["id"], who="bob"), config(command, "0" * 32, who="bob")
        assert (theirs.status, nobodys.status) == (2, 2)
        assert theirs.err.replace(made["id"], "ID") == nobodys.err.replace("0" * 32, "ID")
    assert config("list", "--json", who="bob").json == []
    assert config("show", "mine").status == 0


def test_models_of_a_configuration(config: Run) -> None:
    assert config("add", "it", "--provider", "simulator", "--model", "sim-chat").status == 0
    assert config("models", "it", "--json").json == []
    fresh = config("models", "it", "--refresh", "--json").json
    assert {"sim-chat", "sim-markdown"} <= {model["name"] for model in fresh}
    assert config("models", "it", "--json").json == fresh
    assert "sim-chat" in config("models", "it").out


def test_administration_of_providers(shell: Run, config: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    providers = {entry["id"]: entry for entry in shell("provider", "list", "--json").json}
    assert next(iter(providers)) == "simulator"
    assert len(providers) == 15
    assert "local only" in shell("provider", "list").out
    assert shell("provider", "allow", "127.1", "--json").json == {"allowed": "127.0.0.1"}
    assert shell("provider", "allow", "http://nope/").status == 2
    assert shell("provider", "allowed", "--json").json == ["127.0.0.1"]
    assert shell("provider", "disallow", "127.0.0.1").status == 0
    assert shell("provider", "disallow", "127.0.0.1").status == 2
    for command in (("disable", "openai"), ("enable", "openai"), ("allow", "10.0.0.1"), ("allowed",), ("key", "openai", "--remove")):
        assert shell("provider", *command, who="bob").status == 2
    monkeypatch.setenv("MODELTRAIN_API_KEY", KEY)
    shared = shell("provider", "key", "openai")
    assert (shared.status, KEY in shared.out, "sk-…ab12" in shared.out) == (0, False, True)
    moved = shell("provider", "endpoint", "openai", "https://proxy.example/v1")
    assert "removed" in moved.err
    assert shell("provider", "key", "openai", "--remove").status == 0
    assert shell("provider", "disable", "simulator").status == 0
    assert "simulator" not in {entry["id"] for entry in shell("provider", "list", "--json", who="bob").json}
    refused = config("add", "x", "--provider", "simulator", "--model", "sim-chat", who="bob")
    assert (refused.status, "Simulator" in refused.err) == (2, True)
    assert shell("provider", "enable", "nobody").status == 2
