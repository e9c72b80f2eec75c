"""The private names of Textual that painting goes by, and what it does with them: an upgrade that changes them fails here."""

from __future__ import annotations

import inspect

from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.filter import ANSIToTruecolor

from core.settings import Settings
from tests.tui.world import signed_in
from tui.themes import ANSI_THEME


def test_textual_still_has_the_names() -> None:
    assert list(inspect.signature(App._display).parameters) == ["self", "screen", "renderable"]
    assert list(inspect.signature(App._end_batch).parameters) == ["self"]
    assert list(inspect.signature(App._watch_theme).parameters) == ["self", "theme_name"]
    assert list(inspect.signature(LayoutUpdate.__init__).parameters) == ["self", "strips", "region"]
    assert list(inspect.signature(ChopsUpdate.__init__).parameters) == ["self", "chops", "spans", "chop_ends"]
    source = inspect.getsource(App._display)
    assert "_batch_count" in source and "post_display_hook" in source and "cursor_position" in source


async def test_colours_and_theme_follow_the_preference(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        app = seen.app
        assert all(isinstance(kept, ANSIToTruecolor) for kept in app._filters)
        chosen = app.theme
        for preference, drawn in (("16", ANSI_THEME), ("256", chosen), ("none", ANSI_THEME), ("auto", chosen)):
            app.use_colours(preference)
            await seen.pilot.pause()
            assert (app.theme, app.drawn_theme, app.current_theme.name) == (chosen, drawn, drawn)
        assert app.frame.abilities.depth == app.context.terminal.colours


async def test_where_bytes_are_dear_there_are_fewer_of_them(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        usual = seen.app.stream_every_s
        seen.app.use_link_preference("on")
        assert seen.app.stream_every_s > 2 * usual
        assert seen.app.frame.abilities.depth == "16"
        seen.app.use_link_preference("off")
        assert seen.app.stream_every_s == usual
        assert seen.app.frame.abilities.depth == "truecolor"
