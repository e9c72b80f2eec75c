"""Lines of a given width in cells, from runs of styled text. Chinese and Japanese break between characters, words do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style

from tui.widgets.markdown.steady import calm

Run = tuple[str, Style]
Line = list[Segment]

_WIDE = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6"
    "\U0001f000-\U0001faff\U00020000-\U0003fffd"
)
_JOINED = "(?:[\ufe0e\ufe0f\u0300-\u036f\u20d0-\u20ff\U0001f3fb-\U0001f3ff]|\u200d.)*"
#: A newline, blanks, one wide character with what is joined to it, or a narrow word (U+00A0 holds two words together).
_ATOM = re.compile(f"\n|[ \t]+|[{_WIDE}]{_JOINED}|(?:[^\\s{_WIDE}]|\u00a0)+|\\s")
_IS_WIDE = re.compile(f"[{_WIDE}]")
#: A line never begins with one of these nor ends with one of those (kinsoku), where the text itself has no blank.
_NOT_FIRST = frozenset("、。，．・：；？！）］｝」』】》〉〕”’…‥—々ーぁぃぅぇぉっゃゅょァィゥェォッャュョ,.!?;:)]}%°")
_NOT_LAST = frozenset("\u00a0（［｛「『【《〈〔“‘([{¥$￥")


class _Word:
    """Pieces that are never parted unless they do not fit on a line of their own."""

    __slots__ = ("cells", "pieces")

    def __init__(self) -> None:
        self.pieces: list[Run] = []
        self.cells = 0

    def add(self, text: str, style: Style, cells: int) -> None:
        self.pieces.append((text, style))
        self.cells += cells


class _Liner:
    """Fills lines greedily."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Line] = []
        self._texts: list[str] = []
        self._styles: list[Style] = []
        self._cells = 0
        self._blank: tuple[str, Style, int] | None = None

    def newline(self) -> None:
        self.lines.append([Segment(text, style) for text, style in zip(self._texts, self._styles, strict=True)])
        self._texts, self._styles, self._cells, self._blank = [], [], 0, None

    def blank(self, text: str, style: Style, *, keep: bool = False) -> None:
        """A place where the line may be broken. At the beginning of a line it is dropped, unless `keep`."""
        text = text.replace("\t", "    ")
        if self._cells:
            self._blank = (text, style, len(text))
        elif keep:
            self._put(text, style, min(len(text), max(0, self.width - 8)))

    def word(self, word: _Word) -> None:
        blank_cells = self._blank[2] if self._blank else 0
        if self._cells + blank_cells + word.cells > self.width and self._cells:
            self.newline()
        if self._blank:
            text, style, cells = self._blank
            self._put(text, style, cells)
            self._blank = None
        if self._cells + word.cells <= self.width:
            for text, style in word.pieces:
                self._put(text, style)
            self._cells += word.cells
            return
        self._chop(word)

    def _put(self, text: str, style: Style, cells: int = 0) -> None:
        if cells and cells < len(text):
            text = text[:cells]
        if self._styles and self._styles[-1] == style:
            self._texts[-1] += text
        else:
            self._texts.append(text)
            self._styles.append(style)
        self._cells += cells

    def _chop(self, word: _Word) -> None:
        for text, style in word.pieces:
            while text:
                room = self.width - self._cells
                head = (chop_cells(text, room) or [text])[0] if room > 0 else ""
                # Half of a wide character has no room: on a line of its own it takes what it needs.
                if (cell_len(head) > room and self._cells) or not head:
                    self.newline()
                    if self.width < 2:
                        head = text[:1]
                    else:
                        continue
                self._put(head, style)
                self._cells += cell_len(head)
                text = text[len(head) :]

    def finish(self) -> list[Line]:
        self.newline()
        return self.lines


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def wrap(runs: Iterable[Run], width: int, *, keep_indent: bool = False) -> list[Line]:
    """`runs` in lines of at most `width` cells, at least one line. A newline in the text ends a line.

    Blanks where a line is broken are dropped; `keep_indent` keeps those at the beginning of the text's own lines.
    """
    width = max(1, width)
    runs = list(runs)
    if len(runs) == 1 and len(runs[0][0]) <= width and runs[0][0].isascii() and runs[0][0].isprintable():
        text, style = runs[0]
        shown = text.rstrip() if keep_indent else text.strip()
        return [[Segment(shown, style)] if shown else []]
    liner = _Liner(width)
    word: _Word | None = None
    last = ""
    fresh = True
    for text, style in runs:
        for atom in _ATOM.findall(calm(text)):
            first = atom[0]
            if first in " \t\n" or (first.isspace() and first != "\u00a0"):
                if word:
                    liner.word(word)
                    word = None
                if first == "\n":
                    liner.newline()
                else:
                    liner.blank(atom, style, keep=keep_indent and fresh)
                fresh = first == "\n"
                continue
            fresh = False
            if word and _may_part(last, first):
                liner.word(word)
                word = None
            word = word or _Word()
            word.add(atom, style, _cells(atom))
            last = atom[-1]
    if word:
        liner.word(word)
    return liner.finish()


def _may_part(before: str, after: str) -> bool:
    """Whether a line may be broken between these neighbours, no blank being between them."""
    if after in _NOT_FIRST or before in _NOT_LAST:
        return False
    return bool(_IS_WIDE.match(after) or _IS_WIDE.match(before))


def verbatim(text: str, style: Style, width: int) -> list[Line]:
    """`text` line by line as it was typed: indentation and runs of blanks stay, long lines are wrapped."""
    return [line for row in text.split("\n") for line in wrap([(row, style)], width, keep_indent=True)]


def chopped(runs: Sequence[Run], width: int) -> list[Line]:
    """One line of code in lines of at most `width` cells, cut anywhere; nothing is dropped."""
    width = max(2, width)
    lines: list[Line] = [[]]
    room = width
    for text, style in runs:
        text = calm(text.expandtabs(4))
        while text:
            head = text[:room] if text.isascii() else next(iter(chop_cells(text, room)), "") if room > 1 else ""
            if not head or cell_len(head) > room:
                lines.append([])
                room = width
                continue
            _append(lines[-1], head, style)
            room -= _cells(head)
            text = text[len(head) :]
            if text and room <= 0:
                lines.append([])
                room = width
    return lines


def _append(line: Line, text: str, style: Style) -> None:
    """Add to the last segment where that looks the same: blanks have no colour of their own."""
    if line and (line[-1].style == style or text.isspace()):
        line[-1] = Segment(line[-1].text + text, line[-1].style)
    else:
        line.append(Segment(text, style))


def width_of(line: Iterable[Segment]) -> int:
    """Cells of a line."""
    return sum(_cells(segment.text) for segment in line)
