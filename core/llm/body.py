"""The body of an answer, whatever it turns out to be: server-sent events, JSON lines, one JSON document, or something else.

Servers answer with JSON where a stream was asked for, and with a stream where JSON was. So nobody trusts the request or the content
type: the first character that is no blank decides.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from core.llm.answer import Answer
from core.llm.lines import LINE_LIMIT, LineSplitter, LineTooLong
from core.llm.sse import EventDecoder

#: As much of a body that is no answer is read, for its message.
EXCERPT = 4096
_BLANKS = b" \t\r\n\xef\xbb\xbf"
_decoder = json.JSONDecoder(strict=False)


class NotJson(Exception):
    """`text`: the beginning of what is no JSON."""

    def __init__(self, text: str) -> None:
        super().__init__("this is no JSON")
        self.text = text[:EXCERPT]


class NotAnAnswer(Exception):
    """A body of another kind; `body`: its beginning."""

    def __init__(self, body: bytes) -> None:
        super().__init__("this is no answer")
        self.body = body[:EXCERPT]


def parse_json(text: str) -> Any:
    """`text` as JSON; control characters inside strings pass. Raises NotJson, also for what is nested too deeply."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        raise NotJson(text) from None


class Parser:
    """What a wire format does with a body: `event` for every event or line, `document` for a single JSON document.

    `done`: the format's own end was seen, nothing more needs to be read.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.done = False

    def event(self, name: str, data: str) -> None:
        """One server-sent event, or one line of JSON lines (then `name` is "")."""
        raise NotImplementedError

    def document(self, value: Any) -> bool:
        """One JSON document; False if it is no answer."""
        raise NotImplementedError


class Body:
    """Feed it the bytes of a body; it tells a parser. Raises LineTooLong, NotJson, NotAnAnswer and what the parser raises."""

    def __init__(self, parser: Parser, *, json_lines: bool = False, limit: int = LINE_LIMIT) -> None:
        self._parser = parser
        self._json_lines = json_lines
        self._limit = limit
        self._feed: Callable[[bytes], None] = self._sniff
        self._start = b""
        self._events = EventDecoder(limit)
        self._lines = LineSplitter(limit)
        self._kept: list[bytes] = []
        self._size = 0
        self.events = 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes; those behind the end are not looked at."""
        if not self._parser.done:
            self._feed(chunk)

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their event, line or document."""
        return self._events.held + self._lines.held + self._size

    def close(self) -> None:
        """The end of the body. Half an event at the end was cut off, which the caller sees by the missing end; it is no nonsense."""
        if self._parser.done:
            return
        if self._feed in (self._read_events, self._read_lines):
            rest = self._events.close() if self._feed == self._read_events else (("", line) for line in self._lines.close())
            try:
                for name, data in rest:
                    self._tell(name, data)
            except NotJson:
                self.events += 1
        elif self._feed == self._keep:
            self._document()

    def _sniff(self, chunk: bytes) -> None:
        """Wait for the first character that is no blank."""
        self._start += chunk
        first = self._start.lstrip(_BLANKS)[:1]
        if not first:
            self._start = self._start[-len(_BLANKS) :]
            return
        start, self._start = self._start, b""
        if first == b"{" and self._json_lines:
            self._feed = self._read_lines
        elif first in b'{[<"':
            self._feed = self._keep
        elif self._json_lines:
            raise NotAnAnswer(start)
        else:
            self._feed = self._read_events
        self._feed(start)

    def _read_events(self, chunk: bytes) -> None:
        for name, data in self._events.feed(chunk):
            self._tell(name, data)
            if self._parser.done:
                return

    def _read_lines(self, chunk: bytes) -> None:
        lines = self._lines.feed(chunk)
        for index, line in enumerate(lines):
            try:
                self._tell("", line)
            except NotJson:
                if self.events:
                    raise
                # A document spread over lines: go on as one.
                self._feed = self._keep
                rest = [*(text.encode() for text in lines[index:]), *(text.encode() for text in self._lines.close())]
                self._keep(b"\n".join(rest))
                return
            if self._parser.done:
                return

    def _tell(self, name: str, data: str) -> None:
        if self._json_lines and (not data or data.isspace()):
            return
        self._parser.event(name, data)
        self.events += 1

    def _keep(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            self._kept.clear()
            raise LineTooLong(self._limit)
        self._kept.append(chunk)

    def _document(self) -> None:
        body = b"".join(self._kept).strip(_BLANKS)
        self._kept.clear()
        try:
            value = parse_json(body.decode("utf-8", "replace"))
        except NotJson:
            raise NotAnAnswer(body) from None
        self.events += 1
        if not self._parser.document(value):
            raise NotAnAnswer(body)


class Inflater:
    """Undoes gzip and deflate in bounded pieces, for servers that compress although they were asked not to.

    httpx would undo them too, but a small piece may hide a hundred megabytes.
    """

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=47)

    def feed(self, chunk: bytes, at_most: int = 1 << 20) -> tuple[bytes, bytes]:
        """(what came out, what of `chunk` is still to be fed). Raises zlib.error."""
        out = self._zlib.decompress(chunk, at_most)
        return out, self._zlib.unconsumed_tail
