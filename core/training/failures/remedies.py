"""Remedies with values made from what the run was configured with. Each gives the changes that the form is filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.training.failures.types import Evidence, Remedy

#: Below these a change would cost more than it saves.
LEAST_CUTOFF = 256
#: What LLaMA-Factory takes where the configuration says nothing.
DEFAULT_BATCH, DEFAULT_ACCUMULATION, DEFAULT_CUTOFF, DEFAULT_RATE = 8, 1, 2048, 5e-5


def number(options: Mapping[str, Any], name: str, default: float) -> float:
    """An option as a number; `default` where it is missing or none."""
    try:
        return float(options.get(name, default))
    except (TypeError, ValueError):
        return default


def is_true(options: Mapping[str, Any], name: str) -> bool:
    return str(options.get(name, False)).casefold() in {"true", "1", "yes"}


def smaller_batch(evidence: Evidence) -> list[Remedy]:
    """Half the batch with twice the accumulation: the same steps with less memory."""
    batch = int(number(evidence.options, "per_device_train_batch_size", DEFAULT_BATCH))
    if batch <= 1:
        return []
    accumulation = int(number(evidence.options, "gradient_accumulation_steps", DEFAULT_ACCUMULATION))
    half = batch // 2
    changes = {"per_device_train_batch_size": half, "gradient_accumulation_steps": -(-batch * accumulation // half)}
    return [Remedy("smaller_batch", changes, {"before": batch, "after": half, "accumulation": changes["gradient_accumulation_steps"]})]


def less_memory(evidence: Evidence, *, on_gpu: bool = True) -> tuple[Remedy, ...]:
    """What makes a training fit, the cheapest first."""
    options = evidence.options
    found = smaller_batch(evidence)
    if is_true(options, "disable_gradient_checkpointing"):
        found.append(Remedy("gradient_checkpointing", {"disable_gradient_checkpointing": False}))
    cutoff = int(number(options, "cutoff_len", DEFAULT_CUTOFF))
    if cutoff > LEAST_CUTOFF:
        found.append(Remedy("shorter_cutoff", {"cutoff_len": max(LEAST_CUTOFF, cutoff // 2)}, {"before": cutoff, "after": cutoff // 2}))
    if not is_true(options, "enable_liger_kernel") and on_gpu:
        found.append(Remedy("liger_kernel", {"enable_liger_kernel": True}))
    found += _lighter_method(options, on_gpu=on_gpu)
    if evidence.gpus > 1 and not options.get("deepspeed"):
        found.append(Remedy("shard_over_gpus", {"deepspeed": "z3"}))
    elif on_gpu and not evidence.gpus > 1:
        found.append(Remedy("more_gpus"))
    return tuple(found)


def _lighter_method(options: Mapping[str, Any], *, on_gpu: bool) -> list[Remedy]:
    method = str(options.get("finetuning_type", "lora"))
    if method in {"full", "freeze"}:
        return [Remedy("lora", {"finetuning_type": "lora"})]
    if on_gpu and method == "lora" and not options.get("quantization_bit"):
        return [Remedy("qlora", {"quantization_bit": 4, "quantization_method": "bnb"})]
    return []


def calmer(evidence: Evidence) -> tuple[Remedy, ...]:
    """Against a loss that runs away."""
    options = evidence.options
    rate = number(options, "learning_rate", DEFAULT_RATE)
    found = [Remedy("lower_rate", {"learning_rate": _short(rate / 10)}, {"before": _short(rate), "after": _short(rate / 10)})]
    if number(options, "warmup_ratio", 0) <= 0 and number(options, "warmup_steps", 0) <= 0:
        found.append(Remedy("warm_up", {"warmup_ratio": 0.1}))
    if number(options, "max_grad_norm", 1.0) > 1.0 or number(options, "max_grad_norm", 1.0) == 0:
        found.append(Remedy("clip_gradients", {"max_grad_norm": 1.0}))
    if is_true(options, "fp16"):
        found.append(Remedy("bf16", {"fp16": False, "bf16": True}))
    return tuple(found)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def fewer_checkpoints(evidence: Evidence) -> tuple[Remedy, ...]:
    """Against a full disk."""
    options = evidence.options
    found = [Remedy("free_disk")]
    if number(options, "save_total_limit", 0) not in (1, 2):
        found.append(Remedy("keep_fewer_checkpoints", {"save_total_limit": 2}))
    steps = int(number(options, "save_steps", 500))
    found.append(Remedy("save_less_often", {"save_steps": steps * 2}, {"before": steps, "after": steps * 2}))
    return tuple(found)
