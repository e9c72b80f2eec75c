"""Bytes into lines, as they come: CR, LF and CRLF end a line and nothing else does (not U+2028, U+2029 or U+0085).

Lines are cut before they are decoded: in UTF-8 no byte of a longer character looks like CR or LF, so a character that arrives in two
pieces is whole again before anybody decodes it. A line is never longer than the limit, whatever is sent.
"""

from __future__ import annotations

#: The longest line that is accepted, in bytes.
LINE_LIMIT = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class LineTooLong(Exception):
    """`limit`: bytes that a line may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a line is longer than {limit} bytes")
        self.limit = limit


class LineSplitter:
    """Feed it chunks of any size; it gives back whole lines, decoded, without their ends. A byte order mark at the start is dropped."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._start: bytes | None = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completed. Raises LineTooLong."""
        if self._start is not None:
            chunk = self._skip_bom(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if not chunk:
            return []
        suspect = self._size + len(chunk) > self._limit
        lines = chunk.splitlines()
        last = chunk[-1]
        self._after_cr = last == 0x0D
        rest = b"" if last == 0x0A or last == 0x0D else lines.pop()
        if self._parts and lines:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if suspect:
            self._check(lines)
        return [line.decode("utf-8", "replace") for line in lines]

    @property
    def held(self) -> int:
        """Bytes of the line that is not whole yet."""
        return self._size

    def close(self) -> list[str]:
        """What was left without an end of line; half a character becomes U+FFFD."""
        rest = b"".join([self._start or b"", *self._parts])
        self._parts.clear()
        self._size = 0
        self._start = None
        return [rest.decode("utf-8", "replace")] if rest else []

    def _check(self, lines: list[bytes]) -> None:
        if self._size > self._limit or any(len(line) > self._limit for line in lines):
            self._parts.clear()
            raise LineTooLong(self._limit)

    def _skip_bom(self, chunk: bytes) -> bytes:
        """`chunk` without the byte order mark, which may come in pieces."""
        held = (self._start or b"") + chunk
        if len(held) < len(_BOM) and _BOM.startswith(held):
            self._start = held
            return b""
        self._start = None
        return held.removeprefix(_BOM)
