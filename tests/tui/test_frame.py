"""Palette, help, languages, widths, hostile text, crashes: what holds on every screen."""

from __future__ import annotations

import re

import pytest

from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, signed_in, world
from tui import crash, i18n
from tui.app import ModeltrainApp
from tui.i18n import Locale
from tui.screens.palette import commands_for, search

AREAS = (("home", "h"), ("models", "m"), ("account", "a"), ("settings", "s"))
NAUGHTY = "[/bold] [red]x\u202eevil\u200b\x1b]52;c;aGk=\x07\x9b31m 田中さん 👩‍💻 {0} {name} %s"


class Wide(Locale):
    """A language in which every message is as wide as Chinese: each word becomes one ideograph for two letters."""

    def gettext(self, message: str) -> str:
        return "".join(part if part.startswith("{") else re.sub("[A-Za-z]{1,2}", "宽", part) for part in re.split(r"(\{[^{}]*\})", message))

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        return self.gettext(singular if count == 1 else plural)


async def through_the_areas(seen: World) -> None:
    for name, letter in AREAS:
        await seen.press("ctrl+g", letter)
        await seen.until(lambda name=name: seen.app.current_mode == name)  # type: ignore[misc]
        await seen.app.workers.wait_for_complete()
        await seen.pilot.pause()
        assert seen.fits(), seen.text


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (120, 40), (200, 60)])
async def test_every_line_has_the_width_of_the_screen_in_both_kinds_of_script(settings: Settings, size: tuple[int, int]) -> None:
    async with signed_in(settings, size=size, nickname=NAUGHTY[:8] + "田中さん") as seen:
        await through_the_areas(seen)
        seen.app.context.locale = wide = Wide()
        i18n.use(wide)
        for screen in seen.app.framed_screens():
            screen.retranslate()
        await through_the_areas(seen)


async def test_names_from_outside_are_neither_markup_nor_control(settings: Settings) -> None:
    from core.models.types import ConfigurationDraft

    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
        await seen.services.configurations.create(principal, ConfigurationDraft("Aa " + NAUGHTY, "simulator", "sim-markdown", note=NAUGHTY))
        await seen.services.chat.create(principal, title=NAUGHTY)
        await through_the_areas(seen)
        await seen.press("ctrl+g", "m")
        await seen.until("[/bold]")
        forbidden = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]")
        assert not forbidden.search(seen.text.replace("\n", ""))
        await seen.press("ctrl+p")
        await seen.until("All commands")
        assert not forbidden.search(seen.text.replace("\n", ""))


async def test_naughty_text_in_every_field_neither_crashes_nor_is_drawn(settings: Settings) -> None:
    async with world(settings) as seen:
        await seen.until("Make the first account")
        for field in ("email", "nickname", "password", "repeat"):
            widget = seen.app.screen.query_one(f"#field-{field}")
            widget.value = NAUGHTY  # type: ignore[attr-defined]
            await seen.pilot.pause()
            assert "\x1b" not in seen.text and "\u202e" not in seen.text
            assert seen.fits()
        await seen.press("ctrl+s")
        await seen.until("Not an e-mail address.")


async def test_a_paste_is_one_clean_line(settings: Settings) -> None:
    from textual import events

    async with world(settings) as seen:
        await seen.until("Make the first account")
        field = seen.app.screen.query_one("#field-nickname")
        field.focus()
        field.post_message(events.Paste("two\nlines\x1b]52;c;aGk=\x07"))
        await seen.until("two lines")
        assert field.value == "two lines"  # type: ignore[attr-defined]


async def test_the_palette_finds_commands_in_every_language_and_runs_them(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await seen.press("ctrl+p")
        await seen.until("All commands")
        await seen.type("modls")
        await seen.until(lambda: "Models" in seen.text)
        await seen.press("enter")
        await seen.until(lambda: seen.app.current_mode == "models")
        labels = [command.label for command in commands_for(seen.app)]
        assert len(labels) == len(set(labels)), "nothing is offered twice"
        assert {"Ask the model something short", "Make a configuration", "Sign out", "简体中文", "Day"} <= set(labels)
        assert search("中文", commands_for(seen.app))[0].label == "简体中文"
        await seen.press("ctrl+p")
        await seen.type("简体")
        await seen.press("enter")
        await seen.until(lambda: seen.app.context.locale.language == "zh_CN")


async def test_f1_names_every_key_of_the_screen(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        for name, letter in AREAS:
            await seen.press("ctrl+g", letter)
            await seen.until(lambda name=name: seen.app.current_mode == name)  # type: ignore[misc]
            screen = seen.app.screen
            wanted = [b.tooltip or b.description for b in screen.BINDINGS if b.id]  # type: ignore[union-attr]
            await seen.press("f1")
            await seen.until("Help:")
            parts = "\n".join(text for text, _token in seen.app.screen._parts())  # type: ignore[attr-defined]
            shown = [tooltip for tooltip in wanted if str(tooltip) in parts]
            assert len(shown) >= len(wanted) // 2 and "Everywhere" in parts
            await seen.press("escape")
            await seen.until(lambda screen=screen: seen.app.screen is screen)  # type: ignore[misc]


async def test_plain_letters_are_text_in_a_field_and_keys_elsewhere(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await seen.press("alt+6")
        await seen.until("Simulator Markdown")
        assert "n new" in seen.lines()[-1]
        await seen.press("slash", "n")
        await seen.until(lambda: "n new" not in seen.lines()[-1])
        assert "new configuration" not in seen.text


async def test_an_unforeseen_error_in_a_screen_gets_a_code_and_the_application_goes_on(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        secret = "sk-very-secret"

        async def fails() -> None:
            raise ValueError(secret)

        seen.app.screen.start(fails)  # type: ignore[attr-defined]
        await seen.pilot.app.workers.wait_for_complete(list(seen.app.screen.workers))
        await seen.pilot.pause()
        assert len(seen.app.unforeseen) == 1
        seen.app.unforeseen.clear()
        await seen.until("Something went wrong inside modeltrain.")
        log = (settings.data_dir / crash.CRASH_LOG).read_text()
        assert "ValueError" in log and "test_frame.py" in log
        assert secret not in log and secret not in seen.text
        assert (settings.data_dir / crash.CRASH_LOG).stat().st_mode & 0o777 == 0o600


async def test_a_crash_ends_with_a_sentence_and_never_with_locals(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.tui.world import make_app

    app, _built = make_app(settings)

    def bursts() -> None:
        password = PASSWORD + EMAIL
        raise ValueError(password)

    with pytest.raises(ValueError, match="correct"):
        async with app.run_test() as pilot:
            app.call_later(bursts)
            await pilot.pause()
    assert isinstance(app, ModeltrainApp) and app.problem is not None
    assert "crash-" in app.problem.why
    captured = capsys.readouterr()
    assert PASSWORD not in captured.out + captured.err
    assert PASSWORD not in (settings.data_dir / crash.CRASH_LOG).read_text()
