"""The log view as a widget over real files: following, scrolling, searching, filtering, errors, wrapping, mouse."""

# ruff: noqa: ASYNC240 - small files of the test's own
from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from core.logs.file import LogFile
from tests.tui.widget_host import WidgetHost, lines_of
from tui.glyphs import ASCII, UNICODE
from tui.widgets.log_view import LogView

HOSTILE = (
    b"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x1b]0;t\x07 \x9b2J a\xe2\x80\xaeb [/bold][red] [@click=app.exit]x[/] \xff\xfe \x00 \x07\n"
)


class Seen:
    """A view of a file, and what it shows."""

    def __init__(self, app: WidgetHost, view: LogView, pilot: Pilot[None], path: Path) -> None:
        self.app, self.view, self.pilot, self.path = app, view, pilot, path

    @property
    def lines(self) -> list[str]:
        """The lines, without the one below and without the mark of the line in hand."""
        return [line[1:] for line in lines_of(self.view.lines)[:-1]]

    @property
    def foot(self) -> str:
        return lines_of(self.view.lines)[-1]

    def add(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        assert self.view.finder is not None
        self.view.finder.log.refresh()
        self.view.changed()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not true():
                await self.pilot.pause()
                await asyncio.sleep(0.002)

    async def search(self, text: str, key: str = "slash") -> None:
        await self.pilot.press(key)
        self.view.field.value = text
        await self.pilot.press("enter")


@asynccontextmanager
async def shown(
    path: Path, data: bytes, size: tuple[int, int] = (60, 11), offset: int | None = None, **host: object
) -> AsyncIterator[Seen]:
    path.write_bytes(data)
    app = WidgetHost(LogView, **host)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        view = app.query_one(LogView)
        log = LogFile(path)
        view.open(log, offset=offset)
        view.focus()
        await pilot.pause()
        yield Seen(app, view, pilot, path)
        log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def numbered(count: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(1, count + 1))


class TestView:
    async def test_the_end_is_shown_and_followed(self, path: Path) -> None:
        async with shown(path, numbered(100)) as seen:
            assert seen.lines == [f"line {number}" for number in range(91, 101)]
            assert "line 100" in seen.foot and "following" in seen.foot
            seen.add(b"new 1\nnew 2\n")
            assert seen.lines[-2:] == ["new 1", "new 2"]

    async def test_who_reads_back_is_left_where_they_are(self, path: Path) -> None:
        async with shown(path, numbered(100)) as seen:
            await seen.pilot.press("pageup")
            before = seen.lines
            assert "following" not in seen.foot
            seen.add(b"new\n")
            assert seen.lines == before
            await seen.pilot.press("f")
            assert seen.lines[-1] == "new"
            await seen.pilot.press("g")
            assert seen.lines[0] == "line 1" and "%" in seen.foot
            await seen.pilot.press("G")
            assert "following" in seen.foot

    async def test_moving_line_by_line_goes_through_all(self, path: Path) -> None:
        async with shown(path, numbered(30)) as seen:
            await seen.pilot.press("g")
            for number in range(1, 31):
                assert seen.view.lines.text_in_hand() == f"line {number}" and f"line {number}" in seen.lines
                await seen.pilot.press("j")
            await seen.pilot.press("k")
            for number in range(30, 0, -1):
                assert seen.view.lines.text_in_hand() == f"line {number}" and f"line {number}" in seen.lines
                await seen.pilot.press("k")
            await seen.pilot.press("y")
            assert [message.text for message in seen.app.of(LogView.CopyRequested)] == ["line 1"]

    async def test_a_bar_is_one_line_below(self, path: Path) -> None:
        async with shown(path, b"start\n") as seen:
            for percent in (10, 20, 30):
                seen.add(b"\r %d%%|xx  | %d/100 [00:08<01:14,  4.12s/it]" % (percent, percent))
            assert [line for line in seen.lines if line] == ["start"] and "30%|xx" in seen.foot and "20%" not in seen.foot
            seen.add(b"\n{'loss': '0.5'}\n")
            assert [line for line in seen.lines if line][-1] == "{'loss': '0.5'}"

    async def test_an_endless_bar_is_passed_over(self, path: Path) -> None:
        bar = b"\r %d%%|xx  | %d/100 [00:08<01:14,  4.12s/it]" % (10, 10)
        async with shown(path, b"before\n" + bar * 20_000 + b"\nafter\n") as seen:
            there = [line for line in seen.lines if line]
            assert there[-1] == "after" and "before" in there and len(there) <= 5

    async def test_hostile_bytes_are_drawn_harmless(self, path: Path) -> None:
        for glyphs in (UNICODE, ASCII):
            async with shown(path, HOSTILE * 5, glyphs=glyphs) as seen:
                await seen.search("red")
                await seen.pilot.press("w", "number_sign", "l", "l", "l")
                text = "\n".join(lines_of(seen.view.lines))
                assert not any((ord(character) < 32 and character != "\n") or 127 <= ord(character) < 160 for character in text)
                assert "\u202e" not in text

    async def test_every_line_is_as_wide_as_the_widget(self, path: Path) -> None:
        data = "中文 😀 wide 线\n".encode() * 3 + b"x" * 300_000 + b"\n" + "宽".encode() * 200 + b"\nerror\tTab\n"
        for width in (30, 61):
            async with shown(path, data, size=(width, 14)) as seen:
                for keys in (("g",), ("w",), ("number_sign",), ("G",), ("w",), ("g", "right", "right"), ("j", "j", "j", "right")):
                    await seen.pilot.press(*keys)
                    assert {cell_len(strip.text) for strip in seen.view.lines.render_lines(seen.view.lines.size.region)} == {width}

    async def test_wrapped_lines_scroll_by_rows(self, path: Path) -> None:
        async with shown(path, b"".join(b"%03d" % number * 50 + b"\n" for number in range(20))) as seen:
            await seen.pilot.press("w", "g")
            first = seen.lines
            assert first[0].startswith("000000") and first[2].startswith("000") and first[3].startswith("001")
            seen.view.lines.scroll(1)
            assert seen.lines[:-1] == first[1:]
            seen.view.lines.scroll(-1)
            assert seen.lines == first

    async def test_a_hole_says_how_much_is_missing(self, path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"head\n" * 3)
            file.seek(20_000_000)
            file.write(b"\ntail\n" * 2)
        async with shown(path, path.read_bytes()) as seen:  # written whole: without a hole
            assert "left out" not in "\n".join(seen.lines)
        os.truncate(path, 0)
        with path.open("wb") as file:
            file.write(b"head\n" * 3)
            file.seek(20_000_000)
            file.write(b"\ntail\n")
        log = LogFile(path)
        if not log.holes:
            pytest.skip("this file system keeps no holes")
        app = WidgetHost(LogView)
        async with app.run_test(size=(60, 11)):
            view = app.query_one(LogView)
            view.open(log)
            assert any("20.0 MB left out here" in line for line in lines_of(view.lines))


class TestSearch:
    DATA = numbered(500) + b"needle one\n" + numbered(100) + b"Needle two\n" + numbered(20)

    async def test_hits_are_counted_and_gone_through(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.search("needle")
            await seen.until(lambda: "2 of 2" in seen.foot)
            assert "Needle two" in seen.lines
            await seen.pilot.press("N")
            await seen.until(lambda: "1 of 2" in seen.foot and "needle one" in seen.lines)
            await seen.pilot.press("n")
            await seen.until(lambda: "2 of 2" in seen.foot)
            await seen.pilot.press("n")
            await seen.until(lambda: "from the beginning again" in seen.foot and "needle one" in seen.lines)
            seen.add(b"needle three\n")
            await seen.until(lambda: "of 3" in seen.foot)
            await seen.pilot.press("escape")
            assert "needle" not in seen.foot

    async def test_it_is_counted_while_one_types(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.pilot.press("slash", *"line 49")
            # 49, 490..499 and 49 again
            await seen.until(lambda: "12 lines" in seen.foot)

    async def test_regular_expressions(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.search(r"/^needle \w+$")
            await seen.until(lambda: "2 of 2" in seen.foot)
            await seen.search("/(")
            assert seen.view.field.display and seen.view.field.wrong
            await seen.pilot.press("escape")
            assert not seen.view.field.display

    async def test_what_is_not_there_is_said(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.search("nowhere")
            await seen.until(lambda: "not found" in seen.foot)

    async def test_a_match_far_to_the_right_is_brought_into_view(self, path: Path) -> None:
        async with shown(path, b"x" * 5000 + b" needle " + b"y" * 500 + b"\n" + numbered(3)) as seen:
            await seen.search("needle")
            await seen.until(lambda: any("needle" in line for line in seen.lines))


class TestLevels:
    DATA = (
        numbered(50) + b"[WARNING|x.py:1] careful\n" + numbered(50) + b"ValueError: no\n" + numbered(50) + b"[ERROR|x] bad\n" + numbered(5)
    )

    async def test_errors_are_jumped_to(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.pilot.press("E")
            await seen.until(lambda: seen.view.lines.text_in_hand() == "[ERROR|x] bad")
            await seen.pilot.press("E")
            await seen.until(lambda: seen.view.lines.text_in_hand() == "ValueError: no")
            await seen.pilot.press("e")
            await seen.until(lambda: seen.view.lines.text_in_hand() == "[ERROR|x] bad")

    async def test_levels_and_words_leave_only_what_matches(self, path: Path) -> None:
        async with shown(path, self.DATA) as seen:
            await seen.pilot.press("l")
            await seen.until(
                lambda: [line for line in seen.lines if line] == ["[WARNING|x.py:1] careful", "ValueError: no", "[ERROR|x] bad"]
            )
            seen.add(b"FutureWarning: old\nplain\n")
            await seen.until(lambda: [line for line in seen.lines if line][-1] == "FutureWarning: old")
            await seen.pilot.press("l")
            await seen.until(lambda: [line for line in seen.lines if line] == ["ValueError: no", "[ERROR|x] bad"])
            await seen.pilot.press("l")
            await seen.until(lambda: seen.lines[-1] == "plain")
            await seen.search("line 4", "F")
            await seen.until(lambda: [line for line in seen.lines if line][-1] == "line 4")
            assert all(line.startswith("line 4") for line in seen.lines if line)
            await seen.pilot.press("escape")
            assert seen.lines[-1] == "plain"


class TestFiles:
    async def test_a_replaced_file_is_shown_from_its_end(self, path: Path) -> None:
        async with shown(path, numbered(100)) as seen:
            await seen.pilot.press("g")
            path.write_bytes(b"fresh\n")
            seen.add(b"and more\n")
            assert [line for line in seen.lines if line] == ["fresh", "and more"] and "emptied or replaced" in seen.foot

    async def test_a_deleted_file_stays_readable(self, path: Path) -> None:
        async with shown(path, numbered(5)) as seen:
            path.unlink()
            assert seen.view.finder is not None
            seen.view.finder.log.refresh()
            seen.view.changed()
            assert "deleted" in seen.foot and "line 5" in seen.lines

    async def test_nothing_is_drawn_when_nothing_changed(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with shown(path, numbered(100)) as seen:
            before = list(seen.view.lines._strips)
            refreshed: list[object] = []
            monkeypatch.setattr(seen.view.lines, "refresh", lambda *areas, **_more: refreshed.append(areas))
            for _turn in range(5):
                seen.view.changed()
            assert not refreshed and all(old is new for old, new in zip(before[:-1], seen.view.lines._strips[:-1], strict=True))

    async def test_mouse(self, path: Path) -> None:
        async with shown(path, numbered(100)) as seen:
            await seen.pilot.click(seen.view.lines, offset=(5, 2))
            assert seen.view.lines.text_in_hand() == "line 93" and "following" not in seen.foot
            seen.view.lines.scroll(-30)
            assert seen.lines[0] == "line 61"
            await seen.pilot.click(seen.view.lines, offset=(5, 10))
            assert "following" in seen.foot
