"""Lines shown without composing the screen: only where nothing covers them, and the same as composed."""

from __future__ import annotations

from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.direct import show_lines


class Lines(Widget):
    DEFAULT_CSS = "Lines { height: 6; }"

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"line {y}".ljust(self.size.width))])


class Cover(Static):
    DEFAULT_CSS = "Cover { layer: above; display: none; offset: 3 2; width: 4; height: 1; }"


class Host(App[None]):
    CSS = "Screen { layers: below above; }"

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[LayoutUpdate] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("head")
            yield Lines()
        yield Cover("over")

    def _display(self, screen, renderable) -> None:  # type: ignore[no-untyped-def]
        if isinstance(renderable, LayoutUpdate):
            self.shown.append(renderable)
        super()._display(screen, renderable)


def lines_of(widget: Widget, *numbers: int) -> list[Strip]:
    return [widget.render_line(number) for number in numbers]


async def test_what_nothing_covers_is_shown_in_its_place() -> None:
    app = Host()
    async with app.run_test(size=(20, 10)) as pilot:
        await pilot.pause()
        widget, driver = app.query_one(Lines), app._driver
        assert driver is not None
        assert not show_lines(widget, 0, lines_of(widget, 0)), "there is no terminal"
        driver.__class__ = type("Seeing", (driver.__class__,), {"is_headless": property(lambda _self: False)})
        app.shown.clear()
        assert show_lines(widget, 2, lines_of(widget, 2, 3))
        (update,) = app.shown
        assert tuple(update.region) == (0, 3, 20, 2), "the second line of the widget lies below the head"
        assert ["".join(part.text for part in line).strip() for line in update.strips] == ["line 2", "line 3"]


async def test_what_is_covered_moved_or_away_is_left_to_the_compositor() -> None:
    app = Host()
    async with app.run_test(size=(20, 10)) as pilot:
        await pilot.pause()
        widget, driver = app.query_one(Lines), app._driver
        assert driver is not None
        driver.__class__ = type("Seeing", (driver.__class__,), {"is_headless": property(lambda _self: False)})
        assert show_lines(widget, 0, lines_of(widget, 0))
        cover = app.query_one(Cover)
        cover.display = True
        await pilot.pause()
        assert not show_lines(widget, 0, lines_of(widget, 0)), "something lies over it"
        cover.display = False
        await pilot.pause()
        assert show_lines(widget, 0, lines_of(widget, 0))
        widget.refresh()
        assert not show_lines(widget, 0, lines_of(widget, 0)), "it is drawn anyway"
        await pilot.pause()
        await app.push_screen(ModalScreen())
        assert not show_lines(widget, 0, lines_of(widget, 0)), "another screen is in front"
        await app.pop_screen()
        await pilot.pause()
        assert show_lines(widget, 0, lines_of(widget, 0))
        await pilot.resize_terminal(20, 4)
        await pilot.pause()
        assert not show_lines(widget, 0, lines_of(widget, 0)), "not all of it is in view"
