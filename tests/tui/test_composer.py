"""The composer: writing, lines, pastes, history, undo, the caret, large texts, and that nothing is lost."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.events import Paste
from textual.pilot import Pilot

from tests.tui.widget_host import WidgetHost, lines_of
from tui.widgets.composer import Composer
from tui.widgets.composer.document import Document, Spot
from tui.widgets.composer.pastes import Pastes, clean
from tui.widgets.composer.rows import Rows, row_starts

LARGE = "\n".join(f"line {number}" for number in range(120))
STEPS = st.lists(st.tuples(st.sampled_from(["insert", "left", "right", "delete", "word"]), st.text("x中\n ", max_size=3)), max_size=20)
TEXTS = st.text(alphabet="ab 中文é😀\n", max_size=60)


@asynccontextmanager
async def writing(text: str = "", *, size: tuple[int, int] = (40, 30)) -> AsyncIterator[tuple[WidgetHost, Composer, Pilot[None]]]:
    app = WidgetHost(lambda: Composer("Ask something"))
    async with app.run_test(size=size) as pilot:
        composer = app.query_one(Composer)
        composer.load(text)
        composer.focus()
        await pilot.pause()
        yield app, composer, pilot


async def type_in(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*("space" if character == " " else character for character in text))


class TestDocument:
    @given(
        TEXTS,
        st.lists(st.tuples(st.sampled_from(["insert", "left", "right", "delete", "word"]), st.text("x中\n ", max_size=3)), max_size=20),
    )
    @settings(deadline=None)
    def test_every_change_can_be_taken_back_and_made_again(self, text: str, steps: list[tuple[str, str]]) -> None:
        document = Document(text)
        for what, piece in steps:
            if what == "insert" and piece:
                document.insert(piece)
            elif what == "delete":
                document.delete(document.left_of(document.cursor))
            elif what == "word":
                document.delete(document.word_right_of(document.cursor))
            else:
                document.move(document.left_of(document.cursor) if what == "left" else document.right_of(document.cursor))
        final = document.text
        while document.undo():
            pass
        assert document.text == text
        while document.redo():
            pass
        assert document.text == final

    @given(TEXTS)
    @settings(deadline=None)
    def test_steps_to_the_right_and_back_meet_the_same_places(self, text: str) -> None:
        document = Document(text)
        spot, forth = Spot(0, 0), []
        while spot != document.end:
            forth.append(spot)
            following = document.right_of(spot)
            assert following > spot
            spot = following
        back = []
        while spot != Spot(0, 0):
            spot = document.left_of(spot)
            back.append(spot)
        assert back[::-1] == forth

    def test_a_joined_emoji_is_one_step(self) -> None:
        document = Document("a👨\u200d👩\u200d👧b")
        assert document.right_of(Spot(0, 1)) == Spot(0, 6) and document.left_of(Spot(0, 6)) == Spot(0, 1)


class TestRows:
    @given(st.text(alphabet="ab 中文😀", max_size=80), st.integers(4, 20))
    @settings(deadline=None)
    def test_rows_hold_the_whole_line_and_fit(self, line: str, width: int) -> None:
        starts = [*row_starts(line, width), len(line)]
        pieces = [line[first:last] for first, last in pairwise(starts)]
        assert "".join(pieces) == line
        assert all(cell_len(piece.rstrip(" ")) <= width for piece in pieces)

    @given(TEXTS, st.integers(4, 20))
    @settings(deadline=None)
    def test_a_place_and_its_cell_belong_together(self, text: str, width: int) -> None:
        document = Document(text)
        rows = Rows(document.lines, width, cell_len)
        spot = Spot(0, 0)
        while spot != document.end:
            row, cell = rows.place(spot)
            assert rows.spot(row, cell) == spot
            spot = document.right_of(spot)


class TestWriting:
    async def test_enter_sends_and_the_text_stays_until_it_is_saved(self) -> None:
        async with writing() as (app, composer, pilot):
            await type_in(pilot, "hi there")
            await pilot.press("enter")
            assert [message.text for message in app.of(Composer.Submitted)] == ["hi there"]
            assert composer.text == "hi there" and composer.pending
            await pilot.press("enter")
            assert len(app.of(Composer.Submitted)) == 1
            composer.accepted("hi there")
            assert composer.text == "" and not composer.pending

    async def test_what_was_refused_or_written_meanwhile_stays(self) -> None:
        async with writing("first") as (_app, composer, pilot):
            await pilot.press("enter")
            composer.refused()
            assert composer.text == "first" and not composer.pending
            await pilot.press("enter")
            await type_in(pilot, " more")
            composer.accepted("first")
            assert composer.text == " more"

    async def test_blank_text_is_not_sent(self) -> None:
        async with writing("  \n ") as (app, _composer, pilot):
            await pilot.press("enter")
            assert not app.of(Composer.Submitted)

    @pytest.mark.parametrize("key", ["alt+enter", "ctrl+j", "shift+enter"])
    async def test_a_new_line_grows_the_composer_up_to_eight_rows(self, key: str) -> None:
        async with writing("a") as (_app, composer, pilot):
            for rows in range(2, 12):
                await pilot.press(key)
                await pilot.pause()
                assert composer.size.height == min(rows, 8)
            await pilot.press("ctrl+u", *["backspace"] * 10)
            await pilot.pause()
            assert composer.size.height == 1

    async def test_long_lines_wrap_at_words_and_chinese_anywhere(self) -> None:
        async with writing("some words that are wrapped 中文字也要换行才行", size=(20, 10)) as (_app, composer, _pilot):
            assert [line[2:] for line in lines_of(composer)] == ["some words that", "are wrapped 中文", "字也要换行才行"]

    async def test_the_terminals_caret_is_where_the_cursor_is(self) -> None:
        async with writing("中文") as (app, composer, pilot):
            assert app.cursor_position - composer.region.offset == (2 + 4, 0)
            await pilot.press("left")
            assert app.cursor_position - composer.region.offset == (2 + 2, 0)

    async def test_placeholder_and_remark(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.remark = "no model"
            await pilot.pause()
            assert lines_of(composer) == ["> Ask something                no model"]

    async def test_controls_and_reserved_characters_never_come_in(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.post_message(Paste("a\x1b[31mb\x07\x9b2J\u202ec\U000f0000\uf8f0d\r\ne\tf"))
            await pilot.pause()
            assert composer.text == "abcd\ne    f"

    async def test_keys_of_editing(self) -> None:
        async with writing("one two three") as (app, composer, pilot):
            await pilot.press("ctrl+w", "ctrl+left", "ctrl+k", "home", "delete", "X")
            assert composer.text == "Xne "
            await pilot.press("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
            assert composer.text == "one two three"
            await pilot.press("end", "shift+left", "shift+left", "ctrl+c", "ctrl+x")
            assert composer.text == "one two thr" and app.copied == ["ee", "ee"]

    async def test_a_click_puts_the_cursor_there(self) -> None:
        async with writing("中文abc\nsecond") as (_app, composer, pilot):
            await pilot.click(Composer, offset=(6, 0))
            assert composer.document.cursor == Spot(0, 2)
            await pilot.click(Composer, offset=(30, 1))
            assert composer.document.cursor == Spot(1, 6)

    async def test_changes_are_told_and_loading_is_not(self) -> None:
        async with writing("draft") as (app, _composer, pilot):
            assert not app.of(Composer.Changed)
            await pilot.press("x", "backspace")
            assert app.of(Composer.Changed)


class TestPastes:
    async def test_a_large_paste_is_folded_and_sent_whole(self) -> None:
        async with writing() as (app, composer, pilot):
            await type_in(pilot, "see ")
            composer.post_message(Paste(LARGE))
            await pilot.pause()
            await type_in(pilot, " ok")
            assert lines_of(composer) == ["> see [pasted 120 lines] ok"]
            await pilot.press("enter")
            assert app.of(Composer.Submitted)[0].text == f"see {LARGE} ok"

    async def test_a_small_paste_is_text(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.post_message(Paste("a\nb"))
            await pilot.pause()
            assert lines_of(composer) == ["> a", "  b"]

    async def test_one_key_removes_it_and_undo_brings_it_back(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.paste(LARGE)
            await pilot.press("backspace")
            assert composer.text == ""
            await pilot.press("ctrl+z")
            assert composer.text == LARGE

    async def test_it_can_be_opened(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.paste(LARGE)
            await pilot.press("alt+v")
            await pilot.pause()
            assert composer.document.text == LARGE and composer.size.height == 8

    async def test_a_long_line_is_folded_by_its_characters(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.paste("x" * 3_000)
            await pilot.pause()
            assert "[pasted 3000 characters]" in lines_of(composer)[0]

    async def test_it_is_folded_again_when_a_draft_is_loaded(self) -> None:
        async with writing() as (_app, composer, pilot):
            await type_in(pilot, "a")
            composer.paste(LARGE)
            draft = composer.draft
            assert LARGE in draft
            composer.load("")
            composer.load(draft)
            assert composer.text == f"a{LARGE}" and len(composer.document.text) == 2

    @given(st.lists(st.text(alphabet="ab\n\uf8f0\uf8f1\U000f0000\x1b", max_size=10), max_size=6))
    def test_drafts_keep_every_text(self, texts: list[str]) -> None:
        pastes = Pastes()
        written = "".join(pastes.fold(clean(text)) if number % 2 else clean(text) for number, text in enumerate(texts))
        again = Pastes()
        assert again.expand(again.from_draft(pastes.to_draft(written))) == pastes.expand(written)


class TestHistory:
    async def test_up_on_the_first_row_brings_back_what_was_sent(self) -> None:
        async with writing() as (_app, composer, pilot):
            composer.set_history(["first", "second\nline"])
            await type_in(pilot, "now")
            await pilot.press("up")
            assert composer.text == "second\nline"
            await pilot.press("up", "up")
            assert composer.text == "first"
            await pilot.press("down", "down", "down")
            assert composer.text == "now"


async def test_two_hundred_thousand_characters_do_not_freeze() -> None:
    """Bounds are wide: a key that costs a tenth of a second on any machine would be a mistake of order, not of measure."""
    for text in ("word " * 40_000, "\n".join(["line of text"] * 16_000)):
        async with writing(text) as (_app, composer, pilot):
            began = time.process_time()
            for _key in range(5):
                composer.document.insert("x")
                composer._changed()
                composer.render_lines(composer.size.region)
            assert (time.process_time() - began) / 5 < 0.25
            await pilot.press("up", "home")
            assert len(composer.text) == len(text) + 5
