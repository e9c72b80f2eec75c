"""What is installed into our own training environment, step by step. Where packages come from is pip's own configuration's business."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from core.errors import InvalidInput
from core.training.environment_folder import LLAMAFACTORY, SWANLAB

#: What can be asked for beside the base, and what pip is told for it.
EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "bitsandbytes": ("bitsandbytes>=0.46",),
    "deepspeed": ("deepspeed>=0.17",),
    "liger-kernel": ("liger-kernel>=0.5.5",),
    "metrics": ("nltk", "jieba", "rouge-chinese"),
    "sglang": ("sglang[srt]>=0.4.5",),
    "vllm": ("vllm>=0.4.3,<=0.11.0",),
}
#: The versions that this program is tested with. Left alone, pip takes a gradio that does not go with this transformers: the web
#: interface could not be started with it.
TORCH: Final = "2.13.0"
PINS: Final = (
    f"torch=={TORCH}",
    "transformers==5.6.0",
    "peft==0.18.1",
    "trl==0.24.0",
    "accelerate==1.11.0",
    "datasets==4.0.0",
    "gradio==5.50.0",
)
#: Of packages that a CPU-only index lacks for that torch; LLaMA-Factory only wants their names.
STUBS: Final = {"torchaudio": "2.11.0+stub", "torchvision": "0.28.0+stub"}
#: Bytes that must be free before an installation begins.
SPACE_CPU, SPACE_GPU = 4 << 30, 12 << 30
_PIP: Final = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off")


def steps(folder: Path, work: Path, *, cpu: bool, extras: Iterable[str]) -> list[dict[str, Any]]:
    """The steps in order: `name`, `argv` or what the script itself does. `work`: a folder for files that steps need.

    Raises InvalidInput("extra", "not_a_choice").
    """
    wanted = tuple(extras)
    for extra in wanted:
        if extra not in EXTRAS:
            raise InvalidInput("extra", "not_a_choice", value=extra, choices=tuple(EXTRAS))
    python = str(folder / "bin" / "python")
    pins = ("-c", str(work / "constraints.txt"))
    torch = (f"torch=={TORCH}",) if cpu else (f"torch=={TORCH}", "torchvision", "torchaudio")
    plan: list[dict[str, Any]] = [
        {"name": "venv", "argv": [base_python(), "-m", "venv", "--clear", str(folder)]},
        {"name": "torch", "argv": [python, *_PIP, *pins, *torch]},
    ]
    if cpu:
        plan.append(
            {"name": "stubs", "wheels": STUBS, "argv": [python, *_PIP, "--no-deps", "--no-index", "--find-links", str(work), *_stubs()]}
        )
    base = (f"llamafactory=={LLAMAFACTORY}", f"swanlab[dashboard]=={SWANLAB}")
    plan.append({"name": "llamafactory", "argv": [python, *_PIP, *pins, *base]})
    plan += [{"name": f"extra:{extra}", "argv": [python, *_PIP, *pins, *EXTRAS[extra]]} for extra in wanted]
    plan.append({"name": "check", "check": True, "argv": [python, "-I", str(Path(__file__).with_name("helpers") / "check.py")]})
    for step in plan:
        step["mark"] = mark(step)
    return plan


def _stubs() -> list[str]:
    return [f"{name}=={version}" for name, version in STUBS.items()]


def mark(step: dict[str, Any]) -> str:
    """What a step is known by when it is done: another pin, another step."""
    return hashlib.sha256(json.dumps(step, sort_keys=True).encode()).hexdigest()[:16]


def base_python() -> str:
    """The interpreter that this program's own was made from: a venv made by a venv's interpreter depends on that venv."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def constraints() -> str:
    """Of what pip may choose."""
    return "".join(f"{pin}\n" for pin in PINS)
