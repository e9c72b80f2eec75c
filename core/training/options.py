"""Which options a person may give, and whether their values are what LLaMA-Factory takes.

Some are the application's alone (folders, data, reports: it fills them in), some are an administrator's (code from a hub, tokens, several
machines, files to be written), some name files and folders, which must be allowed ones (core/training/options_paths.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from core.training.configurations_types import Remark
from core.training.environment_types import Catalogue, Option

#: Filled in by the application; taken out of whatever a person gives, with a remark.
OURS: Final = frozenset(
    str.split(
        "dataset dataset_dir eval_dataset media_dir output_dir logging_dir overwrite_output_dir resume_from_checkpoint report_to "
        "run_name use_swanlab swanlab_mode swanlab_project swanlab_workspace swanlab_run_name swanlab_logdir enable_jit_checkpoint "
        "do_train do_predict plot_loss deepspeed local_rank disable_tqdm save_only_model use_cpu cache_dir export_dir "
        "overwrite_cache predict_with_generate"
    )
)
#: For administrators and people at this machine only. Patterns, so that what a later version brings is closed before it is known.
ADMINISTRATORS: Final = (
    "trust_remote_code",
    "push_to_hub",
    "hub_*",
    "*_token",
    "*_api_key",
    "*_secret",
    "*_webhook_url",
    "swanlab_*",
    "ray_*",
    "master_*",
    "fsdp*",
    "*_config",
    "*_args",
    "parallelism_*",
    "trackio_*",
    "project",
    "kt_*",
    "use_kt",
    "use_mca",
    "use_hyper_parallel",
    "tokenized_path",
    "offload_folder",
    "export_*",
    "*_dir",
    "*_path",
    "*_folder",
    "enable_torch_profiler",
    "profile*",
    "debug",
    "ddp_backend",
    "data_shared_file_system",
    "log_on_each_node",
    "save_on_each_node",
)
#: Name files, folders or models at a hub. `hub`: whether a name of a hub is as good.
PATHS: Final[dict[str, bool]] = {
    "model_name_or_path": True,
    "adapter_name_or_path": True,
    "ref_model": True,
    "ref_model_adapters": True,
    "reward_model": True,
    "reward_model_adapters": True,
    "new_special_tokens_config": False,
    "adapter_folder": False,
}
#: Texts with commas; a list is as good.
LISTS: Final = frozenset(
    {"lora_target", "oft_target", "freeze_trainable_modules", "freeze_extra_modules", "additional_target", "add_tokens"}
)
#: Numbers of which only some make sense.
NUMBERS: Final[dict[str, tuple[int, ...]]] = {"quantization_bit": (2, 3, 4, 5, 6, 8), "ref_model_quantization_bit": (4, 8)}
TEXT_LIMIT: Final = 20_000
_NEAR: Final = 0.7


def is_administrators(name: str) -> bool:
    """Whether only administrators and people at this machine may give the option."""
    return name not in PATHS and any(fnmatchcase(name, pattern) for pattern in ADMINISTRATORS)


def check_options(options: Mapping[str, Any], catalogue: Catalogue, *, unrestricted: bool) -> tuple[dict[str, Any], tuple[Remark, ...]]:
    """The options with their values as LLaMA-Factory takes them, without those that cannot be, and what there is to say about them."""
    clean: dict[str, Any] = {}
    remarks: list[Remark] = []
    for name, value in options.items():
        remark = _refusal(name, catalogue, unrestricted=unrestricted)
        if remark is not None:
            remarks.append(remark)
            if remark.level != "warning":
                continue
        found = check_value(name, value, catalogue.options.get(name))
        if isinstance(found, Remark):
            remarks.append(found)
        else:
            clean[name] = found
    return clean, tuple(remarks)


def _refusal(name: str, catalogue: Catalogue, *, unrestricted: bool) -> Remark | None:
    if name in OURS:
        return Remark("note", "ours", name, {"key": name})
    if not unrestricted and is_administrators(name):
        return Remark("error", "denied", name, {"key": name})
    if name not in catalogue.options and name not in PATHS:
        fields = {"key": name, "near": nearest(name, catalogue.options)}
        return Remark("error", "unknown_key", name, fields) if catalogue.complete else Remark("warning", "unsure_key", name, fields)
    return None


def nearest(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """The known word that is most like it, "" where none is."""
    return next(iter(get_close_matches(name.lower(), list(known), n=1, cutoff=_NEAR)), "")


def check_value(name: str, value: Any, option: Option | None) -> Any | Remark:
    """`value` in its one spelling, or what is wrong with it. Without an option only what holds for all is looked at."""
    if isinstance(value, str):
        if "${" in value:
            return Remark("error", "interpolation", name, {"key": name})
        if len(value) > TEXT_LIMIT:
            return Remark("error", "too_long", name, {"key": name, "limit": TEXT_LIMIT})
    if option is None:
        return value
    if value is None:
        return None if option.optional else Remark("error", "wrong_type", name, {"key": name, "expected": option.type})
    found = _KINDS[option.type](name, value, option)
    if not isinstance(found, Remark) and name in NUMBERS and found not in NUMBERS[name]:
        return Remark("error", "not_a_choice", name, {"key": name, "choices": tuple(map(str, NUMBERS[name])), "near": ""})
    return found


def _wrong(name: str, option: Option) -> Remark:
    return Remark("error", "wrong_type", name, {"key": name, "expected": option.type})


def _bool(name: str, value: Any, option: Option) -> Any | Remark:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return _wrong(name, option)


def _number(name: str, value: Any, option: Option) -> float | Remark:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _wrong(name, option)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _wrong(name, option)
    if not math.isfinite(number):
        return _wrong(name, option)
    below = option.minimum is not None and number < option.minimum
    # -1 is LLaMA-Factory's "no limit" in some options whose real values are positive.
    if below or (option.maximum is not None and number > option.maximum):
        return Remark("error", "out_of_range", name, {"key": name, "minimum": option.minimum, "maximum": option.maximum, "value": number})
    return number


def _int(name: str, value: Any, option: Option) -> Any | Remark:
    number = _number(name, value, option)
    if isinstance(number, Remark):
        return number
    return int(number) if number == int(number) else _wrong(name, option)


def _float(name: str, value: Any, option: Option) -> Any | Remark:
    number = _number(name, value, option)
    # Steps are given as whole numbers or shares: 500 stays 500.
    return int(value) if isinstance(value, int) and not isinstance(number, Remark) else number


def _str(name: str, value: Any, option: Option) -> Any | Remark:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value) if name in LISTS else list(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return _wrong(name, option)
    return str(value)


def _choice(name: str, value: Any, option: Option) -> Any | Remark:
    if isinstance(value, bool):  # YAML reads a bare no, off, yes and on as truth values
        value = next((word for word in (("yes", "on", "true") if value else ("no", "off", "false")) if word in option.choices), value)
    if isinstance(value, str) and value in option.choices:
        return value
    fields = {"key": name, "choices": option.choices, "near": nearest(str(value)[:100], option.choices)}
    return Remark("error", "not_a_choice", name, fields)


def _json(name: str, value: Any, option: Option) -> Any | Remark:
    # A text would be read as the name of a file.
    return value if isinstance(value, (dict, list)) else _wrong(name, option)


_KINDS: Final = {"bool": _bool, "int": _int, "float": _float, "str": _str, "choice": _choice, "json": _json}
