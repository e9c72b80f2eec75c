"""The shell as the issue of it promises: exit statuses, the JSON of an answer, the branch of a conversation, refusals."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.shell import COMMAND, PASSWORD, Shell, clean_environment

PROTOCOLS = {"openai-compatible": "openai", "ollama": "ollama", "anthropic": "anthropic"}
ANSWER = {"answer", "reasoning", "finish", "error", "model", "conversation", "usage", "ttft_ms", "ttfa_ms", "total_ms", "cost"}
FAULTS = [
    ("sim-cut", 3, "truncated", "stream_truncated"),
    ("sim-401", 4, "error", "unauthorized"),
    ("sim-404", 4, "error", "model_not_found"),
    ("sim-500", 4, "error", "provider_fault"),
    ("sim-error-in-200", 4, "error", "provider_fault"),
    ("sim-empty", 4, "error", "empty_stream"),
    ("sim-429", 4, "error", "rate_limited"),
    ("sim-length", 3, "length", None),
]


def configure(shell: Shell, simulator: dict[str, Any], name: str, model: str, provider: str = "openai-compatible", *more: str) -> None:
    endpoint = simulator["base_urls"][PROTOCOLS[provider]]
    shell.ok(
        "config",
        "add",
        name,
        "--provider",
        provider,
        "--endpoint",
        endpoint,
        "--model",
        model,
        *more,
        environment={"MODELTRAIN_API_KEY": "sk-test"},
    )


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_an_answer_is_streamed_and_kept(zoe: Shell, simulator: dict[str, Any], provider: str) -> None:
    configure(zoe, simulator, f"echo-{provider}", "sim-echo@0", provider)
    outcome = zoe.ok("chat", "-c", f"echo-{provider}", "--json", "What is the loss? 损失是多少？")
    answer = outcome.json
    assert set(answer) == ANSWER
    assert answer["finish"] == "stop"
    assert "损失是多少" in answer["answer"]
    assert answer["usage"]["exact"] is True
    shown = zoe.ok("conversation", "show", answer["conversation"], "--json").json
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"]
    assert shown["messages"][1]["content"] == answer["answer"]
    assert {message["state"] for message in shown["messages"]} == {"complete"}


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize(("model", "status", "finish", "code"), FAULTS)
def test_a_fault_has_its_status_and_its_remedy(
    zoe: Shell, simulator: dict[str, Any], provider: str, model: str, status: int, finish: str, code: str | None
) -> None:
    configure(zoe, simulator, f"{model}-{provider}", f"{model}@0x50", provider)
    outcome = zoe.run("chat", "-c", f"{model}-{provider}", "--json", "hello")
    answer = outcome.json
    assert (outcome.status, answer["finish"]) == (status, finish)
    if code is None:
        assert answer["error"] is None
    else:
        assert answer["error"]["code"] == code
        assert answer["error"]["message"]
        assert answer["error"]["remedy"]
    shown = zoe.ok("conversation", "show", answer["conversation"], "--json").json
    assert shown["messages"][0]["content"] == "hello"


def test_what_is_not_reachable_says_so(zoe: Shell) -> None:
    zoe.ok("config", "add", "nobody", "--provider", "openai-compatible", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m")
    outcome = zoe.run("chat", "-c", "nobody", "--json", "hello")
    assert outcome.status == 5
    assert outcome.json["error"]["code"] == "connection_refused"


def test_reasoning_goes_to_standard_error_and_the_answer_to_standard_output(zoe: Shell, simulator: dict[str, Any]) -> None:
    configure(zoe, simulator, "thinker", "sim-think-tags@0x60")
    outcome = zoe.ok("chat", "-c", "thinker", "why?")
    assert "<think>" not in outcome.out + outcome.err
    assert outcome.err.strip()
    hidden = zoe.ok("chat", "-c", "thinker", "--no-reasoning", "why?")
    assert hidden.err.strip() == ""
    assert hidden.out.strip()


def test_a_question_may_come_on_standard_input(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "echo", "sim-echo@0")
    assert "from a pipe" in ann.ok("chat", "-c", "echo", stdin="a question from a pipe\n").out


def test_a_conversation_goes_on(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "echo", "sim-echo@0")
    first = ann.ok("chat", "-c", "echo", "--json", "one").json["conversation"]
    assert ann.ok("chat", "--conversation", first, "--json", "two").json["conversation"] == first
    assert len(ann.ok("conversation", "show", first, "--json").json["messages"]) == 4
    ann.ok("conversation", "delete", first)
    assert ann.ok("conversation", "list", "--json").json == []


def test_hostile_answers_reach_no_terminal(zoe: Shell, simulator: dict[str, Any]) -> None:
    configure(zoe, simulator, "hostile", "sim-hostile@0")
    outcome = zoe.ok("chat", "-c", "hostile", "attack")
    assert not set(outcome.out + outcome.err) & set("\x1b\x07\x9b\x9d\u202e")


def test_others_and_unknown_conversations_get_the_same_answer(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "echo", "sim-echo@0")
    own = ann.ok("chat", "-c", "echo", "--json", "secret plans").json["conversation"]
    bob = ann.user("bob@example.org", "bob")
    unknown = "0" * len(own)
    for command in ("show", "export", "delete"):
        theirs, nobodys = bob.run("conversation", command, own), bob.run("conversation", command, unknown)
        assert (theirs.status, nobodys.status) == (2, 2)
        assert theirs.err.replace(own, "ID") == nobodys.err.replace(unknown, "ID")
        assert "secret" not in theirs.out + theirs.err


def test_stopping_keeps_what_came(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "slow", "sim-markdown@50x5000")
    process = subprocess.Popen(
        [str(COMMAND), *ann.options, "chat", "-c", "slow", "a long story"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    begun = process.stdout.read(20)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    conversation = ann.ok("conversation", "list", "--json").json[0]["id"]
    answer = ann.ok("conversation", "show", conversation, "--json").json["messages"][1]
    assert answer["state"] == "stopped"
    assert answer["content"].startswith((begun + rest).strip()[:15])


def test_killing_it_in_mid_answer_loses_neither_question_nor_what_was_saved(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "slow", "sim-markdown@100x5000")
    process = subprocess.Popen(
        [str(COMMAND), *ann.options, "chat", "-c", "slow", "a long story"], stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    assert process.stdout is not None
    process.stdout.read(1500)
    process.kill()
    process.wait()
    process.stdout.close()
    conversation = ann.ok("conversation", "list", "--json").json[0]["id"]
    question, answer = ann.ok("conversation", "show", conversation, "--json").json["messages"]
    assert question["content"] == "a long story"
    assert answer["state"] == "truncated"
    assert answer["content"]


def test_configurations_from_the_shell(ann: Shell, simulator: dict[str, Any]) -> None:
    configure(ann, simulator, "main", "sim-chat@0", "openai-compatible", "--temperature", "0.2", "--default")
    listed = ann.ok("config", "list", "--json").json
    assert "main" in {entry["name"] for entry in listed}
    shown = ann.ok("config", "show", "main", "--json")
    assert shown.json["parameters"]["temperature"] == 0.2
    assert "sk-test" not in shown.out
    assert ann.ok("config", "test", "main", "--json").json["ok"] is True
    assert ann.run("config", "add", "hot", "--provider", "simulator", "--model", "sim-chat", "--temperature", "9").status == 2
    ann.ok("config", "remove", "main")
    assert ann.run("config", "show", "main").status == 2


def test_a_fresh_account_can_talk_at_once(ann: Shell) -> None:
    answer = ann.ok("chat", "--json", "hello").json
    assert answer["finish"] == "stop"
    assert answer["answer"]


def test_passwords_never_come_from_an_argument(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "data")
    assert shell.run("user", "add", "a@example.org", "--nickname", "aa", "--password", PASSWORD).status == 2
    assert shell.run("user", "add", "a@example.org", "--nickname", "aa", "--admin").status == 2, "no password at all"
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    shell.ok("user", "add", "a@example.org", "--nickname", "aa", "--admin", "--password-file", str(secret))
    shell.ok("user", "add", "b@example.org", "--nickname", "bb", "--password-file", str(secret))
    shell.ok("user", "disable", "b@example.org")
    accounts = {entry["email"]: entry for entry in shell.ok("user", "list", "--json").json}
    assert set(accounts) == {"a@example.org", "b@example.org"}
    assert shell.run("user", "disable", "a@example.org").status == 2, "the last administrator stays"
    assert PASSWORD not in json.dumps(accounts)


def test_the_data_folder_is_private(ann: Shell) -> None:
    assert stat.S_IMODE(ann.data.stat().st_mode) == 0o700
    for path in ann.data.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_what_goes_wrong_is_said_in_a_sentence(ann: Shell, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/no/such/folder/x.db"
    for environment in ({"MODELTRAIN_DATABASE_URL": url}, {"MODELTRAIN_DATABASE_URL": "postgresql://127.0.0.1:9/none"}):
        outcome = ann.run("conversation", "list", environment=environment)
        assert outcome.status == 2
        assert outcome.err.strip()
        assert "Traceback" not in outcome.err


def test_a_missing_master_key_is_never_replaced(ann: Shell) -> None:
    key = ann.data / "master.key"
    aside = key.rename(ann.data / "kept-aside.key")
    outcome = ann.run("config", "list")
    assert outcome.status == 2
    assert "master.key" in outcome.err
    assert not key.exists()
    aside.rename(key)
    ann.ok("config", "list")


def test_a_port_in_use_is_said(simulator: dict[str, Any], tmp_path: Path) -> None:
    port = simulator["base_urls"]["ollama"].rsplit(":", 1)[1]
    outcome = Shell(tmp_path / "data").run("simulate", "--port", port)
    assert outcome.status == 2
    assert port in outcome.err


def test_version_and_doctor(ann: Shell) -> None:
    assert ann.ok("--version").out.startswith("modeltrain ")
    assert ann.run("doctor").status in {0, 1}
    assert ann.run("no-such-command").status == 2
