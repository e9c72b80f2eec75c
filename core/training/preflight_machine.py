"""Checks of the machine: GPUs, their memory, the disk, packages in the environment, a port. Pure, but for what is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.training.course import BATCH
from core.training.environment_folder import BREAKING
from core.training.environment_types import EnvironmentState
from core.training.memory import estimate, trainable
from core.training.memory_shape import ModelShape
from core.training.planning_resolve import is_old
from core.training.preflight_types import Check, Course, MemoryEstimate, Remedy

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingDraft
    from core.training.gpus import Gpu

#: Above that share of what is free, a run may still fail: the estimate is one.
_TIGHT: Final = 0.9
_STATES: Final = 12
_TOKENIZER: Final = 20 << 20
#: Options that need a package, which has its extra of the installation where there is one.
_PACKAGES: Final[dict[str, str]] = {
    "use_unsloth": "unsloth",
    "enable_liger_kernel": "liger-kernel",
    "use_galore": "galore-torch",
    "use_apollo": "apollo-torch",
    "use_badam": "badam",
    "use_adam_mini": "adam-mini",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """`gpus`: all of them; `wanted`: those meant, or the freest; `memory_free`: of the machine itself, for the CPU."""

    gpus: tuple[Gpu, ...]
    wanted: tuple[Gpu, ...]
    asked: int
    unknown: tuple[str, ...]
    memory_free: int
    memory_total: int
    disk_free: int | None

    @property
    def workers(self) -> int:
        return max(self.asked, 1)


def choose(gpus: Sequence[Gpu], count: int, uuids: Sequence[str]) -> tuple[tuple[Gpu, ...], tuple[str, ...]]:
    """The GPUs that a run would get, as far as can be said, and those that were asked for and are not there."""
    if uuids:
        by_uuid = {gpu.uuid: gpu for gpu in gpus}
        return tuple(by_uuid[uuid] for uuid in uuids if uuid in by_uuid), tuple(uuid for uuid in uuids if uuid not in by_uuid)
    freest = sorted(gpus, key=lambda gpu: gpu.memory_used - gpu.memory_total)
    return tuple(freest[:count]), ()


def environment_checks(state: EnvironmentState) -> list[Check]:
    fields = {"path": str(state.folder), "version": state.versions.get("llamafactory", "")}
    install = Remedy("install_environment", go="environment")
    if state.state == "ready":
        other = next((problem for problem in state.problems if problem.rule == "other_version"), None)
        if other is not None:
            return [Check("environment", "environment_other_version", "warn", fields | dict(other.fields))]
        return [Check("environment", "environment_ready", "ok", fields)]
    problem = next((each for each in state.problems if each.rule in BREAKING), None)
    more = {"problem": problem.rule, **problem.fields} if problem is not None else {}
    return [Check("environment", f"environment_{state.state}", "fail", fields | more, (install,))]


def gpu_checks(machine: Machine, options: Mapping[str, Any], deepspeed: str) -> list[Check]:
    fields = {"wanted": machine.asked, "total": len(machine.gpus)}
    if machine.unknown:
        return [Check("gpus", "gpu_not_there", "fail", {"uuid": machine.unknown[0]})]
    if machine.asked and not machine.gpus:
        return [Check("gpus", "no_gpu_here", "warn", fields)]
    if machine.asked > len(machine.gpus):
        return [Check("gpus", "more_gpus_than_there_are", "fail", fields)]
    if not machine.asked and deepspeed != "none":
        return [Check("gpus", "deepspeed_needs_gpu", "fail", fields, (Remedy("without_deepspeed", {"deepspeed": "none"}),))]
    if not machine.asked:
        return [Check("gpus", "on_cpu", "warn" if machine.gpus else "ok", fields)]
    if options.get("bf16") and (old := next((gpu for gpu in machine.wanted if is_old(gpu)), None)) is not None:
        return [Check("gpus", "gpu_without_bf16", "fail", {"gpu": old.name}, (Remedy("use_fp16", {"precision": "fp16"}),))]
    if not any(options.get(name) for name in ("bf16", "fp16", "pure_bf16")):
        return [Check("gpus", "full_precision", "warn", fields, (Remedy("mixed_precision", {"precision": "auto"}),))]
    return [Check("gpus", "gpus_there", "ok", fields | {"names": tuple(dict.fromkeys(gpu.name for gpu in machine.wanted))})]


def package_checks(state: EnvironmentState, options: Mapping[str, Any], deepspeed: str) -> list[Check]:
    """Packages that the options need and the environment lacks."""
    if not state.ready:
        return []
    needed = [package for option, package in _PACKAGES.items() if options.get(option)]
    if options.get("quantization_bit") and options.get("quantization_method", "bnb") == "bnb":
        needed.append("bitsandbytes")
    if deepspeed != "none":
        needed.append("deepspeed")
    if "bnb" in str(options.get("optim", "")) or "8bit" in str(options.get("optim", "")):
        needed.append("bitsandbytes")
    if options.get("flash_attn") == "fa2":
        needed.append("flash-attn")
    missing = [package for package in dict.fromkeys(needed) if not state.has(package)]
    return [
        Check(
            "environment",
            "package_missing",
            "fail",
            {"package": package},
            (Remedy("install_extra", fields={"package": package}, go="environment"),),
        )
        for package in missing
    ]


def swanlab_checks(draft: TrainingDraft) -> list[Check]:
    """Whether SwanLab's cloud would take the run: without an account it ends the training at its begin. Blocks shortly."""
    if not draft.swanlab or draft.swanlab_mode != "cloud" or (Path.home() / ".swanlab" / ".netrc").exists():
        return []
    return [Check("options", "swanlab_no_account", "fail", {}, (Remedy("swanlab_local", {"swanlab_mode": "local"}),))]


def memory_checks(
    machine: Machine, shape: ModelShape | None, options: Mapping[str, Any], deepspeed: str
) -> tuple[MemoryEstimate | None, list[Check]]:
    """The estimate, and whether it fits what is free."""
    if shape is None:
        return None, [Check("memory", "memory_unknown", "unknown")]
    if machine.wanted:
        free = min(gpu.memory_total - gpu.memory_used for gpu in machine.wanted)
        capacity = min(gpu.memory_total for gpu in machine.wanted)
    elif not machine.asked or not machine.gpus:
        free, capacity = machine.memory_free, machine.memory_total
        options = {**options, "bf16": False, "fp16": False}
    else:
        return None, [Check("memory", "memory_unknown", "unknown")]
    found = estimate(shape, options, deepspeed=deepspeed, gpus=machine.workers, free=free, capacity=capacity, cpu=not machine.wanted)
    fields = {"needed": found.total, "free": free, "capacity": capacity, "exact": shape.exact}
    if found.total > capacity:
        return found, [Check("memory", "memory_too_small", "fail" if shape.exact else "warn", fields, savings(options, deepspeed, machine))]
    if found.total > free:
        return found, [Check("memory", "memory_in_use", "warn", fields, savings(options, deepspeed, machine))]
    if found.total > free * _TIGHT:
        return found, [Check("memory", "memory_tight", "warn", fields, savings(options, deepspeed, machine))]
    return found, [Check("memory", "memory_enough", "ok", fields)]


def savings(options: Mapping[str, Any], deepspeed: str, machine: Machine) -> tuple[Remedy, ...]:
    """What takes less memory, what costs least first."""
    found = []
    batch, accumulation = int(options.get("per_device_train_batch_size", BATCH)), int(options.get("gradient_accumulation_steps", 1))
    if options.get("disable_gradient_checkpointing"):
        found.append(Remedy("checkpoint_gradients", {"gradient_checkpointing": True}))
    if batch > 1:
        found.append(Remedy("smaller_batch", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": batch * accumulation}))
    if options.get("finetuning_type", "lora") in ("full", "freeze"):
        found.append(Remedy("use_lora", {"method": "lora"}))
    elif not options.get("quantization_bit") and options.get("finetuning_type", "lora") == "lora" and machine.wanted:
        found.append(Remedy("use_qlora", {"method": "qlora"}))
    cutoff = int(options.get("cutoff_len", 2048))
    if cutoff > 512:
        found.append(Remedy("shorter_cutoff", {"cutoff_len": cutoff // 2}))
    if len(machine.wanted) > 1 and not deepspeed.startswith("3"):
        found.append(Remedy("use_zero3", {"deepspeed": "3"}))
    return tuple(found)


def disk_needed(shape: ModelShape | None, options: Mapping[str, Any], course: Course, kept: int) -> int | None:
    """Bytes of checkpoints, of the result and of what is kept of the data."""
    if shape is None:
        return None
    trained = trainable(shape, options)
    checkpoint = trained * _STATES + _TOKENIZER
    saved = min(kept, course.checkpoints) if course.checkpoints is not None else kept
    tokens = (course.samples or 0) * min(int(options.get("cutoff_len", 2048)), 1024)
    # One more is written before the oldest goes; ids, labels and masks of every token.
    return checkpoint * (saved + 1) + trained * 4 + _TOKENIZER + tokens * 24


def disk_checks(needed: int | None, free: int | None, reserve: int, checkpoint_count: int) -> list[Check]:
    if needed is None or free is None:
        return [Check("disk", "disk_unknown", "unknown")]
    fields = {"needed": needed, "free": free, "reserve": reserve, "checkpoints": checkpoint_count}
    if needed + reserve > free:
        remedies = (Remedy("fewer_checkpoints", {"save_total_limit": 1}),) if checkpoint_count > 1 else ()
        return [Check("disk", "disk_too_small", "fail", fields, (*remedies, Remedy("free_disk", go="runs")))]
    return [Check("disk", "disk_enough", "ok", fields)]


def port_checks(machine: Machine, processes: int, deepspeed: str) -> list[Check]:
    """Whether the processes of one run can meet. Asks the system for a port."""
    if machine.asked <= 1 and processes <= 1 and deepspeed == "none":
        return []
    from core.processes import free_port

    try:
        return [Check("port", "port_free", "ok", {"port": free_port()})]
    except OSError:
        return [Check("port", "no_port", "fail")]


def path_checks(state: EnvironmentState, machine: Machine, processes: int, deepspeed: str) -> list[Check]:
    """LLaMA-Factory's launcher splits the command of torchrun on blanks."""
    if " " in str(state.folder) and (machine.asked > 1 or processes > 1 or deepspeed != "none"):
        return [Check("environment", "blank_in_environment", "fail", {"path": str(state.folder)})]
    return []
