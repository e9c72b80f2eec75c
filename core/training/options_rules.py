"""Options that do not go together: what LLaMA-Factory itself refuses after half a minute, said at once.

After hparams/parser.py (get_train_args, _verify_model_args) and __post_init__ of finetuning_args.py and data_args.py of version 0.9.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.training.configurations_types import Remark

Options = Mapping[str, Any]


def _lora(options: Options) -> bool:
    return str(options.get("finetuning_type", "lora")) == "lora"


def _stage(options: Options) -> str:
    return str(options.get("stage", "sft"))


def _reference(options: Options) -> bool:
    return _stage(options) == "dpo" and options.get("pref_loss", "sigmoid") not in ("orpo", "simpo")


def _several(options: Options) -> bool:
    return sum(bool(options.get(name)) for name in ("use_galore", "use_apollo", "use_badam")) > 0


#: rule: (options that it names, whether it is broken)
RULES: Final[dict[str, tuple[tuple[str, ...], Callable[[Options], bool]]]] = {
    "adapter_needs_lora": (("adapter_name_or_path", "finetuning_type"), lambda o: bool(o.get("adapter_name_or_path")) and not _lora(o)),
    "quantization_needs_lora": (
        ("quantization_bit", "finetuning_type"),
        lambda o: bool(o.get("quantization_bit")) and o.get("finetuning_type", "lora") not in ("lora", "oft"),
    ),
    "quantization_and_resize": (("quantization_bit", "resize_vocab"), lambda o: bool(o.get("quantization_bit") and o.get("resize_vocab"))),
    "quantization_and_pissa": (("quantization_bit", "pissa_init"), lambda o: bool(o.get("quantization_bit") and o.get("pissa_init"))),
    "quantization_and_fp8": (("quantization_bit", "fp8"), lambda o: bool(o.get("quantization_bit") and o.get("fp8"))),
    "two_precisions": (("bf16", "fp16"), lambda o: bool(o.get("bf16") and o.get("fp16"))),
    "only_sft": (
        ("stage", "neat_packing", "train_on_prompt", "mask_history"),
        lambda o: _stage(o) != "sft" and any(o.get(name) for name in ("neat_packing", "train_on_prompt", "mask_history")),
    ),
    "prompt_and_history": (("train_on_prompt", "mask_history"), lambda o: bool(o.get("train_on_prompt") and o.get("mask_history"))),
    "best_model_not_here": (
        ("stage", "load_best_model_at_end"),
        lambda o: _stage(o) == "rm" and bool(o.get("load_best_model_at_end")),
    ),
    "best_model_needs_evaluation": (
        ("load_best_model_at_end", "eval_strategy"),
        lambda o: bool(o.get("load_best_model_at_end")) and o.get("eval_strategy", "no") != o.get("save_strategy", "steps"),
    ),
    "smoothing_needs_sigmoid": (
        ("dpo_label_smoothing", "pref_loss"),
        lambda o: _stage(o) == "dpo" and o.get("pref_loss", "sigmoid") != "sigmoid" and float(o.get("dpo_label_smoothing") or 0) > 1e-6,
    ),
    "galore_and_lora": (("finetuning_type", "use_galore", "use_apollo", "use_badam"), lambda o: _lora(o) and _several(o)),
    "pissa_not_here": (
        ("pissa_init", "stage"),
        lambda o: bool(o.get("pissa_init")) and (_stage(o) in ("ppo", "kto") or _reference(o)),
    ),
    "only_lora": (
        ("finetuning_type", "loraplus_lr_ratio", "use_rslora", "use_dora", "pissa_init"),
        lambda o: not _lora(o) and any(o.get(name) for name in ("loraplus_lr_ratio", "use_rslora", "use_dora", "pissa_init")),
    ),
    "llama_pro_and_full": (
        ("use_llama_pro", "finetuning_type"),
        lambda o: bool(o.get("use_llama_pro")) and o.get("finetuning_type") == "full",
    ),
    "streaming_needs_steps": (("streaming", "max_steps"), lambda o: bool(o.get("streaming")) and int(o.get("max_steps") or -1) < 1),
    "streaming_val_size": (
        ("streaming", "val_size"),
        lambda o: bool(o.get("streaming")) and 1e-6 < float(o.get("val_size") or 0) < 1,
    ),
    "streaming_and_max_samples": (("streaming", "max_samples"), lambda o: bool(o.get("streaming") and o.get("max_samples"))),
    "probs_need_interleave": (
        ("interleave_probs", "mix_strategy"),
        lambda o: bool(o.get("interleave_probs")) and o.get("mix_strategy", "concat") == "concat",
    ),
}


def conflicts(options: Options) -> tuple[Remark, ...]:
    """What does not go together. `fields["keys"]` names the options; the remark belongs to the first of them that is set."""
    found = []
    for rule, (keys, broken) in RULES.items():
        if broken(options):
            given = tuple(key for key in keys if options.get(key))
            found.append(Remark("error", rule, given[0] if given else keys[0], {"keys": given or keys}))
    return tuple(found)
