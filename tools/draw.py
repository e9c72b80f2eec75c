"""Draw a terminal's screen (pyte) as a PNG picture, with the fonts of the machine: DejaVu Sans Mono and Noto Sans CJK."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pyte
from PIL import Image, ImageColor, ImageDraw, ImageFont
from rich.cells import cell_len

SIZE = 15
CELL_WIDTH, CELL_HEIGHT = 9, 19
#: Colours of a picture, letters' edges included: what one byte a pixel can name.
COLOURS = 240
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts", Path("/Library/Fonts"))
DEJAVU, NOTO = "fonts-dejavu-core", "fonts-noto-cjk"
NAMED = {
    "black": "#000000", "red": "#cd3131", "green": "#0dbc79", "brown": "#e5e510", "blue": "#2472c8", "magenta": "#bc3fbc",
    "cyan": "#11a8cd", "white": "#e5e5e5", "brightblack": "#666666", "brightred": "#f14c4c", "brightgreen": "#23d18b",
    "brightbrown": "#f5f543", "brightblue": "#3b8eea", "brightmagenta": "#d670d6", "brightcyan": "#29b8db", "brightwhite": "#ffffff",
}  # fmt: skip
#: Signs that terminals draw themselves, from edge to edge: the sides that a line leads to, from the middle of the cell.
LINES = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "lrud"}
#: Others of that kind: the part of the cell that is filled, as left, top, right, bottom in eighths.
BLOCKS = {"█": (0, 0, 8, 8), "▌": (0, 0, 4, 8), "▐": (4, 0, 8, 8), "▀": (0, 0, 8, 4), "▄": (0, 4, 8, 8), "▇": (0, 1, 8, 8)}


class FontMissing(RuntimeError):
    """No font file of the name was found; the message says which Debian package has it."""


@lru_cache
def font(name: str, package: str) -> ImageFont.FreeTypeFont:
    for folder in FOLDERS:
        for path in folder.rglob(name):
            # A .ttc holds the regional forms of the letters; the third is that of Simplified Chinese.
            return ImageFont.truetype(str(path), SIZE, index=2 if path.suffix == ".ttc" else 0)
    raise FontMissing(f"{name} is not installed; on Debian: apt-get install {package}")


@lru_cache(maxsize=4096)
def pick(text: str, bold: bool, italics: bool) -> ImageFont.FreeTypeFont:
    """The font for one cell: wide characters, and what DejaVu lacks, are in Noto."""
    wide = font("NotoSansCJK-Bold.ttc" if bold else "NotoSansCJK-Regular.ttc", NOTO)
    if cell_len(text[0]) == 2 and unicodedata.category(text[0]) != "So":
        return wide
    style = {(False, False): "", (True, False): "-Bold", (False, True): "-Oblique", (True, True): "-BoldOblique"}[bold, italics]
    plain = font("DejaVuSansMono.ttf", DEJAVU)
    if bytes(plain.getmask(text[0])) == bytes(plain.getmask("\U0010fffe")):
        return wide
    try:
        return font(f"DejaVuSansMono{style}.ttf", DEJAVU)
    except FontMissing:  # the package of the slanted ones is another
        return font("DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf", DEJAVU)


def colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return NAMED.get(name) or f"#{name}"


def draw_sign(pen: ImageDraw.ImageDraw, sign: str, left: int, top: int, front: str) -> bool:
    """Draw a line or block sign as terminals do; False for any other character."""
    right, bottom = left + CELL_WIDTH, top + CELL_HEIGHT
    if sign in BLOCKS:
        x0, y0, x1, y1 = BLOCKS[sign]
        box = (left + x0 * CELL_WIDTH // 8, top + y0 * CELL_HEIGHT // 8, left + x1 * CELL_WIDTH // 8 - 1, top + y1 * CELL_HEIGHT // 8 - 1)
        pen.rectangle(box, fill=front)
        return True
    if "\u2800" <= sign <= "\u28ff":
        draw_dots(pen, ord(sign) - 0x2800, left, top, front)
        return True
    if sign not in LINES:
        return False
    middle = (left + CELL_WIDTH // 2, top + CELL_HEIGHT // 2)
    ends = {"l": (left, middle[1]), "r": (right - 1, middle[1]), "u": (middle[0], top), "d": (middle[0], bottom - 1)}
    for side in LINES[sign]:
        pen.line((*middle, *ends[side]), fill=front)
    return True


def draw_dots(pen: ImageDraw.ImageDraw, dots: int, left: int, top: int, front: str) -> None:
    """The dots of a braille sign, of which charts are made; `dots`: a bit for each, as Unicode numbers them."""
    for bit, (column, row) in enumerate(((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))):
        if dots >> bit & 1:
            x, y = left + CELL_WIDTH * (2 * column + 1) // 4, top + CELL_HEIGHT * (2 * row + 1) // 8
            pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=front)


def draw(screen: pyte.Screen, path: Path, *, foreground: str = "#dddddd", background: str = "#111111") -> None:
    """Write the picture of `screen` to `path`; its folder is made."""
    image = Image.new("RGB", (screen.columns * CELL_WIDTH, screen.lines * CELL_HEIGHT), background)
    pen = ImageDraw.Draw(image)
    looks = {}
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            front, back = colour(cell.fg, foreground), colour(cell.bg, background)
            looks[x, y] = (back, front) if cell.reverse else (front, back)
            corner = (x * CELL_WIDTH, y * CELL_HEIGHT)
            pen.rectangle((*corner, corner[0] + CELL_WIDTH - 1, corner[1] + CELL_HEIGHT - 1), fill=looks[x, y][1])
    # Letters after all backgrounds: a wide one reaches into the next cell.
    for (x, y), (front, _back) in looks.items():
        cell = screen.buffer[y][x]
        left, top = x * CELL_WIDTH, y * CELL_HEIGHT
        if cell.data.strip() and not draw_sign(pen, cell.data, left, top, front):
            chosen = pick(cell.data, cell.bold, cell.italics)
            # Noto's letters stand lower in their line than DejaVu's.
            pen.text((left, top - 3 if "CJK" in str(chosen.path) else top), cell.data, font=chosen, fill=front)
        if cell.underscore:
            pen.line((left, top + CELL_HEIGHT - 2, left + CELL_WIDTH, top + CELL_HEIGHT - 2), fill=front)
        if cell.strikethrough:
            pen.line((left, top + CELL_HEIGHT // 2, left + CELL_WIDTH, top + CELL_HEIGHT // 2), fill=front)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(palette=colours_of(looks.values()), dither=Image.Dither.NONE).save(path, optimize=True)


def colours_of(looks: Iterable[tuple[str, str]]) -> Image.Image:
    """A palette of the colours that are drawn, and between each pair as many steps for the edges of letters as there is room for."""
    pairs = sorted(set(looks))
    steps = max(1, min(8, COLOURS // len(pairs)))
    found: dict[tuple[int, ...], None] = dict.fromkeys(ImageColor.getrgb(name) for pair in pairs for name in pair)
    for front, back in pairs:
        ends = ImageColor.getrgb(front), ImageColor.getrgb(back)
        found |= dict.fromkeys(tuple((a * step + b * (steps - step)) // steps for a, b in zip(*ends, strict=True)) for step in range(steps))
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for entry in list(found)[:256] for value in entry])
    return palette
