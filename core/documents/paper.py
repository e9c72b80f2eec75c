"""Paper: a PDF that is written from the top down, in fonts of this machine. Lines are broken here, with the rules of Chinese as well.

fpdf2 makes the file and puts only those signs of a font into it that are used. Its own breaking of lines is too slow for hundreds of pages
and knows blanks only; `Paper` measures and places every line itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, BinaryIO, Final

from core.documents.drawing import Box, Drawing, Label, Stroke, rgb
from core.documents.fonts import Face, Fonts, find
from core.sanitise import sanitise

#: A4 and its margins in mm; how high a line is, in sizes of its letters.
WIDTH, HEIGHT, MARGIN, FOOT = 210.0, 297.0, 15.0, 14.0
ROOM: Final = WIDTH - 2 * MARGIN
_LEADING: Final = 1.4
#: mm of a point.
POINT: Final = 25.4 / 72
#: Marks that no line may begin with, and those that none may end with (CLREQ, line adjustment).
_CLOSING, _OPENING = "，。、；：？！）》」』】〕〉”’…,.;:?!)]}%", "（《「『【〔〈“‘([{"
_WIDE = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf"
    "\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffe6\U00020000-\U0003fffd"
)
_TOKEN = re.compile(
    rf"\s+|[{re.escape(_OPENING)}]*[{_WIDE}][{re.escape(_CLOSING)}]*|[^\s{_WIDE}{re.escape(_OPENING)}]+|[{re.escape(_OPENING)}]"
)
#: What the fonts that every reader brings cannot show (they know Latin-1), in signs that they can.
_PLAIN: Final = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "•": "·", "★": "*", "\u202f": " "}
)
_JOINERS: Final = dict.fromkeys((0x200D, 0xFE0E, 0xFE0F))
#: Signs that are wide in Chinese and narrow elsewhere.
_BOTH: Final = frozenset("“”‘’…—·×±°")
Colour = tuple[int, int, int]
TEXT, DIM, ACCENT, LINE, SOFT = (28, 31, 35), (92, 99, 107), (11, 105, 176), (217, 220, 224), (243, 245, 247)
GOOD, WARN, BAD = (11, 107, 63), (138, 75, 0), (168, 36, 27)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A font as fpdf2 knows it. `widths`: of a sign, in thousandths of its size, regular and bold."""

    family: str
    has: Mapping[int, Any]
    widths: tuple[Mapping[int, float], Mapping[int, float]]


class Paper:
    """Write with `heading`, `text`, `table` and `picture`, then `save`. `missing` counts signs that no font has; `chinese` says whether a
    font with Chinese signs was found. `page_words`: what stands at the foot of a page, with {page} and {pages}."""

    def __init__(self, title: str, language: str, made_at: datetime, page_words: str, fonts: Fonts | None = None) -> None:
        from fpdf import FPDF

        self._fonts = find() if fonts is None else fonts
        self.chinese, self.missing = self._fonts.chinese, 0
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_producer("modeltrain")
        self._page_words = page_words
        self._loaded = list(self._load())
        self._font_of: dict[str, _Loaded] = {}
        self._chinese_text = language.lower().startswith(("zh", "ja"))
        self._pdf.set_title(sanitise(title))
        self._pdf.set_lang(language)
        self._pdf.set_creation_date(made_at)
        self._pdf.add_page()
        self.y = MARGIN

    def save(self, target: BinaryIO) -> None:
        """Write the whole file, with the number of every page at its foot."""
        pages = len(self._pdf.pages)
        for page in range(1, pages + 1):
            self._pdf.page = page
            words = self.shown(self._page_words.replace("{page}", str(page)).replace("{pages}", str(pages)))
            self._pdf.set_font(self._pdf.font_family, "", 7)  # another one than below: a page begins with no font in force
            self.line(MARGIN, HEIGHT - MARGIN + 3, words, 8, colour=DIM)
        target.write(self._pdf.output())

    def room(self, height: float) -> None:
        """Begin a new page unless `height` mm are left on this one."""
        if self.y + height > HEIGHT - MARGIN - FOOT and self.y > MARGIN:
            self._pdf.add_page()
            self.y = MARGIN

    @property
    def page(self) -> int:
        """Which page is written on, from 1."""
        return int(self._pdf.page)

    @property
    def stand_in(self) -> str:
        """What stands where no font has the sign."""
        return "□" if self._loaded else "?"

    def space(self, height: float) -> None:
        self.y += height

    # Text ----------------------------------------------------------------------------------------------------------------

    def heading(self, text: str, size: float = 13.0, *, mark: int | None = 0, room: float = 0.0) -> None:
        """`mark`: its depth among the bookmarks, None to leave it out. `room`: mm that are to be left below it on the page."""
        self.room(size * POINT * 4 + room)
        self.space(size * POINT * 0.7)
        if mark is not None:
            self._pdf.set_y(self.y)
            self._pdf.start_section(self.shown(sanitise(text).replace("\n", " "))[:120], level=mark)
        self.text(text, size=size, bold=True)
        self.space(size * POINT * 0.25)

    def text(
        self,
        text: str,
        *,
        size: float = 9.5,
        bold: bool = False,
        colour: Colour = TEXT,
        indent: float = 0.0,
        bullet: str = "",
        most: int = 0,
    ) -> None:
        """A paragraph over the width of the page. `indent` in mm; `most` lines at most (0: all), then an ellipsis."""
        step = size * POINT * _LEADING
        for index, line in enumerate(self.lines(text, ROOM - indent, size, bold=bold, most=most)):
            self.room(step)
            if bullet and index == 0:
                self.line(MARGIN + indent - 3.5, self.y + step * 0.75, self.shown(bullet), size, bold=bold, colour=colour)
            self.line(MARGIN + indent, self.y + step * 0.75, line, size, bold=bold, colour=colour)
            self.y += step

    def fact(self, label: str, value: str, *, size: float = 9.5, room: float = 36.0) -> None:
        """A label and, beside it from `room` mm on, its value."""
        step = size * POINT * _LEADING
        values, labels = self.lines(value, ROOM - room, size), self.lines(label, room - 2, size)
        for index in range(max(len(values), len(labels))):
            self.room(step)
            for lines, x, colour in ((labels, MARGIN, DIM), (values, MARGIN + room, TEXT)):
                if index < len(lines):
                    self.line(x, self.y + step * 0.75, lines[index], size, colour=colour)
            self.y += step

    def item(self, texts: Sequence[tuple[str, dict[str, Any]]], colour: Colour, indent: float = 4.0) -> None:
        """Paragraphs (as for `text`) with a bar of `colour` beside them; the bar is left out where they go on to another page."""
        self.room(12)
        begin, page = self.y, self._pdf.page
        for text, how in texts:
            self.text(text, indent=indent, **how)
        if page == self._pdf.page:
            self.bar(MARGIN, begin + 0.6, 1.0, self.y - begin - 0.4, colour)
        self.space(1.8)

    def divider(self, room: float = 22.0) -> None:
        """A thin line over the page, with `room` mm below it at least."""
        self.room(room)
        self.rule(MARGIN, self.y + 1, WIDTH - MARGIN, self.y + 1)
        self.space(2.5)

    def lines(self, text: str, width: float, size: float, *, bold: bool = False, most: int = 0) -> list[str]:
        """`text` broken to fit into `width` mm, with nothing in it that acts; what no font has is already replaced."""
        found: list[str] = []
        for paragraph in self.shown(sanitise(text).expandtabs(4)).split("\n"):
            for line in self._broken(paragraph, width, size, bold):
                if most and len(found) == most:
                    found[-1] = found[-1].rstrip()[:-1] + ("…" if self._loaded else "...")
                    return found
                found.append(line)
        return found

    def shown(self, text: str) -> str:
        """`text` with a box for each sign that no font has; counts them. What only joins or chooses forms of others is left out."""
        text = text.translate(_JOINERS)
        if not self._loaded:
            plain = text.translate(_PLAIN).encode("latin-1", "replace").decode("latin-1")
            self.missing += sum(1 for old, new in zip(text.translate(_PLAIN), plain, strict=True) if old != new)
            return plain
        lacking = {sign for sign in set(text) if sign not in "\n " and not any(ord(sign) in font.has for font in self._loaded)}
        for blank in ("\u3000", "\u00a0", "\u202f"):
            if blank in lacking:
                lacking.discard(blank)
                text = text.replace(blank, " ")
        self.missing += sum(text.count(sign) for sign in lacking)
        return text.translate({ord(sign): "□" for sign in lacking})

    def _broken(self, text: str, width: float, size: float, bold: bool) -> Iterator[str]:
        """Greedy: as much as fits; a word that is wider than a line is cut anywhere."""
        most = width / (size * POINT) * 1000
        line, used = "", 0.0
        for token in _TOKEN.findall(text):
            wide = self._measure(token, bold)
            if used + wide <= most or (token.isspace() and not line):
                line, used = line + token, used + wide
                continue
            if line.strip():
                yield line.rstrip()
            line, used = ("", 0.0) if token.isspace() else (token, wide)
            while used > most:
                fit = self._fitting(line, most, bold)
                yield line[:fit]
                line = line[fit:]
                used = self._measure(line, bold)
        yield line.rstrip()

    def _fitting(self, text: str, most: float, bold: bool) -> int:
        """How many signs of `text` fit; one at least."""
        used = 0.0
        for index, sign in enumerate(text):
            used += self._measure(sign, bold)
            if used > most:
                return max(1, index)
        return len(text)

    def _measure(self, text: str, bold: bool) -> float:
        """The width in thousandths of the size."""
        if not self._loaded:
            self._pdf.set_font("Helvetica", "B" if bold else "", 10)
            return float(self._pdf.get_string_width(text)) / (10 * POINT) * 1000
        fonts = self._font_of
        return sum((fonts.get(sign) or self._chosen(sign)).widths[bold][ord(sign)] for sign in text)

    def _chosen(self, sign: str) -> _Loaded:
        """The font of a sign. Chinese fonts have quotation marks as wide as a letter: in other languages they are those of the other."""
        fonts = self._loaded[::-1] if sign in _BOTH and not self._chinese_text else self._loaded
        return self._font_of.setdefault(sign, next((font for font in fonts if ord(sign) in font.has), self._loaded[0]))

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """In mm."""
        return self._measure(text, bold) / 1000 * size * POINT

    def line(self, x: float, y: float, text: str, size: float, *, bold: bool = False, colour: Colour = TEXT) -> None:
        """One line whose letters stand on `y`; the signs must be in a font (`shown`)."""
        self._pdf.set_text_color(*colour)
        if not self._loaded:
            self._pdf.set_font("Helvetica", "B" if bold else "", size)
            self._pdf.text(x, y, text)
            return
        for font, part in self._runs(text):
            if part.strip():
                self._pdf.set_font(font.family, "B" if bold else "", size)
                self._pdf.text(x, y, part)
            x += self.width(part, size, bold=bold)

    def _runs(self, text: str) -> Iterator[tuple[_Loaded, str]]:
        """Stretches of one font each."""
        for _family, signs in groupby(text, key=lambda sign: (self._font_of.get(sign) or self._chosen(sign)).family):
            part = "".join(signs)
            yield self._chosen(part[0]), part

    # Tables and pictures -------------------------------------------------------------------------------------------------

    def bar(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(x, y, width, height, style="F")

    def rule(self, x1: float, y1: float, x2: float, y2: float, colour: Colour = LINE, width: float = 0.2) -> None:
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(width)
        self._pdf.line(x1, y1, x2, y2)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool], size: float = 7.5) -> None:
        """`right`: which columns are numbers. The head is repeated on every page; cells wrap; nothing is cut."""
        from core.documents.paper_tables import table

        table(self, head, rows, right=right, size=size)

    def picture(self, drawing: Drawing, width: float = ROOM) -> None:
        """A drawing, as wide as said in mm, never on two pages."""
        scale = width / drawing.width
        self.room(min(drawing.height * scale + 6, HEIGHT - 2 * MARGIN - FOOT))
        for shape in drawing.shapes:
            if isinstance(shape, Box):
                self.bar(
                    MARGIN + shape.x * scale, self.y + shape.y * scale, max(shape.width, 0) * scale, shape.height * scale, rgb(shape.colour)
                )
            elif isinstance(shape, Stroke):
                ends = (MARGIN + shape.x1 * scale, self.y + shape.y1 * scale, MARGIN + shape.x2 * scale, self.y + shape.y2 * scale)
                self.rule(*ends, colour=rgb(shape.colour), width=max(0.1, shape.width * scale))
            else:
                self._label(shape, scale)
        self.y += drawing.height * scale + 5

    def _label(self, label: Label, scale: float) -> None:
        size = label.size * scale / POINT
        text = self.shown(sanitise(label.text))
        wide = self.width(text, size, bold=label.bold)
        shift = {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
        self.line(MARGIN + label.x * scale - shift, self.y + label.y * scale, text, size, bold=label.bold, colour=rgb(label.colour))

    # Fonts ---------------------------------------------------------------------------------------------------------------

    def _load(self) -> Iterator[_Loaded]:
        for family, face in (("main", self._fonts.main), ("other", self._fonts.other)):
            if face is not None:
                yield self._loaded_face(family, face)

    def _loaded_face(self, family: str, face: Face) -> _Loaded:
        self._pdf.add_font(family, "", face.path, collection_font_number=face.number)
        heavy, number = (face.bold, face.bold_number) if face.bold is not None else (face.path, face.number)
        self._pdf.add_font(family, "B", heavy, collection_font_number=number)
        regular: Any = self._pdf.fonts[family]
        strong: Any = self._pdf.fonts[f"{family}B"]
        return _Loaded(family, regular.cmap, (regular.cw, strong.cw))
