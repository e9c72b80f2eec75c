"""Who starts next and why the others wait, as plain decisions; and what is known of GPUs."""

from __future__ import annotations

import os

import pytest

from core.processes import JobExit
from core.training.gpus import Gpu, NoGpus, NvmlReader
from core.training.queue import Decision, Holder, Situation, Waiting, decide
from core.training.recovery import judge
from core.training.runs_files import Course
from core.training.slots import CPU, SlotWish, choose, ghosts, gpus_of, offer
from core.training.types import RunState


def gpu(index: int, *, used: int = 0, pids: tuple[int, ...] = ()) -> Gpu:
    return Gpu(f"GPU-{index}", index, "Test", 80 << 30, used, pids=pids)


def waiting(run_id: str, count: int = 1, *uuids: str, owner: str = "ann", not_before: int = 0) -> Waiting:
    return Waiting(run_id, owner, run_id, SlotWish(count, uuids), not_before)


def situation(gpus: list[Gpu], held: dict[str, str] | None = None, **other: object) -> Situation:
    holders = {holder: Holder(holder, "bob", holder) for holder in (held or {}).values()}
    return Situation(**({"there": offer(gpus, held or {}), "at_work": {}, "limit": 10, "holders": holders} | other))  # type: ignore[arg-type]


def codes(decisions: tuple[Decision, ...]) -> list[str]:
    return [each.reason.code if each.reason is not None else " ".join(each.slots or ()) for each in decisions]


def test_the_emptiest_free_gpus_are_given() -> None:
    there = offer([gpu(0, used=9), gpu(1, used=3), gpu(2, used=5)], {"GPU-1": "x"})
    assert choose(SlotWish(1), there) == ("GPU-2",)
    assert choose(SlotWish(2), there) == ("GPU-2", "GPU-0")
    assert choose(SlotWish(3), there) is None
    assert choose(SlotWish(1), there, {"GPU-2", "GPU-0"}) is None


def test_a_gpu_that_somebody_else_computes_on_is_only_given_to_who_names_it() -> None:
    there = offer([gpu(0, pids=(4711,)), gpu(1, pids=(9,))], {"GPU-1": "ours"})
    assert there.foreign == {"GPU-0": (4711,)}, "what runs on a GPU that one of ours holds is ours"
    assert choose(SlotWish(1), there) is None
    assert choose(SlotWish(1, ("GPU-0",)), there) == ("GPU-0",)
    (reason,) = [each.reason for each in decide([waiting("a")], Situation(there, {}, 10))]
    assert reason is not None and reason.code == "no_gpu"
    (alone,) = [each.reason for each in decide([waiting("a")], situation([gpu(0, pids=(4711,))]))]
    assert alone is not None and (alone.code, alone.fields["pids"]) == ("gpu_busy", [4711])


def test_without_a_gpu_and_for_runs_that_want_none_there_is_one_place_on_the_cpu() -> None:
    assert codes(decide([waiting("a"), waiting("b")], situation([]))) == [CPU, "cpu_busy"]
    assert codes(decide([waiting("a", 0), waiting("b", 0), waiting("c", 1)], situation([gpu(0)]))) == [CPU, "cpu_busy", "GPU-0"]
    assert gpus_of((CPU, "GPU-1")) == ("GPU-1",)


def test_a_big_run_is_not_overtaken_by_small_ones_for_ever() -> None:
    found = decide([waiting("big", 2), waiting("small"), waiting("cpu", 0)], situation([gpu(0), gpu(1)], {"GPU-0": "other"}))
    assert codes(found) == ["no_gpu", "earlier", CPU]
    assert found[1].reason is not None and found[1].reason.fields["run_id"] == "big"


def test_who_waits_for_a_named_gpu_keeps_only_that() -> None:
    found = decide([waiting("named", 1, "GPU-0"), waiting("any"), waiting("too", 1, "GPU-0")], situation([gpu(0), gpu(1)], {"GPU-0": "x"}))
    assert codes(found) == ["no_gpu", "GPU-1", "no_gpu"]


def test_what_can_never_be_is_said_and_holds_nobody_up() -> None:
    queue = [waiting("missing", 1, "GPU-9"), waiting("many", 3, owner="bob")]
    assert codes(decide(queue, situation([gpu(0), gpu(1)]))) == ["gpu_missing", "too_many_gpus"]
    assert codes(decide([*queue, waiting("good")], situation([gpu(0), gpu(1)])))[2] == "GPU-0"


def test_what_is_in_the_way_of_everybody() -> None:
    assert codes(decide([waiting("a")], situation([gpu(0)], paused=True))) == ["paused"]
    assert codes(decide([waiting("a")], situation([gpu(0)], environment="broken"))) == ["environment"]
    assert codes(decide([waiting("a")], situation([gpu(0)], disk_lack=(1, 2)))) == ["disk"]
    assert codes(decide([waiting("a", not_before=5)], situation([gpu(0)], now=4))) == ["not_startable"]
    assert codes(decide([waiting("a", not_before=5)], situation([gpu(0)], now=5))) == ["GPU-0"]


def test_the_limit_counts_what_this_turn_starts() -> None:
    queue = [waiting("a"), waiting("b"), waiting("c", owner="bob")]
    assert codes(decide(queue, situation([gpu(0), gpu(1)], limit=1))) == ["GPU-0", "limit", "GPU-1"]


def test_memory_of_processes_that_are_gone_is_waited_for() -> None:
    gone = 1 << 22  # more than a pid may be
    there = [gpu(0, pids=(gone, os.getpid())), gpu(1, pids=(gone,))]
    assert ghosts(there, {"GPU-0"}) == (gone,)
    assert ghosts(there, set()) == ()


def test_a_machine_without_a_driver_has_no_gpus_and_no_problem() -> None:
    assert NoGpus().read() == ()
    reader = NvmlReader()
    found = reader.read()
    assert found or reader.problem == ""
    assert reader.read() == found or found


FINISHED = Course(step=10, total=10, checkpoint=10, finished=True, ended_at=10)
SAVED = Course(step=5, total=10, checkpoint=5, ended_at=6)
UNSAVED = Course(step=5, total=10)


@pytest.mark.parametrize(
    ("wanted", "status", "course", "state"),
    [
        ("", 0, FINISHED, "completed"),
        ("stop", 0, FINISHED, "completed"),  # it was faster
        ("pause", 0, FINISHED, "completed"),
        ("", None, FINISHED, "completed"),  # nobody saw how, but its files say so
        ("", 1, FINISHED, "failed"),  # as when the model could not be written at the end
        ("", 0, SAVED, "paused"),  # asked by somebody else
        ("pause", 0, SAVED, "paused"),
        ("pause", -9, SAVED, "paused"),  # it saved, and then it was killed
        ("pause", -9, UNSAVED, "failed"),
        ("stop", -15, SAVED, "cancelled"),
        ("stop", None, UNSAVED, "cancelled"),
        ("", 0, Course(), "failed"),  # it did nothing
        ("", 1, SAVED, "failed"),
        ("", None, SAVED, "lost"),
        ("", None, Course(), "lost"),
    ],
)
def test_what_became_of_it(wanted: str, status: int | None, course: Course, state: str) -> None:
    ended = None if status is None else JobExit(status, -status if status < 0 else None, 1)
    assert judge(wanted, ended, course).state == RunState(state)


def test_what_does_not_train_is_judged_by_its_status_and_who_may_end_early_may() -> None:
    done, bad = JobExit(0, None, 1), JobExit(1, None, 1)
    assert judge("", done, Course(), trains=False).state is RunState.COMPLETED
    assert judge("", bad, Course(), trains=False).state is RunState.FAILED
    assert judge("", None, Course(), trains=False).state is RunState.LOST
    assert judge("", done, SAVED, stops_early=True).state is RunState.COMPLETED
    assert judge("pause", done, SAVED, stops_early=True).state is RunState.PAUSED
