"""How fast a provider is asked, against providers with limits of different kinds, in virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from core.batches.limits import Ended, Limiter, Limits, Pace
from tests.unit.batches.virtual_time import VirtualLoop, run


@dataclass
class Provider:
    """Takes what `allows(now)` says, and answers after `latency_s`; `retry_after_s`: what a refusal says."""

    loop: VirtualLoop
    allows: Callable[[float], bool]
    latency_s: float = 0.05
    retry_after_s: Callable[[float], float | None] = lambda _now: 1.0
    away: Callable[[float], bool] = lambda _now: False
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0

    @property
    def useful(self) -> float:
        return len(self.taken) / (len(self.taken) + len(self.refused) + len(self.missed))

    async def ask(self) -> tuple[Ended, float | None]:
        now = self.loop.time()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.away(now):
                self.missed.append(now)
                await asyncio.sleep(0.01)
                return "away", None
            if not self.allows(now):
                self.refused.append(now)
                await asyncio.sleep(0.01)
                return "limited", self.retry_after_s(now)
            self.taken.append(now)
            await asyncio.sleep(self.latency_s)
            return "answered", None
        finally:
            self.at_once -= 1


async def crowd(provider: Provider, limiter: Limiter, *, workers: int = 64, until_s: float = 60.0) -> None:
    """So many workers ask without a pause until that moment of virtual time."""
    end = provider.loop.time() + until_s

    async def work() -> None:
        while provider.loop.time() < end:
            slot = await limiter.acquire()
            ended, wait = await provider.ask()
            limiter.release(slot, ended, retry_after_s=wait)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    await asyncio.sleep(until_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert limiter.in_flight >= 0


def sliding(count: int, window_s: float) -> Callable[[float], bool]:
    """At most `count` in any `window_s` seconds."""
    taken: deque[float] = deque()

    def allows(now: float) -> bool:
        while taken and taken[0] <= now - window_s:
            taken.popleft()
        if len(taken) >= count:
            return False
        taken.append(now)
        return True

    return allows


def bucket(rate: float, size: float) -> Callable[[float], bool]:
    """A token bucket."""
    level, last = size, 1000.0

    def allows(now: float) -> bool:
        nonlocal level, last
        level, last = min(size, level + (now - last) * rate), now
        if level < 1:
            return False
        level -= 1
        return True

    return allows


def limiter_of(loop: VirtualLoop) -> Limiter:
    return Limiter(loop.time, Random(7))


@pytest.mark.parametrize("kind", ["sliding", "bucket", "latency"])
def test_in_a_storm_nearly_every_request_is_useful_and_nearly_all_that_is_allowed_is_used(kind: str) -> None:
    allows = bucket(10, 10) if kind == "bucket" else sliding(10, 1.0)

    async def work(loop: VirtualLoop) -> Provider:
        provider = Provider(loop, allows, latency_s=2.0 if kind == "latency" else 0.02)
        await crowd(provider, limiter_of(loop), until_s=90.0)
        return provider

    provider = run(work)
    assert provider.useful >= 0.95
    rate = len(provider.taken) / 90
    assert 9.0 <= rate <= 10.4


def test_without_a_limit_all_that_may_be_are_under_way_soon() -> None:
    async def work(loop: VirtualLoop) -> tuple[Provider, Limiter]:
        provider, limiter = Provider(loop, lambda _now: True), limiter_of(loop)
        await crowd(provider, limiter, until_s=1.0)
        return provider, limiter

    provider, limiter = run(work)
    assert provider.most_at_once == 64
    assert limiter.rate is None
    assert limiter.trouble is None


@pytest.mark.parametrize("truthful", [True, False])
def test_a_limit_by_the_minute_is_met_seldom(truthful: bool) -> None:
    """60 in any minute, and a Retry-After that says when the next one is taken, or only half of that."""
    allows = sliding(60, 60.0)

    async def work(loop: VirtualLoop) -> Provider:
        provider = Provider(loop, allows)
        provider.retry_after_s = lambda now: (60 - (now - provider.taken[-60])) * (1 if truthful else 0.5) + 0.01
        await crowd(provider, limiter_of(loop), until_s=600.0)
        return provider

    provider = run(work)
    assert provider.useful >= (0.94 if truthful else 0.9)
    assert len(provider.taken) >= 0.8 * 600


def test_a_refusal_that_does_not_say_how_long_is_waited_for_longer_each_time() -> None:
    async def work(loop: VirtualLoop) -> Provider:
        provider = Provider(loop, lambda now: now > 1300.0, retry_after_s=lambda _now: None)
        await crowd(provider, limiter_of(loop), until_s=400.0)
        return provider

    provider = run(work)
    before = [moment for moment in provider.refused if moment < 1300]
    assert len(before) <= 20  # in five minutes
    assert provider.taken
    assert provider.taken[0] < 1375


def test_a_limit_that_falls_and_rises_is_followed() -> None:
    low, high = sliding(2, 1.0), sliding(20, 1.0)

    async def work(loop: VirtualLoop) -> Provider:
        provider = Provider(loop, lambda now: low(now) if 1060 <= now < 1120 else high(now))
        await crowd(provider, limiter_of(loop), until_s=420.0)
        return provider

    provider = run(work)
    falling = [moment for moment in provider.taken if 1070 <= moment < 1120]
    assert 1.5 * 50 <= len(falling) <= 2.1 * 50
    assert len([moment for moment in provider.refused if 1060 <= moment < 1120]) <= 15
    late = [moment for moment in provider.taken if moment >= 1360]
    assert len(late) / 60 >= 15


def test_a_provider_that_went_away_is_asked_now_and_then_and_found_when_it_is_back() -> None:
    async def work(loop: VirtualLoop) -> tuple[Provider, bool, bool]:
        provider = Provider(loop, lambda _now: True, away=lambda now: 1010 <= now < 1310)
        limiter = limiter_of(loop)
        task = asyncio.create_task(crowd(provider, limiter, until_s=400.0))
        await asyncio.sleep(100.0)
        trouble = limiter.trouble
        away = limiter.is_away and trouble is not None and trouble.reason == "provider_away" and trouble.since < 1012
        await task
        return provider, away, limiter.is_away

    provider, away, still = run(work)
    assert away
    assert not still
    assert len(provider.missed) <= 64 + 25
    back = [moment for moment in provider.taken if moment >= 1310]
    assert back[0] < 1350
    assert len(back) > 1000


def test_a_model_that_fails_holds_up_no_other_of_the_provider() -> None:
    """One model answers slowly, another says 500 at once: while the first is being answered the provider is not away."""

    async def work(loop: VirtualLoop) -> tuple[bool, int]:
        limiter, answered, away = limiter_of(loop), 0, False

        async def slow() -> None:
            nonlocal answered
            while loop.time() < 1060:
                slot = await limiter.acquire()
                await asyncio.sleep(0.2)
                limiter.begun(slot)
                await asyncio.sleep(9.8)
                limiter.release(slot, "answered")
                answered += 1

        async def broken() -> None:
            nonlocal away
            while loop.time() < 1060:
                slot = await limiter.acquire()
                await asyncio.sleep(0.05)
                limiter.release(slot, "fault")
                away = away or limiter.is_away
                await asyncio.sleep(0.5)

        await asyncio.gather(*(slow() for _ in range(40)), *(broken() for _ in range(2)))
        return away, answered

    away, answered = run(work)
    assert not away
    assert answered > 150


def test_a_provider_that_only_fails_is_away() -> None:
    async def work(loop: VirtualLoop) -> tuple[bool, float]:
        limiter = limiter_of(loop)
        for _ in range(8):
            slot = await limiter.acquire()
            limiter.release(slot, "fault")
        away = limiter.is_away
        slot = await limiter.acquire()
        limiter.begun(slot)
        assert not limiter.is_away
        limiter.release(slot, "answered")
        return away, loop.time()

    away, until = run(work)
    assert away
    assert until > 1005


def test_a_retry_after_holds_everybody() -> None:
    async def work(loop: VirtualLoop) -> list[float]:
        provider = Provider(loop, lambda now: not 1005 <= now < 1025, retry_after_s=lambda now: 1025 - now)
        await crowd(provider, limiter_of(loop), until_s=40.0)
        return [moment for moment in (*provider.taken, *provider.refused) if 1005.1 < moment < 1025]

    assert run(work) == []


def test_a_cancelled_wait_takes_no_slot() -> None:
    async def work(loop: VirtualLoop) -> int:
        limiter = limiter_of(loop)
        slots = [await limiter.acquire() for _ in range(4)]
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(1)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        limiter.cancel(slots[0])
        await waiting[2]
        return limiter.in_flight

    assert run(work) == 4


def test_a_pace_makes_up_for_little_and_not_for_much() -> None:
    pace = Pace(10.0)
    assert pace.wait_s(100.0) == 0
    pace.take(100.0)
    assert pace.wait_s(100.0) == pytest.approx(0.0, abs=0.11)
    for _ in range(10):
        pace.take(100.0)
    assert pace.wait_s(100.0) > 0.7
    pace.take(200.0)
    assert pace.wait_s(200.0) == 0  # a quarter of a second's worth may leave at once
    assert Pace(None).wait_s(0.0) == 0


def test_limiters_are_shared_by_address_and_key() -> None:
    limits = Limits(lambda: 0.0, Random(1))
    one = limits.of("openai", "https://one/v1", "key")
    assert limits.of("openai", "https://one/v1", "key") is one
    assert limits.of("openai", "https://one/v1", "other") is not one
    assert limits.of("openai", "https://two/v1", "key") is not one
