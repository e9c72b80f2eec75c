"""JSON read from a stream, one element of a list at a time: a list of any length takes the memory of one element."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TextIO

_CHUNK: Final = 64 * 1024
#: Characters of one element.
LONGEST: Final = 16 * 1024 * 1024
_SPACE: Final = " \t\r\n\ufeff"


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, strict=False)


class Malformed(Exception):
    """`line`: where it stops to be JSON; `reason`: the decoder's words."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


class Cursor:
    """A place in a stream of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    @property
    def line(self) -> int:
        return self._line

    def peek(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _SPACE:
                at += 1
            self._pass(at)
            if at < len(text):
                return text[at]
            if not self._more(_CHUNK):
                return ""

    def take(self, character: str) -> None:
        """Pass over `character`, which comes next. Raises Malformed."""
        if self.peek() != character:
            raise Malformed(self._line, f"Expecting '{character}'" if self.peek() else "Unexpected end of the file")
        self._pass(self._at + 1)

    def value(self) -> Any:
        """The next value. Raises Malformed."""
        if not self.peek():
            raise Malformed(self._line, "Unexpected end of the file")
        size = _CHUNK
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise Malformed(self._line, "too many levels") from None
            except ValueError as error:
                if len(self._text) - self._at <= LONGEST and self._more(size):
                    size *= 2
                    continue
                place = getattr(error, "pos", self._at)
                raise Malformed(self._line + self._text.count("\n", self._at, place), getattr(error, "msg", str(error))) from None
            # A number at the end of what was read may go on.
            if end == len(self._text) and self._more(size):
                continue
            self._pass(end)
            return value

    def elements(self) -> Iterator[tuple[int, Any]]:
        """The line and value of each element of the list that comes next. Raises Malformed."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            self.peek()
            line = self._line
            yield line, self.value()
            if self.peek() == "]":
                self.take("]")
                return
            self.take(",")
            if self.peek() == "]":  # a comma too many at the end harms nobody
                self.take("]")
                return

    def names(self) -> Iterator[str]:
        """The keys of the object that comes next; take the value of each before the next key. Raises Malformed."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise Malformed(self._line, "Expecting property name enclosed in double quotes")
            self.take(":")
            yield key
            if self.peek() == "}":
                self.take("}")
                return
            self.take(",")

    def _pass(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        piece = self._stream.read(size)
        self._ended = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)
