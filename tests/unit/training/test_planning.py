"""What LLaMA-Factory is started with; how many steps it will take; how much memory."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.training.course import Samples, course_of, in_steps, log_every, save_every, total_steps
from core.training.deepspeed import STAGES, deepspeed_file, stage_of_file
from core.training.environment_types import EnvironmentState
from core.training.memory import GIB, estimate, trainable
from core.training.memory_shape import read_shape, shape_of_config, shape_of_name
from core.training.planning import Place, Plan, ResolvedRun, plan, train_options

ENVIRONMENT = EnvironmentState(Path("/opt/env"), "ready", Path("/opt/env/bin/python"), {"swanlab": "0.10.3", "swanboard": "0.1.10b2"})
OPTIONS: dict[str, Any] = {
    "model_name_or_path": "/models/tiny",
    "stage": "sft",
    "finetuning_type": "lora",
    "template": "qwen",
    "learning_rate": 1e-5,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 4,
    "eval_strategy": "no",
    "bf16": True,
}
RUN = ResolvedRun("train", OPTIONS, {"alpaca": {"file_name": "/data/alpaca.json"}}, rows=(100,), swanlab=True)
PLACE = Place(
    Path("/data/runs/abc/1"),
    "abc",
    "my run",
    ENVIRONMENT,
    gpu_uuids=("GPU-1",),
    swanlab_folder=Path("/data/swanlab/ann"),
    inherited={
        "PATH": "/usr/bin",
        "HOME": "/home/u",
        "MODELTRAIN_MASTER_KEY": "secret",
        "MODELTRAIN_PASSWORD": "secret",
        "HF_HOME": "/hub",
    },
)


def options_of(made: Plan) -> dict[str, Any]:
    found = yaml.safe_load(made.files["run.yaml"])
    assert isinstance(found, dict)
    return found


def test_the_file_says_what_is_meant_and_what_every_run_needs() -> None:
    made = plan(RUN, PLACE)
    options = options_of(made)
    assert options["eval_strategy"] == "no" and options["learning_rate"] == 1e-5
    always = {
        "do_train": True, "report_to": "none", "plot_loss": False, "enable_jit_checkpoint": True, "save_only_model": False,
        "output_dir": "/data/runs/abc/1/output", "dataset_dir": "/data/runs/abc/1", "dataset": "alpaca", "save_total_limit": 3,
        "use_swanlab": True, "swanlab_mode": "local", "swanlab_logdir": "/data/swanlab/ann", "swanlab_run_name": "my run",
    }  # fmt: skip
    assert {key: options[key] for key in always} == always
    assert "overwrite_output_dir" not in options and "resume_from_checkpoint" not in options and "use_cpu" not in options
    assert json.loads(made.files["dataset_info.json"]) == {"alpaca": {"file_name": "/data/alpaca.json"}}
    assert made.argv == ("/opt/env/bin/python", "/opt/env/bin/llamafactory-cli", "train", "run.yaml")
    assert made.total_steps == 39 and made.output == Path("/data/runs/abc/1/output")


def test_the_environment_is_whole_and_without_secrets() -> None:
    variables = plan(RUN, PLACE).environment
    assert "secret" not in repr(variables)
    assert variables["PATH"].split(":")[0] == "/opt/env/bin"
    assert (variables["CUDA_VISIBLE_DEVICES"], variables["HF_HOME"], variables["HOME"]) == ("GPU-1", "/hub", "/home/u")
    assert "HF_HUB_OFFLINE" not in variables and "FORCE_TORCHRUN" not in variables
    assert variables["HF_DATASETS_CACHE"].startswith("/data/runs/abc/1/"), "what is tokenised goes with its run"
    offline = plan(replace(RUN, offline=True), PLACE).environment
    assert offline["HF_HUB_OFFLINE"] == offline["TRANSFORMERS_OFFLINE"] == "1"


def test_on_the_cpu_nothing_is_half_precision_and_no_gpu_is_seen() -> None:
    made = plan(RUN, replace(PLACE, gpu_uuids=(), cpu_threads=2))
    options = options_of(made)
    assert (options["use_cpu"], options["bf16"], options["fp16"]) == (True, False, False)
    assert (made.environment["CUDA_VISIBLE_DEVICES"], made.environment["OMP_NUM_THREADS"]) == ("", "2")


@pytest.mark.parametrize(
    ("gpus", "processes", "deepspeed", "workers"), [(("a", "b"), 1, "none", 2), ((), 2, "none", 2), (("a",), 1, "2", 1)]
)
def test_several_processes_meet_at_a_port(gpus: tuple[str, ...], processes: int, deepspeed: str, workers: int) -> None:
    run, place = replace(RUN, deepspeed=deepspeed), replace(PLACE, gpu_uuids=gpus, processes=processes)
    with pytest.raises(InvalidInput) as error:
        plan(run, place)
    assert error.value.field == "port"
    variables = plan(run, replace(place, port=29_501)).environment
    assert (variables["FORCE_TORCHRUN"], variables["NPROC_PER_NODE"], variables["MASTER_PORT"]) == ("1", str(workers), "29501")
    assert variables["MASTER_ADDR"] == "127.0.0.1"


def test_without_swanlab_nothing_is_logged_to_it() -> None:
    for run, place in (
        (replace(RUN, swanlab=False), PLACE),
        (RUN, replace(PLACE, environment=replace(ENVIRONMENT, versions={}))),
        (RUN, replace(PLACE, swanlab_folder=None)),
    ):
        options = options_of(plan(run, place))
        assert options["use_swanlab"] is False and options["swanlab_mode"] == "local", "its default is the cloud"


def test_swanlab_writes_where_it_was_told_to_and_needs_its_dashboard_only_on_this_machine() -> None:
    bare = replace(ENVIRONMENT, versions={"swanlab": "0.10.3"})
    for mode, environment, used in (("offline", bare, True), ("cloud", ENVIRONMENT, True), ("local", bare, False)):
        options = train_options(replace(RUN, swanlab_mode=mode), replace(PLACE, environment=environment))
        assert (options["use_swanlab"], options["swanlab_mode"]) == (used, mode)


def test_an_export_goes_into_its_output() -> None:
    made = plan(ResolvedRun("export", {"model_name_or_path": "/m", "adapter_name_or_path": "/a", "template": "qwen"}), PLACE)
    assert made.argv[2:] == ("export", "run.yaml") and made.total_steps is None
    assert options_of(made)["export_dir"] == "/data/runs/abc/1/output" and set(made.files) == {"run.yaml"}


def test_a_run_is_stored_and_read_again() -> None:
    run = replace(RUN, deepspeed="3", paths=("/a", "/b"), rows=(1, None), eval_datasets={"e": {"file_name": "/e"}}, stage="sft")
    assert ResolvedRun.from_json(run.to_json()) == run


def test_a_run_that_a_later_version_queued_is_read_too() -> None:
    stored = json.loads(RUN.to_json()) | {"of_a_later_version": 1}
    assert ResolvedRun.from_json(json.dumps(stored)) == RUN


def test_without_an_interpreter_there_is_no_plan() -> None:
    with pytest.raises(InvalidInput):
        plan(RUN, replace(PLACE, environment=replace(ENVIRONMENT, python=None)))


@pytest.mark.parametrize("stage", STAGES)
def test_deepspeeds_file_is_ours(stage: str) -> None:
    made = plan(replace(RUN, deepspeed=stage), replace(PLACE, port=1))
    name, text = deepspeed_file(stage)
    assert options_of(made)["deepspeed"] == name and made.files[name] == text
    zero = json.loads(text)["zero_optimization"]
    assert zero["stage"] == int(stage[0])
    assert ("offload_optimizer" in zero, "offload_param" in zero) == ("offload" in stage, stage == "3-offload")
    assert stage_of_file(name) == stage


def test_somebody_elses_deepspeed_file_is_known_by_its_name() -> None:
    assert [stage_of_file(name) for name in ("ds_z3_config.json", "zero2_offload.json", "mine.json")] == ["3", "2-offload", ""]
    with pytest.raises(InvalidInput):
        deepspeed_file("4")


# Steps -------------------------------------------------------------------------------------------------------------


@given(
    samples=st.integers(1, 3000),
    batch=st.integers(1, 17),
    accumulation=st.integers(1, 9),
    workers=st.integers(1, 5),
    epochs=st.integers(1, 4),
)
def test_steps_are_those_of_counting_them_out(samples: int, batch: int, accumulation: int, workers: int, epochs: int) -> None:
    """Batches go round the workers; the last round is made whole; a step is `accumulation` batches of a worker, or what is left."""
    batches = len(range(0, samples, batch))
    rounds = len(range(0, batches, workers))
    steps = len(range(0, rounds, accumulation)) * epochs
    options = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation, "num_train_epochs": epochs}
    assert total_steps(Samples(samples, 0), options, workers) == steps


def test_what_is_set_aside_is_not_trained_on() -> None:
    assert Samples.of({"val_size": 0.1}, (23,)) == Samples(20, 3), "a share is rounded up"
    assert Samples.of({"val_size": 5}, (23,)) == Samples(18, 5)
    assert Samples.of({"max_samples": 10}, (23, 4)) == Samples(14, 0)
    for unknown in ({"packing": True}, {"stage": "pt"}, {"streaming": True}, {"mix_strategy": "interleave_under"}):
        assert Samples.of(unknown, (23,)).train is None
    assert Samples.of({}, (23, None)) == Samples(None, None)


def test_points_and_checkpoints_suit_the_length() -> None:
    assert (log_every(50), log_every(2000), log_every(10**6), log_every(None)) == (1, 10, 50, 5)
    assert (save_every(10), save_every(1000), save_every(10**6), save_every(None)) == (5, 100, 500, 200)
    assert (in_steps(0.1, 1000, 7), in_steps(0.1, None, 7), in_steps(30, 1000, 7), in_steps(None, 10, 7)) == (100, 7, 30, 7)
    course = course_of(OPTIONS | {"val_size": 0.1}, (100,), 2)
    assert (course.samples, course.eval_samples, course.effective_batch) == (90, 10, 16)
    assert course.total_steps == 3 * math.ceil(math.ceil(45 / 2) / 4) and course.epochs == 3
    assert course_of({"max_steps": 7}, (), 1).total_steps == 7


# Memory ------------------------------------------------------------------------------------------------------------

#: config.json of Qwen/Qwen2.5-7B-Instruct and of meta-llama/Llama-3.1-8B, as far as it decides.
QWEN_7B = {
    "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
    "intermediate_size": 18_944, "vocab_size": 152_064, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14_336, "vocab_size": 128_256, "tie_word_embeddings": False,
}  # fmt: skip
BASE = {"bf16": True, "per_device_train_batch_size": 1, "cutoff_len": 2048}


@pytest.mark.parametrize(("config", "parameters"), [(QWEN_7B, 7_615_616_512), (LLAMA_8B, 8_030_261_248)])
def test_parameters_are_counted_as_the_model_cards_say(config: dict[str, Any], parameters: int) -> None:
    assert shape_of_config(config).parameters == pytest.approx(parameters, rel=1e-4)  # biases are not in the configuration


def test_adapters_are_counted_as_peft_does() -> None:
    """ "trainable params: 20,185,088" and "20,971,520": what LLaMA-Factory logs for rank 8 on all linear maps of these two."""
    assert trainable(shape_of_config(QWEN_7B), {"lora_rank": 8}) == 20_185_088
    assert trainable(shape_of_config(LLAMA_8B), {"lora_rank": 8}) == 20_971_520
    assert trainable(shape_of_config(LLAMA_8B), {"lora_rank": 8, "lora_target": "q_proj,v_proj"}) == 3_407_872


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        # LLaMA-Factory's README, "Hardware Requirement", for 7B: full 120 GB (AMP), freeze 20, LoRA 16, QLoRA 8 bits 10, 4 bits 6:
        # least batches and short samples, so the least that any of ours may say; with 2,048 tokens of a large vocabulary it is more.
        ({"finetuning_type": "full"}, 110, 145),
        ({"finetuning_type": "freeze"}, 18, 29),
        ({"finetuning_type": "lora"}, 15, 21),
        ({"finetuning_type": "lora", "quantization_bit": 8}, 9, 15),
        ({"finetuning_type": "lora", "quantization_bit": 4}, 6, 11),
    ],
)
def test_the_whole_is_what_people_measure(options: dict[str, Any], low: float, high: float) -> None:
    found = estimate(shape_of_config(QWEN_7B), BASE | options)
    assert low <= found.total / GIB <= high
    assert found.total == sum(term.bytes for term in found.terms)
    assert all(term.bytes > 0 and any(figure in term.formula for figure in "0123456789") for term in found.terms)


@pytest.mark.parametrize(
    "changes",
    [
        {"per_device_train_batch_size": 4},
        {"cutoff_len": 8192},
        {"disable_gradient_checkpointing": True},
        {"lora_rank": 256},
        {"bf16": False},
        {"stage": "dpo"},
        {"flash_attn": "disabled"},
        {"use_dora": True},
    ],
)
def test_what_takes_more_is_said_to_take_more(changes: dict[str, Any]) -> None:
    shape = shape_of_config(QWEN_7B)
    assert estimate(shape, BASE | changes).total > estimate(shape, BASE).total


def test_zero_divides_what_it_divides() -> None:
    shape, full = shape_of_config(QWEN_7B), BASE | {"finetuning_type": "full"}
    by_stage = [estimate(shape, full, deepspeed=stage, gpus=8).total for stage in ("0", "2", "2-offload", "3", "3-offload")]
    assert by_stage[0] > by_stage[1] > by_stage[2] > by_stage[3] > by_stage[4]
    terms = {term.name: term for term in estimate(shape, full, deepspeed="3", gpus=8).terms}
    assert terms["optimizer"].bytes == shape.parameters * 12 // 8 and "8 GPUs" in terms["optimizer"].formula
    assert "reference" in {term.name for term in estimate(shape, full | {"stage": "dpo"}).terms}
    assert "reference" not in {term.name for term in estimate(shape, BASE | {"stage": "dpo"}).terms}
    assert "logits" not in {term.name for term in estimate(shape, BASE | {"enable_liger_kernel": True}).terms}


def test_a_name_tells_the_size_where_nothing_else_does() -> None:
    for name, size in (("Qwen/Qwen2.5-7B-Instruct", 7e9), ("meta-llama/Llama-3.2-1B", 1e9), ("x/tiny-0.5b", 5e8)):
        found = shape_of_name(name)
        assert found is not None and not found.exact and found.parameters == size
    assert shape_of_name("bert-base") is None


HUGE = '{"hidden_size": 99999999999, "num_hidden_layers": 2}'
NEGATIVE = '{"hidden_size": -1, "num_hidden_layers": 2}'


@pytest.mark.parametrize("text", ["", "[]", "{", '{"hidden_size": "x"}', '{"hidden_size": 8}', NEGATIVE, HUGE, "\x00" * 100])
def test_a_config_that_is_none_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert read_shape(tmp_path) is None


def test_a_weight_file_that_is_none_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(QWEN_7B))
    for data in (b"", b"\xff" * 64, (5).to_bytes(8, "little") + b"{not}", (1 << 60).to_bytes(8, "little")):
        (tmp_path / "model.safetensors").write_bytes(data)
        assert read_shape(tmp_path) is None


def test_a_file_whose_name_is_a_pattern_means_itself_alone() -> None:
    run = replace(RUN, datasets={"a": {"file_name": "/d/a*.json", "formatting": "alpaca"}, "b": {"file_name": "/d/x::y/b[1].jsonl"}})
    made = plan(run, PLACE)
    entries = json.loads(made.files["dataset_info.json"])
    assert [entries[name]["file_name"] for name in "ab"] == ["data_1.json", "data_2.jsonl"] and entries["a"]["formatting"] == "alpaca"
    assert made.links == {"data_1.json": "/d/a*.json", "data_2.jsonl": "/d/x::y/b[1].jsonl"} and not plan(RUN, PLACE).links
