"""Drafts and options: what a person filled in as LLaMA-Factory reads it, and somebody's own file as a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from core.errors import InvalidInput
from core.training.configurations_fields import BY_NAME, DEFAULTS, FINETUNING, SWANLAB_MODES, matters
from core.training.configurations_types import Difference, Imported, Method, Remark, TrainingDraft
from core.training.deepspeed import stage_of_file
from core.training.environment_types import Catalogue
from core.training.options import check_options
from core.training.options_yaml import read_yaml

#: Fields that are options of the same name, in the order in which the file is best read.
_PLAIN: Final = (
    "cutoff_len",
    "max_samples",
    "packing",
    "train_on_prompt",
    "mask_history",
    "enable_thinking",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "seed",
    "neftune_noise_alpha",
    "flash_attn",
    "enable_liger_kernel",
    "logging_steps",
    "save_steps",
    "save_total_limit",
    "eval_steps",
    "per_device_eval_batch_size",
)
_LORA: Final = ("lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_rslora", "loraplus_lr_ratio")
_FREEZE: Final = ("freeze_trainable_layers", "freeze_trainable_modules")
_PREFERENCE: Final = ("pref_loss", "pref_beta", "pref_ftx", "kto_chosen_weight", "kto_rejected_weight")
#: Left out while they say what LLaMA-Factory thinks anyway.
_QUIET: Final[dict[str, Any]] = {
    "train_on_prompt": False,
    "mask_history": False,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "seed": 42,
    "flash_attn": "auto",
    "enable_liger_kernel": False,
    "use_rslora": False,
    "lora_dropout": 0.0,
    "pref_ftx": 0.0,
}
#: Options that make more than one field, or another one.
_MADE: Final = frozenset(
    str.split(
        "model_name_or_path adapter_name_or_path template stage finetuning_type use_dora quantization_bit quantization_method bf16 fp16 "
        "disable_gradient_checkpointing val_size eval_strategy evaluation_strategy warmup_ratio"
    )
)
#: Fields that may be None.
_OPTIONAL: Final = frozenset(each.name for each in fields(TrainingDraft) if each.default is None)
#: Old names of options, which LLaMA-Factory 0.9.5 refuses or warns of.
_RENAMED: Final = {
    "evaluation_strategy": "eval_strategy",
    "warmup_ratio": "warmup_steps",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
}


def draft_options(draft: TrainingDraft, *, with_extra: bool = True) -> dict[str, Any]:
    """The options of a draft, unchecked. Raises InvalidInput("extra", ...) where its YAML cannot be read (options_yaml.py)."""
    options: dict[str, Any] = {"model_name_or_path": draft.model_name_or_path}
    if draft.adapter_name_or_path and draft.method in ("lora", "qlora", "dora"):
        options["adapter_name_or_path"] = draft.adapter_name_or_path
    if draft.method == "qlora":
        options |= {"quantization_bit": int(draft.quantization_bit), "quantization_method": "bnb"}
    options |= {"stage": draft.stage, "finetuning_type": FINETUNING.get(draft.method, draft.method)}
    if draft.method == "dora":
        options["use_dora"] = True
    if draft.template:
        options["template"] = draft.template
    options |= _given(draft, _LORA) | _given(draft, _FREEZE) | _given(draft, _PREFERENCE) | _given(draft, _PLAIN)
    if draft.max_steps is not None:
        options.pop("num_train_epochs", None)
    if not draft.gradient_checkpointing:
        options["disable_gradient_checkpointing"] = True
    if draft.precision in ("bf16", "fp16"):
        options[draft.precision] = True
    options |= _evaluation(draft)
    return options | read_yaml(draft.extra, "extra") if with_extra and draft.extra.strip() else options


def _given(draft: TrainingDraft, names: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for name in names:
        value = getattr(draft, name)
        if value is not None and matters(BY_NAME[name], draft.method, draft.stage) and (name not in _QUIET or value != _QUIET[name]):
            found[name] = value
    return found


def _evaluation(draft: TrainingDraft) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if draft.val_size and not draft.eval_dataset_ids:
        options["val_size"] = draft.val_size
    strategy: str = draft.eval_strategy
    if strategy == "auto":
        strategy = "steps" if draft.val_size or draft.eval_dataset_ids else "no"
    return options | {"eval_strategy": strategy}


#: Options of the application's own that become fields.
_TAKEN_OVER: Final = ("dataset", "deepspeed", "use_swanlab", "swanlab_mode")


def imported(text: str, catalogue: Catalogue, *, unrestricted: bool) -> Imported:
    """A draft made of somebody's own file. Raises InvalidInput("yaml", ...) (options_yaml.py)."""
    values = read_yaml(text)
    remarks = [Remark("note", "comments_lost")] if "#" in text else []
    for old, new in _RENAMED.items():
        if old in values:
            value = values.pop(old)
            values.setdefault(new, value)
            remarks.append(Remark("note", "renamed", old, {"key": old, "new": new}))
    names = _names(values.get("dataset"))
    zero = _zero(values.get("deepspeed"))
    if "deepspeed" in values and not zero:
        remarks.append(Remark("warning", "deepspeed_unknown", "deepspeed", {"key": "deepspeed"}))
    clean, found = check_options(values, catalogue, unrestricted=unrestricted)
    remarks += [remark for remark in found if not (remark.rule == "ours" and remark.key in _TAKEN_OVER)]
    draft = replace(_draft_of(clean), deepspeed=zero or "none", swanlab=values.get("use_swanlab") is not False)
    if values.get("swanlab_mode") in SWANLAB_MODES:
        draft = replace(draft, swanlab_mode=values["swanlab_mode"])
    if rest := _rest(clean, draft):
        from core.training.planning import yaml_text

        draft = replace(draft, extra=yaml_text(rest))
    return Imported(draft, tuple(remarks), names)


def _names(value: Any) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(str(text).strip() for text in texts if str(text).strip())


def _zero(value: Any) -> Any:
    if isinstance(value, str):
        return stage_of_file(value.rpartition("/")[2])
    if isinstance(value, dict) and isinstance(zero := value.get("zero_optimization"), dict) and zero.get("stage") in (0, 2, 3):
        offload = "-offload" if zero.get("offload_optimizer") and zero["stage"] else ""
        return f"{zero['stage']}{offload}"
    return ""


def _rest(options: Mapping[str, Any], draft: TrainingDraft) -> dict[str, Any]:
    """The options that the draft's fields do not say."""
    shown = _fields_of(draft)
    rest = {name: value for name, value in options.items() if name not in _MADE and name not in shown}
    if options.get("use_dora") and draft.method != "dora":
        rest["use_dora"] = True
    if options.get("quantization_bit") and draft.method != "qlora":
        rest["quantization_bit"] = options["quantization_bit"]
    if options.get("quantization_method", "bnb") != "bnb":
        rest["quantization_method"] = options["quantization_method"]
    return rest


def _fields_of(draft: TrainingDraft) -> set[str]:
    """The options that are fields of the form for this method and stage; others stay YAML."""
    names = (*_PLAIN, *_LORA, *_FREEZE, *_PREFERENCE)
    return {name for name in names if matters(BY_NAME[name], draft.method, draft.stage)}


def _draft_of(options: Mapping[str, Any]) -> TrainingDraft:
    """The fields that `options` give. Where they are silent, what LLaMA-Factory would do."""
    method = _method(options)
    stage = options.get("stage", "sft")
    draft = replace(
        DEFAULTS,
        model_name_or_path=str(options.get("model_name_or_path") or ""),
        adapter_name_or_path=str(options.get("adapter_name_or_path") or ""),
        template=str(options.get("template") or ""),
        stage=stage,
        method=method,
        quantization_bit=options["quantization_bit"] if method == "qlora" else DEFAULTS.quantization_bit,
        precision="bf16" if options.get("bf16") else "fp16" if options.get("fp16") else "fp32",
        gradient_checkpointing=not options.get("disable_gradient_checkpointing", False),
        val_size=options.get("val_size") or None,
        eval_strategy=options.get("eval_strategy", "auto"),
        **_SILENT,
    )
    names = _fields_of(draft)
    return replace(draft, **{name: options[name] for name in names if options.get(name) is not None})


#: Of what a file does not say, where our own thought is another one.
_SILENT: Final[dict[str, Any]] = {
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0.0,
    "optim": "adamw_torch_fused",
    "per_device_eval_batch_size": 8,
}


def _method(options: Mapping[str, Any]) -> Method:
    kind = options.get("finetuning_type", "lora")
    if kind == "lora" and options.get("quantization_bit") in (4, 8):
        return "qlora"
    if kind == "lora" and options.get("use_dora"):
        return "dora"
    return kind if kind in FINETUNING else "lora"


def differences(before: TrainingDraft, after: TrainingDraft) -> tuple[Difference, ...]:
    """The fields that differ, in order; of `extra` key by key."""
    found = []
    for each in fields(TrainingDraft):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if each.name == "extra":
            found += _extra_differences(old, new)
        elif old != new:
            found.append(Difference(each.name, old, new))
    return tuple(found)


def _extra_differences(before: str, after: str) -> list[Difference]:
    try:
        old, new = read_yaml(before), read_yaml(after)
    except InvalidInput:
        return [Difference("extra", before, after)] if before != after else []
    keys = [*old, *(key for key in new if key not in old)]
    return [Difference(f"extra.{key}", old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def draft_to_json(draft: TrainingDraft) -> dict[str, Any]:
    """Every field as a plain value, also where it is as by default: a later version may think otherwise of that."""
    return asdict(draft)


def draft_from_json(values: Mapping[str, Any]) -> TrainingDraft:
    """A draft of what was stored; fields that this version does not know are left out."""
    known = {each.name for each in fields(TrainingDraft)}
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in known}
    return TrainingDraft(**found)


def changed(draft: TrainingDraft, changes: Mapping[str, Any]) -> TrainingDraft:
    """The draft with fields of it, or options, changed; None takes an option out. Raises InvalidInput("extra", ...)."""
    known = {each.name for each in fields(TrainingDraft)}
    direct = {name: value for name, value in changes.items() if name in known}
    others = {name: value for name, value in changes.items() if name not in known}
    draft = replace(draft, **direct)
    if not others:
        return draft
    from core.training.planning import yaml_text

    extra = {name: value for name, value in (read_yaml(draft.extra, "extra") | others).items() if value is not None}
    return replace(draft, extra=yaml_text(extra) if extra else "")


def draft_from_options(
    options: Mapping[str, Any], changes: Mapping[str, Any], *, deepspeed: str, swanlab: bool, swanlab_mode: str = "local"
) -> TrainingDraft:
    """The draft that a run's options stand for, with fields or options changed; None takes one out."""
    from core.training.planning import yaml_text

    draft = replace(_draft_of(options), deepspeed=deepspeed, swanlab=swanlab, swanlab_mode=swanlab_mode)  # type: ignore[arg-type]
    rest = _rest(options, draft)
    draft = replace(draft, extra=yaml_text(rest) if rest else "")
    known = {each.name for each in fields(TrainingDraft)}
    if changes.get("quantization_bit") in (4, 8) and draft.method in ("lora", "dora"):
        draft = replace(draft, method="qlora")
    wanted = {name: value for name, value in changes.items() if value is not None or name not in known or name in _OPTIONAL}
    wanted |= {name: getattr(DEFAULTS, name) for name, value in changes.items() if value is None and name in known - _OPTIONAL}
    return changed(draft, {name: tuple(value) if isinstance(value, list) else value for name, value in wanted.items()})
