"""The keys of the chat: which the key line shows where there is little room, and what they do from the text."""

from __future__ import annotations

import pytest

from core.settings import Settings
from tests.tui.test_chat_screen import answered, ask, chatting, screen
from tests.tui.world import World
from tui.screens.chat.dialogs import TrashDialog
from tui.widgets.dialogs import Choose, Confirm


async def writing(seen: World) -> None:
    """Wait until an answer is being written."""
    await seen.until(lambda: len(getattr(screen(seen).opened.live, "content", "")) > 40)


def key_line(seen: World) -> str:
    return seen.lines()[-1]


async def test_at_80_columns_the_key_line_shows_what_is_wanted_now(settings: Settings) -> None:
    async with chatting(settings, "sim-markdown@40x150", size=(80, 24)) as seen:
        assert "Ctrl+O model" in key_line(seen) and "Ctrl+B list" in key_line(seen)
        await seen.type("why")
        await seen.until(lambda: "Enter send  Alt+Enter new line  Esc up" in key_line(seen))
        await seen.press("enter")
        await writing(seen)
        await seen.until(lambda: "Esc stop" in key_line(seen) and "Esc up" not in key_line(seen))
        await seen.press("escape")
        await answered(seen)
        await seen.until(lambda: "Esc up  Ctrl+O model  Ctrl+R retry  Alt+C continue" in key_line(seen))
        await seen.type("n")
        await seen.until(lambda: "Enter send  Alt+Enter new line" in key_line(seen))
        await seen.press("backspace", "escape")
        await seen.until(lambda: "y copy" in key_line(seen) and "i write" in key_line(seen) and "Ctrl+R retry" in key_line(seen))
        await seen.press("escape")
        await seen.until(lambda: all(words in key_line(seen) for words in ("Enter open", "/ filter", "r rename", "d delete")))
        assert seen.fits()


async def test_pages_turn_while_the_text_is_written(settings: Settings) -> None:
    async with chatting(settings, "sim-markdown@5000x900") as seen:
        await ask(seen, "long one")
        await answered(seen)
        await seen.type("half a question")
        end = seen.lines()[:30]
        await seen.press("pageup", "pageup")
        assert seen.lines()[:30] != end and not screen(seen).transcript.flow.follow
        await seen.press("pagedown", "pagedown")
        assert seen.lines()[:30] == end and screen(seen).transcript.flow.follow
        assert screen(seen).composer.has_focus and screen(seen).composer.text == "half a question"


async def test_esc_in_the_list_leaves_the_answer_alone(settings: Settings) -> None:
    async with chatting(settings, "sim-markdown@40x400", size=(80, 24)) as seen:
        await ask(seen, "why")
        await writing(seen)
        await seen.press("ctrl+b")
        await seen.until(lambda: screen(seen).side.rows.has_focus and "Esc up" in key_line(seen))
        await seen.press("escape")
        await seen.until(lambda: screen(seen).composer.has_focus)
        assert screen(seen).opened.live is not None
        await seen.press("escape")
        await answered(seen)


@pytest.mark.parametrize(("typed", "wanted"), [("sim-cut", "sim-cut"), ("conf sim-c", "sim-cut"), ("flaky", "sim-flaky-cut")])
async def test_the_model_that_was_typed_is_in_hand_and_a_question_can_follow(settings: Settings, typed: str, wanted: str) -> None:
    async with chatting(settings, "sim-wide", "sim-cut", "sim-flaky-cut") as seen:
        await seen.press("escape", "ctrl+o")
        await seen.until(lambda: isinstance(seen.app.screen, Choose))
        await seen.type(typed)
        await seen.press("enter")
        await seen.until(lambda: not isinstance(seen.app.screen, Choose))
        await seen.until(lambda: getattr(screen(seen).configuration, "model", "") == wanted)
        assert screen(seen).composer.has_focus


async def test_one_that_goes_for_good_is_named(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@2000") as seen:
        await ask(seen, "unique words")
        await answered(seen)
        principal, conversation = seen.app.context.principal, screen(seen).opened.id
        assert conversation is not None
        await seen.services.chat.rename(principal, conversation, "unique words")
        await seen.until(lambda: "unique words" in seen.lines()[0])
        await seen.press("escape", "escape", "d")
        await seen.until(lambda: isinstance(seen.app.screen, Confirm))
        await seen.press("enter")
        await seen.until(lambda: screen(seen).opened.id is None)
        await seen.press("D")
        await seen.until(lambda: isinstance(seen.app.screen, TrashDialog))
        await seen.press("d")
        await seen.until(lambda: isinstance(seen.app.screen, Confirm))
        await seen.until("Delete “unique words” for good?")


async def test_what_cannot_be_done_is_not_offered(settings: Settings) -> None:
    async with chatting(settings, "sim-reasoning@2000x60", size=(200, 40)) as seen:
        await ask(seen, "why")
        await answered(seen)
        assert screen(seen).composer.has_focus and "/ filter" not in key_line(seen), "a slash is text here"
        await seen.press("escape")
        await seen.until(lambda: "t reasoning" in key_line(seen))
        await seen.press("k")
        await seen.until(lambda: "y copy" in key_line(seen) and "t reasoning" not in key_line(seen))
