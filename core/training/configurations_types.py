"""Training configurations as plain values: what a person fills in, what is saved, what can be said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["sft", "pt", "rm", "dpo", "kto", "ppo"]
#: `qlora` is LoRA over a quantised model and `dora` LoRA with use_dora: LLaMA-Factory calls all three lora.
Method = Literal["lora", "qlora", "dora", "full", "freeze", "oft"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]
#: Where SwanLab writes: its dashboard on this machine, files to be uploaded later, its cloud.
SwanlabMode = Literal["local", "offline", "cloud"]
#: DeepSpeed's ZeRO stage, with the optimizer (and for 3 the weights) in the machine's memory where it says so.
ZeRO = Literal["none", "0", "2", "2-offload", "3", "3-offload"]


@dataclass(frozen=True, slots=True)
class TrainingDraft:
    """What a person filled in. Names are LLaMA-Factory's own where it has one; None means "as LLaMA-Factory or we think best".

    `dataset_ids`: datasets to train on (may be empty: then they are chosen at the start); `eval_dataset_ids`: to evaluate on.
    `val_size`: share (below 1) or number of samples set aside for evaluation. `warmup_steps`: a share of all steps when below 1.
    `max_steps` wins over `num_train_epochs`. `save_steps`, `logging_steps`, `eval_steps`: in optimizer steps.
    `extra`: YAML of everything else; it wins over the fields above.
    """

    name: str = ""
    note: str = ""
    model_name_or_path: str = ""
    template: str = ""
    stage: Stage = "sft"
    method: Method = "lora"
    dataset_ids: tuple[str, ...] = ()
    eval_dataset_ids: tuple[str, ...] = ()
    adapter_name_or_path: str = ""
    # Data
    cutoff_len: int = 2048
    max_samples: int | None = None
    val_size: float | None = None
    packing: bool | None = None
    train_on_prompt: bool = False
    mask_history: bool = False
    enable_thinking: bool | None = None
    # Course
    num_train_epochs: float = 3.0
    max_steps: int | None = None
    per_device_train_batch_size: int = 1
    gradient_accumulation_steps: int = 8
    learning_rate: float = 1e-4
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    optim: str = "adamw_torch"
    seed: int = 42
    neftune_noise_alpha: float | None = None
    # Memory and speed
    precision: Precision = "auto"
    gradient_checkpointing: bool = True
    flash_attn: str = "auto"
    enable_liger_kernel: bool = False
    deepspeed: ZeRO = "none"
    # LoRA and its kin
    lora_rank: int = 8
    lora_alpha: int | None = None
    lora_dropout: float = 0.0
    lora_target: str = "all"
    use_rslora: bool = False
    loraplus_lr_ratio: float | None = None
    quantization_bit: int = 4
    # Freeze
    freeze_trainable_layers: int = 2
    freeze_trainable_modules: str = "all"
    # Preferences
    pref_loss: str = "sigmoid"
    pref_beta: float = 0.1
    pref_ftx: float = 0.0
    kto_chosen_weight: float = 1.0
    kto_rejected_weight: float = 1.0
    # Saving and watching
    logging_steps: int | None = None
    save_steps: int | None = None
    save_total_limit: int | None = None
    eval_strategy: Literal["auto", "no", "steps", "epoch"] = "auto"
    eval_steps: int | None = None
    per_device_eval_batch_size: int = 1
    swanlab: bool = True
    swanlab_mode: SwanlabMode = "local"
    extra: str = ""


FieldKind = Literal["text", "model", "template", "choice", "int", "float", "bool", "yaml", "datasets"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of the form. `name`: of TrainingDraft. `option`: LLaMA-Factory's option it becomes, "" where it is ours.

    `methods`, `stages`: where it means something (empty: everywhere). `optional`: may be left empty (None). Limits are inclusive.
    `advanced`: shown when asked for. `help`: LLaMA-Factory's own words for it from the catalogue, "" where it has none.
    """

    name: str
    group: Literal["what", "data", "course", "memory", "lora", "freeze", "preference", "watching", "extra"]
    kind: FieldKind
    option: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False
    advanced: bool = False
    methods: tuple[Method, ...] = ()
    stages: tuple[Stage, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a draft or an imported file. `level`: what an error is may not be saved or started.

    `rule`: unknown_key (`key`, `near`), ours (`key`: set by the application), denied (`key`), not_yaml (`line`, `column`), out_of_range
    (`key`, `minimum`, `maximum`), wrong_type (`key`, `expected`), not_a_choice (`key`, `near`), ... `key`: the option or field, or "".
    """

    level: Literal["error", "warning", "note"]
    rule: str
    key: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """A draft made of somebody's own YAML, and what could not be taken over. `dataset_names`: as the file names them."""

    draft: TrainingDraft
    remarks: tuple[Remark, ...] = ()
    dataset_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingConfiguration:
    """A saved one. Times in milliseconds since the epoch. `shared`: everybody may read and copy it; `mine`: for who asks."""

    id: str
    name: str
    note: str
    draft: TrainingDraft
    version: int
    shared: bool
    mine: bool
    owner_name: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class TrainingVersion:
    """One state that a configuration was in; never changed."""

    version: int
    draft: TrainingDraft
    created_at: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that two versions differ in; None where it was not set."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Preset:
    """A starting point. `id`: "lora-sft", ...; the application has a sentence for each."""

    id: str
    method: Method
    stage: Stage
    draft: TrainingDraft


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What fits. `changes`: fields of TrainingDraft; `total`: bytes needed on each GPU with them, `free`: bytes there are.

    `fits`: whether anything did; else the changes are those that need least.
    """

    method: Method
    changes: Mapping[str, Any]
    total: int
    free: int
    fits: bool
