"""Pictures as plain shapes, drawn once and painted twice: as SVG into HTML (`svg`) and into PDF (paper)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

#: Fills of series, told apart also by who sees few colours (Okabe and Ito, darkened where white paper needs it); dark themes swap them.
COLOURS: Final = ("#0b69b0", "#c2570c", "#00805d", "#8e4a86", "#9a7200", "#2a7fa8", "#a8322d", "#5b6770")
ON_DARK: Final = ("#5cb0f2", "#f5965a", "#3fc79c", "#d893ce", "#e0b93f", "#8fd0ee", "#f08b86", "#aab4bd")
#: Ink of what is no series: name -> colour on white, colour on dark.
INK: Final = {"text": ("#1c1f23", "#e6e8eb"), "dim": ("#5c636b", "#a2abb5"), "grid": ("#d9dce0", "#3a4048"), "mark": ("#1c1f23", "#e6e8eb")}
#: Size of text, and of the average Latin letter in it, in the picture's own units.
TEXT, _LETTER = 12.0, 0.56


@dataclass(frozen=True, slots=True)
class Box:
    """`colour`: number of a series, or a name of INK. `title`: what a pointer over it is told."""

    x: float
    y: float
    width: float
    height: float
    colour: int | str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Stroke:
    x1: float
    y1: float
    x2: float
    y2: float
    colour: int | str = "grid"
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Label:
    """`y` is the line that letters stand on."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    colour: int | str = "text"
    bold: bool = False
    size: float = TEXT


@dataclass(frozen=True, slots=True)
class Drawing:
    """`title` and `summary` say in words what is seen: for who hears the page instead."""

    title: str
    width: float
    height: float
    summary: str = ""
    shapes: tuple[Box | Stroke | Label, ...] = field(default=())


def text_width(text: str, size: float = TEXT) -> float:
    """About how wide `text` is, in units; wide signs (Chinese) count as the square they fill."""
    wide = sum(1 for sign in text if unicodedata.east_asian_width(sign) in "WF")
    return (wide + (len(text) - wide) * _LETTER) * size


def fitted(text: str, room: float, size: float = TEXT) -> str:
    """`text`, cut with an ellipsis to fit into `room` units."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def svg(drawing: Drawing, name: str) -> str:
    """The picture as an element that goes into HTML. `name`: unique in the page. Every text is escaped; colours come from `stylesheet`."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(drawing.title)}</title>'
        f'<desc id="{name}-d">{escape(drawing.summary)}</desc>'
    ]
    parts += [_shape(shape) for shape in drawing.shapes]
    return "".join([*parts, "</svg>"])


def _shape(shape: Box | Stroke | Label) -> str:
    if isinstance(shape, Box):
        told = f"<title>{escape(shape.title)}</title>" if shape.title else ""
        place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(max(shape.width, 0))}" height="{_n(shape.height)}"'
        return f'<rect {place} class="{_class("f", shape.colour)}">{told}</rect>'
    if isinstance(shape, Stroke):
        place = f'x1="{_n(shape.x1)}" y1="{_n(shape.y1)}" x2="{_n(shape.x2)}" y2="{_n(shape.y2)}"'
        return f'<line {place} class="{_class("s", shape.colour)}" stroke-width="{_n(shape.width)}"/>'
    weight = ' font-weight="600"' if shape.bold else ""
    anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"'
    return f'<text {place}{anchor}{weight} class="{_class("f", shape.colour)}">{escape(shape.text)}</text>'


def _class(kind: str, colour: int | str) -> str:
    return f"{kind}-{colour % len(COLOURS) if isinstance(colour, int) else colour}"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def stylesheet(colours: Sequence[str] = COLOURS, *, dark: bool = False) -> str:
    """The rules that colour what `svg` makes."""
    named = [(str(index), colour) for index, colour in enumerate(colours)]
    named += [(name, pair[dark]) for name, pair in INK.items()]
    return "".join(f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}" for name, colour in named)


def rgb(colour: int | str) -> tuple[int, int, int]:
    """A shape's colour on white, 0..255 each."""
    value = COLOURS[colour % len(COLOURS)] if isinstance(colour, int) else INK[colour][0]
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
