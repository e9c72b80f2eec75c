"""Where many answers are read in one process, each is read in bites instead of crumbs, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, cast

import httpx
import pytest

from core.llm import flow
from core.llm.client import FEW, LONGEST_REST_S, ModelClients
from core.llm.failures import Origin
from core.llm.flow import chunks_of

ORIGIN = Origin("openai", "http://127.0.0.1/v1")


class Crumbs:
    """A body of single bytes; each comes when the reader has had a turn or two."""

    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, count: int, wait_s: float) -> None:
        self.count, self.wait_s = count, wait_s

    async def aiter_raw(self) -> AsyncGenerator[bytes, None]:
        for number in range(self.count):
            await asyncio.sleep(self.wait_s)
            yield bytes([number])


async def test_rests_follow_only_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    def rest() -> float:
        rests.append(0.0)
        return 0.0001

    slow = cast(httpx.Response, Crumbs(5, 0.003))
    assert b"".join([chunk async for chunk in chunks_of(slow, ORIGIN, 100, rest_s=rest)]) == bytes(range(5))
    assert len(rests) == 5
    rests.clear()
    monkeypatch.setattr(flow, "_AT_HAND_S", 60.0)  # however busy the machine is
    ready = cast(httpx.Response, Ready())
    assert b"".join([chunk async for chunk in chunks_of(ready, ORIGIN, 100, rest_s=rest)]) == b"abc"
    assert not rests, "what is at hand is read on"


class Ready:
    headers: ClassVar[dict[str, str]] = {}

    async def aiter_raw(self) -> AsyncGenerator[bytes, None]:
        for part in (b"a", b"b", b"c"):
            yield part


def test_a_few_answers_need_no_rest_and_many_a_short_one() -> None:
    clients = ModelClients()
    held: list[Any] = []
    for number in range(1, 60):
        held.append(clients.streaming())
        held[-1].__enter__()
        rest = clients._rest_s()
        assert (rest == 0) == (number <= FEW)
        assert rest <= LONGEST_REST_S
    for one in held:
        one.__exit__(None, None, None)
    assert clients._rest_s() == 0
