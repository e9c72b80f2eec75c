"""`modeltrain train` without a training environment: what is refused, in one sentence and with status 2, and what waits for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shell import QuickShell, Shell
from tui.commands.root import run_command_line
from tui.commands.train_reading import Tail

YAML = "model_name_or_path: {model}\nstage: sft\ndo_train: true\nfinetuning_type: lora\ntemplate: qwen\ndataset: {dataset}\nmax_steps: 3\n"


@pytest.fixture
def ann(tmp_path: Path) -> Shell:
    return QuickShell(tmp_path / "data").user("ann@example.org", "ann", admin=True)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\0" * 64)
    return folder


def test_a_run_waits_for_its_environment_and_is_taken_out(ann: Shell, model: Path, tmp_path: Path) -> None:
    """Its data are named by the dataset_info.json beside the YAML, and become a dataset."""
    (tmp_path / "mine.json").write_text(json.dumps([{"instruction": "a", "input": "", "output": "b"}]))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"sums": {"file_name": "mine.json", "format": "alpaca"}}))
    (tmp_path / "run.yaml").write_text(YAML.format(model=model, dataset="sums"))
    told = ann.ok("train", "start", str(tmp_path / "run.yaml"), "--name", "first", "--json")
    assert "“format”; it is called “formatting”" in told.err, "LLaMA-Factory says nothing of it"
    begun = told.json
    assert (begun["state"], begun["name"], begun["position"], begun["step"], begun["output_dir"]) == ("pending", "first", 1, 0, None)
    assert begun["waiting_for"]["code"] == "environment" and begun["waiting_for"]["message"]
    assert {"id", "state", "step", "total_steps", "progress", "exit_status", "output_dir", "log", "failure"} <= set(begun)
    listed = ann.ok("train", "list").out
    assert begun["id"] in listed and "waiting" in listed
    assert ann.run("train", "logs", "first").status == 2, "it has no log yet"
    assert ann.ok("train", "stop", "first", "--json").json["state"] == "cancelled"
    assert ann.run("train", "pause", "first").status == 2
    assert ann.ok("train", "remove", begun["id"], "--json").json == {"removed": begun["id"]}
    assert ann.run("train", "list", "--json").json == []


def test_refusals_are_one_sentence_and_status_2(ann: Shell, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1\n")
    (tmp_path / "nodata.yaml").write_text(YAML.format(model=model, dataset="./gone.json"))
    (tmp_path / "nomodel.yaml").write_text(YAML.format(model=tmp_path / "gone", dataset="./mine.json"))
    (tmp_path / "mine.json").write_text(json.dumps([{"instruction": "a", "input": "", "output": "b"}]))
    for arguments, said in (
        (["start"], "--config"),
        (["start", str(tmp_path / "none.yaml")], "none.yaml"),
        (["start", str(tmp_path / "bad.yaml")], "line 2"),
        (["start", str(tmp_path / "nodata.yaml")], "gone.json"),
        (["start", str(tmp_path / "nomodel.yaml")], "gone"),
        (["start", str(tmp_path / "nomodel.yaml"), "--gpus", "65"], "64"),
        (["show", "nobody"], "nobody"),
        (["resume", "0" * 32], "0000"),
        (["retry", "nobody", "--set", "nothing"], "nothing"),
        (["list", "--state", "asleep"], "pending"),
    ):
        status = run_command_line([*ann.options, "train", *arguments])
        told = capsys.readouterr()
        assert (status, told.out) == (2, ""), (arguments, told)
        assert said in told.err and "Traceback" not in told.err, (arguments, told.err)
        assert len(told.err.splitlines()) <= 2, told.err


def test_the_log_is_read_in_pieces_with_bars_folded_and_holes_told(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"one\n 10%|#\r 50%|##\r100%|###\ntwo\x1b[31m red\nthr")
    tail = Tail(log)
    assert list(tail.read(last=False)) == ["one", "100%|###", "two red"]
    with log.open("ab") as file:
        file.write(b"ee\nlast")
    assert list(tail.read(last=False)) == ["three"]
    assert list(tail.read(last=True)) == ["last"]
    assert list(Tail(log, 2).read(last=True)) == ["three", "last"]
    assert list(Tail(log, 0).read(last=True)) == []
    with log.open("ab") as file:
        file.seek(0, 2)
        file.truncate(64 * 1024 * 1024)
    with log.open("ab") as file:
        file.write(b"\nend\n")
    shown = list(Tail(log).read(last=True))
    assert shown[-1] == "end" and any("64" in line or "63" in line for line in shown), shown[-3:]
    gone = Tail(tmp_path / "gone.txt")
    assert list(gone.read(last=True)) == [] and not gone.there
