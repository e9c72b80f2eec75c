"""The clock of the machine is set by hours, forwards and back, while runs and servers are looked after: nobody waits for hours."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import pytest

from core.clock import Clock
from core.leases import Lease
from core.persistence import Store
from core.processes import age_s, identity_of
from core.settings import Settings
from core.training.queue import LONGEST_MS, Situation, Waiting, decide
from core.training.slots import SlotWish, offer
from core.training.types import RunState
from storage.unit_of_work import Storage, UnitOfWork
from tests.unit.training.yard import add_service, open_yard

HOURS = 6 * 3600


@dataclass
class Hands:
    """A clock that can be set."""

    seconds: float = 1_800_000_000.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.seconds)


@pytest.mark.parametrize("jump", [-HOURS, HOURS])
async def test_the_lease_has_one_holder_whatever_the_clock_says(storage: Storage, jump: int) -> None:
    hands = Hands()
    one, other = (Lease(Store(storage), hands.clock(), name) for name in ("one", "other"))
    assert await one.take() and not await other.take()
    hands.seconds += jump
    # Whoever asks first has it from now on, for no longer than usual; the other one has not.
    first, second = (one, other) if jump < 0 else (other, one)
    assert await first.take() and not await second.take()
    row = storage.read_now(lambda uow: uow.leases.get("runs").expires_at)  # type: ignore[union-attr]
    assert 0 < row - hands.seconds * 1000 <= 30_000
    assert await first.take()


async def test_a_lease_from_before_the_clock_was_set_back_binds_nobody(storage: Storage) -> None:
    hands = Hands()
    one, other = (Lease(Store(storage), hands.clock(), name) for name in ("one", "other"))
    assert await one.take()
    hands.seconds -= HOURS
    assert await other.take(), "the holder is not heard of, and its time is none that is ever given"
    assert not await one.take()


@pytest.mark.parametrize("jump", [-HOURS, HOURS])
def test_a_start_that_was_put_off_is_tried_again(jump: int) -> None:
    put_off = Waiting("run", "ann", "run", SlotWish(0), not_before=1_800_000_000_000 + LONGEST_MS)
    reasons = []
    for moment in (1_800_000_000_000, 1_800_000_000_000 + jump * 1000):
        (decision,) = decide([put_off], Situation(offer([], {}), {}, 1, now=moment))
        reasons.append(decision.reason.code if decision.reason is not None else "starts")
    assert reasons == ["not_startable", "starts"]


async def test_a_server_finds_who_looks_after_it(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings):
        server, now = add_service(storage, "ann", "server"), 1_800_000_000_000

        def watch(name: str, moment: int) -> bool:
            def work(uow: UnitOfWork) -> bool:
                return uow.services.watch(server, name, moment=moment, until=moment + 15_000, longest=15_000)

            return storage.write_now(work)

        assert watch("one", now) and not watch("other", now + 1000)
        assert watch("other", now - HOURS * 1000), "who had it for hours had it before the clock was set back"
        assert not watch("one", now - HOURS * 1000 + 1000)
        assert watch("one", now), "set forwards, everybody's time is over"


async def test_progress_is_seen_of_a_run_that_started_in_the_future(storage: Storage, settings: Settings) -> None:
    async with open_yard(storage, settings) as yard:
        run = await yard.until(await yard.start(max_steps=10_000, step_s=0.02), lambda found: found.step > 0)
        later = (await yard.see(run)).started_at or 0
        storage.write_now(lambda uow: uow.runs.change(run.id, started_at=later + HOURS * 1000))
        before = (await yard.see(run)).step
        await yard.until(run, lambda found: found.step > before)
        await yard.runs.stop(yard.ann, run.id)
        await yard.until(run, RunState.CANCELLED)


async def test_the_age_of_a_process_follows_no_clock_that_is_set() -> None:
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    own, its = identity_of(os.getpid()), identity_of(child.pid)
    assert own is not None and its is not None
    assert -0.1 <= age_s(its) < 30 and age_s(own) > age_s(its)
    await child.communicate(b"")  # ends its input
