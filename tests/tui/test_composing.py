"""What is rendered of a part of a screen is what Textual renders of it, and nothing that is behind."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import textual._compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Label, Static

from tui.composing import render_chops


def textuals_own() -> Any:
    """The function that is replaced, from a copy of its module."""
    spec = importlib.util.spec_from_file_location("textuals_own_compositor", textual._compositor.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Compositor._render_chops


class Crowded(App[None]):
    """Widgets beside, within, before and behind each other, some of them half out of sight."""

    CSS = """
    Screen { layers: below above; }
    #list { width: 20; border: round red; }
    #text { border: heavy blue; padding: 1; }
    #over { layer: above; offset: 12 4; width: 30; height: 5; background: green; border: round white; }
    #edge { layer: above; dock: right; width: 3; height: 100%; background: yellow; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="list"):
                for number in range(30):
                    yield Label(f"line {number} 模型 of the list", classes="line")
            with Vertical():
                yield Static("a text 模型 " * 60, id="text")
                yield Static("below it " * 20)
        yield Static("over both 模型", id="over")
        yield Static("edge", id="edge")


def texts(chops: Sequence[Mapping[int, Strip | None]], cuts: Sequence[Sequence[int]], crop: Region) -> list[list[Any]]:
    """The pieces that lie in `crop`, with their segments."""
    lines = []
    for y in crop.line_range:
        ends = dict(zip(chops[y], cuts[y][1:], strict=True))
        pieces = ((x, piece) for x, piece in chops[y].items() if x < crop.right and ends[x] > crop.x)
        lines.append([(x, piece.text, list(piece)) if piece is not None else (x, "nothing", None) for x, piece in pieces])
    return lines


@pytest.mark.asyncio
async def test_every_part_of_a_screen_is_as_textual_renders_it() -> None:
    app, own, pick = Crowded(), textuals_own(), random.Random(7)
    async with app.run_test(size=(80, 24)) as pilot:
        app.query_one("#list").scroll_to(y=7, animate=False)
        await pilot.pause()
        compositor = app.screen._compositor
        for _number in range(150):
            x, y = pick.randrange(80), pick.randrange(24)
            crop = Region(x, y, pick.randint(1, 80 - x), pick.randint(1, 24 - y))
            expected = own(compositor, crop, lambda _y: True)
            assert texts(render_chops(compositor, crop, lambda _y: True), compositor.cuts, crop) == texts(expected, compositor.cuts, crop)


@pytest.mark.asyncio
async def test_what_is_behind_is_not_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Crowded()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        compositor = app.screen._compositor
        rendered: list[tuple[str | None, Region]] = []

        def noting(widget: Widget, crop: Region) -> list[Strip]:
            rendered.append((widget.id, crop))
            return type(widget).render_lines(widget, crop)

        for widget in compositor.visible_widgets:
            monkeypatch.setattr(widget, "render_lines", partial(noting, widget))
        render_chops(compositor, Region(14, 5, 20, 2), lambda _y: True)
        assert rendered == [("over", Region(0, 1, 30, 2))]
