"""Runs when something breaks: kills at any moment, two schedulers, a reboot, a full disk. No run is lost, and none starts twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.errors import DiskFull
from core.leases import is_dead, this_process
from core.processes import identity_of, is_alive, look, tree
from core.processes.looking import boot_id
from core.settings import Settings, TrainingSettings
from core.training.planning import Place, Plan, ResolvedRun
from core.training.types import Run, RunState
from storage.unit_of_work import Storage
from tests.unit.training.yard import Gpus, Yard, kill, make_yard, open_yard

ROOT = Path(__file__).resolve().parents[3]


@pytest_asyncio.fixture
async def yard(storage: Storage, settings: Settings) -> AsyncIterator[Yard]:
    async with open_yard(storage, settings) as made:
        yield made


class Killed(BaseException):
    """As if the process ended here."""


def begins(yard: Yard, run: Run, attempts: int = 1) -> int:
    """How often its trainer began."""
    logs = [yard.folder(run, number + 1) / "log.txt" for number in range(attempts)]
    return sum(log.read_text().count("Begins") for log in logs if log.exists())


# Kills ---------------------------------------------------------------------------------------------------------------------------


async def test_kill_9_of_the_trainer(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000, save_steps=2), lambda found: found.step >= 3)
    child = look(yard.folder(run)).child
    assert child is not None
    kill(child.pid)
    failed = await yard.until(run, RunState.FAILED)
    assert (failed.exit_status, failed.can_resume) == (-9, True)
    assert failed.failure is not None
    resumed = await yard.runs.resume(yard.ann, run.id)
    going = await yard.until(resumed, lambda found: found.state is RunState.RUNNING)
    assert going.resumed_at_step is not None and going.resumed_at_step >= 2


async def test_kill_9_of_the_shim_and_the_run_completes(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=60, step_s=0.02), lambda found: found.step >= 1)
    shim = look(yard.folder(run)).shim
    assert shim is not None
    kill(shim.pid)
    done = await yard.until(run, RunState.COMPLETED)
    assert (done.step, done.exit_status) == (60, None), "its status cannot be known, but the trainer wrote that it is finished"


async def test_kill_9_of_shim_and_trainer_loses_the_run_and_offers_its_checkpoint(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=60, step_s=0.02, save_steps=2), lambda found: found.step >= 3)
    state = look(yard.folder(run))
    for each in (state.shim, state.child):
        assert each is not None
        kill(each.pid)
    lost = await yard.until(run, RunState.LOST)
    assert lost.can_resume and lost.exit_status is None and lost.failure is not None
    await yard.runs.resume(yard.ann, run.id)
    done = await yard.until(run, RunState.COMPLETED)
    assert done.step == 60


async def test_kill_9_of_the_launcher_and_its_shim_leaves_no_worker_training(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=100_000, workers=2), lambda found: found.step >= 1)
    state = look(yard.folder(run))
    workers = [each for each in tree(yard.folder(run)) if each not in {state.shim, state.child}]
    assert len(workers) == 2 and state.shim is not None and state.child is not None
    for each in (state.shim, state.child):
        kill(each.pid)
    lost = await yard.until(run, lambda found: found.state.is_over)
    assert lost.state is RunState.LOST
    assert not any(is_alive(worker) for worker in workers)
    assert (await yard.storage.read(lambda uow: uow.slots.all())) == {}


async def test_a_reboot(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000, save_steps=2), lambda found: found.step >= 3)
    child = look(yard.folder(run)).child
    shim = look(yard.folder(run)).shim
    assert child is not None and shim is not None
    for each in (shim, child):
        kill(each.pid)
    written = yard.folder(run) / "run.json"
    written.write_text(written.read_text().replace(boot_id(), "11111111-2222-3333-4444-555555555555"))
    lost = await yard.until(run, RunState.LOST)
    assert lost.can_resume and lost.failure is not None


async def test_the_scheduler_is_killed_again_and_again_while_runs_start_and_end(storage: Storage, settings: Settings) -> None:
    """kill -9 at random moments: every run completes, each trainer began once, and nothing holds a GPU at the end."""
    roomy = replace(settings, training=TrainingSettings(runs_a_user=1000))
    async with open_yard(storage, roomy, gpus=2) as yard:
        runs = [await yard.start(max_steps=20, step_s=0.02, gpus=1) for _ in range(5)]
        dice = random.Random(7)
        for _ in range(6):
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "tests.unit.training.other_scheduler", str(settings.data_dir), "2"], cwd=ROOT, stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            await asyncio.to_thread(process.stdout.readline)
            await asyncio.sleep(dice.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        for run in runs:
            done = await yard.until(run, RunState.COMPLETED)
            assert begins(yard, run, done.attempts) == 1, "started twice"
            steps = [json.loads(line)["current_steps"] for line in (done.output_dir / "trainer_log.jsonl").read_text().splitlines()]  # type: ignore[operator]
            assert steps == list(range(1, 21))
        assert await storage.read(lambda uow: uow.slots.all()) == {}


@pytest.mark.parametrize("where", ["before", "after"])
async def test_the_scheduler_dies_in_the_middle_of_a_start(yard: Yard, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between writing down that it starts and starting; and between starting and writing that down."""
    plan = yard.training.plan
    real = yard.runs.scheduler._starter

    async def dies(run: ResolvedRun, place: Place) -> Plan:
        raise Killed

    def dies_too(*_: object) -> None:
        raise Killed

    if where == "before":
        monkeypatch.setattr(real, "_workshop", replace(real._workshop, plan=dies))
    else:
        monkeypatch.setattr(real, "_running", dies_too)
    run = await yard.start(max_steps=5)
    with pytest.raises(Killed):
        await yard.turn()
    assert (await yard.see(run)).state is RunState.STARTING
    monkeypatch.setattr(real, "_workshop", replace(real._workshop, plan=plan))
    monkeypatch.undo()
    done = await yard.until(run, RunState.COMPLETED)
    assert begins(yard, run, done.attempts) == 1
    assert len(await yard.runs.attempts(yard.ann, run.id)) == 1


# Two schedulers ------------------------------------------------------------------------------------------------------------------


async def test_one_of_two_schedulers_acts(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings) as yard:
        other = make_yard(storage, settings)
        yard.others.append(other)
        run = await yard.start(max_steps=3)
        assert await yard.runs.scheduler._lease.take() and not await other.runs.scheduler._lease.take()
        await other.turn()
        assert (await yard.see(run)).state is RunState.PENDING, "it left it to who holds the lease"
        await yard.runs.scheduler.close()
        await other.turn()
        assert (await yard.see(run)).state is RunState.RUNNING


async def test_two_that_both_believe_to_be_the_scheduler_start_nothing_twice(storage: Storage, settings: Settings) -> None:
    """A process that was asleep for longer than its lease wakes up: both act at once."""
    roomy = replace(settings, training=TrainingSettings(runs_a_user=1000))
    async with open_yard(storage, roomy, gpus=3, lease_s=-1) as yard:
        other = make_yard(storage, roomy, Gpus(3), lease_s=-1)
        yard.others.append(other)
        runs = [await yard.start(max_steps=8, gpus=1) for _ in range(6)]
        async with asyncio.timeout(60):
            while not all([(await yard.see(run)).state.is_over for run in runs]):
                await asyncio.gather(yard.turn(), other.turn())
        for run in runs:
            done = await yard.see(run)
            assert done.state is RunState.COMPLETED, done
            assert begins(yard, run, done.attempts) == 1
        given = [place.gpu_uuids for place in (*yard.training.places, *other.training.places)]
        assert all(len(slots) == 1 for slots in given)


async def test_the_lease_of_a_killed_process_is_taken_over_at_once(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings) as yard:
        await yard.start(max_steps=10_000)
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "tests.unit.training.other_scheduler", str(settings.data_dir), "0"], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        assert not await yard.runs.scheduler._lease.take()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert await yard.runs.scheduler._lease.take()


def test_who_is_dead() -> None:
    here = asdict(this_process())

    def told(**other: object) -> str:
        return json.dumps(here | other)

    assert not is_dead(told())
    assert is_dead(told(started=1)), "the pid is used again"
    assert is_dead(told(boot="of before")), "the machine was started anew"
    assert not is_dead(told(machine="another one", pid=1 << 22)), "cannot be known"
    assert not is_dead(told(space="pid:[1]", pid=1 << 22)), "another container"
    assert not is_dead("garbage") and not is_dead("")


# The disk, the environment -----------------------------------------------------------------------------------------------------------


async def test_a_full_disk_at_the_start_is_waited_for(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = yard.training.plan
    full = True

    async def maybe_full(run: ResolvedRun, place: Place) -> Plan:
        if full:
            raise DiskFull
        return await plan(run, place)

    starter = yard.runs.scheduler._starter
    monkeypatch.setattr(starter, "_workshop", replace(starter._workshop, plan=maybe_full))
    run = await yard.start(max_steps=2)
    await yard.turn()
    await yard.turn()
    waits = (await yard.see(run)).waiting_for
    assert waits is not None and (waits.code, waits.fields["problem"], waits.fields["tries"]) == ("not_startable", "disk_full", 1)
    full = False
    await yard.storage.write(lambda uow: uow.runs.change(run.id, not_before=1))  # as if the time had come
    done = await yard.until(run, RunState.COMPLETED)
    assert done.step == 2


@pytest.fixture
def small_disk(settings: Settings) -> Iterator[Path]:
    """The folder of runs on a disk of 2 MB."""
    folder = settings.data_dir / "runs"
    folder.mkdir(parents=True, mode=0o700)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_disk_that_gets_full_while_it_trains(storage: Storage, settings: Settings, small_disk: Path) -> None:
    """Not even the trainer's last words find room; it is explained all the same, and can be tried again once there is some."""
    async with open_yard(storage, replace(settings, training=TrainingSettings(disk_reserve_bytes=1 << 16))) as yard:
        run = await yard.until(await yard.start(max_steps=8, save_steps=2, fills_disk_at=5), RunState.FAILED)
        assert run.failure is not None and run.failure.rule == "disk_full", run
        assert run.exit_status not in (0, None) and run.can_resume and not tree(yard.folder(run))
        assert (await yard.storage.read(lambda uow: uow.slots.all())) == {}
        other = await yard.start(max_steps=2)
        await yard.turn()
        waits = (await yard.see(other)).waiting_for
        assert waits is not None and waits.code == "disk"
        (yard.folder(run) / "output" / "weights").unlink()
        await yard.until(other, RunState.COMPLETED)
        await yard.runs.retry(yard.ann, run.id, {"fills_disk_at": None})
        assert (await yard.until(run, RunState.COMPLETED)).step == 8


async def test_a_disk_that_is_nearly_full_lets_nothing_begin(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, replace(settings, training=TrainingSettings(disk_reserve_bytes=1 << 60))) as yard:
        run = await yard.start()
        await yard.turn()
        waits = (await yard.see(run)).waiting_for
        assert waits is not None and waits.code == "disk" and waits.fields["needed"] == 1 << 60


@pytest.mark.parametrize("state", ["missing", "broken", "installing"])
async def test_without_an_environment_runs_wait_for_it(yard: Yard, state: str) -> None:
    """Also where it breaks in mid-queue: what runs, runs on; what comes after waits until it is whole again."""
    real = yard.runs.scheduler._workshop
    at_work = await yard.until(await yard.start(max_steps=20, step_s=0.02), lambda found: found.step >= 1)

    async def without() -> object:
        return replace(await real.environment(), state=state)

    yard.runs.scheduler._workshop = replace(real, environment=without)  # type: ignore[arg-type]
    run = await yard.start(max_steps=2)
    await yard.until(at_work, RunState.COMPLETED)
    await yard.turn()
    waits = (await yard.see(run)).waiting_for
    assert waits is not None and (waits.code, waits.fields) == ("environment", {"state": state})
    yard.runs.scheduler._workshop = real
    await yard.until(run, RunState.COMPLETED)


async def test_a_fault_of_ours_fails_one_run_and_holds_nobody_up(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, starter = yard.training.plan, yard.runs.scheduler._starter

    async def faulty(run: ResolvedRun, place: Place) -> Plan:
        if run.options["max_steps"] == 1:
            raise RuntimeError("a fault")
        return await plan(run, place)

    monkeypatch.setattr(starter, "_workshop", replace(starter._workshop, plan=faulty))
    first, second = await yard.start(max_steps=1), await yard.start(max_steps=2)
    failed = await yard.until(first, RunState.FAILED)
    assert failed.failure is not None and failed.failure.rule == "not_started"
    await yard.until(second, RunState.COMPLETED)


async def test_a_run_whose_row_is_garbage_keeps_no_other_from_its_end(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings, gpus=2) as yard:
        bad = await yard.until(await yard.start(max_steps=1, gpus=1, step_s=0.5), RunState.RUNNING)
        good = await yard.until(await yard.start(max_steps=3, gpus=1), RunState.RUNNING)
        await storage.write(lambda uow: uow.runs.change_attempt(bad.id, 1, resolved="{"))
        done = await yard.until(good, RunState.COMPLETED)
        assert done.step == 3


async def test_the_log_is_deleted_while_it_runs(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=30, step_s=0.02), lambda found: found.step >= 1)
    assert run.log is not None
    run.log.unlink()
    assert (await yard.until(run, RunState.COMPLETED)).exit_status == 0


async def test_what_runs_on_is_found_again_by_the_next_process(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings) as yard:
        run = await yard.until(await yard.start(max_steps=10_000), lambda found: found.step >= 1)
        child = look(yard.folder(run)).child
        await yard.supervisor.close()
        await yard.runs.scheduler.close()
        after = make_yard(storage, settings)
        yard.others.append(after)
        before = (await after.see(run)).step
        found = await after.until(run, lambda found: found.step > before)
        assert found.state is RunState.RUNNING and found.attempt == 1
        assert child is not None and identity_of(child.pid) == child and child.pid != os.getpid()
