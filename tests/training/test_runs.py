"""Runs of the real LLaMA-Factory: applications killed around it, paused and resumed to the step, stopped under torchrun, begun over SSH.

Few real runs, shared by many assertions: each start of LLaMA-Factory costs seconds of a processor.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.processes import identity_of, look, stop, tree
from core.settings import AuthSettings, Settings, load_settings
from core.training.metrics import MetricsFile
from core.training.types import Run, RunRequest, RunState
from tests.shell import PASSWORD, Shell

pytestmark = pytest.mark.training
ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600.0
#: An application without a screen: it looks after runs until it is killed.
APPLICATION = """
import asyncio, sys
from pathlib import Path
from core.bootstrap import build_services
from core.settings import load_settings

async def main():
    services = await build_services(load_settings(Path(sys.argv[1])))
    await services.look_after_runs()
    print("ready", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.fixture
def house(tmp_path: Path, training_env: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of an installation with the real environment; at the end nothing of its runs is left."""
    for name, value in (("MODELTRAIN_TRAINING_ENV", str(training_env)), ("HF_HUB_OFFLINE", "1"), ("OMP_NUM_THREADS", "1")):
        monkeypatch.setenv(name, value)
    settings = load_settings(tmp_path / "data")
    yield replace(settings, auth=AuthSettings(bcrypt_cost=4))
    for folder in sorted((settings.data_dir / "runs").glob("*/[0-9]*")):
        if tree(folder):
            asyncio.run(stop(folder, grace_s=0))


@pytest.fixture
def material(tmp_path: Path, tiny_model: Path) -> Callable[..., str]:
    """The YAML of a tiny run, with its data beside it."""
    rows = [{"instruction": f"What is {n} and {n}?", "input": "", "output": str(2 * n)} for n in range(60)]
    (tmp_path / "sums.json").write_text(json.dumps(rows))

    def yaml(**options: object) -> str:
        base = {
            "model_name_or_path": str(tiny_model),
            "stage": "sft",
            "do_train": "true",
            "finetuning_type": "lora",
            "template": "qwen",
            "dataset": "./sums.json",
            "logging_steps": 1,
            "save_steps": 100_000,
            "per_device_train_batch_size": 1,
            "gradient_accumulation_steps": 1,
            "cutoff_len": 64,
            "use_swanlab": "false",
        }
        return "".join(f"{name}: {value}\n" for name, value in (base | options).items())

    return yaml


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Services, Principal]]:
    services = await build_services(settings)
    try:
        signed_in = await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())
        yield services, signed_in.principal
    finally:
        await services.runs.scheduler.close()
        await services.close()


def application(settings: Settings) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", APPLICATION, str(settings.data_dir)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


async def until(services: Services, ann: Principal, run: Run, seen: Callable[[Run], bool]) -> Run:
    """Look, and only look, until the run is as wanted."""
    deadline = time.monotonic() + LIMIT_S
    while not seen(found := await services.runs.run(ann, run.id)):
        assert time.monotonic() < deadline, found
        assert not found.state.is_over, (found, found.log and found.log.read_text(errors="replace")[-3000:])
        await asyncio.sleep(0.05)
    return found


def commands(folder: Path | None) -> dict[int, bytes]:
    """The command lines of a job's processes."""
    found = {}
    for each in tree(folder) if folder is not None else ():
        with suppress(OSError):
            found[each.pid] = Path(f"/proc/{each.pid}/cmdline").read_bytes()
    return found


def tail(run: Run) -> str:
    """The end of its log: why it failed."""
    return (run.folder / "log.txt").read_text(errors="replace")[-3000:] if run.folder is not None else ""


def workers(processes: Mapping[int, bytes]) -> int:
    """How many of them torchrun started to train."""
    return sum(b"launcher.py" in line and b"torchrun" not in line for line in processes.values())


async def test_killed_three_times_paused_and_resumed_the_run_is_whole(
    house: Settings, material: Callable[..., str], tmp_path: Path
) -> None:
    """The application is killed with -9 while the run loads, trains, and trains on; then it is paused, resumed, and ends unwatched."""
    most = 700
    async with opened(house) as (services, ann):
        data = await services.datasets.add(ann, str(tmp_path / "sums.json"))
        run = await services.runs.start(ann, RunRequest(yaml_text=material(max_steps=most), dataset_ids=(data.id,), gpus=0))
        for moment in (lambda r: r.state is RunState.RUNNING, lambda r: r.step >= 1, lambda r: r.step >= 5):
            process = await asyncio.to_thread(application, house)
            await until(services, ann, run, moment)
            kill(process)
        first = look(house.data_dir / "runs" / run.id / "1")
        assert first.kind == "running", "it runs on although nobody is there"

        await services.runs.pause(ann, run.id)
        paused = await services.runs.settled(ann, run.id)
        assert paused.state is RunState.PAUSED and paused.attempts == 1, paused
        assert paused.exit_status == 0 and 5 <= paused.step < most and paused.output_dir is not None
        checkpoint = paused.output_dir / f"checkpoint-{paused.step}"
        state = json.loads((checkpoint / "trainer_state.json").read_text())
        assert state["global_step"] == paused.step and not (checkpoint / "checkpoint-is-incomplete.txt").exists()
        assert not tree(house.data_dir / "runs" / run.id / "1")

        await services.runs.resume(ann, run.id)
        going = await services.runs.settled(ann, run.id, wanted=[RunState.RUNNING])
        assert (going.attempt, going.resumed_at_step) == (2, paused.step)
        await services.runs.scheduler.close()
        # From here on nobody looks after it but its own shim.
        done = await until(services, ann, run, lambda found: found.state.is_over)
        assert (done.state, done.step, done.total_steps, done.exit_status) == (RunState.COMPLETED, most, most, 0)
        curve = MetricsFile(paused.output_dir / "trainer_log.jsonl")
        curve.read_new()
        steps, values = curve.series("loss")
        assert steps.tolist() == list(range(1, most + 1)) and (values > 0).all()
        assert (paused.output_dir / "adapter_model.safetensors").exists()
        assert "Resuming training from" in (done.log.read_text() if done.log else "")
        shown = Shell(house.data_dir, "ann@example.org").ok("train", "show", run.id, "--json").json
        assert {"id", "state", "step", "total_steps", "progress", "exit_status", "output_dir", "log", "failure"} <= set(shown)
        assert (shown["state"], shown["progress"], shown["failure"]) == ("completed", 1.0, None)
        metrics = Shell(house.data_dir, "ann@example.org").ok("train", "metrics", run.id).out.splitlines()
        assert json.loads(metrics[0])["step"] == 1 and json.loads(metrics[-1])["step"] == most and "loss" in json.loads(metrics[0])


async def test_stop_and_kill_9_under_torchrun_leave_none_and_a_retry_completes(
    house: Settings, material: Callable[..., str], tmp_path: Path
) -> None:
    talks = [{"conversations": [{"from": "human", "value": f"Say {n}"}, {"from": "gpt", "value": f"{n}"}]} for n in range(60)]
    (tmp_path / "sums.json").write_text(json.dumps(talks))  # ShareGPT this time
    async with opened(house) as (services, ann):
        data = await services.datasets.add(ann, str(tmp_path / "sums.json"))
        request = RunRequest(yaml_text=material(max_steps=100_000), dataset_ids=(data.id,), gpus=0, processes=2)
        run = await services.runs.start(ann, request)
        services.runs.begin_scheduling()
        going = await until(services, ann, run, lambda found: found.step >= 1)
        assert going.folder is not None
        processes = commands(going.folder)
        assert workers(processes) >= 2, processes
        assert len({os.getpgid(pid) for pid in processes}) >= 4, "workers are in process groups of their own"
        await services.runs.stop(ann, run.id)
        stopped = await services.runs.settled(ann, run.id)
        assert (stopped.state, stopped.slots) == (RunState.CANCELLED, ())
        assert not tree(going.folder)
        assert not [pid for pid in processes if identity_of(pid) is not None]

        await services.runs.retry(ann, run.id)
        again = await until(services, ann, run, lambda found: found.attempt == 2 and workers(commands(found.folder)) >= 2)
        assert again.folder is not None
        processes = commands(again.folder)
        shim = look(again.folder).shim
        assert shim is not None
        for pid in [shim.pid, *(pid for pid, line in processes.items() if b"torchrun" in line)]:
            os.kill(pid, signal.SIGKILL)
        lost = await services.runs.settled(ann, run.id)
        assert lost.state is RunState.LOST and lost.failure is not None and lost.slots == ()
        assert not tree(again.folder)
        assert not [pid for pid in processes if identity_of(pid) is not None], "no worker trains on without its torchrun"

        await services.runs.retry(ann, run.id, {"max_steps": 3})
        done = await services.runs.settled(ann, run.id)
        assert (done.state, done.step, done.attempt) == (RunState.COMPLETED, 3, 3), (done.failure, tail(done))
        assert done.output_dir != going.output_dir
        newest = (await services.runs.attempts(ann, run.id))[0]
        assert newest.changes == {"max_steps": 3}


async def test_kill_9_of_the_shim_and_of_the_trainer(house: Settings, material: Callable[..., str], tmp_path: Path) -> None:
    """Without its shim it trains on; killed itself it is lost, or failed where somebody saw it, and goes on from its checkpoint."""
    async with opened(house) as (services, ann):
        data = await services.datasets.add(ann, str(tmp_path / "sums.json"))
        yaml = material(max_steps=100_000, save_steps=2)
        run = await services.runs.start(ann, RunRequest(yaml_text=yaml, dataset_ids=(data.id,), gpus=0))
        services.runs.begin_scheduling()
        going = await until(services, ann, run, lambda found: found.step >= 3)
        assert going.folder is not None
        state = look(going.folder)
        assert state.shim is not None and state.child is not None
        os.kill(state.shim.pid, signal.SIGKILL)
        going = await services.runs.run(ann, run.id)
        await until(services, ann, run, lambda found: found.step > going.step + 2)
        os.kill(state.child.pid, signal.SIGKILL)
        lost = await services.runs.settled(ann, run.id)
        assert (lost.state, lost.exit_status, lost.can_resume) == (RunState.LOST, None, True) and lost.failure is not None

        await services.runs.resume(ann, run.id)
        again = await until(services, ann, run, lambda found: found.attempt == 2 and found.state is RunState.RUNNING)
        assert again.resumed_at_step is not None and again.resumed_at_step >= 2 and again.folder is not None
        start = again.resumed_at_step
        await until(services, ann, run, lambda found: found.step > start)
        child = look(again.folder).child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        failed = await services.runs.settled(ann, run.id)
        assert (failed.state, failed.exit_status, failed.can_resume) == (RunState.FAILED, -9, True)
        assert failed.failure is not None and failed.failure.rule == "killed_perhaps_memory"
        assert not tree(again.folder)
