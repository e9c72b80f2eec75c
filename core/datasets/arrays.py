"""The rows of a JSON array of any size, one after another, with their places: memory for one row and a little more.

Also JSON values that follow each other without commas and need not end with their lines (`bare`). Where a row ends is told by msgspec,
which complains about what follows a value and says where that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from core.datasets.exact import LONGEST_ROW, Flaw

_READ: Final = 512 * 1024
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_TOKEN = re.compile(rb'["\\{}\[\]]')
_QUOTE = re.compile(rb'["\\]')
_NEXT_ROW = re.compile(rb"[}\]][ \t\r\n]*,?[ \t\r\n]*(?=[{])")
_FIRST = re.compile(rb"[^ \t\r\n]")
_SPACE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Element:
    """One value as it stands. `size` may be more than `raw` holds: then it is too long."""

    line: int
    offset: int
    size: int
    raw: bytes


class ArrayReader:
    """Iterates over the values. `inside`: `start` is at one of them, not before the bracket.

    Afterwards `ended` says whether the closing bracket was there; `loose` are flaws between the values, with line and offset.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, *, line: int = 1, inside: bool = False, bare: bool = False) -> None:
        self._file, self._end = file, end
        self._data, self._base, self._at = b"", start, 0
        self._line, self._counted = line, 0
        self._inside, self._bare = inside or bare, bare
        self._decoder = msgspec.json.Decoder(msgspec.Raw)
        self.ended = bare
        self.loose: list[tuple[Flaw, int, int]] = []
        file.seek(start)

    def __iter__(self) -> Iterator[Element]:
        if not self._inside:
            if self._peek() != 0x5B:
                return
            self._at += 1
        comma = first = True
        while (byte := self._peek()) >= 0:
            if byte == 0x5D and not self._bare:
                self._close(dangling=comma and not first)
                return
            if byte == 0x2C and not self._bare:
                if comma:
                    self._note(Flaw("malformed", fields={"found": ",", "reason": ""}))
                self._at += 1
                comma = True
                continue
            if not comma and not self._bare:
                self._note(Flaw("malformed", fields={"found": self._shown(), "reason": "no comma"}))
            yield self._element()
            comma = first = False
        if not self.ended:
            self._note(Flaw("truncated", fields={"found": ""}))

    def _close(self, *, dangling: bool) -> None:
        if dangling:
            self._note(Flaw("trailing_comma"))
        self._at += 1
        self.ended = True
        if self._peek() >= 0:
            self._note(Flaw("malformed", fields={"found": self._shown(), "reason": "more after the array"}))

    def _note(self, flaw: Flaw) -> None:
        if len(self.loose) < 100:
            self.loose.append((flaw, self._line_at(self._at), self._base + self._at))

    def _shown(self) -> str:
        return self._data[self._at : self._at + 40].decode("utf-8", "replace")

    # Bytes -----------------------------------------------------------------------------------------------------------

    def _more(self) -> bool:
        """Drop what was passed and read on; False at the end."""
        place = self._base + len(self._data)
        chunk = self._file.read(min(_READ, self._end - place)) if place < self._end else b""
        if not chunk:
            return False
        self._line_at(self._at)
        self._data = self._data[self._at :] + chunk
        self._base, self._at, self._counted = self._base + self._at, 0, 0
        return True

    def _line_at(self, place: int) -> int:
        if place > self._counted:
            self._line += self._data.count(b"\n", self._counted, place)
            self._counted = place
        return self._line

    def _peek(self) -> int:
        """The next byte that is no space, or -1; stands on it."""
        while True:
            if found := _FIRST.search(self._data, self._at):
                self._at = found.start()
                return self._data[self._at]
            self._at = len(self._data)
            if not self._more():
                return -1

    # Values ----------------------------------------------------------------------------------------------------------

    def _element(self) -> Element:
        size = self._size()
        if size is None and len(self._data) - self._at > LONGEST_ROW:
            return self._long()
        if size is None:
            size = self._broken()
        line, offset, raw = self._line_at(self._at), self._base + self._at, self._data[self._at : self._at + size]
        self._at += size
        return Element(line, offset, size, raw)

    def _size(self) -> int | None:
        """Bytes of the value that begins here; None where it is broken, cut off or too long."""
        while True:
            view = memoryview(self._data)[self._at :]
            try:
                self._decoder.decode(view)
                if self._base + len(self._data) >= self._end:
                    return len(bytes(view).rstrip(_SPACE))
            except msgspec.DecodeError as error:
                if found := _TRAILING.search(str(error)):
                    return len(bytes(view[: int(found.group(1)) - 1]).rstrip(_SPACE))
                if "truncated" not in str(error):
                    return None
            except RecursionError:
                return None
            finally:
                view.release()
            if len(self._data) - self._at > LONGEST_ROW or not self._more():
                return None

    def _broken(self) -> int:
        """Bytes of what is no JSON: up to where the next row seems to begin."""
        begin = self._at + 1
        found = _NEXT_ROW.search(self._data, begin)
        while found is None and len(self._data) - self._at <= LONGEST_ROW and self._more():
            found = _NEXT_ROW.search(self._data, 1)
        if found is not None:
            return found.start() + 1 - self._at
        rest = self._data[self._at :].rstrip(_SPACE)
        return max(1, len(rest) - 1 if rest.endswith(b"]") and not self._bare and len(rest) > 1 else len(rest))

    def _long(self) -> Element:
        """Pass over a value that is too long to be held: brackets and quotes are counted up to its end."""
        line, offset, raw = self._line_at(self._at), self._base + self._at, self._data[self._at : self._at + 1024]
        level, quoted, place = 0, False, self._at
        while True:
            found = (_QUOTE if quoted else _TOKEN).search(self._data, place)
            if found is None:
                place = len(self._data)
                self._at = place
                if not self._more():
                    break
                place = self._at
                continue
            token, place = found.group(), found.end()
            if token == b"\\":
                if place >= len(self._data):
                    self._at = place
                    if not self._more():
                        break
                    place = self._at
                place += 1
            elif token == b'"':
                quoted = not quoted
            else:
                level += 1 if token in b"{[" else -1
            if level <= 0 and not quoted:
                break
        self._at = min(place, len(self._data))
        return Element(line, offset, self._base + self._at - offset, raw)
