"""Draw a terminal's screen (pyte) as a PNG picture, with the fonts of the machine: DejaVu Sans Mono and Noto Sans CJK."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len

SIZE = 15
CELL_WIDTH, CELL_HEIGHT = 9, 19
FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts", Path("/Library/Fonts"))
NAMED = {
    "black": "#000000", "red": "#cd3131", "green": "#0dbc79", "brown": "#e5e510", "blue": "#2472c8", "magenta": "#bc3fbc",
    "cyan": "#11a8cd", "white": "#e5e5e5", "brightblack": "#666666", "brightred": "#f14c4c", "brightgreen": "#23d18b",
    "brightbrown": "#f5f543", "brightblue": "#3b8eea", "brightmagenta": "#d670d6", "brightcyan": "#29b8db", "brightwhite": "#ffffff",
}  # fmt: skip


class FontMissing(RuntimeError):
    """No font file of the name was found; the message says which Debian package has it."""


@lru_cache
def font(name: str, package: str) -> ImageFont.FreeTypeFont:
    for folder in FOLDERS:
        for path in folder.rglob(name):
            return ImageFont.truetype(str(path), SIZE)
    raise FontMissing(f"{name} is not installed; on Debian: apt-get install {package}")


def pick(text: str, bold: bool) -> ImageFont.FreeTypeFont:
    if cell_len(text[0]) == 2 and unicodedata.category(text[0]) != "So":
        return font("NotoSansCJK-Regular.ttc", "fonts-noto-cjk")
    return font("DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf", "fonts-dejavu-core")


def colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return NAMED.get(name) or f"#{name}"


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
        if not cell.data.strip():
            continue
        left, top = x * CELL_WIDTH, y * CELL_HEIGHT
        pen.text((left, top), cell.data, font=pick(cell.data, cell.bold), fill=front)
        if cell.underscore:
            pen.line((left, top + CELL_HEIGHT - 2, left + CELL_WIDTH, top + CELL_HEIGHT - 2), fill=front)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(64).save(path, optimize=True)
