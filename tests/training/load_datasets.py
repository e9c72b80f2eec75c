"""Run by the training environment's Python: load every dataset of a folder with LLaMA-Factory's own `get_dataset`, and say what is left.

`load_datasets.py FOLDER MODEL` reads FOLDER/dataset_info.json and FOLDER/stages.json ({name: stage}) and prints one JSON object:
{name: {"rows": samples that would be trained on, "texts": the first ones decoded} | {"error": ...}}.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def load(folder: Path, model: str, name: str, stage: str) -> dict[str, Any]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    options = {
        "model_name_or_path": model, "stage": stage, "do_train": True, "finetuning_type": "lora", "template": "qwen", "dataset": name,
        "dataset_dir": str(folder), "output_dir": str(folder / "out"), "cutoff_len": 256, "report_to": "none", "overwrite_cache": True,
        "preprocessing_num_workers": 1, "max_steps": 1, "swanlab_mode": "disabled", "packing": False,
    }  # fmt: skip
    model_args, data_args, training_args, _finetuning, _generating = get_train_args(options)
    tools = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(tools["tokenizer"], data_args)
    found = get_dataset(template, model_args, data_args, training_args, "rm" if stage == "dpo" else stage, **tools)["train_dataset"]
    key = "chosen_input_ids" if stage in ("dpo", "rm") else "input_ids"
    return {"rows": len(found), "texts": [tools["tokenizer"].decode(row[key]) for row in found.select(range(min(2, len(found))))]}


def main() -> None:
    channel = os.dup(1)
    os.dup2(2, 1)
    folder, model = Path(sys.argv[1]), sys.argv[2]
    told: dict[str, Any] = {}
    for name, stage in json.loads((folder / "stages.json").read_text()).items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                told[name] = load(folder, model, name, stage)
        except BaseException as error:
            cause = error.__cause__ or error
            told[name] = {"error": f"{type(cause).__name__}: {str(cause)[:300]}"}
    with os.fdopen(channel, "w") as output:
        json.dump(told, output)


if __name__ == "__main__":
    main()
