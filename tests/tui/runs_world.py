"""Runs for the tests of the screens: everything real but the trainer, which is a small process that writes what LLaMA-Factory writes.

The training environment is a folder that looks like one; the model has a config.json, a tokenizer and a few bytes of weights.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import events

from core.settings import Settings, TrainingSettings
from core.training.environment_types import EnvironmentState
from core.training.planning import Place, Plan, ResolvedRun
from core.training.runs import Runs
from core.training.scheduler import Scheduler
from core.training.scheduler_start import Workshop
from core.training.types import Run
from tests.tui.data_world import added, good_rows, write_rows
from tests.tui.world import World, signed_in
from tests.unit.training.yard import TRAINER, Gpus, sweep
from tui.screens.runs.screen import RunsScreen
from tui.widgets.fields import Field
from tui.widgets.rows import Rows

VERSIONS = {
    "llamafactory": "0.9.5", "torch": "2.9.0", "transformers": "5.6.0", "peft": "0.18.1", "trl": "0.24.0", "accelerate": "1.11.0",
    "datasets": "4.0.0", "swanlab": "0.10.3", "swanboard": "0.1.10",
}  # fmt: skip
CONFIG = {
    "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "vocab_size": 64, "tie_word_embeddings": True, "torch_dtype": "float32",
}  # fmt: skip


def make_environment(folder: Path) -> Path:
    """A folder that says of itself what a training environment says. Nothing in it can train."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    for name, version in VERSIONS.items():
        (packages / f"{name}-{version}.dist-info").mkdir()
        (packages / f"{name}-{version}.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    return folder


def make_model(folder: Path) -> Path:
    """A base model of a few bytes, with the chat template of Qwen."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ '<|im_start|>' }}")
    header = json.dumps({"model.embed_tokens.weight": {"dtype": "F32", "shape": [64, 16], "data_offsets": [0, 4096]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4096))
    return folder


class Trainer:
    """Plans that start the small process in place of LLaMA-Factory. `options`: of tests/unit/training/fake_trainer.py."""

    def __init__(self, **options: Any) -> None:
        self.options: dict[str, Any] = {"max_steps": 3, **options}

    async def environment(self) -> EnvironmentState:
        return EnvironmentState(Path("/nowhere"), "ready", Path(sys.executable))

    async def plan(self, run: ResolvedRun, place: Place) -> Plan:
        output = place.output_folder
        options = {**self.options, "output_dir": str(output)}
        argv = (sys.executable, "-S", str(TRAINER), "train", "run.yaml")
        return Plan({"run.yaml": json.dumps(options)}, argv, {"PATH": "/usr/bin:/bin"}, options["max_steps"], output)


def use_trainer(seen: World, trainer: Trainer, gpus: int = 0) -> Scheduler:
    """Have runs started by `trainer`; the scheduler, which takes a turn only when it is told to."""
    services = seen.services
    scheduler = Scheduler(
        services.store,
        services.settings,
        clock=services.clock,
        ids=services.ids,
        events=services.events,
        supervisor=services.supervisor,
        gpus=Gpus(gpus),
        workshop=Workshop(trainer.environment, trainer.plan),
        grace_s=0.5,
    )
    services.__dict__["runs"] = Runs(scheduler, services.training, settings=services.settings, clock=services.clock, ids=services.ids)
    return scheduler


@asynccontextmanager
async def runs_world(
    settings: Settings,
    tmp_path: Path,
    *,
    ready: bool = True,
    size: tuple[int, int] = (80, 24),
    trainer: Trainer | None = None,
    gpus: int = 0,
) -> AsyncIterator[tuple[World, Scheduler]]:
    """The list of runs of Ann, who is an administrator; with a training environment if `ready`. At the end nothing of its runs is left."""
    environment = make_environment(tmp_path / "env") if ready else None
    settings = replace(settings, training=TrainingSettings(environment=environment))
    try:
        async with signed_in(settings, size=size) as seen:
            scheduler = use_trainer(seen, trainer or Trainer(), gpus)
            await seen.press("alt+5")
            await seen.until(lambda: isinstance(seen.app.screen, RunsScreen) and "runs" in seen.app.screen._loaded)
            yield seen, scheduler
    finally:
        await sweep(settings.data_dir)


async def add_dataset(seen: World, folder: Path, name: str = "talks") -> str:
    """A dataset that can be trained on; its id."""
    return (await added(seen, write_rows(folder / f"{name}.jsonl", good_rows(20)), name)).id


async def turns_until(seen: World, scheduler: Scheduler, run_id: str, wanted: Callable[[Run], bool]) -> Run:
    """Let the scheduler work until the run is as wanted."""
    import asyncio

    async with asyncio.timeout(60):
        while True:
            await scheduler.turn()
            run = await seen.services.runs.run(seen.app.context.principal, run_id)
            if wanted(run):
                return run
            await asyncio.sleep(0.02)


async def paste(seen: World, name: str, text: str) -> None:
    """Paste into the field `name`, as one does with a path."""
    widget = seen.app.screen.query_one(f"#field-{name}")
    widget.focus()
    await seen.pilot.pause()
    await seen.press("end", "ctrl+u")
    widget.post_message(events.Paste(text))
    await seen.until(lambda: seen.app.screen.query_one(f"#field-{name}", Field).value == text)


def rows(seen: World) -> Rows:
    return seen.app.screen.query_one(Rows)
