"""The frame of a terminal: whatever was shown and whatever comes, the terminal shows what was composed, cell by cell."""

from __future__ import annotations

import re

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.terminal import _JOINED
from tui.ssh.colours import DEPTHS, Abilities, Depth, Look, change, look_of
from tui.ssh.frames import Frame, Piece, cells_of, move

WIDTH, HEIGHT = 24, 6
STYLES = (
    None,
    Style(color="#d8dee6", bgcolor="#14171c"),
    Style(color="#7cb7ff", bgcolor="#14171c", bold=True),
    Style(bgcolor="#26344a", underline=True),
    Style(reverse=True),
    Style(color="red", bold=True, dim=True),
    Style(bold=True, italic=True, strike=True),
    Style(color="bright_black", bgcolor="default", dim=True),
)
PARTS = (
    "a",
    "loss",
    " ",
    "  ",
    "        ",
    "x" * 9,
    "中",
    "模型",
    "é",
    "e\u0301",
    "👩\u200d👩\u200d👧",
    "❤\ufe0f",
    "🇩🇪",
    "👍🏽",
    "─",
    "●",
    "…",
    "ｗ",
)
ABILITIES = (
    Abilities(),
    Abilities("256"),
    Abilities("16", bce=False),
    Abilities("16", ech=False, bce=False),
    Abilities("none", ech=False, bce=False, ends_singly=False),
)

segments = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(STYLES)).map(lambda part: Segment(*part)), max_size=12)
#: Lines as Textual gives them: exactly as wide as the terminal.
lines = segments.map(lambda parts: Strip(parts).adjust_cell_length(WIDTH))
frames = st.lists(lines, min_size=HEIGHT, max_size=HEIGHT)


@st.composite
def updates(draw: st.DrawFn) -> list[Piece]:
    """Some lines, or parts of lines that do not overlap, of another frame."""
    pieces: list[Piece] = []
    for y, line in enumerate(draw(frames)):
        match draw(st.sampled_from(("none", "whole", "part", "two"))):
            case "whole":
                pieces.append((0, y, line))
            case "part":
                x = draw(st.integers(0, WIDTH - 1))
                pieces.append((x, y, line.crop(x, draw(st.integers(x + 1, WIDTH)))))
            case "two":
                x = draw(st.integers(1, WIDTH - 1))
                pieces += [(x, y, line.crop(x, WIDTH)), (0, y, line.crop(0, x))]
    return pieces


class Shown:
    """A terminal, and beside it one that is given every cell by itself."""

    def __init__(self, abilities: Abilities, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.frame = Frame(abilities)
        self.width, self.height = width, height
        self.screen, self.plain = pyte.Screen(width, height), pyte.Screen(width, height)
        self._stream, self._plain = pyte.Stream(self.screen), pyte.Stream(self.plain)
        self._stream.feed("\x1b[?7l")
        self._plain.feed("\x1b[?7l")
        self.sent = ""

    def show(self, pieces: list[Piece], cursor: tuple[int, int] | None = None) -> None:
        self.sent = self.frame.paint(pieces, self.width, self.height, cursor)
        self._stream.feed(_JOINED.sub("", self.sent))
        for y, row in enumerate(self.frame.rows):
            self._draw_plainly(y, [*zip(row.texts, row.looks, strict=True)])

    def _draw_plainly(self, y: int, cells: list[tuple[str, Look]]) -> None:
        for x, (text, look) in enumerate(cells):
            style = change(None, look)
            wide = x + 1 < len(cells) and not cells[x + 1][0]
            if text:
                self._plain.feed(f"\x1b[{y + 1};{x + 1}H{style}{'  ' if wide else ' '}\x1b[{y + 1};{x + 1}H{_JOINED.sub('', text)}")

    def check(self) -> None:
        for y in range(self.height):
            for x in range(self.width):
                got, wanted = self.screen.buffer[y][x], self.plain.buffer[y][x]
                assert got == wanted, f"({x}, {y}): {got} instead of {wanted}\n{self.sent!r}"


def whole(lines: list[Strip]) -> list[Piece]:
    return [(0, y, line) for y, line in enumerate(lines)]


@pytest.mark.parametrize("abilities", ABILITIES)
@settings(max_examples=20, deadline=None)
@given(first=frames, then=st.lists(updates(), max_size=3))
def test_every_frame_is_shown_from_every_frame(abilities: Abilities, first: list[Strip], then: list[list[Piece]]) -> None:
    shown = Shown(abilities)
    shown.show(whole(first))
    shown.check()
    for update in then:
        shown.show(update, cursor=(3, 2))
        shown.check()
        assert (shown.screen.cursor.x, shown.screen.cursor.y) == (3, 2) or not shown.sent


@settings(max_examples=20, deadline=None)
@given(first=frames, update=updates())
def test_the_frame_holds_what_was_composed(first: list[Strip], update: list[Piece]) -> None:
    """What it believes the terminal shows is what was given to it, beside halves of characters that were cut."""
    frame = Frame()
    frame.paint(whole(first), WIDTH, HEIGHT)
    frame.paint(update, WIDTH, HEIGHT)
    for x, y, strip in update:
        cells = cells_of(strip._segments, frame.abilities)
        got = frame.rows[y].texts[x : x + len(cells)]
        assert list(got) == cells.texts


def test_nothing_is_sent_for_what_is_shown_already() -> None:
    shown = Shown(Abilities())
    line = Strip([Segment("the loss 模型 is flat", STYLES[1])]).adjust_cell_length(WIDTH)
    shown.show([(0, 1, line)])
    shown.show([(0, 1, line)])
    assert shown.sent == ""


def test_a_key_costs_a_few_bytes() -> None:
    shown = Shown(Abilities())
    style = STYLES[1]
    shown.show([(0, y, Strip([Segment("hello".ljust(WIDTH), style)])) for y in range(HEIGHT)])
    shown.show([(0, 3, Strip([Segment("hello!".ljust(WIDTH), style)]))])
    assert len(shown.sent) < 12, shown.sent


def test_a_terminal_that_shrinks_or_is_forgotten_is_painted_anew() -> None:
    shown = Shown(Abilities())
    line = Strip([Segment("loss".ljust(WIDTH))])
    shown.show([(0, 0, line)])
    shown.frame.forget()
    shown.show([(0, 0, line)])
    assert shown.sent.startswith("\x1b[m\x1b[2J") and "loss" in shown.sent
    shown.check()


def test_nothing_outside_the_terminal_is_painted() -> None:
    frame = Frame()
    line = Strip([Segment("模型 and more")])
    assert "模" in frame.paint([(0, 0, line), (0, 7, line), (-1, 0, line), (9, 0, line)], 3, 2)
    assert frame.rows[0].texts == ["模", "", " "]
    assert frame.paint([(0, 0, line)], 1, 1).count("模") == 0


def test_a_character_of_disputed_width_moves_nothing_behind_it() -> None:
    """A terminal that takes the family for six cells still shows the rest of the line in its place."""
    family = "👩\u200d👩\u200d👧"
    shown = Shown(Abilities(), width=20, height=1)
    stubborn = pyte.Screen(20, 1)
    for text in ("ab" + " " * 18, f"ab{family}cdefgh" + " " * 10):
        shown.show([(0, 0, Strip([Segment(text)]))])
        pyte.Stream(stubborn).feed(shown.sent.replace("\u200d", ""))
    assert stubborn.display[0].startswith("ab") and "cdefgh" in stubborn.display[0]
    assert stubborn.buffer[0][4].data == "c" and stubborn.buffer[0][9].data == "h"


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\x07b", "a\x9b2Jb", "模\x1b]0;x\x07型", "a\x00b", "\x0e", "a\nb\rc"])
def test_nothing_in_a_cell_acts_on_the_terminal(text: str) -> None:
    cells = cells_of([Segment(text)], Abilities())
    assert all(character.isprintable() for cell in cells.texts for character in cell), cells.texts


@settings(max_examples=100, deadline=None)
@given(here=st.tuples(st.integers(-1, 130), st.integers(-1, 60)), there=st.tuples(st.integers(0, 130), st.integers(0, 60)))
def test_the_cursor_gets_where_it_should(here: tuple[int, int], there: tuple[int, int]) -> None:
    screen = pyte.Screen(131, 61)
    screen.cursor.x, screen.cursor.y = here if min(here) >= 0 else (77, 33 if here[1] < 0 else here[1])
    pyte.Stream(screen).feed(move(*here, *there))
    assert (screen.cursor.x, screen.cursor.y) == there


@settings(max_examples=100, deadline=None)
@given(before=st.sampled_from(STYLES), after=st.sampled_from(STYLES), depth=st.sampled_from(DEPTHS), singly=st.booleans())
def test_a_change_of_style_gives_the_style(before: Style | None, after: Style | None, depth: Depth, singly: bool) -> None:
    first, second = look_of(before, depth), look_of(after, depth)
    changed, anew = pyte.Screen(4, 1), pyte.Screen(4, 1)
    pyte.Stream(changed).feed(change(None, first) + change(first, second, singly=singly) + "x")
    pyte.Stream(anew).feed(change(None, second) + "x")
    assert changed.buffer[0][0] == anew.buffer[0][0]
    assert len(change(first, second)) <= len(change(None, second))


@settings(max_examples=20, deadline=None)
@given(first=frames, then=frames)
def test_a_frame_without_room_is_finished_by_the_next_ones(first: list[Strip], then: list[Strip]) -> None:
    shown = Shown(Abilities())
    shown.show(whole(first))
    for _painting in range(2 * HEIGHT):
        shown.sent = shown.frame.paint(whole(then), WIDTH, HEIGHT, (3, 4), room=20)
        shown._stream.feed(_JOINED.sub("", shown.sent))
        if not shown.frame.unfinished:
            break
    assert not shown.frame.unfinished
    shown.show(whole(then))
    assert shown.sent == ""
    shown.check()


def test_the_line_of_the_cursor_comes_first() -> None:
    frame = Frame()
    lines = [Strip([Segment(f"line {y}".ljust(WIDTH))]) for y in range(HEIGHT)]
    assert "line 4" in frame.paint(whole(lines), WIDTH, HEIGHT, (0, 4), room=1)
    assert frame.unfinished


#: Lines that the terminal is to move.
REGION = re.compile("\x1b\\[\\d+;\\d+r")
#: A side that stays beside a text that moves, and what may stand in the text.
LIST = tuple(f"{number}模".ljust(4) for number in range(40))
WORDS = ("the loss is flat and the rate", "模型 and more of it, which is", "a ❤\ufe0f beside a line of words", "", "    return rate * 0.5")


def scrolled(first: int, count: int, *, side: bool) -> list[Piece]:
    """Lines of a long text from `first` on, with a thumb at the right end of one, and a list at their left if wanted."""
    pieces: list[Piece] = []
    for y in range(count):
        number = first + y
        text = f"{number} {WORDS[number % len(WORDS)]}" if WORDS[number % len(WORDS)] else ""
        thumb = Segment("▐" if y == first % count else " ", STYLES[2])
        left = 6 if side else 0
        pieces.append((left, y, Strip([*Strip([Segment(text, STYLES[number % 3])]).adjust_cell_length(43 - left), thumb])))
        if side:
            pieces.append((0, y, Strip([Segment(LIST[y], STYLES[1])]).adjust_cell_length(6)))
    return pieces


@pytest.mark.parametrize("abilities", ABILITIES)
@pytest.mark.parametrize("side", [False, True])
@settings(max_examples=15, deadline=None)
@given(places=st.lists(st.integers(0, 40), min_size=1, max_size=5), above=st.integers(0, 3))
def test_a_text_that_moves_is_shown_as_one_that_does_not(abilities: Abilities, side: bool, places: list[int], above: int) -> None:
    shown = Shown(abilities, width=44, height=18)
    frame = Strip([Segment("above and below", STYLES[3])]).adjust_cell_length(44)
    shown.show([(0, y, frame) for y in range(18)])
    for place in places:
        shown.show([(x, y + above, strip) for x, y, strip in scrolled(place, 14, side=side)], cursor=(3, 17))
        shown.check()
        assert (shown.screen.cursor.x, shown.screen.cursor.y) == (3, 17) or not shown.sent


@pytest.mark.parametrize("by", [1, 3, -1, -2])
def test_a_text_that_moves_is_not_sent_again(by: int) -> None:
    shown = Shown(Abilities(), width=44, height=14)
    shown.show(scrolled(10, 14, side=True))
    before = len(shown.sent)
    shown.show(scrolled(10 + by, 14, side=True))
    assert REGION.search(shown.sent) and len(shown.sent) < before / 2, shown.sent
    shown.check()


def test_what_would_cost_more_is_not_moved() -> None:
    """A narrow text beside a wide list: all of the list would have to be sent again."""
    shown = Shown(Abilities(), width=44, height=14)
    wide = [(9, y, Strip([Segment(f"{y} of a list that is much wider".ljust(35))])) for y in range(14)]
    for first in (0, 1):
        shown.show([*wide, *((0, y, Strip([Segment(f"line {first + y}".ljust(9))])) for y in range(14))])
        shown.check()
    assert not REGION.search(shown.sent)


def test_a_terminal_without_regions_is_sent_every_line() -> None:
    shown = Shown(Abilities(scrolls=False), width=44, height=14)
    for first in (10, 11):
        shown.show(scrolled(first, 14, side=False))
        shown.check()
    assert not REGION.search(shown.sent) and "\n" not in shown.sent.replace("\r\n", "")
