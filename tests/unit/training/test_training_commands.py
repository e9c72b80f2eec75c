"""The command `modeltrain training`, for whoever owns the data folder and for an account."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.settings import Settings
from core.training import install_plan
from core.training.install import FOLDER, MARKS
from tests.shell import QuickShell, Shell
from tests.unit.training.test_configurations import ALPACA, write_model
from tests.unit.training.test_environment import make_environment

YAML = """# mine
model_name_or_path: {model}
stage: sft
do_train: true
template: qwen
dataset: alpaca
dataset_dir: {folder}
output_dir: saves
learning_rate: 1e-4
"""


@pytest.fixture
def shell(settings: Settings) -> Shell:
    """The shell of whoever owns the data folder."""
    return QuickShell(settings.data_dir)


def test_an_environment_is_installed_looked_at_named_and_removed(shell: Shell, tmp_path: Path) -> None:
    missing = shell.run("training", "status", "--json")
    assert (missing.status, missing.json["state"]) == (1, "missing")
    refused = shell.run("training", "install", "--cpu", "--extra", "nonsense")
    assert refused.status == 2 and "bitsandbytes" in refused.err

    # All but the check at the end was done before; and that finds nothing that it could import (tests/unit/training/test_install.py
    # installs for real).
    folder = shell.data / "training-env"
    make_environment(folder)
    steps = install_plan.steps(folder, shell.data / FOLDER / "files", cpu=True, extras=())
    (folder / MARKS).write_text(json.dumps([step["mark"] for step in steps[:-1]]))
    failed = shell.run("training", "install", "--cpu")
    assert failed.status == 1, failed.err
    assert "PyTorch: done" in failed.err and "It stopped at: a trial of all of it" in failed.err and "torch: not installed" in failed.err
    told = shell.run("training", "status", "--json").json
    assert told["state"] == "broken" and told["install"]["failed_step"] == "check"
    assert [problem["rule"] for problem in told["problems"]] == ["unfinished"]

    make_environment(tmp_path / "theirs", own=False)
    named = shell.run("training", "use", str(tmp_path / "theirs"), "--json").json
    assert (named["folder"], named["own"], named["state"]) == (str(tmp_path / "theirs"), False, "ready")
    checked = shell.run("training", "check", "--json")
    assert checked.status == 1 and checked.json["ok"] is False and checked.json["problems"][0]["package"] == "torch"
    refused = shell.run("training", "install")
    assert refused.status == 2 and "named" in refused.err
    assert shell.run("training", "use", str(tmp_path / "nowhere")).status == 2
    assert shell.run("training", "use", "--json").json["own"] is True
    assert shell.run("training", "uninstall", "--json").json["state"] == "missing"
    assert not folder.exists()


def test_configurations_and_checks(shell: Shell, settings: Settings, tmp_path: Path) -> None:
    make_environment(settings.data_dir / "training-env")
    model = write_model(tmp_path / "Qwen2.5-0.5B-Instruct")
    (tmp_path / "alpaca.json").write_text(json.dumps(ALPACA))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"alpaca": {"file_name": "alpaca.json"}}))
    file = tmp_path / "careful.yaml"
    file.write_text(YAML.format(model=model, folder=tmp_path))
    ann = shell.user("ann@example.org", "ann").run
    made = ann("training", "import", str(file), "--json")
    assert made.status == 0, made.err
    assert "“output_dir” is set by modeltrain" in made.err and made.json["draft"]["learning_rate"] == 1e-4
    assert "stage: sft" in ann("training", "show", "careful").out
    assert ann("training", "import", str(file)).status == 2, "the name is taken"
    ann("training", "share", "careful")
    copied = ann("training", "copy", "careful", "--json").json
    listed = ann("training", "list", "--json").json
    assert [(each["name"], each["shared"]) for each in listed] == [("careful", True), ("careful 2", False)]
    assert copied["name"] == "careful 2"
    assert ann("training", "remove", "careful 2", "--json").json == {"removed": 1}
    assert ann("training", "show", "careful 2").status == 2

    ready = ann("training", "preflight", str(file), "--gpus", "0", "--json")
    assert ready.status == 0, ready.out
    told = ready.json
    assert told["ready"] and told["course"]["samples"] == 40 and told["memory"]["trainable"] == 16_384
    (model / "config.json").unlink()
    failing = ann("training", "preflight", "-c", "careful", "--dataset", "alpaca", "--gpus", "0")
    assert failing.status == 1 and "FAIL  Model:" in failing.out
    file.write_text("a: !!python/object/apply:os.system [true]")
    hostile = ann("training", "import", str(file), "--name", "x")
    assert hostile.status == 2 and "Traceback" not in hostile.err


def test_what_is_known_without_an_environment(shell: Shell) -> None:
    ann = shell.user("ann@example.org", "ann").run
    options = ann("training", "options", "learning_rate", "--json").json
    assert [option["name"] for option in options] == ["learning_rate"] and options[0]["maximum"] == 1
    told = ann("training", "options", "lora")
    assert "lora_rank" in told.out and "Only the usual options" in told.err
    known = ann("training", "models", "qwen3", "--json").json
    assert {"name": "Qwen3-8B-Thinking", "hub": "Qwen/Qwen3-8B", "template": "qwen3"} in known
    fitting = ann("training", "recommend", "Qwen/Qwen2.5-7B-Instruct", "--memory", "24", "--json").json
    assert [each["method"] for each in fitting] == ["lora", "qlora"]
