"""What comes from a terminal: pastes are text and nothing else, and nothing ends the reading."""

from __future__ import annotations

import importlib

import pytest
from textual import events
from textual.message import Message

from tui import lean
from tui.terminal_input import InputParser, lenient_decoder

START, END = "\x1b[200~", "\x1b[201~"
HOSTILE = "one\x1b]52;c;aGFja2Vk\x07two\x1b[48;9999;9999;0;0tthree\x1b[I\x11\r\x9b31mfour" + "\x1bx" * 40


def read(*chunks: str) -> list[Message]:
    parser = InputParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def told(found: list[Message]) -> list[str]:
    """Keys by name, pastes by text, the rest by class."""
    return [
        event.key if isinstance(event, events.Key) else repr(event.text) if isinstance(event, events.Paste) else type(event).__name__
        for event in found
    ]


def test_a_hostile_paste_is_one_text_however_it_is_cut() -> None:
    whole = f"a{START}{HOSTILE}{END}b"
    expected = ["a", "'onetwothree\\nfour'", "b"]
    assert told(read(whole)) == expected
    assert told(read(*whole)) == expected
    for cut in range(1, len(whole)):
        assert told(read(whole[:cut], whole[cut:])) == expected


def test_pastes_follow_one_another_and_empty_ones_are_none() -> None:
    assert told(read(f"{START}one{END}{START}{END}{START}两{END}x")) == ["'one'", "'两'", "x"]


def test_keys_around_a_paste_are_keys() -> None:
    assert told(read(f"\x1b[A{START}q\x11{END}\x11\x1b[B")) == ["up", "'q'", "ctrl+q", "down"]


@pytest.mark.parametrize("sequence", ["\x1b[99999999u", "\x1b[99999999999999999999u", "\x1b[97;;99999999u", "\x1b[97;1;1114112u"])
def test_key_codes_beyond_unicode_are_survived(sequence: str) -> None:
    parser = InputParser()
    list(parser.feed(sequence))
    # What is not understood waits for more of it; then it is typed.
    assert told(list(parser.feed("a" * 40)))[-1] == "a"


def test_what_is_not_utf_8_is_replaced_also_across_reads() -> None:
    decode = lenient_decoder("utf-8")().decode
    assert [decode(part) for part in (b"a\xff", b"\xe6\x8d", b"\x9fb", b"\xed\xa0\xbd")] == ["a\ufffd", "", "损b", "\ufffd" * 3]


def test_the_driver_reads_with_it() -> None:
    lean.apply()
    driver = importlib.import_module("textual.drivers.linux_driver")
    assert driver.XTermParser is InputParser
    assert driver.getincrementaldecoder is lenient_decoder


@pytest.mark.parametrize(("sent", "key"), [("\x1bc", "alt+c"), ("\x1bV", "alt+shift+v"), ("\x1b.", "alt+full_stop")])
def test_a_key_with_alt_is_no_text(sent: str, key: str) -> None:
    parser = InputParser()
    found = [event for data in (sent, "") for event in parser.feed(data) if isinstance(event, events.Key)]
    assert [(event.key, event.character, event.is_printable) for event in found] == [(key, None, False)]
