"""The 256 colours that most terminals have over SSH (COLORTERM does not travel by itself), and which of them comes nearest to a colour.

Rich rounds each of red, green and blue to the steps of the colour cube, which turns a dark blue ground into teal, two dark grounds into
one black, and text upon them into something hard to read. Here the eye decides: the distance is the one of CIE L*a*b*, in which
lightness counts most, since contrast, and so what can be read, depends on it.
"""

from __future__ import annotations

from functools import cache, lru_cache

Rgb = tuple[int, int, int]
Lab = tuple[float, float, float]
_STEPS = (0, 95, 135, 175, 215, 255)
#: By how much lightness counts more than the two axes of hue: with less, some text of the bright themes cannot be read on a marked row.
_LIGHTNESS = 10.0
#: The white that L*a*b* is measured by (D65), as X and Z; Y is 1.
_WHITE = (0.95047, 1.08883)


def rgb_of(number: int) -> Rgb:
    """Red, green and blue (0 to 255) of a colour of the palette, 16 to 255; the first sixteen are each terminal's own."""
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return level, level, level
    cell = number - 16
    return _STEPS[cell // 36], _STEPS[cell // 6 % 6], _STEPS[cell % 6]


@lru_cache(maxsize=4096)
def nearest(red: int, green: int, blue: int) -> int:
    """The number, 16 to 255, of the colour of the palette that looks most like this one (parts from 0 to 255)."""
    wanted = _lab((red, green, blue))
    return min(_palette(), key=lambda entry: _distance(wanted, entry[1]))[0]


@cache
def _palette() -> tuple[tuple[int, Lab], ...]:
    return tuple((number, _lab(rgb_of(number))) for number in range(16, 256))


def _distance(one: Lab, other: Lab) -> float:
    return _LIGHTNESS * (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _root(value: float) -> float:
    return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _lab(colour: Rgb) -> Lab:
    red, green, blue = (_linear(part) for part in colour)
    x = _root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / _WHITE[0])
    y = _root(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = _root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / _WHITE[1])
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
