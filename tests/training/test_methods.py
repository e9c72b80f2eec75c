"""What is asked for most is really trained: LoRA from Alpaca and from ShareGPT, DPO, KTO, and all weights.

The datasets are added and looked at, the runs resolved and planned as the queue does; LLaMA-Factory is imported once, and forks for each.
"""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.settings import AuthSettings, TrainingSettings, load_settings
from core.training.environment_types import EnvironmentState
from core.training.planning import Place
from core.training.types import RunRequest
from tests.shell import PASSWORD
from tests.training.test_failures import DRIVER, quiet_environment

# ruff: noqa: ASYNC221, ASYNC240 - nothing else goes on meanwhile
pytestmark = pytest.mark.training
STEPS = 3
NUMBERS = range(12)
ALPACA = [{"instruction": f"Say {n}", "input": "", "output": f"{n} is said"} for n in NUMBERS]
SHAREGPT = [{"conversations": [{"from": "human", "value": f"Say {n}"}, {"from": "gpt", "value": f"{n} is said"}]} for n in NUMBERS]
PAIRS = [{"instruction": f"Say {n}", "input": "", "chosen": f"{n} is said", "rejected": f"I say {n} never"} for n in NUMBERS]
RATINGS = [{"instruction": f"Say {n}", "input": "", "output": f"{n} is said", "kto_tag": n % 2 == 0} for n in NUMBERS]
#: Stage, method, rows, the format that has to be found, the file that has to be there at the end.
CASES: dict[str, tuple[str, str, list[dict[str, Any]], str, str]] = {
    "alpaca": ("sft", "lora", ALPACA, "alpaca", "adapter_model.safetensors"),
    "sharegpt": ("sft", "lora", SHAREGPT, "sharegpt", "adapter_model.safetensors"),
    "dpo": ("dpo", "lora", PAIRS, "preference", "adapter_model.safetensors"),
    "kto": ("kto", "lora", RATINGS, "kto", "adapter_model.safetensors"),
    "full": ("sft", "full", ALPACA, "alpaca", "model.safetensors"),
}


@dataclass(frozen=True)
class Trained:
    folder: Path
    format: str
    status: int

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trained(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    folder = tmp_path_factory.mktemp("methods")
    training = TrainingSettings(environment=training_env, model_folders=(tiny_model.parent,))
    services = await build_services(replace(load_settings(folder / "data", {}), auth=AuthSettings(bcrypt_cost=4), training=training))
    try:
        ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
        environment = await services.environment.state(ann)
        formats = {name: await prepare(services, ann, environment, folder / name, tiny_model) for name in CASES}
    finally:
        await services.close()
    orders = [{"folder": str(folder / name), "argv": ["train", "run.yaml"]} for name in CASES]
    (folder / "cases.json").write_text(json.dumps(orders))
    command = [training_env / "bin/python", DRIVER, folder / "cases.json"]
    done = subprocess.run(command, env=quiet_environment(folder), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: Trained(folder / name, formats[name], json.loads((folder / name / "exit.json").read_text())["status"]) for name in CASES}


async def prepare(services: Services, ann: Principal, environment: EnvironmentState, folder: Path, model: Path) -> str:
    """Write the folder of a run for the rows of its case; the format that was found in them."""
    stage, method, rows, _format, _file = CASES[folder.name]
    folder.mkdir()
    data = folder.parent / f"{folder.name}.json"
    data.write_text(json.dumps(rows))
    dataset = await services.datasets.add(ann, str(data))
    checked = await (await services.datasets.check(ann, dataset.id)).wait()
    options = f"model_name_or_path: {model}\nstage: {stage}\nfinetuning_type: {method}\ntemplate: qwen\nmax_steps: {STEPS}\n"
    options += "logging_steps: 1\nper_device_train_batch_size: 2\ngradient_accumulation_steps: 1\ncutoff_len: 64\n"
    # Somewhere SwanLab is to be written, too, without its dashboard and without a network.
    options += "use_swanlab: true\nswanlab_mode: offline\n" if stage == "dpo" else "use_swanlab: false\n"
    run = await services.training.resolve(ann, RunRequest(name=folder.name, yaml_text=options, dataset_ids=(dataset.id,), gpus=0))
    plan = await services.training.plan(run, Place(folder, "0" * 32, folder.name, environment, swanlab_folder=folder / "swanlab"))
    assert plan.total_steps == STEPS
    plan.output.mkdir()
    for name, text in plan.files.items():
        (folder / name).write_text(text)
    return checked.current.format


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CASES)
async def test_it_is_trained(trained: dict[str, Trained], name: str) -> None:
    stage, _method, _rows, format_, file = CASES[name]
    found = trained[name]
    assert (found.format, found.status) == (format_, 0), found.log()[-3000:]
    output = found.folder / "output"
    assert (output / file).stat().st_size > 0
    state = json.loads((output / "trainer_state.json").read_text())
    assert (state["global_step"], state["max_steps"]) == (STEPS, STEPS)
    lines = [json.loads(line) for line in (output / "trainer_log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert len(losses) == STEPS and all(math.isfinite(loss) and loss > 0 for loss in losses)
    if stage == "dpo":
        assert any("accuracy" in line for line in lines)
    assert any((found.folder / "swanlab").rglob("*.swanlab")) == (stage == "dpo"), list((found.folder / "swanlab").rglob("*"))
