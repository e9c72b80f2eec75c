"""The fields of a training configuration: which there are, where they mean something, what they take, which option they become."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.training.configurations_types import FieldSpec, Method, Stage, TrainingDraft
from core.training.deepspeed import STAGES as ZERO_STAGES
from core.training.environment_types import Catalogue
from core.training.ranges import RANGES

#: What LLaMA-Factory calls the methods.
FINETUNING: Final[dict[Method, str]] = {"lora": "lora", "qlora": "lora", "dora": "lora", "full": "full", "freeze": "freeze", "oft": "oft"}
METHODS: Final[tuple[Method, ...]] = ("lora", "qlora", "dora", "full", "freeze")
STAGES: Final[tuple[Stage, ...]] = ("sft", "pt", "rm", "dpo", "kto")
_LORA: Final[tuple[Method, ...]] = ("lora", "qlora", "dora")
_TEXT_STAGES: Final[tuple[Stage, ...]] = ("sft",)
#: The first is what a run does where nobody chose.
SWANLAB_MODES: Final = ("local", "offline", "cloud")
_PRECISIONS: Final = ("auto", "bf16", "fp16", "fp32")


def _field(name: str, group: str, kind: str, **more: object) -> FieldSpec:
    option = more.pop("option", name)
    return FieldSpec(name, group, kind, option=option, **more)  # type: ignore[arg-type]


FIELDS: Final[tuple[FieldSpec, ...]] = (
    _field("name", "what", "text", option=""),
    _field("note", "what", "text", option="", optional=True),
    _field("model_name_or_path", "what", "model"),
    _field("template", "what", "template"),
    _field("stage", "what", "choice", choices=STAGES),
    _field("method", "what", "choice", choices=METHODS, option="finetuning_type"),
    _field("adapter_name_or_path", "what", "text", optional=True, advanced=True, methods=_LORA),
    _field("dataset_ids", "data", "datasets", option="dataset", optional=True),
    _field("eval_dataset_ids", "data", "datasets", option="eval_dataset", optional=True, advanced=True),
    _field("val_size", "data", "float", optional=True),
    _field("cutoff_len", "data", "int"),
    _field("max_samples", "data", "int", optional=True),
    _field("packing", "data", "bool", optional=True, advanced=True, stages=("sft", "pt")),
    _field("train_on_prompt", "data", "bool", advanced=True, stages=_TEXT_STAGES),
    _field("mask_history", "data", "bool", advanced=True, stages=_TEXT_STAGES),
    _field("enable_thinking", "data", "bool", optional=True, advanced=True, stages=_TEXT_STAGES),
    _field("num_train_epochs", "course", "float"),
    _field("max_steps", "course", "int", optional=True, minimum=1),
    _field("per_device_train_batch_size", "course", "int"),
    _field("gradient_accumulation_steps", "course", "int"),
    _field("learning_rate", "course", "float"),
    _field("lr_scheduler_type", "course", "choice"),
    _field("warmup_steps", "course", "float"),
    _field("weight_decay", "course", "float", advanced=True),
    _field("max_grad_norm", "course", "float", advanced=True),
    _field("optim", "course", "choice", advanced=True),
    _field("seed", "course", "int", advanced=True),
    _field("neftune_noise_alpha", "course", "float", optional=True, advanced=True, stages=_TEXT_STAGES),
    _field("quantization_bit", "memory", "choice", choices=("4", "8"), methods=("qlora",)),
    _field("precision", "memory", "choice", choices=_PRECISIONS, option="bf16"),
    _field("gradient_checkpointing", "memory", "bool", option="disable_gradient_checkpointing"),
    _field("deepspeed", "memory", "choice", choices=("none", *ZERO_STAGES)),
    _field("flash_attn", "memory", "choice", advanced=True),
    _field("enable_liger_kernel", "memory", "bool", advanced=True),
    _field("lora_rank", "lora", "int", methods=_LORA),
    _field("lora_alpha", "lora", "int", optional=True, methods=_LORA),
    _field("lora_dropout", "lora", "float", methods=_LORA),
    _field("lora_target", "lora", "text", methods=_LORA),
    _field("use_rslora", "lora", "bool", advanced=True, methods=_LORA),
    _field("loraplus_lr_ratio", "lora", "float", optional=True, advanced=True, methods=_LORA),
    _field("freeze_trainable_layers", "freeze", "int", methods=("freeze",)),
    _field("freeze_trainable_modules", "freeze", "text", methods=("freeze",)),
    _field("pref_loss", "preference", "choice", stages=("dpo",)),
    _field("pref_beta", "preference", "float", stages=("dpo", "kto")),
    _field("pref_ftx", "preference", "float", advanced=True, stages=("dpo", "kto")),
    _field("kto_chosen_weight", "preference", "float", stages=("kto",)),
    _field("kto_rejected_weight", "preference", "float", stages=("kto",)),
    _field("logging_steps", "watching", "int", optional=True, advanced=True, minimum=1),
    _field("save_steps", "watching", "int", optional=True, minimum=1),
    _field("save_total_limit", "watching", "int", optional=True),
    _field("eval_strategy", "watching", "choice", choices=("auto", "no", "steps", "epoch")),
    _field("eval_steps", "watching", "int", optional=True, advanced=True, minimum=1),
    _field("per_device_eval_batch_size", "watching", "int", advanced=True),
    _field("swanlab", "watching", "bool", option="use_swanlab"),
    _field("swanlab_mode", "watching", "choice", choices=SWANLAB_MODES, advanced=True),
    _field("extra", "extra", "yaml", option="", optional=True),
)
BY_NAME: Final = {spec.name: spec for spec in FIELDS}
DEFAULTS: Final = TrainingDraft()


def matters(spec: FieldSpec, method: Method, stage: Stage) -> bool:
    """Whether the field means something there."""
    return (not spec.methods or method in spec.methods) and (not spec.stages or stage in spec.stages)


def fields_for(method: Method, stage: Stage, catalogue: Catalogue) -> tuple[FieldSpec, ...]:
    """The fields of a form, with choices, ranges and help of the installed version."""
    return tuple(described(spec, catalogue) for spec in FIELDS if matters(spec, method, stage))


def described(spec: FieldSpec, catalogue: Catalogue) -> FieldSpec:
    option = catalogue.options.get(spec.option)
    minimum, maximum = RANGES.get(spec.option, (None, None)) if spec.kind in ("int", "float") else (None, None)
    choices = spec.choices or (option.choices if option is not None and spec.kind == "choice" else ())
    if spec.kind == "template":
        choices = catalogue.templates
    return replace(
        spec,
        choices=choices,
        minimum=spec.minimum if spec.minimum is not None else minimum,
        maximum=spec.maximum if spec.maximum is not None else maximum,
        help=option.help if option is not None else "",
    )
