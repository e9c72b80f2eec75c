"""Alt with a digit or with Enter is a key in every terminal: Textual alone reads the first as letters of one Mac terminal."""

from __future__ import annotations

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from tui import lean


@pytest.mark.parametrize("digit", "0123456789")
def test_alt_and_a_digit_is_a_key(digit: str) -> None:
    lean.apply()
    parsed = [event for event in XTermParser().feed(f"\x1b{digit}") if isinstance(event, events.Key)]
    assert [(event.key, event.is_printable) for event in parsed] == [(f"alt+{digit}", False)]


@pytest.mark.parametrize("enter", ["\r", "\n"])
def test_alt_and_enter_is_a_key(enter: str) -> None:
    lean.apply()
    parsed = [event for event in XTermParser().feed(f"\x1b{enter}") if isinstance(event, events.Key)]
    assert [(event.key, event.is_printable) for event in parsed] == [("alt+enter", False)]
