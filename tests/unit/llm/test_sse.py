"""Lines and events: httpx-sse is the oracle where it is right, and the limits are ours."""

from __future__ import annotations

from itertools import pairwise

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import given
from hypothesis import strategies as st

from core.llm.lines import LineSplitter, LineTooLong
from core.llm.sse import EventDecoder


def lines_of(pieces: list[bytes], limit: int = 1000) -> list[str]:
    splitter = LineSplitter(limit)
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.close()


def events_of(pieces: list[bytes], limit: int = 1000) -> list[tuple[str, str]]:
    decoder = EventDecoder(limit)
    return [event for piece in pieces for event in decoder.feed(piece)] + list(decoder.close())


def cut(data: bytes, edges: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(edge for edge in edges if edge < len(data))})
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\nb\rc\r\nd", ["a", "b", "c", "d"]),
        (b"a\r\r\n\nb\n", ["a", "", "", "b"]),
        ("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n".encode(), ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"]),
        ("\ufeffa\n\ufeffb\n".encode(), ["a", "\ufeffb"]),
        ("你好🙂\n".encode(), ["你好🙂"]),
        ("你好".encode()[:-1], ["你\ufffd"]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        (b"\xef\xbb", ["\ufffd"]),
        (b"", []),
        (b"\n", [""]),
    ],
)
def test_lines_are_the_same_in_every_chunking(data: bytes, lines: list[str]) -> None:
    assert lines_of([data]) == lines
    for size in (1, 2, 3, 5, 7, 11):
        assert lines_of([data[start : start + size] for start in range(0, len(data), size)]) == lines
    for place in range(len(data) + 1):
        assert lines_of([data[:place], data[place:]]) == lines


@given(st.lists(st.sampled_from(["a", "é", "你", "\u2028", "\u0085", "\r", "\n", "\r\n"]), max_size=20), st.lists(st.integers(0, 60)))
def test_lines_are_those_of_httpx_sse(parts: list[str], edges: list[int]) -> None:
    text = "".join(parts)
    oracle = SSELineDecoder()
    expected = (oracle.decode(text) if text else []) + oracle.flush()
    assert lines_of(cut(text.encode(), edges)) == expected


FIELDS = ["data", "data:", "data: ", "data:  x", "data:x", "event: e", "event:", ": comment", "id: 1", "retry: 5", "other: x", "", "\ufffd"]


@given(st.lists(st.sampled_from(FIELDS), max_size=20), st.sampled_from(["\n", "\r", "\r\n"]), st.lists(st.integers(0, 200)))
def test_events_are_those_of_httpx_sse_but_for_those_without_data(lines: list[str], end: str, edges: list[int]) -> None:
    lines = [*lines, "", ""]
    oracle = SSEDecoder()
    expected = []
    for number, line in enumerate(lines):
        found = oracle.decode(line)
        block = lines[:number][len(lines[:number]) - next((i for i, above in enumerate(reversed(lines[:number])) if not above), number) :]
        if found is not None and any(above.partition(":")[0] == "data" for above in block):
            expected.append((found.event, found.data))
    data = "".join(line + end for line in lines).encode()
    assert events_of(cut(data, edges)) == expected


def test_the_last_event_needs_no_blank_line() -> None:
    assert events_of([b"data: a\n\ndata: b"]) == [("message", "a"), ("message", "b")]
    assert events_of([b"event: error\ndata: b\n"]) == [("error", "b")]


def test_a_line_may_not_fill_the_memory() -> None:
    with pytest.raises(LineTooLong):
        lines_of([b"x" * 600, b"x" * 600])
    with pytest.raises(LineTooLong):
        lines_of([b"x" * 1001 + b"\n"])
    assert lines_of([b"x" * 600, b"x" * 400 + b"\n"]) == ["x" * 1000]


def test_an_event_of_many_lines_may_not_either() -> None:
    with pytest.raises(LineTooLong):
        events_of([b"data: " + b"x" * 90 + b"\n"] * 12)
    with pytest.raises(LineTooLong):
        events_of([b"data:\n" * 100] * 12)
