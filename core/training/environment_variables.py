"""The environment variables of LLaMA-Factory and of our helpers. Whole: nothing of this program's own secrets is passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

#: Passed on by name: what finds programs, caches, hubs and devices.
_NAMES: Final = frozenset(
    str.split(
        "HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE "
        "XDG_CACHE_HOME HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy "
        "USE_MODELSCOPE_HUB USE_OPENMIND_HUB MODELSCOPE_CACHE CUDA_HOME CUDA_PATH CUDA_DEVICE_MAX_CONNECTIONS NUMEXPR_MAX_THREADS"
    )
)
_PREFIXES: Final = ("LC_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "NCCL_", "NVIDIA_", "TRITON_", "TORCHINDUCTOR_")
#: Where standard programs are; the environment's own folder comes before them.
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def passed_on(inherited: Mapping[str, str]) -> dict[str, str]:
    """What of `inherited` a program in the training environment may see."""
    return {name: value for name, value in inherited.items() if name in _NAMES or name.startswith(_PREFIXES)}


def base_environment(inherited: Mapping[str, str], bin_folder: Path, *, offline: bool, cpu_threads: int) -> dict[str, str]:
    """For whatever runs in the training environment; no GPU is visible."""
    values = passed_on(inherited)
    # torchrun is looked up by name, and must be the environment's own.
    values["PATH"] = f"{bin_folder}:{inherited.get('PATH') or _PATH}"
    values |= {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}
    values |= {"OMP_NUM_THREADS": str(cpu_threads), "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    values |= {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    if offline:
        values |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return values


def trainer_environment(
    inherited: Mapping[str, str],
    *,
    bin_folder: Path,
    gpu_uuids: Sequence[str],
    processes: int,
    port: int | None,
    cpu_threads: int,
    offline: bool,
    cache: Path,
) -> dict[str, str]:
    """For a training or an export. `processes`: of torchrun, 0 without it. `cache`: where tokenised data are kept, the run's own."""
    values = base_environment(inherited, bin_folder, offline=offline, cpu_threads=cpu_threads)
    values |= {"CUDA_VISIBLE_DEVICES": ",".join(gpu_uuids), "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "LLAMAFACTORY_VERBOSITY": "INFO"}
    values["HF_DATASETS_CACHE"] = str(cache)
    values["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
    if processes:
        values |= {"FORCE_TORCHRUN": "1", "NNODES": "1", "NODE_RANK": "0", "NPROC_PER_NODE": str(processes), "MASTER_ADDR": "127.0.0.1"}
        values["MASTER_PORT"] = str(port)
    return values
