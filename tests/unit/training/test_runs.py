"""Runs from the request to the end: the queue, states, pause and resume, retry, stop; with real processes in place of the trainer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.auth.principal import Role
from core.errors import Conflict, Forbidden, InvalidInput, ModeltrainError, NotFound
from core.events import Event, RunsChanged
from core.processes import look, tree
from core.settings import Settings, TrainingSettings
from core.training.types import RunState, SlotHolder
from storage.unit_of_work import Storage
from tests.unit.training.yard import Yard, add_configuration, add_service, open_yard
from tui import failure_sentences
from tui.errors import describe


@pytest_asyncio.fixture
async def yard(storage: Storage, settings: Settings) -> AsyncIterator[Yard]:
    async with open_yard(storage, settings) as made:
        yield made


async def test_a_run_goes_from_the_queue_to_its_end(yard: Yard) -> None:
    told: list[Event] = []
    yard.events.subscribe("ann", told.append)
    run = await yard.start(max_steps=3)
    assert (run.state, run.position, run.attempt, run.name) == (RunState.PENDING, 1, 0, "tiny lora sft")
    done = await yard.until(run, RunState.COMPLETED)
    assert (done.step, done.total_steps, done.progress, done.exit_status, done.attempt) == (3, 3, 1.0, 0, 1)
    assert done.log is not None and done.log.read_text().splitlines() == ["Begins", "step 1", "step 2", "step 3"]
    assert done.output_dir is not None and (done.output_dir / "trainer_log.jsonl").exists()
    assert RunsChanged("ann", run.id) in told
    assert not tree(yard.folder(run))
    assert await yard.runs.metrics_path(yard.ann, run.id) == done.output_dir / "trainer_log.jsonl"
    assert (yard.folder(run).stat().st_mode & 0o777, (yard.folder(run) / "run.yaml").stat().st_mode & 0o777) == (0o700, 0o600)


async def test_the_environment_of_the_trainer_has_no_secret(storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELTRAIN_MASTER_KEY", "c2VjcmV0")
    monkeypatch.setenv("MODELTRAIN_DATABASE_URL", "postgresql://somebody:secret@db/x")
    async with open_yard(storage, settings) as yard:
        run = await yard.until(await yard.start(max_steps=500), lambda found: found.step > 0)
        assert run.folder is not None
        for each in tree(run.folder):
            seen = await asyncio.to_thread(Path(f"/proc/{each.pid}/environ").read_bytes)
            assert b"secret" not in seen and b"c2VjcmV0" not in seen
            assert b"MODELTRAIN_JOB=" in seen


async def test_a_failed_run_has_its_exit_status_and_a_reason(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=3, fail_at=2, exit_status=7), RunState.FAILED)
    assert (run.exit_status, run.step, run.can_resume) == (7, 2, False)
    assert run.failure is not None and run.failure.rule


async def test_status_0_is_not_finished(yard: Yard) -> None:
    """The trainer was asked to save by somebody else, as when the machine goes down: it can go on."""
    run = await yard.until(await yard.start(max_steps=10_000), lambda found: found.step > 1)
    from core.processes import ask_to_save

    assert await ask_to_save(yard.folder(run)) == 1
    run = await yard.until(run, RunState.PAUSED)
    assert (run.exit_status, run.can_resume) == (0, True)


async def test_what_did_nothing_and_called_it_success_has_failed(yard: Yard) -> None:
    run = await yard.until(await yard.start(program="/bin/true"), RunState.FAILED)
    assert run.exit_status == 0


# Pause, resume, retry, stop ----------------------------------------------------------------------------------------------


async def test_pause_and_resume_to_the_exact_step(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=40, step_s=0.02), lambda found: found.step >= 2)
    assert (await yard.runs.pause(yard.ann, run.id)).state is RunState.PAUSING
    paused = await yard.until(run, RunState.PAUSED)
    assert 2 <= paused.step < 40 and paused.can_resume and not paused.slots
    resumed = await yard.runs.resume(yard.ann, run.id)
    assert resumed.state is RunState.PENDING
    done = await yard.until(run, RunState.COMPLETED)
    assert (done.step, done.attempt, done.resumed_at_step) == (40, 2, paused.step)
    assert done.output_dir == paused.output_dir, "it went on in the same folder"
    assert done.output_dir is not None and done.folder is not None and (done.folder / "output").resolve() == done.output_dir.resolve()
    steps = [json.loads(line)["current_steps"] for line in (done.output_dir / "trainer_log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 41)), "the curve is whole"
    newest, first = await yard.runs.attempts(yard.ann, run.id)
    assert (first.state, newest.state, newest.resumed, newest.from_step) == (RunState.PAUSED, RunState.COMPLETED, True, paused.step)


async def test_a_pause_before_training_began_waits_for_it(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000, slow_start=1), RunState.RUNNING)
    await yard.runs.pause(yard.ann, run.id)
    await yard.turn()
    assert look(yard.folder(run)).kind == "running", "it was not killed by a signal that it does not know yet"
    paused = await yard.until(run, RunState.PAUSED)
    assert paused.exit_status == 0


async def test_an_incomplete_checkpoint_is_not_used(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000, step_s=0.01), lambda found: found.step >= 2)
    await yard.runs.pause(yard.ann, run.id)
    paused = await yard.until(run, RunState.PAUSED)
    assert paused.output_dir is not None
    broken = paused.output_dir / "checkpoint-9000"
    broken.mkdir()
    (broken / "trainer_state.json").write_text('{"global_step": 9000, "max_steps": 10000}')
    (broken / "checkpoint-is-incomplete.txt").touch()
    await yard.runs.resume(yard.ann, run.id)
    going = await yard.until(run, lambda found: found.state is RunState.RUNNING)
    assert going.resumed_at_step == paused.step
    assert not broken.exists()


async def test_a_finished_job_is_never_run_again(yard: Yard) -> None:
    done = await yard.until(await yard.start(max_steps=2), RunState.COMPLETED)
    with pytest.raises(Conflict) as refusal:
        await yard.runs.resume(yard.ann, done.id)
    assert refusal.value.fields["what"] == "run_finished"


async def test_a_job_that_finished_unseen_is_not_run_again_when_it_is_resumed(yard: Yard) -> None:
    """It was lost, somebody resumes it, and only then the files say that it had finished."""
    run = await yard.until(await yard.start(max_steps=10_000), lambda found: found.step >= 1)
    await yard.runs.pause(yard.ann, run.id)
    paused = await yard.until(run, RunState.PAUSED)
    assert paused.output_dir is not None
    (paused.output_dir / "trainer_state.json").write_text('{"global_step": 10000, "max_steps": 10000}')
    await yard.runs.resume(yard.ann, run.id)
    done = await yard.until(run, RunState.COMPLETED)
    assert done.step == 10_000
    assert not (yard.folder(run, 2) / "run.json").exists(), "nothing was started"
    assert not done.slots


async def test_a_retry_with_changes_is_a_new_attempt(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=3, fail_at=1), RunState.FAILED)
    again = await yard.runs.retry(yard.ann, run.id, {"fail_at": None, "max_steps": 4})
    assert (again.id, again.state) == (run.id, RunState.PENDING)
    done = await yard.until(run, RunState.COMPLETED)
    assert (done.step, done.total_steps, done.attempt, done.resumed_at_step) == (4, 4, 2, None)
    newest, first = await yard.runs.attempts(yard.ann, run.id)
    assert newest.changes == {"fail_at": None, "max_steps": 4} and newest.folder != first.folder and newest.output_dir != first.output_dir
    assert first.failure is not None and newest.failure is None


async def test_stop_leaves_nothing(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000, workers=2, ignores_term=True), lambda found: found.step > 0)
    assert len(tree(yard.folder(run))) >= 4, "shim, launcher and two workers in sessions of their own"
    await yard.runs.stop(yard.ann, run.id)
    stopped = await yard.until(run, RunState.CANCELLED)
    assert not tree(yard.folder(run)) and not stopped.slots


async def test_a_pending_run_is_cancelled_at_once(yard: Yard) -> None:
    run = await yard.start()
    assert (await yard.runs.cancel(yard.ann, run.id)).state is RunState.CANCELLED
    await yard.turn()
    assert not yard.folder(run).exists()
    with pytest.raises(Conflict):
        await yard.runs.stop(yard.ann, run.id)


async def test_a_run_at_work_is_not_deleted_and_one_that_is_over_goes_with_its_files(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=10_000), RunState.RUNNING)
    for refused in (yard.runs.delete(yard.ann, run.id), yard.runs.retry(yard.ann, run.id), yard.runs.resume(yard.ann, run.id)):
        with pytest.raises(Conflict):
            await refused
    await yard.runs.stop(yard.ann, run.id)
    await yard.until(run, RunState.CANCELLED)
    await yard.runs.delete(yard.ann, run.id)
    assert not yard.folder(run).parent.exists()
    with pytest.raises(NotFound):
        await yard.see(run)


async def test_what_a_run_made_is_not_deleted_while_something_needs_it(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=1), RunState.COMPLETED)
    assert run.output_dir is not None
    adapter = str(run.output_dir)

    async def refused() -> dict[str, object]:
        with pytest.raises(Conflict) as raised:
            await yard.runs.delete(yard.ann, run.id)
        assert yard.folder(run).exists() and describe(raised.value).remedy.endswith("first.")
        return raised.value.fields

    server = add_service(yard.storage, "ann", "server", path=adapter)
    assert (await refused())["user"] == "server"
    yard.storage.write_now(lambda uow: uow.services.change(server, 0, state="stopped"))
    add_service(yard.storage, "bob", "secret", state="starting", base=f"{adapter}/checkpoint-1")
    assert "user" not in await refused(), "what others call theirs is not told"
    yard.storage.write_now(lambda uow: uow.services.remove("bob", "secret".ljust(32, "0")))
    waiting = await yard.start(max_steps=1, name="on top", adapter_name_or_path=adapter)
    assert (await refused())["user"] == "on top"
    await yard.runs.cancel(yard.ann, waiting.id)
    ids = [add_configuration(yard.storage, owner, "the next", adapter_name_or_path=adapter) for owner in ("ann", "bob")]
    assert (await refused())["configuration"] == "the next"
    yard.storage.write_now(lambda uow: uow.training_configurations.remove("ann", ids))
    await yard.runs.delete(yard.ann, run.id)
    assert not yard.folder(run).exists()


async def test_a_run_that_is_forgotten_without_its_files_may_be_used_on(yard: Yard) -> None:
    run = await yard.until(await yard.start(max_steps=1), RunState.COMPLETED)
    add_service(yard.storage, "ann", "server", path=str(run.output_dir))
    await yard.runs.delete(yard.ann, run.id, files=False)
    assert yard.folder(run).exists()


# The queue ---------------------------------------------------------------------------------------------------------------


async def test_runs_without_a_gpu_take_turns_and_say_why_they_wait(yard: Yard) -> None:
    first, second, third = [await yard.start(max_steps=10_000, name=name) for name in ("one", "two", "three")]
    await yard.until(first, RunState.RUNNING)
    waits = (await yard.see(second)).waiting_for
    assert waits is not None and waits.code == "cpu_busy"
    assert [(holder["name"], holder["gpu"]) for holder in waits.fields["holders"]] == [("one", "cpu")]
    behind = (await yard.see(third)).waiting_for
    assert behind is not None and (behind.code, behind.fields["name"], behind.fields["ahead"]) == ("earlier", "two", 1)
    await yard.runs.move(yard.ann, third.id, -1)
    await yard.runs.stop(yard.ann, first.id)
    await yard.until(third, RunState.RUNNING)
    assert (await yard.see(second)).state is RunState.PENDING


async def test_gpus_are_given_by_uuid_and_never_twice(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings, gpus=2) as yard:
        one = await yard.until(await yard.start(max_steps=10_000, gpus=1), RunState.RUNNING)
        two = await yard.until(await yard.start(max_steps=10_000, gpus=1), RunState.RUNNING)
        assert sorted(one.slots + two.slots) == ["GPU-0", "GPU-1"]
        assert [place.gpu_uuids for place in yard.training.places] == [one.slots, two.slots]
        both = await yard.start(max_steps=2, gpus=2)
        small = await yard.start(max_steps=2, gpus=1)
        await yard.turn()
        waits = (await yard.see(both)).waiting_for
        assert waits is not None and waits.code == "no_gpu" and len(waits.fields["holders"]) == 2
        await yard.runs.stop(yard.ann, one.id)
        await yard.until(one, RunState.CANCELLED)
        assert (await yard.see(small)).state is RunState.PENDING, "what is free is kept for the one before it"
        await yard.runs.stop(yard.ann, two.id)
        done = await yard.until(both, RunState.COMPLETED)
        await yard.until(small, RunState.COMPLETED)
        assert not done.slots
        shown = await yard.runs.gpus(yard.ann)
        assert [holder for _gpu, holder in shown] == [None, None]


async def test_gpus_of_model_servers_are_held_by_name(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings, gpus=3) as yard:
        mine = await yard.until(await yard.start(max_steps=10_000, gpus=1, name="mine"), RunState.RUNNING)
        server = add_service(storage, "bob", "bob's server", gpus=("GPU-1",))
        storage.write_now(lambda uow: uow.slots.hold("gone", ("GPU-2",), moment=1))
        seen = {name: [one for _gpu, one in await yard.runs.gpus(who)] for name, who in (("ann", yard.ann), ("bob", yard.bob))}
        nameless = SlotHolder("api", "", "")
        assert seen["ann"] == [SlotHolder("train", mine.id, "mine"), nameless, SlotHolder("", "", "")]
        assert seen["bob"] == [SlotHolder("train", "", ""), SlotHolder("api", server, "bob's server"), SlotHolder("", "", "")]
        admin = replace(yard.ann, role=Role.ADMIN)
        assert [one.name if one else None for _gpu, one in await yard.runs.gpus(admin)] == ["mine", "bob's server", ""]
        next_one = await yard.start(yard.bob, gpus=1)
        await yard.turn()
        waits = (await yard.see(next_one, yard.bob)).waiting_for
        assert waits is not None and waits.code == "no_gpu"
        assert sorted(holder["name"] for holder in waits.fields["holders"]) == ["", "", "bob's server"]


async def test_the_limit_of_an_account_holds_nobody_else_up(storage: Storage, settings: Settings) -> None:
    limited = replace(settings, training=TrainingSettings(runs_a_user=1))
    async with open_yard(storage, limited, gpus=3) as yard:
        first, second = await yard.start(max_steps=10_000, gpus=1), await yard.start(max_steps=10_000, gpus=1)
        bobs = await yard.start(yard.bob, max_steps=10_000, gpus=1)
        await yard.until(first, RunState.RUNNING)
        assert (await yard.see(bobs, yard.bob)).state is RunState.RUNNING
        waits = (await yard.see(second)).waiting_for
        assert waits is not None and (waits.code, waits.fields) == ("limit", {"limit": 1, "running": 1})


async def test_priorities_and_who_may_give_them(yard: Yard) -> None:
    admin = replace(yard.bob, role=Role.ADMIN)
    first = await yard.until(await yard.start(max_steps=10_000), RunState.RUNNING)
    low, normal = await yard.start(name="low", priority=-5), await yard.start(name="normal")
    assert [run.name for run in (await yard.runs.runs(yard.ann, states=[RunState.PENDING])).items] == ["normal", "low"]
    with pytest.raises(Forbidden):
        await yard.runs.set_priority(yard.ann, low.id, 5)
    assert (await yard.runs.set_priority(admin, low.id, 5)).position == 1
    with pytest.raises(InvalidInput):
        await yard.runs.set_priority(admin, low.id, 500)
    await yard.runs.stop(yard.ann, first.id)
    await yard.until(low, RunState.COMPLETED)
    await yard.until(normal, RunState.COMPLETED)


async def test_a_paused_queue_starts_nothing(yard: Yard) -> None:
    admin = replace(yard.bob, role=Role.ADMIN)
    with pytest.raises(Forbidden):
        await yard.runs.set_queue_paused(yard.ann, True)
    assert (await yard.runs.set_queue_paused(admin, True)).paused
    run = await yard.start()
    await yard.turn()
    waits = (await yard.see(run)).waiting_for
    assert waits is not None and waits.code == "paused"
    await yard.runs.set_queue_paused(admin, False)
    await yard.until(run, RunState.COMPLETED)


async def test_others_see_neither_runs_nor_names(yard: Yard) -> None:
    mine = await yard.until(await yard.start(max_steps=10_000, name="top secret"), RunState.RUNNING)
    theirs = await yard.start(yard.bob)
    await yard.turn()
    for method in ("run", "pause", "stop", "cancel", "resume", "retry", "log_path", "metrics_path", "attempts", "delete"):
        for unknown in (mine.id, "0" * 32, mine.id[:30], "top secret", "\x00", "%"):
            with pytest.raises(ModeltrainError) as refusal:
                await getattr(yard.runs, method)(yard.bob, unknown)
            assert refusal.value.code == "not_found", (method, unknown)
    waits = (await yard.see(theirs, yard.bob)).waiting_for
    assert waits is not None and waits.code == "cpu_busy"
    assert "secret" not in str(waits) and mine.id not in str(waits)
    assert (await yard.runs.runs(yard.bob)).total == 1


async def test_a_program_that_is_not_there_fails_the_run_and_frees_its_place(yard: Yard) -> None:
    run = await yard.until(await yard.start(program="/nowhere/python"), RunState.FAILED)
    assert run.failure is not None and run.failure.rule == "not_started" and not run.failure.proof  # there is no log that could prove it
    assert "/nowhere/python" in failure_sentences.what(run.failure) and failure_sentences.remedies(run.failure)
    await yard.until(await yard.start(max_steps=1), RunState.COMPLETED)


async def test_found_by_the_beginning_of_the_id_or_the_name(yard: Yard) -> None:
    run = await yard.start(name="  my\nrun ")
    assert (await yard.runs.run(yard.ann, run.id[:12])).id == run.id == (await yard.runs.run(yard.ann, "my run")).id
    assert (await yard.runs.rename(yard.ann, run.id, "other")).name == "other"
    with pytest.raises(InvalidInput):
        await yard.runs.rename(yard.ann, run.id, "x" * 101)


async def test_a_served_person_cannot_fill_the_queue(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.runs.MOST_WAITING", 2)
    served = replace(yard.ann, served=True)
    for _ in range(2):
        await yard.start(served)
    with pytest.raises(Conflict) as error:
        await yard.start(served)
    assert error.value.fields["what"] == "runs_waiting" and "2 runs of yours wait" in describe(error.value).title
    assert (await yard.start(yard.ann)).state == RunState.PENDING, "at the machine itself nothing is limited"
