"""Every screen of the application, over SSH, is cell by cell what Textual composed: what it would send to a local terminal."""

from __future__ import annotations

import asyncio

import pyte
import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

from core.settings import Settings
from tests.ssh.terminals import Client, client
from tests.ssh.test_driver import HOME, Served, served
from tests.terminal import _JOINED
from tui.ssh.app import ServedApp
from tui.ssh.palette256 import nearest

pytestmark = pytest.mark.usefixtures("storage")
DEPTHS = {"truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD}
#: Keys, and what is seen then.
TOUR = (
    ((), HOME),
    (("ctrl+g",), "Account"),
    (("esc", "ctrl+p"), "ctrl+p"),
    (("esc", "f1"), "Help: Home"),
    (("esc", "c"), "Enter send"),
    (("2 模型 e\u0301 ❤\ufe0f", "ctrl+t"), "ystem prompt"),
    (("esc", "ctrl+o"), "Which model answers"),
    (("esc", "alt+6"), "Simulator"),
    (("n",), "Template"),
    (("esc", "right"), "Simulator"),
    (("alt+8",), "Profile"),
    (("esc", "esc", "s"), "Changes take effect at once"),
)


def codes(style: Style | None, system: ColorSystem) -> str:
    """The style in escape codes, told as plainly as can be."""
    found = ["0"]
    if style is not None:
        names = ("bold", "dim", "italic", "underline", "blink", "blink2", "reverse", "conceal", "strike")
        found += [str(number) for number, name in enumerate(names, 1) if getattr(style, name)]
        for colour, front in ((style.color, True), (style.bgcolor, False)):
            if colour is not None:
                if system is ColorSystem.EIGHT_BIT and colour.triplet is not None:
                    colour = Color.from_ansi(nearest(*colour.triplet))  # the nearest to the eye, not Rich's
                found += colour.downgrade(system).get_ansi_codes(foreground=front)
    return f"\x1b[{';'.join(found)}m"


def plain(text: str) -> str:
    """Borders and scroll bars as a terminal without them shows them."""
    return "".join(
        "-"
        if sign == "─"
        else "|"
        if sign == "│"
        else "+"
        if sign in "┌┐└┘├┤"
        else "~"
        if sign == "…"
        else "#"
        if "▀" <= sign <= "▟"
        else sign
        for sign in text
    )


def composed(app: ServedApp, system: ColorSystem) -> pyte.Screen:
    """A terminal that shows what Textual composed, segment by segment."""
    screen = pyte.Screen(*app.size)
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l")
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        stream.feed(f"\x1b[{y + 1}H")
        x = 0
        for text, style, _control in strip:
            # Each segment in its place: pyte and Rich do not agree about every emoji.
            stream.feed(f"\x1b[{y + 1};{x + 1}H" + codes(style, system) + _JOINED.sub("", plain(text) if app.glyphs.ascii else text))
            x += Segment(text).cell_length
    return screen


def difference(shown: Client, app: ServedApp, system: ColorSystem) -> str:
    """The first cell that is not as composed, "" if all are."""
    wanted = composed(app, system)
    for y in range(app.size.height):
        for x in range(app.size.width):
            got, expected = shown.screen.buffer[y][x], wanted.buffer[y][x]
            if got != expected and not _disputed(wanted, x, y):
                return f"({x}, {y}) is {got} instead of {expected}\n{shown.text}"
    return ""


def _disputed(screen: pyte.Screen, x: int, y: int) -> bool:
    """Whether this is the cell behind an emoji that pyte, unlike Rich, takes for a narrow one."""
    return x > 0 and screen.buffer[y][x - 1].data in ("❤",)


async def same(shown: Client, there: Served, depth: str) -> None:
    """Go on once the terminal shows what is composed."""
    app = there.worker.sessions[-1]._app
    assert app is not None
    found = ""
    for _look in range(400):
        if not (found := difference(shown, app, DEPTHS[depth])):
            return
        await asyncio.sleep(0.025)
    raise AssertionError(found)


@pytest.mark.parametrize(
    ("size", "depth", "term"),
    [
        ((120, 40), "truecolor", "xterm-256color"),
        ((80, 24), "truecolor", "tmux-256color"),
        ((120, 40), "256", "screen-256color"),
        ((80, 24), "16", "linux"),
    ],
)
async def test_every_screen_is_what_was_composed(settings: Settings, size: tuple[int, int], depth: str, term: str) -> None:
    environment = {"LANG": "C.UTF-8"} | ({"COLORTERM": "truecolor"} if depth == "truecolor" else {})
    async with served(settings) as there, client(there.port, size=size, term=term, environment=environment) as shown:
        for keys, seen in TOUR:
            for key in keys:
                shown.press(key)
                await asyncio.sleep(0)
            if seen != "ctrl+p":
                await shown.until(seen)
            await same(shown, there, depth)
        app = there.worker.sessions[-1]._app
        assert app is not None and app.frame.abilities.depth == depth
        for width, height in ((61, 17), size):
            shown.screen.resize(height, width)
            shown.chan.change_terminal_size(width, height)
            while app.size != (width, height):  # noqa: ASYNC110 - the test's own client told it
                await asyncio.sleep(0.01)
            await same(shown, there, depth)


async def test_what_is_in_hand_is_seen_without_colours(settings: Settings) -> None:
    async with served(settings) as there, client(there.port, size=(80, 24), term="vt100", environment={"LANG": "C"}) as shown:
        await shown.until(HOME)
        shown.press("s")
        await shown.until("Changes take effect at once")
        await shown.quiet()
        cells = [shown.screen.buffer[y][x] for y in range(24) for x in range(80)]
        assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
        assert any(cell.reverse or cell.underscore for cell in cells)
        assert {cell.data for cell in cells if not cell.data.isascii()} <= set("简体中文"), "but the languages' own names"
        assert b";5;" not in shown.received and b"38;2" not in shown.received
