"""Signing out from everywhere, whatever is under way: no crash, nothing of the account is left, and the next person can begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from core.auth.kept import KeptSession
from core.errors import DiskFull, SessionEnded
from core.models.configurations import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, NeverSeen, World, signed_in, world
from tui.crash import CRASH_LOG
from tui.session import NobodySignedIn

QUESTION = "A question of Ann's"
#: An answer that is not there before the test has gone on.
SLOW = ConfigurationDraft("Slow", "simulator", "sim-markdown@5x2000")


async def from_the_palette(seen: World, command: str, key: str = "") -> None:
    """Run the command whose row is exactly `command` (with `key` at its end)."""
    await seen.press("ctrl+p")
    await seen.until("All commands")
    await seen.type(command)
    await seen.until(lambda: any(_row(line, command, key) for line in seen.lines()))
    for _row_below in range(40):
        if any(_row(line, f"▌ {command}", key) for line in seen.lines()):
            await seen.press("enter")
            return
        await seen.press("down")
    raise NeverSeen(f"{command!r} in hand in:\n{seen.text}")


def _row(line: str, command: str, key: str) -> bool:
    before, found, after = line.partition(f"{command} ")
    return bool(found) and not before.strip(" ▌│") and after.strip(" │") == key


async def at_home(seen: World) -> None:
    """Where the sign-in leads."""


async def slow(seen: World) -> str:
    """The id of a configuration whose answers take long."""
    configurations, principal = seen.services.configurations, seen.app.context.principal
    known = [item for item in await configurations.list(principal) if item.name == SLOW.name]
    return (known[0] if known else await configurations.create(principal, SLOW)).id


async def in_chat(seen: World) -> None:
    await seen.press("alt+1")
    await seen.until(lambda: seen.app.current_mode == "chat" and "Enter send" in seen.text)


async def answering(seen: World) -> None:
    await seen.services.configurations.set_default(seen.app.context.principal, await slow(seen))
    await in_chat(seen)
    await seen.type(QUESTION)
    await seen.press("enter")
    await seen.until("Esc stops the answer")


async def in_models(seen: World) -> None:
    await seen.press("alt+6")
    await seen.until("Simulator Markdown")


async def trying_a_model(seen: World) -> None:
    made = await slow(seen)
    await in_models(seen)
    await seen.until("  Slow ")
    while seen.app.screen.query_one("#models-rows").current_id != made:  # type: ignore[attr-defined]
        await seen.press("j")
    await seen.press("t")
    await seen.until(lambda: bool(seen.app.screen._testing))  # type: ignore[attr-defined]


async def filling_in_a_form(seen: World) -> None:
    await in_models(seen)
    await seen.press("n")
    await seen.until("Template")


async def in_account(seen: World) -> None:
    await seen.press("alt+8")
    await seen.until("Member since")


async def in_settings(seen: World) -> None:
    await seen.press("ctrl+g", "s")
    await seen.until("Registration open")


async def everywhere_at_once(seen: World) -> None:
    for place in (answering, trying_a_model, in_account, in_settings):
        await place(seen)


PLACES = (at_home, in_chat, answering, in_models, trying_a_model, filling_in_a_form, in_account, in_settings, everywhere_at_once)
Place = Callable[[World], Awaitable[None]]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_signing_out_from_the_palette_leads_to_the_entrance_and_in_again(settings: Settings, place: Place) -> None:
    async with signed_in(settings) as seen:
        left = seen.app.context.principal
        await place(seen)
        former = seen.app.framed_screens()
        await from_the_palette(seen, "Sign out")
        await seen.until("Sign in with your e-mail")
        assert KeptSession(settings.data_dir).load() is None
        # What is left of the screens has ended, and said nothing.
        await seen.until(lambda: not any(screen.is_running for screen in former if screen not in seen.app.screen_stack))
        await seen.pilot.pause()
        assert not (settings.data_dir / CRASH_LOG).exists(), (settings.data_dir / CRASH_LOG).read_text()
        assert not list(seen.app._notifications)
        await seen.services.accounts.add_user(left, "bob@example.org", "Bob", PASSWORD)
        await sign_in(seen, "bob@example.org", "Bob")
        for key in ("alt+1", "alt+6", "alt+8", "alt+1"):
            await seen.press(key)
            await seen.until(lambda: "Bob" in seen.lines()[0])
            assert QUESTION not in seen.text, "nobody sees what somebody else asked"
        await seen.until("Write your question below")
        await from_the_palette(seen, "Sign out")
        await seen.until("Sign in with your e-mail")
    assert not (settings.data_dir / CRASH_LOG).exists(), (settings.data_dir / CRASH_LOG).read_text()


async def sign_in(seen: World, email: str, nickname: str, leads_to: str = "") -> None:
    """`leads_to`: what is seen then; home if nothing is named."""
    await seen.put("email", email)
    await seen.put("password", PASSWORD)
    await seen.press("ctrl+s")
    await seen.until(leads_to or f"Good to see you, {nickname}.")


@pytest.mark.parametrize(
    ("place", "begins_again"),
    [(answering, QUESTION), (trying_a_model, "Simulator Markdown"), (everywhere_at_once, "Registration open")],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_session_ended_elsewhere_is_left_without_a_crash(settings: Settings, place: Place, begins_again: str) -> None:
    async with signed_in(settings) as seen:
        await place(seen)
        await seen.services.accounts.sign_out_everywhere(seen.app.context.principal)
        await seen.until("This session has ended.")
        await sign_in(seen, EMAIL, "Ann", begins_again)
    assert not (settings.data_dir / CRASH_LOG).exists(), (settings.data_dir / CRASH_LOG).read_text()


async def test_leaving_while_a_model_is_tried_leaves_no_trace(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await trying_a_model(seen)
        seen.app.exit(0)
    assert not (settings.data_dir / CRASH_LOG).exists(), (settings.data_dir / CRASH_LOG).read_text()


async def test_signing_out_everywhere_keeps_nothing_and_is_no_surprise(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_account(seen)
        await seen.press("right", "o")
        await seen.until("End all your 2 sessions?")
        await seen.press("y")
        await seen.until("Sign in with your e-mail")
        assert "This session has ended." not in seen.text, "that is no news to whoever ended it"
        assert KeptSession(settings.data_dir).load() is None
    async with world(settings) as again:
        await again.until("Sign in with your e-mail")
        assert "This session has ended." not in again.text


async def test_language_theme_and_leaving_from_the_palette(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await answering(seen)
        await from_the_palette(seen, "Day")
        await seen.until(lambda: seen.app.theme == "day")
        await from_the_palette(seen, "简体中文")
        await seen.until("按 Esc 停止回答")
        await seen.press("ctrl+p")
        await seen.until("所有命令")
        await seen.type("English")
        await seen.press("enter")
        await seen.until("Esc stops the answer")
        await from_the_palette(seen, "Leave modeltrain", "Ctrl+Q")
        await seen.until("An answer is still being written.")
        await seen.press("y")
        await seen.until(lambda: seen.app._exit)
    assert not (settings.data_dir / CRASH_LOG).exists(), (settings.data_dir / CRASH_LOG).read_text()


async def test_a_screen_never_acts_for_whoever_signs_in_next(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_chat(seen)
        chat = seen.app.screen
        assert chat.principal == seen.app.context.principal  # type: ignore[attr-defined]
        await seen.app.sign_out()
        await seen.until("Sign in with your e-mail")
        await sign_in(seen, EMAIL, "Ann")
        with pytest.raises(NobodySignedIn):
            _ = chat.principal  # type: ignore[attr-defined]
        with chat.reporting():  # type: ignore[attr-defined]
            raise SessionEnded(why="signed_out")
        await seen.pilot.pause()
        assert seen.app.context.signed_in, "the end of the session before is not the end of this one"


async def test_a_sign_out_that_the_database_cannot_be_told_is_one_all_the_same(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with signed_in(settings) as seen:

        async def full(_principal: object) -> None:
            raise DiskFull

        monkeypatch.setattr(seen.services.accounts, "sign_out", full)
        await from_the_palette(seen, "Sign out")
        await seen.until("Sign in with your e-mail")
        await seen.until("full")
        assert not seen.app.context.signed_in
        assert KeptSession(settings.data_dir).load() is None
