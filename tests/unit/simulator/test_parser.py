"""HTTP requests out of bytes: the same whatever the chunking, and nothing ambiguous passes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.llm.simulator.parser import BadMessage, Request, RequestParser

SIZED = b"POST /v1/x?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:  2 \r\n\r\nhello"
CHUNKED = (
    b"POST /y HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
)
PLAIN = b"\r\nGET /z HTTP/1.0\r\n\r\n"


def parse(data: bytes, **options: int) -> list[Request]:
    parser = RequestParser(**options)
    parser.feed(data)
    return taken(parser)


def taken(parser: RequestParser) -> list[Request]:
    requests = []
    while (request := parser.next_request()) is not None:
        requests.append(request)
    return requests


def test_requests_follow_each_other() -> None:
    sized, chunked, plain = parse(SIZED + CHUNKED + PLAIN)
    assert (sized.method, sized.path, sized.query, sized.body) == ("POST", "/v1/x", "a=b", b"hello")
    assert sized.headers["x-a"] == "1, 2"
    assert sized.keep_alive
    assert sized.chunked_answer
    assert (chunked.path, chunked.body, chunked.keep_alive) == ("/y", b"hello", False)
    assert (plain.path, plain.body, plain.keep_alive, plain.chunked_answer) == ("/z", b"", False, False)


@given(st.lists(st.integers(0, len(SIZED + CHUNKED + PLAIN)), max_size=12))
def test_any_chunking_gives_the_same(cuts: list[int]) -> None:
    data = SIZED + CHUNKED + PLAIN
    parser, got = RequestParser(), []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        parser.feed(data[start:end])
        got.extend(taken(parser))
    assert got == parse(data)
    assert parser.pending == 0
    assert not parser.in_request


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST /p HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (head("Content-Length: 1", "Content-Length: 2"), 400),
        (head("Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: +1"), 400),
        (head("Content-Length: 1_0"), 400),
        (head("Content-Length: \u0661"), 400),
        (head("Content-Length: 101"), 413),
        (head("Transfer-Encoding: gzip"), 501),
        (head("Transfer-Encoding: chunked, chunked"), 501),
        (head("Name : value"), 400),
        (head("Folded: a", " b"), 400),
        (head("Bare: a\nInjected: b"), 400),
        (head("Nul: a\0b"), 400),
        (head(*[f"H{index}: x" for index in range(120)]), 431),
        (head("Long: " + "x" * 70_000), 431),
        (b"x" * 70_000, 431),
        (head("Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"-1\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"1\r\nab\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"f" * 2000, 400),
        (head("Transfer-Encoding: chunked") + b"60\r\n" + b"x" * 96 + b"\r\n60\r\n", 413),
        (head("Transfer-Encoding: chunked") + b"0\r\n" + b"T: x\r\n" * 20_000, 431),
    ],
)
def test_what_is_wrong_or_ambiguous_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(BadMessage) as refusal:
        parse(data, body_limit=100)
    assert refusal.value.status == status


@given(st.binary(max_size=300))
def test_any_bytes_give_requests_or_a_refusal(data: bytes) -> None:
    try:
        for request in parse(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data):
            assert isinstance(request.body, bytes)
    except BadMessage as refusal:
        assert 400 <= refusal.status < 600
    try:
        assert all(request.path for request in parse(data))
    except BadMessage as refusal:
        assert 400 <= refusal.status < 600


def test_a_client_that_waits_for_continue_is_told_once() -> None:
    parser = RequestParser()
    parser.feed(head("Content-Length: 2", "Expect: 100-continue"))
    assert parser.next_request() is None
    assert parser.take_expects_continue()
    assert not parser.take_expects_continue()
    parser.feed(b"ok")
    request = parser.next_request()
    assert request is not None
    assert request.body == b"ok"
