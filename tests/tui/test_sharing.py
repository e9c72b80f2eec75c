"""Sharing in the chat (C11): the dialog, what the reader sees, taking it back while they look, and their copy."""

from __future__ import annotations

import pytest

from core.auth.principal import Origin, Principal, operator
from core.chat.sharing import EVERYONE
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.test_chat_screen import SIZES, answered, ask, chatting, says, screen
from tests.tui.world import PASSWORD, World
from tui.i18n import Locale
from tui.screens.chat.dialogs import ShareDialog
from tui.screens.chat.screen import ChatScreen


async def bob_of(seen: World) -> Principal:
    """A colleague with a model of his own."""
    await seen.services.accounts.add_user(operator("test"), "bob@example.org", "Bob 李", PASSWORD)
    bob = (await seen.services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal
    draft = ConfigurationDraft(name="bob's", provider_id="simulator", model="sim-echo@2000")
    made = await seen.services.configurations.create(bob, draft)
    await seen.services.configurations.set_default(bob, made.id)
    return bob


async def shared_by_bob(seen: World, text: str = "bob asks this", with_: str = EVERYONE) -> tuple[Principal, str]:
    bob = await bob_of(seen)
    sent = await seen.services.chat.send(bob, None, text)
    async for _update in seen.services.chat.watch(bob, sent.answer_id):
        pass
    await seen.services.chat.rename(bob, sent.conversation_id, "Of bob [/] \x1b[31m")
    await seen.services.chat.share(bob, sent.conversation_id, with_)
    return bob, sent.conversation_id


async def open_shared(seen: World, conversation: str) -> None:
    """By the keys of the list."""
    screen(seen).side.rows.focus()
    await seen.press("o")
    await seen.until(lambda: conversation in screen(seen).summaries)
    await seen.press("g", "enter")
    await seen.until(lambda: screen(seen).opened.id == conversation)


@SIZES
async def test_somebody_is_added_and_taken_back(settings: Settings, size: tuple[int, int]) -> None:
    async with chatting(settings, "sim-echo@2000", size=size) as seen:
        await bob_of(seen)
        await ask(seen, "hello there")
        await answered(seen)
        await seen.press("escape", "S")
        await seen.until("Nobody but you.")
        assert seen.fits()
        await seen.press("a")
        await seen.until("exactly as it is")
        await seen.type("nobody")
        await seen.press("enter")
        await seen.until("There is no account “nobody”.")
        await seen.press("end", "ctrl+u")
        await seen.type("bob 李")
        await seen.press("enter")
        await seen.until(says(seen, "Bob 李 can read it now."))
        await seen.until(lambda: isinstance(seen.app.screen, ShareDialog) and "Bob 李" in seen.text)
        await seen.press("e")
        await seen.until("Everyone who has an account")
        await seen.press("enter")
        await seen.until("Everyone here")
        conversation = screen_below(seen).opened.id
        assert conversation is not None
        assert len(await seen.services.chat.shares(seen.app.context.principal, conversation)) == 2
        await seen.press("g", "d")
        await seen.until(lambda: "Everyone here" not in seen.text and isinstance(seen.app.screen, ShareDialog))
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.screen, ChatScreen) and screen(seen).summaries[conversation].shared)
        assert [share.nickname for share in await seen.services.chat.shares(seen.app.context.principal, conversation)] == ["Bob 李"]


def screen_below(seen: World) -> ChatScreen:
    return next(each for each in seen.app.screen_stack if isinstance(each, ChatScreen))


@SIZES
async def test_a_reader_reads_copies_and_changes_nothing(settings: Settings, size: tuple[int, int]) -> None:
    async with chatting(settings, "sim-echo@2000", size=size) as seen:
        _bob, conversation = await shared_by_bob(seen)
        await open_shared(seen, conversation)
        await seen.until("Bob 李 shares this with you")
        assert seen.fits() and "bob asks this" in seen.text
        chat = screen(seen)
        assert not chat.composer.display and chat.transcript.has_focus
        for action in ("rename", "delete", "pin", "prompt", "model", "retry", "continue", "stop", "share", "write"):
            assert not chat.check_action(action, ()), action
        await seen.press("y")
        await seen.until(says(seen, "sent to the terminal's clipboard"))
        await seen.press("r", "d", "p", "ctrl+t", "ctrl+o", "ctrl+r", "S")
        assert isinstance(seen.app.screen, ChatScreen)
        await seen.press("c")
        await seen.until(says(seen, "This copy is yours"))
        assert chat.opened.id != conversation and not chat.opened.readonly and chat.composer.has_focus
        await ask(seen, "and I ask this")
        await answered(seen)
        assert (await seen.services.chat.open(_bob, conversation)).summary.message_count == 2


async def test_the_reader_sees_it_grow_and_go(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@2000") as seen:
        bob, conversation = await shared_by_bob(seen)
        await open_shared(seen, conversation)
        sent = await seen.services.chat.send(bob, conversation, "and then this")
        await seen.until("and then this")
        async for _update in seen.services.chat.watch(bob, sent.answer_id):
            pass
        await seen.until(lambda: sent.answer_id in screen(seen).opened.messages and screen(seen).opened.live is None)
        await seen.services.chat.unshare(bob, conversation, EVERYONE)
        await seen.until(says(seen, "is no longer shared with you."))
        await seen.until(lambda: screen(seen).opened.id is None and "bob asks this" not in seen.text)
        await seen.until("Nobody shares")


async def test_it_is_said_in_chinese_and_fits(settings: Settings) -> None:
    async with chatting(settings, "sim-echo@2000", locale=Locale("zh_CN"), size=(80, 24)) as seen:
        _bob, conversation = await shared_by_bob(seen)
        await open_shared(seen, conversation)
        assert seen.fits()


@pytest.mark.parametrize("where", ["list", "filter"])
async def test_the_letters_of_sharing_are_text_in_text_fields(settings: Settings, where: str) -> None:
    async with chatting(settings, "sim-echo@2000") as seen:
        if where == "filter":
            await seen.press("ctrl+b", "ctrl+b", "slash")
        await seen.type("So c")
        shown = screen(seen).side.filter.value if where == "filter" else screen(seen).composer.text
        assert shown == "So c" and isinstance(seen.app.screen, ChatScreen)
