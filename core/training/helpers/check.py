"""Import what a training needs, for real, and say what came of it.

{} -> {"versions": {name: version}, "problems": [{"package", "message"}], "gpus", "cuda", "bf16"}
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from protocol import serve

#: Modules that must import, by distribution; a distribution that is not installed is only looked at when it is needed.
NEEDED = {
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "trl": "trl",
    "accelerate": "accelerate",
    "datasets": "datasets",
    "llamafactory": "llamafactory.train.tuner",
}
OPTIONAL = {
    "swanlab": "swanlab",
    "swanboard": "swanboard",
    "bitsandbytes": "bitsandbytes",
    "deepspeed": "deepspeed",
    "vllm": "vllm",
    "sglang": "sglang",
    "liger-kernel": "liger_kernel",
}


def look(question: dict[str, Any]) -> dict[str, Any]:
    del question
    versions: dict[str, str] = {}
    problems: list[dict[str, str]] = []
    for name, module in (NEEDED | OPTIONAL).items():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in NEEDED:
                problems.append({"package": name, "message": "not installed"})
            continue
        try:
            importlib.import_module(module)
        except BaseException as error:  # whatever a broken library raises
            problems.append({"package": name, "message": f"{type(error).__name__}: {error}"[:500]})
    return {"versions": versions, "problems": problems} | _devices()


def _devices() -> dict[str, Any]:
    try:
        import torch

        gpus = torch.cuda.device_count()
        bf16 = bool(gpus and torch.cuda.is_bf16_supported())
        return {"gpus": gpus, "cuda": torch.version.cuda or "", "bf16": bf16}
    except Exception:
        return {"gpus": 0, "cuda": "", "bf16": False}


if __name__ == "__main__":
    serve(look)
