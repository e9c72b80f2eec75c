"""A real OpenAI-style server that is not ours: LLaMA-Factory's, over a tiny model, through the shell as a person would use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell import Shell
from tests.training.conftest import ModelServer

pytestmark = pytest.mark.training


@pytest.fixture
def ann(tmp_path: Path, llamafactory_api: ModelServer) -> Shell:
    shell = Shell(tmp_path / "data").user("ann@example.org", "ann", admin=True)
    key = tmp_path / "key"
    key.write_text(llamafactory_api.key)
    options = ["--provider", "openai-compatible", "--endpoint", llamafactory_api.endpoint, "--model", "tiny", "--max-tokens", "24"]
    shell.ok("config", "add", "tiny", *options, "--key-file", str(key))
    return shell


@pytest.mark.parametrize("how", [[], ["--no-stream"]], ids=["streamed", "whole"])
def test_it_answers_a_chat(ann: Shell, how: list[str]) -> None:
    outcome = ann.run("chat", "-c", "tiny", "--json", *how, "What is the capital of France?")
    answer = outcome.json
    assert (outcome.status, answer["finish"]) in {(0, "stop"), (3, "length")}, outcome
    assert answer["error"] is None
    assert answer["model"] == "tiny"
    assert answer["usage"]["output_tokens"] > 0
    assert answer["usage"]["exact"] is bool(how), "its stream carries no usage, so the counts are estimates and say so"


def test_a_wrong_key_is_explained(ann: Shell, tmp_path: Path, llamafactory_api: ModelServer) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-key")
    options = ["--provider", "openai-compatible", "--endpoint", llamafactory_api.endpoint, "--model", "tiny", "--key-file", str(wrong)]
    ann.ok("config", "add", "locked-out", *options)
    outcome = ann.run("chat", "-c", "locked-out", "--json", "hello")
    assert outcome.status == 4
    assert outcome.json["error"]["code"] == "unauthorized"
    assert llamafactory_api.key not in outcome.out + outcome.err
    assert "not-the-key" not in outcome.out + outcome.err
