"""Files of examples for the tests of the data screens, and ways through these screens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.datasets.types import Dataset
from tests.tui.world import World
from tui.screens.data.pages import DatasetPage
from tui.screens.data.screen import DataScreen
from tui.widgets.rows import Rows


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    """A JSONL file; what is a string already is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def talk(number: int, *, first: str = "human", answer: str = "Because of the learning rate.") -> dict[str, Any]:
    """A row in ShareGPT's format."""
    said = [{"from": first, "value": f"Question {number}: why is it flat?"}, {"from": "gpt", "value": f"{answer} ({number})"}]
    return {"conversations": said}


def good_rows(count: int) -> list[Any]:
    return [talk(number) for number in range(count)]


def broken_rows(count: int = 30) -> list[Any]:
    """Rows of which some have an empty answer, an unknown role, or are cut off."""
    rows: list[Any] = good_rows(count)
    rows[3] = talk(3, answer="") | {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": ""}]}
    rows[7] = talk(7, first="alien")
    rows[11] = json.dumps(talk(11))[:-20]
    return rows


async def open_data(seen: World) -> None:
    """Go to the data area and wait until its list was read."""
    await seen.press("alt+4")
    await seen.until(lambda: isinstance(seen.app.screen, DataScreen) and seen.app.screen._loaded)


async def added(seen: World, path: Path, name: str | None = None) -> Dataset:
    """A dataset that was added and checked before anybody looked."""
    datasets, principal = seen.services.datasets, seen.app.context.principal
    made = await datasets.add(principal, str(path), name)
    return await (await datasets.check(principal, made.id)).wait()


async def open_page(seen: World, *keys: str) -> DatasetPage:
    """Press keys that open a page of a dataset, and wait for what it shows."""
    await seen.press(*keys)
    await seen.until(lambda: isinstance(seen.app.screen, DatasetPage) and seen.app.screen.dataset is not None)
    await seen.app.workers.wait_for_complete()
    await seen.pilot.pause()
    assert isinstance(seen.app.screen, DatasetPage)
    return seen.app.screen


def rows_of(seen: World, selector: str = "#data-rows") -> Rows:
    return seen.app.screen.query_one(selector, Rows)


def verdicts(seen: World) -> dict[str, str]:
    """Name -> verdict, as the list shows them."""
    return {row.cells["name"]: row.cells["verdict"].split(" ", 1)[1] for row in rows_of(seen).rows}
