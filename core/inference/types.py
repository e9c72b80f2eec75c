"""Models on this machine: base models, adapters, checkpoints, merged models, and what it takes to serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.managed.types import Service

TargetKind = Literal["base", "adapter", "checkpoint", "merged", "full"]
Backend = Literal["api", "vllm", "sglang"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Read from config.json and the headers of the weights. None or "" where it is not said.

    parameters: count. precision: "BF16", "F32", ... of most weights. quantisation: "bitsandbytes 4 bit", ...
    """

    architecture: str = ""
    parameters: int | None = None
    precision: str = ""
    quantisation: str = ""
    context_length: int | None = None
    chat_template: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A model on disk that can be served. `id` is stable: made of its path.

    base: for an adapter or checkpoint, the path or hub name that it belongs to. complete: False for a checkpoint that is being written or
    was cut off; it cannot be served. size_bytes: of its files. step: None where it has none; metrics: of that step ("loss", ...).
    template: LLaMA-Factory's template of its run, "" where unknown. service: the running service for it, if there is one.
    """

    id: str
    kind: TargetKind
    name: str
    path: str
    base: str = ""
    run_id: str = ""
    run_name: str = ""
    step: int | None = None
    complete: bool = True
    size_bytes: int = 0
    facts: ModelFacts = field(default_factory=ModelFacts)
    metrics: Mapping[str, float] = field(default_factory=dict)
    template: str = ""
    finetuning_type: str = ""
    note: str = ""
    created_at: int = 0
    service: Service | None = None

    @property
    def folder(self) -> Path:
        return Path(self.path)


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A way to serve: `available` where the training environment has it (`version`), else `missing` says what is not there."""

    name: Backend
    available: bool
    version: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """backend: LLaMA-Factory's own server unless said. gpus: UUIDs; () for the first free one, or the CPU where there are none.

    cpu: on the CPU although there are GPUs. port: 0 for a free one. template: "" for the target's own."""

    backend: Backend = "api"
    gpus: tuple[str, ...] = ()
    cpu: bool = False
    port: int = 0
    template: str = ""


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """name: of the run and the folder of the merged model. shard_gb: size of one file of weights. device: "cpu" or "auto"."""

    name: str = ""
    shard_gb: int = 5
    device: Literal["cpu", "auto"] = "cpu"
