"""The data area through keys, on real services and files: from the empty list to a repaired dataset, its pages, its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.settings import Settings
from tests.tui.data_world import added, broken_rows, good_rows, open_data, open_page, rows_of, talk, verdicts, write_rows
from tests.tui.world import World, signed_in
from tui.screens.data.add import AddScreen
from tui.screens.data.pages import DatasetPage
from tui.screens.data.row import RowScreen
from tui.screens.data.screen import DataScreen
from tui.widgets.file_picker import FilePicker
from tui.widgets.rows import Rows

SIZES = [(80, 24), (120, 40)]


async def type_path(seen: World, path: Path) -> None:
    """The path in the picker, as if it were pasted."""
    await seen.until(lambda: isinstance(seen.app.screen, AddScreen))
    picker = seen.app.screen.query_one(FilePicker)
    picker.field.focus()
    await seen.press("end", "ctrl+u")
    picker.go_to(str(path))
    await seen.until(lambda: picker.current_path == str(path))


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_empty_list_to_a_repaired_dataset_without_the_manual(
    settings: Settings, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = write_rows(tmp_path / "support.jsonl", broken_rows())
    before = path.read_bytes()
    async with signed_in(settings, size=size) as seen:
        await seen.until("press d and add a file of examples")
        await seen.press("d")
        await seen.until("Press n to add a file")
        await seen.press("n")
        await type_path(seen, path)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, DataScreen) and verdicts(seen).get("support") == "needs repair")
        await seen.until("Press R to repair it")
        assert "R repair" in seen.lines()[-1] and "train" not in seen.lines()[-1]
        assert "27 of 30 rows" in seen.text
        await seen.press("R")
        await seen.until("Repair “support”?")
        assert "an empty answer" in seen.text and "Version 2 is written" in seen.text
        await seen.press("enter")
        await seen.until(lambda: verdicts(seen).get("support") == "usable")
        await seen.until("t to train on it")
        assert "t train on it" in seen.lines()[-1] and "R repair" not in seen.lines()[-1]
        await seen.until("30 rows before, 27 now")
        assert seen.fits()
        assert path.read_bytes() == before, "the file of the person is never changed"
        await seen.press("t")
        await seen.until("support")
        assert not isinstance(seen.app.screen, DataScreen), "the form of a new run"


async def test_a_file_is_found_by_walking_to_it_and_completing_its_name(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "data sets"
    folder.mkdir(parents=True)
    write_rows(folder / "alpaca_en.jsonl", [{"instruction": "Add 1 and 1", "input": "", "output": "2"}] * 2)
    write_rows(folder / "对话.jsonl", good_rows(2))
    async with signed_in(settings) as seen:
        await open_data(seen)
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, AddScreen))
        picker = seen.app.screen.query_one(FilePicker)
        picker.go_to(f"{tmp_path}/home/da")
        await seen.until(lambda: [row.id for row in picker.rows.rows] == ["data sets"])
        await seen.press("tab")
        await seen.until("alpaca_en.jsonl")
        assert "对话.jsonl" in seen.text and "JSONL" in seen.text
        await seen.type("al")
        await seen.press("tab")
        assert picker.field.value.endswith("/alpaca_en.jsonl")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, DataScreen) and "alpaca_en" in verdicts(seen))
        assert rows_of(seen).current_id, "what was added is in hand"


@pytest.mark.parametrize("what", ["missing", "folder", "binary", "empty"])
async def test_what_cannot_be_added_or_used_is_said_with_what_to_do(settings: Settings, tmp_path: Path, what: str) -> None:
    path = tmp_path / f"{what}.jsonl"
    if what == "binary":
        path.write_bytes(bytes(range(256)) * 20)
    elif what == "empty":
        path.touch()
    async with signed_in(settings, size=(80, 24)) as seen:
        await open_data(seen)
        if what in ("missing", "folder"):
            await seen.press("n")
            await seen.until(lambda: isinstance(seen.app.screen, AddScreen))
            picker = seen.app.screen.query_one(FilePicker)
            picker.go_to(str(tmp_path / "nowhere" / "x.jsonl") if what == "missing" else str(path))
            await seen.until(lambda: not picker.rows.rows)
            await seen.press("enter")
            await seen.until(lambda: bool(seen.app.screen.query_one("#add-message")._parts))  # type: ignore[attr-defined]
            assert isinstance(seen.app.screen, AddScreen) and seen.fits()
        else:
            await added(seen, path)
            await open_data(seen)
            seen.app.screen.reload()  # type: ignore[attr-defined]
            await seen.until(lambda: verdicts(seen).get(what) == "unusable")
            wanted = {"binary": "a row that is no JSON", "empty": "the file is empty"}[what]
            await seen.until(wanted)
            assert "train on it" not in seen.lines()[-1] and "R repair" not in seen.lines()[-1]


async def test_every_problem_has_its_place_its_remedy_and_its_row(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "broken.jsonl", broken_rows())
    async with signed_in(settings) as seen:
        await added(seen, path)
        await open_data(seen)
        await open_page(seen, "p")
        rows = rows_of(seen, "#problems-rows")
        lines = [row.cells["line"] for row in rows.rows]
        assert {"4", "8", "12"} <= set(lines)
        assert "R: Repair takes the row out" in seen.text
        offset = path.read_bytes().split(b"\n")[:3]
        assert f"line 4 · byte {sum(len(line) + 1 for line in offset):,}" in seen.text.replace("  ", " ") or "line 4" in seen.text
        await seen.press("f")
        await seen.until("Problems of which rule?")
        await seen.type("unknown role")
        await seen.press("enter")
        await seen.until(lambda: [row.cells["line"] for row in rows_of(seen, "#problems-rows").rows] == ["8"])
        assert "$.conversations[0].from" in seen.text
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, RowScreen) and "As it stands in the file" in seen.text)
        assert "alien" in seen.text and "Question 7" in seen.text
        await seen.press("right")
        await seen.until("Question 8")
        await seen.press("escape")
        await seen.until("an unknown role")


async def test_rows_are_paged_through_in_a_file_of_any_size(settings: Settings, tmp_path: Path) -> None:
    count = 20_000
    path = write_rows(tmp_path / "large.jsonl", good_rows(count))
    async with signed_in(settings, size=(80, 24)) as seen:
        await added(seen, path)
        await open_data(seen)
        await open_page(seen, "v")
        await seen.until("Question 0:")
        await seen.press("j")
        await seen.until(f"row 2 of {count:,}")
        await seen.press("G")
        await seen.until(f"row {count:,} of {count:,}")
        assert f"Question {count - 1}:" in seen.text
        await seen.press("j")
        await seen.press("colon")
        await seen.until("Go to which row?")
        await seen.type("12,345")
        await seen.press("enter")
        await seen.until("row 12,345 of")
        assert "Question 12344:" in seen.text
        for _step in range(25):
            await seen.press("j")
        await seen.until("row 12,370 of")
        for _step in range(30):
            await seen.press("k")
        await seen.until("row 12,340 of")
        await seen.press("pagedown", "pagedown")
        await seen.press("g")
        await seen.until("row 1 of")
        assert seen.fits()
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, RowScreen) and "As it stands in the file" in seen.text)


@pytest.mark.parametrize("size", SIZES)
async def test_a_hostile_dataset_is_shown_harmlessly_everywhere(settings: Settings, tmp_path: Path, size: tuple[int, int]) -> None:
    evil = "\x1b[31mred\x1b]52;c;aGk=\x07 \u202eabc [bold]x[/bold] 田中"
    rows = [
        {"instruction": evil, "input": "", "output": evil, "k" * 10_000: evil},
        {"instruction": evil, "output": ["x" * 50_000]},
        {evil: evil, "instruction": "Q", "output": "A"},
    ]
    path = write_rows(tmp_path / "\x1b[31m对话\u202e[bold].jsonl", [*rows * 3, *good_rows(1)])
    async with signed_in(settings, size=size) as seen:
        await added(seen, path, "[red]对话")
        await open_data(seen)
        for keys in (("enter",), ("right",), ("right",), ("right",), ("right",)):
            await open_page(seen, *keys)
            assert seen.fits(), seen.text
            assert not set(seen.text) & set("\x1b\x07\u202e")
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, DataScreen))


async def test_versions_are_listed_and_one_can_go_back(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "twice.jsonl", [talk(1), talk(1), talk(2), talk(1)])
    async with signed_in(settings) as seen:
        await added(seen, path)
        await open_data(seen)
        await seen.until(lambda: verdicts(seen).get("twice") == "usable")
        await seen.press("D")
        await seen.until("Take 2 duplicates out of “twice”?")
        await seen.press("enter")
        await seen.until(lambda: rows_of(seen).rows[0].cells["version"] == "2")
        await open_page(seen, "V")

        def listed() -> list[tuple[str, str, str]]:
            return [(row.cells["version"], row.cells["rows"], row.cells["in_force"]) for row in rows_of(seen, "#versions-rows").rows]

        await seen.until(lambda: listed() == [("2", "2", "★"), ("1", "4", "")])  # once version 2 is checked, too
        assert "without duplicates" in seen.text
        await seen.press("j", "enter")
        await seen.until("Use version 1 of “twice” from now on?")
        await seen.press("y")
        await seen.until(lambda: [row.cells["in_force"] for row in rows_of(seen, "#versions-rows").rows] == ["", "★"])


async def test_rows_are_set_aside_to_validate_with(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings) as seen:
        await added(seen, write_rows(tmp_path / "all.jsonl", good_rows(40)))
        await open_data(seen)
        await seen.press("S")
        await seen.until("4 aside, 36 stay")
        await seen.put("validation", "100%")
        await seen.until("Not a number.")
        await seen.put("validation", "8")
        await seen.until("8 aside, 32 stay")
        await seen.press("ctrl+s")
        parts = {"all-train": "32", "all-validation": "8"}
        await seen.until(lambda: {row.cells["name"]: row.cells["rows"] for row in rows_of(seen).rows} == {"all": "40"} | parts)


async def test_problems_are_written_into_the_exports(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings) as seen:
        item = await added(seen, write_rows(tmp_path / "broken.jsonl", broken_rows()))
        await open_data(seen)
        await seen.press("x")
        await seen.until("exports/broken-problems-v1.jsonl")
        folder = seen.services.files.folder(seen.app.context.principal)
        lines = [json.loads(line) for line in (folder / "exports/broken-problems-v1.jsonl").read_text().splitlines()]
        page = await seen.services.datasets.problems(seen.app.context.principal, item.id, limit=1000)
        assert len(lines) == page.total
        assert {line["line"] for line in lines} >= {4, 8, 12}
        assert all(line["message"] and line["remedy"] and line["rule"] for line in lines)


async def test_marked_datasets_are_deleted_after_saying_what_goes(settings: Settings, tmp_path: Path) -> None:
    paths = [write_rows(tmp_path / f"{name}.jsonl", good_rows(3)) for name in ("one", "two", "three")]
    async with signed_in(settings, size=(80, 24)) as seen:
        for path in paths:
            await added(seen, path)
        await open_data(seen)
        await seen.press("s")
        await seen.until(lambda: [row.cells["name"] for row in rows_of(seen).rows] == ["one", "three", "two"])
        await seen.press("g", "space", "space")
        await seen.until("2 marked: c check, d delete")
        await seen.press("d")
        await seen.until("Delete 2 datasets?")
        assert "Nothing uses it." in seen.text and "stay there" in seen.text
        await seen.press("y")
        await seen.until(lambda: list(verdicts(seen)) == ["two"])
        assert all(path.exists() for path in paths)


async def test_what_exists_nowhere_else_is_deleted_only_when_its_name_is_typed(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings) as seen:
        item = await added(seen, write_rows(tmp_path / "broken.jsonl", broken_rows()))
        await (await seen.services.datasets.repair(seen.app.context.principal, item.id)).wait()
        await open_data(seen)
        await seen.press("d")
        await seen.until("Type “broken” to go on.")
        assert "1 file that modeltrain wrote is deleted." in seen.text
        await seen.press("enter")
        assert "Type “broken” to go on." in seen.text
        await seen.type("broken")
        await seen.press("enter")
        await seen.until("Press n to add a file")


async def test_a_name_and_a_note_are_given_and_found_by_searching(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings) as seen:
        await added(seen, write_rows(tmp_path / "a.jsonl", good_rows(3)))
        await added(seen, write_rows(tmp_path / "b.jsonl", good_rows(3)))
        await open_data(seen)
        await seen.press("r")
        await seen.until("Name and note of")
        await seen.put("name", "客服 v1")
        await seen.put("note", "from the help desk")
        await seen.press("ctrl+s")
        await seen.until("客服 v1")
        await seen.press("slash")
        await seen.type("desk")
        await seen.until(lambda: list(verdicts(seen)) == ["客服 v1"])
        await seen.press("enter", "escape")
        await seen.until(lambda: len(verdicts(seen)) == 2)


async def test_files_of_the_inbox_are_offered_and_served_people_learn_how_to_send_one(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        folder = seen.services.files.folder(seen.app.context.principal)
        await open_data(seen)
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, AddScreen))
        await seen.press("ctrl+t")
        await seen.until("No file waits here")
        assert "datasets" in seen.text
        await seen.press("escape")
        write_rows(folder / "datasets" / "sent.jsonl", good_rows(4))
        await seen.press("n")
        await seen.until("sent.jsonl")
        assert "Enter add it" in seen.lines()[-1]
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, DataScreen) and verdicts(seen).get("sent") == "usable")


async def test_without_a_training_environment_it_is_said_what_is_missing_and_where_it_is_installed(
    settings: Settings, tmp_path: Path
) -> None:
    async with signed_in(settings) as seen:
        await added(seen, write_rows(tmp_path / "a.jsonl", good_rows(3)))
        await open_data(seen)
        await open_page(seen, "w")
        await seen.until("There is no training environment yet.")
        assert "i install" in seen.lines()[-1] and "m model" not in seen.lines()[-1]
        await seen.press("i")
        await seen.until(lambda: seen.app.current_mode == "runs")
        await seen.until("Environment")


async def test_the_language_is_switched_on_every_page(settings: Settings, tmp_path: Path) -> None:
    async with signed_in(settings) as seen:
        await added(seen, write_rows(tmp_path / "a.jsonl", broken_rows()))
        await open_data(seen)
        for keys in (("escape",), ("enter",), ("right",), ("right",), ("right",), ("right",)):
            if keys != ("escape",):
                await open_page(seen, *keys)
            seen.app.switch_language("zh_CN")
            await seen.pilot.pause()
            assert seen.fits()
            seen.app.switch_language("en")
            await seen.pilot.pause()
        assert seen.app.screen.query(Rows)


async def test_a_check_is_called_off_by_esc_and_found_again_from_elsewhere(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "large.jsonl", good_rows(300))
    path.write_bytes(path.read_bytes() * 1500)
    async with signed_in(settings, size=(80, 24)) as seen:
        datasets, principal = seen.services.datasets, seen.app.context.principal
        made = await datasets.add(principal, str(path))
        await open_data(seen)
        await seen.press("c")
        await seen.until("Checking “large”")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, DatasetPage))
        assert "Esc cancel" in seen.lines()[2], "the work is in sight here, too"
        await seen.press("escape")
        await seen.until("Stopped. Nothing was changed.")
        assert (await datasets.dataset(principal, made.id)).verdict == "unchecked"
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, DataScreen))
        await seen.press("c")
        await seen.until("Checking “large”")
        await seen.press("ctrl+g", "h")
        await seen.until("Good to see you")
        await seen.until("“large”: 450,000 rows", 120)
