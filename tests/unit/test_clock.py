"""Identifiers sort in the order in which they were made, whatever the clock does."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from core.clock import Clock, Identifiers


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=30))
def test_they_grow_though_the_clock_stands_still_or_goes_back(times: list[float]) -> None:
    moments = iter(times)
    ids = Identifiers(Clock(wall=lambda: next(moments)))
    made = [ids.new() for _ in times]
    assert made == sorted(set(made))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {(7, uuid.RFC_4122)}


def test_they_begin_with_the_time_in_milliseconds() -> None:
    assert int(Identifiers(Clock(wall=lambda: 1_700_000_000.123)).new()[:12], 16) == 1_700_000_000_123


def test_threads_never_make_the_same() -> None:
    ids = Identifiers(Clock(wall=lambda: 1.0))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ids.new(), range(2000)))
    assert len(set(made)) == 2000
