"""What came of runs, on screens: the card of a failed one, results with chat in two keys, report, comparison, models on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings, TrainingSettings
from core.training.failures import Failure, LogExcerpt, Remedy
from core.training.types import Attempt, Run, RunState
from tests.tui.world import World, signed_in
from tests.unit.inference.house import FewRuns, SmallEnvironment, make_run, write_model, write_output
from tui.i18n import N_
from tui.screens.compare.opening import visit
from tui.screens.compare.screen import SideBySideScreen
from tui.screens.runs.compare import CompareScreen
from tui.screens.runs.failure import FailureScreen
from tui.screens.runs.report import ReportScreen
from tui.screens.runs.results import ResultsScreen

RUN, OTHER = "a" * 32, "b" * 32
OUT_OF_MEMORY = Failure(
    "cuda_out_of_memory",
    {"gpu": "0", "wanted": "2.00 GiB", "free": "1.20 GiB", "total": "23.64 GiB"},
    (
        Remedy(
            "smaller_batch",
            {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2},
            {"before": 8, "after": 4, "accumulation": 2},
        ),
        Remedy("shorter_cutoff", {"cutoff_len": 1024}, {"before": 2048, "after": 1024}),
        Remedy("more_gpus"),
    ),
    (LogExcerpt(48213, "torch.OutOfMemoryError: CUDA out of memory. \x1b[31mTried\x1b[0m to allocate 2.00 GiB."),),
)


@dataclass
class Runs(FewRuns):
    """Runs of one account, whoever asks, with an attempt each."""

    async def start_following(self, principal: Any) -> None:
        """Nothing of these changes."""

    async def follow(self, user_ids: Any) -> None:
        """Nothing of these changes."""

    async def attempts(self, principal: Any, run_id: str) -> tuple[Attempt, ...]:
        run = await self.run(principal, run_id)
        assert run.folder is not None and run.output_dir is not None
        return (Attempt(1, run.state, False, {}, {}, run.folder, run.output_dir, run.slots, None, run.step, 6, 0, None, 2_000, 62_000),)


def made_run(folder: Path, run_id: str, base: Path, *, rate: str = "1e-4", **values: Any) -> Run:
    output = write_output(folder / run_id / "output", str(base))
    (folder / run_id / "run.yaml").write_text(f"model_name_or_path: {base}\nlearning_rate: {rate}\ntemplate: qwen\n")
    options = {"model_name_or_path": str(base), "template": "qwen", "learning_rate": rate}
    return make_run(run_id, output, options=options, **values)


@asynccontextmanager
async def world_with_runs(settings: Settings, tmp_path: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[World, Runs]]:
    base = write_model(tmp_path / "models" / "tiny")
    environment = SmallEnvironment(tmp_path / "env").make()
    settings = replace(settings, training=TrainingSettings(model_folders=(tmp_path / "models",)))
    async with signed_in(settings, size=size) as world:
        ann = world.app.context.principal.user_id
        failed = {"owner_id": ann, "state": RunState.FAILED, "failure": OUT_OF_MEMORY, "exit_status": 1, "name": "too big", "step": 3}
        runs = Runs({RUN: made_run(tmp_path, RUN, base, owner_id=ann), OTHER: made_run(tmp_path, OTHER, base, rate="2e-4", **failed)})
        world.services.__dict__["runs"] = runs
        world.services.inference._environment = environment
        try:
            yield world, runs
        finally:
            for service in await world.services.inference.services(world.app.context.principal, active=True):
                await world.services.inference.stop(world.app.context.principal, service.id)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["wide", "narrow"])
async def test_a_failed_run_says_what_proves_it_and_what_to_change(settings: Settings, tmp_path: Path, size: tuple[int, int]) -> None:
    async with world_with_runs(settings, tmp_path, size) as (world, _runs):
        world.app.push_screen(FailureScreen(OTHER))
        await world.until("The memory of GPU 0 was too small")
        assert "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate" in world.text, "and nothing that a terminal acts on"
        assert "48,213" in world.text
        assert "per_device_train_batch_size = 4" in world.text, "in the list, or below it where that is too narrow"
        screen: Any = world.app.screen
        assert screen.changes() == {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
        await world.pilot.press("space", "space")
        await world.until("2 marked")
        assert screen.changes() == {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "cutoff_len": 1024}


async def test_retry_fills_the_form_with_the_remedy(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        world.app.push_screen(FailureScreen(OTHER))
        await world.until("What to change")
        await world.pilot.press("R")
        await world.until("was left out")
        from tui.screens.runs.retry import RetryScreen

        screen = world.app.screen
        assert isinstance(screen, RetryScreen)
        assert screen.changes() == {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["wide", "narrow"])
async def test_from_the_results_to_a_chat_in_two_keys(settings: Settings, tmp_path: Path, size: tuple[int, int]) -> None:
    async with world_with_runs(settings, tmp_path, size) as (world, _runs):
        world.app.push_screen(ResultsScreen(RUN))
        await world.until("say it@3")
        await world.pilot.press("enter")
        await world.until("is starting")
        await world.until(lambda: world.app.current_mode == "chat", 60)
        await world.until("A new conversation with say it")
        await world.pilot.press(*"Hello", "enter")
        await world.until("I am say-it")


async def test_serving_stopping_and_the_log(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        world.app.push_screen(ResultsScreen(RUN))
        await world.until("say it@3")
        await world.pilot.press("s")
        await world.until("is served; c chats with it", 60)
        await world.until("ready")
        await world.pilot.press("s")
        await world.until("Stop the model server")
        await world.pilot.press("enter")
        await world.until("has stopped", 60)


async def test_a_merge_and_a_note(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, runs):
        world.app.push_screen(ResultsScreen(RUN))
        await world.until("say it@3")
        await world.pilot.press("m")
        await world.until("Merge")
        await world.pilot.press("enter")
        await world.until("is in the queue")
        assert [asked.name for asked in runs.asked] == ["say it merged"]
        await world.pilot.press("e")
        await world.until("Note about")
        await world.pilot.press(*"good", "enter")
        await world.until(lambda: "Note about" not in world.text and "good" in world.text)


async def test_the_report_is_read_and_saved(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        world.app.push_screen(ReportScreen(RUN))
        await world.until("Metrics")
        assert "best 0.333333 at step 6" in world.text
        await world.pilot.press("h")
        await world.until("Save to which file?")
        await world.pilot.press("enter")
        await world.until("Saved as")
        page = (tmp_path / "say-it.html").read_text()
        assert "<svg" in page and "learning_rate" in page
        await world.pilot.press("p")
        await world.until("say-it.pdf")
        await world.pilot.press("enter")
        await world.until((tmp_path / "say-it.pdf").exists)
        assert (tmp_path / "say-it.pdf").read_bytes().startswith(b"%PDF-")


async def test_runs_are_compared_with_the_best_marked(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        world.app.push_screen(CompareScreen((RUN, OTHER)))
        await world.until("learning_rate")
        assert "1e-4" in world.text and "2e-4" in world.text
        assert "template" not in world.text, "what is the same is left out"


async def test_two_models_answer_side_by_side(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        from core.models.types import ConfigurationDraft

        ann = world.app.context.principal
        made = [
            await world.services.configurations.create(
                ann, ConfigurationDraft(name=name, provider_id="simulator", endpoint="simulator:", model="sim-echo@0")
            )
            for name in ("left one", "right one")
        ]
        visit(world.app, (made[0].id, made[1].id), (N_("base"), N_("trained")))
        await world.until("base: left one")
        await world.pilot.press(*"parrot", "enter")
        await world.until(lambda: sum(line.count("parrot") for line in world.lines()) >= 4)
        assert any(line.count("parrot") == 2 for line in world.lines()), "the same line holds both"
        await world.until(lambda: world.text.count("finished") >= 2)
        await world.pilot.press("escape", "escape")
        await world.until(lambda: not isinstance(world.app.screen, SideBySideScreen))


async def test_models_on_this_machine_are_beside_the_configurations(settings: Settings, tmp_path: Path) -> None:
    async with world_with_runs(settings, tmp_path) as (world, _runs):
        await world.app.action_go("models")
        await world.until("Configurations")
        await world.pilot.press("right", "right")
        await world.until("say it@6")
        await world.pilot.press("G")
        await world.until("TinyForCausalLM")
