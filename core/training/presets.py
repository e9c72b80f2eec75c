"""Starting points for each method and stage. Numbers after the examples of LLaMA-Factory 0.9.5 (examples/train_*), batches for one GPU."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

from core.training.configurations_types import Method, Preset, Stage, TrainingDraft

#: Learning rates by method: adapters bear ten times what the weights themselves do.
_RATES: Final[dict[Method, float]] = {"lora": 1e-4, "qlora": 1e-4, "dora": 1e-4, "freeze": 2e-5, "full": 1e-5}
#: What a stage changes; learning rates are factors of the method's.
_STAGES: Final[dict[Stage, dict[str, Any]]] = {
    "sft": {"num_train_epochs": 3.0},
    "pt": {"num_train_epochs": 1.0, "packing": True},
    "rm": {"num_train_epochs": 1.0, "val_size": 0.05},
    "dpo": {"num_train_epochs": 3.0, "pref_loss": "sigmoid", "pref_beta": 0.1},
    "kto": {"num_train_epochs": 3.0, "pref_beta": 0.1},
}
#: Preferences pull harder than examples: smaller steps.
_CAREFUL: Final = {"dpo": 0.05, "kto": 0.05}
_METHODS: Final[dict[Method, dict[str, Any]]] = {
    "lora": {"lora_rank": 8},
    "qlora": {"lora_rank": 8, "quantization_bit": 4},
    "dora": {"lora_rank": 8},
    "freeze": {"freeze_trainable_layers": 2},
    "full": {"deepspeed": "3", "optim": "adamw_torch"},
}


@cache
def presets() -> tuple[Preset, ...]:
    """All of them, the usual first."""
    return tuple(Preset(f"{method}-{stage}", method, stage, _draft(method, stage)) for stage in _STAGES for method in _METHODS)


def _draft(method: Method, stage: Stage) -> TrainingDraft:
    rate = _RATES[method] * (_CAREFUL.get(stage, 1.0) if method in ("lora", "qlora", "dora") else _CAREFUL.get(stage, 1.0) * 2)
    if stage not in _CAREFUL:
        rate = _RATES[method]
    draft = TrainingDraft(method=method, stage=stage, learning_rate=float(f"{rate:.1e}"))
    return replace(draft, **_METHODS[method], **_STAGES[stage])
