"""Blocks of Markdown as lines of segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from core.sanitise import one_line
from tui.widgets.markdown.highlight import highlighted
from tui.widgets.markdown.inline import runs_of
from tui.widgets.markdown.look import Look
from tui.widgets.markdown.maths import readable
from tui.widgets.markdown.parser import DEEPEST, parser
from tui.widgets.markdown.table import render_table
from tui.widgets.markdown.wrap import Line, chopped, verbatim, wrap

#: Cells that the innermost text keeps, however deep quotes and lists are nested.
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """A code block in rendered lines: from line `first` up to, not including, `end`."""

    first: int
    end: int
    text: str
    language: str


@dataclass(slots=True)
class Rendered:
    """The lines of a block, none padded, and the code blocks in them."""

    lines: list[Line] = field(default_factory=list)
    codes: list[CodeSpan] = field(default_factory=list)


def render(source: str, width: int, look: Look, *, live: bool = False) -> Rendered:
    """`source` (sanitised Markdown) in lines of at most `width` cells. `live`: it still grows, so a code block at its end stays plain."""
    tokens = parser().parse(source)
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return Rendered(verbatim(source, look.text, width))
    writer = _Writer(width, look, last_line=source.count("\n") if live else -1)
    writer.source = source.split("\n")
    writer.blocks(tokens)
    return writer.done


@dataclass(slots=True)
class _Margin:
    """What stands left of the text: `first` on its first line (a bullet), `rest` on all others. Same width."""

    first: Line
    rest: Line
    cells: int
    used: bool = False


class _Writer:
    """Walks block tokens; margins of quotes and lists are a stack."""

    def __init__(self, width: int, look: Look, last_line: int) -> None:
        self.done = Rendered()
        self.source: list[str] = []
        self._look = look
        self._full = width
        self._margins: list[_Margin] = []
        self._last_line = last_line
        self._depth = 0

    @property
    def _width(self) -> int:
        return max(min(_NARROWEST, self._full), self._full - sum(margin.cells for margin in self._margins))

    def _put(self, line: Line) -> None:
        if not self._margins:
            self.done.lines.append(line)
            return
        whole: Line = []
        for margin in self._margins:
            whole.extend(margin.rest if margin.used else margin.first)
            margin.used = True
        whole.extend(line)
        self.done.lines.append(whole)

    def blocks(self, tokens: Sequence[Token], tight: bool = False) -> None:
        """All sibling blocks of `tokens`, with the blank lines that the source has between them."""
        place = 0
        first = True
        while place < len(tokens):
            token = tokens[place]
            end = _end_of(tokens, place)
            if not first and not tight and self._gap_before(token):
                self._put([])
            self._block(token, tokens[place + 1 : end], tokens[end] if end > place else token)
            first = False
            place = end + 1

    def _gap_before(self, token: Token) -> bool:
        if token.type == "heading_open":
            return True
        if not token.map or token.map[0] == 0:
            return False
        above = self.source[token.map[0] - 1] if token.map[0] - 1 < len(self.source) else ""
        return not above.strip(" \t>")

    def _block(self, token: Token, inner: Sequence[Token], _close: Token) -> None:
        kind = token.type
        if kind == "paragraph_open":
            self._text(inner[0].children, self._look.text)
        elif kind == "inline":
            self._text(token.children, self._look.text)
        elif kind == "heading_open":
            self._heading(token, inner[0])
        elif kind in ("fence", "code_block"):
            self._code(token)
        elif kind in ("bullet_list_open", "ordered_list_open"):
            self._list(token, inner)
        elif kind == "blockquote_open":
            self._quote(inner)
        elif kind == "table_open":
            for line in render_table(inner, self._width, self._look):
                self._put(line)
        elif kind == "hr":
            self._put([Segment(self._look.marks.horizontal * self._width, self._look.rule)])
        elif kind == "maths_block":
            self._maths(token)
        else:
            for line in verbatim(token.content.rstrip("\n"), self._look.text, self._width):
                self._put(line)

    def _text(self, children: Sequence[Token] | None, style: Style) -> None:
        for line in wrap(runs_of(children, self._look, style), self._width):
            self._put(line)

    def _heading(self, token: Token, inline: Token) -> None:
        level = int(token.tag[1:]) if token.tag[1:].isdigit() else 1
        style = self._look.heading if level <= 3 else self._look.strong
        lines = wrap(runs_of(inline.children, self._look, style), self._width)
        for line in lines:
            self._put(line)
        if level == 1 and lines:
            longest = max(sum(cell_len(segment.text) for segment in line) for line in lines)
            self._put([Segment(self._look.marks.horizontal * max(1, longest), self._look.rule)])

    def _quote(self, inner: Sequence[Token]) -> None:
        bar = [Segment(self._look.marks.quote + " ", self._look.quote)]
        self._inside(_Margin(bar, bar, 2), inner)

    def _inside(self, margin: _Margin, inner: Sequence[Token], tight: bool = False) -> None:
        self._margins.append(margin)
        before = len(self.done.lines)
        self.blocks(inner, tight)
        if len(self.done.lines) == before:
            self._put([])
        self._margins.pop()

    def _list(self, token: Token, inner: Sequence[Token]) -> None:
        ordered = token.type == "ordered_list_open"
        number = int(token.attrs.get("start", 1)) if ordered else 0
        items = _items(inner)
        digits = len(str(number + len(items) - 1)) if ordered else 0
        self._depth += 1
        for order, item in enumerate(items):
            opener = item[0]
            if order and opener.map and not self.source[opener.map[0] - 1].strip(" \t>"):
                self._put([])
            mark = f"{number + order:>{digits}}{opener.markup or '.'} " if ordered else self._bullet(item)
            style = self._look.dim
            margin = _Margin([Segment(mark, style)], [Segment(" " * cell_len(mark), self._look.text)], cell_len(mark))
            self._inside(margin, item[1:-1])
        self._depth -= 1

    def _bullet(self, item: Sequence[Token]) -> str:
        """The bullet of the level, or the box of a task, whose mark is taken out of the text."""
        marks = self._look.marks
        inline = next((token for token in item[1:4] if token.type == "inline"), None)
        if inline is not None and inline.children and inline.content[:4].lower() in ("[ ] ", "[x] "):
            first = inline.children[0]
            if first.type == "text" and first.content[:4].lower() in ("[ ] ", "[x] "):
                box = marks.box_open if first.content[1] == " " else marks.box_done
                first.content = first.content[4:]
                return f"{box} "
        return f"{marks.bullets[(self._depth - 1) % len(marks.bullets)]} "

    def _maths(self, token: Token) -> None:
        text = readable(token.content)
        for row in text.replace("\\\\", "\n").split("\n"):
            for line in wrap([("  " + row.strip().replace("&", ""), self._look.text + self._look.maths)], self._width, keep_indent=True):
                self._put(line)
        if token.info:
            self._put([Segment(token.info, self._look.text)])

    def _code(self, token: Token) -> None:
        code = token.content.removesuffix("\n")
        language = one_line(token.info.split()[0].strip("{}.:,") if token.info.strip() else "", 20)
        growing = self._last_line >= 0 and token.map is not None and token.map[1] >= self._last_line
        first = len(self.done.lines)
        width, look = self._width, self._look
        self._put(self._box_top(language, width))
        side = Segment(look.marks.vertical, look.rule)
        for row in highlighted(code, language.lower(), look, plain=growing):
            for line in chopped(row, width - 4):
                used = sum(cell_len(segment.text) for segment in line)
                self._put([side, Segment(" ", look.code_text), *line, Segment(" " * max(0, width - 3 - used), look.code_text), side])
        self._put([Segment(look.marks.corners[2] + look.marks.horizontal * (width - 2) + look.marks.corners[3], look.rule)])
        self.done.codes.append(CodeSpan(first, len(self.done.lines), code, language))

    def _box_top(self, language: str, width: int) -> Line:
        look = self._look
        line = look.marks.horizontal
        label = f" {language} " if language else ""
        hint = f" {look.copy_hint} " if look.copy_hint else ""
        if cell_len(label) + cell_len(hint) + 6 > width:
            hint = ""
        if cell_len(label) + 4 > width:
            label = set_cell_size(label, max(0, width - 4))
        filler = line * max(0, width - 3 - cell_len(label) - cell_len(hint) - (1 if hint else 0))
        top: Line = [Segment(look.marks.corners[0], look.rule)]
        if label:
            top.append(Segment(label, look.dim))
        else:
            filler += ""
        top.append(Segment(filler, look.rule))
        if hint:
            top.append(Segment(hint, look.dim))
            top.append(Segment(line, look.rule))
        used = sum(cell_len(segment.text) for segment in top)
        top.append(Segment(line * max(0, width - 1 - used) + look.marks.corners[1], look.rule))
        return top


def _end_of(tokens: Sequence[Token], place: int) -> int:
    """The place of the token that closes the one at `place` (itself where it opens nothing)."""
    if tokens[place].nesting != 1:
        return place
    depth = 0
    for index in range(place, len(tokens)):
        depth += tokens[index].nesting
        if depth == 0:
            return index
    return len(tokens) - 1


def _items(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """The list items among `tokens`, each from its opening to its closing token."""
    items: list[Sequence[Token]] = []
    place = 0
    while place < len(tokens):
        end = _end_of(tokens, place)
        items.append(tokens[place : end + 1])
        place = end + 1
    return items
