"""Run by core/logs/patterns.py as a program of its own (standard library only): holds a regular expression against each line of a file.

Arguments: file descriptor, from, to (bytes, where lines begin), "on" or "back", "fold" or "exact". The pattern comes on standard input.
Writes one line "FROM TO LINE" for each line of the file with a match: the bytes of the first match, and where the
line begins. Backwards the last line comes first.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

_SIZE = 1 << 20
#: A line is looked at up to this many bytes at once, as the viewer cuts lines.
_PIECE = 64 * 1024

Region = tuple[int, bytes]


def required(pattern: str, flags: int) -> bytes:
    """ASCII letters that every match has next to each other, b"" if none can be told: lines without them need no closer look."""
    parser: Any = re._parser  # type: ignore[attr-defined]
    try:
        parsed = parser.parse(pattern, flags)
    except Exception:
        return b""
    if (parsed.state.flags ^ flags) & (re.VERBOSE | re.IGNORECASE):
        return b""  # set in the expression itself: (?i)
    best = run = b""
    for operation, argument in parsed:
        is_letter = str(operation) == "LITERAL" and argument < 128
        run = run + bytes([argument]) if is_letter else b""
        best = max(best, run, key=len)
    return best if len(best) >= 2 else b""


def chunks(file: int, start: int, end: int, back: bool) -> Iterator[Region]:
    """Whole lines, about a MiB at a time."""
    if back:
        while start < end:
            low = max(start, end - _SIZE)
            data = os.pread(file, end - low, low)
            cut = data.find(b"\n", 0, len(data) - 1) + 1 if low > start else 0
            yield low + cut, data[cut:]
            end = low + cut if cut or low == start else low
        return
    while start < end:
        data = os.pread(file, min(_SIZE, end - start), start)
        if not data:
            return
        cut = data.rfind(b"\n") + 1 if start + len(data) < end else len(data)
        data = data[: cut or len(data)]
        yield start, data
        start += len(data)


def matches(base: int, data: bytes, expression: re.Pattern[str], literal: bytes, fold: bool) -> Iterator[tuple[int, int, int]]:
    """The first match of each line of `data`."""
    looked_at = data.lower() if fold and literal else data
    place = 0
    while place < len(data):
        if literal:
            found = looked_at.find(literal, place)
            if found < 0:
                return
            place = max(place, data.rfind(b"\n", place, found) + 1)
        stop = data.find(b"\n", place)
        stop = len(data) if stop < 0 else stop
        line = data[place : min(stop, place + 2 * _PIECE)]
        if hit := expression.search(line.decode("utf-8", "replace").removesuffix("\r")):
            low, high = (len(_bytes_before(line, edge)) for edge in hit.span())
            yield base + place + low, base + place + high, base + place
        place = stop + 1


def _bytes_before(line: bytes, characters: int) -> bytes:
    """The bytes that decode to the first `characters`; where some are no UTF-8, as many as those stand for."""
    try:
        return line.decode("utf-8")[:characters].encode("utf-8")
    except UnicodeDecodeError:
        low, high = 0, len(line)
        while low < high:
            middle = (low + high) // 2
            if len(line[:middle].decode("utf-8", "replace")) < characters:
                low = middle + 1
            else:
                high = middle
        return line[:low]


def main() -> None:
    file, start, end = (int(argument) for argument in sys.argv[1:4])
    back, fold = sys.argv[4] == "back", sys.argv[5] == "fold"
    pattern = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    flags = re.IGNORECASE if fold else 0
    expression, literal = re.compile(pattern, flags), required(pattern, flags)
    literal = literal.lower() if fold else literal
    for base, data in chunks(file, start, end, back):
        found = list(matches(base, data, expression, literal, fold)) if back else matches(base, data, expression, literal, fold)
        for low, high, line in reversed(found) if isinstance(found, list) else found:
            sys.stdout.write(f"{low} {high} {line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
