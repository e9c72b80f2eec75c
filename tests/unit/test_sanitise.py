"""Nothing that a terminal would act on passes the sanitiser, wherever the stream is cut."""

from __future__ import annotations

import itertools
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sanitise import StreamSanitiser, one_line, sanitise

HOSTILE = [
    ("\x1b]52;c;aGFjaw==\x07after", "after"),
    ("\x1b]0;title\x1b\\after", "after"),
    ("\x9d0;title\x9cafter", "after"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x9b31mred\x9b0m", "red"),
    ("\x1b[6n", ""),
    ("\x1bPq#0;2;0;0;0\x1b\\x", "x"),
    ("\x1bc", ""),
    ("\x1b(Bx", "x"),
    ("a\rb\r\nc", "a\nb\nc"),
    ("\x07\x08\x0b\x0c\x7f", ""),
    ("abc\u202edef\u202c", "abcdef"),
    ("\u2066x\u2069\u200f", "x"),
    ("line\u2028sep", "linesep"),
    ("\ud800x", "\ufffdx"),
    ("tab\tstays\nhere", "tab\tstays\nhere"),
    ("👩‍💻 ❤️ 中文", "👩‍💻 ❤️ 中文"),
    ("[/bold] [red]", "[/bold] [red]"),
    ("\x1b\x1b[31mx", "x"),
    ("\x1b[\x1b[31mx", "x"),
]
PIECES = [
    "\x1b",
    "[",
    "]",
    "3",
    "1",
    "m",
    ";",
    "\x07",
    "\x1b\\",
    "\r",
    "\n",
    "a",
    "中",
    "P",
    "\x9b",
    "\x9d",
    "\x9c",
    "\u202e",
    "\ud83d",
    " ",
    "\x00",
    "(",
]
hostile_text = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=40).map("".join)


@pytest.mark.parametrize(("dirty", "clean"), HOSTILE)
def test_hostile_text_is_cleaned(dirty: str, clean: str) -> None:
    assert sanitise(dirty) == clean


@given(hostile_text)
def test_nothing_dangerous_is_left(text: str) -> None:
    clean = sanitise(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", clean)
    assert all(unicodedata.category(character) != "Cs" for character in clean)
    assert sanitise(clean) == clean
    clean.encode("utf-8")


@given(hostile_text, st.lists(st.integers(0, 40), max_size=6))
def test_a_stream_gives_the_same_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    stream = StreamSanitiser()
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [stream.feed(text[start:end]) for start, end in itertools.pairwise(places)]
    assert "".join(pieces) + stream.close() == sanitise(text)


def test_an_endless_sequence_is_not_held_for_ever() -> None:
    stream = StreamSanitiser()
    shown = stream.feed("\x1b]0;" + "x" * 10_000)
    assert shown.endswith("xxx")
    assert "\x1b" not in shown


@pytest.mark.parametrize("opener", ["\x9d", "\x90", "\x98", "\x9e", "\x9f", "\x9b", "\x1b]", "\x1b[", "\x1b"])
@pytest.mark.parametrize("end", ["", "\x07", "\x9c", "x\x1b"])
def test_time_grows_with_the_length_and_not_with_its_square(opener: str, end: str) -> None:
    """A model may say what it likes: two hundred thousand openers took minutes, in which nobody's keys were heard."""
    hostile = opener * 200_000 + end
    started = time.process_time()
    assert "\x1b" not in sanitise(hostile)
    stream = StreamSanitiser()
    assert stream.feed(hostile) + stream.close() == sanitise(hostile)
    assert time.process_time() - started < 10


def test_one_line_joins_and_cuts() -> None:
    assert one_line("  a\n\tb\x1b[31m  c ") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
