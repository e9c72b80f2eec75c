"""What is said of LLaMA-Factory before a start, held against LLaMA-Factory itself."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal, operator
from core.bootstrap import Services, build_services
from core.errors import EnvironmentProblem, InvalidInput
from core.settings import AuthSettings, TrainingSettings, load_settings
from core.training.catalogue_shipped import METHODS, STAGES, TEMPLATES, shipped
from core.training.configurations_fields import FIELDS
from core.training.configurations_types import TrainingDraft
from core.training.environment_types import Catalogue
from core.training.options import OURS, PATHS, is_administrators
from core.training.planning import Place
from core.training.preflight_model import _MARKS
from core.training.ranges import RANGES
from core.training.template_view_types import SeenSamples
from core.training.types import RunRequest

pytestmark = [pytest.mark.training, pytest.mark.asyncio(loop_scope="module")]
PASSWORD = "correct horse 7 battery"
ALPACA = [{"instruction": f"Question {number}?", "input": "", "output": f"Answer {number}."} for number in range(23)]
#: Options that sound like places or secrets and are neither.
HARMLESS = {
    "fp16_full_eval", "bf16_full_eval", "include_num_input_tokens_seen", "add_tokens", "add_special_tokens", "split_special_tokens",
    "max_new_tokens", "ignore_pad_token_for_loss", "use_fast_tokenizer", "init_special_tokens", "eval_on_each_dataset", "compute_accuracy",
    "skip_special_tokens", "average_tokens_across_devices", "include_effective_tokens_per_second",
}  # fmt: skip


@dataclass
class House:
    services: Services
    ann: Principal
    folder: Path
    model: Path

    async def dataset(self, name: str, rows: list[dict[str, Any]]) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(rows))
        made = await self.services.datasets.add(self.ann, str(path), name)
        await (await self.services.datasets.check(self.ann, made.id)).wait()
        return made.id

    async def view(self, dataset: str, **changes: Any) -> SeenSamples:
        asked = {"model": str(self.model), "template": "qwen", "cutoff": 60, "count": 5, **changes}
        return await self.services.training.template_view(self.ann, dataset, **asked)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("house")
    settings = replace(
        load_settings(folder / "data", {}), auth=AuthSettings(bcrypt_cost=4), training=TrainingSettings(environment=training_env)
    )
    services = await build_services(settings)
    await services.accounts.add_user(operator("root"), "ann@example.org", "ann", PASSWORD)
    ann = (await services.accounts.sign_in("ann@example.org", PASSWORD, origin=Origin())).principal
    yield House(services, ann, folder, tiny_model)
    await services.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def catalogue(house: House) -> Catalogue:
    first = await house.services.environment.catalogue(house.ann)
    assert first.source == "partial" and len(first.models) > 600 and len(first.templates) > 100
    return await house.services.environment.whole_catalogue(house.ann)


async def test_the_catalogue_is_what_is_installed_and_kept(house: House, catalogue: Catalogue) -> None:
    assert catalogue.complete and catalogue.version == "0.9.5" and len(catalogue.options) > 300
    assert catalogue.options["stage"].choices == ("pt", "sft", "rm", "ppo", "dpo", "kto")
    assert catalogue.options["lr_scheduler_type"].type == "choice" and catalogue.options["deepspeed"].type == "json"
    kept = list((house.services.settings.data_dir / "cache").glob("training-options-*.json"))
    assert len(kept) == 1
    again = await build_services(house.services.settings)
    try:
        assert (await again.environment.catalogue(house.ann)).options == catalogue.options
    finally:
        await again.close()


async def test_what_the_application_knows_itself_is_true(catalogue: Catalogue) -> None:
    real = catalogue.options
    for name, option in shipped().options.items():
        assert (real[name].group, real[name].type, real[name].default) == (option.group, option.type, option.default), name
        assert set(option.choices) <= set(real[name].choices), name
    assert set(shipped().models) <= set(catalogue.models) and set(TEMPLATES) <= set(catalogue.templates)
    assert set(STAGES) == set(real["stage"].choices) and set(METHODS) == set(real["finetuning_type"].choices)
    assert {spec.option for spec in FIELDS if spec.option} <= set(real)
    assert (set(RANGES) | set(PATHS)) <= set(real)
    assert {template for _, _, templates in _MARKS for template in templates} <= set(catalogue.templates)


async def test_no_option_that_names_a_place_or_a_secret_is_open(catalogue: Catalogue) -> None:
    """Whatever sounds like a path, a file, a hub or a token is ours, an administrator's, or looked at; so is every option of type JSON
    that might be the name of a file."""
    telling = re.compile(r"\b(path|folder|directory|dir|file|token|key|url|repository|hub)\b", re.IGNORECASE)
    open_ones = []
    for name, option in catalogue.options.items():
        if (
            name in OURS
            or name in PATHS
            or is_administrators(name)
            or name in HARMLESS
            or option.type in ("bool", "int", "float", "choice")
        ):
            continue
        if telling.search(name.replace("_", " ")) or telling.search(option.help):
            open_ones.append(name)
    assert open_ones == []


async def test_what_the_model_sees_of_examples(house: House) -> None:
    rows = [{"instruction": "Hi", "output": "你好 ok 👍"}, {"instruction": "What " * 60, "output": "Paris. " * 40}, *ALPACA]
    seen = await house.view(await house.dataset("mixed", rows), count=3, cutoff=100)
    first, second = seen.samples[0], seen.samples[1]
    assert "".join(token.text for token in first.tokens if token.trained) == "你好 ok 👍<|im_end|>\n"
    assert "".join(token.text for token in first.tokens).startswith("<|im_start|>system\n")
    assert not first.truncated and not first.all_masked and first.trained == sum(token.trained for token in first.tokens)
    assert second.truncated and second.length > 100 == len(second.tokens)
    assert len(seen.samples) == 3 and len(seen.lengths) == 25 and seen.truncated_share == 1 / 25 and seen.masked_share == 0
    assert await house.view((await house.services.datasets.dataset(house.ann, "mixed")).id, count=3, cutoff=100) is seen, "kept"


async def test_what_the_model_sees_of_preferences(house: House) -> None:
    rows = [{"instruction": f"Say {number}", "chosen": "good", "rejected": "bad"} for number in range(4)]
    seen = await house.view(await house.dataset("pairs", rows), cutoff=200)
    assert [sample.side for sample in seen.samples[:2]] == ["chosen", "rejected"]
    told = ["".join(token.text for token in sample.tokens if token.trained) for sample in seen.samples[:2]]
    assert told == ["good<|im_end|>\n", "bad<|im_end|>\n"]


async def test_a_template_and_a_model_that_are_not_there(house: House) -> None:
    data = await house.dataset("alpaca", ALPACA)
    with pytest.raises(InvalidInput) as error:
        await house.view(data, model=str(house.folder / "nowhere"))
    assert error.value.field == "model_name_or_path"
    with pytest.raises(EnvironmentProblem) as problem:
        await house.view(data, template="nope")
    assert problem.value.fields["rule"] == "template_unknown"


async def test_steps_and_parameters_are_those_of_the_real_run(house: House, tmp_path: Path) -> None:
    draft = TrainingDraft(
        name="real",
        model_name_or_path=str(house.model),
        template="qwen",
        val_size=0.1,
        cutoff_len=64,
        num_train_epochs=1.0,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=3,
        extra="dataloader_num_workers: 0",
    )
    saved = await house.services.training.save(house.ann, draft)
    request = RunRequest(configuration_id=saved.id, dataset_ids=(await house.dataset("again", ALPACA),), gpus=0)
    found = await house.services.training.preflight(house.ann, request)
    assert found.ready, found.checks
    run = await house.services.training.resolve(house.ann, request)
    environment = await house.services.environment.current()
    inherited = {**os.environ, "MODELTRAIN_PASSWORD": "secret"}
    place = Place(tmp_path, "1" * 32, "real", environment, swanlab_folder=tmp_path / "swanlab", inherited=inherited)
    plan = await house.services.training.plan(run, place)
    for name, text in plan.files.items():
        (tmp_path / name).write_text(text)
    plan.output.mkdir()
    done = await asyncio.to_thread(
        subprocess.run, plan.argv, cwd=tmp_path, env=plan.environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=300, text=True
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    log = [json.loads(line) for line in (plan.output / "trainer_log.jsonl").read_text().splitlines()]
    assert {line["total_steps"] for line in log} == {4} == {plan.total_steps} == {found.course.total_steps}
    assert found.memory is not None
    counted = re.search(r"trainable params: ([\d,]+) \|\| all params: ([\d,]+)", told)
    assert counted is not None
    trainable, everything = (int(text.replace(",", "")) for text in counted.groups())
    assert (found.memory.trainable, found.memory.parameters) == (trainable, everything - trainable)
    assert "num_tokens" in repr(log) or "total_tokens" in repr(log), "speed in tokens is told"
    assert (tmp_path / "swanlab" / "runs.swanlab").exists()
