"""The chat end to end: the application, real services on SQLite, the simulator, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from textual.events import Paste

from core.auth.principal import Origin
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, add_first_admin, world
from tui.i18n import Locale
from tui.screens.chat.screen import ChatScreen
from tui.widgets.composer import Composer

SAID: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])


@asynccontextmanager
async def chatting(
    settings: Settings, *models: str, locale: Locale | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[World]:
    """The chat in sight; `models` are configurations of the simulator, the first is the default."""
    await add_first_admin(settings)
    async with world(settings, size=size, locale=locale) as seen:
        services = seen.services
        await seen.app.signed_in(await services.accounts.sign_in(EMAIL, PASSWORD, origin=Origin("local")), keep=False)
        principal = seen.app.context.principal
        said: list[str] = []
        notify = seen.app.notify
        seen.app.notify = lambda message, **more: (said.append(message), notify(message, **more))[1]  # type: ignore[method-assign]
        SAID[seen.app] = said
        for number, model in enumerate(models):
            draft = ConfigurationDraft(name=f"conf {model}", provider_id="simulator", model=model)
            made = await services.configurations.create(principal, draft)
            if not number:
                await services.configurations.set_default(principal, made.id)
        await seen.app.action_go("chat")
        await seen.until(lambda: isinstance(seen.app.screen, ChatScreen) and seen.app.screen.entered)
        yield seen


def says(seen: World, words: str) -> Callable[[], bool]:
    """Whether a notice with these words was given; notices vanish, and their lines wrap."""
    return lambda: any(words in text for text in SAID[seen.app])


def screen(seen: World) -> ChatScreen:
    current = seen.app.screen
    assert isinstance(current, ChatScreen)
    return current


async def ask(seen: World, text: str) -> None:
    await seen.type(text)
    await seen.press("enter")
    await seen.until(lambda: not screen(seen).composer.pending and screen(seen).opened.id is not None)


async def answered(seen: World) -> None:
    await seen.until(lambda: screen(seen).opened.live is None and screen(seen).opened.last_answer is not None)


async def rows(seen: World) -> list[str]:
    return [row.cells["title"] for row in screen(seen).side.rows.rows]


class TestAsking:
    @SIZES
    async def test_a_question_is_answered_and_kept(self, settings: Settings, size: tuple[int, int]) -> None:
        async with chatting(settings, "sim-echo@2000", size=size) as seen:
            assert "A new conversation with conf sim-echo@2000." in seen.text
            await ask(seen, "hello there")
            await answered(seen)
            await seen.until("to first")
            assert screen(seen).composer.text == "" and seen.fits()
            page = await seen.services.chat.conversations(seen.app.context.principal)
            assert [item.message_count for item in page.items] == [2]

    async def test_reasoning_folds_and_opens(self, settings: Settings) -> None:
        async with chatting(settings, "sim-reasoning@2000x60") as seen:
            await ask(seen, "why")
            await answered(seen)
            await seen.until("▸ Thought for")
            await seen.press("escape", "t")
            await seen.until("▾ Thought for")

    async def test_escape_stops_and_retry_asks_again(self, settings: Settings) -> None:
        async with chatting(settings, "sim-markdown@40x2000") as seen:
            await ask(seen, "why")
            await seen.until(lambda: bool(screen(seen).opened.live and len(screen(seen).opened.live.content) > 40))
            await seen.press("escape")
            await answered(seen)
            await seen.until("Stopped by you. What came is kept.")
            first = screen(seen).opened.last_answer
            assert first is not None and first.state == "stopped"
            await seen.press("ctrl+r")
            await seen.until(lambda: screen(seen).opened.live is not None)
            assert "Stopped by you" not in seen.text
            await seen.press("escape")
            await answered(seen)
            again = screen(seen).opened.last_answer
            assert again is not None and again.id != first.id and again.parent_id == first.parent_id

    async def test_a_stopped_answer_goes_on_in_place(self, settings: Settings) -> None:
        async with chatting(settings, "sim-markdown@40x150") as seen:
            await ask(seen, "why")
            await seen.until(lambda: bool(screen(seen).opened.live and len(screen(seen).opened.live.content) > 40))
            await seen.press("escape")
            await answered(seen)
            first = screen(seen).opened.last_answer
            assert first is not None
            await seen.press("alt+c")
            await seen.until(lambda: screen(seen).opened.live is not None)
            await answered(seen)
            whole = screen(seen).opened.last_answer
            assert (
                whole is not None
                and whole.id == first.id
                and whole.content.startswith(first.content)
                and len(whole.content) > len(first.content)
            )

    async def test_a_broken_answer_says_why_and_what_to_do(self, settings: Settings) -> None:
        async with chatting(settings, "sim-cut@2000") as seen:
            await ask(seen, "why")
            await answered(seen)
            await seen.until("The answer broke off.")
            assert "Ctrl+R\u00a0retry" in seen.text

    async def test_a_refusal_names_cause_and_remedy(self, settings: Settings) -> None:
        async with chatting(settings, "sim-401") as seen:
            await ask(seen, "why")
            await answered(seen)
            await seen.until("does not accept the key")
            assert "why" in seen.text

    async def test_hostile_answers_do_no_harm(self, settings: Settings) -> None:
        async with chatting(settings, "sim-hostile@4000") as seen:
            await ask(seen, "[/bold] \u202e")
            await answered(seen)
            assert not any((ord(character) < 32 and character != "\n") or 127 <= ord(character) < 160 for character in seen.text)
            assert seen.fits()

    async def test_a_question_that_cannot_be_saved_stays_in_the_composer(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            screen(seen).composer.load("x" * 3_000_000)
            await seen.press("enter")
            await seen.until(says(seen, "Code:"))
            assert len(screen(seen).composer.text) == 3_000_000 and not screen(seen).composer.pending

    async def test_without_a_configuration_it_says_which_key(self, settings: Settings) -> None:
        async with chatting(settings) as seen:
            principal = seen.app.context.principal
            made = await seen.services.configurations.list(principal)
            await seen.services.configurations.delete(principal, [item.id for item in made])
            await seen.until("There is no model to ask yet.")
            await seen.type("hello")
            await seen.press("enter")
            await seen.until(says(seen, "Your text stays here"))
            assert screen(seen).composer.text == "hello"


class TestConversations:
    async def test_new_switch_rename_filter(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            for text in ("first subject", "second subject"):
                await ask(seen, text)
                await answered(seen)
                await seen.press("ctrl+n")
                await seen.until(lambda: screen(seen).opened.id is None)
            assert len(await rows(seen)) == 3
            await seen.press("escape")
            await seen.until(lambda: screen(seen).side.rows.has_focus)
            await seen.press("g", "j", "j", "enter")
            await seen.until(lambda: screen(seen).opened.id is not None)
            await seen.press("escape", "r")
            await seen.until("Rename the conversation")
            await seen.press("end", "ctrl+u")
            await seen.type("Zebra")
            await seen.press("enter")
            await seen.until("Chat › Zebra")
            await seen.press("slash")
            await seen.type("zeb")
            await seen.until("1 found")
            assert await rows(seen) == ["Zebra"]
            await seen.press("escape")
            await seen.until("2 conversations")

    async def test_delete_asks_and_the_trash_gives_back(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await ask(seen, "one")
            await answered(seen)
            await seen.press("escape", "d")
            await seen.until("It goes to the trash")
            await seen.press("escape")
            await seen.until(lambda: isinstance(seen.app.screen, ChatScreen))
            await seen.press("d")
            await seen.until("It goes to the trash")
            await seen.press("enter")
            await seen.until("0 conversations")
            await seen.press("escape", "D")
            await seen.until("Conversations stay here for")
            await seen.press("r")
            await seen.until(says(seen, "1 conversation is back."))
            await seen.until(lambda: len(screen(seen).summaries) == 1)
            await seen.press("g", "j", "d", "enter")
            await seen.until("0 conversations")
            await seen.press("D")
            await seen.until("Conversations stay here for")
            await seen.press("d")
            await seen.until("This cannot be undone.")
            await seen.press("enter")
            await seen.until(says(seen, "1 conversation is deleted for good."))
            page = await seen.services.chat.conversations(seen.app.context.principal, trash=True)
            assert page.total == 0

    async def test_another_model_answers_from_now_on(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000", "sim-chinese@2000x20") as seen:
            await ask(seen, "one")
            await answered(seen)
            await seen.press("ctrl+o")
            await seen.until("Which model answers")
            await seen.type("chin")
            await seen.press("enter")
            await seen.until(lambda: "conf sim-chinese" in seen.lines()[0])
            await ask(seen, "two")
            await answered(seen)
            models = [message.model for message in screen(seen).opened.messages.values() if message.role == "assistant"]
            assert models[-1].startswith("sim-chinese")

    async def test_system_prompt(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await seen.press("ctrl+t")
            await seen.until("It is sent before every question")
            await seen.type("Be brief.")
            await seen.press("ctrl+s")
            await seen.until(lambda: "── system prompt" in seen.text)
            await ask(seen, "one")
            await answered(seen)
            view = await seen.services.chat.open(seen.app.context.principal, screen(seen).opened.id or "")
            assert view.system_prompt == "Be brief."

    @SIZES
    async def test_the_list_lies_over_a_narrow_screen(self, settings: Settings, size: tuple[int, int]) -> None:
        async with chatting(settings, "sim-echo@2000", size=size) as seen:
            await ask(seen, "one")
            await answered(seen)
            narrow = size[0] < 100
            assert ("1 conversation" in seen.text) is not narrow
            await seen.press("ctrl+b")
            await seen.until(lambda: ("1 conversation" in seen.text) is narrow)
            assert seen.fits()
            await seen.press("ctrl+b")
            await seen.until(lambda: ("1 conversation" in seen.text) is not narrow)


class TestNothingIsLost:
    async def test_drafts_are_kept_for_each_conversation_and_for_the_new_one(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await ask(seen, "one")
            await answered(seen)
            first = screen(seen).opened.id
            await seen.type("draft of one")
            await seen.press("ctrl+n")
            await seen.until(lambda: screen(seen).opened.id is None)
            assert screen(seen).composer.text == ""
            screen(seen).composer.post_message(Paste("\n".join(["pasted"] * 50)))
            await seen.until("[pasted 50 lines]")
            await screen(seen).open_conversation(first)
            assert screen(seen).composer.text == "draft of one"
            await screen(seen).open_conversation(None)
            await seen.until("[pasted 50 lines]")
            principal = seen.app.context.principal
            assert await seen.services.chat.draft(principal, first) == "draft of one"

    async def test_a_draft_is_saved_half_a_second_after_the_last_key(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await seen.type("unsent")
            principal = seen.app.context.principal
            async with asyncio.timeout(60):
                while await seen.services.chat.draft(principal, None) != "unsent":
                    await seen.pilot.pause(0.05)

    async def test_what_is_typed_while_a_conversation_begins_is_its_draft(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with chatting(settings, "sim-echo@5x400") as seen:
            principal, chat, gate = seen.app.context.principal, seen.services.chat, asyncio.Event()
            open_it = chat.open

            async def slowly(*arguments: Any, **more: Any) -> Any:
                await gate.wait()
                return await open_it(*arguments, **more)

            monkeypatch.setattr(chat, "open", slowly)
            await seen.type("first")
            await seen.press("enter")
            await seen.until("Esc stops the answer")
            await seen.type("half a thought")
            async with asyncio.timeout(30):
                while await chat.draft(principal, None) != "half a thought":
                    await seen.pilot.pause()
            gate.set()
            await seen.until(lambda: screen(seen).opened.id is not None)
            async with asyncio.timeout(30):
                while await chat.draft(principal, screen(seen).opened.id) != "half a thought":
                    await seen.pilot.pause()
            assert await chat.draft(principal, None) == "", "a new conversation begins with nothing of it"

    async def test_a_sent_question_leaves_no_draft(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await ask(seen, "sent")
            await answered(seen)
            principal = seen.app.context.principal
            assert await seen.services.chat.draft(principal, None) == ""
            assert await seen.services.chat.draft(principal, screen(seen).opened.id) == ""

    async def test_an_answer_goes_on_elsewhere_and_its_end_is_told(self, settings: Settings) -> None:
        async with chatting(settings, "sim-markdown@40x200") as seen:
            await ask(seen, "long one")
            first = screen(seen).opened.id
            assert screen(seen).opened.live is not None
            await seen.press("ctrl+n")
            await seen.until(lambda: screen(seen).opened.id is None)
            await seen.until(says(seen, "The answer is there: “long one”."))
            await screen(seen).open_conversation(first)
            last = screen(seen).opened.last_answer
            assert last is not None and last.state == "complete"

    async def test_coming_back_while_it_streams_shows_it_growing(self, settings: Settings) -> None:
        async with chatting(settings, "sim-markdown@40x200") as seen:
            await ask(seen, "long one")
            first = screen(seen).opened.id
            await screen(seen).open_conversation(None)
            await screen(seen).open_conversation(first)
            live = screen(seen).opened.live
            assert live is not None
            await seen.until(lambda: len(live.content) > 100)
            await answered(seen)

    async def test_the_place_of_reading_is_found_again(self, settings: Settings) -> None:
        async with chatting(settings, "sim-markdown@5000x900") as seen:
            await ask(seen, "long one")
            await answered(seen)
            first = screen(seen).opened.id
            await seen.press("escape", "pageup")
            before = screen(seen).transcript.flow.top
            await screen(seen).open_conversation(None)
            await screen(seen).open_conversation(first)
            assert screen(seen).transcript.flow.top == before and not screen(seen).transcript.flow.follow


class TestTheRest:
    async def test_copying_says_honestly_what_was_done(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            copied: list[str] = []
            monkeypatch.setattr(seen.app, "copy_to_clipboard", copied.append)
            await ask(seen, "copy this")
            await answered(seen)
            await seen.press("escape", "y")
            await seen.until(says(seen, "if the terminal allows it"))
            last = screen(seen).opened.last_answer
            assert last is not None and copied == [last.content]

    async def test_an_answer_is_saved_to_a_file(self, settings: Settings, tmp_path: Any) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await ask(seen, "save this")
            await answered(seen)
            await seen.press("escape", "x")
            await seen.until("Save to which file?")
            await seen.press("end", "ctrl+u")
            await seen.type(str(tmp_path / "out.md"))
            await seen.press("enter")
            await seen.until(says(seen, "Saved as"))
            last = screen(seen).opened.last_answer
            assert last is not None and (tmp_path / "out.md").read_text() == last.content

    async def test_in_chinese_everything_fits(self, settings: Settings) -> None:
        async with chatting(settings, "sim-chinese@4000x80", locale=Locale("zh_CN"), size=(80, 24)) as seen:
            await ask(seen, "为什么")
            await answered(seen)
            assert seen.fits()

    async def test_keys_of_both_levels_are_in_the_palette(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await seen.press("ctrl+p")
            await seen.until("All commands")
            await seen.type("trash")
            await seen.until(lambda: any("trash" in line for line in seen.lines()))
            await seen.press("enter")
            await seen.until("The trash is empty.")

    async def test_typed_letters_are_text_in_the_composer(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await seen.type("nrdDpi/jkgGtTyx?")
            assert screen(seen).query_one(Composer).text == "nrdDpi/jkgGtTyx?"

    async def test_the_idle_screen_has_no_timers(self, settings: Settings) -> None:
        async with chatting(settings, "sim-echo@2000") as seen:
            await ask(seen, "one")
            await answered(seen)
            await seen.pilot.pause()
            assert not [timer for widget in (screen(seen), *screen(seen).query("*")) for timer in widget._timers if timer._active.is_set()]


async def test_two_hundred_earlier_messages_come_when_they_are_scrolled_to(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@100000") as seen:
        services, principal = seen.services, seen.app.context.principal
        first = await services.chat.send(principal, None, "message number 0")
        await _done(seen, first.answer_id)
        for number in range(1, 120):
            sent = await services.chat.send(principal, first.conversation_id, f"message number {number}")
            await _done(seen, sent.answer_id)
        await screen(seen).open_conversation(first.conversation_id)
        assert screen(seen).transcript.earlier == 40
        await seen.press("escape", "g")
        await seen.until("message number 0")
        assert screen(seen).transcript.earlier == 0


async def _done(seen: World, answer_id: str) -> None:
    async for update in seen.services.chat.watch(seen.app.context.principal, answer_id):
        if update.message is not None:
            return


async def test_a_new_conversation_that_is_asked_for_while_the_last_one_opens_wins(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@2000") as seen:
        await ask(seen, "one")
        await answered(seen)
        first = screen(seen).opened.id
        for _time in range(5):
            await screen(seen).open_conversation(first)
            screen(seen).start(screen(seen)._enter, group="open")
            await asyncio.sleep(0)
            screen(seen).action_new()
            await seen.pilot.pause()
            await seen.until(lambda: not [worker for worker in screen(seen).workers if worker.group == "open" and not worker.is_finished])
            assert screen(seen).opened.id is None


async def test_figures_are_shown_unless_the_account_does_not_want_them(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@2000") as seen:
        await ask(seen, "one")
        await answered(seen)
        await seen.until("to first")
        await seen.app.action_go("home")
        await seen.app.remember_preference("figures", False)
        await seen.app.action_go("chat")
        await seen.until(lambda: isinstance(seen.app.screen, ChatScreen) and "to first" not in seen.text)
