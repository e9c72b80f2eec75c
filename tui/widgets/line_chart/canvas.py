"""The cells of a plot: characters, and which style each has. Lines are drawn over each other, faint ones below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tui.widgets.line_chart.pyramid import Columns
from tui.widgets.line_chart.raster import BRAILLE, braille, dots
from tui.widgets.line_chart.scale import Scale

#: Style numbers: 0 nothing, 1 faint, 2 crosshair, 3 NaN; lines from FIRST on.
NOTHING, FAINT, POINTER, BROKEN, FIRST = 0, 1, 2, 3, 4
#: How lines are told apart without colours; the faint raw line under a smoothed one.
ASCII_LINES, ASCII_FAINT = "*+ox@%&=", "."


class Canvas:
    """`width` x `height` cells. `ascii_only`: whole cells instead of dots, a sign for each line."""

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        self.width, self.height, self.ascii_only = width, height, ascii_only
        self._bits: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
        self._styles: NDArray[np.int8] = np.zeros((height, width), np.int8)
        self._signs: dict[int, str] = {}
        self._over: list[tuple[NDArray[np.bool_], str, int]] = []

    @property
    def columns(self) -> int:
        """Columns of dots."""
        return self.width if self.ascii_only else 2 * self.width

    def line(self, columns: Columns, scale: Scale, style: int, sign: str) -> None:
        """Draw a line: where a strong one passes, the faint ones below it are gone."""
        rows = self.height if self.ascii_only else 4 * self.height
        drawn = dots(columns, scale, rows)
        bits = drawn.astype(np.uint8) if self.ascii_only else braille(drawn)
        here = bits > 0
        keeps = here & (self._styles >= FIRST) if style >= FIRST else here & (self._styles == FAINT)
        self._bits[here] = np.where(keeps, self._bits | bits, bits)[here]
        self._styles[here] = style
        self._signs[style] = sign

    def breaks(self, columns: Columns, sign: str) -> None:
        """Mark at the bottom where NaN was logged."""
        broken = columns.broken.reshape(self.width, -1).any(axis=1)
        if broken.any():
            cells = np.zeros((self.height, self.width), np.bool_)
            cells[-1] = broken
            self._over.append((cells, sign, BROKEN))

    def pointer(self, fraction: float, sign: str) -> None:
        """A vertical line at this part of the width, behind everything."""
        column = min(self.width - 1, max(0, int(fraction * self.width)))
        cells = np.zeros((self.height, self.width), np.bool_)
        cells[:, column] = self._styles[:, column] == NOTHING
        self._over.append((cells, sign, POINTER))

    def rows(self) -> list[list[tuple[str, int]]]:
        """Each row in stretches of one style."""
        if self.ascii_only:
            codes = np.full(self._bits.shape, ord(" "), "<u4")
            for style, sign in self._signs.items():
                codes[(self._styles == style) & (self._bits > 0)] = ord(sign)
        else:
            codes = np.where(self._bits > 0, self._bits.astype("<u4") + BRAILLE, ord(" ")).astype("<u4")
        styles = self._styles.copy()
        for cells, sign, style in self._over:
            codes[cells], styles[cells] = ord(sign), style
        return [_stretches(code, style) for code, style in zip(codes, styles, strict=True)]


def _stretches(codes: NDArray[np.uint32], styles: NDArray[np.int8]) -> list[tuple[str, int]]:
    text = codes.tobytes().decode("utf-32-le")
    borders: Sequence[int] = [0, *(np.flatnonzero(styles[1:] != styles[:-1]) + 1).tolist(), len(text)]
    return [(text[low:high], int(styles[low])) for low, high in pairwise(borders)]
