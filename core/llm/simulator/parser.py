"""HTTP/1.1 requests out of bytes (RFC 9112), without I/O: feed bytes, take requests.

Strict where leniency has been a hole elsewhere: no bare LF, no folded headers, no request with two lengths, no unknown transfer coding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Bytes of a request's head; bytes of its body; number of header lines.
HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 32 * 1024 * 1024
HEADERS_LIMIT = 100

_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) ([!-~]{1,8192}) HTTP/(\d)\.(\d)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,18}")


class BadMessage(Exception):
    """What came is not a request that is answered. `status`: the HTTP status to say so with; `path`: empty if not known."""

    def __init__(self, status: int, message: str, path: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.path = path


@dataclass(slots=True)
class Request:
    """One whole request. Header names are lower case; repeated ones are joined with a comma."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool
    chunked_answer: bool


@dataclass(slots=True)
class _Head:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    http11: bool
    length: int
    chunked: bool


class RequestParser:
    """Feed it bytes as they come; `next_request` gives whole requests, `expects_continue` whether the client waits for a 100."""

    def __init__(self, *, body_limit: int = BODY_LIMIT) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: _Head | None = None
        self._body = bytearray()
        self._body_limit = body_limit
        self._continue_asked = False

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their request, or for their turn."""
        return len(self._buffer) + len(self._body)

    @property
    def in_request(self) -> bool:
        """Whether a request has begun and is not whole."""
        return self._head is not None or bool(self._buffer)

    @property
    def path(self) -> str:
        """The path of the request being read, empty before its head is whole."""
        return self._head.path if self._head else ""

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take_expects_continue(self) -> bool:
        """True once for a request whose client waits for `100 Continue` before it sends the body."""
        asked, self._continue_asked = self._continue_asked, False
        return asked

    def next_request(self) -> Request | None:
        """The next whole request, or None while it is not all there. Raises BadMessage."""
        if self._head is None and not self._read_head():
            return None
        head = self._head
        assert head is not None
        if head.chunked:
            if not self._read_chunks(head):
                return None
            body = bytes(self._body)
            self._body = bytearray()
        else:
            if len(self._buffer) < head.length:
                return None
            body = bytes(self._buffer[: head.length])
            del self._buffer[: head.length]
        self._head = None
        self._continue_asked = False
        return Request(head.method, head.path, head.query, head.headers, body, head.keep_alive, head.http11)

    def _read_head(self) -> bool:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request are ignored
            del buffer[:2]
            self._searched = 0
        end = buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(buffer) - 3)
            if len(buffer) > HEAD_LIMIT:
                raise BadMessage(431, "The head of the request is too large.")
            return False
        if end > HEAD_LIMIT:
            raise BadMessage(431, "The head of the request is too large.")
        text = buffer[:end].decode("latin-1")
        del buffer[: end + 4]
        self._searched = 0
        self._head = head = _parse_head(text)
        if head.length > self._body_limit:
            raise BadMessage(413, f"The body of a request may have {self._body_limit} bytes.", head.path)
        self._continue_asked = head.headers.get("expect", "").lower() == "100-continue"
        return True

    def _read_chunks(self, head: _Head) -> bool:
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n", 0, 1024)
            if end < 0:
                if len(buffer) >= 1024:
                    raise BadMessage(400, "A chunk of the body has no proper size.", head.path)
                return False
            found = _CHUNK_SIZE.fullmatch(bytes(buffer[:end]))
            if found is None:
                raise BadMessage(400, "A chunk of the body has no proper size.", head.path)
            size = int(found[1], 16)
            if len(self._body) + size > self._body_limit:
                raise BadMessage(413, f"The body of a request may have {self._body_limit} bytes.", head.path)
            if size == 0:
                return self._skip_trailers(end + 2, head)
            if len(buffer) < end + 2 + size + 2:
                return False
            if buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise BadMessage(400, "A chunk of the body does not end where it says.", head.path)
            self._body += buffer[end + 2 : end + 2 + size]
            del buffer[: end + 4 + size]

    def _skip_trailers(self, start: int, head: _Head) -> bool:
        buffer = self._buffer
        if buffer.startswith(b"\r\n", start):
            del buffer[: start + 2]
            return True
        end = buffer.find(b"\r\n\r\n", start)
        if end < 0:
            if len(buffer) - start > HEAD_LIMIT:
                raise BadMessage(431, "The trailers of the request are too large.", head.path)
            return False
        del buffer[: end + 4]
        return True


def _parse_head(text: str) -> _Head:
    first, *lines = text.split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise BadMessage(400, "This is not an HTTP request.")
    method, target, major, minor = found.groups()
    if major != "1":
        raise BadMessage(505, "HTTP/1.1 is spoken here.")
    path, _, query = target.partition("?")
    if len(lines) > HEADERS_LIMIT:
        raise BadMessage(431, f"A request may have {HEADERS_LIMIT} headers.", path)
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise BadMessage(400, "A header of the request is malformed.", path)
        name, value = header[1].lower(), header[2].rstrip(" \t")
        if name in headers:
            if name in ("content-length", "host"):
                raise BadMessage(400, f"The request has two headers {name}.", path)
            value = f"{headers[name]}, {value}"
        headers[name] = value
    http11 = minor != "0"
    if http11 and "host" not in headers:
        raise BadMessage(400, "The request has no header host.", path)
    length, chunked = _body_length(headers, path)
    keep_alive = http11 and "close" not in headers.get("connection", "").lower()
    return _Head(method, path, query, headers, keep_alive, http11, length, chunked)


def _body_length(headers: dict[str, str], path: str) -> tuple[int, bool]:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise BadMessage(400, "The request has both content-length and transfer-encoding.", path)
        if coding.lower() != "chunked":
            raise BadMessage(501, "Only the transfer coding chunked is known.", path)
        return 0, True
    if length is None:
        return 0, False
    if not _LENGTH.fullmatch(length):
        raise BadMessage(400, "The header content-length is not a number.", path)
    return int(length), False
