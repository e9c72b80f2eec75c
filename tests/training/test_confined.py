"""A served person's run reaches nothing of the server but what it is made of, whatever the files of its model say."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from core.settings import TrainingSettings, load_settings
from core.training.confinement import held
from tests.unit.processes.test_confine import needs_landlock

pytestmark = [pytest.mark.training, needs_landlock]

LOAD = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
for model in sys.argv[1:]:
    for load in (AutoTokenizer, AutoModelForCausalLM):
        try:
            found = load.from_pretrained(model)
            words = found.get_vocab() if load is AutoTokenizer else ()
            print("loaded", "MY-SECRET" in words)
        except Exception as error:
            print("refused")
"""


def load(command: tuple[str, ...]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"})
    return done.stdout.splitlines()


def test_files_of_a_model_do_not_lead_to_other_peoples_weights_and_texts(tmp_path: Path, training_env: Path, tiny_model: Path) -> None:
    data, python = tmp_path / "data", str(training_env / "bin/python")
    good, evil, victim = (data / "users" / name for name in ("eve-good", "eve-evil", "ann"))
    for folder in (good, evil, victim):
        shutil.copytree(tiny_model, folder)
    (victim / "secret.txt").write_text("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nMY-SECRET\n")
    head = (victim / "model.safetensors").read_bytes()
    names = [name for name in json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")]) if name != "__metadata__"]
    (evil / "model.safetensors").unlink()
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, str(victim / "model.safetensors"))}
    (evil / "model.safetensors.index.json").write_text(json.dumps(index))
    (evil / "tokenizer.json").unlink()
    (evil / "vocab.txt").write_text("[UNK]\n")
    (evil / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", "vocab_file": str(victim / "secret.txt")}))
    assert load((python, "-c", LOAD, str(evil))) == ["loaded True", "loaded False"], "the hole that is closed here"
    settings = replace(load_settings(data, {}), training=TrainingSettings(environment=training_env))
    command = held((python, "-c", LOAD, str(good), str(evil)), settings, [good, evil], tmp_path / "data" / "tmp")
    assert load(command) == ["loaded False", "loaded False", "refused", "refused"]
