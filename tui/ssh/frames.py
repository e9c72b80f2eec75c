"""The frame of a terminal: what it shows now, cell by cell, and the shortest bytes that make it show something else.

Textual sends whole regions again when anything in them may have changed; over a thin link that is ten times what is needed. Here
only the cells that changed are sent, with as little moving of the cursor and changing of the style as possible. Terminals disagree
about the width of some characters (emoji of several parts, marks of variation): behind such a one the cursor is placed anew and what
it may have covered is sent again, so that a disagreement never shifts a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import repeat

from rich.cells import get_character_cell_size, split_graphemes
from rich.segment import Segment
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

from tui.ssh import scroll
from tui.ssh.colours import PLAIN, Abilities, Look, change, look_of

#: (column, line, strip): a part of a line to show.
Piece = tuple[int, int, Strip]
#: Up to so many unchanged cells are sent again rather than the cursor moved over them.
GAP = 4
#: From so many blanks on, erasing is shorter than sending them: at the end of what is sent, and in the middle.
_ERASE_LAST, _ERASE_AMID = 5, 10
#: Only characters of these alone are shown in the same width by every terminal, and are no larger than a cell.
_SURE_BELOW = "\u0300"
_SURE = ((0x2500, 0x25FF), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFF01, 0xFF60))
#: Lines and blocks in ASCII, one cell each: Textual draws its borders and scroll bars with them. What people wrote stays as it is.
_PLAIN = {
    **dict.fromkeys(range(9472, 9600), "+"),
    **dict.fromkeys((0x2500, 0x2501, 0x2504, 0x2505, 0x2508, 0x2509, 0x254C, 0x254D, 0x2550, 0x2574, 0x2576, 0x2578, 0x257A), "-"),
    **dict.fromkeys((0x2502, 0x2503, 0x2506, 0x2507, 0x250A, 0x250B, 0x254E, 0x254F, 0x2551, 0x2575, 0x2577, 0x2579, 0x257B), "|"),
    **dict.fromkeys(range(9600, 9632), "#"),
    0x2026: "~",
}


def move(from_x: int, from_y: int, x: int, y: int) -> str:
    """The shortest way of the cursor; -1 stands for a place that is not known."""
    if from_y != y:
        below = from_y >= 0 and y == from_y + 1
        return "\r\n" + _right(x) if below and x < 100 else f"\x1b[{y + 1 if y else ''}{f';{x + 1}' if x else ''}H"
    if from_x == x:
        return ""
    if x == 0:
        return "\r"
    if from_x < 0:
        return "\r" + _right(x)
    if x > from_x:
        return _right(x - from_x)
    return _left(from_x - x)


def _right(cells: int) -> str:
    return "" if not cells else "\x1b[C" if cells == 1 else f"\x1b[{cells}C"


def _left(cells: int) -> str:
    return "\x1b[D" if cells == 1 else f"\x1b[{cells}D"


class Cells:
    """The cells of a stretch of a line: `texts` (a character with its marks; "" behind a wide one, " " for a blank), `looks`."""

    __slots__ = ("looks", "texts")

    def __init__(self, texts: list[str], looks: list[Look]) -> None:
        self.texts, self.looks = texts, looks

    @classmethod
    def blank(cls, width: int) -> Cells:
        return cls([" "] * width, [PLAIN] * width)

    def __len__(self) -> int:
        return len(self.texts)

    def put(self, x: int, other: Cells) -> None:
        """Lay `other` over this from column `x` on."""
        end = x + len(other)
        self.texts[x:end], self.looks[x:end] = other.texts, other.looks

    def cut(self, width: int) -> None:
        """Keep the first `width` cells; half a character is a blank."""
        if len(self) > width:
            if width and not self.texts[width]:
                self.texts[width - 1] = " "
            del self.texts[width:], self.looks[width:]


@lru_cache(maxsize=4096)
def clusters(text: str) -> tuple[str, ...]:
    """The cells of `text`: each character with what belongs to it, "" behind a wide one. Nothing that could act on the terminal."""
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable() or character in "\u200d\u200c\u3000\u00a0")
    cells: list[str] = []
    last = -1  # where the character stands that the next mark belongs to
    for start, end, width in split_graphemes(text)[0]:
        if width:
            last = len(cells)
            cells.extend((text[start:end], *repeat("", width - 1)))
        elif last >= 0:
            cells[last] += text[start:end]
    return tuple(cells)


def cells_of(segments: Iterable[Segment], abilities: Abilities) -> Cells:
    """What `segments` look like on this terminal."""
    texts: list[str] = []
    looks: list[Look] = []
    depth = abilities.depth
    for text, style, control in segments:
        if control:
            continue
        before = len(texts)
        if abilities.plain and not text.isascii():
            text = text.translate(_PLAIN)
        texts.extend(text if text.isascii() and text.isprintable() else clusters(text))
        looks.extend(repeat(look_of(style, depth), len(texts) - before))
    return Cells(texts, looks)


@lru_cache(maxsize=4096)
def excess(text: str) -> int | None:
    """How many cells more than ours a terminal may give this cell; None where all agree."""
    if len(text) == 1 and (text < _SURE_BELOW or any(first <= ord(text) <= last for first, last in _SURE)):
        return None
    return max(1, sum(max(1, get_character_cell_size(character)) for character in text) - 1)


def pieces_of(update: LayoutUpdate | ChopsUpdate) -> Iterator[Piece]:
    """The parts of lines of an update of Textual's compositor."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for part in line:
                yield x, y, part
                x += part.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > last or end <= first:
                continue
            yield x, y, strip if first <= x < last and end <= last else strip.crop(0, min(end, last) - x)


class Frame:
    """What one terminal shows. `paint` gives what to send so that it shows something else as well."""

    def __init__(self, abilities: Abilities | None = None) -> None:
        self.abilities = abilities or Abilities()
        self.width = self.height = 0
        self.rows: list[Cells] = []
        self._look: Look | None = None
        #: Where the cursor is; a column of -1 is unknown, a line of -1 too.
        self._x = self._y = -1
        self._out: list[str] = []
        #: Whether the last painting left lines out because they had no room.
        self.unfinished = False
        self._next = 0

    def forget(self) -> None:
        """The terminal shows something unknown: the next painting erases it first."""
        self.width = self.height = 0

    def paint(
        self, pieces: Iterable[Piece], width: int, height: int, cursor: tuple[int, int] | None = None, *, room: int | None = None
    ) -> str:
        """What to send, "" for nothing, so that `pieces` are shown. `cursor`: the column and line where it is left.

        `room`: characters after which no further line is begun; then `unfinished` is true and the rest has to be painted again.
        """
        anew = (self.width, self.height) != (width, height)
        if anew:
            self._begin(width, height)
        wanted: dict[int, list[tuple[int, Cells]]] = {}
        for x, y, strip in pieces:
            if 0 <= y < height and 0 <= x < width:
                wanted.setdefault(y, []).append((x, cells_of(strip._segments, self.abilities)))
        if not anew and self.abilities.scrolls:
            self._scroll(wanted)
        self.unfinished = False
        for number, y in enumerate(self._order(wanted, cursor if room is not None else None)):
            if number and room is not None and sum(map(len, self._out)) > room:
                self.unfinished, self._next = True, y
                break
            for x, cells in self._joined(y, wanted[y]):
                self._paint_line(x, y, cells)
        if not self.unfinished:
            self._next = 0
        return self._taken(cursor)

    def _order(self, wanted: Iterable[int], cursor: tuple[int, int] | None) -> list[int]:
        """The lines to paint: that of the cursor first, where somebody types; then on from where the room ended the last time."""
        first = cursor[1] if cursor is not None else -1
        return sorted(wanted, key=lambda y: (y != first, y < self._next, y))

    def _begin(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [Cells.blank(width) for _line in range(height)]
        self._look, self._x, self._y = PLAIN, -1, -1
        self._out = ["\x1b[m\x1b[2J"]

    def _taken(self, cursor: tuple[int, int] | None) -> str:
        if not self._out:
            return ""
        if cursor is not None:
            self._go(*cursor)
        data = "".join(self._out)
        self._out = []
        return data

    # Scrolling -----------------------------------------------------------------------------------------------------

    def _scroll(self, wanted: dict[int, list[tuple[int, Cells]]]) -> None:
        """Let the terminal move lines where that saves sending them; `wanted` has then what is left to do."""
        shift = scroll.find(self.rows, wanted)
        if shift is None:
            return
        targets: dict[int, Cells] = {}
        for y in range(shift.first, shift.last + 1):
            line = targets[y] = Cells(self.rows[y].texts.copy(), self.rows[y].looks.copy())
            parts = [(x, Cells(cells.texts.copy(), cells.looks.copy())) for x, cells in wanted.get(y, ())]
            for x, cells in self._joined(y, parts) if parts else ():
                line.put(x, cells)
        if not scroll.pays(shift, self.rows, targets):
            return
        moved = dict(shift.sources())
        rows = {y: self.rows[moved[y]] if y in moved else Cells.blank(self.width) for y in targets}
        self._wear(PLAIN)
        # Up: new lines below the last one; down: above the first one. Every terminal with regions knows these two.
        edge, step = (shift.last, "\n") if shift.lines > 0 else (shift.first, "\x1bM")
        self._out.append(f"\x1b[{shift.first + 1};{shift.last + 1}r\x1b[{edge + 1}H{step * abs(shift.lines)}\x1b[r")
        self._x = self._y = -1
        for y, line in targets.items():
            self.rows[y], wanted[y] = rows[y], [(0, line)]

    # Lines ---------------------------------------------------------------------------------------------------------

    def _joined(self, y: int, parts: list[tuple[int, Cells]]) -> Iterator[tuple[int, Cells]]:
        """Parts that touch as one, cut to the width, mended where they cut a wide character of what is shown."""
        parts.sort(key=lambda part: part[0])
        x, whole = parts[0][0], parts[0][1]
        for start, cells in parts[1:]:
            if start == x + len(whole):
                whole.texts += cells.texts
                whole.looks += cells.looks
            else:
                yield self._mended(x, y, whole)
                x, whole = start, cells
        yield self._mended(x, y, whole)

    def _mended(self, x: int, y: int, cells: Cells) -> tuple[int, Cells]:
        cells.cut(self.width - x)
        row, end = self.rows[y], x + len(cells)
        if len(cells) and end < self.width and not row.texts[end]:
            cells.texts.append(" ")
            cells.looks.append(row.looks[end])
        if len(cells) and x > 0 and not row.texts[x]:
            x -= 1
            cells.texts.insert(0, " ")
            cells.looks.insert(0, row.looks[x])
        return x, cells

    def _paint_line(self, x: int, y: int, new: Cells) -> None:
        row, end = self.rows[y], x + len(new)
        if row.texts[x:end] == new.texts and row.looks[x:end] == new.looks:
            return
        old_texts, old_looks = row.texts[x:end], row.looks[x:end]
        dirty = [
            text != old_text or (look is not old_look and look != old_look)
            for text, old_text, look, old_look in zip(new.texts, old_texts, new.looks, old_looks, strict=True)
        ]
        at = 0
        while True:
            try:
                at = dirty.index(True, at)
            except ValueError:
                break
            at = self._send(x, y, new, dirty, at)
        row.put(x, new)

    def _send(self, x: int, y: int, new: Cells, dirty: list[bool], at: int) -> int:
        """Send the cells from `at` on until some that need not be sent; how far it went."""
        texts = new.texts
        while at and not texts[at]:
            at -= 1
        while at < len(dirty) and (dirty[at] or self._bridges(new, dirty, at)):
            self._go(x + at, y)
            blanks = self._erase(new, dirty, at) if texts[at] == " " else 0
            at += blanks or self._send_cell(x, y, new, dirty, at)
        return at

    def _bridges(self, new: Cells, dirty: list[bool], at: int) -> bool:
        """Whether sending unchanged cells is shorter than moving over them: the next changed one is near, in the same look."""
        ahead = next((near for near in range(at + 1, min(at + GAP, len(dirty))) if dirty[near]), None)
        if ahead is None:
            return False
        return all(new.looks[near] == self._look and excess(new.texts[near] or " ") is None for near in range(at, ahead))

    def _send_cell(self, x: int, y: int, new: Cells, dirty: list[bool], at: int) -> int:
        """Send one character; how many cells it takes."""
        text = new.texts[at]
        self._wear(new.looks[at])
        following = at + 1
        while following < len(dirty) and not new.texts[following]:
            following += 1
        more = excess(text)
        if more is not None and following > at + 1:
            # Nothing old shows beside it where the terminal takes it for a narrower one.
            self._out.append("  ")
            self._x = -1
            self._go(x + at, y)
        self._out.append(text)
        # Behind the last column terminals do not agree where the cursor is.
        self._x = x + following if more is None and x + following < self.width else -1
        if more is not None:
            self._cover(x, y, new, dirty, following, more)
        return following - at

    def _cover(self, x: int, y: int, new: Cells, dirty: list[bool], start: int, count: int) -> None:
        """Send `count` cells from `start` on again: the character before them may have been taken for a wider one."""
        row, end = self.rows[y], min(start + count, self.width - x)
        while len(dirty) < end or (x + len(dirty) < self.width and not row.texts[x + len(dirty)]):
            new.texts.append(row.texts[x + len(dirty)])
            new.looks.append(row.looks[x + len(dirty)])
            dirty.append(False)
        for at in range(start, min(end, len(dirty))):
            dirty[at] = True

    def _erase(self, new: Cells, dirty: list[bool], at: int) -> int:
        """Erase the blanks from `at` on if that is shorter than sending them; how many."""
        look, texts, looks = new.looks[at], new.texts, new.looks
        if look.shows_on_blanks or (look.back and not self.abilities.bce):
            return 0
        end = at
        while end < len(dirty) and texts[end] == " " and (looks[end] is look or looks[end] == look):
            end += 1
        goes_on = end < len(dirty) and dirty[end]
        if not goes_on:
            while not dirty[end - 1]:
                end -= 1
        if end - at < (_ERASE_AMID if goes_on else _ERASE_LAST):
            return 0
        if self._x + end - at == self.width:
            self._wear(look)
            self._out.append("\x1b[K")
        elif self.abilities.ech:
            self._wear(look)
            self._out.append(f"\x1b[{end - at}X")
        else:
            return 0
        return end - at

    # The pen -------------------------------------------------------------------------------------------------------

    def _wear(self, look: Look) -> None:
        if look is not self._look:
            self._out.append(change(self._look, look, singly=self.abilities.ends_singly))
            self._look = look

    def _go(self, x: int, y: int) -> None:
        self._out.append(move(self._x, self._y, x, y))
        self._x, self._y = x, y
