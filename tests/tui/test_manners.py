"""What forms, dialogs and help owe the person before them: nothing typed is lost or cut off, Enter and Esc do as expected."""

from __future__ import annotations

import pytest

from core.auth.principal import Origin
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, add_first_admin, signed_in, world
from tui.areas import AREAS
from tui.screens.palette import commands_for
from tui.widgets.choices import Choice
from tui.widgets.editor import Editor
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.rows import Rows

PROMPT = "You are brief.\nYou answer in English.\n\n  Indented."
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJ4dLJnlX0YQxLBjFEIYzRZ8bVqZDqSRGOaVLQ3dwJ0 ann@laptop"


async def open_prompted(seen: World) -> None:
    """The form of a configuration with a prompt of several lines."""
    principal = seen.app.context.principal
    await seen.services.configurations.create(principal, ConfigurationDraft("Aa prompted", "simulator", "sim-chat", system_prompt=PROMPT))
    await seen.press("alt+6")
    await seen.until("Aa prompted")
    await seen.press("g", "enter")
    await seen.until("System prompt")


# Before the sign-in ----------------------------------------------------------------------------------------------------


async def test_help_and_palette_take_no_password_away(settings: Settings) -> None:
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Make the first account")
        await seen.put("password", PASSWORD)
        for keys in (("f1", "escape"), ("ctrl+p", "escape")):
            await seen.press(*keys)
            await seen.until(lambda: not seen.app.screen.is_modal)
        assert seen.app.screen.query_one(Form)["password"] == PASSWORD


async def test_enter_behind_the_password_signs_in(settings: Settings) -> None:
    await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Password")
        await seen.type(EMAIL)
        await seen.press("enter")
        await seen.type(PASSWORD)
        await seen.press("enter")
        await seen.until("Good to see you")


async def test_the_way_to_a_new_account_is_shown_at_80_columns_while_registration_is_open(settings: Settings) -> None:
    principal = await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Ctrl+N new account")
        await seen.services.accounts.set_registration(principal, False)
    async with world(settings, size=(80, 24)) as again:
        await again.until(lambda: "Ctrl+L language" in again.text)
        await again.press("ctrl+n")
        assert "Ctrl+N" not in again.text and "Make an account" not in again.text


async def test_a_wrong_old_password_is_said_at_its_field(settings: Settings) -> None:
    principal = await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.services.accounts.set_password(principal, EMAIL, "given 1234567", must_change=True)
        given = await seen.services.accounts.sign_in(EMAIL, "given 1234567", origin=Origin("local"))
        await seen.app.signed_in(given, keep=False)
        await seen.until("Choose a password of your own.")
        for name, value in (("old", "not that one 1"), ("password", PASSWORD), ("repeat", PASSWORD)):
            await seen.put(name, value)
        await seen.press("enter")
        await seen.until("Wrong password.")
        assert "cannot stay" not in seen.text
        assert seen.app.focused is seen.app.screen.query_one("#field-old")
        assert seen.app.screen.query_one(Form)["password"] == PASSWORD, "only what was wrong is asked again"


async def test_a_remark_too_long_for_its_column_is_shown_whole_below_its_field(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("alt+8", "right", "right")
        await seen.until("No SSH key yet.")
        await seen.press("n")
        await seen.until("Add an SSH public key")
        await seen.put("public_key", "-----BEGIN OPENSSH PRIVATE KEY-----")
        await seen.until("keep it to yourself")
        said = " ".join(" ".join(line.split()) for line in seen.lines())
        assert "This is a private key: keep it to yourself, and give the public one (.pub)." in said
        assert seen.fits()
        await seen.put("public_key", KEY)
        await seen.until(lambda: "keep it to yourself" not in seen.text)
        assert seen.app.screen.query_one("#field-public_key", Field).size.height == 1


# Forms -----------------------------------------------------------------------------------------------------------------


async def test_a_prompt_of_several_lines_survives_the_form(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await open_prompted(seen)
        assert "4 lines" in seen.text
        await seen.put("note", "only the note")
        seen.app.screen.query_one("#field-system_prompt").focus()
        await seen.press("end", "backspace", "ctrl+u")
        await seen.press("ctrl+s")
        await seen.until("is saved")
        kept = await seen.services.configurations.by_name(seen.app.context.principal, "Aa prompted")
        assert (kept.system_prompt, kept.note) == (PROMPT, "only the note")


@pytest.mark.parametrize("where", ["field-system_prompt", "field-name"])
async def test_the_prompt_is_written_in_an_editor_from_any_field(settings: Settings, where: str) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await open_prompted(seen)
        seen.app.screen.query_one(f"#{where}").focus()
        await seen.press("ctrl+e")
        await seen.until(lambda: isinstance(seen.app.focused, Editor))
        await seen.press("enter")
        await seen.type("More.")
        await seen.press("ctrl+s")
        await seen.until(lambda: seen.app.screen.query_one(Form)["system_prompt"] == PROMPT + "\nMore.")


async def test_typing_on_the_prompt_opens_the_editor_with_what_was_typed(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        await seen.press("n")
        await seen.until("new configuration")
        seen.app.screen.query_one("#field-system_prompt").focus()
        await seen.type("Be kind.")
        await seen.until(lambda: isinstance(seen.app.focused, Editor) and seen.app.focused.text == "Be kind.")
        await seen.press("escape")
        await seen.until("Take what you wrote?")
        await seen.press("escape")
        await seen.until(lambda: isinstance(seen.app.focused, Editor))
        await seen.press("escape")
        await seen.until("Take what you wrote?")
        await seen.press("s")
        await seen.until(lambda: not seen.app.screen.is_modal)
        assert seen.app.screen.query_one(Form)["system_prompt"] == "Be kind."


async def test_what_a_test_said_goes_when_the_form_changes(settings: Settings) -> None:
    async with signed_in(settings, size=(120, 40)) as seen:
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        await seen.press("n")
        await seen.until("new configuration")
        await seen.put("model", "sim-401")
        await seen.press("ctrl+t")
        await seen.until("does not accept the key (401)")
        await seen.put("model", "sim-chat")
        await seen.until(lambda: "(401)" not in seen.text)


async def test_a_letter_leads_to_the_value_that_begins_with_it(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        await seen.press("n")
        await seen.until("new configuration")
        provider = seen.app.screen.query_one("#field-provider_id", Choice)
        provider.focus()
        await seen.press("o")
        assert provider.value == "ollama"
        await seen.press("o")
        assert provider.value == "openai"
        await seen.press("3", "x")
        assert provider.value == "ai302", "what begins no value changes nothing"


# Lists -----------------------------------------------------------------------------------------------------------------


async def test_ssh_keys_are_renamed(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.services.accounts.add_ssh_key(seen.app.context.principal, KEY)
        await seen.press("alt+8", "right", "right")
        await seen.until("ann@laptop")
        await seen.press("r")
        await seen.until("Another name for the SSH key")
        await seen.press("end", "ctrl+u", "enter")
        assert seen.app.screen.is_modal, "it needs a name"
        await seen.type("at work")
        await seen.press("enter")
        await seen.until(lambda: seen.app.screen.query_one(Rows).rows[0].cells["name"] == "at work")


async def test_only_what_can_be_done_with_the_list_is_offered(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("alt+8", "right", "right")
        await seen.until("No SSH key yet.")
        line = seen.lines()[-1]
        assert "n add a key" in line
        assert not any(word in line for word in ("rename", "remove", "open"))


async def test_what_was_asked_about_is_what_goes(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        accounts, principal = seen.services.accounts, seen.app.context.principal
        await accounts.add_ssh_key(principal, KEY, "the one")
        await seen.press("alt+8", "right", "right")
        await seen.until("the one")
        await seen.press("d")
        await seen.until("Remove the SSH key “the one”?")
        (key,) = await accounts.ssh_keys(principal)
        await accounts.remove_ssh_key(principal, key.id)
        seen.app.screen_stack[-2].reload()  # type: ignore[attr-defined]
        await seen.until(lambda: not seen.app.screen_stack[-2].query_one(Rows).rows)
        await seen.press("y")
        await seen.until("There is no such SSH key")


# Help and palette ------------------------------------------------------------------------------------------------------


async def test_the_help_of_every_screen_shows_keys_of_ours_clear_of_the_scrollbar(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        for area in AREAS:
            await seen.app.action_go(area)
            await seen.until(lambda area=area: seen.app.current_mode == area)  # type: ignore[misc]
            await seen.press("f1")
            await seen.until("Help: ")
            page, text = seen.app.screen.query_one("#help-page"), seen.app.screen.query_one("#help-text")
            assert text.content_region.right < page.region.right - 1
            words = [words for words, _token in text._parts]  # type: ignore[attr-defined]
            assert not [line for line in words if line.startswith("Super")]
            here, everywhere = words.index("On this screen"), words.index("Everywhere")
            assert here < everywhere
            assert not words[here + 1].startswith(("Tab", "F1", "Ctrl+C")) or area == "settings", "its own keys come first"
            await seen.press("escape")


async def test_the_palette_says_in_whole_phrases_what_is_done_and_finds_the_word_of_the_key_line_too(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        labels = [command.label for command in commands_for(seen.app)]
        assert "Enable or disable" in labels and "on/off" not in labels
        await seen.press("ctrl+p")
        await seen.type("on/off")
        await seen.until("Enable or disable")
        assert seen.fits()
