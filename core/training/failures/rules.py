"""The rules, as data: what in the log proves a cause, and what to change then. Ordered, the most telling first.

A pattern stands at the beginning of a line (after torchrun's "[rank0]: "), so that a sample that speaks of errors is not taken for one.
Its named groups become fields. Rules that look at more than the log are functions in core/training/failures/beyond.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from core.training.failures.log import PREFIX
from core.training.failures.remedies import fewer_checkpoints, less_memory
from core.training.failures.types import Evidence, Remedy

Fields = dict[str, str]
Remedies = Callable[[Evidence, Fields], tuple[Remedy, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`where`: a piece of the traceback that must be there too, "" for any. `early`: the first match counts, not the last."""

    name: str
    patterns: tuple[re.Pattern[bytes], ...]
    remedies: Remedies
    where: bytes = b""
    early: bool = False


def says(*texts: bytes) -> tuple[re.Pattern[bytes], ...]:
    """Patterns for lines that begin so, after the name of an exception or without one."""
    kind = rb"(?:(?:[A-Za-z_]\w*\.)*[A-Z]\w*: )?"
    return tuple(re.compile(rb"^" + PREFIX + kind + text, re.MULTILINE) for text in texts)


def anywhere(*texts: bytes) -> tuple[re.Pattern[bytes], ...]:
    return tuple(re.compile(text, re.MULTILINE) for text in texts)


def only(*codes: str) -> Remedies:
    """Remedies that a person does elsewhere."""
    return lambda _evidence, fields: tuple(Remedy(code, fields=dict(fields)) for code in codes)


def unset(*names: str, code: str, then: tuple[str, ...] = ()) -> Remedies:
    """Take options out of the configuration."""
    return lambda _evidence, fields: (
        Remedy(code, dict.fromkeys(names), dict(fields)),
        *(Remedy(each, fields=dict(fields)) for each in then),
    )


def _unknown_keys(_evidence: Evidence, fields: Fields) -> tuple[Remedy, ...]:
    keys = re.findall(r"'([^']*)'", fields.get("keys", ""))
    return (Remedy("remove_keys", dict.fromkeys(keys), {"keys": ", ".join(keys)}),) if keys else (Remedy("edit_yaml"),)


def _preference(evidence: Evidence, _fields: Fields) -> tuple[Remedy, ...]:
    stage = str(evidence.options.get("stage", "sft"))
    if stage in {"sft", "pt"}:
        return (Remedy("stage_dpo", {"stage": "dpo"}), Remedy("choose_other_data"))
    return (Remedy("stage_sft", {"stage": "sft"}), Remedy("choose_other_data"))


#: What a missing package is wanted for, and the option that does without it.
_PACKAGES: dict[str, dict[str, object]] = {
    "bitsandbytes": {"quantization_bit": None, "quantization_method": None},
    "deepspeed": {"deepspeed": None},
    "flash_attn": {"flash_attn": "auto"},
    "flash-attn": {"flash_attn": "auto"},
    "liger-kernel": {"enable_liger_kernel": None},
    "liger_kernel": {"enable_liger_kernel": None},
    "unsloth": {"use_unsloth": None},
    "swanlab": {"use_swanlab": False},
    "galore_torch": {"use_galore": None},
    "apollo_torch": {"use_apollo": None},
    "badam": {"use_badam": None},
    "adam-mini": {"use_adam_mini": None},
    "matplotlib": {"plot_loss": False},
    "jieba": {"predict_with_generate": False},
    "nltk": {"predict_with_generate": False},
    "rouge_chinese": {"predict_with_generate": False},
}


#: Packages that only some options need: where one is missing, the environment is not broken.
_OPTIONAL = (
    *(name.replace("-", "_") for name in _PACKAGES if name != "flash-attn"),
    *("vllm", "sglang", "hqq", "eetq", "auto_gptq", "gptqmodel", "optimum", "ray", "tiktoken", "sentencepiece", "einops"),
)


def _package(_evidence: Evidence, fields: Fields) -> tuple[Remedy, ...]:
    package = re.split(r"[=<>!~\[ ]", fields.get("package", ""))[0]
    changes = _PACKAGES.get(package, _PACKAGES.get(package.replace("-", "_")))
    without = (Remedy("do_without_package", changes, {"package": package}),) if changes else ()
    return (*without, Remedy("install_package", fields={"package": package}))


def _attention(_evidence: Evidence, fields: Fields) -> tuple[Remedy, ...]:
    return (Remedy("attention_auto", {"flash_attn": "auto"}), Remedy("install_package", fields={"package": "flash-attn"}))


def _precision(evidence: Evidence, _fields: Fields) -> tuple[Remedy, ...]:
    if evidence.gpus and str(evidence.options.get("bf16", "")).casefold() == "true":
        return (Remedy("fp16", {"bf16": False, "fp16": True}),)
    return (Remedy("full_precision", {"bf16": False, "fp16": False, "pure_bf16": False}),)


def _batch_for_gpu(evidence: Evidence, _fields: Fields) -> tuple[Remedy, ...]:
    remedies = less_memory(evidence)
    return remedies or (Remedy("more_gpus"),)


_MEMORY_NUMBERS = (
    rb"(?:[^\n]*?Tried to allocate (?P<wanted>[\d.]+ [KMGT]iB)\.?)?"
    rb"(?:[^\n]*?GPU (?P<gpu>\d+) has a total capacity of (?P<total>[\d.]+ [KMGT]iB))?"
    rb"(?:[^\n]*?of which (?P<free>[\d.]+ [KMGT]iB) is free)?"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "cuda_out_of_memory",
        (
            *says(rb"(?:HIP|CUDA|NPU|XPU) out of memory\." + _MEMORY_NUMBERS, rb"CUDA error: out of memory"),
            *anywhere(rb"CUBLAS_STATUS_ALLOC_FAILED", rb"CUDA_ERROR_OUT_OF_MEMORY"),
        ),
        _batch_for_gpu,
    ),
    Rule(
        "disk_full",
        anywhere(
            rb"No space left on device",
            rb"Disk quota exceeded",
            rb"PytorchStreamWriter failed writing file",
            rb"iostream error|basic_ios::clear: iostream",
        ),
        lambda evidence, _fields: fewer_checkpoints(evidence),
    ),
    Rule(
        "shared_memory",
        anywhere(rb"DataLoader worker \(pid[^)]*\) is killed by signal: Bus error", rb"insufficient shared memory \(shm\)"),
        lambda _evidence, _fields: (Remedy("no_data_workers", {"dataloader_num_workers": 0}), Remedy("more_shared_memory")),
    ),
    Rule(
        "host_out_of_memory",
        anywhere(
            rb"DefaultCPUAllocator: can't allocate memory",
            rb"^" + PREFIX + rb"(?:numpy\S*)?MemoryError\b",
            rb"(?:OSError|RuntimeError): \[Errno 12\] Cannot allocate memory",
            rb"std::bad_alloc",
            rb"DataLoader worker \(pid[^)]*\) is killed by signal: Killed",
        ),
        lambda evidence, _fields: (*less_memory(evidence, on_gpu=False), Remedy("more_host_memory")),
    ),
    # Data -------------------------------------------------------------------------------------------------------------
    Rule(
        "dataset_unknown",
        says(rb"Undefined dataset (?P<dataset>[^\r\n]+?) in dataset_info\.json"),
        only("choose_dataset"),
    ),
    Rule("data_file_missing", says(rb"File (?P<path>[^\r\n]+?) not found\."), only("add_data_again")),
    Rule("data_description_missing", says(rb"Cannot open (?P<path>[^\r\n]*dataset_info\.json)[^\r\n]*"), only("add_data_again")),
    Rule("wrong_column", says(rb"(?P<column>'[^'\r\n]*'|\"[^\"\r\n]*\")[ \t]*$"), only("map_columns", "check_data"), where=b"converter.py"),
    Rule("wrong_data_kind", says(rb"The dataset is not applicable in the current training stage\."), _preference),
    Rule(
        "no_valid_samples",
        says(rb"Cannot find (?:valid|sufficient) samples"),
        only("check_data", "see_what_model_sees"),
    ),
    Rule(
        "data_types_differ",
        anywhere(
            rb"ArrowInvalid: (?P<said>[^\r\n]*(?:cannot mix|changed from|Could not convert)[^\r\n]*)",
            rb"TypeError: Couldn't cast array of type",
            rb"datasets\.table\.CastError|datasets\.exceptions\.DatasetGenerationCastError",
        ),
        only("check_data"),
    ),
    Rule(
        "data_unreadable",
        anywhere(
            rb"ArrowInvalid: (?P<said>JSON parse error[^\r\n]*)",
            rb"json\.decoder\.JSONDecodeError: (?P<said>[^\r\n]*)",
            rb"^" + PREFIX + rb"UnicodeDecodeError: (?P<said>[^\r\n]*)",
            rb"datasets\.exceptions\.DatasetGenerationError",
            rb"Allowed file types: [^\r\n]*",
        ),
        only("check_data"),
    ),
    # Model ------------------------------------------------------------------------------------------------------------
    Rule(
        "model_gated",
        anywhere(rb"GatedRepoError", rb"You are trying to access a gated repo", rb"401 Client Error[^\r\n]*"),
        only("download_model_by_hand", "choose_model"),
    ),
    Rule("adapter_missing", anywhere(rb"Can't find 'adapter_config\.json' at '?(?P<path>[^'\r\n]+)"), only("choose_adapter")),
    Rule(
        "model_incomplete",
        anywhere(
            rb"does not appear to have a file named (?P<file>[^\r\n]+?)(?:\.? Checkout|\.$|$)",
            rb"Error no file named (?P<file>[^\r\n]+?) found in",
            rb"SafetensorError: (?P<said>Error while deserializing[^\r\n]*)",
            rb"Unable to load weights from pytorch checkpoint file",
        ),
        only("download_model_again", "choose_model"),
    ),
    Rule(
        "model_not_known",
        anywhere(
            rb"The checkpoint you are trying to load has model type `?(?P<type>[^`\r\n]+?)`? but",
            rb"Unrecognized model in (?P<path>[^\r\n]+?)\. Should",
        ),
        only("upgrade_environment", "choose_model"),
    ),
    Rule(
        "model_remote_code",
        anywhere(rb"requires you to execute the (?:configuration|modeling)[^\r\n]* file in that\s+repo", rb"trust_remote_code=True"),
        only("trust_remote_code", "choose_model"),
    ),
    Rule(
        "model_missing",
        (
            *says(
                rb"(?P<model>[^\r\n]+?) is not a local folder and is not a valid model identifier",
                rb"Incorrect path_or_model_id: '(?P<model>[^'\r\n]+)'",
                rb"Repo id must (?:be in the form|use alphanumeric)[^\r\n]*: '(?P<model>[^'\r\n]+)'",
                rb"Can't load the configuration of '(?P<model>[^'\r\n]+)'",
            ),
            *anywhere(rb"RepositoryNotFoundError"),
        ),
        only("choose_model"),
    ),
    Rule(
        "hub_unreachable",
        anywhere(
            rb"We couldn't connect to '(?P<host>[^'\r\n]+)' to load",
            rb"(?:LocalEntryNotFoundError|OfflineModeIsEnabled)",
            rb"(?:MaxRetryError|ConnectTimeout|ReadTimeout|NameResolutionError)[^\r\n]*(?P<host>huggingface\.co|modelscope\.cn|hf-mirror\.com)",
        ),
        only("use_local_model", "check_network"),
    ),
    Rule("tokenizer_missing", says(rb"Failed to load tokenizer\."), only("choose_model", "download_model_again")),
    # Options ----------------------------------------------------------------------------------------------------------
    Rule(
        "unknown_option",
        says(
            rb"Some keys are not used by the HfArgumentParser: (?P<keys>\[[^\r\n]*\])",
            rb"Some specified arguments are not used by the HfArgumentParser: (?P<keys>\[[^\r\n]*\])",
        ),
        _unknown_keys,
    ),
    Rule("unknown_template", says(rb"Template (?P<template>[^\r\n]+?) does not exist\."), only("choose_template")),
    Rule(
        "template_missing",
        anywhere(
            rb"tokenizer\.chat_template is not set",
            rb"jinja2\.exceptions\.\w+: (?P<said>[^\r\n]*)",
            rb"Conversation roles must alternate",
        ),
        only("choose_template", "see_what_model_sees"),
    ),
    Rule(
        "vocabulary_mismatch",
        anywhere(
            rb"IndexError: index out of range in self",
            rb"(?:indexSelect|vectorized_gather_kernel)[^\r\n]*(?:Assertion|index out of bounds)",
        ),
        lambda _evidence, _fields: (Remedy("resize_vocabulary", {"resize_vocab": True}), Remedy("choose_template")),
    ),
    Rule("shapes_differ", anywhere(rb"size mismatch for (?P<weight>[^\s:]+)"), only("choose_adapter", "choose_model")),
    Rule(
        "yaml_unreadable",
        anywhere(rb"yaml\.(?:scanner|parser|composer|reader)\.\w+: ?(?P<said>[^\r\n]*)", rb"omegaconf\.errors\.\w+: ?(?P<said>[^\r\n]*)"),
        only("edit_yaml"),
    ),
    Rule(
        "ppo_unsupported",
        anywhere(rb"llamafactory/train/ppo/[^\r\n]*"),
        lambda _evidence, _fields: (Remedy("stage_dpo", {"stage": "dpo"}),),
    ),
    Rule(
        "precision_unsupported",
        anywhere(
            rb"Your setup doesn't support bf16/gpu",
            rb"FP16 Mixed precision training with AMP[^\r\n]*",
            rb"This device does not support `pure_bf16`",
            rb"fp16 mixed precision requires a GPU",
            rb"bf16 mixed precision requires PyTorch",
        ),
        _precision,
    ),
    # Environment ------------------------------------------------------------------------------------------------------
    Rule(
        "attention_missing",
        anywhere(
            rb"FlashAttention2? has been toggled on, but it cannot be used[^\r\n]*", rb"the package flash_attn seems to be not installed"
        ),
        _attention,
    ),
    Rule(
        "package_missing",
        (
            *anywhere(
                rb"The '(?P<package>[^'\r\n]+)' distribution was not found and is required",
                rb"ImportError: Using `(?P<package>bitsandbytes)`[^\r\n]*",
                rb"ModuleNotFoundError: No module named '(?P<package>" + "|".join(_OPTIONAL).encode() + rb")(?:\.[\w.]+)?'",
                rb"ImportError: [^\r\n]*requires? (?:the )?(?P<package>bitsandbytes|sentencepiece|tiktoken|einops|deepspeed)\b[^\r\n]*",
            ),
        ),
        _package,
    ),
    Rule(
        "environment_broken",
        anywhere(
            rb"ImportError: (?P<said>[^\r\n]* is required for a normal functioning of this module, but found [^\r\n]*?)$",
            rb"ModuleNotFoundError: (?P<said>No module named '[^'\r\n]+')",
            rb"ImportError: (?P<said>cannot import name [^\r\n]*)",
            rb"ImportError: (?P<said>[^\r\n]*(?:undefined symbol|cannot open shared object file)[^\r\n]*)",
            rb"OSError: (?P<said>[^\r\n]*(?:undefined symbol|cannot open shared object file)[^\r\n]*)",
        ),
        only("repair_environment"),
    ),
    # Machine ----------------------------------------------------------------------------------------------------------
    Rule(
        "driver_too_old",
        anywhere(rb"The NVIDIA driver on your system is too old[^\r\n]*", rb"CUDA driver version is insufficient[^\r\n]*"),
        only("update_driver", "older_torch"),
    ),
    Rule("gpu_too_old", anywhere(rb"no kernel image is available for execution on the device"), only("other_gpu", "older_torch")),
    Rule(
        "no_gpu",
        anywhere(
            rb"Found no NVIDIA driver on your system",
            rb"No CUDA GPUs are available",
            rb"Torch not compiled with CUDA enabled",
            rb"CUDA error: invalid device ordinal",
            rb"CUDA error: no CUDA-capable device",
        ),
        only("look_at_gpus", "train_on_cpu"),
    ),
    Rule(
        "gpu_fault",
        anywhere(
            rb"CUDA error: (?P<said>an illegal memory access[^\r\n]*|unspecified launch failure|uncorrectable ECC[^\r\n]*)",
            rb"CUDA error: (?P<said>[^\r\n]*hardware[^\r\n]*|device-side assert triggered|misaligned address)",
            rb"(?P<said>GPU is lost[^\r\n]*|Unable to determine the device handle for GPU[^\r\n]*)",
            rb"(?P<said>CUBLAS_STATUS_EXECUTION_FAILED|CUDNN_STATUS_\w+)",
        ),
        only("other_gpu", "retry"),
    ),
    Rule(
        "gpu_busy",
        anywhere(rb"CUDA error: all CUDA-capable devices are busy or unavailable"),
        only("look_at_gpus", "retry"),
    ),
    Rule("port_taken", anywhere(rb"EADDRINUSE[^\r\n]*", rb"[Aa]ddress already in use"), only("retry")),
    Rule(
        "collective_failed",
        anywhere(
            rb"ncclSystemError|ncclInternalError|ncclUnhandledCudaError|NCCL error[^\r\n]*",
            rb"Watchdog caught collective operation timeout[^\r\n]*",
            rb"Connection closed by peer \[[^\r\n]*",
        ),
        lambda evidence, _fields: (Remedy("retry"), Remedy("one_gpu"), Remedy("look_at_gpus")),
    ),
    Rule("no_permission", says(rb"\[Errno 13\] Permission denied: '(?P<path>[^'\r\n]+)'"), only("allow_path")),
    Rule(
        "swanlab_failed",
        anywhere(rb"swanlab\.\S*(?:Error|Exception)[^\r\n]*", rb"swanlab: [^\r\n]*(?:API key|login)[^\r\n]*"),
        unset("use_swanlab", code="without_swanlab"),
    ),
    Rule(
        "checkpoint_unusable",
        anywhere(
            rb"No valid checkpoint found in output directory[^\r\n]*",
            rb"Can't find a valid checkpoint at (?P<path>[^\r\n]+)",
            rb"already exists and is not empty\. ",
        ),
        only("start_over"),
    ),
    Rule("runaway_numbers", anywhere(rb"probability tensor contains either `inf`, `nan` or element < 0"), only("choose_template")),
    Rule("bad_value", says(rb"argument --?(?P<option>[\w-]+): invalid [^\r\n]*value: '(?P<value>[^'\r\n]*)'"), only("correct_option")),
    Rule(
        "bad_value",
        (re.compile(rb"^" + PREFIX + rb"(?:TypeError|ValueError): (?P<said>[^\r\n]*)", re.MULTILINE),),
        only("correct_option"),
        where=b"training_args.py",
    ),
    Rule(
        "options_conflict",
        (re.compile(rb"^" + PREFIX + rb"(?:ValueError|NotImplementedError): (?P<said>[^\r\n]*)", re.MULTILINE),),
        only("correct_option"),
        where=b"llamafactory/hparams/",
    ),
)
