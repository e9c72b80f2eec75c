"""How each backend is started: LLaMA-Factory's own server, vLLM, SGLang. On loopback with a key, whatever their own defaults are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.inference.types import Backend, BackendInfo, Target
from core.managed.types import ServiceSpec
from core.training.environment_types import EnvironmentState
from core.training.environment_variables import base_environment
from core.training.results import ADAPTER, read_json

#: What must be installed in the training environment for it.
PACKAGES: Final[Mapping[Backend, str]] = {"api": "llamafactory", "vllm": "vllm", "sglang": "sglang"}
YAML_FILE: Final = "infer.yaml"
#: SGLang takes its key as an argument only, which everybody on the machine could read: it is put in from the environment, inside.
_SGLANG = (
    "import os, runpy, sys; sys.argv = ['launch_server', *sys.argv[1:], '--api-key', os.environ.pop('SERVICE_KEY')]; "
    "runpy.run_module('sglang.launch_server', run_name='__main__')"
)
#: The ranks that vLLM has kernels for.
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def known_backends(environment: EnvironmentState) -> tuple[BackendInfo, ...]:
    """Each backend, with its version in the environment or what is missing."""
    return tuple(
        BackendInfo(name, True, environment.versions[package])
        if environment.ready and environment.has(package)
        else BackendInfo(name, False, missing=package if environment.ready else "environment")
        for name, package in PACKAGES.items()
    )


def spec(
    backend: Backend,
    target: Target,
    environment: EnvironmentState,
    *,
    model_name: str,
    template: str,
    gpus: tuple[str, ...],
    inherited: Mapping[str, str],
    cpu_threads: int = 1,
) -> ServiceSpec:
    """How `target` is served as `model_name`. The environment is ready (it has an interpreter)."""
    python = environment.python
    assert python is not None
    local = target.path.startswith("/") and (not target.base or target.base.startswith("/"))
    values = base_environment(inherited, python.parent, offline=local, cpu_threads=cpu_threads)
    values |= {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "VLLM_NO_USAGE_STATS": "1"}
    build = {"api": _llamafactory, "vllm": _vllm, "sglang": _sglang}[backend]
    argv, more, files = build(python, target, model_name, template)
    return ServiceSpec(argv=argv, environment=values | more, files=files, health_path="/v1/models", health_key=True, ready_within_s=900.0)


Built = tuple[tuple[str, ...], dict[str, str], dict[str, str]]


def infer_options(target: Target, template: str) -> dict[str, Any]:
    """LLaMA-Factory's options for a model: base and adapter apart, as it wants them."""
    adapted = is_adapter(target)
    options: dict[str, Any] = {"model_name_or_path": target.base if adapted else target.path}
    if adapted:
        options |= {"adapter_name_or_path": target.path, "finetuning_type": target.finetuning_type or "lora"}
    if template:
        options["template"] = template
    return options


def is_adapter(target: Target) -> bool:
    """Whether it is served on top of its base. A checkpoint of a full training is a model by itself."""
    return bool(target.base) and target.kind in ("adapter", "checkpoint")


def _llamafactory(python: Path, target: Target, model_name: str, template: str) -> Built:
    from core.training.planning import yaml_text

    options = infer_options(target, template) | {"infer_backend": "huggingface"}
    environment = {"API_HOST": "{host}", "API_PORT": "{port}", "API_KEY": "{key}", "API_MODEL_NAME": model_name}
    argv = (str(python), str(python.parent / "llamafactory-cli"), "api", YAML_FILE)
    return argv, environment, {YAML_FILE: yaml_text(options)}


def _vllm(python: Path, target: Target, model_name: str, _template: str) -> Built:
    arguments = ["--host", "{host}", "--port", "{port}"]
    if is_adapter(target):
        arguments += ["--model", target.base, "--enable-lora", "--max-lora-rank", str(_rank(target))]
        arguments += ["--lora-modules", f"{model_name}={target.path}"]
    else:
        arguments += ["--model", target.path, "--served-model-name", model_name]
    return (str(python), "-m", "vllm.entrypoints.openai.api_server", *arguments), {"VLLM_API_KEY": "{key}"}, {}


def _rank(target: Target) -> int:
    """The smallest rank that is enough for the adapter."""
    rank = read_json(target.folder / ADAPTER).get("r")
    return next((each for each in _RANKS if isinstance(rank, int) and each >= rank), _RANKS[-1])


def _sglang(python: Path, target: Target, model_name: str, _template: str) -> Built:
    arguments = ["--host", "{host}", "--port", "{port}"]
    arguments += ["--model-path", target.path, "--served-model-name", model_name]
    return (str(python), "-c", _SGLANG, *arguments), {"SERVICE_KEY": "{key}"}, {}
