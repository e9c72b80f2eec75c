"""A dropped link loses nothing: the draft, the place, the answer that came meanwhile, and a note of it at the next sign-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from core.auth.principal import Origin
from core.bootstrap import Services, build_services
from core.models.types import ConfigurationDraft
from core.settings import ChatSettings, Settings
from tests.tui.world import EMAIL, PASSWORD, World, add_first_admin
from tui.app import ModeltrainApp
from tui.i18n import Locale
from tui.screens.chat.screen import ChatScreen
from tui.session import Terminal

SLOW = "sim-markdown@400x20000"


@asynccontextmanager
async def house(settings: Settings, model: str = "sim-echo@2000") -> AsyncIterator[Services]:
    """A worker's services, which go on when terminals come and go, with a model of ann's."""
    ann = await add_first_admin(settings)
    services = await build_services(replace(settings, served=True, chat=ChatSettings(model_titles=False)))
    made = await services.configurations.create(ann, ConfigurationDraft(name="model", provider_id="simulator", model=model))
    await services.configurations.set_default(ann, made.id)
    try:
        yield services
    finally:
        await services.close()


@asynccontextmanager
async def terminal(services: Services, *, size: tuple[int, int] = (100, 30)) -> AsyncIterator[World]:
    """One terminal of ann's; at the end its link breaks: nobody leaves."""

    async def build() -> Services:
        return services

    app = ModeltrainApp(services.settings, build, locale=Locale("en"), terminal=Terminal(kind="ssh"), owns_services=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        seen = World(app, pilot, services)
        await seen.until(lambda: app.context.ready)
        await app.signed_in(await services.accounts.sign_in(EMAIL, PASSWORD, origin=Origin("ssh", "192.0.2.7")), keep=False)
        await seen.until(lambda: app.current_mode != "gate")
        yield seen
        assert not app.unforeseen, app.unforeseen


def chat(seen: World) -> ChatScreen:
    current = seen.app.screen
    assert isinstance(current, ChatScreen)
    return current


def in_chat(seen: World) -> Callable[[], bool]:
    return lambda: isinstance(seen.app.screen, ChatScreen) and seen.app.screen.entered


async def ask(seen: World, text: str) -> str:
    await seen.app.open_conversation(None)
    await seen.until(in_chat(seen))
    await seen.until(lambda: chat(seen).opened.id is None and chat(seen).composer.has_focus)
    await seen.type(text)
    await seen.press("enter")
    await seen.until(
        lambda: (chat(seen).opened.id is not None and chat(seen).opened.live is not None) or bool(chat(seen).opened.messages), 30
    )
    opened = chat(seen).opened.id
    assert opened is not None
    return opened


async def test_the_answer_goes_on_and_is_told_at_the_next_sign_in(settings: Settings) -> None:
    async with house(settings, "sim-markdown@25x200") as services:
        async with terminal(services) as seen:
            conversation = await ask(seen, "a long story")
            principal = seen.app.context.principal
        assert any(name.startswith("answer") for name in services.supervisor.running), "no screen holds it"
        answer = (await services.chat.open(principal, conversation)).messages[1]
        async for _update in services.chat.watch(principal, answer.id, looking=False):
            pass
        async with terminal(services) as seen:
            await seen.until("1 answer was finished while you were away.")
            assert seen.app.current_mode == "home" and "✓ " in seen.text and "finished" in seen.text
            await seen.press("enter")
            await seen.until(lambda: in_chat(seen)() and chat(seen).opened.id == conversation)
            assert chat(seen).opened.messages[answer.id].state == "complete"
            await seen.until(lambda: not chat(seen).summaries[conversation].unread)
        assert (await services.chat.unread(principal)).total == 0


async def test_two_answers_and_the_list_marks_them(settings: Settings) -> None:
    async with house(settings) as services:
        async with terminal(services) as seen:
            principal = seen.app.context.principal
        for text in ("one", "two"):
            sent = await services.chat.send(principal, None, text)
            async for _update in services.chat.watch(principal, sent.answer_id, looking=False):
                pass
        async with terminal(services, size=(120, 30)) as seen:
            await seen.until("2 answers were finished while you were away.")
            await seen.app.open_conversation(sent.conversation_id)
            await seen.until(in_chat(seen))
            await seen.until("1 not read yet, of 2")
            assert "✓ one" in seen.text and "✓ two" not in seen.text


async def test_an_end_that_may_not_have_reached_anybody_is_unread(settings: Settings) -> None:
    async with house(settings) as services:
        async with terminal(services) as seen:
            conversation = await ask(seen, "short")
            await seen.until(lambda: chat(seen).opened.live is None and bool(chat(seen).opened.messages))
            principal = seen.app.context.principal
        assert [item.id for item in (await services.chat.unread(principal)).items] == [conversation]
        async with terminal(services) as seen:
            await seen.until("1 answer was finished while you were away.")
            await seen.press("enter")
            await seen.until(in_chat(seen))
            await seen.press("escape")  # somebody is there
        assert (await services.chat.unread(principal)).total == 0


async def test_the_draft_of_the_last_second_is_kept(settings: Settings) -> None:
    async with house(settings) as services:
        async with terminal(services) as seen:
            await seen.app.open_conversation(None)
            await seen.until(in_chat(seen))
            await seen.until(lambda: chat(seen).composer.has_focus)
            await seen.type("half a question")
            principal = seen.app.context.principal
        assert await services.chat.draft(principal, None) == "half a question"


async def test_who_types_on_is_saved_all_the_same(settings: Settings) -> None:
    async with house(settings) as services, terminal(services) as seen:
        await seen.app.open_conversation(None)
        await seen.until(in_chat(seen))
        await seen.until(lambda: chat(seen).composer.has_focus)
        typed = 0
        while not await services.chat.draft(seen.app.context.principal, None):
            await seen.press("x")  # never at rest
            typed += 1
            assert typed < 2_000


async def test_the_place_is_found_again_at_another_width(settings: Settings) -> None:
    async with house(settings, "sim-markdown@0x1500") as services:
        async with terminal(services, size=(120, 30)) as seen:
            conversation = await ask(seen, "a long story")
            await seen.until(lambda: chat(seen).opened.live is None and bool(chat(seen).opened.last_answer), 30)
            await seen.press("escape", "pageup", "pageup", "pageup")
            await seen.until(lambda: not chat(seen).transcript.flow.follow)
            flow = chat(seen).transcript.flow
            top = flow.top
            source = flow.parts(top.message)[top.part].source
            principal = seen.app.context.principal
        place = await services.chat.place(principal)
        assert (place.area, place.conversation_id, place.left) == ("chat", conversation, False)
        await services.chat.seen(principal, conversation)
        async with terminal(services, size=(90, 24)) as seen:
            await seen.until(in_chat(seen))  # right back where the link broke
            assert chat(seen).opened.id == conversation
            await seen.until(lambda: not chat(seen).transcript.flow.follow)
            flow = chat(seen).transcript.flow
            assert flow.parts(flow.top.message)[flow.top.part].source == source


async def test_who_leaves_begins_at_home(settings: Settings) -> None:
    async with house(settings) as services:
        async with terminal(services) as seen:
            await seen.app.action_go("models")
            await seen.press("ctrl+q")
            principal = seen.app.context.principal
        assert (await services.chat.place(principal)).left
        async with terminal(services) as seen:
            await seen.until("Good to see you")
            assert seen.app.current_mode == "home"


async def test_two_terminals_of_one_person_see_each_others_changes(settings: Settings) -> None:
    async with house(settings) as services, house_beside(services) as other, terminal(services) as here, terminal(other) as there:
        conversation = await ask(here, "from here")
        await here.until(lambda: chat(here).opened.live is None and bool(chat(here).opened.last_answer), 30)
        people = [here.app.context.principal.user_id]
        await other.chat.follow(people)
        await there.app.open_conversation(conversation)
        await there.until(lambda: in_chat(there)() and chat(there).opened.id == conversation)
        await there.type("half a thought")
        sent = await services.chat.send(here.app.context.principal, conversation, "more from here")
        async for _update in services.chat.watch(here.app.context.principal, sent.answer_id):
            pass
        await other.chat.follow(people)
        await there.until("more from here")
        assert chat(there).composer.text == "half a thought"
        await services.chat.rename(here.app.context.principal, conversation, "Zebra")
        await other.chat.follow(people)
        await there.until("Chat › Zebra")


@asynccontextmanager
async def house_beside(services: Services) -> AsyncIterator[Services]:
    """Another worker on the same data."""
    other = await build_services(services.settings)
    yield other
    await other.close()
