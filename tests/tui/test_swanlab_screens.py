"""The SwanLab screens as a person uses them, over directories as SwanLab writes them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.auth.principal import Principal
from core.managed.types import Service
from core.settings import Settings
from core.training.failures.types import Failure
from core.training.swanlab_place import swanlab_folder
from tests.tui.world import World, add_first_admin, signed_in
from tests.unit.swanlab.directories import NOW, add_experiment, make_project
from tui.glyphs import UNICODE
from tui.screens.swanlab import service_texts, texts
from tui.screens.swanlab.screen import SwanlabScreen
from tui.widgets.line_chart import LineChart
from tui.widgets.rows import Rows

CURVES = {
    "train/loss": [(step, 5 / step) for step in range(1, 40)],
    "train/learning_rate": [(step, 1e-4 / step) for step in range(1, 40)],
}
SIZES = [(120, 40), (80, 24)]


@dataclass
class Logged:
    folder: Path
    ids: dict[str, str]


def log(settings: Settings, ann: Principal) -> Logged:
    folder = make_project(swanlab_folder(settings.data_dir, ann.user_id))
    ids = {
        "old": add_experiment(folder, "old", days_ago=40, curves=CURVES, output="/runs/1"),
        "killed": add_experiment(folder, "killed", days_ago=2, status=0, curves=CURVES),
        "alive": add_experiment(folder, "alive", status=0, pid=os.getpid(), curves=CURVES),
    }
    return Logged(folder, ids)


@asynccontextmanager
async def opened(settings: Settings, size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[World, Logged]]:
    """The screen with three experiments, opened from the palette."""
    async with signed_in(settings, size=size) as seen:
        logged = log(settings, seen.app.context.principal)
        await seen.press("ctrl+p")
        await seen.type("SwanLab")
        await seen.until(lambda: any("▌ SwanLab" in line for line in seen.lines()))
        await seen.press("enter")
        await seen.until("alive")
        yield seen, logged


async def told(seen: World, text: str) -> None:
    """Until a notice says `text` (on the screen it is wrapped)."""
    await seen.until(lambda: any(text in f"{notice.title} {notice.message}" for notice in seen.app._notifications))


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_logged_yet_says_how_that_comes(settings: Settings, size: tuple[int, int]) -> None:
    async with signed_in(settings, size=size) as seen:
        seen.app.push_screen(SwanlabScreen())
        await seen.until("Nothing was logged to SwanLab yet")
        assert "Every run is logged here by itself" in seen.text
        await seen.press("n")
        await told(seen, "nothing a dashboard could show")
        await seen.press("right")
        await seen.until("There is no archive yet")
        await seen.press("right")
        await seen.until("No dashboard was started yet")
        assert seen.fits()
        await seen.press("escape")
        await seen.until("Good to see you")


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_tells_the_truth_about_states(settings: Settings, size: tuple[int, int]) -> None:
    async with opened(settings, size) as (seen, _logged):
        shown = {row.cells["name"]: row.cells["state"] for row in seen.app.screen.query_one("#swanlab-rows", Rows).rows}
        assert shown == {"alive": "● running", "killed": "■ cut off", "old": "✓ completed"}
        await seen.press("j")
        await seen.until("SwanLab itself goes on")
        await seen.until("best 0.1282 at 39")
        assert seen.fits()


@pytest.mark.parametrize("size", SIZES)
async def test_an_experiment_with_its_curve_and_configuration(settings: Settings, size: tuple[int, int]) -> None:
    async with opened(settings, size) as (seen, _logged):
        await seen.press("G", "enter")
        await seen.until("train/learning_rate")
        chart = seen.app.screen.query_one(LineChart)
        await seen.until(lambda: bool(chart.series) and chart.series[0].steps.tolist() == list(range(1, 40)))
        await seen.until(lambda: any("⠀" < character <= "⣿" for character in seen.text))
        await seen.press("j")
        await seen.until(lambda: chart.title == "train/learning_rate")
        assert seen.fits()
        await seen.press("v")
        await seen.until("/runs/1")
        await seen.press("escape")
        await seen.until("Experiments 3")


async def test_marked_experiments_are_drawn_over_one_another(settings: Settings) -> None:
    async with opened(settings) as (seen, _logged):
        await seen.press("space", "space")
        await seen.until("2 marked")
        await seen.press("c")
        await seen.until(lambda: len(seen.app.screen.query(LineChart).first().series) == 2)
        chart = seen.app.screen.query_one(LineChart)
        assert {line.label for line in chart.series} == {"alive", "killed"}
        await seen.press("v")
        await seen.until("They were started with the same configuration.")


async def test_a_clean_up_shows_what_goes_before_it_goes(settings: Settings) -> None:
    async with opened(settings) as (seen, logged):
        await seen.press("w")
        await seen.until("Keep the newest")
        await seen.press("ctrl+s")
        await seen.until("Something must be here.")
        await seen.put("keep", "0")
        await seen.put("days", str((seen.services.clock.now() - NOW).days + 30))
        await seen.press("ctrl+s")
        await seen.until("Remove 1 experiment for good")
        assert "old  modeltrain" in seen.text
        await seen.press("escape")
        assert (logged.folder / logged.ids["old"]).is_dir()
        await seen.press("w")
        await seen.until("Keep the newest")
        await seen.put("keep", "0")
        await seen.press("ctrl+s")
        await seen.until("Remove 2 experiments for good")
        assert "These stay: alive (still running)" in seen.text
        await seen.press("enter")
        await seen.until("Experiments 1")
        assert not (logged.folder / logged.ids["old"]).exists()
        assert (logged.folder / logged.ids["alive"]).is_dir()


async def test_what_is_pinned_or_running_cannot_be_deleted(settings: Settings) -> None:
    async with opened(settings) as (seen, logged):
        await seen.press("d")
        await told(seen, "Nothing would be removed: alive (still running)")
        await seen.press("G", "p")
        await told(seen, "1 experiment is pinned.")
        await seen.until("★")
        await seen.press("d")
        await told(seen, "Nothing would be removed: old (pinned)")
        await seen.press("p")
        await told(seen, "1 experiment is let go.")
        await seen.press("d")
        await seen.until("Remove 1 experiment for good")
        await seen.press("y")
        await seen.until("Experiments 2")
        assert not (logged.folder / logged.ids["old"]).exists()


async def test_into_an_archive_and_back(settings: Settings) -> None:
    async with opened(settings) as (seen, logged):
        await seen.press("G", "a")
        await seen.until("Put 1 experiment into an archive?")
        await seen.press("m")
        await seen.until("Archives 1")
        assert not (logged.folder / logged.ids["old"]).exists()
        await seen.press("right")
        await seen.until("Made:")
        await seen.press("r")
        await seen.until("Bring 1 experiment back")
        await seen.press("enter")
        await told(seen, "1 experiment is back.")
        await seen.until("Experiments 3")
        assert (logged.folder / logged.ids["old"]).is_dir()
        await seen.press("d")
        await seen.until("Delete this archive for good")
        await seen.press("enter")
        await seen.until("Archives 0")


async def test_curves_are_exported_into_ones_own_folder(settings: Settings) -> None:
    async with opened(settings) as (seen, _logged):
        await seen.press("G", "x")
        await seen.until("Export 1 experiment as what?")
        await seen.press("c")
        await told(seen, "Written to exports/old-")
        (file,) = (seen.services.files.folder(seen.app.context.principal) / "exports").iterdir()
        assert file.read_text().splitlines()[:2] == ["step,train/loss,train/learning_rate", "1,5.0,0.0001"]


async def test_without_an_environment_a_dashboard_says_what_is_missing(settings: Settings) -> None:
    async with opened(settings) as (seen, _logged):
        await seen.press("n")
        await told(seen, "SwanLab's dashboard is not installed")


async def test_the_web_interface_is_for_administrators_who_were_warned(settings: Settings) -> None:
    async with opened(settings) as (seen, _logged):
        await seen.press("right", "right", "b")
        await seen.until("Start LLaMA-Factory's web interface?")
        assert "always trusts code" in seen.text
        await seen.press("enter")
        await told(seen, "web interface is not installed")


async def test_a_damaged_project_says_so_and_hides_no_other(settings: Settings) -> None:
    ann = await add_first_admin(settings)
    bad = swanlab_folder(settings.data_dir, ann.user_id, "bad")
    bad.mkdir(parents=True)
    (bad / "runs.swanlab").write_bytes(b"not a database, but long enough to be looked at as if it were one" * 10)
    async with opened_again(settings, ann) as seen:
        await seen.press("f")
        await seen.until("its database is damaged")
        await seen.type("bad")
        await seen.press("enter")
        await seen.until("This project cannot be shown: its database is damaged.")
        await seen.press("d")
        await seen.until("Remove the project “bad” with its folder?")
        await seen.press("enter")
        await told(seen, "The project was removed")
        await seen.until("alive")
        assert not bad.exists()


@asynccontextmanager
async def opened_again(settings: Settings, ann: Principal) -> AsyncIterator[World]:
    """As `opened`, for an account that is there already."""
    from tests.tui.world import EMAIL, PASSWORD, world

    log(settings, ann)
    async with world(settings) as seen:
        await seen.until("Password")
        await seen.put("email", EMAIL)
        await seen.put("password", PASSWORD)
        await seen.press("ctrl+s")
        await seen.until("Good to see you")
        seen.app.push_screen(SwanlabScreen())
        await seen.until("alive")
        yield seen


def service(**values: object) -> Service:
    made = Service(
        "1", "a", "swanlab", "bots", "ready", "127.0.0.1", 5093, {"folder": "/data/bots", "port_asked": 5092}, Path("/data/services/1")
    )
    return replace(made, **values)  # type: ignore[arg-type]


def words(item: Service, *, served: bool = False) -> str:
    return "\n".join(text for text, _token in service_texts.lines(item, UNICODE, served=served))


def test_a_service_says_where_it_is_and_who_else_may_reach_it() -> None:
    said = words(service())
    assert "Open: http://127.0.0.1:5093" in said
    assert "Port 5092 was taken, so it took 5093." in said
    assert "ssh -N -L 5093:127.0.0.1:5093" in said
    assert "It has no sign-in" in said
    assert "/data/bots" in said
    assert "/data/bots" not in words(service(), served=True), "where the server keeps things is nobody's business"
    assert "everybody in the network" in words(service(host="0.0.0.0"))
    assert "ssh -N" not in words(service(host="0.0.0.0"))
    failed = service(state="failed", failure=Failure("port_taken", {}), restarts=2)
    assert "started again: 2 times" in words(failed)
    assert "Open:" not in words(failed)
    assert "always trusts code" in words(service(kind="webui"))


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_400, "99.4 kB"), (99_600, "100 kB"), (999_999, "1.0 MB"), (5 << 40, "5.5 TB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert texts.size(count) == shown
