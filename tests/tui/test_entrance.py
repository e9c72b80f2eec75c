"""First start, sign-in, registration, forced password, keeping signed in, leaving."""

from __future__ import annotations

import json

from core.auth.kept import KeptSession
from core.auth.principal import Origin
from core.bootstrap import build_services
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, add_first_admin, make_app, signed_in, world
from tui import local


async def test_first_start_makes_the_administrator_and_leads_home(settings: Settings) -> None:
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Make the first account")
        await seen.put("email", EMAIL)
        await seen.put("nickname", "Ann")
        await seen.put("password", PASSWORD)
        await seen.put("repeat", PASSWORD)
        await seen.until("the same")
        await seen.press("ctrl+s")
        await seen.until("Good to see you, Ann.")
        assert seen.app.context.principal.is_admin
        assert "This is your first sign-in." in seen.text
        assert seen.app.context.profile is not None and seen.app.context.profile.theme == "night"
        configurations = await seen.services.configurations.list(seen.app.context.principal)
        assert [item for item in configurations if item.is_default], "a new account can chat before any key is entered"


async def test_the_wizard_says_what_is_wrong_beside_each_field_and_makes_nothing(settings: Settings) -> None:
    async with world(settings) as seen:
        await seen.until("Make the first account")
        await seen.put("email", "no address")
        await seen.until("Not an e-mail address.")
        await seen.put("password", "short")
        await seen.until("At least 8 characters.")
        await seen.put("repeat", "other")
        await seen.until("The two are not the same.")
        await seen.press("ctrl+s")
        await seen.until("Something must be here.")
        assert await seen.services.accounts.needs_first_admin()


async def test_language_and_theme_change_the_wizard_at_once(settings: Settings) -> None:
    async with world(settings) as seen:
        await seen.until("Make the first account")
        seen.app.screen.query_one("#field-theme").focus()
        await seen.press("right")
        assert seen.app.theme == "ember"
        seen.app.screen.query_one("#field-language").focus()
        await seen.press("right")
        assert seen.app.context.locale.language == "zh_CN"


async def test_a_lost_race_for_the_first_account_leads_to_the_sign_in(settings: Settings) -> None:
    async with world(settings) as seen:
        await seen.until("Make the first account")
        await seen.services.accounts.create_first_admin("bob@example.org", "Bob", PASSWORD, origin=Origin("shell"))
        for name, value in (("email", EMAIL), ("nickname", "Ann"), ("password", PASSWORD), ("repeat", PASSWORD)):
            await seen.put(name, value)
        await seen.press("ctrl+s")
        await seen.until("There is an administrator already.")
        assert "Sign in with your e-mail" in seen.text


async def test_sign_in_gives_one_answer_for_unknown_and_wrong_and_keeps_the_email(settings: Settings) -> None:
    await add_first_admin(settings)
    async with world(settings) as seen:
        await seen.until("Password")
        for email in (EMAIL, "nobody@example.org"):
            await seen.put("email", email)
            await seen.put("password", "wrong 12345")
            await seen.press("enter", "enter")
            await seen.until("The name or the password is wrong.")
            form = seen.app.screen.form  # type: ignore[attr-defined]
            assert form["email"] == email
            assert form["password"] == "", "a wrong password is not left on the screen"


async def test_too_many_attempts_say_how_long_to_wait(settings: Settings) -> None:
    await add_first_admin(settings)
    async with world(settings) as seen:
        await seen.until("Password")
        for _ in range(6):
            await seen.put("email", EMAIL)
            await seen.put("password", "wrong 12345")
            await seen.press("ctrl+s")
            await seen.until(lambda: "wrong." in seen.text or "Too many" in seen.text)
        await seen.until("Too many attempts.")
        assert "Sign-in is closed for" in seen.text


async def test_keeping_signed_in_needs_no_password_next_time(settings: Settings) -> None:
    async with signed_in(settings):
        assert KeptSession(settings.data_dir).load() is not None
    async with world(settings) as again:
        await again.until("Good to see you, Ann.")
        assert "Last sign-in" in again.text


async def test_a_kept_session_that_was_ended_leads_to_the_sign_in_with_the_reason(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
    services = await build_services(settings)
    await services.accounts.sign_out_everywhere(principal)
    await services.close()
    async with world(settings) as again:
        await again.until("This session has ended.")
        assert KeptSession(settings.data_dir).load() is None


async def test_registration_checks_names_as_they_are_typed(settings: Settings) -> None:
    await add_first_admin(settings)
    async with world(settings) as seen:
        await seen.until("new account")
        await seen.press("ctrl+n")
        await seen.until("Make an account of your own.")
        await seen.put("email", EMAIL)
        await seen.until("Already taken.")
        await seen.put("email", "bob@example.org")
        await seen.until("free")
        await seen.put("nickname", "ann")
        await seen.until("Already taken.")
        await seen.put("nickname", "小明")
        await seen.put("password", PASSWORD)
        await seen.put("repeat", PASSWORD)
        await seen.press("ctrl+s")
        await seen.until("Good to see you, 小明.")
        assert not seen.app.context.principal.is_admin


async def test_closed_registration_is_not_offered(settings: Settings) -> None:
    admin = await add_first_admin(settings)
    services = await build_services(settings)
    await services.accounts.set_registration(admin, False)
    await services.close()
    async with world(settings) as seen:
        await seen.until("Password")
        await seen.press("ctrl+n")
        assert "Sign in with your e-mail" in seen.text
        assert "new account" not in seen.text


async def test_a_password_set_by_an_administrator_must_be_changed_first(settings: Settings) -> None:
    admin = await add_first_admin(settings)
    services = await build_services(settings)
    await services.accounts.add_user(admin, "bob@example.org", "Bob", PASSWORD)
    await services.accounts.set_password(admin, "bob@example.org", "given by Ann 1")
    await services.close()
    async with world(settings) as seen:
        await seen.until("Password")
        await seen.put("email", "bob@example.org")
        await seen.put("password", "given by Ann 1")
        await seen.press("ctrl+s")
        await seen.until("Choose a password of your own.")
        await seen.press("alt+1")
        assert seen.app.current_mode == "gate", "no way round the change"
        await seen.put("old", "given by Ann 1")
        await seen.put("password", "a new one, 2 words")
        await seen.put("repeat", "a new one, 2 words")
        await seen.press("ctrl+s")
        await seen.until("Good to see you, Bob.")


async def test_an_account_disabled_elsewhere_is_off_the_screen_within_one_look(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        admin = seen.app.context.principal
        await seen.services.accounts.add_user(admin, "bob@example.org", "Bob", PASSWORD, admin=True)
        bob = await seen.services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin("shell"))
        await seen.services.accounts.set_disabled(bob.principal, EMAIL, True)
        await seen.until("This session has ended.")
        assert "Good to see you" not in seen.text
        assert not seen.app.context.signed_in


async def test_leaving_is_one_key(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("ctrl+q")
        await seen.until(lambda: seen.app._exit)
    assert seen.app.return_code == 0


async def test_a_problem_at_the_start_is_a_sentence_and_a_status(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "modeltrain.db").write_bytes(b"this is no database at all" * 100)
    app, _built = make_app(settings)
    async with app.run_test() as pilot:
        await World(app, pilot, None).until(lambda: app.problem is not None)  # type: ignore[arg-type]
    assert app.problem is not None
    assert app.return_code == 2
    assert app.problem.remedy


def test_local_preferences_survive_damage(settings: Settings) -> None:
    settings.data_dir.mkdir()
    for content in ("", "[]", '{"language": 7, "theme": "day"}', "{" * 10_000):
        (settings.data_dir / local.FILE).write_text(content)
        kept = local.load(settings.data_dir)
        assert kept.language == ""
    local.save(settings.data_dir, theme="paper")
    assert json.loads((settings.data_dir / local.FILE).read_text())["theme"] == "paper"
    assert (settings.data_dir / local.FILE).stat().st_mode & 0o777 == 0o600
