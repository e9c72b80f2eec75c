"""Where tries wait for others: how many, and that nothing is kept of those who were turned away."""

from __future__ import annotations

import asyncio

import pytest

from core.auth import lines
from core.auth.lines import Lines
from core.errors import TooManyAttempts


async def test_who_is_turned_away_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "IN_ALL", 2)
    full = Lines()
    free = asyncio.Event()

    async def look() -> str | None:
        return None if free.is_set() else "one"

    waiting = [asyncio.create_task(full.wait("one", look)) for _ in range(2)]
    await asyncio.sleep(0)
    assert len(full) == 2
    for number in range(100):
        with pytest.raises(TooManyAttempts):
            await full.wait(f"made up {number}", look)
        assert f"made up {number}" not in full
    free.set()
    await asyncio.gather(*waiting)
    assert "one" not in full
