"""The transcript as a widget: what is in view, following, reading back, the cursor, folding, copying, mouse, resizing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot

from tests.tui.widget_host import WidgetHost, lines_of
from tui.glyphs import ASCII
from tui.widgets.transcript import MessageView, Notice, Target, Transcript
from tui.widgets.transcript.heights import Heights

CODE = "Text before.\n\n```python\nx = 1\n```\n\nBetween.\n\n```sh\nls\n```\n\nAfter."


HOSTILE = ["\x1b[31mred\x1b[0m", "\x1b]52;c;aGk=\x07", "\x1b]0;t\x07", "\x9b2J", "a\u202eb", "[/bold][red]", "[@click=app.exit]x[/]"]
PIECES = ["# h\n", "para\n\n", "- a\n", "```py\n", "x = 1\n", "```\n", "| a | b |\n|--|--|\n", "中文。", " **b** ", "\n"]


def question(number: int, text: str = "") -> MessageView:
    return MessageView(f"q{number}", "user", "ann", text or f"Question {number}?", stamp="10:41")


def answer(number: int, text: str = "", **more: object) -> MessageView:
    return MessageView(f"a{number}", "assistant", "model-x", text or f"Answer {number}.", **more)  # type: ignore[arg-type]


def long_answer(number: int, lines: int = 30, **more: object) -> MessageView:
    return answer(number, "\n\n".join(f"paragraph {number}.{line}" for line in range(lines)), **more)


def bare(lines: list[str]) -> list[str]:
    """The lines without the mark of the cursor and the scroll bar."""
    return [line.strip("▌▐ ") for line in lines]


@asynccontextmanager
async def shown(
    *views: MessageView, size: tuple[int, int] = (60, 20), earlier: int = 0, **host: object
) -> AsyncIterator[tuple[WidgetHost, Transcript, Pilot[None]]]:
    app = WidgetHost(Transcript, **host)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        transcript = app.query_one(Transcript)
        transcript.show(views, earlier=earlier)
        transcript.focus()
        await pilot.pause()
        yield app, transcript, pilot


class TestHeights:
    @given(st.lists(st.integers(0, 50), max_size=60), st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), max_size=30))
    @settings(deadline=None)
    def test_sums_and_places_are_those_of_a_plain_list(self, values: list[int], changes: list[tuple[int, int]]) -> None:
        heights = Heights(values[: len(values) // 2])
        for value in values[len(values) // 2 :]:
            heights.append(value)
        for place, height in changes:
            if values:
                values[place % len(values)] = height
                heights.change(place % len(values), height)
        assert heights.total == sum(values)
        assert [heights.before(index) for index in range(len(values) + 1)] == [sum(values[:index]) for index in range(len(values) + 1)]
        for line in range(sum(values)):
            index, within = heights.at(line)
            assert sum(values[:index]) + within == line and within < values[index]


class TestView:
    async def test_head_figures_reasoning_and_notice(self) -> None:
        view = answer(
            1, "Yes.", reasoning="because", reasoning_label="Thought for 6 s, 214 tokens", figures=("0.4 s to first", "42 tok/s"),
            notice=Notice("bad", "It broke off.", (("Ctrl+R", "retry"),)),
        )  # fmt: skip
        async with shown(question(1), view) as (_app, transcript, _pilot):
            lines = [line[2:] for line in lines_of(transcript)]
            assert lines[0].startswith("ann") and lines[0].endswith("10:41")
            assert lines[3].startswith("model-x") and lines[3].endswith("0.4 s to first · 42 tok/s")
            assert lines[4:8] == ["▸ Thought for 6 s, 214 tokens", "Yes.", "", "✗ It broke off.  Ctrl+R\u00a0retry"]

    async def test_a_key_of_a_notice_stays_with_what_it_does(self) -> None:
        text = "It broke off, and this is how it was told at length."
        for width in range(24, 70):
            view = answer(1, notice=Notice("bad", text, (("Alt+C", "continue"), ("Ctrl+R", "retry"))))
            async with shown(view, size=(width, 12)) as (_app, transcript, _pilot):
                seen = "\n".join(lines_of(transcript))
                assert "Alt+C\u00a0continue" in seen and "Ctrl+R\u00a0retry" in seen

    async def test_figures_that_do_not_fit_are_left_out_from_the_end(self) -> None:
        async with shown(answer(1, figures=("0.4 s to first", "42 tok/s", "318 in, 512 out")), size=(40, 6)) as (_app, transcript, _pilot):
            assert lines_of(transcript)[0].endswith("0.4 s to first · 42 tok/s")

    async def test_every_line_is_as_wide_as_the_widget(self) -> None:
        text = "中文 **粗** `x`\n\n| 名 | b |\n|--|--|\n| 一 | 二 |\n\n```py\nprint('中')\n```\n👨\u200d👩\u200d👧 ❤\ufe0f"
        for width in (20, 33, 80):
            async with shown(question(1, "问题 😀"), answer(1, text), size=(width, 30)) as (_app, transcript, _pilot):
                assert {cell_len(strip.text) for strip in transcript.render_lines(transcript.size.region)} == {width}

    async def test_ascii_signs(self) -> None:
        view = answer(1, CODE, reasoning="r", reasoning_label="Thought", figures=("a", "b"), notice=Notice("stopped", "Stopped."))
        async with shown(question(1), view, glyphs=ASCII) as (_app, transcript, pilot):
            await pilot.press("t")
            assert "\n".join(lines_of(transcript)).isascii()

    async def test_an_empty_conversation_says_what_to_do(self) -> None:
        async with shown() as (_app, transcript, pilot):
            transcript.empty = (("Nothing yet.", "text"), ("Write below.", "accent"))
            transcript.draw()
            await pilot.pause()
            assert "  Nothing yet." in lines_of(transcript) and "  Write below." in lines_of(transcript)
            await pilot.press("j", "k", "y", "t", "g", "G", "pagedown")

    @pytest.mark.parametrize("theme", ["night", "ember", "day", "paper", "terminal"])
    async def test_a_switch_of_theme_draws_everything_anew(self, theme: str) -> None:
        async with shown(question(1), answer(1, CODE)) as (app, transcript, pilot):
            before = [list(strip) for strip in transcript.render_lines(transcript.size.region)]
            text = lines_of(transcript)
            app.theme = theme
            await pilot.pause()
            assert lines_of(transcript) == text
            if theme != "night":
                assert [list(strip) for strip in transcript.render_lines(transcript.size.region)] != before

    @pytest.mark.parametrize("hostile", HOSTILE)
    async def test_hostile_text_is_drawn_harmless_everywhere(self, hostile: str) -> None:
        view = MessageView(
            "a", "assistant", hostile, f"{hostile}\n```{hostile}\n{hostile}\n```\n- {hostile}", hostile, hostile,
            stamp=hostile, figures=(hostile,), notice=Notice("bad", hostile),
        )  # fmt: skip
        async with shown(question(1, hostile), view, size=(80, 40)) as (_app, transcript, pilot):
            await pilot.press("t")
            text = "\n".join(lines_of(transcript))
            assert not any((ord(character) < 32 and character != "\n") or 127 <= ord(character) < 160 for character in text)
            assert "\u202e" not in text

    async def test_a_shorter_conversation_after_a_longer_one_can_be_resized(self) -> None:
        longer = [view for number in range(6) for view in (question(number), answer(number))]
        async with shown(*longer) as (_app, transcript, pilot):
            transcript.show([question(9), answer(9)])
            await pilot.pause()
            await pilot.resize_terminal(40, 20)
            assert bare(lines_of(transcript)[:5])[-1] == "Answer 9."


class TestStreaming:
    async def test_the_end_stays_in_view_while_following(self) -> None:
        async with shown(question(1)) as (_app, transcript, pilot):
            text = ""
            for number in range(60):
                text += f"line {number}\n\n"
                transcript.update(answer(1, text, live=True))
                await pilot.pause()
                assert any(f"line {number}" in line for line in lines_of(transcript))

    async def test_reading_back_nothing_moves_and_new_lines_are_counted(self) -> None:
        async with shown(question(1), long_answer(1, 40, live=True)) as (_app, transcript, pilot):
            await pilot.press("pageup")
            before = lines_of(transcript)
            grown = transcript.flow.view_at(1).content + "\n\nmore\n\nand more"
            transcript.update(answer(1, grown, live=True))
            await pilot.pause()
            after = lines_of(transcript)
            assert bare(after[:-1]) == bare(before[:-1])
            assert "↓ 4 new lines" in after[-1]
            await pilot.press("G")
            assert any("and more" in line for line in lines_of(transcript)) and "new line" not in "\n".join(lines_of(transcript))

    async def test_only_changed_lines_are_painted(self) -> None:
        async with shown(question(1), answer(1, "one\n\ntwo", live=True)) as (_app, transcript, _pilot):
            before = transcript.render_lines(transcript.size.region)
            transcript.update(answer(1, "one\n\ntwo three", live=True))
            after = transcript.render_lines(transcript.size.region)
            assert [y for y, (old, new) in enumerate(zip(before, after, strict=True)) if old is not new] == [6]

    @given(st.lists(st.sampled_from(PIECES), max_size=14))
    @settings(max_examples=25, deadline=None)
    async def test_a_streamed_answer_looks_as_one_that_was_opened(self, pieces: list[str]) -> None:
        text = "".join(pieces)
        async with shown(size=(50, 40)) as (_app, transcript, _pilot):
            for place in range(0, len(text), 3):
                transcript.update(answer(1, text[:place], live=True))
            transcript.update(answer(1, text))
            streamed = lines_of(transcript)
            transcript.show([answer(1, text)])
            assert lines_of(transcript) == streamed

    async def test_an_answer_that_was_regrouped_is_drawn_anew(self) -> None:
        async with shown(answer(1, "all of this was thinking", live=True)) as (_app, transcript, _pilot):
            transcript.update(answer(1, "Yes.", reasoning="all of this was thinking", reasoning_label="Thought"))
            assert bare(lines_of(transcript)[1:3]) == ["▸ Thought", "Yes."]

    async def test_waiting_is_said_until_something_comes(self) -> None:
        async with shown(answer(1, live=True, text="x")) as (_app, transcript, _pilot):
            transcript.show([MessageView("a", "assistant", "m", "", live=True, waiting="Waiting, 2 s")])
            assert "● Waiting, 2 s" in lines_of(transcript)[1]
            transcript.update(MessageView("a", "assistant", "m", "Hi", live=True, waiting="Waiting, 2 s"))
            assert "Hi" in lines_of(transcript)[1]


class TestCursor:
    async def test_moves_by_message_and_code_block_and_marks_what_is_in_hand(self) -> None:
        async with shown(question(1), answer(1, CODE), question(2), size=(60, 40)) as (_app, transcript, pilot):
            seen = [transcript.target]
            for _press in range(4):
                await pilot.press("k")
                seen.append(transcript.target)
            assert seen == [Target("q2"), Target("a1", 1), Target("a1", 0), Target("a1"), Target("q1")]
            await pilot.press("j", "j")
            assert next(line for line in lines_of(transcript) if line.startswith("▌")).startswith("▌ ┌ python")

    async def test_y_copies_the_block_or_the_message(self) -> None:
        async with shown(answer(1, CODE), size=(60, 40)) as (app, _transcript, pilot):
            await pilot.press("y", "j", "y")
            assert [message.text for message in app.of(Transcript.CopyRequested)] == [CODE, "x = 1"]

    async def test_a_long_answer_is_read_by_half_pages_before_the_cursor_leaves_it(self) -> None:
        async with shown(long_answer(1, 60), question(2)) as (_app, transcript, pilot):
            await pilot.press("g")
            tops = []
            while transcript.target == Target("a1"):
                tops.append(transcript.flow.offset)
                await pilot.press("j")
            assert tops == [*range(0, 110, 10)]

    async def test_reasoning_opens_and_folds_in_place(self) -> None:
        async with shown(question(1), answer(1, reasoning="first\nsecond", reasoning_label="Thought")) as (_app, transcript, pilot):
            folded = lines_of(transcript)
            await pilot.press("enter")
            assert [line.strip("▌ ") for line in lines_of(transcript)[4:9]] == ["▾ Thought", "▎ first", "▎ second", "", "Answer 1."]
            await pilot.press("t")
            assert lines_of(transcript) == folded

    async def test_answers_only_hides_reasoning_and_f_hides_figures(self) -> None:
        view = answer(1, reasoning="r", reasoning_label="Thought", figures=("0.4 s to first",))
        async with shown(view) as (_app, transcript, pilot):
            await pilot.press("T", "f")
            text = "\n".join(lines_of(transcript))
            assert "Thought" not in text and "to first" not in text
            await pilot.press("T", "f")
            assert "Thought" in "\n".join(lines_of(transcript)) and "to first" in "\n".join(lines_of(transcript))


class TestScrolling:
    async def test_pages_reach_both_ends_and_every_line_between(self) -> None:
        views = [view for number in range(30) for view in (question(number), long_answer(number, number % 7 + 1))]
        async with shown(*views) as (_app, transcript, pilot):
            seen: set[str] = set()
            for _page in range(200):
                seen.update(line.strip("▌▐ ") for line in lines_of(transcript))
                if transcript.flow.offset == 0:
                    break
                await pilot.press("pageup")
            assert {f"paragraph {number}.0" for number in range(30)} <= seen and {f"Question {number}?" for number in range(30)} <= seen
            await pilot.press("end")
            assert any("paragraph 29." in line for line in lines_of(transcript))

    async def test_scrolling_up_never_jumps_whatever_heights_were_guessed(self) -> None:
        text = "short\n\n" + "| a | b |\n|--|--|\n| " + "word " * 40 + "| y |\n\n```\ncode\n```\n"
        views = [answer(number, f"start {number}\n\n{text}") for number in range(40)]
        async with shown(*views) as (_app, transcript, pilot):
            for _step in range(100):
                before = lines_of(transcript)
                transcript.flow.scroll(-3)
                transcript.draw()
                after = lines_of(transcript)
                assert bare(after[3:]) == bare(before[:-3])
            await pilot.pause()

    async def test_a_resize_keeps_the_place_of_reading(self) -> None:
        views = [view for number in range(40) for view in (question(number), answer(number, f"begin {number} " + "word " * 60))]
        async with shown(*views) as (_app, transcript, pilot):
            for _press in range(4):
                await pilot.press("pageup")
            message = transcript.flow.top.message
            for size in ((40, 20), (100, 12), (60, 20)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                assert abs(transcript.flow.top.message - message) <= 1

    async def test_wheel_scroll_bar_and_hint_work_with_the_mouse(self) -> None:
        async with shown(long_answer(1, 60), question(2)) as (_app, transcript, pilot):
            await pilot._post_mouse_events([_wheel_up()], Transcript, (5, 5))
            assert not transcript.flow.follow
            transcript.append(question(3))
            await pilot.pause()
            assert "new lines" in lines_of(transcript)[-1]
            await pilot.click(Transcript, offset=(50, 19))
            assert transcript.flow.follow
            await pilot.mouse_down(Transcript, offset=(59, 0))
            await pilot.mouse_up(Transcript, offset=(59, 0))
            assert transcript.flow.offset == 0

    async def test_a_click_selects_opens_reasoning_and_copies(self) -> None:
        view = answer(1, CODE, reasoning="why", reasoning_label="Thought")
        async with shown(question(1), view, size=(60, 40)) as (app, transcript, pilot):
            await pilot.click(Transcript, offset=(5, 4))
            assert "▎ why" in "\n".join(lines_of(transcript))
            row = next(y for y, line in enumerate(lines_of(transcript)) if "python" in line)
            await pilot.click(Transcript, offset=(50, row))
            assert transcript.target == Target("a1", 0)
            assert [message.text for message in app.of(Transcript.CopyRequested)] == ["x = 1"]

    async def test_earlier_messages_are_asked_for_once_and_come_without_a_jump(self) -> None:
        views = [question(number) for number in range(100, 140)]
        async with shown(*views, earlier=100) as (app, transcript, pilot):
            for _press in range(6):
                await pilot.press("pageup")
            assert len(app.of(Transcript.EarlierWanted)) == 1
            before = lines_of(transcript)
            transcript.prepend([question(number) for number in range(100)], earlier=0)
            await pilot.pause()
            assert bare(lines_of(transcript)) == bare(before)
            await pilot.press("g")
            assert "Question 0?" in lines_of(transcript)[1]


async def test_ten_thousand_messages_are_not_laid_out_before_they_are_seen() -> None:
    views = [view for number in range(5_000) for view in (question(number), answer(number, CODE))]
    async with shown(*views) as (_app, transcript, pilot):
        assert sum(item.layout is not None for item in transcript.flow._items) < 20
        for _press in range(30):
            await pilot.press("pageup")
        assert sum(item.layout is not None for item in transcript.flow._items) <= 130


async def test_an_idle_transcript_has_no_timers() -> None:
    async with shown(question(1), long_answer(1)) as (_app, transcript, pilot):
        await pilot.press("pageup", "end")
        assert not transcript._timers


def _wheel_up() -> type:
    from textual import events

    return events.MouseScrollUp


def drawn_lines(transcript: Transcript) -> int:
    """Lines that are kept ready to be shown."""
    flow = transcript.flow
    layouts = [item.layout for item in flow._items if item.layout is not None]
    return sum(part.height for layout in layouts for part in layout.parts if part.is_drawn_on(flow.paper))


class TestMemory:
    async def test_what_is_out_of_view_does_not_stay_drawn(self) -> None:
        async with shown(long_answer(0), size=(60, 20)) as (_app, transcript, pilot):
            for number in range(1, 40):
                transcript.append(long_answer(number))
            await pilot.pause()
            assert drawn_lines(transcript) <= 3 * 20 + 1
            await pilot.press("g", *["space"] * 10)
            assert drawn_lines(transcript) <= 3 * 20 + 1
            assert bare(lines_of(transcript)) != [""] * 20

    async def test_a_growing_answer_keeps_a_few_views_drawn(self) -> None:
        async with shown(question(0), size=(60, 20)) as (_app, transcript, _pilot):
            text = ""
            for line in range(300):
                text += f"paragraph {line}\n\n"
                transcript.update(answer(0, text, live=True))
            assert drawn_lines(transcript) <= 3 * 20 + 1
            assert "paragraph 299" in "\n".join(lines_of(transcript))

    async def test_layouts_of_long_messages_far_away_are_forgotten(self) -> None:
        async with shown(question(0), size=(60, 20)) as (_app, transcript, _pilot):
            for number in range(1, 40):
                transcript.append(long_answer(number, lines=500))
            kept = [item for item in transcript.flow._items if item.layout is not None]
            assert sum(len(item.view.content) for item in kept) <= 70_000

    async def test_a_code_block_in_hand_far_up_is_found_without_drawing_all_anew(self) -> None:
        async with shown(answer(0, CODE + "\n\n" + "\n\n".join(f"line {n}" for n in range(200))), size=(60, 20)) as (
            _app,
            transcript,
            _pilot,
        ):
            transcript.select(Target("a0", 1))
            before = [part.height for part in transcript.flow.measured(0)]
            assert drawn_lines(transcript) <= 3 * 20 + 1
            assert [part.height for part in transcript.flow.measured(0)] == before
            assert drawn_lines(transcript) <= 3 * 20 + 1, "measured again without drawing"
            assert transcript.text_of(Target("a0", 1)) == ("ls", "sh")
