"""The side-by-side screen with real services and the simulator: ask, stop, retry, judge, blind, one by one, narrow, back again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from core.compare.types import Comparison
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import World, signed_in
from tui.screens.compare.diff_view import DiffScreen
from tui.screens.compare.screen import SideBySideScreen
from tui.screens.compare.tabs import RECORDS
from tui.widgets.fields import Field
from tui.widgets.file_picker import PathField
from tui.widgets.transcript import Transcript

#: The smallest PNG that there is: one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@asynccontextmanager
async def comparing(settings: Settings, models: Sequence[str], *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[World]:
    """The screen with these models of the simulator chosen; they are called One, Two, Three."""
    async with signed_in(settings, size=size) as seen:
        principal, names = seen.app.context.principal, ("One", "Two", "Three")
        made = [
            await seen.services.configurations.create(principal, ConfigurationDraft(name, "simulator", model))
            for name, model in zip(names, models, strict=False)
        ]
        await seen.press("alt+2")
        await seen.until("Side by side")
        await seen.until(lambda: side(seen).loaded)
        side(seen).show_board(side(seen).draft(tuple(item.id for item in made)))
        await seen.until("One (")
        yield seen


def side(seen: World) -> SideBySideScreen:
    assert isinstance(seen.app.screen, SideBySideScreen)
    return seen.app.screen


async def ask(seen: World, text: str) -> None:
    await seen.type(text)
    await seen.press("enter")


async def rested(seen: World) -> None:
    """Everything is answered, and read anew."""
    await seen.until(lambda: (last := side(seen).board.last) is not None and last.ended and not side(seen).board.busy)
    await seen.app.workers.wait_for_complete()
    await seen.pilot.pause()


async def stored(seen: World) -> Comparison:
    principal = seen.app.context.principal
    page = await seen.services.comparisons.records(principal)
    return await seen.services.comparisons.get(principal, page.items[0].id)


async def test_three_answer_the_same_are_told_apart_and_keep_histories_of_their_own(settings: Settings) -> None:
    async with comparing(settings, ("sim-echo@0", "sim-reasoning@2000x40", "sim-401")) as seen:
        await ask(seen, "parrot")
        await rested(seen)
        assert seen.fits()
        assert any(line.count("parrot") >= 3 for line in seen.lines()), "one line holds the question in every column"
        states = seen.lines()[3]
        assert states.count("finished") == 2 and "failed" in states and "fastest" in states
        assert "(401)" in seen.text and "Ctrl+R" in seen.text, "what failed says so in its own column"
        figures = "\n".join(seen.lines()[4:7])
        for wanted in ("first ", "answer ", "total ", " in, ", " out", "tok/s"):
            assert wanted in figures, wanted
        await ask(seen, "cockatoo")
        await rested(seen)
        first = [view.content for view in side(seen).transcript(0).flow.views()]
        assert len(first) == 4 and "cockatoo" in first[3], "a further question goes on in every column"
        await seen.press("escape", "w")
        await seen.until(lambda: isinstance(seen.app.screen, DiffScreen) and "difference" in seen.text)
        assert seen.fits()
        await seen.press("w")
        await seen.until("[-only in A-]  {+only in B+}")
        assert "{+" in seen.text and seen.fits()
        await seen.press("n", "N", "escape")
        await seen.until(lambda: isinstance(seen.app.screen, SideBySideScreen))
        page = await seen.services.chat.conversations(seen.app.context.principal)
        assert page.total == 0, "what is compared is no conversation of the chat"
        await seen.press("c")
        await seen.until(lambda: seen.app.current_mode == "chat")
        await seen.until("cockatoo")
        assert (await seen.services.chat.conversations(seen.app.context.principal)).total == 1


async def test_one_column_is_stopped_asked_again_and_continued_without_disturbing_the_others(settings: Settings) -> None:
    async with comparing(settings, ("sim-markdown@40x4000", "sim-markdown@40x4000", "sim-echo@0")) as seen:
        await ask(seen, "Why?")
        await seen.until(lambda: all(column.live is not None and column.live.content for column in side(seen).board.columns[:2]))
        side(seen).transcript(0).focus()
        await seen.press("s")
        await seen.until("Stopped by you")
        assert side(seen).board.columns[1].live is not None, "the other one goes on"
        await seen.press("alt+c")
        await seen.until(lambda: side(seen).board.columns[0].live is not None)
        before = side(seen).board.columns[0].live
        await seen.until(lambda: before is not None and len(before.content) > 40)
        await seen.press("escape")
        await rested(seen)
        assert [column.answer(side(seen).board.last).state for column in side(seen).board.columns] == ["stopped", "stopped", "complete"]  # type: ignore[arg-type, union-attr]
        await seen.press("ctrl+r")
        await seen.until(lambda: side(seen).board.columns[0].live is not None)
        assert side(seen).board.columns[1].live is None
        await seen.press("i")
        await ask(seen, "too early")
        await seen.until("still being written")
        assert side(seen).composer.text == "too early"
        await seen.press("escape")
        await rested(seen)


async def test_a_blind_vote_hides_names_until_it_is_given(settings: Settings) -> None:
    async with comparing(settings, ("sim-echo@0", "sim-markdown@2000x40")) as seen:
        await seen.press("escape")  # nothing was asked yet: this leads home
        await seen.until(lambda: seen.app.current_mode == "home")
        await seen.press("alt+2")
        await seen.until("One (")
        side(seen).transcript(0).focus()
        await seen.press("b")
        await seen.until("A name hidden")
        await seen.press("i")
        await ask(seen, "I am sim-echo")
        await rested(seen)
        await seen.until("names its model")
        everything = seen.text.replace("I am sim-echo", "")
        for secret in ("One", "Two", "sim-markdown", "tok/s"):
            assert secret not in everything, secret
        await seen.press("escape", "v")
        await seen.until("Which answer is better?")
        assert "this vote is not" in seen.text
        await seen.press("4", "a", "enter")
        await seen.until("You chose")
        await rested(seen)
        assert "One (sim-echo" in seen.text and "winner" in seen.text and "★★★★" in seen.text and "tok/s" in seen.text
        verdict = (await stored(seen)).rounds[0].verdict
        assert verdict is not None and verdict.blind and verdict.stars
        await seen.press("v")
        await seen.until("take back")
        await seen.press("D")
        await seen.until("The verdict is taken back.")
        assert (await stored(seen)).rounds[0].verdict is None


async def test_one_after_the_other_waits_and_goes_on_when_asked_to(settings: Settings) -> None:
    async with comparing(settings, ("sim-stall", "sim-echo@0")) as seen:
        side(seen).transcript(0).focus()
        await seen.press("e")
        await seen.until("Parameters of")
        await seen.put("temperature", "9")
        await seen.press("ctrl+s")
        assert not isinstance(seen.app.screen, SideBySideScreen), "what no model takes is refused"
        await seen.put("temperature", "0.1")
        await seen.press("ctrl+s")
        await seen.until("temperature 0.1")
        await seen.press("m")
        await seen.until("one after the other")
        await seen.press("i")
        await ask(seen, "parrot")
        await seen.until("waits for its turn")
        await seen.press("escape")
        await seen.until("not asked yet: Alt+C asks")
        await seen.press("alt+c")
        await seen.until(
            lambda: any(view.content.count("parrot") and view.role == "assistant" for view in side(seen).transcript(1).flow.views())
        )
        await seen.press("escape")
        await rested(seen)
        overrides = (await stored(seen)).candidates[0].overrides
        assert overrides is not None and overrides.temperature == 0.1


async def test_one_column_where_it_is_narrow_and_everything_there_again_after_another_tab(settings: Settings) -> None:
    async with comparing(settings, ("sim-echo@0", "sim-401"), size=(80, 24)) as seen:
        await ask(seen, "parrot")
        await rested(seen)
        assert seen.fits()
        assert "A One" in seen.lines()[2] and "B Two" in seen.lines()[2] and "(401)" not in seen.text
        await seen.press("alt+right")
        await seen.until("(401)")
        assert side(seen).composer.has_focus, "the text keeps the focus"
        await seen.press("escape", "left_square_bracket")
        await seen.until(lambda: "(401)" not in seen.text)
        await seen.pilot.resize_terminal(120, 40)
        await seen.until(lambda: "(401)" in seen.text)
        await seen.press("z")
        await seen.until(lambda: "(401)" not in seen.text)
        assert sum(transcript.display for transcript in side(seen).query(Transcript)) == 1
        await seen.press("escape")
        await seen.until(lambda: "(401)" in seen.text)
        await seen.press("i", "right")
        await seen.until(lambda: getattr(seen.app.screen, "TAB", "") == RECORDS)  # an empty text is no place to be caught in
        await seen.press("ctrl+g", "o")
        await seen.until("(401)")
        await seen.until(lambda: side(seen).composer.has_focus)
        await seen.type("half a sentence")
        await seen.press("left", "right")
        await seen.press("ctrl+g", "e")
        await seen.until(lambda: getattr(seen.app.screen, "TAB", "") == RECORDS)
        await seen.press("left")
        await seen.until("(401)")
        assert side(seen).composer.text == "half a sentence"
        await seen.press("escape", "right_square_bracket", "ctrl+o")
        await seen.until("Who answers in column")
        await seen.type("One")
        await seen.press("enter")
        await seen.until("B One (sim-echo@0)")
        side(seen).transcript(1).focus()
        await seen.press("ctrl+r")
        await rested(seen)
        await seen.until(lambda: "(401)" not in seen.text and seen.lines()[3].count("finished") == 2)


async def test_an_image_goes_with_the_question_and_the_comparison_into_a_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    (tmp_path / "no.png").write_text("not an image")
    async with comparing(settings, ("sim-echo@0", "sim-echo@0")) as seen:
        await seen.press("alt+i")
        await seen.until("attach an image")
        field = seen.app.screen.query_one(PathField)
        field.value = f"{tmp_path}/no.png"
        await seen.press("enter")
        await seen.until(lambda: bool(seen.app.screen.query_one("#image-message").size.height))
        field.value = f"{tmp_path}/dot.png"
        await seen.press("enter")
        await seen.until("1 image goes with it")
        await ask(seen, "What is it?")
        await rested(seen)
        assert (await stored(seen)).rounds[0].images[0].size == len(PNG)
        assert "[image: PNG, 1x1" in seen.text
        await seen.press("escape", "X")
        await seen.until("Save to which file?")
        seen.app.screen.query_one("#dialog-field", Field).value = f"{tmp_path}/out.md"
        await seen.press("enter")
        await seen.until("Saved as")
        assert "# What is it?" in (tmp_path / "out.md").read_text(encoding="utf-8")


async def test_with_nothing_to_compare_one_is_told_what_to_do_and_marked_configurations_go_side_by_side(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
        for item in await seen.services.configurations.list(principal):
            await seen.services.configurations.delete(principal, [item.id])
        await seen.press("alt+2")
        await seen.until("Press Alt+6 and make a configuration")
        await ask(seen, "parrot")
        await seen.until("Choose two or three models with Ctrl+N first")
        assert side(seen).composer.text == "parrot"
        for name in ("Aa", "Ab"):
            await seen.services.configurations.create(principal, ConfigurationDraft(name, "simulator", "sim-echo@0"))
        await seen.press("alt+6")
        await seen.until("sim-echo@0")
        await seen.press("g", "space", "space")
        await seen.until("b side by side")
        await seen.press("b")
        await seen.until("A Aa (sim-echo@0)")
        assert seen.app.current_mode == "compare" and "B Ab (sim-echo@0)" in seen.text
