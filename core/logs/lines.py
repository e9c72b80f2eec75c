"""Where lines begin and end, looked up around a place without knowing what is before it.

A line without an end in sight is cut into pieces at multiples of PIECE bytes of the file, so that every lookup is bounded: a piece
begins behind a line end, or at a multiple of PIECE before which a whole PIECE holds no line end. Whoever looks finds the same pieces.
"""

from __future__ import annotations

from core.logs.opened import Opened
from core.logs.types import PIECE, Line

#: Bytes read at once when going through lines: the longest piece, or many common lines.
_CHUNK = 2 * PIECE
#: Most line ends are found so near; bytes that a line has at most, most of the time.
_NEAR, _USUAL = 1024, 256


def line_start(opened: Opened, offset: int) -> int:
    """Where the line (or piece, or hole) begins that holds the byte at `offset`, which is in the file."""
    low, _high, is_hole = opened.region(offset)
    if is_hole:
        return low
    if offset == low:
        return low
    near = max(low, offset - _NEAR)
    found = opened.read(near, offset).rfind(b"\n")
    if found >= 0:
        return near + found + 1
    border = offset - offset % PIECE
    first = max(low, border - PIECE)
    found = opened.read(first, offset).rfind(b"\n")
    if found >= 0:
        return first + found + 1
    return border if border - PIECE >= low else low


def forward(opened: Opened, start: int, count: int, end: int | None = None) -> list[Line]:
    """Up to `count` lines from `start` on, where one begins; none that begins at `end` or behind it."""
    lines: list[Line] = []
    end = opened.size if end is None else min(end, opened.size)
    while len(lines) < count and start < end:
        low, high, is_hole = opened.region(start)
        if is_hole:
            lines.append(Line(low, high, kind="hole"))
            start = high
            continue
        made = _split(opened, start, high, min(end, high), low, count - len(lines))
        if not made:
            break
        lines += made
        start = made[-1].end
    return lines


def _split(opened: Opened, start: int, high: int, end: int, low: int, count: int) -> list[Line]:
    """Lines of one stretch of data that ends at `high`. One chunk is read: the caller asks again."""
    data = opened.read(start, min(high, start + _CHUNK))
    lines: list[Line] = []
    base, begins = start, start == 0 or (start > low and opened.read(start - 1, start) == b"\n")
    while len(lines) < count and start < end:
        cut = (-(-start // PIECE) + 1) * PIECE
        found = data.find(b"\n", start - base, cut - base)
        if found >= 0:
            line = Line(start, base + found + 1, _without_end(data[start - base : found]), begins=begins)
            begins = True
        elif base + len(data) < min(cut, high):
            if not lines and base + len(data) == start:
                break  # the file was cut meanwhile
            if not lines:
                return [Line(start, base + len(data), data[start - base :], begins=begins)]
            break  # not wholly in this chunk
        else:
            stop = min(cut, high)
            line = Line(start, stop, data[start - base : stop - base], begins=begins, ends=stop == opened.size and stop < cut)
            begins = False
        lines.append(line)
        start = line.end
    return lines


def _without_end(data: bytes) -> bytes:
    """Without the CR of a CRLF."""
    return data[:-1] if data.endswith(b"\r") else data


def backward(opened: Opened, offset: int, count: int) -> list[Line]:
    """Up to `count` lines before the one that holds the byte at `offset` (before the end, if it is the size of the file)."""
    stop = line_start(opened, offset) if offset < opened.size else opened.size
    found: list[Line] = []
    reach = min(_CHUNK, max(_NEAR, _USUAL * count))
    while len(found) < count and stop > 0:
        low, _high, is_hole = opened.region(stop - 1)
        if is_hole:
            found.insert(0, Line(low, stop, kind="hole"))
            stop = low
            continue
        start = line_start(opened, max(low, stop - reach))
        lines: list[Line] = []
        place = start
        while place < stop:
            lines += (more := forward(opened, place, 1 << 30, stop))
            if not more:
                break
            place = more[-1].end
        found = lines[-(count - len(found)) :] + found
        stop, reach = start, min(_CHUNK, 4 * reach)
    return found[-count:] if count else []
