"""The failures that are produced for real: what is wrong, and which rule has to find it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ALPACA = [{"instruction": f"Say {number}", "input": "", "output": f"{number} is said"} for number in range(20)]
SHAREGPT = {"formatting": "sharegpt", "columns": {"messages": "conversations"}}
PREFERENCES = {"ranking": True, "columns": {"prompt": "instruction", "chosen": "output", "rejected": "input"}}


def conversations(good: int, bad: int) -> list[dict[str, Any]]:
    """Good ones, then ones whose first role nobody knows."""
    roles = ["human"] * good + ["robot"] * bad
    return [{"conversations": [{"from": role, "value": f"q{n}"}, {"from": "gpt", "value": "a"}]} for n, role in enumerate(roles)]


@dataclass(frozen=True)
class Case:
    """`rule`: what has to be found; `warning`: it ends with status 0, and is warned of. `proof`: words of the proof.

    `changes`: what the first remedy fills into the form. `kill`: a signal after the first step. `memory`: bytes more than it has.
    """

    name: str
    rule: str
    proof: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Sequence[Mapping[str, Any]] | str = field(default_factory=lambda: ALPACA)
    info: Mapping[str, Any] = field(default_factory=dict)
    file: str = "data.json"
    yaml: str | None = None
    status: int = 1
    warning: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    kill: int | None = None
    memory: int | None = None


def cases(models: Mapping[str, Path]) -> tuple[Case, ...]:
    """Every failure of LLaMA-Factory that is known to be met, by what is wrong."""
    long = {"max_steps": 100_000}
    none = str(models["tiny"].parent / "not-there")
    return (
        Case("dataset", "dataset_unknown", "Undefined dataset nope", {"dataset": "nope"}, fields={"dataset": "nope"}),
        Case("file", "data_file_missing", "not found", file="gone.json"),
        Case("column", "wrong_column", "KeyError", info={"columns": {"prompt": "nope", "response": "output"}}, fields={"column": "nope"}),
        Case("model", "model_missing", "Repo id", {"model_name_or_path": none}, fields={"model": none}),
        Case("hub", "hub_unreachable", "couldn't connect", {"model_name_or_path": "nobody/nothing-at-all"}),
        Case(
            "key",
            "unknown_option",
            "lerning_rate",
            {"lerning_rate": 1e-4, "lora_rang": 8},
            changes={"lerning_rate": None, "lora_rang": None},
        ),
        Case("template", "unknown_template", "Template nope", {"template": "nope"}, fields={"template": "nope"}),
        Case("preferences", "wrong_data_kind", "not applicable", info=PREFERENCES, changes={"stage": "dpo"}),
        Case("roles", "rows_skipped", "Invalid role tag", data=conversations(8, 4), info=SHAREGPT, warning=True, fields={"count": 4}),
        Case("nulls", "rows_skipped", "Dropped invalid", data=[*ALPACA[:6], {"instruction": "x", "output": None}], warning=True),
        Case("all-roles", "no_valid_samples", "Cannot find valid samples", data=conversations(0, 6), info=SHAREGPT),
        Case("not-json", "data_unreadable", "JSON parse error", data='{"a": '),
        Case("mixed", "data_types_differ", "changed from", data=[{"instruction": "a"}, {"instruction": {"x": 1}}]),
        Case("term", "killed", options=long, kill=15, status=-15, fields={"signal": 15}),
        Case("kill", "killed_perhaps_memory", options=long, kill=9, status=-9),
        Case("interrupt", "killed", options=long, kill=2, status=-2, fields={"signal": 2}),
        Case(
            "diverged",
            "diverged",
            '"loss": 0.0',
            {"learning_rate": 1e30, "max_steps": 6, "finetuning_type": "full", "max_grad_norm": 0},
            warning=True,
            changes={"learning_rate": 1e29},
        ),
        Case("masked", "all_masked", "-100", {"cutoff_len": 4}, warning=True),
        Case(
            "memory",
            "host_out_of_memory",
            "can't allocate memory",
            {"cutoff_len": 512, "per_device_train_batch_size": 64},
            memory=40 << 20,
            changes={"per_device_train_batch_size": 32, "gradient_accumulation_steps": 2},
        ),
        Case("bitsandbytes", "package_missing", "bitsandbytes", {"quantization_bit": 4}, changes={"quantization_bit": None}),
        Case("deepspeed", "package_missing", "deepspeed", {"deepspeed": "ds.json"}, changes={"deepspeed": None}),
        Case("unsloth", "package_missing", "unsloth", {"use_unsloth": True}, changes={"use_unsloth": None}),
        Case("yaml", "yaml_unreadable", "flow sequence", yaml="model: [\n  a: b\n"),
        Case("adapter", "adapter_missing", "adapter_config.json", {"adapter_name_or_path": none}),
        Case("damaged", "model_incomplete", "deserializing header", {"model_name_or_path": str(models["damaged"])}),
        Case("weights", "model_incomplete", "no file named model.safetensors", {"model_name_or_path": str(models["empty"])}),
        Case("value", "unknown_error", "TypeError", {"learning_rate": "fast"}, fields={"error": "TypeError"}),
        Case("conflict", "options_conflict", "mask_history", {"mask_history": True, "train_on_prompt": True}),
    )


def prepare(case: Case, folder: Path, model: Path) -> dict[str, Any]:
    """The folder of a case; what the driver is told of it."""
    (folder / "output").mkdir(parents=True)
    (folder / "data.json").write_text(case.data if isinstance(case.data, str) else json.dumps(case.data))
    (folder / "dataset_info.json").write_text(json.dumps({"d": {**case.info, "file_name": str(folder / case.file)}}))
    options: dict[str, Any] = {"model_name_or_path": str(model), "stage": "sft", "do_train": True, "finetuning_type": "lora"}
    options |= {"template": "qwen", "dataset": "d", "dataset_dir": str(folder), "output_dir": str(folder / "output"), "cutoff_len": 64}
    options |= {"logging_steps": 1, "save_steps": 100, "max_steps": 3, "per_device_train_batch_size": 2, "report_to": "none"}
    options |= {"use_cpu": True, "disable_tqdm": True, "overwrite_cache": True, "swanlab_mode": "local", **case.options}
    (folder / "run.yaml").write_text(case.yaml if case.yaml is not None else yaml.safe_dump(options))
    return {"folder": str(folder), "argv": ["train", "run.yaml"], "kill": case.kill, "memory": case.memory}


def broken_models(tiny: Path, folder: Path) -> dict[str, Path]:
    """The tiny model, one whose weights are cut off, one without weights."""
    damaged, empty = folder / "damaged", folder / "empty"
    shutil.copytree(tiny, damaged)
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    shutil.copytree(tiny, empty)
    (empty / "model.safetensors").unlink()
    return {"tiny": tiny, "damaged": damaged, "empty": empty}
