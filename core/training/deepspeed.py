"""DeepSpeed's files: ZeRO stages with and without offload, every number left to the trainer ("auto").

After examples/deepspeed of LLaMA-Factory 0.9.5 and the DeepSpeed page of the documentation of transformers.
"""

from __future__ import annotations

import json
from typing import Any, Final

from core.errors import InvalidInput

STAGES: Final = ("0", "2", "2-offload", "3", "3-offload")
_BASE: Final[dict[str, Any]] = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "zero_allow_untested_optimizer": True,
    "fp16": {
        "enabled": "auto",
        "loss_scale": 0,
        "loss_scale_window": 1000,
        "initial_scale_power": 16,
        "hysteresis": 2,
        "min_loss_scale": 1,
    },
    "bf16": {"enabled": "auto"},
}
_ON_CPU: Final = {"device": "cpu", "pin_memory": True}
_BUCKETS: Final[dict[str, Any]] = {
    "allgather_partitions": True,
    "allgather_bucket_size": 500_000_000,
    "overlap_comm": False,
    "reduce_scatter": True,
    "reduce_bucket_size": 500_000_000,
    "contiguous_gradients": True,
    "round_robin_gradients": True,
}
_THREE: Final[dict[str, Any]] = {
    "overlap_comm": False,
    "contiguous_gradients": True,
    "sub_group_size": 1_000_000_000,
    "reduce_bucket_size": "auto",
    "stage3_prefetch_bucket_size": "auto",
    "stage3_param_persistence_threshold": "auto",
    "stage3_max_live_parameters": 1_000_000_000,
    "stage3_max_reuse_distance": 1_000_000_000,
    "stage3_gather_16bit_weights_on_model_save": True,
}


def deepspeed_file(stage: str) -> tuple[str, str]:
    """Name and text of the file for a stage of STAGES. Raises InvalidInput("deepspeed", "not_a_choice")."""
    if stage not in STAGES:
        raise InvalidInput("deepspeed", "not_a_choice", choices=STAGES)
    number, _, offload = stage.partition("-")
    zero: dict[str, Any] = {"stage": int(number)} | (_THREE if number == "3" else _BUCKETS)
    if offload:
        zero["offload_optimizer"] = _ON_CPU
        if number == "3":
            zero["offload_param"] = _ON_CPU
    name = f"ds_z{number}{'_offload' if offload else ''}.json"
    return name, json.dumps(_BASE | {"zero_optimization": zero}, indent=2) + "\n"


def stage_of_file(name: str) -> str:
    """The stage that a file of somebody's own is named after ("ds_z3_offload_config.json"), "" where the name does not say."""
    text = name.lower()
    for number in ("3", "2", "0"):
        if f"z{number}" in text or f"zero{number}" in text or f"zero-{number}" in text or f"stage{number}" in text:
            return f"{number}-offload" if "offload" in text and number != "0" else number
    return ""
