"""The screen of one run over real files that grow, with a stand-in for the service of runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import Conflict, NotFound
from core.events import RunsChanged
from core.settings import AuthSettings, Settings, load_settings
from core.training.failures.types import Failure
from core.training.types import Attempt, Run, RunPage, RunState, WaitReason
from tests.tui.world import World, signed_in
from tui.screens.runs.monitor import MonitorScreen
from tui.screens.runs.monitor_head import next_line

LINE = (
    '{{"current_steps": {step}, "total_steps": 200, "loss": {loss}, "lr": 4e-05, "epoch": {epoch}, '
    '"percentage": 1.0, "elapsed_time": "0:00:{seconds:02d}", "remaining_time": "0:01:14"}}\n'
)


def make_run(place: Path, **more: Any) -> Run:
    values: dict[str, Any] = {
        "id": "run-1", "name": "support-bot-v3", "kind": "train", "state": RunState.RUNNING, "wanted": "", "owner_id": "",
        "owner_name": "Ann",
        "configuration_id": None, "configuration_version": None, "attempt": 1, "attempts": 1, "retry_of": None, "priority": 0,
        "position": None, "gpus_wanted": 0, "gpu_uuids": (), "processes": 1, "slots": ("cpu:0",), "waiting_for": None, "folder": place,
        "output_dir": place / "output", "step": 0, "total_steps": None, "progress": None, "exit_status": None, "failure": None,
        "resumed_at_step": None, "can_resume": False, "created_at": 0, "queued_at": 0, "started_at": 0, "ended_at": None, "changed": 1,
        "stage": "sft", "method": "lora", "model": "/models/qwen2.5-7b",
    }  # fmt: skip
    return Run(**values | more)


class OneRun:
    """What the service of runs says of one run, and what it was asked for."""

    def __init__(self, run: Run) -> None:
        self.run_now, self.asked = run, list[str]()

    async def run(self, _principal: object, run_id: str) -> Run:
        if run_id != self.run_now.id:
            raise NotFound(kind="run", reference=run_id)
        return self.run_now

    async def runs(self, _principal: object, **_wanted: object) -> RunPage:
        return RunPage((self.run_now,), 1)

    async def attempts(self, _principal: object, _run_id: str) -> tuple[Attempt, ...]:
        run = self.run_now
        if run.folder is None or run.output_dir is None:
            return ()
        return tuple(
            Attempt(number, run.state, number > 1, {}, {}, run.folder, run.output_dir, (), None, 0, None, None, None, 0, None)
            for number in range(run.attempts, 0, -1)
        )

    async def log_path(self, _principal: object, _run_id: str, *, attempt: int | None = None) -> Path:
        if self.run_now.folder is None:
            raise Conflict(what="run_not_started")
        return self.run_now.folder / "log.txt"

    async def metrics_path(self, _principal: object, _run_id: str) -> Path:
        if self.run_now.output_dir is None:
            raise Conflict(what="run_not_started")
        return self.run_now.output_dir / "trainer_log.jsonl"

    async def pause(self, _principal: object, _run_id: str) -> Run:
        self.asked.append("pause")
        self.run_now = replace(self.run_now, state=RunState.PAUSING)
        return self.run_now

    async def stop(self, _principal: object, _run_id: str) -> Run:
        self.asked.append("stop")
        self.run_now = replace(self.run_now, state=RunState.CANCELLED)
        return self.run_now

    async def follow(self, _users: object) -> None:
        """Nobody else changes it."""

    async def start_following(self, _principal: object) -> None:
        """Nobody else changes it."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load_settings(tmp_path / "data", {}), auth=AuthSettings(bcrypt_cost=4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with a log and metrics of 40 steps."""
    folder = tmp_path / "run"
    (folder / "output").mkdir(parents=True)
    (folder / "log.txt").write_text("[INFO|2026-01-01 12:00:00] loading\n" + "".join(f"line {n}\n" for n in range(100)))
    log_steps(folder, range(1, 41))
    (folder / "run.yaml").write_text("stage: sft\n")
    return folder


def log_steps(folder: Path, steps: range) -> None:
    with (folder / "output" / "trainer_log.jsonl").open("a") as file:
        for step in steps:
            file.write(LINE.format(step=step, loss=round(6 / step, 4), epoch=step / 100, seconds=step % 60))


def say(folder: Path, text: str) -> None:
    with (folder / "log.txt").open("a") as file:
        file.write(text)


@asynccontextmanager
async def watching(settings: Settings, run: Run, size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[World, OneRun]]:
    async with signed_in(settings, size=size) as world:
        runs = OneRun(run)
        vars(world.services)["runs"] = runs
        await show(world, runs, run)
        yield world, runs


async def show(world: World, runs: OneRun, run: Run, **how: Any) -> MonitorScreen:
    """The monitor of `run` over whatever is in sight."""
    runs.run_now = run
    screen = MonitorScreen(run.id, **how)
    await world.app.push_screen(screen)
    await world.until("support-bot-v3")
    return screen


async def test_head_curves_and_log_are_there_and_grow(settings: Settings, folder: Path) -> None:
    async with watching(settings, make_run(folder)) as (world, runs):
        await world.until("step 40/200")
        await world.until("line 99")
        assert "LoRA" in world.text and "qwen2.5-7b" in world.text and "loss 0.15" in world.text and "learning rate" in world.text
        assert any("⠀" <= character <= "⣿" for character in world.text), "a curve is drawn"
        assert world.fits()
        say(folder, "a new line\n\r 30%|xxx | 60/200 [00:08<01:14,  4.12s/it]")
        await world.until("a new line")
        await world.until("30%|xxx")
        await world.until("step 60/200")
        log_steps(folder, range(41, 81))
        await world.until("step 80/200")
        (folder / "output" / "checkpoint-80").mkdir()
        history = [{"step": step, "loss": 1.0, "grad_norm": step / 10} for step in range(1, 81)]
        (folder / "output" / "checkpoint-80" / "trainer_state.json").write_text(json.dumps({"log_history": history}))
        await world.until("gradient norm")
        # Where nobody looks, nothing is polled.
        assert world.services.tails.watched == 3
        await world.press("f1")
        await world.until(lambda: world.services.tails.watched == 0)
        await world.press("escape")
        await world.until(lambda: world.services.tails.watched == 3)
        # What becomes of the run is seen.
        runs.run_now = replace(runs.run_now, state=RunState.COMPLETED)
        world.services.events.publish(RunsChanged(world.app.context.principal.user_id, "run-1"))
        await world.until("completed")
        await world.press("escape")
        await world.until(lambda: world.services.tails.watched == 0 and not world.services.tails.is_at_work)


async def test_what_is_said_of_runs_in_all_states(settings: Settings, folder: Path, tmp_path: Path) -> None:
    waiting = make_run(Path("/"), state=RunState.PENDING, folder=None, output_dir=None, waiting_for=WaitReason("next"))
    async with watching(settings, waiting) as (world, runs):
        await world.until("The log begins with the run.")
        await world.until("The curves begin with the run.")
        await show(world, runs, make_run(folder, state=RunState.FAILED, failure=Failure("disk_full")))
        await world.until("The disk was full.")
        await show(world, runs, make_run(tmp_path / "gone", state=RunState.LOST))
        await world.until("There is no log, or it was deleted.")
        # 150 steps of 4 seconds are left after the resume; the trainer's own figure would be another.
        before = [LINE.format(step=step, loss=1, epoch=1, seconds=step) for step in range(1, 51)]
        after = [LINE.format(step=40 + step, loss=1, epoch=1, seconds=4 * step) for step in range(1, 11)]
        (folder / "output" / "trainer_log.jsonl").write_text("".join(before + after))
        await show(world, runs, make_run(folder, resumed_at_step=40))
        await world.until("4 s/step")
        await world.until(lambda: "10:00 left" in world.text or "9:5" in world.text)
        for path in (folder / "log.txt", folder / "output" / "trainer_log.jsonl"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        await show(world, runs, make_run(folder))
        await world.until("it may hang")
        say(folder, "ValueError: here it is\n" + "after\n" * 100)
        offset = (folder / "log.txt").read_bytes().index(b"here it is")
        await show(world, runs, make_run(folder, state=RunState.FAILED), offset=offset)
        await world.until("ValueError: here it is")


async def test_keys(settings: Settings, folder: Path) -> None:
    async with watching(settings, make_run(folder)) as (world, runs):
        screen = world.app.screen
        assert isinstance(screen, MonitorScreen)
        await world.until("step 40/200")
        await world.press("Y")
        await world.until("stage: sft")
        await world.press("escape")
        await world.until(lambda: world.app.screen is screen and len([chart for chart in screen.grid.charts if chart.display]) == 2)
        loss, rate = screen.grid.charts[:2]
        loss.focus()
        await world.press("left", "left", "plus")
        await world.until(lambda: loss.pointer is not None and rate.pointer == loss.pointer and rate.span == loss.span is not None)
        await world.press("t")
        assert loss.weight == 0.9 and rate.weight == 0.0, "a learning rate is set, not measured"
        await world.press("m")
        await world.until(lambda: [chart.display for chart in screen.grid.charts] == [True] + [False] * 4)
        assert loss.title == "loss"
        await world.press("m")
        assert loss.title == "learning rate"
        await world.press("m")
        await world.until(lambda: rate.display)
        await world.press("s")
        await world.until("Stop “support-bot-v3”?")
        await world.press("escape")
        await world.press("p")
        await world.until(lambda: runs.asked == ["pause"])
        await world.until("pausing")
        await world.press("s")
        await world.until("Stop “support-bot-v3”?")
        await world.press("enter")
        await world.until(lambda: runs.asked == ["pause", "stop"])
        await world.app.push_screen(MonitorScreen("another"))
        await world.until(lambda: len(world.app._notifications) > 0)


async def test_narrow_screens_have_tabs(settings: Settings, folder: Path) -> None:
    async with watching(settings, make_run(folder), size=(80, 24)) as (world, _runs):
        await world.until("learning rate")
        assert "line 99" not in world.text and world.fits()
        await world.press("v")
        await world.until("line 99")
        assert "learning rate" not in world.text and world.fits()


async def test_a_log_of_5_gb_and_one_that_is_deleted_while_it_runs(settings: Settings, folder: Path) -> None:
    log, size = folder / "log.txt", 5 << 30
    line = b"\r".join(b"%d/9000 [00:08<01:14, 4.12s/it]" % number for number in range(300)) + b"\n"
    with log.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(line * 100)
        os.truncate(file.fileno(), size)  # where nothing was written it is a hole, as the shim leaves one
        file.seek(size)
        file.write(line * 100 + b"the very end\n")
    async with watching(settings, make_run(folder)) as (world, _runs):
        begun = time.monotonic()
        await world.until("the very end")
        assert time.monotonic() - begun < 10
        await world.press("v")
        await world.press("g")
        await world.until("line 3")
        await world.press("G")
        await world.until("the very end")
        say(folder, "and it grows\n")
        await world.until("and it grows")
        log.unlink()
        await world.until("deleted")
        assert "and it grows" in world.text, "what is open can still be read"
        log_steps(folder, range(41, 81))
        await world.until("step 80/200")
        log.write_text("begun anew\n")
        await world.until("begun anew")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"state": RunState.COMPLETED}, ["o: chat with it, compare it with its base, merge it", "r: the report"]),
        ({"state": RunState.PAUSED, "can_resume": True}, ["p: go on from its last checkpoint"]),
        (
            {"state": RunState.FAILED, "can_resume": True, "failure": Failure("killed")},
            ["i: why it failed, and what to change", "p: go on from its last checkpoint"],
        ),
        ({"state": RunState.COMPLETED, "kind": "export"}, []),
        ({"state": RunState.RUNNING}, []),
    ],
)
def test_what_to_do_with_a_run_that_is_over_is_said(tmp_path: Path, more: dict[str, Any], said: list[str]) -> None:
    assert [text for text, _token in next_line(make_run(tmp_path, **more))] == said
