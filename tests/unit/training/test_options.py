"""Somebody's own options: hostile YAML, what is closed to whom, values, and where paths may lead."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.training.catalogue_shipped import shipped
from core.training.configurations_types import Remark
from core.training.environment_types import Catalogue, Option
from core.training.options import ADMINISTRATORS, OURS, PATHS, check_options, check_value, is_administrators
from core.training.options_paths import Reach, find, resolve_options, still_themselves
from core.training.options_rules import RULES, conflicts
from core.training.options_yaml import read_yaml
from core.training.planning import yaml_text

BOMB = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (BOMB, "alias"),
        ("a: !!python/object/apply:os.system ['true']", "tag"),
        ("a: !!python/name:os.system", "tag"),
        ("!!map {a: 1}", "tag"),
        ("a: !include secrets", "tag"),
        ("a: " + "[" * 5000, "too_deep"),
        ("".join(f"{'  ' * depth}a:\n" for depth in range(20)), "too_deep"),
        ("x" * 10_000_000, "too_large"),
        ("\n".join(f"k{number}: 1" for number in range(5000)), "too_many"),
        ("- a\n- b", "not_a_mapping"),
        ("just text", "not_a_mapping"),
        ("a: 1\n---\nb: 2", "several_documents"),
        ("a: 1\na: 2", "duplicate_key"),
        ("1: a", "key_not_text"),
        ("yes: a", "key_not_text"),
        ("a: .nan", "not_finite"),
        ("a: {b: -.inf}", "not_finite"),
        ("a: [1", "not_yaml"),
        ("a: 'open", "not_yaml"),
        ("a:\n\t- b", "not_yaml"),
        ("a: \x01", "not_yaml"),
        ("<<: {a: 1}\n<<: {b: 1}", "duplicate_key"),
        ("? [a, b]\n: c", "key_not_text"),
    ],
)
def test_hostile_yaml_is_refused_for_what_it_is(text: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_yaml(text)
    assert error.value.rule == rule


def test_numbers_are_read_as_llamafactory_does() -> None:
    found = read_yaml("rate: 1e-4\nother: 1.0e-5\nbig: 2E3\nname: 1e\nanswer: 'no'\nday: 2024-01-01\nempty:\n")
    assert found == {"rate": 1e-4, "other": 1e-5, "big": 2000.0, "name": "1e", "answer": "no", "day": "2024-01-01", "empty": None}
    assert read_yaml("") == read_yaml("# only words") == {}


def test_the_place_of_a_mistake_is_told() -> None:
    with pytest.raises(InvalidInput) as error:
        read_yaml("good: 1\nbad: [1, 2\nmore: 3\n")
    assert error.value.fields["line"] == 3


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        assert isinstance(read_yaml(text), dict)
    except InvalidInput as error:
        assert error.field == "yaml"


VALUES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20))


@given(st.dictionaries(st.text(string.ascii_letters + "_", min_size=1, max_size=20), VALUES, max_size=8))
@example({"a": "\x85", "b": "one\u2028two\u2029three"})
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    assert read_yaml(yaml_text(values)) == values


def test_what_only_llamafactorys_reader_takes_for_a_number_is_quoted() -> None:
    assert (
        yaml_text({"run_name": "1e5", "template": "0E0", "learning_rate": 1e-5})
        == "run_name: '1e5'\ntemplate: '0E0'\nlearning_rate: 1.0e-05\n"
    )


# Who may give what -------------------------------------------------------------------------------------------------


def catalogue(*names: str) -> Catalogue:
    base = shipped()
    more = {name: Option(name, "training", "str", optional=True) for name in names}
    return Catalogue("environment", "0.9.5", base.models, base.templates, base.stages, base.methods, {**base.options, **more})


CLOSED = str.split(
    "trust_remote_code push_to_hub hub_token hub_model_id hf_hub_token ms_hub_token om_hub_token swanlab_api_key swanlab_lark_secret "
    "swanlab_lark_webhook_url fsdp fsdp_config accelerator_config parallelism_config ray_num_workers ray_init_kwargs master_addr "
    "master_port kt_weight_path use_hyper_parallel hyper_parallel_args tokenized_path offload_folder profiler_output_dir "
    "enable_torch_profiler vllm_config sglang_config export_hub_model_id trackio_space_id brand_new_token brand_new_dir brand_new_path"
)


@pytest.mark.parametrize("name", CLOSED)
def test_what_reaches_beyond_ones_own_is_closed_to_the_served(name: str) -> None:
    known = catalogue(name)
    clean, remarks = check_options({name: "x"}, known, unrestricted=False)
    assert clean == {} and [(remark.level, remark.rule) for remark in remarks] == [("error", "denied")]
    assert is_administrators(name)


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_the_application_fills_in_is_taken_out_for_everybody(name: str) -> None:
    for unrestricted in (False, True):
        clean, remarks = check_options({name: "/etc"}, catalogue(name), unrestricted=unrestricted)
        assert clean == {} and [remark.rule for remark in remarks] == ["ours"]


def test_the_issues_list_is_closed_one_way_or_the_other() -> None:
    named = (
        "trust_remote_code output_dir dataset_dir media_dir deepspeed push_to_hub hub_token resume_from_checkpoint logging_dir "
        "ray_run_name swanlab_project cache_dir fsdp_config report_to"
    )
    assert all(name in OURS or is_administrators(name) for name in named.split())
    assert not any(is_administrators(name) for name in PATHS)
    assert len(set(ADMINISTRATORS)) == len(ADMINISTRATORS)


def test_unknown_keys_are_told_with_the_nearest() -> None:
    clean, remarks = check_options({"learning_ratte": 1e-4}, catalogue(), unrestricted=True)
    assert clean == {} and remarks[0].rule == "unknown_key" and remarks[0].fields["near"] == "learning_rate"
    clean, remarks = check_options({"learning_ratte": 1e-4}, shipped(), unrestricted=True)
    assert clean and remarks[0].level == "warning", "without an environment nobody knows all of them"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("learning_rate", "1e-4", 1e-4),
        ("learning_rate", 2, 2),
        ("learning_rate", float("inf"), "wrong_type"),
        ("learning_rate", True, "wrong_type"),
        ("cutoff_len", "2048", 2048),
        ("cutoff_len", 20.5, "wrong_type"),
        ("cutoff_len", 8, "out_of_range"),
        ("cutoff_len", 10**30, "out_of_range"),
        ("bf16", "true", True),
        ("bf16", 1, "wrong_type"),
        ("bf16", None, "wrong_type"),
        ("packing", None, None),
        ("eval_strategy", False, "no"),
        ("eval_strategy", "epok", "not_a_choice"),
        ("quantization_bit", 4, 4),
        ("quantization_bit", 7, "not_a_choice"),
        ("lora_target", ["q_proj", "v_proj"], "q_proj,v_proj"),
        ("lora_target", {"a": 1}, "wrong_type"),
        ("lora_target", "${oc.env:HOME}", "interpolation"),
        ("lora_target", "x" * 30_000, "too_long"),
    ],
)
def test_values(name: str, value: Any, expected: Any) -> None:
    found = check_value(name, value, shipped().options[name])
    wide = found if not isinstance(found, Remark) else found.rule
    if name == "learning_rate" and value == 2:
        assert isinstance(found, Remark) and found.rule == "out_of_range"
    else:
        assert wide == expected and type(wide) is type(expected)


def test_what_does_not_go_together() -> None:
    broken: dict[str, dict[str, Any]] = {
        "adapter_needs_lora": {"adapter_name_or_path": "a", "finetuning_type": "full"},
        "quantization_needs_lora": {"quantization_bit": 4, "finetuning_type": "full"},
        "quantization_and_resize": {"quantization_bit": 4, "resize_vocab": True},
        "quantization_and_pissa": {"quantization_bit": 4, "pissa_init": True},
        "quantization_and_fp8": {"quantization_bit": 4, "fp8": True},
        "two_precisions": {"bf16": True, "fp16": True},
        "only_sft": {"stage": "dpo", "train_on_prompt": True},
        "prompt_and_history": {"train_on_prompt": True, "mask_history": True},
        "best_model_not_here": {"stage": "rm", "load_best_model_at_end": True, "eval_strategy": "steps"},
        "best_model_needs_evaluation": {"load_best_model_at_end": True},
        "smoothing_needs_sigmoid": {"stage": "dpo", "pref_loss": "ipo", "dpo_label_smoothing": 0.1},
        "galore_and_lora": {"use_galore": True},
        "pissa_not_here": {"stage": "kto", "pissa_init": True},
        "only_lora": {"finetuning_type": "full", "use_dora": True},
        "llama_pro_and_full": {"finetuning_type": "full", "use_llama_pro": True},
        "streaming_needs_steps": {"streaming": True},
        "streaming_val_size": {"streaming": True, "max_steps": 5, "val_size": 0.1},
        "streaming_and_max_samples": {"streaming": True, "max_steps": 5, "max_samples": 10},
        "probs_need_interleave": {"interleave_probs": "0.5,0.5"},
    }
    assert set(broken) == set(RULES)
    for rule, options in broken.items():
        assert [remark.rule for remark in conflicts(options)] == [rule], rule
    assert conflicts({"stage": "sft", "finetuning_type": "lora", "bf16": True, "quantization_bit": 4}) == ()


# Paths -------------------------------------------------------------------------------------------------------------

MINE, THEIRS = "a" * 32, "b" * 32


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for folder in (
        "users/ann/models/own",
        "users/bob/models/secret",
        f"runs/{MINE}/1/output",
        f"runs/{THEIRS}/1/output",
        "shared/llama",
        "etc",
    ):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def reach(house: Path, *, anywhere: bool = False) -> Reach:
    return Reach(house / "users" / "ann", (house / "shared",), house / "runs", {MINE}.__contains__, anywhere)


def test_a_served_person_reaches_what_is_theirs_and_everybodys(house: Path) -> None:
    for text in ("models/own", str(house / "users/ann/models/own"), str(house / "shared/llama"), str(house / f"runs/{MINE}/1/output")):
        named = find(text, reach(house), key="model_name_or_path")
        assert named.path is not None and named.path.is_dir()
    assert find("Qwen/Qwen2.5-7B", reach(house), key="model_name_or_path").hub == "Qwen/Qwen2.5-7B"


def test_and_nothing_else_whichever_way_it_is_written(house: Path) -> None:
    ann = house / "users" / "ann"
    (ann / "link").symlink_to(house / "users/bob/models/secret")
    (ann / "up").symlink_to("../../etc")
    (ann / "loop").symlink_to("loop")
    (ann / "their-run").symlink_to(house / "runs" / THEIRS)
    wrong = [
        "/etc", "/", str(house), "models/../../bob/models/secret", str(house / "users/bob/models/secret"), "link", "up", "loop",
        "their-run", str(house / f"runs/{THEIRS}/1/output"), str(house / "runs"), f"{house}/runs/../users/bob", "~root", "~",
        "/proc/self/root/etc",
        "/nowhere/at/all", "a\x00b", "${HOME}", "../ann2", str(house / f"runs/{MINE}/../{THEIRS}/1"),
    ]  # fmt: skip
    for text in wrong:
        with pytest.raises(InvalidInput) as error:
            find(text, reach(house), key="adapter_folder", hub=False)
        assert error.value.rule in {"path_not_allowed", "not_absolute", "not_there"}, text


def test_the_answer_does_not_tell_what_is_there(house: Path) -> None:
    answers = set()
    for name in ("secret", "no-such-thing"):
        with pytest.raises(InvalidInput) as error:
            find(str(house / "users/bob/models" / name), reach(house), key="model_name_or_path")
        answers.add(error.value.rule)
    assert answers == {"path_not_allowed"}


def test_who_sits_at_the_machine_uses_anything_that_is_there(house: Path) -> None:
    assert find(str(house / "users/bob"), reach(house, anywhere=True), key="model_name_or_path").path == house / "users/bob"
    with pytest.raises(InvalidInput) as error:
        find("/nowhere/at/all", reach(house, anywhere=True), key="model_name_or_path")
    assert error.value.rule == "not_there"


def test_every_path_of_the_options_is_looked_at(house: Path) -> None:
    (house / "users/ann/adapter").mkdir()
    options = {"model_name_or_path": "Qwen/Qwen2.5-7B", "adapter_name_or_path": f"adapter,{house}/shared/llama", "learning_rate": 1.0}
    resolved, paths = resolve_options(options, reach(house))
    assert resolved["adapter_name_or_path"] == f"{house}/users/ann/adapter,{house}/shared/llama"
    assert paths == (f"{house}/users/ann/adapter", f"{house}/shared/llama")
    for key in PATHS:
        with pytest.raises(InvalidInput) as error:
            resolve_options({key: "/etc/passwd"}, reach(house))
        assert error.value.field == key


def test_a_folder_that_was_swapped_is_noticed(house: Path) -> None:
    own = house / "users/ann/models/own"
    assert still_themselves((str(own),)) is None
    own.rmdir()
    assert still_themselves((str(own),)) == str(own)
    own.symlink_to(house / "users/bob/models/secret")
    assert still_themselves((str(own),)) == str(own)
