"""Home, models, account, settings: the work of each screen, by keys, with real services."""

from __future__ import annotations

from dataclasses import replace

from core.auth.principal import Origin
from core.bootstrap import build_services
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, signed_in, world
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.rows import Rows


def rows(seen: World) -> Rows:
    return seen.app.screen.query_one(Rows)


async def in_models(seen: World) -> None:
    await seen.press("alt+6")
    await seen.until("Simulator Markdown")


async def test_home_leads_everywhere_by_letter_digit_and_ctrl_g(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        for keys, wanted in ((("m",), "models"), (("ctrl+g", "a"), "account"), (("alt+6",), "models"), (("ctrl+g", "s"), "settings")):
            await seen.press(*keys)
            await seen.until(lambda wanted=wanted: seen.app.current_mode == wanted)  # type: ignore[misc]
        await seen.press("escape")
        await seen.until(lambda: seen.app.current_mode == "home")


async def test_a_configuration_is_made_tested_and_kept(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await in_models(seen)
        await seen.press("n")
        await seen.until("new configuration")
        await seen.put("name", "Fast")
        await seen.put("model", "sim-markdown@4000x20")
        await seen.press("ctrl+t")
        await seen.until("The model answers.")
        await seen.press("ctrl+s")
        await seen.until("Fast")
        await seen.press("t")
        await seen.until("The model answers.")
        made = await seen.services.configurations.by_name(seen.app.context.principal, "Fast")
        assert made.model == "sim-markdown@4000x20"
        assert made.parameters.temperature == 0.7, "a new configuration begins balanced"


async def test_a_failing_test_says_cause_and_remedy(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        principal = seen.app.context.principal
        await seen.services.configurations.create(principal, ConfigurationDraft("Aa broken", "simulator", "sim-401"))
        await in_models(seen)
        await seen.until("Aa broken")
        await seen.press("g", "t")
        await seen.until("does not accept the key (401)")
        await seen.until("Enter the key of the configuration again")


async def test_a_test_can_be_stopped(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
        await seen.services.configurations.create(principal, ConfigurationDraft("Aa slow", "simulator", "sim-stall"))
        await in_models(seen)
        await seen.until("Aa slow")
        await seen.press("g", "t")
        await seen.until("asking…")
        await seen.press("escape")
        await seen.until(lambda: "asking…" not in seen.text)
        assert seen.app.current_mode == "models"


async def test_models_are_picked_from_what_the_provider_lists(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("n")
        await seen.until("new configuration")
        await seen.press("ctrl+r")
        await seen.until("Choose a model")
        await seen.type("sim-markdown")
        await seen.press("enter")
        await seen.until(lambda: seen.app.screen.query_one(Form)["model"].startswith("sim-markdown"))


async def test_forms_check_live_and_ask_before_changes_are_dropped(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("e")
        await seen.until("Template")
        await seen.press("escape")
        await seen.until(lambda: "Template" not in seen.text)
        await seen.press("e")
        await seen.until("Template")
        await seen.put("temperature", "9")
        await seen.until("From 0 to 2.")
        await seen.press("ctrl+s")
        await seen.press("escape")
        await seen.until("Save the changes?")
        await seen.press("d")
        await seen.until(lambda: "Template" not in seen.text)


async def test_the_form_says_which_temperature_is_sent_where_the_scale_ends_earlier(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await in_models(seen)
        await seen.press("e")
        await seen.until("Template")
        await seen.put("temperature", "1.5")
        seen.app.screen.query_one("#field-provider_id", Field).value = "anthropic"
        await seen.until("Sent as 1, its limit.")
        await seen.put("temperature", "0.9")
        await seen.until(lambda: "Sent as" not in seen.text)


async def test_advanced_fields_unfold_and_a_fault_in_them_is_shown(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("e")
        await seen.until("Template")
        assert "Extra JSON" not in seen.text
        await seen.press("ctrl+o")
        await seen.until("Extra JSON")
        await seen.put("extra", "{no json")
        await seen.until("Not valid JSON.")


async def test_marked_configurations_are_switched_and_deleted_together(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("space", "space")
        await seen.until("2 marked")
        await seen.press("u")
        await seen.until(lambda: seen.text.count("disabled") >= 2)
        await seen.press("d")
        await seen.until("Delete 2 configurations?")
        assert "It is the default" in seen.text
        await seen.press("n")
        await seen.press("d")
        await seen.until("Delete 2 configurations?")
        await seen.press("y")
        await seen.until("No configuration yet.")
        assert "Press n to make the first" in seen.text


async def test_search_sort_copy_and_default(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("slash")
        await seen.type("markdown")
        await seen.until(lambda: len(rows(seen).rows) == 1)
        await seen.press("enter", "asterisk")
        await seen.until("is asked from now on")
        await seen.press("c")
        await seen.until("Simulator Markdown 2")
        await seen.press("escape")
        await seen.until(lambda: len(rows(seen).rows) == 3)
        await seen.press("s")
        await seen.until("by model")
        default = await seen.services.configurations.default(seen.app.context.principal)
        assert default is not None and default.name == "Simulator Markdown"


async def test_administrators_switch_providers_and_allow_addresses(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await in_models(seen)
        await seen.press("right")
        await seen.until("SiliconFlow")
        while rows(seen).current_id != "openai":
            await seen.press("j")
        await seen.press("u")
        await seen.until("OpenAI is closed.")
        await seen.press("a")
        await seen.until("Allowed addresses")
        await seen.press("enter")
        await seen.until("Which address may be used?")
        await seen.type("192.168.7.5:8000")
        await seen.press("enter")
        await seen.until("is allowed.")
        assert await seen.services.providers.allowed(seen.app.context.principal)


async def test_profile_changes_show_at_once(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("alt+8")
        await seen.until("Member since")
        assert "as this machine" in seen.text
        await seen.press("enter")
        await seen.until("Your nickname")
        await seen.press("end", "ctrl+u")
        await seen.type("x")
        await seen.press("enter")
        await seen.until("At least 2 characters.")
        await seen.type("ie")
        await seen.press("enter")
        await seen.until("Changed.")
        assert seen.lines()[0].rstrip().endswith("xie")


async def test_email_and_password_ask_for_the_password(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("alt+8")
        await seen.until("Member since")
        await seen.press("j", "enter")
        await seen.until("Change your e-mail")
        await seen.put("email", "new@example.org")
        await seen.put("password", "wrong 1234")
        await seen.press("ctrl+s")
        await seen.until("Wrong password.")
        await seen.press("enter")
        await seen.until("Change your e-mail")
        await seen.put("email", "new@example.org")
        await seen.put("password", PASSWORD)
        await seen.press("ctrl+s")
        await seen.until("Your e-mail is changed.")
        await seen.press("j", "enter")
        await seen.until("Change your password")
        await seen.put("old", PASSWORD)
        await seen.put("password", "another one 9")
        await seen.until("strong")
        await seen.put("repeat", "another one 9")
        await seen.until("the same")
        assert "strong" in seen.text
        await seen.press("ctrl+s")
        await seen.until("Your password is changed.")
        assert seen.app.context.signed_in, "this session goes on"


async def test_sessions_are_listed_and_ended(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.services.accounts.sign_in(EMAIL, PASSWORD, origin=Origin("ssh", "192.0.2.7"))
        await seen.press("alt+8", "right")
        await seen.until("192.0.2.7")
        while rows(seen).rows[rows(seen).cursor].cells["from"] != "192.0.2.7":
            await seen.press("j")
        await seen.press("d")
        await seen.until("End this session?")
        await seen.press("y")
        await seen.until(lambda: "192.0.2.7" not in seen.text)
        await seen.press("o")
        await seen.until("End all your 2 sessions?")
        await seen.press("y")
        await seen.until("Sign in with your e-mail")


async def test_ssh_keys_are_added_and_removed_and_private_ones_refused(settings: Settings) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJ4dLJnlX0YQxLBjFEIYzRZ8bVqZDqSRGOaVLQ3dwJ0 ann@laptop"
    async with signed_in(settings) as seen:
        await seen.press("alt+8", "right", "right")
        await seen.until("No SSH key yet.")
        await seen.press("n")
        await seen.until("Add an SSH public key")
        await seen.put("public_key", "-----BEGIN OPENSSH PRIVATE KEY-----")
        await seen.until("This is a private")
        await seen.put("public_key", key)
        await seen.press("ctrl+s")
        await seen.until("ann@laptop")
        await seen.press("d")
        await seen.until("Remove the SSH key")
        await seen.press("y")
        await seen.until("No SSH key yet.")


async def test_settings_take_effect_at_once_and_come_back(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("ctrl+g", "s")
        await seen.until("Registration open")
        seen.app.screen.query_one("#field-theme").focus()
        await seen.press("right", "right")
        await seen.until(lambda: seen.app.theme == "day")
        seen.app.screen.query_one("#field-signs").focus()
        await seen.press("right")
        await seen.until(lambda: seen.app.glyphs.ascii)
        assert "◂" not in seen.text
        seen.app.screen.query_one("#field-registration").focus()
        before = await seen.services.accounts.registration_open()
        await seen.press("right")
        await seen.press("tab")
        await seen.until(lambda: seen.app.screen.query_one(Form)["registration"] == ("no" if before else "yes"))
        assert await seen.services.accounts.registration_open() is not before
    async with world(settings) as again:
        # Nobody left by themselves, so it begins where it broke off.
        await again.until("Registration open")
        assert again.app.current_mode == "settings"
        assert again.app.theme == "day"
        assert again.app.glyphs.ascii


async def test_another_process_is_seen_when_home_comes_back(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        other = await build_services(replace(settings))
        await other.chat.create(seen.app.context.principal, title="Made in the shell")
        await other.close()
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        await seen.press("ctrl+g", "h")
        await seen.until("Made in the shell")


async def test_home_opens_a_new_conversation_and_later_the_same_one(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("n")
        await seen.until(lambda: seen.app.current_mode == "chat")
        await seen.until("Write your question")
        made = await seen.services.chat.create(seen.app.context.principal, title="Kept in mind")
        await seen.press("ctrl+g", "h")
        await seen.until("Kept in mind")
        await seen.press("ctrl+p")
        await seen.type("kept in")
        await seen.until(lambda: "Kept in mind" in seen.text)
        await seen.press("enter")
        await seen.until(lambda: seen.app.current_mode == "chat" and "Kept in mind" in seen.lines()[0])
        assert made.title == "Kept in mind"


async def test_leaving_asks_while_an_answer_is_written(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
        made = await seen.services.configurations.create(principal, ConfigurationDraft("Slow", "simulator", "sim-markdown@5x400"))
        await seen.services.chat.send(principal, None, "Take your time", configuration_id=made.id)
        await seen.press("ctrl+q")
        await seen.until("An answer is still being written.")
        await seen.press("escape")
        await seen.until(lambda: "An answer is still" not in seen.text)
        assert not seen.app._exit
        await seen.press("ctrl+q")
        await seen.until("An answer is still being written.")
        await seen.press("y")
        await seen.until(lambda: seen.app._exit)
