"""The colours of the themes on terminals with 256 colours, which is what OpenSSH tells the server of most terminals."""

from __future__ import annotations

import pytest
from rich.color import Color
from rich.style import Style

from tui.ssh.colours import look_of
from tui.ssh.palette256 import nearest, rgb_of
from tui.themes import THEMES, Tokens

#: A little less than the 4.5 of the themes themselves: 256 colours cannot hit every one.
CONTRAST = 4.4
GROUNDS = ("ground", "raised", "selection")
TEXTS = ("text", "dim", "accent", "good", "warn", "bad", "reasoning")
COLOURED = [tokens for tokens in THEMES.values() if not tokens.ansi]


def shown(tokens: Tokens, name: str) -> tuple[int, int, int]:
    """What a terminal with 256 colours shows for a token of a theme."""
    value = getattr(tokens, name)
    return rgb_of(nearest(*(int(value[at : at + 2], 16) for at in (1, 3, 5))))


def light(colour: tuple[int, int, int]) -> float:
    """Relative luminance as WCAG counts it, 0 to 1."""
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("number", range(16, 256))
def test_a_colour_of_the_palette_is_its_own_nearest(number: int) -> None:
    assert rgb_of(nearest(*rgb_of(number))) == rgb_of(number)


@pytest.mark.parametrize("tokens", COLOURED, ids=lambda tokens: tokens.name)
def test_text_can_be_read_on_every_ground(tokens: Tokens) -> None:
    poor = {
        (text, ground): round(contrast(shown(tokens, text), shown(tokens, ground)), 2)
        for ground in GROUNDS
        for text in TEXTS
        if contrast(shown(tokens, text), shown(tokens, ground)) < CONTRAST
    }
    assert not poor


@pytest.mark.parametrize("tokens", COLOURED, ids=lambda tokens: tokens.name)
def test_the_grounds_can_be_told_apart(tokens: Tokens) -> None:
    assert len({shown(tokens, ground) for ground in GROUNDS}) == len(GROUNDS)


def test_a_style_is_brought_down_to_the_nearest_colours() -> None:
    look = look_of(Style(color=Color.parse("#d8dee6"), bgcolor=Color.parse("#26344a")), "256")
    assert (look.front, look.back) == (f"38;5;{nearest(0xD8, 0xDE, 0xE6)}", "48;5;236")


def test_colours_that_are_the_terminals_own_stay() -> None:
    look = look_of(Style(color=Color.parse("red"), bgcolor=Color.default()), "256")
    assert (look.front, look.back) == ("31", "")
