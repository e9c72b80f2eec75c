"""Training configurations and the checks before a start, with real services, a real database and real dataset checks."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal, Role, operator
from core.bootstrap import Services, build_services
from core.errors import Conflict, EnvironmentProblem, Forbidden, InvalidInput, NotFound
from core.settings import Settings
from core.training.catalogue_shipped import shipped
from core.training.configurations import Training
from core.training.configurations_fields import BY_NAME, FIELDS
from core.training.configurations_options import draft_from_options, draft_options, imported
from core.training.configurations_types import TrainingDraft
from core.training.environment_folder import look_at, state_of
from core.training.gpus import Gpu
from core.training.planning import Place, ResolvedRun
from core.training.preflight_types import Check, Preflight
from core.training.presets import presets
from core.training.types import RunRequest
from tests.unit.training.test_environment import make_environment

PASSWORD = "correct horse 7 battery"
TINY = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 512, "tie_word_embeddings": True,
}  # fmt: skip
H100 = Gpu("GPU-1", 0, "NVIDIA H100 80GB HBM3", 80 << 30, 1 << 30)
V100 = Gpu("GPU-2", 1, "Tesla V100-SXM2-16GB", 16 << 30, 0)


class Gpus:
    """GPUs as a test wants them."""

    problem = ""

    def __init__(self) -> None:
        self.found: tuple[Gpu, ...] = ()

    def read(self) -> tuple[Gpu, ...]:
        return self.found


@dataclass
class House:
    services: Services
    training: Training
    gpus: Gpus
    ann: Principal
    bob: Principal
    folder: Path

    async def dataset(self, name: str, rows: list[dict[str, Any]]) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(rows))
        made = await self.services.datasets.add(self.ann, str(path), name)
        await (await self.services.datasets.check(self.ann, made.id)).wait()
        return made.id

    async def preflight(self, draft: TrainingDraft, *ids: str, principal: Principal | None = None, **request: Any) -> Preflight:
        who = principal or self.ann
        saved = await self.training.save(who, replace(draft, name=f"c{len(await self.training.list(who))}"))
        return await self.training.preflight(who, RunRequest(configuration_id=saved.id, dataset_ids=ids, **{"gpus": 0, **request}))


def write_model(folder: Path, config: dict[str, Any] = TINY) -> Path:
    """A folder like a model's: configuration, header of weights without any, tokenizer with a chat template."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    tensors: dict[str, Any] = {"model.embed_tokens.weight": {"dtype": "F32", "shape": [512, 64], "data_offsets": [0, 0]}}
    shapes = {"q_proj": (64, 64), "k_proj": (32, 64), "v_proj": (32, 64), "o_proj": (64, 64)}
    shapes |= {"gate_proj": (128, 64), "up_proj": (128, 64), "down_proj": (64, 128)}
    for layer in range(2):
        for name, shape in shapes.items():
            tensors[f"model.layers.{layer}.x.{name}.weight"] = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]}
    header = json.dumps(tensors).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "<|im_start|>{{ messages }}"}))
    return folder


ALPACA = [{"instruction": f"Question {number}?", "input": "", "output": f"Answer {number}."} for number in range(40)]


@pytest_asyncio.fixture
async def house(settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    make_environment(settings.data_dir / "training-env")
    services = await build_services(settings)
    gpus = Gpus()
    services.gpus = gpus
    people = []
    for name in ("ann", "bob"):
        await services.accounts.add_user(operator("root"), f"{name}@example.org", name, PASSWORD)
        people.append((await services.accounts.sign_in(f"{name}@example.org", PASSWORD, origin=Origin())).principal)
    yield House(services, services.training, gpus, people[0], people[1], tmp_path)
    await services.close()


def draft(model: Path | str = "", **changes: Any) -> TrainingDraft:
    return TrainingDraft(name="mine", model_name_or_path=str(model), template="qwen", **changes)


def rules(found: Preflight, *levels: str) -> list[str]:
    return [check.rule for check in found.checks if check.level in (levels or ("fail", "warn", "unknown"))]


def named(found: Preflight, rule: str) -> Check:
    return next(check for check in found.checks if check.rule == rule)


# Kept --------------------------------------------------------------------------------------------------------------


async def test_saved_changed_compared_rolled_back(house: House) -> None:
    first = await house.training.save(house.ann, draft(lora_rank=8, extra="use_rslora: true"))
    assert (first.version, first.mine, first.draft) == (1, True, draft(lora_rank=8, extra="use_rslora: true"))
    renamed = await house.training.save(house.ann, replace(first.draft, name="other", note="why"), first.id)
    assert renamed.version == 1, "name and note make no version"
    second = await house.training.save(house.ann, replace(renamed.draft, lora_rank=64, extra="use_rslora: true\nddp_timeout: 9"), first.id)
    assert second.version == 2
    with pytest.raises(Conflict):
        await house.training.save(house.ann, first.draft, first.id, expected_version=1)
    newest, oldest = await house.training.versions(house.ann, first.id)
    told = {each.field: (each.before, each.after) for each in Training.differences(oldest.draft, newest.draft)}
    assert told == {"lora_rank": (8, 64), "extra.ddp_timeout": (None, 9)}
    back = await house.training.roll_back(house.ann, first.id, 1)
    assert (back.version, back.draft.lora_rank, back.name) == (3, 8, "other")
    with pytest.raises(NotFound):
        await house.training.roll_back(house.ann, first.id, 9)


async def test_names_are_ones_own_and_once(house: House) -> None:
    made = await house.training.save(house.ann, draft())
    with pytest.raises(InvalidInput) as error:
        await house.training.save(house.ann, draft())
    assert error.value.rule == "taken"
    assert (await house.training.save(house.bob, draft())).name == "mine"
    assert (await house.training.copy(house.ann, made.id)).name == "mine 2"
    assert (await house.training.by_name(house.ann, "mine 2")).draft.template == "qwen"
    assert [each.name for each in await house.training.list(house.ann, query="MINE 2 lora")] == ["mine 2"]
    with pytest.raises(NotFound):
        await house.training.delete(house.ann, [made.id, "0" * 32])
    assert await house.training.delete(house.ann, [made.id]) == 1


async def test_shared_ones_are_read_and_copied_not_changed(house: House) -> None:
    made = await house.training.save(house.ann, draft())
    with pytest.raises(NotFound):
        await house.training.get(house.bob, made.id)
    await house.training.share(house.ann, made.id, True)
    seen = await house.training.get(house.bob, made.id)
    assert (seen.mine, seen.owner_name, seen.shared) == (False, "ann", True)
    for deed in (
        house.training.save(house.bob, draft(), made.id),
        house.training.share(house.bob, made.id, False),
        house.training.delete(house.bob, [made.id]),
        house.training.roll_back(house.bob, made.id, 1),
    ):
        with pytest.raises(NotFound):
            await deed
    assert (await house.training.copy(house.bob, made.id)).mine
    assert [each.mine for each in await house.training.list(house.bob)] == [True, False]
    assert [each.mine for each in await house.training.list(house.bob, shared=False)] == [True]
    await house.training.share(house.ann, made.id, False)
    with pytest.raises(NotFound):
        await house.training.versions(house.bob, made.id)


async def test_the_operator_has_none(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.training.list(operator("root"))


# Drafts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.id)
async def test_every_preset_can_be_saved_and_comes_back_from_its_file(house: House, preset: Any) -> None:
    wanted = replace(preset.draft, name="x", model_name_or_path="Qwen/Qwen2.5-7B-Instruct", template="qwen")
    assert [remark for remark in await house.training.check_draft(house.ann, wanted) if remark.level == "error"] == []
    text = await house.training.to_yaml(house.ann, wanted)
    found = imported(text, shipped(), unrestricted=True)
    assert draft_options(found.draft) == draft_options(wanted)
    again = draft_from_options(draft_options(wanted), {}, deepspeed=wanted.deepspeed, swanlab=True)
    assert draft_options(again) == draft_options(wanted)


def test_every_field_of_a_draft_has_a_place_in_the_form() -> None:
    assert [spec.name for spec in FIELDS] == list(BY_NAME)
    assert set(BY_NAME) == set(TrainingDraft.__slots__)


async def test_a_form_shows_what_means_something(house: House) -> None:
    shown = {spec.name: spec for spec in await house.training.fields(house.ann, method="full", stage="dpo")}
    assert "lora_rank" not in shown and "pref_beta" in shown and "packing" not in shown
    assert (shown["learning_rate"].minimum, shown["learning_rate"].maximum) == (0, 1)
    assert "cosine" in shown["lr_scheduler_type"].choices and "qwen" in shown["template"].choices


@pytest.mark.parametrize(
    ("changes", "key", "rule"),
    [
        ({"name": " "}, "name", "empty"),
        ({"name": "x" * 101}, "name", "too_long"),
        ({"stage": "ppo"}, "stage", "ppo_not_in_this_version"),
        ({"stage": "sleep"}, "stage", "not_a_choice"),
        ({"method": "magic"}, "method", "not_a_choice"),
        ({"learning_rate": 3.0}, "learning_rate", "out_of_range"),
        ({"lora_dropout": 1.0}, "lora_dropout", "out_of_range"),
        ({"lr_scheduler_type": "cosin"}, "lr_scheduler_type", "not_a_choice"),
        ({"quantization_bit": 5, "method": "qlora"}, "quantization_bit", "not_a_choice"),
        ({"quantization_bit": None, "method": "qlora"}, "quantization_bit", "not_a_choice"),
        ({"deepspeed": "9"}, "deepspeed", "not_a_choice"),
        ({"model_name_or_path": "a\nb"}, "model_name_or_path", "unprintable"),
        ({"extra": "a: [1"}, "extra", "not_yaml"),
        ({"extra": "a: &b 1\nc: *b"}, "extra", "alias"),
        ({"extra": "cutoff_len: 3"}, "cutoff_len", "out_of_range"),
        ({"extra": "bf16: true\nfp16: true"}, "precision", "two_precisions"),
        ({"train_on_prompt": True, "mask_history": True}, "train_on_prompt", "prompt_and_history"),
        ({"dataset_ids": tuple(map(str, range(60)))}, "dataset_ids", "too_many"),
    ],
)
async def test_what_is_wrong_is_said_under_its_field(house: House, changes: dict[str, Any], key: str, rule: str) -> None:
    wrong = replace(draft("Qwen/Qwen2.5-7B"), **changes)
    found = [(remark.key, remark.rule) for remark in await house.training.check_draft(house.ann, wrong) if remark.level == "error"]
    assert (key, rule) in found
    with pytest.raises(InvalidInput):
        await house.training.save(house.ann, wrong)


async def test_somebodys_own_file_becomes_a_draft(house: House) -> None:
    text = """# from the examples
model_name_or_path: /models/m
trust_remote_code: true
stage: sft
do_train: true
finetuning_type: lora
lora_target: [q_proj, v_proj]
use_dora: true
quantization_bit: 4
deepspeed: examples/deepspeed/ds_z3_offload_config.json
dataset: identity, alpaca_en_demo
template: qwen
cutoff_len: 1024
output_dir: saves/x
learning_rate: 1.0e-4
warmup_ratio: 0.1
evaluation_strategy: no
bf16: true
ddp_timeout: 180000000
"""
    found = await house.training.from_yaml(replace(house.ann, served=True), text)
    made = found.draft
    assert (made.method, made.deepspeed, made.lora_target, made.warmup_steps) == ("qlora", "3-offload", "q_proj,v_proj", 0.1)
    assert (made.eval_strategy, made.precision, made.learning_rate, made.cutoff_len) == ("no", "bf16", 1e-4, 1024)
    assert found.dataset_names == ("identity", "alpaca_en_demo")
    told = {(remark.rule, remark.key) for remark in found.remarks}
    assert {("denied", "trust_remote_code"), ("ours", "output_dir"), ("ours", "do_train"), ("renamed", "warmup_ratio")} <= told
    assert ("comments_lost", "") in told and ("ours", "deepspeed") not in told
    assert draft_options(made)["use_dora"] is True, "what the form has no field for stays"
    free = await house.training.from_yaml(house.ann, text)
    assert "trust_remote_code: true" in free.draft.extra


# Before the start --------------------------------------------------------------------------------------------------


async def test_all_is_well(house: House) -> None:
    model, data = write_model(house.folder / "Qwen2.5-0.5B-Instruct"), await house.dataset("alpaca", ALPACA)
    found = await house.preflight(draft(model, val_size=0.1, num_train_epochs=2.0), data)
    assert found.ready and rules(found) == []
    assert (found.course.samples, found.course.eval_samples, found.course.total_steps) == (36, 4, 10)
    assert found.memory is not None and found.memory.trainable == 16_384
    assert "output_dir:" in found.yaml and f"model_name_or_path: {model}" in found.yaml and "enable_jit_checkpoint: true" in found.yaml


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda model: (model / "config.json").unlink(), "model_no_config"),
        (lambda model: (model / "model.safetensors").unlink(), "model_no_weights"),
        (lambda model: [(model / name).unlink() for name in ("tokenizer.json", "tokenizer_config.json")], "model_no_tokenizer"),
        (
            lambda model: (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-00002.safetensors"}})),
            "model_incomplete",
        ),
        (lambda model: (model / "config.json").rename(model / "adapter_config.json"), "model_is_adapter"),
    ],
)
async def test_a_model_that_is_not_whole(house: House, spoil: Any, rule: str) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    spoil(model)
    found = await house.preflight(draft(model), data)
    assert not found.ready and rule in rules(found, "fail") and named(found, rule).remedies


async def test_a_model_that_is_elsewhere(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    data = await house.dataset("alpaca", ALPACA)
    monkeypatch.setenv("HF_HOME", str(house.folder / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    hub = draft("Qwen/Qwen2.5-7B-Instruct")
    assert "model_from_hub" in rules(await house.preflight(hub, data), "warn")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "model_not_cached" in rules(await house.preflight(hub, data), "fail")
    cached = house.folder / "hub/hub/models--Qwen--Qwen2.5-7B-Instruct"
    write_model(cached / "snapshots" / "abcdef1234")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abcdef1234")
    assert "model_cached" in rules(await house.preflight(hub, data), "ok")
    assert "model_not_there" in rules(await house.preflight(draft("/nowhere/m"), data), "fail")
    served = replace(house.ann, served=True)
    refused = await house.preflight(draft(house.folder), data, principal=served)
    assert "path_not_allowed" in rules(refused, "fail") and named(refused, "path_not_allowed").topic == "rights"


async def test_templates(house: House) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    unlike = await house.preflight(replace(draft(model), template="llama3"), data)
    assert rules(unlike) == ["template_unlike_model"]
    assert named(unlike, "template_unlike_model").remedies[0].changes == {"template": "qwen"}
    missing = await house.preflight(replace(draft(model), template=""), data)
    assert "template_missing" in rules(missing, "fail")
    assert await house.training.templates_for(house.ann, str(model)) == ("qwen",)
    assert await house.training.templates_for(house.ann, "Qwen/Qwen3-8B") == ("qwen3",)


async def test_data_of_the_wrong_kind_and_data_that_is_gone(house: House) -> None:
    model = write_model(house.folder / "m")
    pairs = [{"instruction": "a", "chosen": f"good {number}", "rejected": "bad"} for number in range(30)]
    preference, alpaca = await house.dataset("pairs", pairs), await house.dataset("alpaca", ALPACA)
    wrong = await house.preflight(draft(model), preference)
    assert "data_wrong_kind" in rules(wrong, "fail")
    assert {"stage": "dpo"} in [remedy.changes for remedy in named(wrong, "data_wrong_kind").remedies]
    assert "data_wrong_kind" not in rules(await house.preflight(draft(model, stage="dpo"), preference))
    assert "no_dataset" in rules(await house.preflight(draft(model)), "fail")
    (house.folder / "alpaca.json").unlink()
    assert "data_gone" in rules(await house.preflight(draft(model), alpaca), "fail")
    other = await house.preflight(draft(model), alpaca, principal=house.bob)
    assert "dataset_removed" in rules(other, "fail"), "what is ann's is for bob as if it were not there"


async def test_too_little_data_and_too_long_samples(house: House) -> None:
    model = write_model(house.folder / "m")
    few, long = await house.dataset("few", ALPACA[:3]), await house.dataset("long", [{"instruction": "a" * 9000, "output": "b"}] * 40)
    assert "batch_beyond_data" in rules(await house.preflight(draft(model), few), "warn")
    cut = await house.preflight(draft(model), long)
    assert named(cut, "data_truncated").remedies[0].changes == {"cutoff_len": 4096}


async def test_gpus_and_their_memory(house: House) -> None:
    data = await house.dataset("alpaca", ALPACA)
    big = TINY | {
        "hidden_size": 8192,
        "num_hidden_layers": 80,
        "intermediate_size": 28_672,
        "num_attention_heads": 64,
        "vocab_size": 128_256,
    }
    model = house.folder / "big"
    write_model(model, big)
    (model / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    house.gpus.found = (H100,)
    large = await house.preflight(draft(model, per_device_train_batch_size=4), data, gpus=1)
    assert "memory_too_small" in rules(large)
    changes = [remedy.changes for remedy in named(large, "memory_too_small").remedies]
    assert {"method": "qlora"} in changes and {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 32} in changes
    small = write_model(house.folder / "small")
    assert "memory_enough" in rules(await house.preflight(draft(small), data, gpus=1), "ok")
    assert "bf16: true" in (await house.preflight(draft(small), data, gpus=1)).yaml
    assert "more_gpus_than_there_are" in rules(await house.preflight(draft(small), data, gpus=3), "fail")
    assert "gpu_not_there" in rules(await house.preflight(draft(small), data, gpu_uuids=("GPU-9",)), "fail")
    house.gpus.found = (V100,)
    assert "gpu_without_bf16" in rules(await house.preflight(draft(small, precision="bf16"), data, gpus=1), "fail")
    assert "fp16: true" in (await house.preflight(draft(small), data, gpus=1)).yaml
    assert "full_precision" in rules(await house.preflight(draft(small, precision="fp32"), data, gpus=1), "warn")


async def test_packages_disk_and_ports(house: House) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    house.gpus.found = (H100, V100)
    several = await house.preflight(draft(model, method="qlora", deepspeed="2", precision="fp16"), data, gpus=2)
    missing = [check.fields["package"] for check in several.checks if check.rule == "package_missing"]
    assert missing == ["bitsandbytes", "deepspeed"] and "port_free" in rules(several, "ok")
    full = replace(house.services.settings.training, disk_reserve_bytes=1 << 60)
    house.services.__dict__.pop("training")
    house.services.settings = replace(house.services.settings, training=full)
    house.training = house.services.training
    small = await house.preflight(draft(model), data)
    assert "disk_too_small" in rules(small, "fail") and small.disk_needed is not None


async def test_without_an_environment_everything_else_is_still_said(house: House) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    (house.services.settings.data_dir / "training-env" / "bin" / "python").unlink()
    found = await house.preflight(draft(model), data)
    assert rules(found) == ["environment_broken"] and found.course.total_steps


# What will run -----------------------------------------------------------------------------------------------------


async def test_nobody_waits_for_options_where_all_of_them_are_known(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """To read them takes LLaMA-Factory's imports, some 20 s; the environment of these tests has none, and so that fails and is said."""
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    text = f"model_name_or_path: {model}\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nwarmup_ratio: 0.1\nsave_strategy: epoch\n"
    await house.training.resolve(house.ann, RunRequest(yaml_text=text, dataset_ids=(data,), gpus=0))
    assert "options of the training environment" not in caplog.text
    await house.training.resolve(house.ann, RunRequest(yaml_text=text + "rope_scaling: linear\n", dataset_ids=(data,), gpus=0))
    assert "options of the training environment could not be read" in caplog.text


async def test_resolved_with_real_paths_and_retried_with_changes(house: House) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca, with comma", ALPACA)
    (house.folder / "link").symlink_to(model)
    saved = await house.training.save(house.ann, draft(house.folder / "link", dataset_ids=(data,)))
    run = await house.training.resolve(house.ann, RunRequest(configuration_id=saved.id, gpus=0))
    assert (run.options["model_name_or_path"], run.paths, run.offline) == (str(model), (str(model),), True)
    assert (list(run.datasets), run.rows, run.method) == (["alpaca_with_comma"], (40,), "lora")
    retried = await house.training.resolve_changes(house.ann, run, {"per_device_train_batch_size": 4, "quantization_bit": 4, "seed": None})
    assert (retried.options["per_device_train_batch_size"], retried.options["quantization_bit"], retried.method) == (4, 4, "qlora")
    assert retried.datasets == run.datasets
    again = await house.training.resolve_changes(house.ann, run, {"bf16": False, "fp16": True, "method": "full", "deepspeed": "none"})
    assert again.options["fp16"] is True and again.options["finetuning_type"] == "full" and "lora_rank" not in again.options
    with pytest.raises(InvalidInput):
        await house.training.resolve_changes(house.ann, run, {"learning_rate": 9})
    with pytest.raises(InvalidInput):
        await house.training.resolve_changes(replace(house.ann, served=True), run, {"trust_remote_code": True})
    looked = await house.training.preflight_again(house.ann, run, {"seed": 7}, RunRequest(gpus=0))
    assert looked.ready and "seed: 7" in looked.yaml, looked.checks
    Path(next(iter(run.datasets.values()))["file_name"]).unlink()  # noqa: ASYNC240
    assert not (await house.training.preflight_again(house.ann, run, {}, RunRequest(gpus=0))).ready, "its data are gone"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("model_name_or_path: /etc\nstage: sft\ntemplate: qwen", "model_name_or_path"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\nadapter_name_or_path: /etc/ssh", "adapter_name_or_path"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\ntrust_remote_code: true", "trust_remote_code"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\nhf_hub_token: x", "hf_hub_token"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\ntokenized_path: /tmp/x", "tokenized_path"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\nref_model: ../../bob", "ref_model"),
        ("model_name_or_path: Qwen/Qwen2.5-7B\nstage: ppo", "stage"),
    ],
)
async def test_hostile_requests_are_refused(house: House, text: str, field: str) -> None:
    data = await house.dataset("alpaca", ALPACA)
    with pytest.raises(InvalidInput) as error:
        await house.training.resolve(replace(house.ann, served=True), RunRequest(yaml_text=text, dataset_ids=(data,), gpus=0))
    assert error.value.field == field


async def test_deepspeed_is_refused_where_there_is_no_gpu(house: House) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    saved = await house.training.save(house.ann, draft(model, deepspeed="2", dataset_ids=(data,)))
    with pytest.raises(InvalidInput) as error:
        await house.training.resolve(house.ann, RunRequest(configuration_id=saved.id, gpus=1))
    assert error.value.rule == "needs_gpu"
    house.gpus.found = (H100,)
    assert (await house.training.resolve(house.ann, RunRequest(configuration_id=saved.id, gpus=1))).deepspeed == "2"


async def test_swanlabs_cloud_is_for_who_has_an_account_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = write_model(house.folder / "m"), await house.dataset("alpaca", ALPACA)
    wanted = draft(model, swanlab_mode="cloud", dataset_ids=(data,))
    request = RunRequest(configuration_id=(await house.training.save(house.ann, wanted)).id, gpus=0)
    assert (await house.training.resolve(house.ann, request)).swanlab_mode == "cloud"
    monkeypatch.setenv("HOME", str(house.folder))
    found = [check for check in (await house.training.preflight(house.ann, request)).checks if check.rule == "swanlab_no_account"]
    assert [dict(check.remedies[0].changes) for check in found] == [{"swanlab_mode": "local"}]
    served = replace(house.ann, served=True, role=Role.USER)
    with pytest.raises(InvalidInput) as error:
        await house.training.resolve(served, request)
    assert (error.value.field, error.value.rule) == ("swanlab_mode", "denied")
    taken = await house.training.from_yaml(house.ann, f"model_name_or_path: {model}\nuse_swanlab: true\nswanlab_mode: offline\n")
    assert taken.draft.swanlab_mode == "offline" and not [remark for remark in taken.remarks if remark.key == "swanlab_mode"]


async def test_an_export_takes_only_what_exports_take(house: House) -> None:
    model = write_model(house.folder / "m")
    order = {"model_name_or_path": str(model), "template": "qwen", "export_size": 2}
    run = await house.training.resolve(house.ann, RunRequest(kind="export", extra={"options": order}))
    assert (run.kind, run.options["export_size"], run.paths) == ("export", 2, (str(model),))
    for wrong in ({"export_dir": "/etc"}, {"export_hub_model_id": "x/y"}, {"hf_hub_token": "x"}):
        with pytest.raises(InvalidInput):
            await house.training.resolve(house.ann, RunRequest(kind="export", extra={"options": order | wrong}))
    with pytest.raises(InvalidInput):
        served = replace(house.ann, served=True)
        await house.training.resolve(served, RunRequest(kind="export", extra={"options": order}))


async def test_what_runs_for_a_served_person_cannot_read_what_is_the_servers(house: House) -> None:
    data = house.services.settings.data_dir
    own = data / "users" / house.ann.user_id
    own.mkdir(parents=True, exist_ok=True)
    model = write_model(own / "m")
    order = RunRequest(kind="export", extra={"options": {"model_name_or_path": str(model), "template": "qwen"}})
    served = replace(house.ann, served=True, role=Role.USER)
    place = Place(data / "run", "1", "run", state_of(data / "training-env", look_at(data / "training-env"), own=True))
    run = await house.training.resolve(served, order)
    assert run.confined and ResolvedRun.from_json(run.to_json()).confined
    argv = (await house.training.plan(run, place)).argv
    opened = [path for flag, path in pairwise(argv) if flag == "--open"]
    assert argv[argv.index("--hide") + 1] == str(data) and str(own) not in opened and {str(model), str(place.folder)} <= set(opened)
    assert argv[-4:] == (await house.training.plan(await house.training.resolve(house.ann, order), place)).argv


async def test_at_the_start_nothing_may_have_moved(house: House) -> None:
    folder = house.services.settings.data_dir / "training-env"
    environment = state_of(folder, look_at(folder), own=True)
    model = write_model(house.folder / "m")
    place = Place(house.folder / "run", "1", "run", environment)
    run = ResolvedRun("train", {"model_name_or_path": str(model)}, {"a": {}}, paths=(str(model),))
    assert (await house.training.plan(run, place)).argv[0] == str(folder / "bin" / "python")
    with pytest.raises(EnvironmentProblem):
        await house.training.plan(run, replace(place, environment=replace(environment, state="broken")))
    model.rename(house.folder / "elsewhere")
    model.symlink_to("/etc")
    with pytest.raises(InvalidInput) as error:
        await house.training.plan(run, place)
    assert error.value.rule == "changed_since"


async def test_what_fits_a_gpu(house: House) -> None:
    found = await house.training.recommend(house.ann, "Qwen/Qwen2.5-7B-Instruct", 24 << 30)
    assert [each.method for each in found] == ["lora", "qlora"] and all(each.fits for each in found)
    assert [each.method for each in await house.training.recommend(house.ann, "Qwen/Qwen2.5-7B-Instruct", 12 << 30)] == ["qlora"]
    nothing = await house.training.recommend(house.ann, "Qwen/Qwen2.5-72B-Instruct", 8 << 30)
    assert len(nothing) == 1 and not nothing[0].fits
    assert await house.training.recommend(house.ann, "unknown", 8 << 30) == ()
    house.gpus.found = (H100,)
    assert (await house.training.recommend(house.ann, "Qwen/Qwen2.5-0.5B", None))[0].method == "full"
