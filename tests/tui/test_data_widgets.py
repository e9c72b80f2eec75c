"""The widgets of the data screens alone: sheet, histogram, file picker."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual import events

from tests.tui.widget_host import WidgetHost, lines_of
from tui.glyphs import ASCII, UNICODE, Glyphs
from tui.widgets.file_picker import FileEntry, FilePicker
from tui.widgets.histogram import Bin, bar, histogram, merged, progress_bar
from tui.widgets.rows import Rows
from tui.widgets.sheet import Line, Sheet, flat


def numbered(count: int) -> list[Line]:
    return [((f"line {index}", "text"),) for index in range(count)]


async def test_a_sheet_scrolls_by_lines_and_pages_and_says_when_there_is_no_more() -> None:
    host = WidgetHost(Sheet)
    async with host.run_test(size=(30, 10)) as pilot:
        sheet = host.query_one(Sheet)
        sheet.styles.height = "1fr"
        sheet.show(lambda _width: numbered(25))
        sheet.focus()
        await pilot.pause()
        assert lines_of(sheet)[0] == " line 0" and lines_of(sheet)[9] == " line 9"
        await pilot.press("j", "pagedown")
        assert lines_of(sheet)[0] == " line 10"
        await pilot.press("G")
        assert lines_of(sheet)[9] == " line 24"
        assert not host.of(Sheet.Edge)
        await pilot.press("j")
        await pilot.press("g", "k")
        assert [message.step for message in host.of(Sheet.Edge)] == [1, -1]
        sheet.show(lambda _width: numbered(3), keep=True)
        await pilot.pause()
        assert lines_of(sheet)[0] == " line 0", "what became shorter is not scrolled out of sight"


async def test_a_sheet_makes_its_lines_for_the_width_there_is() -> None:
    host = WidgetHost(Sheet)
    async with host.run_test(size=(40, 8)) as pilot:
        sheet = host.query_one(Sheet)
        sheet.styles.height = "1fr"
        sheet.show(lambda width: flat([("one two three four five six seven", "text")], width))
        await pilot.pause()
        assert len(sheet.lines) == 1
        await pilot.resize_terminal(20, 8)
        await pilot.pause()
        assert [line.strip() for line in lines_of(sheet)[:2]] == ["one two three four", "five six seven"]


BINS = [Bin(0, 10, 0), Bin(10, 20, 5), Bin(20, 30, 1000), Bin(30, 40, 0), Bin(40, 50, 1), Bin(50, 60, 0)]


@pytest.mark.parametrize("signs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_histogram_says_ranges_and_counts_and_shows_even_a_single_value(signs: Glyphs) -> None:
    lines = ["".join(text for text, _token in line) for line in histogram(BINS, 40, signs)]
    assert len(lines) == 4, "empty bins at both ends are left out"
    assert lines[1].endswith("1,000") and lines[1].split()[0] == f"20{'-' if signs.ascii else '–'}29"
    assert lines[3].split()[0] == f"40{'-' if signs.ascii else '–'}50", "the last one ends with its own end"
    assert len(lines[3].split()) == 3, "one value of a thousand is seen"
    assert lines[2].split()[-1] == "0" and len(lines[2].split()) == 2
    assert {cell_len(line) for line in lines} == {40}
    assert not signs.ascii or all(line.isascii() for line in lines)


def test_what_lies_above_the_cutoff_is_a_warning() -> None:
    tokens = [line[1][1] for line in histogram(BINS, 40, UNICODE, beyond=29)]
    assert tokens == ["accent", "accent", "warn", "warn"]


@given(st.lists(st.integers(0, 10**9), max_size=200), st.integers(1, 30))
def test_merging_bins_loses_no_value(counts: list[int], most: int) -> None:
    bins = [Bin(index * 7, index * 7 + 7, count) for index, count in enumerate(counts)]
    found = merged(bins, most)
    assert sum(item.count for item in found) == sum(counts)
    assert len(found) <= most
    assert all(before.high == after.low for before, after in pairwise(found))


@given(st.floats(-1, 2), st.integers(0, 60))
def test_bars_stay_within_their_width(fraction: float, width: int) -> None:
    for signs in (UNICODE, ASCII):
        assert cell_len(progress_bar(fraction, width, signs)) == width
        assert cell_len(bar(fraction, width, signs)) <= max(1, width)


TREE = {
    "/home/ann/": [FileEntry("data", folder=True), FileEntry("notes.txt", folder=False), FileEntry(".hidden", folder=False)],
    "/home/ann/data/": [
        FileEntry("alpaca_en.json", folder=False, size="2.0 MB"),
        FileEntry("alpaca_zh.json", folder=False),
        FileEntry("\x1b[31m对话\u202e.jsonl", folder=False),
    ],
    "/home/": [FileEntry("ann", folder=True)],
    "/": [FileEntry("home", folder=True)],
}


class PickerHost(WidgetHost):
    """Answers like the screen that owns the picker, from TREE; "" is Ann's home."""

    def __init__(self) -> None:
        super().__init__(lambda: FilePicker(id="picker"))
        self.asked: list[str] = []

    def on_file_picker_wanted(self, message: FilePicker.Wanted) -> None:
        self.asked.append(message.folder)
        folder = {"": "/home/ann/", "~/": "/home/ann/"}.get(message.folder, message.folder)
        entries: Iterable[FileEntry] = TREE.get(folder, ())
        above = folder.rstrip("/").rpartition("/")[0] + "/" if folder != "/" else None
        problem = "" if folder in TREE else "There is no such folder."
        message.picker.show_folder(message.folder, folder, entries, above=above, problem=problem)

    @property
    def names(self) -> list[str]:
        return [row.cells["name"] for row in self.query_one(Rows).rows]

    @property
    def picker(self) -> FilePicker:
        return self.query_one(FilePicker)


async def test_the_picker_completes_narrows_and_takes_a_file() -> None:
    host = PickerHost()
    async with host.run_test(size=(70, 16)) as pilot:
        host.picker.field.focus()
        await pilot.pause()
        assert host.picker.field.value == "", "whole paths are typed or pasted at once"
        assert host.picker.field.hint == "/home/ann/"
        assert host.names == ["../", "data/", "notes.txt"], "hidden files are shown to who asks for them"
        await pilot.press("d", "tab")
        await pilot.pause()
        assert host.picker.field.value == "/home/ann/data/"
        assert host.query_one(Rows).current_id == "alpaca_en.json", "Enter would not go back up"
        await pilot.press("a", "tab")
        await pilot.pause()
        assert host.picker.field.value == "/home/ann/data/alpaca_"
        await pilot.press("z", "enter")
        await pilot.pause()
        assert [message.path for message in host.of(FilePicker.Chosen)] == ["/home/ann/data/alpaca_zh.json"]


async def test_a_whole_path_typed_or_pasted_behind_another_one_begins_anew() -> None:
    host = PickerHost()
    async with host.run_test(size=(70, 16)) as pilot:
        field = host.picker.field
        field.focus()
        for typed in ("/", "~/"):
            host.picker.go_to("/home/ann/data/")
            await pilot.pause()
            for character in typed:
                await pilot.press("tilde" if character == "~" else "slash")
            await pilot.pause()
            assert field.value == {"/": "/", "~/": "/home/ann/"}[typed]
        host.picker.go_to("/home/ann/data/")
        await pilot.pause()
        field.post_message(events.Paste("/home/x.json"))
        await pilot.pause()
        assert field.value == "/home/x.json" and field.cursor_position == len(field.value)
        await pilot.press("ctrl+u")
        await pilot.pause()
        assert field.value == "" and host.names[-1] == "notes.txt", "back to where it began"


async def test_the_picker_is_walked_with_arrows_and_draws_hostile_names_harmlessly() -> None:
    host = PickerHost()
    async with host.run_test(size=(70, 16)) as pilot:
        rows = host.query_one(Rows)
        rows.focus()
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert host.names[0] == "../" and rows.current_id == "alpaca_en.json"
        await pilot.press("down", "down")
        drawn = "\n".join(lines_of(rows))
        assert "对话.jsonl" in drawn and "\x1b" not in drawn and "\u202e" not in drawn
        await pilot.press("enter")
        await pilot.pause()
        assert host.of(FilePicker.Chosen)[-1].path == "/home/ann/data/\x1b[31m对话\u202e.jsonl", "the path itself is true"
        await pilot.press("backspace", "backspace", "backspace")
        await pilot.pause()
        assert host.picker.field.value == "/" and host.names == ["home/"]


async def test_the_picker_says_why_a_folder_is_not_shown_and_offers_what_was_typed_all_the_same() -> None:
    host = PickerHost()
    async with host.run_test(size=(70, 16)) as pilot:
        host.picker.go_to("/nowhere/file.json")
        await pilot.pause()
        assert "There is no such folder." in "\n".join(lines_of(host.query_one(Rows)))
        host.picker.field.focus()
        await pilot.press("enter")
        await pilot.pause()
        assert host.of(FilePicker.Chosen)[-1].path == "/nowhere/file.json"
