"""Runs for the demo installation, really trained with the training environment: two that completed, and one that was killed.

The base model is the tiny one of the tests, whose random weights know nothing; its runs, logs, curves and results are real.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from core.auth.principal import Principal
from core.bootstrap import Services
from core.processes import look
from core.training.configurations_types import TrainingDraft
from core.training.types import Run, RunRequest, RunState

ROOT = Path(__file__).resolve().parent.parent
MAKE_MODEL = ROOT / "tests" / "training" / "environment" / "make_tiny_model.py"
#: The training environment as the pictures name it: no folder of the machine that they are made on.
ENVIRONMENT = "llamafactory-0.9.5"
#: Longer than anybody watches; a run with it is stopped, or killed.
ENDLESS = 200_000
#: Enough for the longest step of all: the imports of the trainer on a machine that does other things, too.
LIMIT_S = 240.0


@dataclass(frozen=True)
class Names:
    """`careful`, `bold`: two runs that completed; `killed`: one that failed; `watched`: the configuration for the run that is watched."""

    careful: str
    bold: str
    killed: str
    watched: str
    note: str


NAMES = {
    "en": Names(
        "help desk, careful", "help desk, bold", "help desk, large batch", "help desk, long", "what the help desk answers, in its tone"
    ),
    "zh_CN": Names("谨慎", "大胆", "大批次", "长训练", "让模型学会帮助台的语气"),
}


def environment_folder() -> Path:
    """Where `make training-env` puts the training environment, unless MODELTRAIN_TRAINING_ENV names one."""
    named = os.environ.get("MODELTRAIN_TRAINING_ENV")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "modeltrain" / "training-env-0.9.5"


def add_environment(folder: Path) -> Path:
    """Put the training environment and a base model into the data folder `folder`; the model's folder."""
    environment, model = environment_folder(), folder / "models" / "tiny-qwen2"
    if not (environment / "bin" / "python").exists():
        raise SystemExit("The pictures of training need the training environment: make training-env")
    (folder / ENVIRONMENT).symlink_to(environment)
    subprocess.run([environment / "bin" / "python", MAKE_MODEL, model], check=True, capture_output=True, timeout=LIMIT_S)
    return model


async def add_runs(services: Services, ann: Principal, language: str, model: Path) -> None:
    """Train on the usable dataset of `ann`, one run after the other; make a configuration for one more, which nobody has started."""
    names = NAMES[language]
    await services.environment.use(ann, str(services.settings.data_dir / ENVIRONMENT))
    await services.environment.whole_catalogue(ann)
    page = await services.datasets.datasets(ann, limit=10)
    usable = next(dataset for dataset in page.items if dataset.verdict == "usable" and dataset.name.startswith(("helpdesk", "帮助台")))
    draft = TrainingDraft(
        note=names.note, model_name_or_path=str(model), template="qwen", dataset_ids=(usable.id,), cutoff_len=256, val_size=0.05,
        max_steps=120, per_device_train_batch_size=2, gradient_accumulation_steps=1, logging_steps=1, eval_steps=20, save_steps=60,
        learning_rate=5e-4,
    )  # fmt: skip
    await _ended(services, ann, replace(draft, name=names.careful), RunState.COMPLETED)
    await _ended(services, ann, replace(draft, name=names.bold, learning_rate=5e-3), RunState.COMPLETED)
    await _killed(services, ann, replace(draft, name=names.killed, per_device_train_batch_size=8, max_steps=ENDLESS, val_size=None))
    watched = replace(draft, name=names.watched, max_steps=ENDLESS, eval_steps=40, save_steps=1000, logging_steps=5)
    await services.training.save(ann, watched)


async def _start(services: Services, ann: Principal, draft: TrainingDraft) -> Run:
    saved = await services.training.save(ann, draft)
    return await services.runs.start(ann, RunRequest(name=draft.name, configuration_id=saved.id, gpus=0))


async def _ended(services: Services, ann: Principal, draft: TrainingDraft, state: RunState) -> None:
    run = await _start(services, ann, draft)
    async with asyncio.timeout(LIMIT_S):
        run = await services.runs.settled(ann, run.id)
    if run.state is not state:
        raise SystemExit(f"{draft.name}: {run.state}\n{run.log.read_text(errors='replace')[-3000:] if run.log else run.failure}")


async def _killed(services: Services, ann: Principal, draft: TrainingDraft) -> None:
    """As the kernel kills the largest process where memory runs out."""
    services.runs.begin_scheduling()
    run = await _start(services, ann, draft)
    async with asyncio.timeout(LIMIT_S):
        while (run.step or 0) < 60:
            await asyncio.sleep(0.2)
            run = await services.runs.run(ann, run.id)
        child = look(run.folder).child if run.folder is not None else None
        if child is None:
            raise SystemExit(f"{draft.name}: no process")
        os.kill(child.pid, signal.SIGKILL)
        await services.runs.settled(ann, run.id)
