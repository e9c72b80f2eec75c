"""What the application knows of LLaMA-Factory without any training environment: enough to write a configuration, marked as such."""

from __future__ import annotations

from functools import cache
from typing import Final

from core.training.environment_folder import LLAMAFACTORY
from core.training.environment_types import Catalogue, KnownModel, Option, OptionType
from core.training.ranges import RANGES

STAGES: Final = ("sft", "pt", "rm", "dpo", "kto", "ppo")
METHODS: Final = ("lora", "freeze", "full", "oft")
#: PPO of LLaMA-Factory 0.9.5 imports what trl has not had since 0.10, while it requires trl 0.18 and later: it cannot start.
UNAVAILABLE: Final = {"ppo": "ppo_not_in_this_version"}
TEMPLATES: Final = tuple(
    str.split(
        "alpaca chatglm3 chatml chatml_de deepseek deepseek3 deepseekr1 default empty fewshot gemma gemma2 gemma3 glm4 gpt_oss "
        "intern2 llama2 llama3 llama4 mistral mistral_small phi phi4 qwen qwen3 qwen3_nothink vicuna yi zephyr"
    )
)
_MODELS: Final = (
    ("Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct", "qwen"),
    ("Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "qwen"),
    ("Qwen3-4B-Instruct-2507", "Qwen/Qwen3-4B-Instruct-2507", "qwen3_nothink"),
    ("Qwen3-8B-Thinking", "Qwen/Qwen3-8B", "qwen3"),
    ("Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct", "llama3"),
    ("Llama-3.2-1B-Instruct", "meta-llama/Llama-3.2-1B-Instruct", "llama3"),
    ("Gemma-2-2B-Instruct", "google/gemma-2-2b-it", "gemma2"),
    ("Mistral-7B-Instruct-v0.3", "mistralai/Mistral-7B-Instruct-v0.3", "mistral"),
)
_SCHEDULERS: Final = str.split(
    "linear cosine cosine_with_restarts polynomial constant constant_with_warmup inverse_sqrt reduce_lr_on_plateau"
)
_OPTIMIZERS: Final = str.split("adamw_torch adamw_torch_fused adamw_bnb_8bit paged_adamw_32bit paged_adamw_8bit adafactor lion_32bit sgd")
#: name: (group, type, default, choices)
_OPTIONS: Final[dict[str, tuple[str, OptionType, object, tuple[str, ...]]]] = {
    "model_name_or_path": ("model", "str", None, ()),
    "adapter_name_or_path": ("model", "str", None, ()),
    "flash_attn": ("model", "choice", "auto", ("auto", "disabled", "sdpa", "fa2", "fa3")),
    "enable_liger_kernel": ("model", "bool", False, ()),
    "disable_gradient_checkpointing": ("model", "bool", False, ()),
    "quantization_bit": ("model", "int", None, ()),
    "quantization_type": ("model", "choice", "nf4", ("fp4", "nf4")),
    "quantization_method": ("model", "choice", "bnb", ("bnb", "gptq", "awq", "aqlm", "quanto", "eetq", "hqq", "mxfp4", "fp8")),
    "double_quantization": ("model", "bool", True, ()),
    "template": ("data", "str", None, ()),
    "cutoff_len": ("data", "int", 2048, ()),
    "max_samples": ("data", "int", None, ()),
    "val_size": ("data", "float", 0.0, ()),
    "preprocessing_num_workers": ("data", "int", None, ()),
    "packing": ("data", "bool", None, ()),
    "train_on_prompt": ("data", "bool", False, ()),
    "mask_history": ("data", "bool", False, ()),
    "enable_thinking": ("data", "bool", True, ()),
    "num_train_epochs": ("training", "float", 3.0, ()),
    "max_steps": ("training", "int", -1, ()),
    "per_device_train_batch_size": ("training", "int", 8, ()),
    "per_device_eval_batch_size": ("training", "int", 8, ()),
    "gradient_accumulation_steps": ("training", "int", 1, ()),
    "learning_rate": ("training", "float", 5e-5, ()),
    "lr_scheduler_type": ("training", "choice", "linear", tuple(_SCHEDULERS)),
    "warmup_steps": ("training", "float", 0.0, ()),
    "warmup_ratio": ("training", "float", None, ()),
    "weight_decay": ("training", "float", 0.0, ()),
    "max_grad_norm": ("training", "float", 1.0, ()),
    "optim": ("training", "choice", "adamw_torch_fused", tuple(_OPTIMIZERS)),
    "seed": ("training", "int", 42, ()),
    "neftune_noise_alpha": ("training", "float", None, ()),
    "bf16": ("training", "bool", False, ()),
    "fp16": ("training", "bool", False, ()),
    "logging_steps": ("training", "float", 500, ()),
    "save_steps": ("training", "float", 500, ()),
    "save_strategy": ("training", "choice", "steps", ("no", "steps", "epoch", "best")),
    "save_total_limit": ("training", "int", None, ()),
    "ddp_timeout": ("training", "int", 1800, ()),
    "dataloader_num_workers": ("training", "int", 0, ()),
    "gradient_checkpointing": ("training", "bool", False, ()),
    "do_eval": ("training", "bool", False, ()),
    "eval_strategy": ("training", "choice", "no", ("no", "steps", "epoch")),
    "eval_steps": ("training", "float", None, ()),
    "stage": ("finetuning", "choice", "sft", STAGES),
    "finetuning_type": ("finetuning", "choice", "lora", METHODS),
    "lora_rank": ("finetuning", "int", 8, ()),
    "lora_alpha": ("finetuning", "int", None, ()),
    "lora_dropout": ("finetuning", "float", 0.0, ()),
    "lora_target": ("finetuning", "str", "all", ()),
    "use_rslora": ("finetuning", "bool", False, ()),
    "use_dora": ("finetuning", "bool", False, ()),
    "loraplus_lr_ratio": ("finetuning", "float", None, ()),
    "freeze_trainable_layers": ("finetuning", "int", 2, ()),
    "freeze_trainable_modules": ("finetuning", "str", "all", ()),
    "pref_loss": ("finetuning", "choice", "sigmoid", ("sigmoid", "hinge", "ipo", "kto_pair", "orpo", "simpo")),
    "pref_beta": ("finetuning", "float", 0.1, ()),
    "pref_ftx": ("finetuning", "float", 0.0, ()),
    "kto_chosen_weight": ("finetuning", "float", 1.0, ()),
    "kto_rejected_weight": ("finetuning", "float", 1.0, ()),
}


@cache
def shipped() -> Catalogue:
    """A small catalogue; an option that is not in it may well exist."""
    options = {}
    for name, (group, kind, default, choices) in _OPTIONS.items():
        minimum, maximum = RANGES.get(name, (None, None))
        options[name] = Option(name, group, kind, default, choices, minimum, maximum, optional=default is None)
    models = tuple(KnownModel(name, hub, template) for name, hub, template in _MODELS)
    return Catalogue("shipped", LLAMAFACTORY, models, TEMPLATES, STAGES, METHODS, options, UNAVAILABLE)
