"""Limits of options, inclusive; None for no limit. LLaMA-Factory has none of its own: these are what its code and transformers' accept.

Where an upper limit is ours, it is what no sensible run exceeds and what one person may ask of a shared machine.
"""

from __future__ import annotations

from typing import Final

RANGES: Final[dict[str, tuple[float | None, float | None]]] = {
    "cutoff_len": (16, 1_048_576),
    "max_samples": (1, None),
    "val_size": (0, 1_000_000),
    "num_train_epochs": (0.01, 1000),
    "max_steps": (-1, 100_000_000),
    "per_device_train_batch_size": (1, 4096),
    "per_device_eval_batch_size": (1, 4096),
    "gradient_accumulation_steps": (1, 65_536),
    "learning_rate": (0, 1),
    "warmup_steps": (0, 10_000_000),
    "warmup_ratio": (0, 1),
    "weight_decay": (0, 1),
    "max_grad_norm": (0, 1000),
    "seed": (0, 2**32 - 1),
    "data_seed": (0, 2**32 - 1),
    "neftune_noise_alpha": (0, 100),
    "label_smoothing_factor": (0, 1),
    "adam_beta1": (0, 1),
    "adam_beta2": (0, 1),
    "adam_epsilon": (0, 1),
    "logging_steps": (0.0001, 1_000_000),
    "save_steps": (0.0001, 100_000_000),
    "eval_steps": (0.0001, 100_000_000),
    "save_total_limit": (1, 1000),
    "lora_rank": (1, 4096),
    "lora_alpha": (1, 65_536),
    "lora_dropout": (0, 0.99),
    "loraplus_lr_ratio": (0, 1000),
    "oft_block_size": (0, 4096),
    "oft_rank": (0, 4096),
    "module_dropout": (0, 0.99),
    "freeze_trainable_layers": (-1000, 1000),
    "pref_beta": (0, 100),
    "pref_ftx": (0, 100),
    "dpo_label_smoothing": (0, 0.5),
    "simpo_gamma": (0, 100),
    "kto_chosen_weight": (0, 100),
    "kto_rejected_weight": (0, 100),
    "dataloader_num_workers": (0, 64),
    "dataloader_prefetch_factor": (1, 64),
    "preprocessing_num_workers": (1, 128),
    "preprocessing_batch_size": (1, 100_000),
    "buffer_size": (1, 10_000_000),
    "early_stopping_steps": (1, 1_000_000),
    "ddp_timeout": (1, 10_000_000),
}
